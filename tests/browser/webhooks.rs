//! The contract's path through the pages: a webhook is added to an automation with each method of
//! authentication, saved, and what it then sends is seen by a real receiver.

use serde_json::{Value, json};

use crate::page::Page;
use crate::process::{Data, Listener, path_text, record, wait_until};
use crate::stage::Stage;

/// What is typed. The service's end looks for it in the data and the log, and each page is looked through.
const CREDENTIAL: &str = "sentinel-credential-2f1c8a";
const ANOTHER: &str = "sentinel-credential-77d0be";

/// A method as people read it, as the API has it, and as the receiver expects it.
struct Method {
    words: &'static str,
    word: &'static str,
    expected: Option<&'static str>,
    header_name: Option<&'static str>,
    /// The header that carries the credential.
    carrier: Option<&'static str>,
}

const NONE: Method =
    Method { words: "None", word: "none", expected: None, header_name: None, carrier: None };
const BEARER: Method = Method {
    words: "Bearer Token",
    word: "bearer",
    expected: Some("bearer"),
    header_name: None,
    carrier: Some("authorization"),
};
const API_KEY: Method = Method {
    words: "API Key (X-API-Key)",
    word: "api_key",
    expected: Some("api-key"),
    header_name: None,
    carrier: Some("x-api-key"),
};
const CUSTOM: Method = Method {
    words: "Custom Header",
    word: "custom_header",
    expected: Some("header:x-hook-secret"),
    header_name: Some("X-Hook-Secret"),
    carrier: Some("x-hook-secret"),
};

/// All headers that one of the methods would send.
const CARRIERS: [&str; 3] = ["authorization", "x-api-key", "x-hook-secret"];

/// A stage with one automation that has no destination, and a receiver that expects a credential.
struct Play {
    stage: Stage,
    receiver: Listener,
    automation: String,
}

impl Play {
    fn begin(method: &Method, credential: &str) -> Option<Self> {
        let data = Data::init();
        let receiver = match method.expected {
            None => Listener::start(&data, "receiver", &[]),
            Some(expected) => Listener::start_knowing(
                &data,
                "receiver",
                &["--auth", expected, "--credential-env", "EXPECTED"],
                &[("EXPECTED", credential)],
            ),
        };
        let trusted = path_text(&receiver.ca);
        let stage = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &trusted)])?;
        let made = stage.automation(&json!({"name": "Outages", "active": true}));
        let automation = made["id"].as_str().expect("an id").to_owned();
        Some(Self { stage, receiver, automation })
    }

    fn url(&self) -> String {
        format!("{}/hook", self.receiver.url)
    }

    fn stored(&self) -> Value {
        self.stage.service.ok("GET", &format!("/v1/automations/{}", self.automation), &Value::Null)
    }

    /// From the list into the editor.
    fn open_editor(&self, page: &Page) {
        page.go("/automations");
        page.click("Outages");
        page.click("Edit");
        page.has("heading", "Edit Outages");
    }

    /// Types a webhook and adds it to the form; nothing is saved.
    fn add_webhook(&self, page: &Page, method: &Method) {
        page.part("Alerts").click("Add webhook");
        let fields = page.part("New webhook");
        fields.fill("URL", &self.url());
        fields.choose("Authentication method", method.words);
        if method.carrier.is_some() {
            fields.fill("Credential", CREDENTIAL);
        } else {
            // Where nothing is sent, nothing is asked for.
            fields.lacks("textbox", "Credential");
        }
        match method.header_name {
            Some(name) => fields.fill("Header name", name),
            None => fields.lacks("textbox", "Header name"),
        }
        fields.click("Add webhook");
        page.sees("not saved yet");
        page.lacks("group", "New webhook");
        // What came took the place of what was there, and did not go into it.
        assert_eq!(page.count("form#editor"), 1);
        let said = match method.carrier {
            Some(_) => "credential typed, stored when you save",
            None => "Authentication: None",
        };
        page.part("Alerts").sees(said);
    }

    fn save(&self, page: &Page) {
        page.click("Save changes");
        page.is_at(&format!("/automations/{}?notice=saved", self.automation));
        page.sees("Saved. The changes are in force.");
    }

    /// Sends a record by hand.
    fn send(&self, page: &Page, id: &str) {
        page.go("/records");
        page.fill("Record, as JSON", &record(id).to_string());
        page.click("Send");
        page.sees("One record was taken.");
    }

    /// Waits for the one request that the receiver took for that record.
    fn received(&self, id: &str) -> Value {
        let of = |each: &&Value| each["record_id"] == id;
        wait_until("the alert arrives", || self.receiver.requests().iter().any(|each| of(&each)));
        let all = self.receiver.requests();
        let of_record: Vec<_> = all.iter().filter(of).collect();
        assert_eq!(of_record.len(), 1, "{of_record:?}");
        assert_eq!(of_record[0]["status"], 200, "{of_record:?}");
        of_record[0].clone()
    }
}

/// Looks through the page as it is now, and through what its fields hold.
fn shows_no_secret(page: &Page) {
    let script =
        "document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')]
        .map(each => each.value).join('\\n')";
    let all = page.beside(script).to_string();
    assert!(all.len() > 500, "that is no page: {all}");
    assert!(!all.contains("sentinel-"), "a credential stands in {}", page.path());
}

/// Which of [`CARRIERS`] came.
fn carriers(request: &Value) -> Vec<&str> {
    let names = request["header_names"].as_array().expect("names");
    names.iter().filter_map(Value::as_str).filter(|name| CARRIERS.contains(name)).collect()
}

fn whole_path(method: &Method, script: bool) {
    let Some(play) = Play::begin(method, CREDENTIAL) else { return };
    let page = play.stage.signed_in("editor").blank();
    if !script {
        page.without_script();
    }
    let empty = play.stored();
    play.open_editor(&page);
    play.add_webhook(&page, method);
    shows_no_secret(&page);
    if script {
        page.accessible();
    }

    // More can be done to the form; what was typed stays, and still nothing is stored.
    page.click("Edit webhook 127.0.0.1");
    if method.carrier.is_some() {
        page.sees("Typed. It is stored, sealed, when you save the changes.");
        assert_eq!(page.field("Credential").value, "");
    }
    shows_no_secret(&page);
    page.click("Done");
    shows_no_secret(&page);
    assert_eq!(play.stored(), empty);

    play.save(&page);
    shows_no_secret(&page);
    page.row(&play.url()).sees(method.words);
    let integration = play.stored()["integrations"][0].clone();
    assert_eq!(integration["url"], play.url());
    assert_eq!(integration["auth"]["method"], method.word);
    assert_eq!(integration["auth"]["credential_set"], method.carrier.is_some());

    play.send(&page, "ticket-1");
    shows_no_secret(&page);
    let request = play.received("ticket-1");
    assert_eq!(carriers(&request), method.carrier.into_iter().collect::<Vec<_>>());
    assert_eq!(request["auth_ok"], method.carrier.map_or(Value::Null, |_| true.into()));

    // From now on the editor says that there is one, and no more.
    play.open_editor(&page);
    page.click("Edit webhook 127.0.0.1");
    if method.carrier.is_some() {
        let webhook = page.part("Webhook 127.0.0.1");
        webhook.sees("set It is stored sealed and never shown.");
        webhook.has("button", "Replace");
        webhook.has("button", "Remove");
        webhook.lacks("textbox", "Credential");
    }
    shows_no_secret(&page);
}

#[test]
fn a_webhook_without_authentication_is_added_saved_and_used() {
    whole_path(&NONE, true);
}

#[test]
fn a_webhook_with_a_bearer_token_is_added_saved_and_used() {
    whole_path(&BEARER, true);
}

#[test]
fn a_webhook_with_an_api_key_is_added_saved_and_used() {
    whole_path(&API_KEY, true);
}

#[test]
fn a_webhook_with_a_custom_header_is_added_saved_and_used() {
    whole_path(&CUSTOM, true);
}

#[test]
fn a_webhook_is_added_saved_and_used_without_script() {
    whole_path(&BEARER, false);
}

#[test]
fn a_stored_credential_is_replaced() {
    let Some(play) = Play::begin(&BEARER, ANOTHER) else { return };
    let page = play.stage.signed_in("editor").blank();
    play.open_editor(&page);
    play.add_webhook(&page, &BEARER);
    play.save(&page);

    play.open_editor(&page);
    page.click("Edit webhook 127.0.0.1");
    page.click("Replace");
    page.sees("Takes the place of the stored one when you save the changes.");
    assert_eq!(page.field("Credential").value, "");
    page.has_keyboard("Credential");
    page.fill("Credential", ANOTHER);
    page.click("Done");
    page.sees("credential typed, stored when you save");
    shows_no_secret(&page);
    play.save(&page);
    shows_no_secret(&page);

    play.send(&page, "ticket-1");
    assert_eq!(play.received("ticket-1")["auth_ok"], true);
}

#[test]
fn a_stored_credential_is_removed() {
    let Some(play) = Play::begin(&NONE, "") else { return };
    let page = play.stage.signed_in("editor").blank();
    play.open_editor(&page);
    play.add_webhook(&page, &BEARER);
    play.save(&page);

    play.open_editor(&page);
    page.click("Edit webhook 127.0.0.1");
    let webhook = page.part("Webhook 127.0.0.1");
    webhook.click("Remove");
    webhook.sees("The stored credential is removed when you save the changes.");
    assert_eq!(play.stored()["integrations"][0]["auth"]["credential_set"], true);
    // A bearer token without a token can't be.
    webhook.choose("Authentication method", "Bearer Token");
    webhook.click("Done");
    webhook.sees_error("Credential", "is missing");
    webhook.choose("Authentication method", "None");
    webhook.click("Done");
    page.has("button", "Edit webhook 127.0.0.1");
    play.save(&page);
    let auth = play.stored()["integrations"][0]["auth"].clone();
    assert_eq!(auth, json!({"method": "none", "credential_set": false}));

    play.send(&page, "ticket-1");
    assert_eq!(carriers(&play.received("ticket-1")), [""; 0]);
}

/// What is wrong is said at its field, and what was right is kept, but for the secret's own field.
#[test]
fn a_wrong_webhook_is_not_added() {
    let Some(play) = Play::begin(&NONE, "") else { return };
    let page = play.stage.signed_in("editor").blank();
    play.open_editor(&page);
    page.part("Alerts").click("Add webhook");
    let fields = page.part("New webhook");
    fields.fill("URL", "http://hooks.example.com/plain");
    fields.choose("Authentication method", "Custom Header");
    fields.fill("Header name", "content-length");
    fields.fill("Credential", CREDENTIAL);
    fields.click("Add webhook");
    fields.sees_error("URL", "https");
    fields.sees_error("Header name", "");
    assert_eq!(fields.field("URL").value, "http://hooks.example.com/plain");
    page.has_keyboard("URL");
    shows_no_secret(&page);
    page.accessible();
    fields.fill("URL", &play.url());
    fields.fill("Header name", "X-Hook-Secret");
    // By Enter, as people do.
    page.press(crate::keys::Key::Enter);
    page.sees("credential typed, stored when you save");
    assert_eq!(play.stored()["integrations"], json!([]));
}

/// Who leaves with changes is asked first; who then leaves has stored nothing.
#[test]
fn unsaved_webhooks_are_not_lost_unasked() {
    let Some(play) = Play::begin(&NONE, "") else { return };
    let page = play.stage.signed_in("editor").blank();
    play.open_editor(&page);
    play.add_webhook(&page, &NONE);
    page.click("Cancel");
    assert_eq!(page.dismiss().kind, "beforeunload");
    page.sees("not saved yet");
    page.click("Cancel");
    page.accept();
    page.is_at(&format!("/automations/{}", play.automation));
    page.sees("No destination yet");
    assert_eq!(play.stored()["integrations"], json!([]));
}
