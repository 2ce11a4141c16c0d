//! The editor of automations: making, copying, switching and deleting one, what is said of what is wrong, and
//! two people at the same automation.

use serde_json::{Value, json};

use crate::keys::Key;
use crate::page::Page;
use crate::stage::Stage;

const URL: &str = "https://ops.example.com/hook";
/// The service looks for it in its files when it ends.
const CREDENTIAL: &str = "sentinel-credential-51d0";

/// A saved automation whose webhook has a credential.
fn saved(stage: &Stage, name: &str) -> String {
    let made = stage.automation(&json!({
        "name": name, "active": true,
        "filter": {"all": [{"field": "segment", "op": "eq", "value": "enterprise"}]},
        "integrations": [{"kind": "webhook", "name": "Operations", "url": URL,
                          "auth": {"method": "bearer", "credential": CREDENTIAL}}],
    }));
    made["id"].as_str().expect("an id").to_owned()
}

fn stored(stage: &Stage, id: &str) -> Value {
    stage.service.ok("GET", &format!("/v1/automations/{id}"), &Value::Null)
}

/// The one automation of that name, as the API has it.
fn named(stage: &Stage, name: &str) -> Value {
    let all = stage.service.ok("GET", "/v1/automations", &Value::Null);
    let found: Vec<&Value> = all["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|each| each["name"] == name)
        .collect();
    assert_eq!(found.len(), 1, "{name}: {all}");
    stored(stage, found[0]["id"].as_str().expect("an id"))
}

/// A webhook with a credential, typed into the fields that are open.
fn fill_webhook(page: &Page, url: &str) {
    page.fill("URL", url);
    page.choose("Authentication method", "Bearer Token");
    page.fill("Credential", CREDENTIAL);
}

#[test]
fn an_automation_is_made() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations");
    page.sees("No automation yet");
    page.click("New automation");
    page.fill("Name", "Enterprise escalations");
    page.tick("Active", true);
    page.choose("Escalation level", "high");
    page.click("Add webhook");
    page.has_keyboard("URL");
    fill_webhook(&page, URL);
    page.part("New webhook").click("Add webhook");
    page.sees("ops.example.com");
    page.sees("Authentication: Bearer Token · credential typed, stored when you save");
    page.sees("not saved yet");
    let all = stage.service.ok("GET", "/v1/automations", &Value::Null);
    assert_eq!(all["data"], json!([]), "nothing is stored before it is saved");

    page.click("Save changes");
    page.sees("Created. It watches records from now on.");
    page.has("heading", "Enterprise escalations");
    let made = named(&stage, "Enterprise escalations");
    assert_eq!(made["active"], true);
    assert_eq!(made["minimum_levels"]["escalation_level"], "high");
    let webhook = &made["integrations"][0];
    assert_eq!((&webhook["url"], &webhook["name"]), (&json!(URL), &json!("ops.example.com")));
    assert_eq!(webhook["auth"]["method"], "bearer");
    assert_eq!(webhook["auth"]["credential_set"], true);
}

#[test]
fn every_method_asks_for_what_it_needs() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.fill("Name", "Methods");
    page.click("Add webhook");
    page.lacks("textbox", "Credential");
    page.lacks("textbox", "Header name");
    for method in ["Bearer Token", "API Key (X-API-Key)"] {
        page.choose("Authentication method", method);
        page.has("textbox", "Credential");
        page.lacks("textbox", "Header name");
    }
    page.choose("Authentication method", "Custom Header");
    page.fill("URL", URL);
    page.fill("Header name", "X-Hook-Secret");
    page.fill("Credential", CREDENTIAL);
    page.part("New webhook").click("Add webhook");
    page.sees("Authentication: Custom Header: X-Hook-Secret");
    page.click("Save changes");
    page.sees("Created.");
    let auth = &named(&stage, "Methods")["integrations"][0]["auth"];
    assert_eq!(
        (&auth["method"], &auth["header_name"], &auth["credential_set"]),
        (&json!("custom_header"), &json!("x-hook-secret"), &json!(true))
    );
}

#[test]
fn what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.click("Add webhook");
    page.fill("URL", "ops.example.com");
    page.choose("Authentication method", "Custom Header");
    page.fill("Header name", "Content-Length");
    page.part("New webhook").click("Add webhook");
    page.sees_error("URL", "must begin with https://");
    page.sees_error("Header name", "is used by the request itself: choose another name");
    page.has_keyboard("URL");
    assert_eq!(page.field("URL").value, "ops.example.com");
    assert_eq!(page.field("Header name").value, "Content-Length");
    assert!(page.is_ticked("Custom Header"));

    page.fill("URL", URL);
    page.fill("Header name", "X-Hook-Secret");
    page.part("New webhook").click("Add webhook");
    page.sees_error("Credential", "is missing: this method sends a credential");
    page.has_keyboard("Credential");
    page.fill("Credential", CREDENTIAL);
    page.part("New webhook").click("Add webhook");
    page.has("button", "Edit webhook ops.example.com");

    // The name is missing; what the service says of it comes with status 422.
    page.click("Save changes");
    page.sees("One thing has to be changed before this can be saved.");
    page.sees_error("Name", "");
    page.has_keyboard("Name");
    page.fill("Name", "Mended");
    page.click("Save changes");
    page.sees("Created.");
    let auth = &named(&stage, "Mended")["integrations"][0]["auth"];
    assert_eq!(auth["credential_set"], true, "it was typed two steps before");
    page.take_troubles();
}

#[test]
fn a_credential_is_never_shown_and_stays_until_it_is_replaced() {
    let Some(stage) = Stage::set() else { return };
    let id = saved(&stage, "Keeps it");
    let edit = format!("/automations/{id}/edit");
    let page = stage.signed_in("editor").open(&edit);
    page.sees("credential set");
    page.click("Edit webhook Operations");
    page.sees("It is stored sealed and never shown.");
    page.lacks("textbox", "Credential");
    page.fill("URL", "https://ops.example.com/other");
    page.click("Done");
    page.click("Save changes");
    page.sees("Saved. The changes are in force.");
    let webhook = stored(&stage, &id)["integrations"][0].clone();
    assert_eq!(webhook["url"], "https://ops.example.com/other");
    assert_eq!(webhook["auth"]["credential_set"], true);

    page.go(&edit);
    page.click("Edit webhook Operations");
    page.click("Replace");
    page.sees("Takes the place of the stored one when you save the changes.");
    page.has_keyboard("Credential");
    page.fill("Credential", "sentinel-other-credential");
    page.click("Done");
    let source = page.beside("document.documentElement.outerHTML");
    assert!(!source.as_str().expect("text").contains("sentinel-"), "it is in the page");
    page.click("Save changes");
    page.sees("Saved.");

    page.go(&edit);
    page.click("Edit webhook Operations");
    page.part("Webhook Operations").click("Remove");
    page.sees("The stored credential is removed when you save the changes.");
    assert!(page.is_ticked("None"));
    page.click("Done");
    page.click("Save changes");
    page.sees("Saved.");
    let auth = &stored(&stage, &id)["integrations"][0]["auth"];
    assert_eq!((&auth["method"], &auth["credential_set"]), (&json!("none"), &json!(false)));
}

#[test]
fn a_copy_asks_for_the_credential_again() {
    let Some(stage) = Stage::set() else { return };
    let id = saved(&stage, "First");
    let page = stage.signed_in("editor").open(&format!("/automations/{id}"));
    page.click("Duplicate");
    assert_eq!(page.field("Name").value, "First (copy)");
    assert!(!page.is_ticked("Active"), "nothing is sent twice");
    page.sees("no credential");
    page.click("Save changes");
    page.sees("One thing has to be changed before this can be saved.");
    page.sees_error("Credential", "is missing: this method sends a credential");
    page.has_keyboard("Credential");
    page.fill("Credential", CREDENTIAL);
    page.click("Save changes");
    page.sees("Created.");
    page.take_troubles();
    let (copy, first) = (named(&stage, "First (copy)"), stored(&stage, &id));
    assert_eq!(copy["filter"], first["filter"]);
    assert_ne!(copy["integrations"][0]["id"], first["integrations"][0]["id"]);
    assert_eq!(copy["active"], false);
}

#[test]
fn one_is_deleted_after_a_warning() {
    let Some(stage) = Stage::set() else { return };
    let id = saved(&stage, "To go");
    let page = stage.signed_in("editor").open(&format!("/automations/{id}"));
    page.click("Delete");
    page.has("heading", "Delete To go?");
    page.sees("This can't be undone.");
    page.sees("Its destination goes with it, credentials included.");
    page.click("Keep it");
    page.is_at(&format!("/automations/{id}"));
    page.click("Delete");
    page.click("Delete this automation");
    page.sees("Deleted.");
    page.sees("No automation yet");
    let (status, _) = stage.service.call("GET", &format!("/v1/automations/{id}"), &Value::Null);
    assert_eq!(status, 404);
}

#[test]
fn switching_it_off_and_on_keeps_the_credential() {
    let Some(stage) = Stage::set() else { return };
    let id = saved(&stage, "Switched");
    let page = stage.signed_in("editor").open("/automations");
    assert!(page.is_ticked("Switched active"));
    page.click("Switched active");
    page.sees("Switched off: it fires for nothing until it is switched on again.");
    assert!(!page.is_ticked("Switched active"));
    assert_eq!(stored(&stage, &id)["active"], false);
    page.click("Switched active");
    page.sees("Switched on");
    let now = stored(&stage, &id);
    assert_eq!(now["active"], true);
    assert_eq!(now["integrations"][0]["auth"]["credential_set"], true);
    page.go(&format!("/automations/{id}"));
    page.click("Switch off");
    page.sees("Switched off");
    page.has("button", "Switch on");
}

#[test]
fn a_viewer_looks_and_changes_nothing() {
    let Some(stage) = Stage::set() else { return };
    let id = saved(&stage, "Looked at");
    let page = stage.signed_in("viewer").open("/automations");
    page.lacks("link", "New automation");
    page.lacks("switch", "Looked at active");
    page.click("Looked at");
    page.sees("Customer segment is “enterprise”");
    for act in ["Edit", "Duplicate", "Delete"] {
        page.lacks("link", act);
    }
    page.lacks("button", "Switch off");
    page.go(&format!("/automations/{id}/edit"));
    page.sees("Status 403");
    page.take_troubles();
}

/// Two have the editor open; the second to save is shown both versions.
fn conflict(stage: &Stage) -> (Page, String) {
    let id = saved(stage, "Shared");
    let edit = format!("/automations/{id}/edit");
    let (first, second) =
        (stage.signed_in_as("ada", "editor"), stage.signed_in_as("bob", "editor"));
    let (first, second) = (first.open(&edit), second.open(&edit));
    first.fill("Name", "As Ada has it");
    first.click("Save changes");
    first.sees("Saved.");
    second.fill("Name", "As Bob has it");
    second.choose("Escalation level", "high");
    second.click("Save changes");
    second.sees("Somebody else saved this automation after you opened it.");
    let row = second.row("Name");
    row.sees("As Ada has it");
    row.sees("As Bob has it");
    second.row("Escalation level").sees("high");
    assert_eq!(stored(stage, &id)["name"], "As Ada has it");
    second.take_troubles();
    (second, id)
}

#[test]
fn in_a_conflict_mine_is_saved_over_it() {
    let Some(stage) = Stage::set() else { return };
    let (page, id) = conflict(&stage);
    page.accessible();
    page.click("Save mine over it");
    page.sees("Saved.");
    let now = stored(&stage, &id);
    assert_eq!(now["name"], "As Bob has it");
    assert_eq!(now["integrations"][0]["auth"]["credential_set"], true);
}

#[test]
fn in_a_conflict_mine_is_edited_on() {
    let Some(stage) = Stage::set() else { return };
    let (page, id) = conflict(&stage);
    page.click("Go on editing mine");
    assert_eq!(page.field("Name").value, "As Bob has it");
    assert_eq!(page.field("Escalation level").value, "high");
    page.fill("Name", "As both have it");
    page.click("Save changes");
    page.sees("Saved.");
    assert_eq!(stored(&stage, &id)["name"], "As both have it");
}

#[test]
fn in_a_conflict_theirs_is_taken() {
    let Some(stage) = Stage::set() else { return };
    let (page, id) = conflict(&stage);
    page.click("Take what is saved");
    // What was typed is lost by that, so it is asked for once more.
    assert_eq!(page.accept().kind, "beforeunload");
    page.is_at(&format!("/automations/{id}/edit"));
    assert_eq!(page.field("Name").value, "As Ada has it");
    assert_eq!(stored(&stage, &id)["name"], "As Ada has it");
}

#[test]
fn leaving_asks_where_changes_were_not_saved() {
    let Some(stage) = Stage::set() else { return };
    let id = saved(&stage, "Guarded");
    let (edit, shown) = (format!("/automations/{id}/edit"), format!("/automations/{id}"));
    let page = stage.signed_in("editor").open(&edit);
    page.click("Cancel");
    page.is_at(&shown);

    page.go(&edit);
    page.fill("Name", "Changed");
    page.click("Cancel");
    assert_eq!(page.dismiss().kind, "beforeunload");
    page.is_at(&edit);
    assert_eq!(page.field("Name").value, "Changed");
    page.click("Cancel");
    page.accept();
    page.is_at(&shown);
    page.has("heading", "Guarded");

    page.go(&edit);
    page.fill("Name", "Changed");
    page.click("Save changes");
    page.sees("Saved.");
    page.is_at(&format!("{shown}?notice=saved"));
    page.click("Edit");
    page.is_at(&edit);

    // A step that only the form knows of is a change, too.
    page.click("Add condition");
    page.has("button", "Remove condition 2");
    page.click("Cancel");
    page.accept();
    page.is_at(&shown);
}

#[test]
fn enter_does_what_is_meant() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/automations/new");
    page.fill("Name", "By Enter");
    page.press(Key::Enter);
    page.has("heading", "New automation");
    assert_eq!(page.field("Name").value, "By Enter");
    page.click("Add webhook");
    page.fill("URL", URL);
    page.press(Key::Enter);
    page.has("button", "Edit webhook ops.example.com");
    let all = stage.service.ok("GET", "/v1/automations", &Value::Null);
    assert_eq!(all["data"], json!([]), "Enter saves nothing");
    page.click("Save changes");
    page.sees("Created.");
    assert_eq!(named(&stage, "By Enter")["integrations"][0]["url"], URL);
}

/// Without scripts the same form does the same, a page at a time.
#[test]
fn an_automation_is_made_without_scripts() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").blank();
    page.without_script();
    page.go("/automations/new");
    page.fill("Name", "Plain");
    page.click("Add condition");
    page.fill("Condition 1: value", "enterprise");
    page.click("Add webhook");
    fill_webhook(&page, "ops.example.com");
    page.part("New webhook").click("Add webhook");
    page.sees_error("URL", "must begin with https://");
    page.fill("URL", URL);
    page.part("New webhook").click("Add webhook");
    page.sees("credential typed, stored when you save");
    page.click("Save changes");
    page.sees("Created.");
    let made = named(&stage, "Plain");
    assert_eq!(made["filter"]["all"][0]["value"], "enterprise");
    assert_eq!(made["integrations"][0]["auth"]["credential_set"], true);
}
