//! The keyboard alone: a webhook is set up from the list of automations to what is saved, and whoever does it sees
//! all the time where they are.

use serde_json::Value;

use crate::keys::Key;
use crate::page::Page;
use crate::stage::Stage;

/// What has the keyboard is marked: by an outline, or a shadow that stands for one.
fn is_marked(page: &Page) {
    let marked = page.beside(
        "(() => {
            const style = getComputedStyle(document.activeElement);
            const box = document.activeElement.getBoundingClientRect();
            const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
            const seen = box.bottom > 0 && box.top < innerHeight && box.width > 0;
            return outlined && seen ? '' : document.activeElement.outerHTML.slice(0, 200) +
                ` outline: ${style.outline}, at ${box.top} to ${box.bottom} of ${innerHeight}`;
        })()",
    );
    assert_eq!(marked, "", "it is not seen what has the keyboard");
}

/// By Tab to what has that name.
fn to(page: &Page, name: &str) {
    page.tab_to(name);
    is_marked(page);
}

#[test]
fn a_webhook_is_set_up_with_the_keyboard_alone() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations");
    page.press(Key::Tab);
    page.has_keyboard("Skip to the content");
    is_marked(&page);
    page.press(Key::Enter);
    to(&page, "New automation");
    page.press(Key::Enter);
    page.is_at("/automations/new");

    to(&page, "Name");
    page.write("By keys");
    to(&page, "Add condition");
    page.press(Key::Space);
    page.has("combobox", "Condition 1: field");
    page.has_keyboard("Condition 1: field");
    is_marked(&page);
    to(&page, "Condition 1: value");
    page.write("enterprise");
    to(&page, "Escalation level");
    // Closed, a list of choices goes on by the arrows.
    for _ in 0..4 {
        page.press(Key::Down);
    }
    assert_eq!(page.focused().value, "high");

    to(&page, "Add webhook");
    page.press(Key::Enter);
    page.has("textbox", "URL");
    page.has_keyboard("URL");
    is_marked(&page);
    page.write("ops.example.com");
    page.press(Key::Enter);
    page.sees_error("URL", "must begin with https://");
    page.has_keyboard("URL");
    is_marked(&page);
    page.press(Key::Home);
    page.write("https://");
    to(&page, "None");
    page.press(Key::Down);
    page.has_keyboard("Bearer Token");
    is_marked(&page);
    to(&page, "Credential");
    page.write("sentinel-typed-by-keys");
    page.press(Key::Enter);
    page.has("button", "Edit webhook ops.example.com");
    page.has_keyboard("Edit webhook ops.example.com");
    is_marked(&page);
    to(&page, "Save changes");
    page.press(Key::Enter);
    page.sees("Created.");

    let all = stage.service.ok("GET", "/v1/automations", &Value::Null);
    let id = all["data"][0]["id"].as_str().expect("an id");
    let made = stage.service.ok("GET", &format!("/v1/automations/{id}"), &Value::Null);
    assert_eq!(made["name"], "By keys");
    assert_eq!(made["minimum_levels"]["escalation_level"], "high");
    assert_eq!(made["filter"]["all"][0]["value"], "enterprise");
    assert_eq!(made["integrations"][0]["url"], "https://ops.example.com/");
    assert_eq!(made["integrations"][0]["auth"]["credential_set"], true);
}

#[test]
fn the_keyboard_goes_on_where_the_work_does() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.click("Save changes");
    page.sees_error("Name", "");
    page.has_keyboard("Name");
    is_marked(&page);
    page.take_troubles();
    page.click("Add group");
    page.has("group", "Group 1");
    page.has_keyboard("Match, group 1");
    page.click("Add condition to group 1");
    page.has("combobox", "Condition 1.2: field");
    page.has_keyboard("Condition 1.2: field");
    page.click("Remove condition 1.2");
    page.lacks("button", "Remove condition 1.2");
    page.has_keyboard("Add condition to group 1");
    page.click("Remove group 1");
    page.lacks("group", "Group 1");
    page.has_keyboard("Add condition");
    page.click("Add webhook");
    page.has("textbox", "URL");
    page.part("New webhook").click("Cancel");
    page.lacks("textbox", "URL");
    page.has_keyboard("Add webhook");
}

/// A choice that changes the row it stands in keeps the keyboard where it is.
#[test]
fn a_choice_keeps_the_keyboard() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.click("Add condition");
    page.has("combobox", "Condition 1: field");
    // What was exchanged gives the keyboard on a moment after it is seen.
    page.has_keyboard("Condition 1: field");
    page.press(Key::End);
    assert_eq!(page.field("Condition 1: name of the metadata").value, "");
    page.has_keyboard("Condition 1: field");
    to(&page, "Condition 1: name of the metadata");
}

#[test]
fn signing_in_is_typed_at_once() {
    let Some(stage) = Stage::set() else { return };
    stage.add_person("ada", "viewer");
    let page = stage.visitor().open("/automations");
    page.has_keyboard("Name");
    is_marked(&page);
    page.write("ada");
    page.press(Key::Tab);
    page.has_keyboard("Password");
    page.write(crate::stage::PASSWORD);
    page.press(Key::Enter);
    page.is_at("/automations");
    page.sees("Signed in as ada (viewer)");
}
