//! Matrix F12: what comes from outside is text on every page that shows it. It runs nothing, brings in nothing, asks
//! nobody, and turns no writing but its own.

use serde_json::{Value, json};

use crate::hostile::HOSTILE;
use crate::page::Page;
use crate::process::{Data, wait_until};
use crate::receiver::{Ca, Door, Receiver, Reply};
use crate::stage::Stage;

/// Every page that shows what comes from outside, as an admin sees it. `{automation}`, `{integration}`,
/// `{delivery}` and `{alert}` are ids of what [`scene`] makes.
const PAGES: &[&str] = &[
    "/automations",
    "/automations/{automation}",
    "/automations/{automation}/edit",
    "/automations/{automation}/delete",
    "/automations/new?from={automation}",
    "/deliveries",
    "/deliveries?record_id={record}",
    "/deliveries/{delivery}",
    "/deliveries/{delivery}/discard",
    "/alerts/{alert}",
    "/integrations/{integration}",
    "/integrations/{integration}/retry-dead",
    "/audit?subject={automation}",
];

/// A text for the names, which must not have control characters or be too long.
fn texts() -> impl Iterator<Item = (usize, &'static str)> {
    HOSTILE.into_iter().enumerate()
}

fn record(number: usize, text: &str) -> Value {
    json!({
        "id": format!("{number} {text}"), "org_id": text, "source": text, "content": text, "type": text,
        "segment": text, "channel": text, "product_area": text, "conversation_id": text, "source_url": text,
        "tags": [text], "metadata": {"arr": text, text: text},
        "levels": {"escalation_level": "extreme", "emotional_intensity_level": "extreme"},
    })
}

/// What a test needs to write a path.
struct Scene {
    stage: Stage,
    _receiver: Receiver,
    /// For each text: the names in paths and their ids.
    names: Vec<Vec<(&'static str, String)>>,
}

/// For each text an automation, a webhook, a condition and a record of that text, and a receiver that answers with
/// all of them.
fn scene() -> Option<Scene> {
    crate::wire::chromium()?;
    let data = Data::init();
    let authority = Ca::new();
    let ca = data.beside("receiver-ca.pem");
    std::fs::write(&ca, authority.pem()).expect("a file");
    let receiver = Receiver::start(Door::tls(authority.issue(&["127.0.0.1"])), |_, _| {
        let body = HOSTILE.join("\n");
        Reply::head(format!(
            "HTTP/1.1 400 <hostile-element>\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ))
        .bytes(&body)
    });
    let ca = crate::process::path_text(&ca);
    let stage = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &ca)])?;
    let mut names = Vec::new();
    for (number, text) in texts() {
        let made = stage.automation(&json!({
            "name": format!("{number} {text}"), "active": true,
            "filter": {"all": [{"field": "segment", "op": "eq", "value": text},
                               {"field": "metadata.arr", "op": "in", "value": [text, "x"]}]},
            "integrations": [{"kind": "webhook", "name": format!("{number} {text}"),
                              "url": format!("https://127.0.0.1:{}/hook", receiver.addr.port()),
                              "auth": {"method": "none"},
                              "condition": {"field": "content", "op": "contains", "value": text}}],
        }));
        let records = json!({"records": [record(number, text)]});
        let taken = stage.service.ok("POST", "/v1/records", &records);
        assert_eq!(taken["rejected"].as_array().map_or(0, Vec::len), 0, "{taken}");
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        let automation = id(&made);
        let list = format!("/v1/deliveries?automation_id={automation}");
        let mut first = Value::Null;
        wait_until("it is refused", || {
            first = stage.service.ok("GET", &list, &Value::Null)["data"][0].clone();
            first["attempt_count"].as_u64().is_some_and(|count| count > 0)
        });
        let record_id = format!("{number} {text}");
        let encoded = url::form_urlencoded::byte_serialize(record_id.as_bytes()).collect();
        names.push(vec![
            ("{automation}", automation),
            ("{integration}", id(&made["integrations"][0])),
            ("{alert}", first["alert_id"].as_str().expect("an alert").to_owned()),
            ("{delivery}", id(&first)),
            ("{record}", encoded),
        ]);
    }
    Some(Scene { stage, _receiver: receiver, names })
}

impl Scene {
    fn path(&self, number: usize, path: &str) -> String {
        let names = self.names[number].iter();
        names.fold(path.to_owned(), |path, (name, id)| path.replace(name, id))
    }
}

/// It is there, and no more than text.
fn is_text(page: &Page, text: &str, path: &str) {
    assert!(page.shows_as_text(text), "{path} does not show {text:?}:\n{}", page.text());
    page.is_unharmed();
}

#[test]
fn f12_hostile_text_is_text_on_every_page() {
    let Some(scene) = scene() else { return };
    let page = scene.stage.signed_in("admin").blank();
    for (number, text) in texts() {
        for path in PAGES {
            let path = scene.path(number, path);
            page.go(&path);
            is_text(&page, text, &path);
        }
    }
}

#[test]
fn f12_hostile_text_is_text_in_the_steps_of_the_editor() {
    let Some(scene) = scene() else { return };
    let page = scene.stage.signed_in("admin").blank();
    for (number, text) in texts() {
        page.go(&scene.path(number, "/automations/{automation}/edit"));
        page.click("Try the filter");
        page.sees("1 of the last 16 records would have fired.");
        is_text(&page, text, "tried");
        page.part("Alerts").click(&format!("Edit webhook {number} {}", name_of(text)));
        page.has("textbox", "URL");
        page.fill("URL", text);
        page.choose("Authentication method", "Custom Header");
        page.fill("Header name", text);
        page.click("Done");
        page.sees_error("URL", "");
        is_text(&page, text, "refused");
        page.run("document.querySelector('#editor').removeAttribute('data-dirty')");
    }
}

/// A name as the accessibility tree has it: blanks at its ends and in a row don't count.
fn name_of(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn f12_hostile_text_is_text_where_records_are_tried_and_sent() {
    let Some(scene) = scene() else { return };
    let page = scene.stage.signed_in("admin").blank();
    for (number, text) in texts() {
        for press in ["Dry run", "Send"] {
            page.go("/records");
            page.fill("Record, as JSON", &record(number, text).to_string());
            page.click(press);
            page.has(
                "heading",
                if press == "Send" { "What was sent" } else { "What would happen" },
            );
            is_text(&page, text, press);
        }
        page.go("/records");
        page.fill("Record, as JSON", text);
        page.click("Dry run");
        page.sees_error("Record, as JSON", "");
        is_text(&page, text, "what is no JSON");
        page.take_troubles();
    }
}

#[test]
fn f12_hostile_text_is_text_where_people_sign_in() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.visitor().blank();
    for text in HOSTILE {
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        page.go(&format!("/sign-in?next={encoded}"));
        page.is_unharmed();
        page.fill("Name", text);
        page.fill("Password", text);
        page.click("Sign in");
        page.has("alert", "");
        is_text(&page, text, "sign-in");
        page.take_troubles();
        page.go(&format!("/nothing/{encoded}"));
        page.is_unharmed();
        page.take_troubles();
    }
}
