//! The real program with much to do and little to do it with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use process::{Data, Listener, Service, call, path_text, record, wait_until};
use serde_json::{Value, json};

/// An automation for the records of one segment, with one webhook; its id.
fn automation(service: &Service, segment: &str, url: &str) -> String {
    let answer = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": segment, "active": true,
                "filter": {"field": "segment", "op": "eq", "value": segment},
                "integrations": [{"kind": "webhook", "name": segment, "url": url,
                                  "auth": {"method": "none"}}]}),
    );
    answer["integrations"][0]["id"].as_str().unwrap().to_owned()
}

fn of_segment(id: &str, segment: &str) -> Value {
    let mut record = record(id);
    record["segment"] = json!(segment);
    record
}

/// Matrix B7: ten thousand records wait for one destination: another's go out in their turn, and memory
/// holds a window of them.
#[test]
fn b7_a_flood_for_one_destination_is_no_other_ones_trouble() {
    let data = Data::init();
    let script = data.beside("script");
    std::fs::write(&script, "script big\n0s 200 after 50ms\nscript small\n0s 200\n").unwrap();
    let listener = Listener::start(&data, "receiver", &["--script", &path_text(&script)]);
    let ca = path_text(&listener.ca);
    let service = Service::start(&data, &[("BELFRY__EGRESS__CA_FILES", &ca)]);
    automation(&service, "big", &format!("{}/big", listener.url));
    automation(&service, "small", &format!("{}/small", listener.url));
    for call in 0..100 {
        let records = (0..100).map(|n| of_segment(&format!("big-{call}-{n}"), "big"));
        let records = json!({ "records": records.collect::<Vec<_>>() });
        assert_eq!(service.call("POST", "/v1/records", &records).0, 202);
    }
    for n in 0..10 {
        let id = format!("small-{n}");
        let records = json!({ "records": [of_segment(&id, "small")] });
        assert_eq!(service.call("POST", "/v1/records", &records).0, 202);
        service.wait_for_state(&id, "delivered");
    }
    let big = listener.requests().iter().filter(|each| each["path"] == "/big").count();
    assert!(big < 10_000, "they had to wait for all of the flood");
    let most = service.most_memory_mib();
    assert!(most < 128, "{most} MiB");
}

/// Waiting deliveries by the hundred thousand, all of one alert's bytes: faster than through the API.
fn fill(data: &Data, service: &Service, rows: u32) {
    service.wait_for_state("first", "pending");
    let database = rusqlite::Connection::open(data.dir().join("belfry.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    database
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
               LIMIT {rows}) SELECT i FROM n;
             INSERT INTO alerts (automation_id, record_id, org_id, escalated_at, digest, body)
               SELECT automation_id, 'many-' || i, org_id, escalated_at, digest, body
               FROM n, (SELECT * FROM alerts LIMIT 1);
             INSERT INTO deliveries (alert_id, integration_id, state, queue_at, due_at, expires_at,
               created_at)
               SELECT alerts.id, integration_id, state, queue_at, due_at, expires_at, created_at
               FROM alerts, (SELECT * FROM deliveries LIMIT 1) WHERE record_id LIKE 'many-%';
             COMMIT;"
        ))
        .unwrap();
}

/// Matrix G5: a hundred thousand deliveries wait, and the process may have 256 MiB of memory.
#[test]
fn g5_a_long_queue_goes_out_in_little_memory() {
    let data = Data::init();
    let listener = Listener::start(&data, "receiver", &[]);
    let ca = path_text(&listener.ca);
    let settings = [("BELFRY__EGRESS__CA_FILES", ca.as_str())];
    let mut service = Service::start(&data, &settings);
    let id = service.automation(&[format!("{}/hook", listener.url)]).remove(0);
    service.ok("POST", &format!("/v1/integrations/{id}/pause"), &json!({}));
    assert_eq!(service.send("first").0, 202);
    fill(&data, &service, 100_000);
    service.terminate();
    assert!(service.wait_for_end().success());
    // What it may write to: address space that is only set aside costs nothing.
    let service = Service::start_after("ulimit -d 262144", &data, &settings);
    service.ok("POST", &format!("/v1/integrations/{id}/resume"), &json!({}));
    wait_until("a part of it has gone out", || listener.requests().len() > 2000);
    assert_eq!(service.send("afterwards").0, 202);
    let most = service.most_memory_mib();
    assert!(most < 128, "{most} MiB");
}

/// Matrix G4: with 64 open files at most, callers may be kept waiting or turned away, and alerts go out
/// later; the process lives, and what it acknowledged arrives.
#[test]
fn g4_few_files_turn_callers_away_and_lose_nothing() {
    let data = Data::init();
    let listener = Listener::start(&data, "receiver", &[]);
    let ca = path_text(&listener.ca);
    let settings = [
        ("BELFRY__EGRESS__CA_FILES", ca.as_str()),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "200ms"),
    ];
    let mut service = Service::start_after("ulimit -n 64", &data, &settings);
    service.automation(&[format!("{}/hook", listener.url)]);
    let address = service.addr;
    let token = data.token.as_str();
    // Callers that say nothing hold most of the files until they are given up.
    let silent: Vec<_> = (0..100).map(|_| std::net::TcpStream::connect(address)).collect();
    let acknowledged: usize = std::thread::scope(|scope| {
        let callers = (0..20).map(|n| {
            scope.spawn(move || {
                let records = json!({ "records": [record(&format!("r{n}"))] });
                let answer = call(address, token, "POST", "/v1/records", &records);
                usize::from(answer.is_some_and(|(status, _)| status == 202))
            })
        });
        callers.collect::<Vec<_>>().into_iter().map(|each| each.join().unwrap()).sum()
    });
    drop(silent);
    assert!(service.ended().is_none(), "{}", service.log());
    wait_until("what was acknowledged is received", || listener.taken().len() >= acknowledged);
    assert_eq!(service.send("afterwards").0, 202);
    service.wait_for_state("afterwards", "delivered");
}
