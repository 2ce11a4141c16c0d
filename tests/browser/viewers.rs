//! What somebody who may only look finds on the pages: all there is to be read, and nothing that changes it. That the
//! service refuses the changes themselves is tested at its doors (`tests/api/pages.rs`).

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::page::Page;
use crate::process::record;
use crate::stage::Stage;

/// The addresses that a viewer's own forms may be sent to: the own account, filters, and a question that stores
/// nothing.
const OWN: [&str; 4] = ["/sign-out", "/password", "/deliveries", "/records/dry-run"];

/// An automation that fires, with a destination that is down: states with acts on them.
fn scene(stage: &Stage) -> String {
    let webhook = json!({"kind": "webhook", "name": "Operations", "url": "https://127.0.0.1:9/hook",
                         "auth": {"method": "none"}});
    let made =
        stage.automation(&json!({"name": "Outages", "active": true, "integrations": [webhook]}));
    for id in ["ticket-1", "ticket-2"] {
        stage.service.ok("POST", "/v1/records", &json!({"records": [record(id)]}));
    }
    let delivery = stage.service.delivery("ticket-2").expect("a delivery");
    let path = format!("/v1/deliveries/{}/discard", delivery["id"].as_str().expect("an id"));
    stage.service.ok("POST", &path, &Value::Null);
    made["id"].as_str().expect("an id").to_owned()
}

/// The addresses of links, and of forms and buttons that send something. A form that asks for a page is as good
/// as a link.
fn addresses(page: &Page, script: &str) -> Vec<String> {
    let found = page.beside(&format!(
        "[...new Set([{script}].map(each => new URL(each, location)))]
        .filter(url => url.origin === location.origin).map(url => url.pathname)"
    ));
    serde_json::from_value(found).expect("a list of texts")
}

fn links(page: &Page) -> Vec<String> {
    addresses(page, "...[...document.querySelectorAll('a[href]')].map(each => each.href)")
}

fn sent_to(page: &Page) -> Vec<String> {
    addresses(
        page,
        "...[...document.querySelectorAll('form:not([method=get])')].map(each => each.getAttribute('action') ?? location.pathname),
         ...[...document.querySelectorAll('[formaction]')].map(each => each.getAttribute('formaction')),
         ...[...document.querySelectorAll('[hx-post], [hx-put], [hx-patch], [hx-delete]')].map(() => '/hx')",
    )
}

/// Walks all pages that are reached from the menu; each is told with its path.
fn walk(page: &Page, mut look: impl FnMut(&str)) -> BTreeSet<String> {
    let mut left = VecDeque::from(["/".to_owned()]);
    let mut seen = BTreeSet::from(["/".to_owned()]);
    while let Some(path) = left.pop_front() {
        page.go(&path);
        look(&path);
        for link in links(page) {
            // The reference of the API is a page of its own.
            if !link.starts_with("/docs") && seen.insert(link.clone()) {
                left.push_back(link);
            }
        }
    }
    seen
}

#[test]
fn a_viewer_finds_nothing_that_changes_anything() {
    let Some(stage) = Stage::set() else { return };
    let automation = scene(&stage);
    let page = stage.signed_in("viewer").blank();
    let seen = walk(&page, |path| {
        let text = page.text();
        for refused in ["Your role does not reach here", "There is no such page", "Sign in"] {
            assert!(!page.names("heading").iter().any(|each| each == refused), "{path}: {text}");
        }
        for address in sent_to(&page) {
            assert!(OWN.contains(&address.as_str()), "{path} sends to {address}");
        }
    });
    // It came around, and was led nowhere that only others may go.
    for path in ["/automations", "/deliveries", "/records", "/settings", "/password"] {
        assert!(seen.contains(path), "{path} is not among {seen:?}");
    }
    assert!(seen.contains(&format!("/automations/{automation}")), "{seen:?}");
    for kind in ["/integrations/", "/deliveries/", "/alerts/"] {
        assert!(seen.iter().any(|path| path.starts_with(kind)), "no {kind} among {seen:?}");
    }
    for path in ["/automations/new", "/people", "/tokens", "/audit"] {
        assert!(!seen.contains(path), "{path} is among {seen:?}");
    }
}

/// The walk would find such things: an editor's has them.
#[test]
fn an_editor_finds_what_a_viewer_does_not() {
    let Some(stage) = Stage::set() else { return };
    let automation = scene(&stage);
    let page = stage.signed_in("editor").open(&format!("/automations/{automation}"));
    let others: Vec<_> =
        sent_to(&page).into_iter().filter(|each| !OWN.contains(&each.as_str())).collect();
    assert_eq!(others, [format!("/automations/{automation}/active")]);
    assert!(links(&page).contains(&format!("/automations/{automation}/edit")));
    page.go("/records");
    assert!(sent_to(&page).contains(&"/records/send".to_owned()));
}

/// Whoever types the address is told in words, and is not offered the page.
#[test]
fn a_viewer_who_types_an_address_is_refused_in_words() {
    let Some(stage) = Stage::set() else { return };
    let automation = scene(&stage);
    let page = stage.signed_in("viewer").blank();
    for path in
        ["/automations/new", &format!("/automations/{automation}/edit"), "/people", "/tokens"]
    {
        page.go(path);
        page.has("heading", "Your role does not reach here");
        page.click("To the overview");
        page.is_at("/");
    }
}
