//! Quiet hours and a cool-down are set in the editor, and what they do is seen on the automation's page.

use serde_json::{Value, json};

use crate::process::{Data, Listener, path_text, record};
use crate::stage::Stage;

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
    page.fill("Name", "VIP complaints");
    page.click("Quiet hours and cool-down");
    page.choose("One alert per", "account");
    page.fill("For", "soon");
    page.fill("Days and hours", "at night");
    page.click("Save changes");
    page.sees("must be a duration from 1m to 7d");
    page.sees("must be days and hours, as in mon-fri 20:00-07:00");
    page.fill("Account’s metadata field", "account_id");
    page.fill("For", "2h");
    page.fill("Days and hours", "mon-fri 20:00-07:00\nsat,sun 00:00-24:00");
    page.fill("Time zone", "Europe/Berlin");
    page.choose("But not from this escalation level on", "extreme");
    if script {
        page.accessible();
    }
    page.click("Save changes");
    page.sees("Created.");
    page.sees("one alert in 2h for each account, by the metadata account_id");
    page.sees("from extreme on alerts go out all the same");
    page.sees("Nothing was held back so far.");

    let list = stage.service.ok("GET", "/v1/automations", &Value::Null);
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    let records: Vec<Value> = ["r-1", "r-2"]
        .into_iter()
        .map(|id| {
            let mut record = record(id);
            record["metadata"] = json!({"account_id": "A-7"});
            record
        })
        .collect();
    stage.service.ok("POST", "/v1/records", &json!({"records": records}));
    page.go(&format!("/automations/{id}"));
    page.sees("1 alert was held back");
    page.row("r-2").sees("extreme");
    if script {
        page.accessible();
    }
    page.go(&format!("/automations/{id}/edit"));
    assert_eq!(page.field("Time zone").value, "Europe/Berlin");
    assert_eq!(page.field("For").value, "2h");
}

#[test]
fn quiet_hours_and_a_cool_down_are_set_and_seen() {
    walk(true);
}

#[test]
fn quiet_hours_and_a_cool_down_are_set_without_a_script() {
    walk(false);
}
