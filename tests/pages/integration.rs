//! The pages of one destination and the overview.

use std::time::Duration;

use belfry::domain::latency::Histogram;
use belfry::domain::minutes::{Counts, Levels, Minute, minute_of};
use belfry::engine::ports::Clock as _;
use belfry::web::token::Right;
use serde_json::{Value, json};

use crate::service::{Service, until, wait};
use crate::told::Looker;

/// What a form without fields sends: an address may not be asked for without any body.
const PRESSED: &str = "pressed=1";

/// An automation with one destination; the destination's id.
fn destination(service: &Service, name: &str, path: &str) -> String {
    let url = format!("https://receiver.test{path}");
    let made = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": format!("Outages to {name}"), "active": true, "integrations": [
            {"kind": "webhook", "name": name, "url": url, "signing": true,
             "auth": {"method": "bearer", "credential": "sentinel-credential"}}]}),
    );
    made["integrations"][0]["id"].as_str().unwrap().to_owned()
}

fn send(service: &Service, records: usize) {
    for number in 0..records {
        let record = json!({"id": format!("ticket-{number}"), "org_id": "acme", "source": "Gong",
            "content": "Nobody answers me.", "levels": {"escalation_level": "extreme",
            "emotional_intensity_level": "extreme"}});
        service.ok("POST", "/v1/records", &json!({"records": [record]}));
    }
}

fn state(service: &Service, id: &str) -> Value {
    service.ok("GET", &format!("/v1/integrations/{id}"), &Value::Null)["state"].clone()
}

#[test]
fn a_destination_that_nothing_was_sent_to() {
    let mut looker = Looker::with(Right::Editor);
    let id = destination(&looker.service, "Operations", "/hook");
    let page = format!("/integrations/{id}");
    looker.sees("integration-fresh", &page);
    looker.sees_after("integration-tested", 200, &format!("{page}/test"), PRESSED);
    looker.sees_after(
        "integration-rotated",
        200,
        &format!("{page}/rotate-signing-secret"),
        PRESSED,
    );
    looker.sees("integration-retry-none", &format!("{page}/retry-dead"));
    looker.becomes(Right::Viewer);
    looker.sees("integration-viewer", &page);
}

#[test]
fn a_destination_that_takes_what_it_gets() {
    let mut looker = Looker::with(Right::Editor);
    let id = destination(&looker.service, "Operations", "/hook");
    send(&looker.service, 2);
    until("both arrived", || {
        let state = state(&looker.service, &id);
        state["pending"] == 0 && state["in_flight"] == 0
    });
    looker.sees("integration-healthy", &format!("/integrations/{id}"));
    looker.service.ok("POST", &format!("/v1/integrations/{id}/pause"), &Value::Null);
    looker.service.clock.pass(Duration::from_mins(5));
    looker.sees("integration-paused", &format!("/integrations/{id}"));
}

#[test]
fn destinations_that_fail() {
    let mut looker = Looker::with(Right::Editor);
    let failing = destination(&looker.service, "Pager", "/status/401");
    send(&looker.service, 5);
    until("the circuit is open", || state(&looker.service, &failing)["circuit"] == "open");
    looker.sees("integration-failing", &format!("/integrations/{failing}"));
    let path = format!("/integrations/{failing}/test");
    looker.sees_after("integration-test-failed", 200, &path, PRESSED);
    let gone = destination(&looker.service, "Old desk", "/status/410");
    send(&looker.service, 6);
    until("it is disabled", || state(&looker.service, &gone)["status"] == "disabled");
    looker.sees("integration-disabled", &format!("/integrations/{gone}"));
    // Somebody whose page is an old one presses what is gone meanwhile.
    let path = format!("/integrations/{gone}/pause");
    looker.sees_after("integration-refused", 409, &path, PRESSED);
    looker.sees("overview-trouble", "/");
}

#[test]
fn the_overview_of_a_fresh_service_and_of_one_that_runs() {
    let mut looker = Looker::with(Right::Viewer);
    looker.sees("overview-fresh", "/");
    destination(&looker.service, "Operations", "/hook");
    looker.sees("overview-begun", "/");
    send(&looker.service, 1);
    let now = looker.service.clock.now();
    for ago in 1..30 {
        let mut latency = Histogram::default();
        latency.observe(Duration::from_millis(80 + 10 * ago));
        let counts = Counts {
            accepted: ago,
            delivered: ago,
            failed: ago % 3,
            dead: 0,
            discarded: 0,
            latency,
        };
        let levels = Some(Levels { waiting: ago % 7, dead: 0 });
        let at = minute_of(now.minus(Duration::from_mins(ago)));
        wait(looker.service.store.add_minute(Minute { at, counts, levels })).unwrap();
    }
    until("it arrived", || {
        let list = looker.service.ok("GET", "/v1/deliveries?state=delivered", &Value::Null);
        list["data"].as_array().is_some_and(|all| all.len() == 1)
    });
    looker.sees("overview-healthy", "/?span=day");
    looker.sees("automations-alerts", "/automations");
}
