//! The first password, signing in and out, and the own password.

use serde_json::json;

use crate::page::Page;
use crate::stage::{PASSWORD, Stage};

const NEW_PASSWORD: &str = "sentinel-password-e19ab2c4";

/// Fills in who signs in, and does it.
fn sign_in(page: &Page, name: &str, password: &str) {
    page.fill("Name", name);
    page.fill("Password", password);
    page.click("Sign in");
}

fn set_first_password(page: &Page, name: &str, password: &str) {
    page.fill("Name", name);
    page.fill("Password", password);
    page.fill("Password again", password);
    page.click("Set password");
}

fn holds(page: &Page, selector: &str) -> String {
    let value = page.beside(&format!("document.querySelector({}).value", json!(selector)));
    value.as_str().expect("a field").to_owned()
}

/// What came from the service holds no such text, whatever was typed into it.
fn source_lacks(page: &Page, secret: &str) {
    let source = page.beside("document.documentElement.outerHTML").to_string();
    assert!(!source.contains(secret), "it stands in {}", page.path());
}

#[test]
fn the_first_password_is_set_by_the_link_of_init() {
    let Some(stage) = Stage::set() else { return };
    let link = format!("/welcome#{}", stage.data.code);
    let page = stage.visitor().open(&link);
    page.has("heading", "Welcome to Belfry");
    assert_eq!(holds(&page, "#code"), stage.data.code);
    // Nobody reads it over a shoulder, and no bookmark keeps it.
    let address = format!("{}/welcome", stage.origin());
    assert_eq!(page.beside("location.href"), address);
    assert!(page.requests().iter().all(|url| !url.contains(&stage.data.code)));
    page.accessible();

    set_first_password(&page, "ada", "hunter2");
    page.sees_error("Password", "is too short");
    assert_eq!(page.field("Name").value, "ada");
    for field in ["#code", "#password", "#again"] {
        assert_eq!(holds(&page, field), "");
    }
    source_lacks(&page, &stage.data.code);
    source_lacks(&page, "hunter2");
    // The code is asked for again, and the page says where it is.
    page.sees("open the link again");

    page.go("/automations");
    page.go(&link);
    page.fill("Name", "ada");
    page.fill("Password", PASSWORD);
    page.fill("Password again", NEW_PASSWORD);
    page.click("Set password");
    page.sees_error("Password again", "differs from the one above");

    page.go("/automations");
    page.go(&link);
    set_first_password(&page, "ada", PASSWORD);
    page.is_at("/?notice=welcome");
    page.go("/automations");
    page.sees("Signed in as ada (admin)");
    page.has("link", "New automation");

    // It counts once.
    let second = stage.visitor().open(&link);
    set_first_password(&second, "eve", NEW_PASSWORD);
    second.is_at("/welcome");
    second.sees("This link was used");
    assert_eq!(second.field("Name").value, "eve");
    source_lacks(&second, &stage.data.code);
}

#[test]
fn a_wrong_password_is_told_and_the_name_is_kept() {
    let Some(stage) = Stage::set() else { return };
    stage.add_person("ada", "viewer");
    let page = stage.visitor().open("/sign-in");
    page.accessible();
    for (name, password) in [("ada", "sentinel-wrong-password"), ("nobody", PASSWORD)] {
        sign_in(&page, name, password);
        // Whether there is such a person is told to nobody.
        page.sees("Name or password is wrong.");
        assert_eq!(page.field("Name").value, name);
        page.has_keyboard("Password");
        source_lacks(&page, password);
    }
    page.accessible();
    sign_in(&page, "ada", PASSWORD);
    page.is_at("/");
}

#[test]
fn who_signs_in_comes_to_the_page_that_was_asked_for() {
    let Some(stage) = Stage::set() else { return };
    stage.add_person("ada", "viewer");
    let page = stage.visitor().open("/deliveries?state=dead");
    page.is_at("/sign-in?next=%2Fdeliveries%3Fstate%3Ddead");
    // A mistake does not make it forget.
    sign_in(&page, "ada", "sentinel-wrong-password");
    sign_in(&page, "ada", PASSWORD);
    page.is_at("/deliveries?state=dead");
    page.sees("Signed in as ada (viewer)");
}

#[test]
fn nobody_is_led_to_another_site() {
    let Some(stage) = Stage::set() else { return };
    stage.add_person("ada", "viewer");
    for next in ["https://evil.test/", "//evil.test/", "/%5Cevil.test/", "/sign-out"] {
        let page = stage.visitor().open(&format!("/sign-in?next={next}"));
        sign_in(&page, "ada", PASSWORD);
        page.is_at("/");
    }
}

#[test]
fn who_signs_out_sees_nothing_any_more() {
    let Some(stage) = Stage::set() else { return };
    let ada = stage.signed_in_as("ada", "admin");
    let (page, other) = (ada.open("/automations"), ada.open("/records"));
    page.click("Sign out");
    page.is_at("/sign-in");
    page.go("/automations");
    page.is_at("/sign-in?next=%2Fautomations");
    // Another tab finds out with its next step.
    other.click("Dry run");
    other.is_at("/sign-in");
    // Nothing of it is kept to be gone back to.
    page.run("history.back()");
    page.is_at("/sign-in");
    page.lacks("link", "New automation");
}

#[test]
fn a_new_password_signs_other_browsers_out() {
    let Some(stage) = Stage::set() else { return };
    let here = stage.signed_in_as("ada", "viewer").open("/password");
    let elsewhere = stage.signed_in_as("ada", "viewer").open("/automations");
    let change = |present: &str, new: &str, again: &str| {
        here.fill("Present password", present);
        here.fill("New password", new);
        here.fill("New password again", again);
        here.click_role("button", "Change password");
    };
    change("sentinel-wrong-password", NEW_PASSWORD, NEW_PASSWORD);
    here.sees_error("Present password", "is not the present password");
    change(PASSWORD, "hunter2", "hunter2");
    here.sees_error("New password", "is too short");
    change(PASSWORD, NEW_PASSWORD, "sentinel-another-password");
    here.sees_error("New password again", "differs from the one above");
    source_lacks(&here, "sentinel-");
    here.accessible();
    elsewhere.reload();
    elsewhere.sees("Signed in as ada (viewer)");

    change(PASSWORD, NEW_PASSWORD, NEW_PASSWORD);
    here.is_at("/password?notice=password-changed");
    here.sees("Your password is changed. Your other browsers are signed out.");
    elsewhere.reload();
    elsewhere.is_at("/sign-in?next=%2Fautomations");
    sign_in(&elsewhere, "ada", PASSWORD);
    elsewhere.has("button", "Sign in");
    sign_in(&elsewhere, "ada", NEW_PASSWORD);
    elsewhere.is_at("/automations");
    here.reload();
    here.sees("Signed in as ada (viewer)");
}

#[test]
fn signing_in_works_without_script() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.visitor().blank();
    page.without_script();
    page.go("/welcome");
    page.fill("Code", &stage.data.code);
    // Who goes on before a form is answered breaks it off.
    set_first_password(&page, "ada", PASSWORD);
    page.is_at("/?notice=welcome");
    page.go("/automations");
    page.click("Sign out");
    page.is_at("/sign-in");
    sign_in(&page, "ada", PASSWORD);
    page.is_at("/");
    page.go("/password");
    page.sees("Signed in as ada (admin)");
}
