//! People, tokens, the audit log and the settings.

use std::time::Duration;

use belfry::web::token::Right;
use serde_json::{Value, json};

use crate::told::Looker;

#[test]
fn people() {
    let mut looker = Looker::with(Right::Admin);
    // People are listed in the order in which they were added.
    looker.service.clock.pass(Duration::from_mins(1));
    let made = looker.service.ok(
        "POST",
        "/v1/users",
        &json!({"name": "grace@example.com", "role": "editor", "password": "sentinel-password"}),
    );
    let grace = format!("/people/{}", made["id"].as_str().expect("an id"));
    looker.sees("people", "/people");
    looker.sees("person-new", "/people/new");
    let wrong = "once=1&name=&role=owner&how=typed&password=short&again=other";
    looker.sees_after("person-new-wrong", 422, "/people/new", wrong);
    looker.sees("person", &grace);
    looker.sees_after("person-wrong", 422, &grace, "name=&role=viewer");
    looker.sees("person-remove", &format!("{grace}/remove"));
}

#[test]
fn tokens() {
    let mut looker = Looker::with(Right::Admin);
    let wrong = "once=1&name=&role=root&life=day&day=yesterday";
    looker.sees("token-new", "/tokens/new");
    looker.sees_after("token-new-wrong", 422, "/tokens/new", wrong);
    let made = looker.service.ok(
        "POST",
        "/v1/tokens",
        &json!({"name": "Zendesk feeder", "role": "ingest", "expires_at": "2099-01-01T00:00:00Z"}),
    );
    let id = made["id"].as_str().expect("an id").to_owned();
    looker.sees("tokens", "/tokens");
    looker.sees("token-revoke", &format!("/tokens/{id}/revoke"));
    looker.service.ok("DELETE", &format!("/v1/tokens/{id}"), &Value::Null);
    looker.sees("tokens-revoked", "/tokens");
}

#[test]
fn inbound_integrations() {
    let mut looker = Looker::with(Right::Editor);
    looker.sees("inbound-empty", "/inbound");
    looker.sees("inbound-new", "/inbound/new");
    let wrong = "once=1&name=&org_id=&link_field=";
    looker.sees_after("inbound-new-wrong", 422, "/inbound/new", wrong);
    let made = looker.service.ok(
        "POST",
        "/v1/inbound",
        &json!({"name": "ZendeskSupport <b>", "org_id": "acme", "link_field": "ticket_url"}),
    );
    let id = made["id"].as_str().expect("an id").to_owned();
    looker.sees("inbound", "/inbound");
    looker.sees("inbound-delete", &format!("/inbound/{id}/delete"));
    looker.refuses_other_sites(&format!("/inbound/{id}/delete"));
    looker.becomes(Right::Viewer);
    looker.sees("inbound-viewer", "/inbound");
}

#[test]
fn the_audit_log() {
    let mut looker = Looker::with(Right::Admin);
    let made = looker.service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "Outages", "active": true, "integrations": []}),
    );
    let path = format!("/v1/automations/{}", made["id"].as_str().expect("an id"));
    looker.service.ok("PATCH", &path, &json!({"name": "All outages", "active": false}));
    looker.sees("audit", "/audit");
    looker.sees("audit-none", "/audit?actor=nobody");
    looker.sees_with("audit-wrong", 422, "/audit?since=yesterday");
}

#[test]
fn settings() {
    let mut looker = Looker::with(Right::Admin);
    looker.sees("settings", "/settings");
    looker.sees_after("settings-tried", 200, "/settings/try", "url=https%3A%2F%2F127.0.0.1%2F");
    looker.sees_after("settings-wrong", 422, "/settings/try", "url=gopher%3A%2F%2Fthere");
    looker.becomes(Right::Viewer);
    looker.sees("settings-viewer", "/settings");
}
