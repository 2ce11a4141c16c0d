//! Relays through the outermost door: what another system posts goes on byte for byte and once, loops end,
//! and two services in a chain lose nothing however often one of them is killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod chain;
mod front;
#[path = "../process/mod.rs"]
mod process;
#[path = "../receiver/mod.rs"]
mod receiver;
mod sender;

use std::time::{Duration, Instant};

use front::Front;
use process::{Data, Service, path_text, wait_until};
use receiver::{Ca, Door, Receiver, Reply};
use sender::{post, post_with};
use serde_json::{Value, json};

/// A service that trusts the authority and tries again soon.
fn serve(data: &Data, ca: &Ca) -> Service {
    let file = data.beside("ca.pem");
    std::fs::write(&file, ca.pem()).unwrap();
    Service::start(
        data,
        &[
            ("BELFRY__EGRESS__CA_FILES", path_text(&file).as_str()),
            ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
            ("BELFRY__DELIVERY__RETRY__CAP", "1s"),
        ],
    )
}

/// A relay that passes alerts on to these addresses; its path, and the ids of its integrations.
fn relay(service: &Service, urls: &[String]) -> (String, Vec<String>) {
    let webhooks: Vec<Value> = urls
        .iter()
        .map(|url| json!({"kind": "webhook", "url": url, "auth": {"method": "none"}}))
        .collect();
    let made = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "relay", "trigger": "relay", "integrations": webhooks}),
    );
    let path = made["inbound_url"].as_str().unwrap().to_owned();
    let ids = made["integrations"].as_array().unwrap().iter();
    (path, ids.map(|each| each["id"].as_str().unwrap().to_owned()).collect())
}

fn always(status: u16) -> impl Fn(usize, &receiver::Seen) -> Reply + Send + Sync + 'static {
    move |_, _| Reply::status(status)
}

/// Everything in `fixtures/relay` goes on as the very bytes that came in, under a key that the body's ids
/// make, and once for each key of its sender.
#[test]
fn what_is_posted_goes_on_byte_for_byte() {
    let (data, ca) = (Data::init(), Ca::new());
    let receiver = Receiver::start(Door::tls(ca.issue(&["127.0.0.1"])), always(204));
    let service = serve(&data, &ca);
    let (path, ids) = relay(&service, &[receiver.url("/hook")]);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/relay");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let keys = ["team%3A7%20%C3%A9%25", "automation-uuid", "automation-uuid"];
    let records = ["a:b/%C3%A4%20%25", "record-id", "record-2"];
    assert_eq!(files.len(), keys.len());
    for (number, file) in files.iter().enumerate() {
        let body = std::fs::read(file).unwrap();
        let first = post(service.addr, &path, &[("idempotency-key", "k")], &body);
        let own = [("idempotency-key", format!("key-{number}"))];
        let headers: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, answer) = post(service.addr, &path, &headers, &body);
        assert_eq!((status, &answer["duplicate"]), (202, &json!(false)), "{file:?}: {answer}");
        let again = post(service.addr, &path, &headers, &body);
        assert_eq!(again.1["duplicate"], json!(true));
        assert_eq!((&again.1["alert"], again.0), (&answer["alert"], 202));
        // The first file's key is taken for all that come with it.
        assert_eq!(first.1["duplicate"], json!(number > 0), "{first:?}");
        let delivery = answer["deliveries"][0].as_str().unwrap().to_owned();
        let path = format!("/v1/deliveries/{delivery}");
        quiet(&service, number + 2);
        let seen = receiver.log().requests.pop().unwrap();
        assert_eq!(seen.body, body, "{file:?}");
        let expected = format!("{}:{}:{}", keys[number], ids[0], records[number]);
        assert_eq!(seen.header("idempotency-key"), Some(expected.as_str()));
        assert_eq!(seen.header("user-agent"), Some("SupportEscalationAutomation/1.0"));
        let shown = service.ok("GET", &path, &Value::Null);
        assert_eq!(shown["idempotency_key"], json!(expected));
        let headers = shown["attempts"][0]["request"]["headers"].to_string();
        assert!(headers.contains(&expected), "{headers}");
    }
    assert_eq!(receiver.log().requests.len(), files.len() + 1, "duplicates go nowhere");
}

/// Without a key alerts are told apart by the automation and the record of their bodies.
#[test]
fn without_a_key_the_alert_tells_itself() {
    let (data, ca) = (Data::init(), Ca::new());
    let service = serve(&data, &ca);
    let (path, _) = relay(&service, &[]);
    let mut duplicates = Vec::new();
    for (automation, record) in [("a", "r"), ("b", "r"), ("a", "r"), ("a", "s")] {
        let body =
            json!({"automation_id": automation, "record": {"id": record}, "n": duplicates.len()});
        let (status, answer) = post(service.addr, &path, &[], body.to_string().as_bytes());
        assert_eq!(status, 202, "{answer}");
        duplicates.push(answer["duplicate"] == json!(true));
    }
    assert_eq!(duplicates, [false, false, true, false]);
    let found = service.ok("GET", "/v1/deliveries?record_id=r", &Value::Null);
    assert_eq!(found["data"], json!([]), "there is no destination");
}

/// Each method, with the right credential, a wrong one, none, and two.
#[test]
fn a_sender_must_prove_who_it_is() {
    let (data, ca) = (Data::init(), Ca::new());
    let service = serve(&data, &ca);
    for (method, name, value, header_name) in [
        ("bearer", "authorization", "Bearer sentinel-relay", None),
        ("api_key", "x-api-key", "sentinel-relay", None),
        ("custom_header", "x-relay-secret", "sentinel-relay", Some("X-Relay-Secret")),
    ] {
        let mut auth = json!({"method": method, "credential": "sentinel-relay"});
        if let Some(name) = header_name {
            auth["header_name"] = json!(name);
        }
        let relay = json!({"name": method, "trigger": "relay", "inbound_auth": auth});
        let made = service.ok("POST", "/v1/automations", &relay);
        assert!(!made.to_string().contains("sentinel"), "{made}");
        let path = made["inbound_url"].as_str().unwrap();
        let body = br#"{"automation_id": "a", "record": {"id": "r"}}"#;
        assert_eq!(post(service.addr, path, &[(name, value)], body).0, 202);
        let refused = post(service.addr, path, &[], body);
        assert_eq!((refused.0, &refused.1["code"]), (401, &json!("wrong_credential")));
        let wrong = format!("{value}x");
        let cut = &value[..value.len() - 1];
        for headers in [
            vec![(name, wrong.as_str())],
            vec![(name, cut)],
            vec![(name, "")],
            vec![(name, value), (name, value)],
            vec![("x-other", value)],
        ] {
            let answer = post(service.addr, path, &headers, b"not even JSON");
            assert_eq!(answer, refused, "missing and wrong look the same: {headers:?}");
        }
    }
}

/// The sender gets its answer at once, whatever the destinations do.
#[test]
fn a_sender_never_waits_for_destinations() {
    let (data, ca) = (Data::init(), Ca::new());
    let hangs = Receiver::start(Door::tls(ca.issue(&["127.0.0.1"])), |_, _| Reply::hang());
    let service = serve(&data, &ca);
    let urls = [hangs.url("/"), "https://127.0.0.1:9/nobody".to_owned()];
    let (path, _) = relay(&service, &urls);
    let began = Instant::now();
    for number in 0..20 {
        let body = json!({"automation_id": "a", "record": {"id": number.to_string()}}).to_string();
        let (status, answer) = post(service.addr, &path, &[], body.as_bytes());
        assert_eq!((status, answer["deliveries"].as_array().map(Vec::len)), (202, Some(2)));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Each integration takes the alerts that it is meant for; one that is switched off takes none, and its
/// sender keeps them.
#[test]
fn alerts_are_routed_and_a_relay_can_be_off() {
    let (data, ca) = (Data::init(), Ca::new());
    let service = serve(&data, &ca);
    let to = |name: &str, condition: Value| json!({"kind": "webhook", "name": name, "url": "https://127.0.0.1:9/", "condition": condition});
    let high = json!({"field": "levels.escalation_level", "op": "gte", "value": "high"});
    let own = json!({"field": "levels.escalation_level", "op": "eq", "value": "apocalyptic"});
    let teams = json!({"all": [
        {"field": "automation_id", "op": "in", "value": ["t1", "t2"]},
        {"field": "record.created_at", "op": "lt", "value": "2026-07-01T00:00:00Z"},
    ]});
    let made = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "routes", "trigger": "relay",
                "integrations": [to("high", high), to("own", own), to("teams", teams)]}),
    );
    let names: Vec<(String, String)> = made["integrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (each["id"].to_string(), each["name"].as_str().unwrap().to_owned()))
        .collect();
    let path = made["inbound_url"].as_str().unwrap();
    let went = |automation: &str, level: &str| -> Vec<String> {
        let body = json!({"automation_id": automation, "levels": {"escalation_level": level},
                          "record": {"id": level, "created_at": "2026-06-27T11:58:00Z"}});
        let (status, answer) = post(service.addr, path, &[], body.to_string().as_bytes());
        assert_eq!(status, 202, "{answer}");
        let ids = answer["deliveries"].as_array().unwrap().iter();
        ids.map(|id| {
            let path = format!("/v1/deliveries/{}", id.as_str().unwrap());
            let to = service.ok("GET", &path, &Value::Null)["integration_id"].to_string();
            names.iter().find(|(id, _)| *id == to).unwrap().1.clone()
        })
        .collect()
    };
    assert_eq!(went("x", "extreme"), ["high"]);
    assert_eq!(went("x", "low"), [""; 0]);
    assert_eq!(
        went("t1", "apocalyptic"),
        ["own", "teams"],
        "what has no order is compared as text"
    );
    let id = made["id"].as_str().unwrap();
    service.ok("PATCH", &format!("/v1/automations/{id}"), &json!({"active": false}));
    let body = br#"{"automation_id": "a", "record": {"id": "later"}}"#;
    let (status, answer, head) = post_with(service.addr, path, &[], body);
    assert_eq!((status, &answer["code"]), (503, &json!("relay_off")));
    assert!(head.to_ascii_lowercase().contains("retry-after: 60"), "{head}");
    service.ok("PATCH", &format!("/v1/automations/{id}"), &json!({"active": true}));
    assert_eq!(post(service.addr, path, &[], body).1["duplicate"], json!(false));
    service.ok("DELETE", &format!("/v1/automations/{id}"), &Value::Null);
    assert_eq!(post(service.addr, path, &[], body).0, 404);
}

/// Matrix B17: a relay that sends to itself takes each alert once more, under the key that it sends, and no
/// third time.
#[test]
fn b17_a_relay_that_points_at_itself_stops_after_one_round() {
    let (data, ca) = (Data::init(), Ca::new());
    let beside = Receiver::start(Door::tls(ca.issue(&["127.0.0.1"])), always(204));
    // An own address is refused as such: only a way round makes a loop.
    let front = Front::start(&ca);
    let service = serve(&data, &ca);
    front.lead_to(Some(service.addr));
    let (path, _) = relay(&service, &[beside.url("/")]);
    let id = path.rsplit('/').next().unwrap();
    service.ok(
        "POST",
        &format!("/v1/automations/{id}/integrations"),
        &json!({"kind": "webhook", "url": front.url(&path), "auth": {"method": "none"}}),
    );
    let body = include_bytes!("../../fixtures/relay/public-document.json");
    assert_eq!(post(service.addr, &path, &[("idempotency-key", "first")], body).0, 202);
    quiet(&service, 4);
    assert_eq!(front.requests(), 2, "out of the first, and of the one that came round");
    let keys: Vec<_> = beside
        .log()
        .requests
        .iter()
        .map(|seen| seen.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "the receiver beside it can tell");
}

/// Matrix B17: two relays that point at each other.
#[test]
fn b17_a_pair_of_relays_stops_after_one_round() {
    let ca = Ca::new();
    let (one, other) = (Data::init(), Data::init());
    let (to_one, to_other) = (Front::start(&ca), Front::start(&ca));
    let (one, other) = (serve(&one, &ca), serve(&other, &ca));
    to_one.lead_to(Some(one.addr));
    to_other.lead_to(Some(other.addr));
    let (path, _) = relay(&one, &[]);
    let (other_path, _) = relay(&other, &[to_one.url(&path)]);
    let id = path.rsplit('/').next().unwrap();
    one.ok(
        "POST",
        &format!("/v1/automations/{id}/integrations"),
        &json!({"kind": "webhook", "url": to_other.url(&other_path), "auth": {"method": "none"}}),
    );
    let body = include_bytes!("../../fixtures/relay/public-document.json");
    assert_eq!(post(one.addr, &path, &[("idempotency-key", "first")], body).0, 202);
    quiet(&one, 2);
    quiet(&other, 1);
    assert_eq!((to_other.requests(), to_one.requests()), (2, 1));
}

/// Waits until so many deliveries are there, all of them delivered.
fn quiet(service: &Service, deliveries: usize) {
    wait_until("the loop has ended", || {
        let all = service.ok("GET", "/v1/deliveries", &Value::Null);
        let all = all["data"].as_array().unwrap();
        all.len() == deliveries && all.iter().all(|each| each["state"] == "delivered")
    });
}
