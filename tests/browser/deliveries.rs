//! The log of deliveries and the page of one: what is searched for is found, every button is pressed, and what came
//! of it is seen at the page and at the receiver.

use serde_json::Value;

use crate::mended::Scene;

/// The records that the log shows, newest first.
fn shown(page: &crate::page::Page) -> Vec<String> {
    let script =
        "[...document.querySelectorAll('#live th[scope=row] bdi')].map(each => each.textContent)";
    serde_json::from_value(page.beside(script)).expect("a list of texts")
}

#[test]
fn the_log_is_searched() {
    let Some(scene) = Scene::begin() else { return };
    scene.give_up(&["ticket-1", "ticket-2"]);
    scene.mend();
    scene.stage.service.send("ticket-3");
    scene.stage.service.wait_for_state("ticket-3", "delivered");
    let page = scene.stage.signed_in("viewer").open("/deliveries");
    page.row("ticket-3").sees("delivered");
    assert_eq!(shown(&page), ["ticket-3", "ticket-2", "ticket-1"]);
    page.accessible();

    // What is left empty does not stand in the address.
    page.choose("State", "dead");
    page.click("Filter");
    page.is_at("/deliveries?state=dead");
    assert_eq!(shown(&page), ["ticket-2", "ticket-1"]);
    page.fill("Record id", "ticket-1");
    page.click("Filter");
    page.is_at("/deliveries?state=dead&record_id=ticket-1");
    assert_eq!(shown(&page), ["ticket-1"]);
    page.choose("State", "delivered");
    page.click("Filter");
    page.has("heading", "No delivery matches");
    page.accessible();
    page.click("Clear the filter");
    page.is_at("/deliveries");
    page.choose("Automation", "To mended");
    page.choose("Destination", "mended");
    page.choose("Accepted", "Last hour");
    page.click("Filter");
    page.row("ticket-3").sees("delivered");
    assert_eq!(
        page.path(),
        format!(
            "/deliveries?automation_id={}&integration_id={}&within=1h",
            scene.automation, scene.integration
        )
    );
    assert_eq!(shown(&page).len(), 3);
    page.click("Clear");
    // A time is typed as the reader's clock has it.
    page.in_time_zone("Asia/Tokyo");
    page.reload();
    let typed = "function () {
        const set = (id, value) => { this.getElementById(id).value = value; };
        set('since', '2020-01-01T09:00:00');
        set('until', '2020-01-02T09:00:00');
    }";
    page.with(typed);
    page.click("Filter");
    page.is_at("/deliveries?since=2020-01-01T00%3A00%3A00Z&until=2020-01-02T00%3A00%3A00Z");
    page.has("heading", "No delivery matches");
    // A browser leaves out seconds that are none.
    assert_eq!(page.beside("document.getElementById('since').value"), "2020-01-01T09:00");
    // A new one shows without a click.
    page.click("Clear the filter");
    page.row("ticket-3").sees("delivered");
    scene.stage.service.send("ticket-4");
    page.row("ticket-4").sees("delivered");
}

#[test]
fn one_delivery_tells_its_attempts_and_is_retried() {
    let Some(scene) = Scene::begin() else { return };
    scene.give_up(&["ticket-1"]);
    let page = scene.stage.signed_in("editor").open("/deliveries");
    page.click("ticket-1 dlv_1");
    page.is_at("/deliveries/dlv_1");
    page.sees("answered 503");
    let attempts = page.count("table.attempts tbody tr");
    assert!(attempts >= 2, "{attempts} attempts are shown");
    assert_eq!(page.count("table.attempts svg.phases"), attempts);
    page.sees("the same bytes at every attempt");
    page.click_role("link", "1");
    let attempt = page.part("Attempt 1 failed");
    // Each phase has its time; the request is shown as it was made, without what is secret.
    attempt.sees("TLS");
    attempt.sees("Bearer ***");
    attempt.sees("Idempotency-Key:");
    attempt.sees("curl");
    attempt.has("button", "Copy");
    attempt.sees("\"$CREDENTIAL\"");
    assert!(!page.text().contains("sentinel-bearer"), "the credential is shown");
    page.accessible();
    page.window(390, 844);
    page.fits();
    page.window(1280, 900);

    scene.mend();
    page.click("Retry");
    page.sees("delivered");
    scene.stage.service.wait_for_state("ticket-1", "delivered");
    page.lacks("button", "Retry");
    page.lacks("link", "Discard…");
    page.accessible();

    let alert = scene.stage.service.delivery("ticket-1").expect("a delivery")["alert_id"].clone();
    page.click(alert.as_str().expect("an id"));
    page.has("heading", "Alert for ticket-1");
    page.row("mended").sees("delivered");
    page.accessible();
}

#[test]
fn a_delivery_is_discarded_after_a_question() {
    let Some(scene) = Scene::begin() else { return };
    let path = format!("/v1/integrations/{}/pause", scene.integration);
    scene.stage.service.ok("POST", &path, &Value::Null);
    scene.stage.service.send("ticket-1");
    let page = scene.stage.signed_in("editor").open("/deliveries/dlv_1");
    page.has("button", "Try now");
    page.click("Discard…");
    page.sees("The alert for ticket-1 will not be sent to mended.");
    page.accessible();
    page.click("Keep it");
    page.click("Discard…");
    page.click("Discard");
    page.is_at("/deliveries/dlv_1?notice=discarded");
    page.lacks("button", "Try now");
    assert_eq!(scene.stage.service.state_of("ticket-1"), "discarded");
    // Whoever is late is told.
    page.go("/deliveries/dlv_1/discard");
    page.has("heading", "It can't be discarded any more");
    page.accessible();
}

#[test]
fn many_are_retried_and_discarded_with_their_count_first() {
    let Some(scene) = Scene::begin() else { return };
    scene.give_up(&["ticket-1", "ticket-2", "ticket-3"]);
    let page = scene.stage.signed_in("editor").open("/deliveries?state=dead&record_id=ticket-3");
    page.click("Discard all dead…");
    page.has("heading", "Discard 1 dead delivery?");
    page.sees("Record ticket-3");
    page.accessible();
    page.click_role("button", "Discard 1 dead delivery");
    page.sees("1 delivery is discarded and will not be sent.");
    assert_eq!(scene.stage.service.state_of("ticket-3"), "discarded");

    page.go("/deliveries?state=dead");
    page.click_role("link", "Retry 2 dead deliveries");
    page.has("heading", "Retry 2 dead deliveries?");
    page.click("Cancel");
    page.is_at("/deliveries?state=dead");
    scene.mend();
    page.click_role("link", "Retry 2 dead deliveries");
    page.click_role("button", "Retry 2 dead deliveries");
    page.sees("2 deliveries are tried again");
    for id in ["ticket-1", "ticket-2"] {
        scene.stage.service.wait_for_state(id, "delivered");
    }
    page.accessible();
    // Somebody else was faster.
    page.go("/deliveries/retry?state=dead");
    page.has("heading", "There is nothing to retry");
}
