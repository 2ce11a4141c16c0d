//! Bad input: each a clear refusal that names the field, and nothing stored.

use serde_json::{Value, json};

use crate::service::Service;

const SENTINEL: &str = "sentinel-d41d8cd98f00b204";

/// An automation whose one webhook has these members more.
fn webhook(members: &Value) -> Value {
    let mut webhook = json!({"kind": "webhook", "name": "w", "url": "https://ops.example.com/"});
    for (name, value) in members.as_object().unwrap() {
        webhook[name] = value.clone();
    }
    json!({"name": "a", "integrations": [webhook]})
}

fn custom_header(name: &str, credential: &str) -> Value {
    let auth = json!({"method": "custom_header", "header_name": name, "credential": credential});
    webhook(&json!({ "auth": auth }))
}

fn bearer(credential: &str) -> Value {
    webhook(&json!({"auth": {"method": "bearer", "credential": credential}}))
}

/// Refused with these pointers, and nothing stored.
fn refused(service: &Service, body: &Value, pointers: &[&str]) {
    let answer = service.json("POST", "/v1/automations", body);
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{body}: {answer:?}");
    assert_eq!(answer.pointers(), pointers, "{body}: {answer:?}");
}

fn nothing_is_stored(service: &Service) {
    let list = service.ok("GET", "/v1/automations", &Value::Null);
    assert_eq!(list, json!({"data": [], "next_cursor": null}));
}

/// Matrix D1: what is no https URL to somewhere is refused by its pointer.
#[test]
fn d1_urls_that_are_refused() {
    let service = Service::start();
    let long = format!("https://ops.example.com/{}", "x".repeat(2100));
    for url in [
        "http://ops.example.com/",
        "https://user:hunter2@ops.example.com/",
        "https://user@ops.example.com/",
        "https://@ops.example.com/",
        "https://",
        "https:///path",
        "https://:443/",
        "https://ops.example.com/#part",
        "https://ops.example.com:0/",
        "https://ops.example.com:65536/",
        "file:///etc/passwd",
        "unix:/run/x.sock",
        "javascript:alert(1)",
        "//ops.example.com/",
        "ops.example.com",
        "",
        " ",
        "https://ops.example.com/\nx",
        "https://exa mple.com/",
        &long,
    ] {
        refused(&service, &webhook(&json!({ "url": url })), &["/integrations/0/url"]);
    }
    for url in [json!(null), json!(7), json!(["https://ops.example.com/"])] {
        refused(&service, &webhook(&json!({ "url": url })), &["/integrations/0/url"]);
    }
    assert!(!service.ever_answered("hunter2"));
    nothing_is_stored(&service);
}

/// Matrix D1, D5: an address that could never be connected to is refused when it is saved, in every
/// spelling.
#[test]
fn d5_addresses_that_the_policy_refuses() {
    let service = Service::start();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "168.63.129.16",
        "100.100.100.200",
        "[64:ff9b::a9fe:a9fe]",
    ] {
        let url = format!("https://{host}/hook");
        refused(&service, &webhook(&json!({ "url": url })), &["/integrations/0/url"]);
    }
    nothing_is_stored(&service);
    service.ok("POST", "/v1/automations", &webhook(&json!({"url": "https://10.0.0.7/hook"})));
}

/// Matrix D17: header names and credentials that can't travel, or that the request uses itself.
#[test]
fn d17_header_names_and_credentials_that_are_refused() {
    let service = Service::start();
    let name = "/integrations/0/auth/header_name";
    let credential = "/integrations/0/auth/credential";
    let long = "x".repeat(65);
    for header in [
        "Content-Length",
        "Host",
        "Transfer-Encoding",
        "Connection",
        "User-Agent",
        "Content-Type",
        "Idempotency-Key",
        "webhook-id",
        "Proxy-Authorization",
        "Sec-Fetch-Site",
        "TE",
        "Expect",
        "X-Forwarded-For",
        "Accept-Encoding",
        "Upgrade",
        "Via",
        "",
        " ",
        "a b",
        "a:b",
        "a\r\nb",
        "é",
        ":path",
        &long,
    ] {
        refused(&service, &custom_header(header, SENTINEL), &[name]);
    }
    let kib5 = format!("{SENTINEL}{}", "x".repeat(5 * 1024));
    for tail in ["\r\nX: y", "\n", "\r", "\0", "\u{7f}", " ", "\t", "é", "\u{2028}"] {
        refused(&service, &bearer(&format!("{SENTINEL}{tail}")), &[credential]);
    }
    refused(&service, &bearer(&format!(" {SENTINEL}")), &[credential]);
    refused(&service, &bearer(&kib5), &[credential]);
    refused(&service, &bearer(""), &[credential]);
    refused(&service, &custom_header("Host", &format!("{SENTINEL}\r\n")), &[name, credential]);
    // What does not fit together.
    for (auth, pointer) in [
        (json!({"method": "bearer"}), credential),
        (json!({"method": "api_key", "credential": null}), credential),
        (json!({"method": "none", "credential": SENTINEL}), credential),
        (json!({"method": "bearer", "credential": 7}), credential),
        (json!({"method": "custom_header", "credential": SENTINEL}), name),
        (json!({"method": "bearer", "header_name": "x-a", "credential": SENTINEL}), name),
        (json!({"method": "basic", "credential": SENTINEL}), "/integrations/0/auth/method"),
        (json!({"credential": SENTINEL}), "/integrations/0/auth/method"),
    ] {
        refused(&service, &webhook(&json!({ "auth": auth })), &[pointer]);
    }
    assert!(!service.ever_answered(SENTINEL), "a credential is never repeated");
    nothing_is_stored(&service);
}

/// Matrix F15: every wrong field is told at once, each by its pointer.
#[test]
fn f15_every_wrong_field_is_told() {
    let service = Service::start();
    let body = json!({
        "name": "",
        "active": "yes",
        "colour": "red",
        "filter": {"all": [{"field": "segment", "op": "about", "value": "x"}]},
        "minimum_levels": {"escalation_level": "severe", "mood": "low"},
        "integrations": [
            {"kind": "carrier pigeon", "url": "http://ops.example.com/", "ordering": "lifo",
             "max_in_flight": 0, "rate_limit": 1.5, "signing": 1,
             "retry": {"base": "soon", "factor": 0.5, "horizon": "100000h", "jitter": 2, "x": 1}},
            "https://ops.example.com/",
            {"kind": "webhook", "url": "https://ops.example.com/", "auth": "none",
             "condition": {"field": "shoe_size", "op": "eq", "value": 43}},
        ],
    });
    let answer = service.json("POST", "/v1/automations", &body);
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
    let mut pointers = answer.pointers();
    pointers.sort();
    let expected = [
        "/active",
        "/colour",
        "/filter/all/0/op",
        "/integrations/0/kind",
        "/integrations/0/max_in_flight",
        "/integrations/0/ordering",
        "/integrations/0/rate_limit",
        "/integrations/0/retry/base",
        "/integrations/0/retry/factor",
        "/integrations/0/retry/horizon",
        "/integrations/0/retry/jitter",
        "/integrations/0/retry/x",
        "/integrations/0/signing",
        "/integrations/0/url",
        "/integrations/1",
        "/integrations/2/auth",
        "/integrations/2/condition/field",
        "/minimum_levels/escalation_level",
        "/minimum_levels/mood",
        "/name",
    ];
    assert_eq!(pointers, expected, "{answer:?}");
    nothing_is_stored(&service);
}

/// Matrix F15: what is no JSON, and what says that it is something else.
#[test]
fn f15_bodies_that_are_refused() {
    let service = Service::start();
    let deep = format!("{{\"filter\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let twice = format!("{{\"name\": \"a\", \"name\": \"{SENTINEL}\"}}");
    for body in [
        &b"{\"name\": \"a\",}"[..],
        b"{\"name\": \"\xff\"}",
        br#"{"name": "\ud800"}"#,
        b"{\"name\": 1e400}",
        b"{\"name\": \"a\"} {}",
        b"not json",
        deep.as_bytes(),
        twice.as_bytes(),
    ] {
        let answer = service.call("admin", "POST", "/v1/automations", &[], body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "malformed"), "{answer:?}");
    }
    let none = service.json("POST", "/v1/automations", &Value::Null);
    assert_eq!(none.status, 415, "a body without a type: {none:?}");
    for text in ["null", "[]", "\"text\"", "7"] {
        let answer = service.call("admin", "POST", "/v1/automations", &[], text.as_bytes());
        assert_eq!((answer.status, answer.pointers()), (422, vec![String::new()]), "{answer:?}");
    }
    let body = b"{\"name\": \"a\"}";
    for (header, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-encoding", "gzip"),
        ("content-encoding", "br"),
    ] {
        let answer = service.call("admin", "POST", "/v1/automations", &[(header, value)], body);
        assert_eq!(answer.status, 415, "{header}: {value}: {answer:?}");
        assert_eq!(answer.code(), "unsupported_media_type");
    }
    let controls = service.json("POST", "/v1/automations", &json!({"name": "a\u{0}b"}));
    assert_eq!(controls.pointers(), ["/name"]);
    let long = service.json("POST", "/v1/automations", &json!({"name": "é".repeat(101)}));
    assert_eq!(long.pointers(), ["/name"]);
    assert!(!service.ever_answered(SENTINEL));
    nothing_is_stored(&service);
}

/// Matrix F15: too many integrations, and one that comes twice.
#[test]
fn f15_too_many_integrations() {
    let service = Service::start();
    let one = json!({"kind": "webhook", "url": "https://ops.example.com/"});
    let many: Vec<_> = (0..201).map(|_| one.clone()).collect();
    refused(&service, &json!({"name": "a", "integrations": many}), &["/integrations"]);
    nothing_is_stored(&service);
}

/// Matrix F15: calls that are no calls; nothing of them is taken.
#[test]
fn f15_calls_with_records_that_are_refused() {
    let service = Service::start();
    service.ok("POST", "/v1/automations", &json!({"name": "all"}));
    let call = |body: &[u8]| {
        let answer = service.call("ingest", "POST", "/v1/records", &[], body);
        (answer.status, answer.code(), answer.pointers())
    };
    let many: Vec<_> = (0..101).map(|number| record(&format!("r{number}"))).collect();
    let many = json!({ "records": many }).to_string();
    assert_eq!(call(many.as_bytes()), (422, "invalid".into(), vec!["/records".into()]));
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    let deep = format!("{{\"records\": [{{\"metadata\": {{\"x\": {deep}}}}}]}}");
    assert!([400, 422].contains(&call(deep.as_bytes()).0));
    for body in [&b"{\"records\": [{\"id\": \"\xff\"}]}"[..], b"{\"records\": [1,]}"] {
        let (status, code, _) = call(body);
        assert_eq!((status, code.as_str()), (400, "malformed"));
    }
    for body in [&b"[]"[..], b"{}", b"{\"records\": {}}", b"{\"records\": [], \"x\": 1}", b"null"] {
        let (status, code, _) = call(body);
        assert_eq!((status, code.as_str()), (422, "invalid"), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(service.ok("GET", "/v1/deliveries", &Value::Null)["data"], json!([]));
}

/// Matrix F15: bad records are told one by one, by their place and the field that is wrong.
#[test]
fn f15_records_that_are_refused() {
    let service = Service::start();
    service.ok("POST", "/v1/automations", &webhook(&json!({})));
    let cases = [
        ("/id", json!("")),
        ("/id", json!("a\u{0}b")),
        ("/id", json!("line\nbreak")),
        ("/id", json!("x".repeat(256))),
        ("/id", json!(7)),
        ("/org_id", json!("\u{7f}")),
        ("/source", json!("")),
        ("/created_at", json!("yesterday")),
        ("/created_at", json!("2026-02-30T12:00:00Z")),
        ("/created_at", json!("2026-06-27T12:00:00")),
        ("/created_at", json!(1_782_561_600)),
        ("/messages/0/author", json!([{"author": "robot", "text": "x"}])),
        ("/messages/0/at", json!([{"author": "agent", "text": "x", "at": "noon"}])),
        ("/tags/0", json!([7])),
        ("/metadata/x", json!({"x": {"y": 1}})),
        ("/levels/escalation_level", json!({"escalation_level": "severe"})),
        (
            "/levels/sentiment_shift",
            json!({"escalation_level": "low",
            "emotional_intensity_level": "low", "sentiment_shift": "degraded"}),
        ),
        ("/colour", json!("red")),
    ];
    let mut records: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(number, (pointer, value))| {
            let mut bad = record(&format!("bad-{number}"));
            bad[pointer.split('/').nth(1).unwrap()] = value.clone();
            bad
        })
        .collect();
    records.push(record("good"));
    let answer = service.ok("POST", "/v1/records", &json!({ "records": records }));
    assert_eq!(answer["accepted"], 1, "one bad record never spoils the others: {answer}");
    assert_eq!(answer["alerts"].as_array().unwrap().len(), 1);
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), cases.len());
    for (number, (pointer, _)) in cases.iter().enumerate() {
        assert_eq!(rejected[number]["index"], number);
        let error = rejected[number]["error"].as_str().unwrap();
        assert!(error.starts_with(&format!("{pointer}: ")), "{pointer}: {error}");
    }
    let deliveries = service.ok("GET", "/v1/deliveries", &Value::Null);
    let stored: Vec<_> = deliveries["data"].as_array().unwrap().iter().collect();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["record_id"], "good");
}

fn record(id: &str) -> Value {
    json!({"id": id, "org_id": "acme", "content": "x", "source": "ZendeskSupport",
           "levels": {"escalation_level": "extreme", "emotional_intensity_level": "high"}})
}
