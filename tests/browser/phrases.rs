//! An organisation's phrases are tried, saved, fought over and deleted in the browser, and count for its records.

use serde_json::json;

use crate::page::{Page, place};
use crate::stage::Stage;

const ORG: &str = "/phrases/organisation?org_id=acme%2F..";

/// The escalation level of a record of that organisation.
fn level(stage: &Stage, content: &str) -> String {
    let record = json!({"id": "r", "org_id": "acme/..", "source": "s", "content": content});
    let told = stage.service.ok("POST", "/v1/records/dry-run", &json!({"records": [record]}));
    told["records"][0]["levels"]["escalation_level"].as_str().unwrap().to_owned()
}

fn scene() -> Option<Stage> {
    let stage = Stage::set()?;
    stage.automation(&json!({"name": "Calls to the people on call",
        "minimum_levels": {"escalation_level": "high"}}));
    let record = |id: &str, content: &str| json!({"id": id, "org_id": "acme/..", "source": "zendesk", "content": content});
    let records = [
        record(
            "T-1",
            "Nobody cares. Tomorrow morning we ring the bell of your tower, and then we will see.",
        ),
        record("T-2", "Come and play Lawyer Quest with us: I will sue you there."),
        record("T-3", "Thank you, it works."),
    ];
    stage.service.ok("POST", "/v1/records", &json!({"records": records}));
    Some(stage)
}

fn pictures(page: &Page, name: &str) {
    if std::env::var_os("BELFRY_SCREENSHOTS").is_none() {
        return;
    }
    for (window, width, height) in [("wide", 1280, 900), ("narrow", 390, 844)] {
        page.window(width, height);
        page.light();
        page.picture(&place("screenshots").join(format!("{name}-{window}-light.png")));
        page.dark();
        page.picture(&place("screenshots").join(format!("{name}-{window}-dark.png")));
    }
    page.window(1280, 900);
    page.light();
}

fn walk(script: bool) {
    let Some(stage) = scene() else { return };
    let page = stage.signed_in("editor").blank();
    if !script {
        page.without_script();
    }
    page.go("/phrases");
    page.sees("No organisation has phrases of its own");
    if script {
        page.accessible();
    }
    page.fill("Organisation", "acme/..");
    page.click("Open");
    page.sees("Phrases of acme/..");
    page.choose("Phrase 1: what it tells", "Executives");
    page.choose("Phrase 1: strength", "extreme");
    page.fill("Phrase 1: words", "* bell");
    page.fill("Names and expressions, one in a line", "lawyer quest\nsue you there");
    page.click("Preview");
    page.sees("may not begin or end with");
    if script {
        page.accessible();
        page.has_keyboard("Phrase 1: words");
    }
    page.fill("Phrase 1: words", "ring the bell");
    page.click("Add phrase");
    if script {
        page.has_keyboard("Phrase 2: what it tells");
    }
    page.fill("Phrase 2: words", "never said");
    page.click("Preview");
    page.sees("2 records would have other levels");
    page.row("T-1").sees("would fire");
    page.row("T-1").sees("ring the bell");
    page.row("T-2").sees("would not fire any more");
    page.misses("T-3");
    assert_eq!(page.count("mark"), 3);
    if script {
        page.fits();
        page.accessible();
        pictures(&page, "phrases-preview");
    }
    assert_eq!(level(&stage, "We ring the bell."), "none", "nothing is stored before it is saved");
    page.click("Remove phrase 2");
    page.click("Save changes");
    page.sees("Saved.");
    page.is_at("/phrases/organisation?org_id=acme%2F..&notice=phrases-saved");
    assert_eq!(page.field("Phrase 1: words").value, "ring the bell");
    page.lacks("textbox", "Phrase 2: words");
    assert_eq!(level(&stage, "We ring the bell."), "extreme");

    page.go("/phrases");
    page.row("acme/..").sees("1");
    page.click("acme/..");
    page.click("Delete");
    page.sees("This can't be undone.");
    if script {
        page.accessible();
    }
    page.click("Delete these phrases");
    page.sees("Deleted.");
    page.sees("No organisation has phrases of its own");
    assert_eq!(level(&stage, "We ring the bell."), "none");
}

#[test]
fn phrases_are_tried_saved_and_deleted() {
    walk(true);
}

#[test]
fn phrases_are_tried_saved_and_deleted_without_a_script() {
    walk(false);
}

#[test]
fn two_editors_see_both_versions() {
    let Some(stage) = scene() else { return };
    let (ada, eve) = (stage.signed_in_as("ada", "editor"), stage.signed_in_as("eve", "editor"));
    let page = ada.open(ORG);
    let other = eve.open(ORG);
    for (who, words) in [(&other, "phone the owl"), (&page, "ring the bell")] {
        who.fill("Phrase 1: words", words);
    }
    other.click("Save changes");
    other.sees("Saved.");
    page.click("Save changes");
    page.sees("Somebody else saved these phrases after you opened them.");
    page.row("phone the owl").sees("Executives, high");
    page.row("ring the bell").sees("not there");
    page.accessible();
    page.click("Go on editing mine");
    assert_eq!(page.field("Phrase 1: words").value, "ring the bell");
    page.click("Save changes");
    page.sees("Saved.");
    assert_eq!(level(&stage, "We ring the bell."), "high");
    assert_eq!(level(&stage, "I phone the owl."), "none");
    // Who looks can't change them, and is told what they are.
    let viewer = stage.signed_in("viewer").open(ORG);
    viewer.sees("Executives, high");
    viewer.lacks("button", "Save changes");
    viewer.accessible();
    let admin = stage.signed_in("admin").open("/audit");
    admin.sees("Set phrases of the organisation");
    admin.row("Changed phrases of the organisation").sees("ring the bell (executive_contact 0.65)");
    admin.row("Changed phrases of the organisation").click("acme/..");
    admin.sees("Phrases of acme/..");
}
