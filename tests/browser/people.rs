//! People, tokens, the audit log and the settings: every button is pressed, and what came of it is seen at the
//! service's doors.

use serde_json::Value;

use crate::page::Page;
use crate::stage::{PASSWORD, Stage};

const TYPED: &str = "sentinel-password-typed-51c0";

fn sign_in(page: &Page, name: &str, password: &str) {
    page.fill("Name", name);
    page.fill("Password", password);
    page.click("Sign in");
}

/// What is shown once.
fn shown(page: &Page) -> String {
    let text = page.beside("document.getElementById('shown').textContent");
    text.as_str().expect("a text").to_owned()
}

#[test]
fn a_person_is_added_changed_and_removed() {
    let Some(stage) = Stage::set() else { return };
    let admin = stage.signed_in_as("ada", "admin").open("/people");
    admin.row("ada").sees("(you)");
    admin.accessible();
    admin.click("Add person");
    admin.fill("Name", "ada");
    admin.click("Editor");
    admin.click_role("button", "Add person");
    admin.sees_error("Name", "is taken");
    admin.take_troubles();
    admin.accessible();
    admin.fill("Name", "grace");
    admin.click_role("button", "Add person");
    admin.has("heading", "Password of grace");
    admin.accessible();
    let made = shown(&admin);
    let grace = stage.visitor().open("/automations");
    sign_in(&grace, "grace", &made);
    grace.sees("Signed in as grace (editor)");

    admin.click("Done");
    admin.is_at("/people");
    admin.click("grace");
    admin.has("heading", "grace");
    admin.accessible();
    admin.window(390, 844);
    admin.fits();
    admin.window(1280, 900);
    admin.click("Viewer");
    admin.click("Save changes");
    admin.sees("Changed. That person's browsers are signed out.");
    grace.reload();
    grace.is_at("/sign-in?next=%2Fautomations");

    admin.click("Type one");
    admin.fill("Password", TYPED);
    admin.fill("Password again", "another one");
    admin.click("Set new password");
    admin.sees_error("Password again", "differs");
    admin.fill("Password", TYPED);
    admin.fill("Password again", TYPED);
    admin.click("Set new password");
    admin.sees("The new password is set.");
    sign_in(&grace, "grace", TYPED);
    grace.sees("Signed in as grace (viewer)");

    admin.click("Remove this person");
    admin.sees("grace can't sign in any more. The open sign-in ends at once.");
    admin.accessible();
    admin.click("Keep");
    admin.click("Remove this person");
    admin.click("Remove this person");
    admin.sees("Removed, and signed out everywhere.");
    grace.reload();
    grace.is_at("/sign-in?next=%2Fautomations");
    // Who is the last admin stays.
    admin.click("ada");
    admin.click("Remove this person");
    admin.click("Remove me");
    admin.has("alert", "");
    admin.click("To the list of people");
    admin.row("ada").sees("(you)");
    admin.take_troubles();
}

#[test]
fn a_token_is_made_shown_once_and_revoked() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("admin").open("/tokens");
    page.accessible();
    page.click("Make token");
    page.fill("Name", "Zendesk feeder");
    page.click("Ingest");
    page.accessible();
    page.click_role("button", "Make token");
    page.has("heading", "Copy the token now");
    page.accessible();
    let token = shown(&page);
    let records = serde_json::json!({"records": [crate::process::record("ticket-1")]});
    let call = |method: &str, path: &str, body: &Value| {
        crate::process::call(stage.service.addr, &token, method, path, body).expect("an answer").0
    };
    assert_eq!(call("POST", "/v1/records", &records), 202);
    assert_eq!(call("GET", "/v1/automations", &Value::Null), 403);

    // Whoever sends the form once more makes no second one, and is not shown the first again.
    page.reload();
    page.has("heading", "This form was sent before");
    page.accessible();
    page.click("Done");
    assert_eq!(page.count("table tbody tr th"), 2, "{}", page.text());
    assert!(!page.text().contains(&token), "the token is shown again");
    page.row("Zendesk feeder").click("Revoke Zendesk feeder");
    page.has("heading", "Revoke Zendesk feeder?");
    page.accessible();
    page.click("Keep it");
    page.row("Zendesk feeder").click("Revoke Zendesk feeder");
    page.click("Revoke this token");
    page.sees("Revoked. It is refused from now on.");
    page.row("Zendesk feeder").sees("revoked");
    assert_eq!(call("POST", "/v1/records", &records), 401);
    page.accessible();
}

#[test]
fn the_audit_log_tells_who_did_what() {
    let Some(stage) = Stage::set() else { return };
    stage.automation(&serde_json::json!({"name": "Outages", "active": true, "integrations": []}));
    let page = stage.signed_in_as("ada", "admin").open("/audit");
    page.row("Made the automation").sees("Outages");
    page.accessible();
    page.window(390, 844);
    page.fits();
    page.accessible();
    page.window(1280, 900);
    page.fill("Who", "ada");
    page.click("Filter");
    page.is_at("/audit?actor=ada");
    page.misses("Outages");
    page.sees("127.0.0.1");
    page.fill("Who", "nobody");
    page.click("Filter");
    page.has("heading", "Nothing was done that fits");
    page.accessible();
    page.click("Clear the filter");
    page.sees("Outages");
    assert!(!page.text().contains(PASSWORD), "a password is shown");
}

#[test]
fn settings_tell_what_is_in_force() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("admin").open("/settings");
    page.part("Health").sees("ready");
    page.part("Health").sees(concat!("Version ", env!("CARGO_PKG_VERSION")));
    page.part("Health").sees("never");
    page.sees("All other public, private addresses");
    page.accessible();
    page.window(390, 844);
    page.fits();
    page.window(1280, 900);
    page.fill("URL", "https://169.254.169.254/");
    page.click("Try");
    page.part("Try an address").sees("refused");
    page.accessible();
    page.fill("URL", "gopher://somewhere");
    page.click("Try");
    page.sees_error("URL", "");
    page.take_troubles();
    page.accessible();
}
