//! Signing in, automations, their editor, records, and what is refused.

use belfry::web::token::Right;
use serde_json::{Value, json};

use crate::service::until;
use crate::told::Looker;

fn automation(looker: &Looker) -> String {
    let made = looker.service.ok(
        "POST",
        "/v1/automations",
        &json!({
            "name": "Enterprise escalations", "active": true,
            "filter": {"all": [
                {"field": "segment", "op": "eq", "value": "enterprise"},
                {"any": [{"field": "channel", "op": "in", "value": ["email", "phone"]},
                         {"field": "metadata.arr", "op": "gte", "value": 50_000}]},
            ]},
            "minimum_levels": {"escalation_level": "high"},
            "integrations": [
                {"kind": "webhook", "name": "Operations", "url": "https://ops.example.com/hook",
                 "auth": {"method": "bearer", "credential": "sentinel-told"}},
                {"kind": "webhook", "url": "https://pager.example.com/", "auth": {"method": "none"},
                 "condition": {"field": "tags", "op": "eq", "value": "vip"}},
            ],
        }),
    );
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn signing_in() {
    let mut looker = Looker::with(Right::Editor);
    looker.sees("password", "/password");
    looker.sees_after("password-wrong", 422, "/password", "present=x&password=short&again=other");
    looker.signs_out();
    looker.sees("sign-in", "/sign-in?next=%2Frecords");
    looker.sees_after("sign-in-wrong", 422, "/sign-in", "next=%2F&name=ada&password=wrong");
    looker.sees("welcome", "/welcome");
    let form = "code=wrong&name=ada&password=long+enough+as+it+is&again=long+enough+as+it+is";
    looker.sees_after("welcome-wrong", 422, "/welcome", form);
}

#[test]
fn automations_and_their_editor() {
    let mut looker = Looker::with(Right::Editor);
    looker.sees("automations-empty", "/automations");
    looker.sees("editor-new", "/automations/new");
    let open = "do=apply+0&%2Fname=Outages&%2Ffilter%3Amatch=all\
        &%2Ffilter%3A0%3Afield=content&%2Ffilter%3A0%3Aop=matches&%2Ffilter%3A0%3Avalue=%28lawyer\
        &%2Fintegrations%2F0%3Akey=0198a3c0-0000-7000-8000-000000000001&%2Fintegrations%2F0%3Astage=new\
        &%2Fintegrations%2F0%2Furl=ops.example.com&%2Fintegrations%2F0%2Fauth%2Fmethod=bearer";
    looker.sees_after("editor-webhook-wrong", 200, "/automations/new", open);
    let save = open.replace("apply+0", "save");
    looker.sees_after("editor-wrong", 422, "/automations/new", &save);
    let id = automation(&looker);
    looker.sees("automations", "/automations");
    looker.sees("automation", &format!("/automations/{id}"));
    looker.sees("automation-delete", &format!("/automations/{id}/delete"));
    let edit = format!("/automations/{id}/edit");
    looker.sees("editor", &edit);
    let conflict = "do=save&version=0&%2Fname=Mine&%2Factive=on&%2Ffilter%3Amatch=all";
    looker.sees_after("editor-conflict", 409, &edit, conflict);
    for path in ["edit", "active", "delete"] {
        looker.refuses_other_sites(&format!("/automations/{id}/{path}"));
    }
    looker.refuses_other_sites("/sign-out");
    looker.becomes(Right::Viewer);
    looker.sees("automations-viewer", "/automations");
    looker.sees_with("refusal-403", 403, &edit);
    looker.sees_with("refusal-404", 404, "/automations/0198a3c0-0000-7000-8000-000000000009");
}

#[test]
fn a_relay_and_its_editor() {
    let mut looker = Looker::with(Right::Editor);
    let made = looker.service.ok(
        "POST",
        "/v1/automations",
        &json!({
            "name": "From the other system", "trigger": "relay",
            "inbound_auth": {"method": "custom_header", "header_name": "X-Relay-Secret",
                             "credential": "sentinel-relay"},
            "integrations": [
                {"kind": "webhook", "name": "Pager", "url": "https://ok.example.com/",
                 "condition": {"field": "levels.escalation_level", "op": "eq", "value": "apocalyptic"}},
            ],
        }),
    );
    let id = made["id"].as_str().unwrap().to_owned();
    looker.sees("automation-relay", &format!("/automations/{id}"));
    let edit = format!("/automations/{id}/edit");
    looker.sees("editor-relay", &edit);
    let wrong = "do=save&%2Fname=Relay&%2Ftrigger=relay\
        &%2Finbound_auth%3Akey=0198a3c0-0000-7000-8000-000000000001\
        &%2Finbound_auth%2Fmethod=custom_header&%2Finbound_auth%2Fheader_name=Host";
    looker.sees_after("editor-relay-wrong", 422, "/automations/new", wrong);
    let body = json!({"automation_id": "their:automation", "org_id": 7, "more": {"<b>": [1.50]},
        "levels": {"escalation_level": "apocalyptic", "tone": "dry"},
        "record": {"id": "their-record", "url": "javascript:alert(1)", "content_excerpt": "<script>"}});
    let headers = [("content-type", "application/json"), ("x-relay-secret", "sentinel-relay")];
    let path = format!("/relay/{id}");
    let posted = looker.service.call("", "POST", &path, &headers, body.to_string().as_bytes());
    let alert = posted.json()["alert"].as_str().unwrap().to_owned();
    let delivered = || {
        let all = looker.service.ok("GET", "/v1/deliveries?state=delivered", &Value::Null);
        all["data"].as_array().unwrap().len() == 1
    };
    until("it is delivered", delivered);
    looker.sees("alert-relayed", &format!("/alerts/{alert}"));
    looker.sees("delivery-relayed", "/deliveries/dlv_1");
}

#[test]
fn records() {
    let mut looker = Looker::with(Right::Editor);
    looker.sees("records", "/records");
    automation(&looker);
    let record = json!({"id": "ticket-1", "org_id": "acme", "source": "zendesk", "segment": "enterprise",
        "channel": "email", "content": "I will call my lawyer.",
        "levels": {"escalation_level": "extreme", "emotional_intensity_level": "high"}});
    let form = |records: &Value| -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("records", &records.to_string())
            .finish()
    };
    let both = form(&json!([record, {"id": "", "content": 7}]));
    looker.sees_after("records-dry-run", 200, "/records/dry-run", &both);
    looker.sees_after("records-wrong", 400, "/records/dry-run", "records=nonsense");
    let unjudged = json!({"id": "ticket-2", "org_id": "acme", "source": "zendesk", "segment": "enterprise",
        "channel": "email", "content": "I am furious, and I will call my lawyer!"});
    looker.sees_after("records-found", 200, "/records/dry-run", &form(&unjudged));
    looker.sees_after("records-sent", 200, "/records/send", &form(&record));
}

#[test]
fn deliveries_without_any() {
    let mut looker = Looker::with(Right::Viewer);
    looker.sees("deliveries-empty", "/deliveries");
}
