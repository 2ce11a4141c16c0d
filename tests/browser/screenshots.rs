//! Pictures of every page, for eyes: `BELFRY_SCREENSHOTS=1 cargo test --test browser screenshots` paints them
//! into `target/screenshots`, in light and dark, wide and narrow, each as high as its page.

use serde_json::{Value, json};

use crate::page::place;
use crate::process::{Data, Listener, path_text, record};
use crate::stage::Stage;

/// Each page: the file's name, and the path as an admin sees it. `{automation}`, `{integration}` and
/// `{delivery}` are ids of what [`scene`] makes.
const PAGES: &[(&str, &str)] = &[
    ("docs", "/docs"),
    ("sign-in", "/sign-in"),
    ("welcome", "/welcome"),
    ("overview", "/"),
    ("automations", "/automations"),
    ("automation", "/automations/{automation}"),
    ("automation-delete", "/automations/{automation}/delete"),
    ("automation-edit", "/automations/{automation}/edit"),
    ("automation-new", "/automations/new"),
    ("integration", "/integrations/{integration}"),
    ("integration-failing", "/integrations/{failing}"),
    ("integration-retry", "/integrations/{failing}/retry-dead"),
    ("deliveries", "/deliveries"),
    ("deliveries-discard", "/deliveries/discard?state=pending"),
    ("delivery", "/deliveries/{delivery}"),
    ("alert", "/alerts/{alert}"),
    ("delivery-discard", "/deliveries/{delivery}/discard"),
    ("records", "/records"),
    ("phrases", "/phrases"),
    ("phrases-of", "/phrases/organisation?org_id=acme"),
    ("phrases-delete", "/phrases/delete?org_id=acme"),
    ("people", "/people"),
    ("people-new", "/people/new"),
    ("inbound", "/inbound"),
    ("inbound-new", "/inbound/new"),
    ("tokens", "/tokens"),
    ("tokens-new", "/tokens/new"),
    ("audit", "/audit"),
    ("settings", "/settings"),
    ("password", "/password"),
    ("missing", "/nowhere"),
];

/// Those that are seen by who is not signed in.
const OPEN: [&str; 2] = ["sign-in", "welcome"];

const WINDOWS: [(&str, u32, u32); 2] = [("wide", 1280, 900), ("narrow", 390, 844)];

/// Something to be seen: an automation whose one destination takes its alerts, and one that refuses them.
fn scene(stage: &Stage, receiver: &Listener) -> Vec<(&'static str, String)> {
    let webhook = |name: &str, url: String| json!({"kind": "webhook", "name": name, "url": url, "auth": {"method": "none"}});
    let made = stage.automation(&json!({
        "name": "Outages to the people on call", "active": true,
        "integrations": [webhook("Operations", format!("{}/hook", receiver.url)),
                         webhook("Nobody there", "https://127.0.0.1:9/hook".to_owned())],
    }));
    for number in 0..5 {
        stage.service.ok(
            "POST",
            "/v1/records",
            &json!({"records": [record(&format!("ticket-{number}"))]}),
        );
    }
    let phrases = json!({"add": [{"family": "legal", "weight": 0.65, "phrase": "our counsel"}],
                         "exclude": ["lawyer quest"]});
    stage.service.ok("PUT", "/v1/phrases/acme", &phrases);
    crate::process::wait_until("the receiver has all", || receiver.taken().len() == 5);
    let deliveries = stage.service.ok("GET", "/v1/deliveries?record_id=ticket-0", &Value::Null);
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    vec![
        ("{automation}", id(&made)),
        ("{integration}", id(&made["integrations"][0])),
        ("{failing}", id(&made["integrations"][1])),
        ("{delivery}", id(&deliveries["data"][0])),
        ("{alert}", deliveries["data"][0]["alert_id"].as_str().expect("an id").to_owned()),
    ]
}

#[test]
fn screenshots_of_every_page() {
    if std::env::var_os("BELFRY_SCREENSHOTS").is_none() {
        return println!("left out: pictures are taken where BELFRY_SCREENSHOTS is set");
    }
    let data = Data::init();
    let receiver = Listener::start(&data, "receiver", &[]);
    let trusted = path_text(&receiver.ca);
    let Some(stage) = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &trusted)]) else {
        return;
    };
    let names = scene(&stage, &receiver);
    let admin = stage.signed_in("admin");
    let nobody = stage.visitor();
    for (name, path) in PAGES {
        let path = names.iter().fold((*path).to_owned(), |path, (name, id)| path.replace(name, id));
        let page = if OPEN.contains(name) { nobody.blank() } else { admin.blank() };
        for (window, width, height) in WINDOWS {
            page.window(width, height);
            page.go(&path);
            page.light();
            page.picture(&place("screenshots").join(format!("{name}-{window}-light.png")));
            page.dark();
            page.picture(&place("screenshots").join(format!("{name}-{window}-dark.png")));
        }
    }
}
