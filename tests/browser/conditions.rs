//! Conditions in the editor: rows and groups of them, what is saved for them, and what they would have done.

use serde_json::{Value, json};

use crate::page::Page;
use crate::process::record;
use crate::stage::Stage;

const FILTER: &str = "Conditions of the filter";

fn filter_of(stage: &Stage, name: &str) -> (String, Value) {
    let all = stage.service.ok("GET", "/v1/automations", &Value::Null);
    let found = all["data"].as_array().expect("a list").iter().find(|each| each["name"] == name);
    let id = found.expect("the automation")["id"].as_str().expect("an id").to_owned();
    let whole = stage.service.ok("GET", &format!("/v1/automations/{id}"), &Value::Null);
    (id, whole["filter"].clone())
}

/// What stands in the rows: each field of each condition, in order.
fn rows(page: &Page) -> Value {
    page.beside(
        "[...document.querySelectorAll('.group.root [name^=\"/filter\"]:not([type=hidden])')]
            .filter(each => each.name !== 'do')
            .map(each => each.name + ' = ' + each.value)",
    )
}

#[test]
fn rows_and_groups_are_saved_as_json_and_shown_again() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.fill("Name", "Rows");
    page.click("Add condition");
    page.fill("Condition 1: value", "enterprise");
    page.click("Add condition");
    page.has_keyboard("Condition 2: field");
    page.choose("Condition 2: field", "Channel");
    page.choose("Condition 2: operator", "is one of");
    page.fill("Condition 2: values, one a line", "email\nphone");
    page.click("Add group");
    page.choose("Match, group 3", "any of these");
    page.choose("Condition 3.1: field", "Metadata…");
    page.fill("Condition 3.1: name of the metadata", "arr");
    page.choose("Condition 3.1: operator", "is at least");
    page.fill("Condition 3.1: value", "50000");
    page.click("Add condition to group 3");
    page.choose("Condition 3.2: field", "Metadata…");
    page.fill("Condition 3.2: name of the metadata", "vip");
    page.choose("Condition 3.2: type of the value", "yes or no");
    page.choose("Condition 3.2: value", "yes");
    page.click("Add group to group 3");
    page.choose("Match, group 3.3", "none of these");
    page.choose("Condition 3.3.1: field", "Tag");
    page.choose("Condition 3.3.1: operator", "is set");
    page.click("Add condition");
    page.choose("Condition 4: field", "Escalation level");
    page.choose("Condition 4: operator", "is at least");
    page.choose("Condition 4: value", "high");
    page.click("Add condition");
    page.fill("Condition 5: value", "goes again");
    page.click("Remove condition 5");
    page.lacks("button", "Remove condition 5");
    page.has_keyboard("Add condition");
    page.accessible();
    let before = rows(&page);
    page.click("Save changes");
    page.sees("Created.");

    let (id, filter) = filter_of(&stage, "Rows");
    let expected = json!({"all": [
        {"field": "segment", "op": "eq", "value": "enterprise"},
        {"field": "channel", "op": "in", "value": ["email", "phone"]},
        {"any": [
            {"field": "metadata.arr", "op": "gte", "value": 50000},
            {"field": "metadata.vip", "op": "eq", "value": true},
            {"not": {"any": [{"field": "tags", "op": "exists", "value": true}]}},
        ]},
        {"field": "levels.escalation_level", "op": "gte", "value": "high"},
    ]});
    assert_eq!(filter, expected);
    page.sees("Customer segment is “enterprise” and Channel is one of email, phone and (arr is at least 50000");
    page.go(&format!("/automations/{id}/edit"));
    assert_eq!(rows(&page), before, "the same rows as were typed");

    // A group goes with all that is in it, and what is none of a row's matters is not kept.
    page.click("Remove group 3");
    page.lacks("group", "Group 3");
    page.choose("Condition 1: field", "Escalation level");
    // A choice of words, once the form has been shown anew.
    page.has("combobox", "Condition 1: value");
    page.click("Save changes");
    page.sees("Saved.");
    let (_, filter) = filter_of(&stage, "Rows");
    assert_eq!(filter["all"].as_array().expect("a list").len(), 3);
    assert_eq!(filter["all"][0]["field"], "levels.escalation_level");
}

#[test]
fn match_any_and_none_are_kept() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    for (words, inner) in
        [("any of these", "/any"), ("none of these", "/not/any"), ("all of these", "/all")]
    {
        page.go("/automations/new");
        page.fill("Name", words);
        page.click("Add condition");
        page.part(FILTER).choose("Match", words);
        page.fill("Condition 1: value", "enterprise");
        page.click("Save changes");
        page.sees("Created.");
        let (id, filter) = filter_of(&stage, words);
        let test = filter.pointer(&format!("{inner}/0")).unwrap_or_else(|| panic!("{filter}"));
        assert_eq!(test["value"], "enterprise");
        page.go(&format!("/automations/{id}/edit"));
        assert_eq!(page.part(FILTER).field("Match").value, words);
    }
}

#[test]
fn what_is_wrong_in_a_row_is_said_there() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.fill("Name", "Wrong rows");
    page.click("Add condition");
    page.choose("Condition 1: field", "Text");
    page.choose("Condition 1: operator", "matches pattern");
    page.fill("Condition 1: value", "(lawyer");
    page.click("Add group");
    page.choose("Condition 2.1: field", "Metadata…");
    page.fill("Condition 2.1: name of the metadata", "arr");
    page.choose("Condition 2.1: operator", "is above");
    page.fill("Condition 2.1: value", "many");
    page.click("Save changes");
    page.sees("One thing has to be changed before this can be saved.");
    page.sees_error("Condition 1: value", "is no regular expression");
    page.has_keyboard("Condition 1: value");
    assert_eq!(page.field("Condition 1: value").value, "(lawyer");
    assert_eq!(page.field("Condition 2.1: value").value, "many");
    assert_eq!(page.field("Condition 2.1: name of the metadata").value, "arr");
    page.accessible();
    page.fill("Condition 1: value", "(?i)lawyer");
    page.click("Save changes");
    page.sees_error("Condition 2.1: value", "must be a number");
    page.has_keyboard("Condition 2.1: value");
    page.fill("Condition 2.1: value", "5.5");
    page.click("Save changes");
    page.sees("Created.");
    let (_, filter) = filter_of(&stage, "Wrong rows");
    assert_eq!(filter["all"][1]["all"][0]["value"], 5.5);
    page.take_troubles();
}

#[test]
fn a_type_that_a_value_is_not_of_is_said_there() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.fill("Name", "Types");
    page.click("Add condition");
    page.choose("Condition 1: field", "Metadata…");
    page.fill("Condition 1: name of the metadata", "seats");
    page.choose("Condition 1: type of the value", "number");
    page.fill("Condition 1: value", "a few");
    page.click("Save changes");
    page.sees_error("Condition 1: value", "number");
    assert_eq!(page.field("Condition 1: value").value, "a few");
    page.fill("Condition 1: value", "12");
    page.click("Save changes");
    page.sees("Created.");
    page.take_troubles();
    assert_eq!(filter_of(&stage, "Types").1["all"][0]["value"], 12.0);
}

/// A webhook of its own may take only some alerts.
#[test]
fn a_webhook_has_conditions_of_its_own() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.fill("Name", "Some");
    page.click("Add webhook");
    page.fill("URL", "https://ops.example.com/hook");
    page.click("More settings");
    let condition = page.part("Conditions of this webhook");
    condition.click("Add condition");
    condition.fill("Condition 1: value", "free");
    page.part("New webhook").fill("Most at once", "none");
    page.part("New webhook").click("Add webhook");
    page.sees_error("Most at once", "must be a whole number");
    page.has_keyboard("Most at once");
    page.fill("Most at once", "2");
    page.part("New webhook").click("Add webhook");
    page.sees("only some alerts");
    page.click("Save changes");
    page.sees("Created.");
    page.sees("Only where Customer segment is “free”");
    let all = stage.service.ok("GET", "/v1/automations", &Value::Null);
    let id = all["data"][0]["id"].as_str().expect("an id");
    let whole = stage.service.ok("GET", &format!("/v1/automations/{id}"), &Value::Null);
    let webhook = &whole["integrations"][0];
    assert_eq!(webhook["condition"]["all"][0]["value"], "free");
    assert_eq!(webhook["max_in_flight"], 2);
}

/// Two records that came in: what they have is offered, and the filter is tried on them.
fn with_records(stage: &Stage) {
    let mut first = record("ticket-1");
    first["segment"] = "enterprise".into();
    first["metadata"] = json!({"arr": 120_000});
    let mut second = record("ticket-2");
    second["segment"] = "free".into();
    stage.service.ok("POST", "/v1/records", &json!({"records": [first, second]}));
}

#[test]
fn what_recent_records_have_is_offered() {
    let Some(stage) = Stage::set() else { return };
    with_records(&stage);
    let page = stage.signed_in("editor").open("/automations/new");
    page.click("Add condition");
    page.has("button", "Remove condition 1");
    let offered = |label: &str| {
        page.beside(&format!(
            "[...document.querySelector('[aria-label={label:?}]').list.options].map(each => each.value).sort()"
        ))
    };
    assert_eq!(offered("Condition 1: value"), json!(["enterprise", "free"]));
    page.choose("Condition 1: field", "Metadata…");
    page.has("combobox", "Condition 1: name of the metadata");
    assert_eq!(offered("Condition 1: name of the metadata"), json!(["arr"]));
}

#[test]
fn the_filter_is_tried_before_it_is_saved() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.click("Try the filter");
    page.sees("No record has come in since the service was started.");
    with_records(&stage);
    page.click("Try the filter");
    page.sees("2 of the last 2 records would have fired.");
    page.click("Add condition");
    page.fill("Condition 1: value", "enterprise");
    page.click("Try the filter");
    page.sees("1 of the last 2 records would have fired.");
    page.row("ticket-1").sees("fires");
    page.row("ticket-2").sees("no");
    page.accessible();
    page.choose("Condition 1: operator", "matches pattern");
    page.fill("Condition 1: value", "(");
    page.click("Try the filter");
    page.sees_error("Condition 1: value", "is no regular expression");
    // An unfinished webhook is not in its way.
    page.fill("Condition 1: value", "free");
    page.click("Add webhook");
    page.fill("URL", "not yet");
    page.click("Try the filter");
    page.row("ticket-2").sees("fires");
    assert_eq!(page.field("URL").value, "not yet");
    let all = stage.service.ok("GET", "/v1/automations", &Value::Null);
    assert_eq!(all["data"], json!([]), "nothing is saved");
}
