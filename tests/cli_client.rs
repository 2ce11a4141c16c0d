//! The commands that speak to a service, against one that is scripted: what they send, what they make
//! of its answers, and how they end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Debug)]
struct Asked {
    line: String,
    head: String,
    body: Vec<u8>,
}

/// A service that gives prepared answers, one a connection, and then is gone.
struct Scripted {
    address: SocketAddr,
    asked: mpsc::Receiver<Asked>,
}

fn scripted(answers: Vec<(&'static str, Value)>) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for (head, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let mut head_read = String::new();
            while !head_read.ends_with("\r\n\r\n") && head_read != "\r\n" {
                reader.read_line(&mut head_read).unwrap();
            }
            let head_read = head_read.to_lowercase();
            let length: usize = head_read
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |digits| digits.parse().unwrap());
            let mut sent = vec![0; length];
            reader.read_exact(&mut sent).unwrap();
            let line = line.trim_end().to_owned();
            tell.send(Asked { line, head: head_read, body: sent }).unwrap();
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    Scripted { address, asked }
}

impl Scripted {
    fn belfry(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
        command
            .args(args)
            .env("BELFRY_SERVER", format!("http://{}", self.address))
            .env("BELFRY_TOKEN", "bfy_test")
            // A proxy of the environment must not see what goes to the own machine.
            .env("http_proxy", "http://127.0.0.1:1");
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        Ended::of(self.belfry(args).output().unwrap())
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }
}

#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn taken(accepted: u64) -> (&'static str, Value) {
    ("202 Accepted", json!({"accepted": accepted, "alerts": [], "rejected": []}))
}

#[test]
fn records_go_out_in_calls_of_a_hundred_with_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let lines: String = (0..150).map(|n| format!("{{\"id\":\"r{n}\"}}\n")).collect();
    let path = file(&dir, "many.jsonl", &lines);
    let service = scripted(vec![taken(100), taken(50)]);
    let ended = service.run(&["records", "send", path.to_str().unwrap()]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(ended.out, "150 accepted, 0 alerts, 0 rejected\n");
    let asked = service.asked();
    let sizes: Vec<usize> = asked
        .iter()
        .map(|asked| {
            assert_eq!(asked.line, "POST /v1/records HTTP/1.1");
            assert!(asked.head.contains("authorization: bearer bfy_test\r\n"));
            assert!(asked.head.contains("content-type: application/json\r\n"));
            let body: Value = serde_json::from_slice(&asked.body).unwrap();
            body["records"].as_array().unwrap().len()
        })
        .collect();
    assert_eq!(sizes, [100, 50]);
}

#[test]
fn rejected_records_are_named_with_file_and_index_and_end_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let one = file(&dir, "one.json", r#"{"id":"a"}"#);
    let two = file(&dir, "two.json", r#"{"records":[{"id":"b"},{"id":""}]}"#);
    let answer = (
        "202 Accepted",
        json!({
            "accepted": 2,
            "alerts": [{"id": "alr_1", "record_id": "a", "deliveries": ["dlv_1"]}],
            "rejected": [{"index": 2, "error": "/id: it is \u{1b}empty"}],
        }),
    );
    let args = |json| {
        let mut args = vec!["records", "send", one.to_str().unwrap(), two.to_str().unwrap()];
        args.extend(json);
        args
    };
    let ended = scripted(vec![answer.clone()]).run(&args(None));
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let told = format!("rejected  {} record 1: /id: it is �empty\n", two.display());
    assert_eq!(ended.out, format!("{told}2 accepted, 1 alerts, 1 rejected\n"));

    let ended = scripted(vec![answer]).run(&args(Some("--json")));
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["rejected"][0]["file"], two.to_str().unwrap());
    assert_eq!(lines[0]["rejected"][0]["index"], 1);
    assert_eq!(lines[0]["alerts"][0]["id"], "alr_1");
    assert_eq!(lines[1], json!({"total": {"accepted": 2, "alerts": 1, "rejected": 1}}));
}

#[test]
fn standard_input_is_a_file_too() {
    let service = scripted(vec![taken(1)]);
    let mut child = service
        .belfry(&["records", "send", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"[{\"id\":\"a\"}]").unwrap();
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(service.asked()[0].body, br#"{"records":[{"id":"a"}]}"#);
}

#[test]
fn a_service_that_asks_for_a_pause_gets_the_call_again_and_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "one.json", r#"{"id":"a"}"#);
    let args = ["records", "send", path.to_str().unwrap()];
    let busy = || {
        let problem = json!({"title": "Busy", "detail": "The disk is full.", "status": 503});
        ("503 Service Unavailable\r\nretry-after: 0", problem)
    };
    let service = scripted(vec![busy(), busy(), taken(1)]);
    let ended = service.run(&args);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let asked = service.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|each| each.body == asked[0].body));

    let service = scripted((0..10).map(|_| busy()).collect());
    let ended = service.run(&args);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.err.contains("The disk is full. (status 503)"), "{}", ended.err);
    assert_eq!(service.asked().len(), 6);
}

#[test]
fn refusals_are_told_in_the_services_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "one.json", r#"{"id":"a"}"#);
    let args = ["records", "send", path.to_str().unwrap()];
    let refused = (
        "400 Bad Request",
        json!({"title": "Bad request", "detail": "The body is wrong.", "status": 400,
               "errors": [{"pointer": "/records", "detail": "there is none"}]}),
    );
    let ended = scripted(vec![refused]).run(&args);
    assert_eq!(ended.status, Some(1));
    assert_eq!(ended.err, "belfry: The body is wrong. (status 400)\n  /records: there is none\n");

    let service = scripted(vec![(
        "401 Unauthorized",
        json!({"title": "Unauthorized", "detail": "A token is needed.", "status": 401}),
    )]);
    let ended = Ended::of(service.belfry(&args).env_remove("BELFRY_TOKEN").output().unwrap());
    assert!(ended.err.contains("A token is needed. Set BELFRY_TOKEN, or give --token-file."));
    assert!(!service.asked()[0].head.contains("authorization"));

    let ended = scripted(vec![("200 OK", json!("hello"))]).run(&args);
    assert!(ended.err.contains("did not answer like Belfry"), "{}", ended.err);

    // Nobody listens there any more.
    let ended = scripted(vec![]).run(&args);
    assert_eq!(ended.status, Some(1));
    assert!(ended.err.contains("can't be reached"), "{}", ended.err);
}

#[test]
fn a_failure_midway_says_how_far_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: String = (0..100).map(|n| format!("{{\"id\":\"r{n}\"}}\n")).collect();
    lines.push_str("{\"id\":\n");
    // The hundred go out when the next record is there; what follows them is none.
    lines.insert_str(0, "{\"id\":\"first\"}\n");
    let path = file(&dir, "cut.jsonl", &lines);
    let ended = scripted(vec![taken(100)]).run(&["records", "send", path.to_str().unwrap()]);
    assert_eq!(ended.status, Some(1));
    assert!(ended.err.contains("after 100 records were accepted"), "{}", ended.err);
    assert!(ended.err.contains("cut.jsonl does not hold records"), "{}", ended.err);
}

#[test]
fn misuse_ends_with_2() {
    let run = |args: &[&str], server: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
        Ended::of(command.args(args).env("BELFRY_SERVER", server).output().unwrap())
    };
    for (args, server, part) in [
        (vec!["records", "send"], "http://127.0.0.1:1", "<FILE>"),
        (vec!["records", "send", "x.json"], "127.0.0.1", "is not the address of a service"),
        (vec!["records", "send", "x.json"], "http://me:pw@h", "must not hold a user name"),
    ] {
        let ended = run(&args, server);
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.err.contains(part), "{ended:?}");
        assert!(!ended.err.contains("pw"), "{ended:?}");
    }
    let ended = run(&["records", "send", "/nowhere/x.json"], "http://127.0.0.1:1");
    assert_eq!(ended.status, Some(1));
    assert!(ended.err.contains("/nowhere/x.json can't be read"), "{ended:?}");
}

fn delivery(number: u32, state: &str) -> Value {
    json!({
        "id": format!("dlv_{number}"), "alert_id": "alr_1", "record_id": format!("r{number}"),
        "automation_id": "11111111-1111-4111-8111-111111111111",
        "integration_id": "22222222-2222-4222-8222-222222222222",
        "idempotency_key": "k", "state": state, "attempt_count": 3, "in_doubt": 0,
        "created_at": "2026-06-27T11:00:00Z", "expires_at": "2026-06-30T11:00:00Z",
    })
}

#[test]
fn deliveries_are_listed_page_by_page_up_to_the_limit() {
    let page = |numbers: std::ops::Range<u32>, next: Value| {
        let data: Vec<Value> = numbers.map(|number| delivery(number, "pending")).collect();
        ("200 OK", json!({"data": data, "next_cursor": next}))
    };
    let service = scripted(vec![page(0..200, json!("c&1")), page(200..220, json!("c2"))]);
    let ended = service.run(&[
        "deliveries",
        "list",
        "--limit",
        "220",
        "--state",
        "pending",
        "--record",
        "a b",
        "--since",
        "2026-06-27T12:00:00Z",
        "--json",
    ]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let list: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 220);
    assert_eq!(list["next_cursor"], "c2");
    let lines: Vec<String> = service.asked().into_iter().map(|asked| asked.line).collect();
    let query = "record_id=a+b&since=2026-06-27T12%3A00%3A00Z&state=pending";
    assert_eq!(
        lines,
        [
            format!("GET /v1/deliveries?{query}&limit=200 HTTP/1.1"),
            format!("GET /v1/deliveries?{query}&limit=20&cursor=c%261 HTTP/1.1"),
        ]
    );
}

#[test]
fn a_person_gets_deliveries_as_a_table_without_control_characters() {
    let mut waits = delivery(1, "pending");
    waits["next_attempt_at"] = json!("2026-06-27T12:00:00Z");
    let mut gone = delivery(2, "discarded");
    gone["reason"] = json!("oper\u{1b}[31mator");
    let answer = ("200 OK", json!({"data": [waits, gone], "next_cursor": null}));
    let ended = scripted(vec![answer]).run(&["deliveries", "list"]);
    assert_eq!(
        ended.out,
        "DELIVERY  STATE      ATTEMPTS  RECORD  INTEGRATION                           \
         NEXT ATTEMPT          REASON\n\
         dlv_1     pending    3         r1      22222222-2222-4222-8222-222222222222  \
         2026-06-27T12:00:00Z\n\
         dlv_2     discarded  3         r2      22222222-2222-4222-8222-222222222222  \
         \u{20}                     oper�[31mator\n"
    );
    let none = scripted(vec![("200 OK", json!({"data": [], "next_cursor": null}))]);
    assert_eq!(none.run(&["deliveries", "list"]).out, "No deliveries.\n");
}

#[test]
fn one_delivery_is_shown_with_its_attempts() {
    let mut whole = delivery(7, "delivered");
    whole["attempts"] = json!([
        {"number": 1, "started_at": "2026-06-27T11:00:00.1Z", "took_ms": 12, "outcome": "failed",
         "status": 503, "detail": "the receiver answered 503", "excerpt": "busy\u{7}", "phases": {}},
        {"number": 2, "started_at": "2026-06-27T11:00:02Z", "took_ms": 3, "outcome": "delivered",
         "status": 200, "phases": {}},
    ]);
    let service = scripted(vec![("200 OK", whole.clone())]);
    let ended = service.run(&["deliveries", "show", "dlv_7"]);
    assert_eq!(service.asked()[0].line, "GET /v1/deliveries/dlv_7 HTTP/1.1");
    let (head, table) = ended.out.split_once("\n\n").unwrap();
    assert!(head.starts_with("dlv_7  delivered\n  record        r7\n"), "{head}");
    assert!(head.contains("\n  key           k\n"), "{head}");
    assert_eq!(
        table,
        "ATTEMPT  STARTED                 TOOK   OUTCOME                    ANSWER\n\
         1        2026-06-27T11:00:00.1Z  12 ms  the receiver answered 503  busy�\n\
         2        2026-06-27T11:00:02Z    3 ms   delivered, status 200\n"
    );
    let ended =
        scripted(vec![("200 OK", whole.clone())]).run(&["deliveries", "show", "dlv_7", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap(), whole);
}

#[test]
fn deliveries_are_tried_again_by_id_or_by_filter() {
    let refused = (
        "409 Conflict",
        json!({"title": "Conflict", "detail": "A delivered one can't be retried.", "status": 409}),
    );
    let service = scripted(vec![("200 OK", json!({"id": "dlv_1"})), refused]);
    let ended = service.run(&["deliveries", "retry", "dlv_1", "dlv_2"]);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert_eq!(
        ended.out,
        "dlv_1  is due now\ndlv_2  A delivered one can't be retried. (status 409)\n"
    );
    let lines: Vec<String> = service.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        ["POST /v1/deliveries/dlv_1/retry HTTP/1.1", "POST /v1/deliveries/dlv_2/retry HTTP/1.1"]
    );

    let service = scripted(vec![("200 OK", json!({"retried": 7}))]);
    let integration = "22222222-2222-4222-8222-222222222222";
    let ended = service.run(&["deliveries", "retry", "--integration", integration]);
    assert_eq!((ended.status, ended.out.as_str()), (Some(0), "7 deliveries are due now\n"));
    assert_eq!(
        service.asked()[0].line,
        format!("POST /v1/deliveries/retry?integration_id={integration}&state=dead HTTP/1.1")
    );

    for (args, part) in [
        (vec!["retry"], "required"),
        (vec!["retry", "12"], "looks like dlv_12"),
        (vec!["show", "alr_1"], "looks like dlv_12"),
        (vec!["list", "--state", "lost"], "allowed are pending, in_flight, delivered"),
        (vec!["list", "--since", "yesterday"], "or how long ago: 2h"),
        (vec!["list", "--integration", "7"], "invalid value"),
    ] {
        let mut all = vec!["deliveries"];
        all.extend(args);
        let ended = scripted(vec![]).run(&all);
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.err.contains(part), "{ended:?}");
    }
}
