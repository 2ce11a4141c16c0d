//! A dry run of a record without levels tells who judged it, and marks the words that moved an axis; the alert's page
//! tells the same later.

use serde_json::{Value, json};

use crate::page::place;
use crate::process::{Data, Listener, path_text};
use crate::stage::Stage;

fn walk(script: bool) {
    let data = Data::init();
    let receiver = Listener::start(&data, "receiver", &[]);
    let trusted = path_text(&receiver.ca);
    let Some(stage) = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &trusted)]) else {
        return;
    };
    stage.automation(&json!({
        "name": "Threats", "active": true, "minimum_levels": {"escalation_level": "high"},
        "integrations": [{"kind": "webhook", "name": "Operations", "url": format!("{}/hook", receiver.url),
                          "auth": {"method": "none"}}],
    }));
    let page = stage.signed_in("editor").blank();
    if !script {
        page.without_script();
    }
    // The page begins with a record that shows what the detector does.
    page.go("/records");
    page.click("Dry run");
    page.sees("What would happen");
    page.sees("Why: the record brings no levels; they were found in its words");
    page.sees("\"call my lawyer\": the customer thinks of lawyers or courts");
    page.sees("fires");
    if script {
        let marked = "[...document.querySelectorAll('mark.escalates')].map(mark => mark.textContent).join('|')";
        let marked = page.run(marked);
        let marked = marked.as_str().unwrap();
        assert!(marked.contains("third time|") && marked.contains("call my lawyer"), "{marked}");
        page.accessible();
        if std::env::var_os("BELFRY_SCREENSHOTS").is_some() {
            page.picture(&place("screenshots").join("dry-run-light.png"));
            page.dark();
            page.picture(&place("screenshots").join("dry-run-dark.png"));
            page.light();
        }
    }
    page.click("Send");
    page.sees("One record was taken.");
    let list = stage.service.ok("GET", "/v1/deliveries?record_id=sample-1", &Value::Null);
    let alert = list["data"][0]["alert_id"].as_str().unwrap().to_owned();
    page.go(&format!("/alerts/{alert}"));
    page.sees("Why it fired");
    page.sees("\"call my lawyer\": the customer thinks of lawyers or courts");
}

#[test]
fn a_dry_run_marks_the_words_and_the_alert_keeps_the_reasons() {
    walk(true);
}

#[test]
fn a_dry_run_tells_its_reasons_without_a_script() {
    walk(false);
}
