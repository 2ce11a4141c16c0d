//! `GET /metrics`: its form, what is counted, who may read it, and that it stays short.

use std::collections::BTreeSet;

use belfry::domain::limits::{METRICS_DEEPEST, METRICS_OPEN};
use belfry::metrics::Access;
use serde_json::{Value, json};

use crate::client::connect;
use crate::service::{Options, Service, until};

fn page(service: &Service) -> String {
    let answer = service.json("GET", "/metrics", &Value::Null);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// The number behind a name with its labels.
fn number(page: &str, name: &str) -> Option<u64> {
    let found = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.map(|number| number.parse().unwrap_or_else(|error| panic!("{name} {number}: {error}")))
}

/// Asks until all these numbers are told.
fn told(service: &Service, numbers: &[(&str, u64)]) {
    let mut last = String::new();
    let all = format!("{numbers:#?}");
    let timely = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until(&all, || {
            last = page(service);
            numbers.iter().all(|(name, expected)| number(&last, name) == Some(*expected))
        });
    }));
    for (name, expected) in numbers {
        assert_eq!(number(&last, name), Some(*expected), "{name} in\n{last}");
    }
    assert!(timely.is_ok());
}

fn record(id: &str) -> Value {
    json!({"id": id, "org_id": "acme-geheim", "content": "text-geheim", "source": "src-geheim",
           "levels": {"escalation_level": "extreme", "emotional_intensity_level": "high"}})
}

fn send(service: &Service, records: &[Value]) {
    let answer = service.call(
        "ingest",
        "POST",
        "/v1/records",
        &[],
        json!({ "records": records }).to_string().as_bytes(),
    );
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// An automation with one integration; the integration's id.
fn integration(service: &Service, url: &str) -> String {
    let body = json!({"name": "automation-geheim", "integrations": [
        {"kind": "webhook", "name": "name-geheim", "url": url, "signing": true,
         "auth": {"method": "custom_header", "header_name": "x-header-geheim",
                  "credential": "credential-geheim"}}]});
    let made = service.ok("POST", "/v1/automations", &body);
    made["integrations"][0]["id"].as_str().unwrap().to_owned()
}

/// Every line that is no comment belongs to a metric whose type was told, and the page has an end.
#[test]
fn the_page_has_the_form_that_scrapers_read() {
    let service = Service::start();
    integration(&service, "https://ops.example.com/");
    let answer = service.json("GET", "/metrics", &Value::Null);
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(form));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.ends_with("\n# EOF\n"));
    let mut types = BTreeSet::new();
    for line in answer.body.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram", "info"].contains(&kind), "{line}");
            types.insert(name.to_owned());
        } else if !line.starts_with("# ") {
            let name = line.split([' ', '{']).next().unwrap();
            let ends = ["", "_total", "_info", "_sum", "_count", "_bucket"];
            let known = ends
                .iter()
                .any(|end| name.strip_suffix(end).is_some_and(|name| types.contains(name)));
            assert!(known, "{line}");
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(types.len() > 20, "{types:?}");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for name in &types {
        let total = format!("`{name}_total");
        let told = page.contains(&format!("`{name}")) || page.contains(&total);
        assert!(told, "README.md does not tell of {name}");
    }
}

#[test]
fn counts_rise_with_what_happens() {
    let service = Service::start();
    let good = integration(&service, "https://ops.example.com/");
    let bad = integration(&service, "https://ops.example.com/status/503");
    let mut records: Vec<Value> = (0..5).map(|number| record(&format!("id-{number}"))).collect();
    records.push(json!({"id": "no text"}));
    send(&service, &records);
    send(&service, &records[..2]);
    let of = |name: &str, id: &str| format!("belfry_{name}{{integration=\"{id}\"}}");
    let circuit =
        |id: &str, state| format!("belfry_circuits{{integration=\"{id}\",state=\"{state}\"}}");
    told(
        &service,
        &[
            ("belfry_records_total{result=\"accepted\"}", 7),
            ("belfry_records_total{result=\"rejected\"}", 1),
            ("belfry_records_total{result=\"refused\"}", 0),
            ("belfry_alerts_total{result=\"fired\"}", 10),
            ("belfry_alerts_total{result=\"duplicate\"}", 4),
            ("belfry_attempts_total{result=\"2xx\"}", 5),
            ("belfry_attempts_total{result=\"5xx\"}", 5),
            ("belfry_attempts_total{result=\"timeout\"}", 0),
            ("belfry_attempt_duration_seconds_count", 10),
            ("belfry_attempt_duration_seconds_bucket{le=\"0.01\"}", 0),
            ("belfry_attempt_duration_seconds_bucket{le=\"0.025\"}", 10),
            ("belfry_deliveries_total{state=\"delivered\"}", 5),
            ("belfry_deliveries_total{state=\"dead\"}", 0),
            ("belfry_circuit_openings_total", 1),
            ("belfry_integrations{status=\"active\"}", 2),
            ("belfry_attempts_in_flight", 0),
            ("belfry_actor_restarts_total", 0),
            ("belfry_actors_parked", 0),
            ("belfry_store_writable", 1),
            (&of("queue_depth", &good), 0),
            (&of("queue_depth", &bad), 5),
            (&of("queue_depth", "other"), 0),
            (&circuit(&good, "closed"), 1),
            (&circuit(&bad, "closed"), 0),
            (&circuit(&bad, "open"), 1),
        ],
    );
    assert!(number(&page(&service), "belfry_store_commits_total").unwrap() > 0);

    let found = service.ok("GET", "/v1/deliveries?state=pending&limit=1", &Value::Null);
    let id = found["data"][0]["id"].as_str().unwrap();
    service.ok("POST", &format!("/v1/deliveries/{id}/discard"), &Value::Null);
    service.ok("POST", &format!("/v1/integrations/{bad}/pause"), &Value::Null);
    told(
        &service,
        &[
            ("belfry_discarded_deliveries", 1),
            (&of("queue_depth", &bad), 4),
            ("belfry_integrations{status=\"active\"}", 1),
            ("belfry_integrations{status=\"paused\"}", 1),
        ],
    );
}

/// Matrix D17: neither what is secret nor what people wrote is in a label or anywhere else on the page.
#[test]
fn d17_no_name_no_address_no_text_and_no_credential_is_told() {
    let service = Service::start();
    integration(&service, "https://host-geheim.example.com/refused?key=geheim");
    integration(&service, "https://host-geheim.example.com/");
    send(&service, &[record("id-geheim")]);
    told(
        &service,
        &[
            ("belfry_attempts_total{result=\"refused\"}", 1),
            ("belfry_attempts_total{result=\"2xx\"}", 1),
        ],
    );
    let page = page(&service);
    for word in ["geheim", "example.com", "203.0.113.7", "whsec_", "bfy_", "x-header"] {
        assert!(!page.contains(word), "{word} in\n{page}");
    }
}

#[test]
fn who_may_read_it_is_a_setting() {
    let get = |service: &Service, who: &str| service.call(who, "GET", "/metrics", &[], b"");
    let statuses = |service: &Service| {
        ["", "ingest", "viewer", "editor", "admin"].map(|who| get(service, who).status)
    };
    let with = |access| Service::start_with(Options { access, ..Options::default() });

    let token = with(Access::Token);
    assert_eq!(statuses(&token), [401, 403, 200, 200, 200]);
    assert_eq!(get(&token, "").code(), "unauthorized");

    let open = with(Access::Open);
    assert_eq!(statuses(&open), [200; 5]);
    let nobody = open.call("", "GET", "/v1/automations", &[], b"");
    assert_eq!(nobody.status, 401, "nothing else is open");

    let off = with(Access::Off);
    assert_eq!(statuses(&off), [404; 5]);
    assert_eq!(get(&off, "admin").code(), "not_found");

    assert_eq!(Access::default(), Access::Token, "where nobody says anything");
}

#[test]
fn a_store_that_is_full_is_told() {
    let service = Service::start_with(Options { max_pages: Some(100), ..Options::default() });
    integration(&service, "https://ops.example.com/status/503");
    let mut number = 0;
    until("it is full", || {
        number += 1;
        let mut record = record(&format!("r{number}"));
        record["content"] = json!("x".repeat(1500));
        let body = json!({ "records": [record, {"id": "wrong"}] });
        service.json("POST", "/v1/records", &body).status == 503
    });
    told(
        &service,
        &[
            ("belfry_store_writable", 0),
            ("belfry_records_total{result=\"refused\"}", 1),
            ("belfry_records_total{result=\"accepted\"}", number - 1),
            ("belfry_records_total{result=\"rejected\"}", number - 1),
            ("belfry_queues_read", 1),
        ],
    );
}

#[test]
fn open_connections_are_counted_until_they_end() {
    let service = Service::start();
    let open = [connect(service.addr), connect(service.addr), connect(service.addr)];
    told(&service, &[("belfry_http_connections", 4)]);
    drop(open);
    told(&service, &[("belfry_http_connections", 1)]);
}

/// Matrix G6: the page of 10,000 integrations is as long as that of 200, and no number is left out.
#[test]
fn g6_ten_thousand_integrations_make_no_longer_page() {
    let service = Service::start();
    integration(&service, "https://ops.example.com/");
    let few = page(&service).lines().count();
    // As another process would: the service reads them, and has nothing to send.
    let database = rusqlite::Connection::open(service.dir.path().join("belfry.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    database
        .execute_batch(
            "BEGIN IMMEDIATE;
             WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000)
             INSERT INTO integrations (id, automation_id, place, kind, name, url, auth_method, signing,
               http1_only, ordering, status, circuit_since, created_at)
             SELECT CAST(printf('%016d', x) AS BLOB), (SELECT id FROM automations), x, 'webhook', 'i',
               'https://a.example/', 'none', 0, 0, 'due', 'paused', iif(x <= 300, 1, NULL), 0 FROM n;
             INSERT INTO alerts (id, automation_id, record_id, org_id, escalated_at, digest, body)
             SELECT 1, id, 'r', 'acme', 0, zeroblob(32), x'7b7d' FROM automations;
             INSERT INTO deliveries (alert_id, integration_id, state, queue_at, due_at, expires_at,
               created_at)
             SELECT 1, id, 'pending', 0, 0, 0, 0 FROM integrations, (VALUES (1), (2))
             WHERE status = 'paused' AND (column1 = 1 OR place > 9950);
             COMMIT;",
        )
        .unwrap();
    told(&service, &[("belfry_integrations{status=\"paused\"}", 10_000)]);
    let page = page(&service);
    let most = METRICS_DEEPEST + METRICS_OPEN;
    let names: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.split_once("integration=\"")?.1.split('"').next())
        .collect();
    assert_eq!(names.len(), most + 1, "all that may have a name, and the others");
    let an_integration = 6;
    assert!(page.lines().count() <= few + most * an_integration, "{}", page.lines().count());
    assert!(page.len() < 256 * 1024, "{} bytes", page.len());
    let sum = |start: &str, end: &str| -> u64 {
        let lines = page.lines().filter(|line| line.starts_with(start) && line.contains(end));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    assert_eq!(sum("belfry_queue_depth{", ""), 10_050);
    assert_eq!(sum("belfry_circuits{", "state=\"open\""), 300);
    assert_eq!(sum("belfry_circuits{", "state=\"closed\""), 9701);
    let deepest = page.lines().filter(|line| line.starts_with("belfry_queue_depth{"));
    assert_eq!(deepest.filter(|line| line.ends_with("} 2")).count(), 50, "the deepest have names");
}
