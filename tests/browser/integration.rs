//! A destination's page and the overview: every button is pressed, and its outcome is seen at the page and at
//! the receiver.

use serde_json::{Value, json};

use crate::mended::Scene;
use crate::process::{Data, Listener, path_text, record, wait_until};
use crate::stage::Stage;

/// What the receiver does on each path.
const SCRIPT: &str = "script good\n0s 200 body \"thank you\"\nscript denied\n0s 401\n\
                      script gone\ntry 1 410\ntry 2 200\n";

struct Play {
    stage: Stage,
    receiver: Listener,
}

impl Play {
    fn begin() -> Option<Self> {
        let data = Data::init();
        let script = data.beside("script");
        std::fs::write(&script, SCRIPT).unwrap();
        let receiver = Listener::start(&data, "receiver", &["--script", &path_text(&script)]);
        let trusted = path_text(&receiver.ca);
        let stage = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &trusted)])?;
        Some(Self { stage, receiver })
    }

    /// An automation that takes every record, with one destination; the destination's id.
    fn destination(&self, path: &str, more: &Value) -> String {
        let mut webhook = json!({"kind": "webhook", "name": path, "auth": {"method": "bearer",
            "credential": "sentinel-bearer"}, "url": format!("{}/{path}", self.receiver.url)});
        for (name, value) in more.as_object().unwrap() {
            webhook[name] = value.clone();
        }
        let made = self.stage.automation(
            &json!({"name": format!("To {path}"), "active": true, "integrations": [webhook]}),
        );
        made["integrations"][0]["id"].as_str().expect("an id").to_owned()
    }

    fn send(&self, id: &str) {
        self.stage.service.ok("POST", "/v1/records", &json!({"records": [record(id)]}));
    }
}

#[test]
fn a_test_alert_shows_what_was_sent_and_what_came_back() {
    let Some(play) = Play::begin() else { return };
    let id = play.destination("good", &json!({}));
    let page = play.stage.signed_in("editor").open(&format!("/integrations/{id}"));
    page.sees("No attempt yet");
    page.accessible();
    page.click("Send test alert");
    let test = page.part("Test alert");
    test.sees("arrived");
    test.sees("answered 200");
    test.sees("thank you");
    test.sees("Bearer ***");
    test.sees("This is a test alert from Belfry.");
    assert!(!page.text().contains("sentinel-bearer"), "the credential is shown");
    page.accessible();
    page.window(390, 844);
    page.fits();
    assert_eq!(play.receiver.requests().len(), 1);
    page.sees("No attempt yet");
    // What fails says what to do.
    let denied = play.destination("denied", &json!({}));
    let page = play.stage.signed_in("editor").open(&format!("/integrations/{denied}"));
    page.click("Send test alert");
    page.part("Test alert").sees("The credential does not match");
    page.accessible();
}

#[test]
fn a_destination_is_paused_and_resumed_and_disabled_and_enabled() {
    let Some(play) = Play::begin() else { return };
    let id = play.destination("good", &json!({}));
    let page = play.stage.signed_in("editor").open(&format!("/integrations/{id}"));
    page.lacks("button", "Resume");
    page.lacks("button", "Enable");
    page.click("Pause");
    page.sees("Paused. Alerts wait in the queue until somebody resumes it.");
    page.has("image", "Status: paused now");
    page.lacks("button", "Pause");
    play.send("ticket-1");
    // The page is up to date by itself.
    page.sees("Pending 1");
    assert!(play.receiver.taken().is_empty(), "it was sent though it is paused");
    page.click("Resume");
    page.sees("Resumed. What waited goes out now.");
    page.sees("healthy");
    wait_until("the receiver has it", || play.receiver.taken().len() == 1);
    page.click("Disable");
    page.sees("switched off by editor");
    page.has("image", "Status: disabled now");
    page.lacks("button", "Disable");
    page.lacks("button", "Pause");
    page.accessible();
    page.click("Enable");
    page.sees("Enabled.");
    page.has("image", "Status: active now");
    page.has("button", "Disable");
}

#[test]
fn gone_is_told_and_enabled_again() {
    let Some(play) = Play::begin() else { return };
    let id = play.destination("gone", &json!({}));
    let page = play.stage.signed_in("editor").open(&format!("/integrations/{id}"));
    play.send("ticket-1");
    page.sees("the receiver answered 410 Gone");
    page.click("Enable");
    page.sees("50 %");
    wait_until("the receiver has it", || play.receiver.taken().len() == 1);
}

#[test]
fn dead_deliveries_are_retried_after_a_question() {
    let Some(scene) = Scene::begin() else { return };
    let (stage, id) = (&scene.stage, &scene.integration);
    scene.give_up(&["ticket-1"]);
    let page = stage.signed_in("editor").open(&format!("/integrations/{id}"));
    page.sees("dead deliveries");
    page.part("Last errors").sees("answered 503");
    page.accessible();
    page.click("Retry dead (1)");
    page.sees("1 delivery of this destination was given up");
    page.accessible();
    page.click("Leave them");
    scene.mend();
    page.click("Retry dead (1)");
    page.click("Retry 1 dead delivery");
    page.sees("The dead deliveries are tried again.");
    page.sees("healthy");
    page.lacks("link", "Retry dead (1)");
    stage.service.wait_for_state("ticket-1", "delivered");
    // What was unfolded stays so while the page renews itself.
    let attempts = page.part("Last attempts");
    attempts.sees("1 delivered and");
    page.click("The attempts as a table");
    attempts.sees("Outcome");
    stage.service.send("ticket-2");
    attempts.sees("2 delivered and");
    attempts.sees("Outcome");
    page.accessible();
}

#[test]
fn a_signing_secret_is_rotated_and_shown_once() {
    let Some(play) = Play::begin() else { return };
    let id = play.destination("good", &json!({"signing": true}));
    let page = play.stage.signed_in("editor").open(&format!("/integrations/{id}"));
    page.click("Rotate signing secret");
    let part = page.part("The new signing secret");
    part.sees("whsec_");
    part.has("button", "Copy");
    page.accessible();
    page.go(&format!("/integrations/{id}/rotate-signing-secret"));
    page.is_at(&format!("/integrations/{id}"));
    assert!(!page.text().contains("whsec_"), "it is shown again");
    let unsigned = play.destination("denied", &json!({}));
    page.go(&format!("/integrations/{unsigned}"));
    page.has("heading", "Settings");
    page.lacks("button", "Rotate signing secret");
}

#[test]
fn a_viewer_changes_nothing() {
    let Some(play) = Play::begin() else { return };
    let id = play.destination("good", &json!({"signing": true}));
    let page = play.stage.signed_in("viewer").open(&format!("/integrations/{id}"));
    page.has("heading", "Status");
    assert_eq!(page.names("button"), ["Sign out"]);
    for act in
        ["pause", "resume", "enable", "disable", "test", "retry-dead", "rotate-signing-secret"]
    {
        let script = format!(
            "fetch('/integrations/{id}/{act}', {{method: 'POST', redirect: 'manual', body: \
             new URLSearchParams({{a: 1}})}}).then(answer => answer.status)"
        );
        assert_eq!(page.run(&script), 403, "{act}");
    }
    let refused = page.take_troubles();
    assert!(refused.iter().all(|each| format!("{each:?}").contains("403")), "{refused:?}");
    assert!(play.receiver.requests().is_empty());
}

#[test]
fn the_overview_leads_from_nothing_to_plots() {
    let Some(play) = Play::begin() else { return };
    let editor = play.stage.signed_in("editor");
    let page = editor.open("/");
    page.has("heading", "To the first alert");
    page.accessible();
    play.destination("good", &json!({}));
    let denied = play.destination("denied", &json!({}));
    page.row("Make an automation").sees("done");
    page.row("Add a webhook to it").sees("done");
    play.send("ticket-1");
    page.lacks("heading", "To the first alert");
    page.row("denied").sees("retrying");
    page.row("denied").sees("answered 401");
    page.accessible();
    assert_eq!(page.count("figure svg.plot"), 3);
    for (words, span) in [("Last day", "day"), ("Last week", "week"), ("Last hour", "hour")] {
        page.click(words);
        page.is_at(&format!("/?span={span}"));
        page.has("heading", words);
    }
    page.click("The plots as a table");
    page.sees("On their way");
    page.accessible();
    page.window(390, 844);
    page.fits();
    page.click("denied");
    page.is_at(&format!("/integrations/{denied}"));
    page.accessible();
    page.fits();
}
