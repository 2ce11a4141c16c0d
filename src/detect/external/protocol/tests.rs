//! Requests and answers of both protocols.

use std::collections::BTreeMap;

use super::*;
use crate::domain::record::{Message, MetadataValue};

fn record() -> Record {
    let message = |author, text: &str| Message { author, text: text.to_owned(), at: None };
    Record {
        id: "T-1".into(),
        org_id: "acme".into(),
        content: "Third outage.".into(),
        source: "zendesk".into(),
        created_at: None,
        source_url: Some("https://s.example/secret".into()),
        kind: None,
        channel: Some("phone".into()),
        segment: None,
        product_area: None,
        tags: vec!["vip".into()],
        metadata: BTreeMap::from([("email".into(), MetadataValue::Text("ann@x.test".into()))]),
        conversation_id: Some("c".into()),
        messages: vec![message(Author::Customer, "Down."), message(Author::Agent, "Sorry.")],
        levels: None,
    }
}

fn asked(protocol: Protocol, model: Option<&str>, record: &Record) -> Value {
    serde_json::from_slice(&request(protocol, model, record, Some("en"))).unwrap()
}

fn told_of(record: &Record) -> Value {
    asked(Protocol::Belfry, None, record)["record"].clone()
}

#[test]
fn the_words_are_told_and_what_helps_to_understand_them() {
    let expected = json!({"record": {
        "id": "T-1", "source": "zendesk", "channel": "phone", "language": "en", "text": "Third outage.",
        "messages": [{"author": "customer", "text": "Down."}, {"author": "agent", "text": "Sorry."}],
    }});
    assert_eq!(asked(Protocol::Belfry, None, &record()), expected);
    assert_eq!(asked(Protocol::Belfry, Some("m1"), &record())["model"], "m1");
}

#[test]
fn chat_completions_carry_the_record_as_material_and_a_strict_schema() {
    let body = asked(Protocol::OpenAi, Some("m1"), &record());
    assert_eq!(body["model"], "m1");
    let user = body["messages"][1]["content"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(user).unwrap(), told_of(&record()));
    let schema = &body["response_format"]["json_schema"];
    assert_eq!(
        (&schema["strict"], &schema["schema"]["additionalProperties"]),
        (&json!(true), &json!(false))
    );
    // A strict schema requires all that it knows.
    let properties = schema["schema"]["properties"].as_object().unwrap().keys();
    let required = schema["schema"]["required"].as_array().unwrap().iter();
    let mut required: Vec<_> = required.map(|name| name.as_str().unwrap()).collect();
    required.sort_unstable();
    assert_eq!(properties.collect::<Vec<_>>(), required);
}

#[test]
fn of_long_records_the_newest_messages_are_told() {
    let mut long = record();
    long.content = "ü".repeat(DETECT_TEXT_BYTES);
    long.messages = (0..10)
        .map(|number| Message {
            author: Author::Customer,
            text: format!("{number}{}", "x".repeat(20_000)),
            at: None,
        })
        .collect();
    let told = told_of(&long);
    assert_eq!(told["text"].as_str().unwrap().len(), DETECT_TEXT_BYTES);
    let texts =
        told["messages"].as_array().unwrap().iter().map(|each| each["text"].as_str().unwrap());
    let first: Vec<_> = texts.map(|text| text.get(..1).unwrap()).collect();
    assert_eq!(first, ["7", "8", "9"]);
}

#[test]
fn an_answer_gives_levels() {
    let levels = json!({"escalation_level": "high", "emotional_intensity_level": "none",
                        "sentiment_shift": "sentiment degraded"});
    let body = json!({"levels": levels, "evidence": "It says \"lawyer\"."}).to_string();
    let said = answer(Protocol::Belfry, body.as_bytes()).unwrap();
    let expected = Opinion {
        escalation: Level::High,
        emotional_intensity: Level::None,
        sentiment_shift: Some(SentimentShift::Degraded),
        words: Some("It says \"lawyer\".".into()),
    };
    assert_eq!(said, expected);
    let mut content = levels;
    content["evidence"] = json!("It says \"lawyer\".");
    let chat = json!({"choices": [{"finish_reason": "stop", "message": {
        "role": "assistant", "refusal": null, "content": content.to_string()}}]});
    assert_eq!(answer(Protocol::OpenAi, chat.to_string().as_bytes()).unwrap(), expected);
    let less = json!({"levels": {"escalation_level": "low", "emotional_intensity_level": "low"}});
    let less = answer(Protocol::Belfry, less.to_string().as_bytes()).unwrap();
    assert_eq!((less.sentiment_shift, &less.words), (None, &None));
    let shift = Some(SentimentShift::Improved);
    assert_eq!(less.levels(shift).sentiment_shift, shift, "what the detector found stands");
    assert_eq!(expected.levels(shift).sentiment_shift, Some(SentimentShift::Degraded));
}

#[test]
fn what_models_put_around_an_answer_is_left_out() {
    let inside = r#"{"escalation_level": "high", "emotional_intensity_level": "low"}"#;
    for content in [
        inside.to_owned(),
        format!("\n {inside}\n"),
        format!("```json\n{inside}\n```"),
        format!("```\n{inside}```\n"),
        format!("<think>Hm: {{\"escalation_level\": \"none\"}}</think>\n\n{inside}"),
        format!("<think></think>```json\n{inside}\n```"),
    ] {
        let chat = json!({"choices": [{"message": {"content": content, "refusal": ""}}]});
        let said = answer(Protocol::OpenAi, chat.to_string().as_bytes());
        assert_eq!(said.map(|said| said.escalation), Ok(Level::High), "{content}");
    }
    for content in [format!("Sure! {inside}"), format!("<think>{inside}"), "```json```".to_owned()]
    {
        let chat = json!({"choices": [{"message": {"content": content}}]});
        assert!(answer(Protocol::OpenAi, chat.to_string().as_bytes()).is_err(), "{content}");
    }
}

#[test]
fn what_is_no_answer_is_refused_without_its_words() {
    let chat = |content: Value, more: Value| {
        let mut choice = json!({"message": {"content": content}});
        choice.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"choices": [choice]}).to_string()
    };
    let nothing = json!({});
    for (protocol, body, words) in [
        (Protocol::Belfry, "<html>sentinel".to_owned(), "the answer is not JSON"),
        (Protocol::Belfry, "[]".to_owned(), "levels is no object"),
        (Protocol::Belfry, r#"{"levels": {}}"#.to_owned(), "levels.escalation_level is missing"),
        (Protocol::Belfry, r#"{"levels": {"escalation_level": 7}}"#.to_owned(), "is no text"),
        (
            Protocol::Belfry,
            r#"{"levels": {"escalation_level": "sentinel"}}"#.to_owned(),
            "must be one of none, low",
        ),
        (Protocol::OpenAi, "{}".to_owned(), "the answer has no choices"),
        (Protocol::OpenAi, chat(json!(null), nothing.clone()), "content is no text"),
        (Protocol::OpenAi, chat(json!("sentinel"), nothing), "content is not JSON"),
        (Protocol::OpenAi, chat(json!("{"), json!({"finish_reason": "length"})), "was cut off"),
        (
            Protocol::OpenAi,
            json!({"choices": [{"message": {"refusal": "sentinel"}}]}).to_string(),
            "refused to judge",
        ),
    ] {
        let refused = answer(protocol, body.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(words) && !refused.contains("sentinel"), "{body}: {refused}");
    }
}
