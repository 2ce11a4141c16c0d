//! A classifier of the customer's own, from the real program to a server that answers as it is told: both
//! protocols, everything that can go wrong, what a stop costs, and who is never asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

#[path = "../process/mod.rs"]
mod process;
#[path = "../receiver/mod.rs"]
mod receiver;
mod stage;

use process::wait_until;
use receiver::{Ca, Door, Reply, Seen};
use serde_json::{Value, json};
use stage::{
    KEY, Stage, detected, fierce, levels, metric, mild, says, says_slowly, send, send_and_leave,
};

/// No classifier.
const OFF: [(&str, &str); 2] =
    [("BELFRY__DETECT__CLASSIFIER__URL", ""), ("BELFRY__DETECT__CLASSIFIER__API_KEY", "")];

fn body(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

#[test]
fn what_it_says_decides_and_the_record_is_durable_before() {
    let stage = Stage::new(|_, _| says("extreme", "between the lines"));
    let service = stage.serve(&[]);
    stage.automation(&service);
    let answer = send(&service, &[mild("r-1")]);
    assert_eq!(answer["accepted"], 1);
    assert_eq!(answer["waiting"], 1);
    assert_eq!(answer["alerts"], json!([]));
    service.wait_for_state("r-1", "delivered");
    let expected = json!({"escalation_level": "extreme", "emotional_intensity_level": "low"});
    assert_eq!((stage.arrived("r-1"), levels(&service, "r-1")), (1, expected));
    let asked = stage.asked().requests.remove(0);
    assert_eq!(
        (asked.method.as_str(), asked.header("content-type")),
        ("POST", Some("application/json"))
    );
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let told = body(&asked)["record"].clone();
    assert_eq!(told["text"], "Please send me the invoice of March (r-1).");
    assert_eq!((&told["language"], &told["segment"]), (&json!("en"), &Value::Null));
}

#[test]
fn chat_completions_are_asked_with_a_schema() {
    let stage = Stage::new(|_, _| {
        let content = json!({"escalation_level": "high", "emotional_intensity_level": "none",
                             "sentiment_shift": "sentiment degraded", "evidence": "the last line"});
        let choice = json!({"message": {"content": content.to_string()}, "finish_reason": "stop"});
        Reply::text(200, &json!({"choices": [choice]}).to_string())
    });
    let openai = [
        ("BELFRY__DETECT__CLASSIFIER__PROTOCOL", "openai"),
        ("BELFRY__DETECT__CLASSIFIER__MODEL", "judge-1"),
    ];
    let service = stage.serve(&openai);
    stage.automation(&service);
    send(&service, &[mild("r-1")]);
    service.wait_for_state("r-1", "delivered");
    let expected = json!({"escalation_level": "high", "emotional_intensity_level": "none",
                          "sentiment_shift": "sentiment degraded"});
    assert_eq!((stage.arrived("r-1"), levels(&service, "r-1")), (1, expected));
    let asked = body(&stage.asked().requests[0]);
    assert_eq!((&asked["model"], &asked["temperature"]), (&json!("judge-1"), &json!(0)));
    assert_eq!(asked["response_format"]["type"], "json_schema");
}

/// Whatever it does, the built-in detector judges in its place, and says why.
#[test]
fn what_can_go_wrong_with_it_loses_nothing() {
    let long = format!("{{\"levels\": \"{}\"}}", "x".repeat(70_000));
    let stage = Stage::new(move |_, seen| {
        let text = String::from_utf8_lossy(&seen.body).into_owned();
        let case = |name: &str| text.contains(name);
        match () {
            () if case("r-status") => Reply::text(500, "secret words of a customer"),
            () if case("r-moved") => Reply::with(302, "location: https://elsewhere.test/\r\n"),
            () if case("r-words") => says("furious", ""),
            () if case("r-nonsense") => Reply::text(200, "I would say: high."),
            () if case("r-long") => Reply::text(200, &long),
            () if case("r-reset") => Reply::reset(),
            () if case("r-cut") => {
                Reply::head("HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\n{").then_hang()
            }
            () => says("none", ""),
        }
    });
    let service = stage.serve(&[("BELFRY__DETECT__CLASSIFIER__TIMEOUT", "2s")]);
    stage.automation(&service);
    let cases = [
        ("r-status", "status"),
        ("r-moved", "status"),
        ("r-words", "bad_answer"),
        ("r-nonsense", "bad_answer"),
        ("r-long", "too_long"),
        ("r-reset", "unreachable"),
        ("r-cut", "timeout"),
    ];
    for (id, reason) in cases {
        let told = service.ok("POST", "/v1/records/dry-run", &json!({"records": [fierce(id)]}));
        let tried = &told["records"][0]["detected"];
        assert_eq!(tried["judged_by"], "built_in", "{id}: {tried}");
        assert_eq!(tried["unanswered"]["reason"], reason, "{id}: {tried}");
        assert_eq!(told["records"][0]["automations"][0]["fires"], true, "{id}");
        let words = tried["unanswered"]["detail"].as_str().unwrap();
        assert!(!words.contains("secret words") && !words.contains(KEY), "{id}: {words}");
        send(&service, &[fierce(id)]);
        service.wait_for_state(id, "delivered");
        assert_eq!(stage.arrived(id), 1, "{id}");
        assert_eq!(detected(&service, id)["unanswered"]["reason"], reason, "{id}");
        // An answer in between, so that its circuit stays closed.
        let (well, asked) = (id.replace("r-", "well-"), stage.asked().requests.len());
        send(&service, &[fierce(&well)]);
        wait_until("it was asked", || stage.asked().requests.len() > asked);
        wait_until("it was judged", || {
            let page = metric(&service, &stage.data.token, "belfry_records_waiting");
            page == Some(0.0)
        });
        assert_eq!(stage.arrived(&well), 0, "{id}: it said none");
    }
}

#[test]
fn a_classifier_that_is_down_is_left_alone_and_found_well_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let stage = Stage::new(move |_, _| match is_down.load(Ordering::SeqCst) {
        true => Reply::status(503),
        false => says("extreme", ""),
    });
    let service = stage.serve(&[("BELFRY__DETECT__CLASSIFIER__MAX_IN_FLIGHT", "1")]);
    let token = stage.data.token.clone();
    stage.automation(&service);
    let records: Vec<Value> = (0..20).map(|n| fierce(&format!("r-{n}"))).collect();
    send(&service, &records);
    for n in 0..20 {
        service.wait_for_state(&format!("r-{n}"), "delivered");
    }
    assert_eq!(metric(&service, &token, "belfry_classifier_open"), Some(1.0));
    let asked = stage.asked().requests.len();
    assert!((5..20).contains(&asked), "it was asked {asked} times");
    let left =
        metric(&service, &token, "belfry_classified_total{result=\"circuit_open\"}").unwrap();
    assert_eq!(left as usize, 20 - asked, "each record is counted once");
    assert!(service.log().contains("the classifier failed too often in a row"));
    down.store(false, Ordering::SeqCst);
    let mut number = 0;
    wait_until("a probe finds it well", || {
        number += 1;
        send(&service, &[mild(&format!("p-{number}"))]);
        metric(&service, &token, "belfry_classifier_open") == Some(0.0)
    });
    send(&service, &[mild("r-last")]);
    service.wait_for_state("r-last", "delivered");
    assert_eq!(levels(&service, "r-last")["escalation_level"], "extreme");
}

/// A record that was acknowledged is asked about again after a kill, and makes one alert.
#[test]
fn a_kill_while_it_thinks_loses_nothing() {
    let stage = Stage::new(|number, _| match number {
        0 => Reply::hang(),
        _ => says("extreme", ""),
    });
    let mut service = stage.serve(&[]);
    stage.automation(&service);
    assert_eq!(send(&service, &[mild("r-1")])["waiting"], 1);
    wait_until("it is asked", || stage.asked().requests.len() == 1);
    // The same again, while it waits, is one record.
    assert_eq!(send(&service, &[mild("r-1")])["accepted"], 1);
    service.kill();
    let service = stage.serve(&[]);
    service.wait_for_state("r-1", "delivered");
    assert_eq!(stage.arrived("r-1"), 1);
    assert_eq!(stage.asked().requests.len(), 2);
    // What fired for it is named from here on, and nobody is asked.
    let again = send(&service, &[mild("r-1")]);
    assert_eq!(again["alerts"][0]["record_id"], "r-1", "{again}");
    assert_eq!((stage.asked().requests.len(), &again["waiting"]), (2, &Value::Null));
}

/// Named in the file while the service runs, it is asked from the next record on.
#[test]
fn a_signal_has_it_asked_and_left_again() {
    let stage = Stage::new(|_, _| says("none", ""));
    let file = stage.data.dir().join("belfry.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let (above, section) = before.split_once("[detect.classifier]").unwrap();
    let url = format!("\nurl = \"{}\"\n", stage.classifier.url("/judge"));
    let named = format!("{above}[detect.classifier]{url}{section}");
    let service = stage.serve(&OFF);
    stage.automation(&service);
    let reload = |text: &str, told: usize| {
        std::fs::write(&file, text).unwrap();
        let pid = rustix::process::Pid::from_raw(service.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        wait_until("it has read the file", || service.log().matches("reloaded: ").count() == told);
    };
    assert_eq!(send(&service, &[fierce("r-1")])["alerts"][0]["record_id"], "r-1");
    reload(&named, 1);
    assert_eq!(send(&service, &[fierce("r-2")])["waiting"], 1);
    wait_until("it is asked", || stage.asked().requests.len() == 1);
    reload(&before, 2);
    assert_eq!(send(&service, &[fierce("r-3")])["alerts"][0]["record_id"], "r-3");
    assert_eq!(stage.asked().requests.len(), 1);
}

/// What was acknowledged is not thrown away for being damaged, and holds up nobody.
#[test]
fn a_record_that_is_damaged_on_disk_stays_and_others_go_on() {
    let stage = Stage::new(|_, _| Reply::hang());
    let service = stage.serve(&[]);
    stage.automation(&service);
    send(&service, &[fierce("r-1"), fierce("r-2")]);
    drop(service);
    let database = rusqlite::Connection::open(stage.data.dir().join("belfry.db")).unwrap();
    let damage = "UPDATE waiting_records SET record = '{}' WHERE id = 1";
    assert_eq!(database.execute(damage, []).unwrap(), 1);
    drop(database);
    let service = stage.serve(&OFF);
    service.wait_for_state("r-2", "delivered");
    assert!(service.log().contains("is damaged on disk, and stays there"));
    assert_eq!(metric(&service, &stage.data.token, "belfry_records_waiting"), Some(1.0));
}

/// Before the record is kept, before what it came to is, and right after.
#[test]
fn a_death_at_any_step_loses_nothing_and_makes_one_alert() {
    let stage = Stage::new(|_, _| says("extreme", ""));
    let service = stage.serve(&[]);
    stage.automation(&service);
    drop(service);
    for point in ["waiting.kept", "waiting.judged", "accept.after_commit"] {
        let id = format!("r-{point}");
        let dies = format!("{point}=abort");
        let mut service = stage.serve(&[("BELFRY_FAILPOINTS", &dies)]);
        let answer = service.try_call("POST", "/v1/records", &json!({"records": [mild(&id)]}));
        service.wait_for_end();
        let service = stage.serve(&[]);
        if answer.is_none() {
            send(&service, &[mild(&id)]);
        }
        service.wait_for_state(&id, "delivered");
        let list = service.ok("GET", &format!("/v1/deliveries?record_id={id}"), &Value::Null);
        assert_eq!(list["data"].as_array().unwrap().len(), 1, "{id}: {list}");
    }
}

/// A stop in good order does not wait for it, either.
#[test]
fn a_stop_leaves_it_for_the_next_start_and_without_it_the_detector_judges() {
    let stage = Stage::new(|_, _| Reply::hang());
    let mut service = stage.serve(&[]);
    stage.automation(&service);
    send(&service, &[fierce("r-1"), mild("r-2")]);
    wait_until("it is asked", || stage.asked().requests.len() == 2);
    service.terminate();
    assert!(service.wait_for_end().success());
    let off =
        [("BELFRY__DETECT__CLASSIFIER__URL", ""), ("BELFRY__DETECT__CLASSIFIER__API_KEY", "")];
    let service = stage.serve(&off);
    service.wait_for_state("r-1", "delivered");
    wait_until("none waits", || {
        metric(&service, &stage.data.token, "belfry_records_waiting") == Some(0.0)
    });
    assert_eq!(stage.arrived("r-2"), 0);
    assert_eq!(send(&service, &[fierce("r-3")])["alerts"][0]["record_id"], "r-3", "at once");
}

#[test]
fn who_waited_too_long_is_judged_without_it() {
    let stage = Stage::new(|_, _| says_slowly("none"));
    let slow = [
        ("BELFRY__DETECT__CLASSIFIER__MAX_IN_FLIGHT", "1"),
        ("BELFRY__DETECT__CLASSIFIER__MAX_WAIT", "1s"),
    ];
    let service = stage.serve(&slow);
    stage.automation(&service);
    let records: Vec<Value> = (0..30).map(|n| fierce(&format!("r-{n}"))).collect();
    send(&service, &records);
    service.wait_for_state("r-29", "delivered");
    let line = "belfry_classified_total{result=\"waited\"}";
    assert!(metric(&service, &stage.data.token, line).unwrap() >= 1.0);
}

/// Whoever sent a record may be gone before it is on disk: what is there is judged all the same.
#[test]
fn a_sender_that_goes_away_leaves_nothing_waiting() {
    let stage = Stage::new(|_, _| says("extreme", ""));
    let service = stage.serve(&[]);
    stage.automation(&service);
    for number in 0..20 {
        send_and_leave(&service, &stage.data.token, &mild(&format!("r-{number}")));
        wait_until("none waits", || {
            metric(&service, &stage.data.token, "belfry_records_waiting") == Some(0.0)
        });
    }
}

/// Where no more may wait, nobody is turned away: the built-in detector judges at the door.
#[test]
fn where_too_many_wait_the_detector_judges_at_once() {
    let stage = Stage::new(|_, _| says("extreme", ""));
    let service = stage.serve(&[]);
    stage.automation(&service);
    drop(service);
    let database = rusqlite::Connection::open(stage.data.dir().join("belfry.db")).unwrap();
    database.execute("UPDATE waiting_room SET records = 10000", []).unwrap();
    drop(database);
    let service = stage.serve(&[]);
    let answer = send(&service, &[fierce("r-1"), mild("r-2")]);
    assert_eq!(
        (&answer["alerts"][0]["record_id"], &answer["waiting"]),
        (&json!("r-1"), &Value::Null)
    );
    service.wait_for_state("r-1", "delivered");
    assert_eq!(detected(&service, "r-1")["unanswered"]["reason"], "crowded");
    let line = "belfry_classified_total{result=\"crowded\"}";
    assert_eq!(metric(&service, &stage.data.token, line), Some(2.0));
    assert!(stage.asked().requests.is_empty());
}

#[test]
fn no_more_are_with_it_than_is_set() {
    let stage = Stage::new(|number, _| match number {
        0..3 => Reply::hang(),
        _ => says("extreme", ""),
    });
    let service = stage.serve(&[
        ("BELFRY__DETECT__CLASSIFIER__MAX_IN_FLIGHT", "3"),
        ("BELFRY__DETECT__CLASSIFIER__TIMEOUT", "3s"),
    ]);
    stage.automation(&service);
    let records: Vec<Value> = (0..15).map(|n| fierce(&format!("r-{n}"))).collect();
    send(&service, &records);
    wait_until("it is asked", || stage.asked().requests.len() >= 3);
    send(&service, &[fierce("r-15")]);
    let waiting = metric(&service, &stage.data.token, "belfry_records_waiting");
    assert_eq!((stage.asked().requests.len(), waiting), (3, Some(16.0)));
    // Whoever judges them in the end, all of them fire.
    for n in 0..16 {
        service.wait_for_state(&format!("r-{n}"), "delivered");
    }
}

#[test]
fn nobody_is_asked_where_the_answer_changes_nothing() {
    let stage = Stage::new(|_, _| says("extreme", ""));
    let service = stage.serve(&[]);
    stage.automation(&service);
    // It brings levels; no automation watches it.
    let mut given = mild("r-1");
    given["levels"] = json!({"escalation_level": "high", "emotional_intensity_level": "none"});
    let mut other = mild("r-2");
    other["segment"] = json!("smb");
    let answer = send(&service, &[given, other]);
    assert_eq!((&answer["waiting"], answer["alerts"].as_array().unwrap().len()), (&Value::Null, 1));
    assert!(stage.asked().requests.is_empty());
}

/// Its address goes by the same policy as any destination's.
#[test]
fn the_address_policy_holds_for_it() {
    let stage = Stage::new(|_, _| says("extreme", ""));
    let port = stage.classifier.addr.port();
    let deny = format!("127.0.0.1/32:{port}");
    let service = stage.serve(&[("BELFRY__EGRESS__DENY", &deny)]);
    assert!(service.log().contains("detect.classifier.url can't be asked"), "{}", service.log());
    stage.automation(&service);
    let told = service.ok("POST", "/v1/records/dry-run", &json!({"records": [fierce("r-1")]}));
    let unanswered = &told["records"][0]["detected"]["unanswered"];
    assert_eq!(unanswered["reason"], "egress_denied", "{told}");
    send(&service, &[fierce("r-1")]);
    service.wait_for_state("r-1", "delivered");
    assert_eq!(stage.asked().connections, 0);
}

/// Over http it is asked only where an operator says so, and by the same policy.
#[test]
fn a_model_without_tls_is_asked_where_that_is_allowed() {
    let stage = Stage::behind(Door::Plain, &Ca::new(), |_, _| says("extreme", ""));
    let url = format!("http://{}/judge", stage.classifier.addr);
    let plain = [
        ("BELFRY__DETECT__CLASSIFIER__URL", url.as_str()),
        ("BELFRY__DETECT__CLASSIFIER__ALLOW_PLAIN_HTTP", "true"),
        ("BELFRY__DETECT__CLASSIFIER__API_KEY", ""),
    ];
    let service = stage.serve(&plain);
    stage.automation(&service);
    send(&service, &[mild("r-1")]);
    service.wait_for_state("r-1", "delivered");
    let asked = stage.asked().requests.remove(0);
    assert_eq!((asked.target.as_str(), asked.header("authorization")), ("/judge", None));
    drop(service);
    let deny = format!("127.0.0.1/32:{}", stage.classifier.addr.port());
    let denied = [&plain[..], &[("BELFRY__EGRESS__DENY", deny.as_str())]].concat();
    let service = stage.serve(&denied);
    let told = service.ok("POST", "/v1/records/dry-run", &json!({"records": [mild("r-2")]}));
    assert_eq!(told["records"][0]["detected"]["unanswered"]["reason"], "egress_denied", "{told}");
}

#[test]
fn a_dry_run_tells_who_judged_and_why() {
    let stage = Stage::new(|_, _| says("extreme", &format!("because\u{7} of {KEY} and tone")));
    let service = stage.serve(&[]);
    stage.automation(&service);
    let told = service.ok("POST", "/v1/records?dry_run=true", &json!({"records": [mild("r-1")]}));
    let run = &told["records"][0];
    assert_eq!(run["levels"]["escalation_level"], "extreme");
    assert_eq!(run["automations"][0]["fires"], true);
    let detected = &run["detected"];
    assert_eq!(detected["judged_by"], "classifier");
    assert_eq!(detected["explanation"], "because of ••• and tone");
    assert_eq!(detected["built_in"]["escalation_level"], "none");
    let file = stage.data.beside("record.json");
    std::fs::write(&file, mild("r-1").to_string()).unwrap();
    let send = |dry: &[&str]| {
        let url = format!("http://{}", service.addr);
        let sent = process::belfry()
            .args(["records", "send", "--server", &url])
            .args(dry)
            .arg(&file)
            .env("BELFRY_TOKEN", &stage.data.token)
            .output()
            .unwrap();
        String::from_utf8(sent.stdout).unwrap()
    };
    let told = send(&["--dry-run"]);
    assert!(told.contains("the classifier judged, and says: because of"), "{told}");
    assert_eq!(stage.arrived("r-1"), 0);
    let told = send(&[]);
    assert!(
        told.ends_with("1 accepted, 0 alerts, 0 rejected, 1 waiting for the classifier\n"),
        "{told}"
    );
}
