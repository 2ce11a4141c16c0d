//! Requests that are too large, too slow, or no requests at all.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::client::{connect, exchange, read_answer};
use crate::service::{Options, Service};

/// Matrix F15: a body of 1 MiB is read, one byte more is refused by its length, unread.
#[test]
fn f15_bodies_of_one_mebibyte_and_more() {
    let service = Service::start();
    let sized = |length: usize| {
        let frame = r#"{"name": ""}"#.len();
        format!(r#"{{"name": "{}"}}"#, "x".repeat(length - frame))
    };
    let most = 1024 * 1024;
    let call = |body: &str| service.call("admin", "POST", "/v1/automations", &[], body.as_bytes());
    assert_eq!(call(&sized(most)).status, 422, "it was read: the name is too long");
    let more = call(&sized(most + 1));
    assert_eq!((more.status, more.code().as_str()), (413, "too_large"));

    // The length alone is enough; nothing of the body was sent.
    let head = format!(
        "POST /v1/automations HTTP/1.1\r\nhost: b\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 99999999999\r\n\r\n",
        service.token("admin")
    );
    assert_eq!(exchange(service.addr, head.as_bytes()).status, 413);
}

/// Matrix F15: a body without a length is bounded as it comes in.
#[test]
fn f15_a_chunked_body_is_bounded() {
    let service = Service::start();
    let head = format!(
        "POST /v1/automations HTTP/1.1\r\nhost: b\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        service.token("admin")
    );
    let mut endless = connect(service.addr);
    endless.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..17 {
        if endless.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    assert_eq!(read_answer(&mut endless).status, 413);

    let mut small = connect(service.addr);
    small.write_all(head.as_bytes()).unwrap();
    small.write_all(b"8\r\n{\"name\":\r\n5\r\n \"a\"}\r\n0\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut small).status, 201);
}

/// Matrix F17: a request whose end could be read in two ways is not served.
#[test]
fn f17_ambiguous_requests_are_refused() {
    let service = Service::start();
    let token = service.token("admin");
    let start = format!("POST /v1/automations HTTP/1.1\r\nauthorization: Bearer {token}\r\n");
    for rest in [
        "host: b\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "host: b\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n{}  ",
        "host: b\r\nhost: c\r\ncontent-length: 2\r\n\r\n{}",
        "content-length: 2\r\n\r\n{}",
        "host: b\r\ncontent-length: +2\r\n\r\n{}",
    ] {
        let mut socket = connect(service.addr);
        socket.write_all(format!("{start}{rest}").as_bytes()).unwrap();
        assert_eq!(read_answer(&mut socket).status, 400, "{rest}");
        let mut left = Vec::new();
        socket.read_to_end(&mut left).expect("it is closed");
    }
    // A chunk of no size: the connection ends, with an answer or without.
    let mut socket = connect(service.addr);
    let chunk = "host: b\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nzz\r\n{}\r\n";
    socket.write_all(format!("{start}{chunk}").as_bytes()).unwrap();
    let mut left = String::new();
    socket.read_to_string(&mut left).expect("it is closed");
    assert!(left.is_empty() || left.starts_with("HTTP/1.1 400 "), "{left}");
    let list = service.ok("GET", "/v1/automations", &Value::Null);
    assert_eq!(list["data"], json!([]));
}

#[test]
fn one_connection_serves_many_requests() {
    let service = Service::start();
    let mut socket = connect(service.addr);
    let token = service.token("admin");
    let body = r#"{"name": "a"}"#;
    for _ in 0..3 {
        let request = format!(
            "POST /v1/automations HTTP/1.1\r\nhost: b\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut socket).status, 201);
    }
}

/// Lists go on where the cursor says, and show each thing once.
#[test]
fn lists_have_pages() {
    let service = Service::start();
    let mut made: Vec<String> = (0..7)
        .map(|number| {
            let answer =
                service.ok("POST", "/v1/automations", &json!({"name": format!("a{number}")}));
            answer["id"].as_str().unwrap().to_owned()
        })
        .collect();
    made.sort();
    let mut shown = Vec::new();
    let mut path = "/v1/automations?limit=3".to_owned();
    let mut pages = 0;
    loop {
        pages += 1;
        let page = service.ok("GET", &path, &Value::Null);
        let data = page["data"].as_array().unwrap();
        shown.extend(data.iter().map(|each| each["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/automations?limit=3&cursor={cursor}");
    }
    assert_eq!((shown, pages), (made, 3));
}

/// Matrix F16: who sends too slowly is told so and hung up on, and keeps nobody else waiting.
#[test]
fn f16_slow_senders_are_hung_up_on() {
    let service = Service::start();
    let head = format!(
        "POST /v1/records HTTP/1.1\r\nhost: b\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"records\":",
        service.token("ingest")
    );
    let mut slow_body = connect(service.addr);
    slow_body.write_all(head.as_bytes()).unwrap();
    let mut slow_head = connect(service.addr);
    slow_head.write_all(b"POST /v1/records HTTP/1.1\r\nhost:").unwrap();
    let _idle: Vec<_> = (0..50).map(|_| connect(service.addr)).collect();
    assert_eq!(service.json("GET", "/v1/automations", &Value::Null).status, 200);

    assert_eq!(read_answer(&mut slow_head).status, 408);
    let answer = read_answer(&mut slow_body);
    assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"));
    for mut socket in [slow_head, slow_body] {
        let mut left = Vec::new();
        socket.read_to_end(&mut left).expect("it is closed");
        assert_eq!(left, b"");
    }
}

/// Matrix A11, the answers: a full store refuses what is new with 503 and a time to come again.
#[test]
fn a11_a_full_store_says_when_to_come_again() {
    let service = Service::start_with(Options { max_pages: Some(100), ..Options::default() });
    service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "all", "integrations": [
            {"kind": "webhook", "url": "https://ops.example.com/"}]}),
    );
    let content = "x".repeat(1500);
    let mut refused = None;
    for number in 0..2000 {
        let record = json!({"id": format!("r{number}"), "org_id": "acme", "content": content,
            "source": "s", "levels": {"escalation_level": "low", "emotional_intensity_level": "low"}});
        let answer = service.json("POST", "/v1/records", &json!({ "records": [record] }));
        if answer.status != 202 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("it is full at some time");
    assert_eq!((refused.status, refused.code().as_str()), (503, "store_full"));
    assert!(refused.header("retry-after").is_some());
    let ready = service.call("", "GET", "/readyz", &[], b"");
    assert_eq!((ready.status, ready.code().as_str()), (503, "not_ready"));
    assert_eq!(service.call("", "GET", "/healthz", &[], b"").status, 200);
    let list = service.json("GET", "/v1/deliveries", &Value::Null);
    assert_eq!(list.status, 200, "looking works still");
}
