//! Two services in a chain over TLS: one sends, the other relays, and one of them is killed again and again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::front::Front;
use crate::process::{Data, Listener, Service, path_text, record, wait_until};
use crate::receiver::Ca;

const KILLS: u64 = 6;
const BATCH: u64 = 20;

/// The next choice of a run that its seed repeats.
fn splitmix(state: u64) -> u64 {
    let x = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 27)
}

/// Starts a service that trusts both the front's authority and the receiver's.
fn start(data: &Data, cas: &str) -> Service {
    let settings = [
        ("BELFRY__EGRESS__CA_FILES", cas),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "500ms"),
        ("BELFRY__LOG__LEVEL", "error"),
    ];
    Service::start(data, &settings)
}

/// What the first one acknowledged is received at the end of the chain; what comes twice was on its way
/// when one was killed.
#[test]
fn a_chain_loses_nothing_when_one_is_killed() {
    let ca = Ca::new();
    let (first, second) = (Data::init(), Data::init());
    let front = Front::start(&ca);
    let receiver = Listener::start(&second, "receiver", &["--fail-every", "9"]);
    let both = second.beside("both.pem");
    let theirs = std::fs::read_to_string(&receiver.ca).unwrap();
    std::fs::write(&both, format!("{}{theirs}", ca.pem())).unwrap();
    let cas = path_text(&both);
    let mut sends = start(&first, &cas);
    let mut relays = start(&second, &cas);
    front.lead_to(Some(relays.addr));
    let auth = json!({"method": "bearer", "credential": "sentinel-chain"});
    let made = relays.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "relay", "trigger": "relay", "inbound_auth": auth, "integrations": [
            {"kind": "webhook", "url": format!("{}/hook", receiver.url), "auth": {"method": "none"}}]}),
    );
    let to = front.url(made["inbound_url"].as_str().unwrap());
    let hook = json!({"kind": "webhook", "url": to, "auth": auth});
    let all = json!({"name": "all", "integrations": [hook]});
    let automation = sends.ok("POST", "/v1/automations", &all);

    let mut sent = BTreeSet::new();
    let seed = std::env::var("BELFRY_SEED").map_or(20_261_125, |text| text.parse().unwrap());
    println!("BELFRY_SEED={seed}");
    let mut moments = seed;
    for round in 0..KILLS {
        moments = splitmix(moments);
        let moment = moments % BATCH;
        for number in 0..BATCH {
            // While others are under way. One after the other, so that alerts are cut off on each side.
            if number == moment && round % 2 == 0 {
                front.lead_to(None);
                relays.kill();
                relays = start(&second, &cas);
                front.lead_to(Some(relays.addr));
            } else if number == moment {
                sends.kill();
                sends = start(&first, &cas);
            }
            let id = format!("r{round}-{number}");
            wait_until("it is acknowledged", || {
                let body = json!({"records": [record(&id)]});
                let answer = sends.try_call("POST", "/v1/records", &body);
                matches!(answer, Some((202, _)))
            });
            sent.insert(id);
        }
    }
    wait_until("all is delivered on both sides", || {
        let waiting = |service: &Service, state: &str| {
            let path = format!("/v1/deliveries?state={state}&limit=1");
            service.ok("GET", &path, &Value::Null)["data"].as_array().unwrap().len()
        };
        [&sends, &relays]
            .iter()
            .all(|each| waiting(each, "pending") + waiting(each, "in_flight") == 0)
    });
    let taken = receiver.taken();
    let automation = automation["id"].as_str().unwrap();
    let record_of = |key: &String| key.rsplit(':').next().unwrap().to_owned();
    assert!(taken.keys().all(|key| key.starts_with(&format!("{automation}:"))), "{taken:?}");
    let received: BTreeSet<String> = taken.keys().map(record_of).collect();
    assert_eq!(received, sent, "one key for each record, and none is missing");
    let mut twice: BTreeMap<&String, usize> = BTreeMap::new();
    for (key, requests) in &taken {
        let bodies: BTreeSet<String> =
            requests.iter().map(|each| each["body_sha256"].to_string()).collect();
        assert_eq!(bodies.len(), 1, "{key} came with different bodies");
        if requests.len() > 1 {
            twice.insert(key, requests.len() - 1);
        }
    }
    // Only the relay's own kills can double what the receiver sees, and only what was on the wire then.
    let most = (KILLS as usize).div_ceil(2);
    assert!(twice.values().all(|extra| *extra <= most), "{twice:?}");
    assert!(twice.len() <= most * 8, "no more than can be in flight at once: {twice:?}");
}
