//! The log of deliveries, one delivery in each of its states, its alert, and the questions before an act.

use std::time::Duration;

use belfry::web::token::Right;
use serde_json::{Value, json};

use crate::service::{Service, until};
use crate::told::Looker;

/// A destination of that answer, and a record that goes there.
fn send(service: &Service, path: &str, record: &str) {
    let url = format!("https://receiver.test{path}");
    service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": format!("Outages to {path}"), "active": true,
            "filter": {"field": "id", "op": "eq", "value": record},
            "integrations": [{"kind": "webhook", "name": path, "url": url, "signing": true,
                "retry": {"base": "1h", "cap": "1h", "horizon": "1m"},
                "auth": {"method": "bearer", "credential": "sentinel-credential"}}]}),
    );
    let record = json!({"id": record, "org_id": "acme", "source": "Gong",
        "source_url": "https://gong.test/calls/7?a=1&b=2", "content": "Nobody answers <me>.",
        "levels": {"escalation_level": "extreme", "emotional_intensity_level": "high",
                   "sentiment_shift": "sentiment degraded"}});
    service.ok("POST", "/v1/records", &json!({"records": [record]}));
}

fn wait_for(service: &Service, state: &str, attempts: u64) {
    until(state, || {
        let list = service.ok("GET", &format!("/v1/deliveries?state={state}"), &Value::Null);
        list["data"].as_array().is_some_and(|all| {
            all.iter().any(|each| each["attempt_count"].as_u64() == Some(attempts))
        })
    });
}

#[test]
fn deliveries_in_each_state() {
    let mut looker = Looker::with(Right::Editor);
    send(&looker.service, "/hook", "ticket-1");
    wait_for(&looker.service, "delivered", 1);
    looker.sees("delivery-delivered", "/deliveries/dlv_1?attempt=1");
    send(&looker.service, "/status/503", "ticket-2");
    wait_for(&looker.service, "pending", 1);
    looker.sees("delivery-waiting", "/deliveries/dlv_2?attempt=1");
    looker.sees("delivery-discard", "/deliveries/dlv_2/discard");
    looker.sees("delivery-discard-late", "/deliveries/dlv_1/discard");
    // An hour later it is tried past its horizon, and given up.
    looker.service.clock.pass(Duration::from_hours(2));
    looker.service.ok("POST", "/v1/deliveries/dlv_2/retry", &Value::Null);
    wait_for(&looker.service, "dead", 2);
    looker.sees("delivery-dead", "/deliveries/dlv_2");
    looker.sees("deliveries", "/deliveries");
    looker.sees("deliveries-filtered", "/deliveries?state=dead&within=24h");
    looker.sees_with("deliveries-wrong", 422, "/deliveries?state=lost");
    looker.sees("deliveries-retry", "/deliveries/retry?state=dead");
    looker.sees("deliveries-discard", "/deliveries/discard?state=dead");
    looker.sees("deliveries-discard-none", "/deliveries/discard?state=pending");
    let delivery = looker.service.ok("GET", "/v1/deliveries/dlv_2", &Value::Null);
    let alert = delivery["alert_id"].as_str().expect("an id").to_owned();
    looker.sees("alert", &format!("/alerts/{alert}"));
    looker.sees_after("delivery-refused", 409, "/deliveries/dlv_1/discard", "pressed=1");
    looker.becomes(Right::Viewer);
    looker.sees("delivery-viewer", "/deliveries/dlv_2");
}

#[test]
fn an_alert_whose_levels_were_found() {
    let mut looker = Looker::with(Right::Viewer);
    looker.service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "Threats", "active": true,
            "integrations": [{"kind": "webhook", "name": "Operations",
                "url": "https://receiver.test/hook", "auth": {"method": "none"}}]}),
    );
    let unjudged = json!({"id": "ticket-1", "org_id": "acme", "source": "zendesk",
        "content": "I am furious, and I will call my lawyer!"});
    let taken = looker.service.ok("POST", "/v1/records", &json!({"records": [unjudged]}));
    let alert = taken["alerts"][0]["id"].as_str().expect("an id").to_owned();
    wait_for(&looker.service, "delivered", 1);
    looker.sees("alert-found", &format!("/alerts/{alert}"));
    looker.sees("delivery-found", "/deliveries/dlv_1");
}
