//! The alert's body, byte for byte: `fixtures/payloads/NAME.record.json` makes `NAME.json`.
//! `UPDATE_EXPECT=1` writes the bodies anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use belfry::domain::alert::{AlertFacts, body};
use belfry::domain::time::Timestamp;
use belfry::web::api::record_json::parse_record;
use serde_json::Value;

const AUTOMATION: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
/// 2026-06-27T12:00:00Z
const ESCALATED_AT: Timestamp = Timestamp::from_millis(1_782_561_600_000);
const DASHBOARD: &str = "https://dashboard.enterpret.com";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/payloads")
}

fn made(record: &str, escalated_at: Timestamp, dashboard_url: &str) -> String {
    let record = parse_record(record).unwrap();
    let facts = AlertFacts {
        automation_id: AUTOMATION.parse().unwrap(),
        escalated_at,
        levels: &record.levels.unwrap(),
        record: &record,
        dashboard_url,
    };
    let body = body(&facts);
    assert!(body.intact());
    String::from_utf8(body.bytes().to_vec()).unwrap()
}

/// Each record's name and text.
fn records() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = name.strip_suffix(".record.json")?.to_owned();
            Some((name, std::fs::read_to_string(&path).unwrap()))
        })
        .collect();
    found.sort();
    assert!(found.len() >= 25, "records are missing: {}", found.len());
    found
}

#[test]
fn each_record_makes_its_body() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    for (name, record) in records() {
        let path = folder().join(format!("{name}.json"));
        let made = made(&record, ESCALATED_AT, DASHBOARD);
        if update {
            std::fs::write(&path, &made).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&path).expect(&name);
        assert_eq!(made, expected, "{name}");
    }
}

/// The same facts make the same bytes, whatever else the record holds.
#[test]
fn what_is_not_sent_leaves_no_trace() {
    for (name, record) in records() {
        let mut value: Value = serde_json::from_str(&record).unwrap();
        let fields = value.as_object_mut().unwrap();
        for unsent in ["type", "channel", "segment", "product_area", "tags", "metadata"] {
            fields.remove(unsent);
        }
        for unsent in ["conversation_id", "messages"] {
            fields.remove(unsent);
        }
        let bare = made(&value.to_string(), ESCALATED_AT, DASHBOARD);
        assert_eq!(bare, made(&record, ESCALATED_AT, DASHBOARD), "{name}");
    }
}

/// The example of the public document, field by field in its order.
#[test]
fn the_public_document_s_example_is_made() {
    let (_, record) = records().into_iter().find(|(name, _)| name == "public-document").unwrap();
    let example = r#"{
      "automation_id": "automation-uuid",
      "org_id": "your-org",
      "escalated_at": "2026-06-27T12:00:00Z",
      "levels": {
        "escalation_level": "extreme",
        "emotional_intensity_level": "extreme",
        "sentiment_shift": "sentiment degraded"
      },
      "record": {
        "id": "record-id",
        "url": "https://dashboard.enterpret.com/your-org/record/record-id",
        "source_url": "https://your-source-system.example.com/tickets/12345",
        "content_excerpt": "The customer message that triggered the alert",
        "created_at": "2026-06-27T11:58:00Z",
        "source": "ZendeskSupport"
      }
    }"#;
    let compact: String = example.lines().map(str::trim).collect();
    let compact = compact.replace("\": ", "\":").replace("automation-uuid", AUTOMATION);
    assert_eq!(made(&record, ESCALATED_AT, DASHBOARD), compact);
}

/// Every body is JSON of exactly the contract's fields, in their order, and says what the record says.
#[test]
fn each_body_holds_the_contract_s_fields_in_order() {
    let order = [
        "\"automation_id\":",
        "\"org_id\":",
        "\"escalated_at\":",
        "\"levels\":{\"escalation_level\":",
        "\"emotional_intensity_level\":",
        "\"sentiment_shift\":",
        "\"record\":{\"id\":",
        "\"url\":",
        "\"source_url\":",
        "\"content_excerpt\":",
        "\"created_at\":",
        "\"source\":",
    ];
    let optional = ["\"sentiment_shift\":", "\"source_url\":", "\"created_at\":"];
    for (name, text) in records() {
        let made = made(&text, ESCALATED_AT, DASHBOARD);
        let given: Value = serde_json::from_str(&text).unwrap();
        let sent: Value = serde_json::from_str(&made).unwrap();
        assert_eq!(sent["org_id"], given["org_id"], "{name}");
        assert_eq!(sent["record"]["id"], given["id"], "{name}");
        assert_eq!(sent["record"]["source"], given["source"], "{name}");
        assert_eq!(sent["record"].get("source_url"), given.get("source_url"), "{name}");
        assert_eq!(sent["levels"], given["levels"], "{name}");
        let excerpt = sent["record"]["content_excerpt"].as_str().unwrap();
        let content = given["content"].as_str().unwrap();
        let part = excerpt.strip_suffix('…').unwrap_or(excerpt);
        assert!(content.starts_with(part), "{name}");

        let mut rest = made.as_str();
        for field in order {
            match rest.find(field) {
                Some(at) => rest = &rest[at + field.len()..],
                None => assert!(optional.contains(&field), "{name}: {field}"),
            }
        }
        let count = |value: &Value| value.as_object().unwrap().len();
        assert_eq!(count(&sent), 5, "{name}");
        assert!((2..=3).contains(&count(&sent["levels"])), "{name}");
        assert!((4..=6).contains(&count(&sent["record"])), "{name}");
    }
}

#[test]
fn a_dashboard_with_a_path_or_a_slash_at_its_end_is_fine() {
    let record = r#"{"id": "a", "org_id": "o", "content": "", "source": "s",
        "levels": {"escalation_level": "low", "emotional_intensity_level": "low"}}"#;
    for (dashboard, url) in [
        ("https://belfry.example", "https://belfry.example/o/record/a"),
        ("https://belfry.example/", "https://belfry.example/o/record/a"),
        ("https://intra.example/belfry/", "https://intra.example/belfry/o/record/a"),
    ] {
        let sent: Value = serde_json::from_str(&made(record, ESCALATED_AT, dashboard)).unwrap();
        assert_eq!(sent["record"]["url"], url);
    }
}

#[test]
fn the_time_of_the_alert_has_a_fraction_only_where_there_is_one() {
    let (_, record) = records().into_iter().find(|(name, _)| name == "minimal").unwrap();
    for (millis, text) in [
        (1_782_561_600_000, "2026-06-27T12:00:00Z"),
        (1_782_561_600_007, "2026-06-27T12:00:00.007Z"),
        (1_782_561_600_120, "2026-06-27T12:00:00.12Z"),
    ] {
        let made = made(&record, Timestamp::from_millis(millis), DASHBOARD);
        let sent: Value = serde_json::from_str(&made).unwrap();
        assert_eq!(sent["escalated_at"], text);
    }
}
