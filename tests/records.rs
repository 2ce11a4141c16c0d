//! Records as they come in: what is taken, what is refused and with which words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use belfry::cli::samples::samples;
use belfry::detect::{History, Model, assess};
use belfry::domain::alert::{self, AlertFacts};
use belfry::domain::record::{Author, MetadataValue, Record};
use belfry::domain::time::Timestamp;
use belfry::web::api::record_json::{CallError, parse_record, parse_records};
use proptest::prelude::*;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/records");

const GOOD: [(&str, &str); 5] = [
    ("id", r#""T-1""#),
    ("org_id", r#""acme""#),
    ("content", r#""It is down.""#),
    ("source", r#""zendesk""#),
    ("levels", r#"{"escalation_level": "high", "emotional_intensity_level": "low"}"#),
];

/// A good record with these members in place of its own.
fn record_with(members: &str) -> String {
    let others = GOOD
        .iter()
        .filter(|(name, _)| !members.starts_with(&format!("\"{name}\":")))
        .map(|(name, value)| format!("\"{name}\": {value}"));
    let all: Vec<String> = others.chain([members.to_owned()]).collect();
    format!("{{{}}}", all.join(", "))
}

/// As the door does it.
fn outcome(text: &str) -> Result<Record, String> {
    parse_record(text).map_err(|error| error.to_string())
}

#[test]
fn f15_each_member_is_taken_or_refused_by_its_pointer() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/requests/record-members.txt");
    let table = std::fs::read_to_string(path).unwrap();
    let mut rows = 0;
    for (index, line) in table.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        rows += 1;
        let place = format!("record-members.txt:{}", index + 1);
        let (members, expected) = line.rsplit_once(" => ").expect(&place);
        let found = outcome(&record_with(members.trim()));
        match (expected.strip_prefix("! "), found) {
            (None, Ok(_)) => assert_eq!(expected, "ok", "{place}"),
            (Some(refusal), Err(found)) => assert_eq!(found, refusal, "{place}"),
            (None, Err(found)) => panic!("{place}: refused: {found}"),
            (Some(refusal), Ok(_)) => panic!("{place}: taken, but should be refused: {refusal}"),
        }
    }
    assert!(rows >= 70, "the table has lost rows: {rows}");
}

#[test]
fn what_is_required_is_missed_by_its_name() {
    for name in ["id", "org_id", "content", "source"] {
        let members: Vec<String> = GOOD
            .iter()
            .filter(|(each, _)| *each != name)
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        let refusal = outcome(&format!("{{{}}}", members.join(", "))).unwrap_err();
        assert!(refusal.starts_with(&format!("/{name}: is missing")), "{refusal}");
    }
}

#[test]
fn bounds_are_bounds() {
    let words = |count: usize| format!("[{}]", vec!["\"x\""; count].join(","));
    let message = r#"{"author":"agent","text":"x"}"#;
    for (members, refusal) in [
        (format!(r#""id": "{}""#, "x".repeat(255)), None),
        (format!(r#""id": "{}""#, "x".repeat(256)), Some("/id: is longer than 255 bytes")),
        (format!(r#""id": "{}""#, "é".repeat(128)), Some("/id: is longer than 255 bytes")),
        (format!(r#""org_id": "{}""#, "x".repeat(256)), Some("/org_id: is longer than 255 bytes")),
        (
            format!(r#""source": "{}""#, "x".repeat(1025)),
            Some("/source: is longer than 1024 bytes"),
        ),
        (
            format!(r#""segment": "{}""#, "x".repeat(1025)),
            Some("/segment: is longer than 1024 bytes"),
        ),
        (
            format!(r#""tags": ["a", "{}"]"#, "x".repeat(1025)),
            Some("/tags/1: is longer than 1024 bytes"),
        ),
        (format!(r#""tags": {}"#, words(1000)), None),
        (
            format!(r#""tags": {}"#, words(1001)),
            Some("/tags: has too many items: 1000 are the most"),
        ),
        (
            format!(r#""metadata": {{"a": {}}}"#, words(1001)),
            Some("/metadata/a: has too many items: 1000 are the most"),
        ),
        (
            format!(r#""messages": [{}]"#, vec![message; 5001].join(",")),
            Some("/messages: has too many items: 5000 are the most"),
        ),
        (format!(r#""content": "{}""#, "x".repeat(1_000_000)), None),
    ] {
        let found = outcome(&record_with(&members)).map(|_| ()).map_err(Some);
        let found = found.err().flatten();
        assert_eq!(found.as_deref(), refusal, "{}", &members[..40.min(members.len())]);
    }
}

#[test]
fn a_refusal_repeats_little_of_what_was_sent() {
    let long = "x".repeat(100_000);
    for members in [format!(r#""{long}": 1"#), format!(r#""tags": "{long}""#)] {
        let refusal = outcome(&record_with(&members)).unwrap_err();
        assert!(refusal.len() < 500, "{} bytes", refusal.len());
    }
}

fn call(records: &[String]) -> Vec<u8> {
    format!(r#"{{"records": [{}]}}"#, records.join(",")).into_bytes()
}

fn wrong(pointer: &str, message: &str) -> CallError {
    CallError::Wrong { pointer: pointer.to_owned(), message: message.to_owned() }
}

#[test]
fn one_bad_record_never_spoils_the_others() {
    let good = record_with(r#""id": "a""#);
    let bad = record_with(r#""id": """#);
    let parsed =
        parse_records(&call(&[good.clone(), bad, "5".into(), "null".into(), good])).unwrap();
    let told: Vec<String> = parsed
        .iter()
        .map(|each| each.as_ref().map_or_else(ToString::to_string, |record| record.id.clone()))
        .collect();
    assert_eq!(
        told,
        [
            "a",
            "/id: is empty",
            "must be an object, not a number",
            "must be an object, not null",
            "a"
        ]
    );
    assert_eq!(parse_records(&call(&[])).unwrap(), []);
}

#[test]
fn f15_a_hundred_records_are_a_call_and_one_more_is_not() {
    let good = record_with(r#""id": "a""#);
    assert_eq!(parse_records(&call(&vec![good.clone(); 100])).unwrap().len(), 100);
    let error = parse_records(&call(&vec![good; 101])).unwrap_err();
    assert_eq!(
        error,
        wrong("/records", "has more than 100 records: send the others in another call")
    );
}

#[test]
fn f15_what_is_no_call_is_refused_whole() {
    let deep = |open: &str, close: &str, depth: usize| {
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    let nested = |record: String| format!(r#"{{"records": [{{}}, {record}]}}"#);
    let too_deep = "is nested deeper than 128 levels";
    for (body, error) in [
        ("[]".to_owned(), wrong("", "must be an object {\"records\": […]}, not a list")),
        ("null".to_owned(), wrong("", "must be an object {\"records\": […]}, not null")),
        ("{}".to_owned(), wrong("/records", "is missing")),
        (
            r#"{"records": {}}"#.to_owned(),
            wrong("/records", "must be a list of records, not an object"),
        ),
        (
            r#"{"records": null}"#.to_owned(),
            wrong("/records", "must be a list of records, not null"),
        ),
        (
            r#"{"records": [], "source": "x"}"#.to_owned(),
            wrong("/source", "is not known here; known are records"),
        ),
        (r#"{"records": [], "records": []}"#.to_owned(), wrong("/records", "is given twice")),
        (nested(deep("[", "]", 10_000)), wrong("/records/1", too_deep)),
        (nested(deep("{\"id\":", "}", 10_000)), wrong("/records/1", too_deep)),
        (
            nested(format!("{{\"metadata\": {{\"a\": {}}}}}", deep("[", "]", 200))),
            wrong("/records/1", too_deep),
        ),
        (deep("[", "]", 10_000), wrong("", "must be an object {\"records\": […]}, not a list")),
    ] {
        assert_eq!(
            parse_records(body.as_bytes()).unwrap_err(),
            error,
            "{}",
            &body[..30.min(body.len())]
        );
    }
}

#[test]
fn f15_what_is_no_json_is_told_with_its_place() {
    for (body, words) in [
        (&b""[..], "EOF while parsing a value at line 1 column 0"),
        (b"\xff\xfe", "it is not UTF-8 at byte 0"),
        (b"{\"records\": [{\"id\": \"\xc3\x28\"}]}", "it is not UTF-8 at byte 21"),
        (b"{\"records\": [{\"id\": \"a\",}]}", "at line 1 column 25"),
        (b"{\"records\": [}", "expected value at line 1 column 14"),
        (b"{\"records\": []", "EOF while parsing an object at line 1"),
        (b"{\"records\": []} x", "trailing characters at line 1 column 17"),
        (b"{\"records\": [NaN]}", "expected value at line 1"),
        (b"{\"records\": [{\"id\": \"\x01\"}]}", "control character"),
        (b"{'records': []}", "key must be a string at line 1 column 2"),
        (b"\xef\xbb\xbf{\"records\": []}", "expected value at line 1"),
    ] {
        match parse_records(body) {
            Err(CallError::NotJson(told)) => assert!(told.contains(words), "{told}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

const LARGEST: &str = "ticket-log-of-a-megabyte";

/// What the contract makes of a file's record: the alert's body for a fixed automation and time, or
/// the words of the refusal.
fn made(bytes: &[u8]) -> String {
    let body = [b"{\"records\": [", bytes, b"]}"].concat();
    assert!(body.len() <= belfry::domain::limits::REQUEST_BYTES, "{} bytes", body.len());
    let record = match parse_records(&body) {
        Err(CallError::Wrong { pointer, message }) => {
            return format!("the call is refused\n{pointer}: {message}\n");
        }
        Err(error @ CallError::NotJson(_)) => return format!("the call is refused\n{error}\n"),
        Ok(mut records) => records.pop().unwrap(),
    };
    let record = match record {
        Err(error) => return format!("rejected\n{error}\n"),
        Ok(record) => record,
    };
    let found = || assess(&record, &History::new(0), &Model::built_in().unwrap()).levels;
    let levels = record.levels.unwrap_or_else(found);
    let body = alert::body(&AlertFacts {
        automation_id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff".parse().unwrap(),
        escalated_at: Timestamp::from_millis(1_782_561_600_000),
        levels: &levels,
        record: &record,
        dashboard_url: "https://belfry.fernwick.example",
    });
    format!("accepted\n{}\n", std::str::from_utf8(body.bytes()).unwrap())
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(FOLDER).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        files.filter_map(|file| file.strip_suffix(".json").map(ToOwned::to_owned)).collect();
    names.sort();
    names
}

/// `UPDATE_EXPECT=1` writes the expectations anew.
#[test]
fn each_sample_becomes_what_stands_beside_it() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    for name in names() {
        let made = made(&std::fs::read(format!("{FOLDER}/{name}.json")).unwrap());
        let expect = format!("{FOLDER}/{name}.expect");
        if update {
            std::fs::write(&expect, &made).unwrap();
            continue;
        }
        assert_eq!(made, std::fs::read_to_string(&expect).expect(&name), "{name}");
        assert_eq!(made.starts_with("accepted\n"), !name.starts_with("bad-"), "{name}");
    }
}

#[test]
fn samples_are_many_and_each_good_one_is_embedded() {
    let (bad, good): (Vec<String>, Vec<String>) =
        names().into_iter().partition(|name| name.starts_with("bad-"));
    assert!(good.len() >= 60 && bad.len() >= 12, "{} good, {} bad", good.len(), bad.len());
    let mut embedded: Vec<&str> = samples().iter().map(|(name, _)| *name).collect();
    embedded.sort_unstable();
    let expected: Vec<&str> =
        good.iter().map(String::as_str).filter(|name| *name != LARGEST).collect();
    assert_eq!(embedded, expected);
    for (name, text) in samples() {
        let file = std::fs::read_to_string(format!("{FOLDER}/{name}.json")).unwrap();
        assert_eq!(*text, file, "{name}");
    }
}

#[test]
fn samples_differ_by_their_ids() {
    let mut ids: Vec<String> =
        samples().iter().map(|(_, text)| parse_record(text).unwrap().id).collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_expectation_has_its_record() {
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let other = if path.extension().is_some_and(|it| it == "json") { "expect" } else { "json" };
        assert!(path.with_extension(other).exists(), "{}", path.display());
    }
}

/// What is read is what was sent, as a reader that knows nothing of records sees it.
#[test]
fn nothing_of_a_record_is_lost_or_changed() {
    for (name, text) in samples() {
        let record = parse_record(text).unwrap();
        let sent: Value = serde_json::from_str(text).unwrap();
        let as_text = |field: &str| sent[field].as_str().map(ToOwned::to_owned);
        assert_eq!(Some(record.id), as_text("id"), "{name}");
        assert_eq!(Some(record.content), as_text("content"), "{name}");
        assert_eq!(record.source_url, as_text("source_url"), "{name}");
        assert_eq!(record.kind, as_text("type"), "{name}");
        assert_eq!(record.channel, as_text("channel"), "{name}");
        assert_eq!(record.segment, as_text("segment"), "{name}");
        assert_eq!(record.product_area, as_text("product_area"), "{name}");
        assert_eq!(record.conversation_id, as_text("conversation_id"), "{name}");
        let list = |field: &str| sent[field].as_array().cloned().unwrap_or_default();
        let tags: Vec<Value> = record.tags.into_iter().map(Value::from).collect();
        assert_eq!(tags, list("tags"), "{name}");
        let messages: Vec<Value> = record
            .messages
            .into_iter()
            .map(|message| {
                let author = match message.author {
                    Author::Customer => "customer",
                    Author::Agent => "agent",
                };
                let mut sent = serde_json::json!({"author": author, "text": message.text});
                if let Some(at) = message.at {
                    sent["at"] = at.to_string().into();
                }
                sent
            })
            .collect();
        assert_eq!(messages, list("messages"), "{name}");
        let metadata: BTreeMap<String, Value> = record
            .metadata
            .into_iter()
            .map(|(name, value)| {
                let value = match value {
                    MetadataValue::Text(text) => text.into(),
                    MetadataValue::Number(number) => number.into(),
                    MetadataValue::Bool(flag) => flag.into(),
                    MetadataValue::Texts(texts) => texts.into(),
                };
                (name, value)
            })
            .collect();
        let members = sent["metadata"].as_object().cloned().unwrap_or_default();
        let expected: BTreeMap<String, Value> = members
            .into_iter()
            .map(|(name, value)| (name, value.as_f64().map_or(value, Value::from)))
            .collect();
        assert_eq!(metadata, expected, "{name}");
    }
}

proptest! {
    /// Whatever comes in, it is answered; and what is damaged inside one record stays there.
    #[test]
    fn f15_damaged_calls_are_answered(
        sample in 0..samples().len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut body = call(&[samples()[sample].1.to_owned()]);
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len()));
        }
        match parse_records(&body) {
            Ok(records) => for error in records.into_iter().filter_map(Result::err) {
                prop_assert!(!error.message.is_empty());
            },
            Err(CallError::NotJson(told)) => prop_assert!(!told.is_empty()),
            Err(CallError::Wrong { message, .. }) => prop_assert!(!message.is_empty()),
        }
    }
}
