//! A relay is made in the browser, an alert is posted to its address, and it arrives.

use serde_json::{Value, json};

use crate::process::{Data, Listener, path_text, wait_until};
use crate::stage::Stage;

/// What is typed. The service's end looks for it in the data and the log.
const CREDENTIAL: &str = "sentinel-relay-51d0c3";

fn walk(script: bool) {
    let data = Data::init();
    let receiver = Listener::start(&data, "receiver", &[]);
    let trusted = path_text(&receiver.ca);
    let Some(stage) = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &trusted)]) else {
        return;
    };
    let page = stage.signed_in("editor").blank();
    if !script {
        page.without_script();
    }
    page.go("/automations/new");
    page.fill("Name", "From the other system");
    page.has("heading", "Feedback filter");
    page.lacks("heading", "Relay");
    page.choose(
        "What it listens to",
        "Alerts of another system (relay) It passes on what is posted to its own address.",
    );
    page.has("heading", "Relay");
    page.lacks("heading", "Feedback filter");
    let relay = page.part("Relay");
    relay.choose("Sender’s authentication method", "API Key (X-API-Key)");
    relay.fill("Sender’s credential", CREDENTIAL);
    page.part("Alerts").click("Add webhook");
    page.part("New webhook").fill("URL", &format!("{}/hook", receiver.url));
    page.part("New webhook").click("Add webhook");
    page.sees("Typed. It is stored, sealed, when you save the changes.");
    if script {
        page.accessible();
    }
    page.click("Save changes");
    page.sees("Created. Its sender posts to the address below.");
    page.sees("API Key (X-API-Key) · credential set");
    let list = stage.service.ok("GET", "/v1/automations", &Value::Null);
    let path = list["data"][0]["inbound_url"].as_str().unwrap().to_owned();
    page.sees(&path);

    let body = json!({"automation_id": "a", "record": {"id": "r"}}).to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: belfry\r\nconnection: close\r\nx-api-key: {CREDENTIAL}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = crate::client::exchange(stage.service.addr, request.as_bytes());
    assert_eq!(answer.status, 202, "{answer:?}");
    wait_until("the alert arrives", || receiver.taken().len() == 1);

    page.go("/automations");
    page.row("From the other system").sees("relay");
    page.click("From the other system");
    page.click("Edit");
    page.part("Relay").sees("It is stored sealed and never shown.");
    page.click("Replace the sender’s credential");
    page.has("textbox", "Sender’s credential");
}

#[test]
fn a_relay_is_made_and_used() {
    walk(true);
}

#[test]
fn a_relay_is_made_without_a_script() {
    walk(false);
}
