//! Feedback in the form of Enterpret's inbound API: `fixtures/feedback/NAME.json` becomes the record, or the
//! refusal, in `NAME.expect`. `UPDATE_EXPECT=1` writes those anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::path::Path;

use belfry::domain::feedback::{Feed, record};
use belfry::domain::record::{Author, MetadataValue, Record};
use belfry::domain::time::Timestamp;
use serde_json::{Value, json};

/// 2026-06-27T12:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_782_561_600_000);

fn feed() -> Feed {
    Feed {
        name: "ZendeskSupport".to_owned(),
        org_id: "acme".to_owned(),
        link_field: Some("ticket_url".to_owned()),
    }
}

fn told(feedback: &Value) -> String {
    match record(feedback, &feed(), NOW) {
        Ok(record) => format!("{:#}\n", shown(&record)),
        Err(error) => format!("{error}\n"),
    }
}

/// The record's fields that are set, as the records' own door has them.
fn shown(record: &Record) -> Value {
    let metadata = record.metadata.iter().map(|(name, value)| {
        let value = match value {
            MetadataValue::Text(text) => json!(text),
            MetadataValue::Number(number) => json!(number),
            MetadataValue::Bool(flag) => json!(flag),
            MetadataValue::Texts(texts) => json!(texts),
        };
        (name.clone(), value)
    });
    let messages = record.messages.iter().map(|message| {
        let author = match message.author {
            Author::Customer => "customer",
            Author::Agent => "agent",
        };
        json!({"author": author, "text": message.text})
    });
    json!({
        "id": record.id,
        "org_id": record.org_id,
        "source": record.source,
        "type": record.kind,
        "content": record.content,
        "created_at": record.created_at.map(|at| at.to_string()),
        "source_url": record.source_url,
        "metadata": metadata.collect::<serde_json::Map<_, _>>(),
        "messages": messages.collect::<Vec<_>>(),
    })
}

#[test]
fn each_feedback_becomes_its_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/feedback");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    assert!(files.len() >= 20, "feedback is missing: {}", files.len());
    for path in files {
        let feedback: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let (told, expected) = (told(&feedback), path.with_extension("expect"));
        if update {
            std::fs::write(expected, told).unwrap();
        } else {
            assert_eq!(told, std::fs::read_to_string(&expected).unwrap(), "{}", path.display());
        }
    }
}

/// Whatever else stands in a feedback: it is taken all the same, and makes the same record.
#[test]
fn what_nobody_knows_changes_nothing() {
    let plain = json!({"id": "r", "fileID": "f", "type": "REVIEW", "createdAt": 1_782_561_480,
                       "metadata": {}, "text": "It is down."});
    let mut more = plain.clone();
    more["rating"] = json!({"stars": [1, null, {"deep": []}]});
    more["conversation"] = json!("of another type");
    assert_eq!(told(&more), told(&plain));
}

/// The last moment that counts, and the first that lies too far ahead; seconds and milliseconds alike.
#[test]
fn a_time_may_be_a_little_ahead() {
    let at = |created_at: i64| {
        let feedback = json!({"id": "r", "fileID": "f", "type": "REVIEW", "createdAt": created_at,
                              "metadata": {}, "text": "x"});
        record(&feedback, &feed(), NOW).map(|record| record.created_at.unwrap().to_string())
    };
    let ahead = NOW.as_millis() / 1000 + 300;
    assert_eq!(at(ahead).unwrap(), "2026-06-27T12:05:00Z");
    assert_eq!(at(ahead * 1000).unwrap(), "2026-06-27T12:05:00Z");
    assert!(at(ahead + 1).is_err() && at(ahead * 1000 + 1).is_err());
    assert_eq!(at(946_684_800).unwrap(), "2000-01-01T00:00:00Z");
    assert!(at(946_684_799).is_err() && at(i64::MAX).is_err() && at(i64::MIN).is_err());
}
