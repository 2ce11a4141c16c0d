//! Whether everybody can use each page, in each of its main states, in light and dark, and on a narrow screen.

use serde_json::{Value, json};

use crate::page::Page;
use crate::process::{Data, Listener, path_text, record, wait_until};
use crate::stage::Stage;

/// Each page as an admin sees it. What stands in braces are ids of what is made for it.
const PAGES: &[&str] = &[
    "/automations",
    "/automations/new",
    "/automations/{automation}",
    "/automations/{automation}/edit",
    "/automations/{automation}/delete",
    "/automations/new?from={automation}",
    "/",
    "/integrations/{integration}",
    "/integrations/{integration}/retry-dead",
    "/records",
    "/deliveries",
    "/deliveries?state=dead",
    "/deliveries?state=nonsense",
    "/deliveries/retry?state=dead",
    "/deliveries/{delivery}",
    "/deliveries/{delivery}/discard",
    "/alerts/{alert}",
    "/people",
    "/people/new",
    "/tokens",
    "/tokens/new",
    "/audit",
    "/settings",
    "/password",
    "/docs",
];

/// For everybody, and so narrow that a telephone shows it whole.
fn is_for_everybody(page: &Page) {
    page.window(1280, 900);
    page.accessible();
    page.window(390, 844);
    page.fits();
    page.accessible();
    page.window(1280, 900);
}

/// What is shown stays where it is: the sum of the jumps (Layout Instability API) is as good as none.
fn holds_still(page: &Page, path: &str) {
    let script = "new Promise(done => {
        let sum = 0;
        const add = list => { for (const each of list.getEntries()) sum += each.value; };
        const watch = new PerformanceObserver(add);
        watch.observe({type: 'layout-shift', buffered: true});
        requestAnimationFrame(() => requestAnimationFrame(() => {
            add({getEntries: () => watch.takeRecords()});
            done(sum);
        }));
    })";
    let jumps = page.run(script).as_f64().expect("a number");
    assert!(jumps < 0.01, "{path} jumps by {jumps}");
}

#[test]
fn every_page_is_for_everybody() {
    let data = Data::init();
    let receiver = Listener::start(&data, "receiver", &[]);
    let trusted = path_text(&receiver.ca);
    let Some(stage) = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &trusted)]) else {
        return;
    };
    let made = stage.automation(&json!({
        "name": "Outages", "active": true,
        "integrations": [{"kind": "webhook", "name": "Operations", "url": format!("{}/hook", receiver.url),
                          "auth": {"method": "none"}}],
    }));
    stage.service.ok("POST", "/v1/records", &json!({"records": [record("ticket-1")]}));
    stage.service.wait_for_state("ticket-1", "delivered");
    let delivery = stage.service.delivery("ticket-1").expect("a delivery");
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    let names = [
        ("{automation}", id(&made)),
        ("{integration}", id(&made["integrations"][0])),
        ("{delivery}", id(&delivery)),
        ("{alert}", delivery["alert_id"].as_str().expect("an id").to_owned()),
    ];
    let page = stage.signed_in("admin").blank();
    for path in PAGES {
        let path = names.iter().fold((*path).to_owned(), |path, (name, id)| path.replace(name, id));
        page.go(&path);
        holds_still(&page, &path);
        is_for_everybody(&page);
    }
    wait_until("it was sent", || receiver.taken().len() == 1);
}

#[test]
fn pages_without_anything_are_for_everybody() {
    let Some(stage) = Stage::set() else { return };
    for role in ["viewer", "editor"] {
        let page = stage.signed_in(role).blank();
        for path in ["/automations", "/deliveries"] {
            page.go(path);
            is_for_everybody(&page);
        }
        page.go("/nothing-here");
        is_for_everybody(&page);
        page.take_troubles();
    }
    let page = stage.visitor().open("/sign-in");
    is_for_everybody(&page);
    page.fill("Name", "nobody");
    page.fill("Password", "nothing");
    page.click("Sign in");
    page.has("alert", "");
    is_for_everybody(&page);
    page.take_troubles();
    page.go("/welcome");
    is_for_everybody(&page);
}

#[test]
fn states_of_the_editor_are_for_everybody() {
    let Some(stage) = Stage::set() else { return };
    stage.automation(&json!({"name": "All", "active": true, "integrations": []}));
    stage.service.ok("POST", "/v1/records", &json!({"records": [record("ticket-1")]}));
    let page = stage.signed_in("editor").open("/automations/new");
    page.click("Add condition");
    page.choose("Condition 1: field", "Metadata…");
    page.click("Add group");
    page.has("group", "Group 2");
    page.click("Try the filter");
    page.sees("would have fired.");
    page.click("Add webhook");
    page.choose("Authentication method", "Custom Header");
    page.click("More settings");
    page.part("New webhook").click("Add webhook");
    page.sees_error("URL", "");
    is_for_everybody(&page);
    page.click("Save changes");
    page.sees_error("Name", "");
    is_for_everybody(&page);
    page.take_troubles();
    page.run("document.querySelector('#editor').removeAttribute('data-dirty')");
}

#[test]
fn states_of_records_are_for_everybody() {
    let Some(stage) = Stage::set() else { return };
    stage.automation(&json!({
        "name": "All", "active": true,
        "integrations": [{"kind": "webhook", "name": "Nobody", "url": "https://127.0.0.1:9/hook",
                          "auth": {"method": "none"}}],
    }));
    let page = stage.signed_in("editor").open("/records");
    page.click("Dry run");
    page.has("heading", "What would happen");
    page.click("The exact body");
    is_for_everybody(&page);
    page.click("Send");
    page.has("heading", "What was sent");
    is_for_everybody(&page);
    page.fill("Record, as JSON", "nonsense");
    page.click("Dry run");
    page.sees_error("Record, as JSON", "");
    is_for_everybody(&page);
    page.take_troubles();
}
