//! A feeder that was written for the other product's inbound API.

use serde_json::{Value, json};

use crate::service::Service;

/// A feeder written against the public examples of that API: every type of feedback in one call, then too many,
/// too much, and a key that does not count, each with the word that it knows.
#[test]
fn a_feeder_of_the_other_product_is_understood() {
    let service = Service::start();
    service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "Threats", "minimum_levels": {"escalation_level": "high"},
                "integrations": [{"kind": "webhook", "url": "https://receiver.test/hook"}]}),
    );
    let made = service.ok("POST", "/v1/inbound", &json!({"name": "feeder", "org_id": "acme"}));
    let key = made["key"].as_str().unwrap().to_owned();
    let feed = |headers: &[(&str, &str)], body: &str| {
        let answer = service.call("", "POST", "/webhook/custom/all", headers, body.as_bytes());
        let json = answer.json();
        let code = json["code"].as_str().unwrap_or("").to_owned();
        assert_eq!(code.is_empty(), json["referenceID"].is_null(), "{json}");
        (answer.status, code, json)
    };
    let known = [("api-key", key.as_str())];
    let one = |kind: &str, more: Value| {
        let mut one = json!({"id": kind, "fileID": "f", "type": kind, "createdAt": 1_782_561_480,
                             "metadata": {}});
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one
    };
    let turn = json!([{"actor": "user", "text": "Nobody answers me."}]);
    let all = [
        one("REVIEW", json!({"text": "I am furious, and I will call my lawyer!"})),
        one("SURVEY", json!({"surveyResponse": {"responses": [{"question": "?", "answer": "2"}]}})),
        one("CONVERSATION", json!({"conversation": {"msgs": turn}})),
        one("FORUM_CONVERSATION_THREAD", json!({"conversation": {"msgs": turn}})),
        one("AUDIO_RECORDING", json!({"audioRecording": {"audioURL": "x", "transcript": turn}})),
    ];
    let (status, _, answer) = feed(&known, &json!({"records": all, "more": 1}).to_string());
    assert_eq!((status, &answer["accepted"]), (200, &json!(5)), "{answer}");
    assert_eq!(answer["rejected"], json!([]));
    // Such feedback brings no levels: what fires for it fires by what was found in its words.
    let list = service.ok("GET", "/v1/deliveries", &Value::Null);
    let list = list["data"].as_array().unwrap();
    let fired: Vec<_> = list.iter().map(|each| each["record_id"].as_str().unwrap()).collect();
    assert_eq!(fired, ["REVIEW"], "{list:?}");
    let alert = list[0]["alert_id"].as_str().unwrap();
    let alert = service.ok("GET", &format!("/v1/alerts/{alert}"), &Value::Null);
    assert!(alert.to_string().contains("feeder"), "{alert}");

    let many = json!({"records": vec![&all[0]; 101]}).to_string();
    let long = format!("{{\"records\": [\"{}\"]}}", "x".repeat(1024 * 1024));
    for (headers, body, status, code) in [
        (&known[..], many.as_str(), 400, "ErrCodeExceededBatchLimit"),
        (&known[..], long.as_str(), 413, "ErrCodePayloadTooLarge"),
        (&known[..], "{", 400, "ErrCodeInvalidRequestArgument"),
        (&known[..], "[]", 400, "ErrCodeInvalidRequestArgument"),
        (&known[..], "{}", 400, "ErrCodeMissingRequiredField"),
        (&known[..], r#"{"records": [{}]}"#, 400, "ErrCodeMissingRequiredField"),
        (&known[..], r#"{"records": {}}"#, 400, "ErrCodeInvalidFieldFormat"),
        (&known[..], r#"{"records": [7]}"#, 400, "ErrCodeInvalidFieldFormat"),
        (&[], "{}", 401, "ErrCodeInvalidAPIKey"),
        (&[("api-key", "bfi_x")], "{}", 401, "ErrCodeInvalidAPIKey"),
        (&[known[0], known[0]], "{}", 401, "ErrCodeInvalidAPIKey"),
    ] {
        let answer = feed(headers, body);
        assert_eq!((answer.0, answer.1.as_str()), (status, code), "{}", answer.2);
    }
}
