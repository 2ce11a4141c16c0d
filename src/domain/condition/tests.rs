//! Each operator on each kind of field, what is refused and where, and that JSON and back is the same.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::levels::{Level, SentimentShift};
use crate::domain::limits;
use crate::domain::record::MetadataValue;

fn record() -> Record {
    Record {
        id: "T-1".into(),
        org_id: "acme".into(),
        content: "I want a Refund, now.\nOr I call my lawyer.".into(),
        source: "ZendeskSupport".into(),
        created_at: Some("2026-06-27T12:00:00Z".parse().unwrap()),
        source_url: None,
        kind: Some("CONVERSATION".into()),
        channel: None,
        segment: Some("Enterprise".into()),
        product_area: Some(String::new()),
        tags: vec!["billing".into(), "churn-risk".into()],
        metadata: [
            ("arr", MetadataValue::Number(50_000.0)),
            ("vip", MetadataValue::Bool(true)),
            ("plan", MetadataValue::Text("gold".into())),
            ("regions", MetadataValue::Texts(vec!["eu".into(), "us".into()])),
            ("none", MetadataValue::Texts(Vec::new())),
            ("a.b/c~d", MetadataValue::Text("odd".into())),
            ("arr_text", MetadataValue::Text("50000".into())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        conversation_id: None,
        messages: Vec::new(),
        levels: None,
    }
}

const LEVELS: Levels = Levels {
    escalation: Level::High,
    emotional_intensity: Level::None,
    sentiment_shift: Some(SentimentShift::Degraded),
};

fn parse(condition: &Value) -> Result<Condition, ConditionError> {
    Condition::parse(condition, Subject::Record)
}

fn holds(condition: &Value) -> bool {
    parse(condition).unwrap().matches(&record(), &LEVELS)
}

fn refusal(condition: &Value) -> (String, String) {
    let error = parse(condition).unwrap_err();
    (error.pointer, error.message)
}

fn test(field: &str, op: &str, value: Value) -> Value {
    json!({"field": field, "op": op, "value": value})
}

#[test]
fn each_operator_does_what_its_name_says() {
    for (field, op, value, expected) in [
        ("segment", "eq", json!("Enterprise"), true),
        ("segment", "eq", json!("enterprise"), false),
        ("segment", "ne", json!("SMB"), true),
        ("segment", "in", json!(["SMB", "Enterprise"]), true),
        ("segment", "in", json!(["SMB"]), false),
        ("segment", "not_in", json!(["SMB"]), true),
        ("segment", "starts_with", json!("Enter"), true),
        ("segment", "contains", json!("prise"), true),
        ("content", "contains", json!("lawyer"), true),
        ("content", "contains", json!("Lawyer"), false),
        ("content", "matches", json!("(?i)\\bLAWYER\\b"), true),
        ("content", "matches", json!("(?m)^Or I"), true),
        ("content", "matches", json!("^Or I"), false),
        ("source", "eq", json!("ZendeskSupport"), true),
        ("type", "eq", json!("CONVERSATION"), true),
        ("id", "starts_with", json!("T-"), true),
        ("org_id", "eq", json!("acme"), true),
        ("created_at", "eq", json!("2026-06-27T14:00:00+02:00"), true),
        ("created_at", "gte", json!("2026-06-27T12:00:00Z"), true),
        ("created_at", "gt", json!("2026-06-27T12:00:00Z"), false),
        ("created_at", "lt", json!("2026-06-27T12:00:00.001Z"), true),
        ("created_at", "in", json!(["2026-01-01T00:00:00Z"]), false),
        ("metadata.arr", "gt", json!(49_999.5), true),
        ("metadata.arr", "gt", json!(50_000), false),
        ("metadata.arr", "gte", json!(50_000), true),
        ("metadata.arr", "lt", json!(1e6), true),
        ("metadata.arr", "lte", json!(50_000), true),
        ("metadata.arr", "eq", json!(50_000), true),
        ("metadata.arr", "in", json!(["x", true, 50_000.0]), true),
        ("metadata.vip", "eq", json!(true), true),
        ("metadata.vip", "ne", json!(false), true),
        ("metadata.plan", "eq", json!("gold"), true),
        ("metadata.a.b/c~d", "eq", json!("odd"), true),
    ] {
        assert_eq!(holds(&test(field, op, value.clone())), expected, "{field} {op} {value}");
    }
}

#[test]
fn several_texts_pass_where_one_does() {
    for (field, op, value, expected) in [
        ("tags", "eq", json!("billing"), true),
        ("tags", "eq", json!("bill"), false),
        ("tags", "contains", json!("risk"), true),
        ("tags", "starts_with", json!("churn"), true),
        ("tags", "matches", json!("^b.*g$"), true),
        ("tags", "in", json!(["sso", "churn-risk"]), true),
        // None of them is it: `ne` is the opposite of `eq`.
        ("tags", "ne", json!("billing"), false),
        ("tags", "ne", json!("sso"), true),
        ("tags", "not_in", json!(["sso", "billing"]), false),
        ("metadata.regions", "eq", json!("us"), true),
        ("metadata.regions", "gt", json!(1), false),
    ] {
        assert_eq!(holds(&test(field, op, value.clone())), expected, "{field} {op} {value}");
    }
}

#[test]
fn an_absent_field_passes_only_negative_tests() {
    for field in ["channel", "metadata.none", "metadata.unheard", "source_url", "conversation_id"] {
        for (op, value, expected) in [
            ("eq", json!("x"), false),
            ("ne", json!("x"), true),
            ("in", json!(["x"]), false),
            ("not_in", json!(["x"]), true),
            ("contains", json!("x"), false),
            ("starts_with", json!("x"), false),
            ("matches", json!(""), false),
            ("exists", json!(true), false),
            ("exists", json!(false), true),
        ] {
            assert_eq!(holds(&test(field, op, value.clone())), expected, "{field} {op} {value}");
        }
    }
    assert!(!holds(&test("metadata.unheard", "lt", json!(1))));
    assert!(!holds(&test("metadata.unheard", "gte", json!(1))));
    // An empty text is there; `exists` alone asks for being there.
    assert!(holds(&test("product_area", "exists", json!(true))));
    assert!(holds(&json!({"field": "tags", "op": "exists"})));
}

#[test]
fn another_type_is_another_value() {
    for (field, op, value, expected) in [
        ("metadata.arr", "eq", json!("50000"), false),
        ("metadata.arr", "ne", json!("50000"), true),
        ("metadata.arr", "contains", json!("5"), false),
        ("metadata.arr_text", "gt", json!(1), false),
        ("metadata.arr_text", "eq", json!(50_000), false),
        ("metadata.vip", "eq", json!("true"), false),
        ("metadata.vip", "eq", json!(1), false),
        ("metadata.plan", "lt", json!(1), false),
    ] {
        assert_eq!(holds(&test(field, op, value.clone())), expected, "{field} {op} {value}");
    }
}

#[test]
fn levels_compare_by_their_order() {
    for (field, op, value, expected) in [
        ("levels.escalation_level", "gte", "medium", true),
        ("levels.escalation_level", "gte", "high", true),
        ("levels.escalation_level", "gt", "high", false),
        ("levels.escalation_level", "lt", "extreme", true),
        ("levels.escalation_level", "eq", "high", true),
        ("levels.escalation_level", "starts_with", "hi", true),
        ("levels.escalation_level", "eq", "catastrophic", false),
        ("levels.escalation_level", "ne", "catastrophic", true),
        ("levels.emotional_intensity_level", "lte", "none", true),
        ("levels.emotional_intensity_level", "gte", "low", false),
        ("levels.sentiment_shift", "gte", "sentiment degraded", true),
        ("levels.sentiment_shift", "gt", "sentiment unchanged", true),
        ("levels.sentiment_shift", "lt", "sentiment degraded", false),
    ] {
        assert_eq!(holds(&test(field, op, json!(value))), expected, "{field} {op} {value}");
    }
    let unknown = Levels { sentiment_shift: None, ..LEVELS };
    let shift = test("levels.sentiment_shift", "gte", json!("sentiment improved"));
    assert!(!parse(&shift).unwrap().matches(&record(), &unknown));
}

fn posted() -> Posted {
    let content = json!({
        "automation_id": "team-7", "org_id": "acme", "escalated_at": "2026-06-27T12:00:00Z",
        "levels": {"escalation_level": "apocalyptic", "emotional_intensity_level": "high"},
        "record": {"id": "r", "url": "https://d.example/r", "source": "gong", "source_url": 7,
                   "content_excerpt": "My lawyer will call.", "created_at": "yesterday"},
    });
    Posted::read(content.to_string().into(), content).unwrap()
}

#[test]
fn an_alert_is_asked_for_what_its_body_says() {
    let posted = posted();
    let holds = |field: &str, op: &str, value: Value| {
        let condition = Condition::parse(&test(field, op, value), Subject::Alert).unwrap();
        condition.matches_alert(&posted)
    };
    for (field, op, value) in [
        ("automation_id", "eq", json!("team-7")),
        ("org_id", "in", json!(["acme"])),
        ("escalated_at", "lt", json!("2026-06-28T00:00:00Z")),
        ("levels.emotional_intensity_level", "gte", json!("high")),
        ("levels.escalation_level", "eq", json!("apocalyptic")),
        ("levels.escalation_level", "matches", json!("^apo")),
        ("levels.sentiment_shift", "exists", json!(false)),
        ("record.id", "eq", json!("r")),
        ("record.url", "starts_with", json!("https://")),
        ("record.source", "ne", json!("zendesk")),
        ("record.content_excerpt", "contains", json!("lawyer")),
        // What is of another kind than the field holds is as good as absent.
        ("record.source_url", "exists", json!(false)),
        ("record.created_at", "exists", json!(false)),
    ] {
        assert!(holds(field, op, value.clone()), "{field} {op} {value}");
    }
    // A word without a place in the order comes neither before nor after another.
    for op in ["gt", "gte", "lt", "lte"] {
        assert!(!holds("levels.escalation_level", op, json!("none")), "{op}");
    }
}

#[test]
fn each_subject_has_fields_of_its_own() {
    let ask = |field: &str, of| {
        Condition::parse(&test(field, "exists", json!(true)), of).map_err(|error| error.pointer)
    };
    for (field, record, alert) in [
        ("segment", true, false),
        ("metadata.arr", true, false),
        ("id", true, false),
        ("record.id", false, true),
        ("automation_id", false, true),
        ("org_id", true, true),
        ("levels.escalation_level", true, true),
        ("record.tags", false, false),
    ] {
        let place = "/field".to_owned();
        for (of, is_known) in [(Subject::Record, record), (Subject::Alert, alert)] {
            let asked = ask(field, of);
            assert_eq!(asked.as_ref().err(), (!is_known).then_some(&place), "{field} {of:?}");
        }
        let stored = Condition::restore(&test(field, "exists", json!(true)));
        assert_eq!(stored.is_ok(), record || alert, "{field}");
    }
}

#[test]
fn all_any_and_not_combine() {
    let yes = test("segment", "eq", json!("Enterprise"));
    let no = test("segment", "eq", json!("SMB"));
    for (condition, expected) in [
        (json!({}), true),
        (json!({"all": []}), true),
        (json!({"all": [yes, yes]}), true),
        (json!({"all": [yes, no]}), false),
        (json!({"any": [no, yes]}), true),
        (json!({"any": [no, no]}), false),
        (json!({"not": no}), true),
        (json!({"not": {"all": []}}), false),
        (json!({"all": [{"any": [no, {"not": no}]}, {"not": {"all": [yes, no]}}]}), true),
    ] {
        assert_eq!(holds(&condition), expected, "{condition}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let good = test("segment", "eq", json!("x"));
    for (condition, pointer, words) in [
        (json!(null), "", "must be an object of one of the forms"),
        (json!([good]), "", "must be an object"),
        (json!({"some": []}), "", "must be an object of one of the forms"),
        (json!({"all": good}), "/all", "must be a list"),
        (json!({"any": []}), "/any", "would never hold"),
        (json!({"all": [good, {}]}), "/all/1", "must be an object"),
        (json!({"all": [], "any": [good]}), "/any", "can't stand beside \"all\""),
        (json!({"not": good, "a/b": 1}), "/a~1b", "can't stand beside \"not\""),
        (json!({"not": {"any": [{"not": 1}]}}), "/not/any/0/not", "must be an object"),
        (
            test("colour", "eq", json!("red")),
            "/field",
            "is no field of a record; fields are segment",
        ),
        (test("metadata.", "eq", json!("red")), "/field", "is no field"),
        (test("metadata", "eq", json!("red")), "/field", "metadata.<name>"),
        (json!({"field": 1, "op": "eq", "value": 1}), "/field", "must be text"),
        (json!({"op": "eq", "value": 1}), "/field", "is missing"),
        (json!({"field": "tags", "value": 1}), "/op", "is missing: it is one of eq, ne"),
        (json!({"field": "tags", "op": "eq"}), "/value", "is missing"),
        (json!({"field": "tags", "op": "eq", "value": "x", "v": 1}), "/v", "is not known here"),
        (test("segment", "like", json!("x")), "/op", "must be one of eq, ne"),
        (test("segment", "gt", json!(5)), "/op", "the field is text"),
        (test("segment", "gt", json!("a")), "/op", "the field is text"),
        (test("tags", "lte", json!(5)), "/op", "the field is text"),
        (test("segment", "eq", json!(5)), "/value", "must be text"),
        (test("segment", "eq", json!(null)), "/value", "must be text"),
        (test("segment", "in", json!("x")), "/value", "must be a list"),
        (test("segment", "in", json!([])), "/value", "is empty"),
        (test("segment", "in", json!(["x", 1])), "/value/1", "must be text"),
        (test("segment", "contains", json!("")), "/value", "found in every text"),
        (test("segment", "contains", json!(["x"])), "/value", "must be text"),
        (test("segment", "exists", json!("yes")), "/value", "must be true or false"),
        (test("metadata.arr", "gt", json!("5")), "/value", "must be a number"),
        (
            test("metadata.arr", "eq", json!(["a"])),
            "/value",
            "must be text, a number, true or false",
        ),
        (test("created_at", "gt", json!("yesterday")), "/value", "must be a time"),
        (test("created_at", "gt", json!(5)), "/value", "must be a time"),
        (test("created_at", "contains", json!("2026")), "/op", "the field is a time"),
        (test("levels.escalation_level", "gte", json!("huge")), "/value", "none, low, medium"),
        (test("levels.escalation_level", "gte", json!(3)), "/value", "none, low, medium"),
        (test("levels.sentiment_shift", "gt", json!("high")), "/value", "sentiment improved"),
        (test("content", "matches", json!("(")), "/value", "unclosed group"),
        (test("content", "matches", json!("(?=x)")), "/value", "look-around"),
        (test("content", "matches", json!("\\w{500}{50}")), "/value", "too large a pattern"),
        (test("content", "eq", json!("x".repeat(4097))), "/value", "longer than 4096 bytes"),
    ] {
        let (found, message) = refusal(&condition);
        assert_eq!(found, pointer, "{condition}: {message}");
        assert!(message.contains(words), "{condition}: {message}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let leaf = test("segment", "eq", json!("x"));
    let deep = |depth: usize| (1..depth).fold(leaf.clone(), |inner, _| json!({ "not": inner }));
    assert!(parse(&deep(limits::CONDITION_DEPTH)).is_ok());
    let (pointer, message) = refusal(&deep(limits::CONDITION_DEPTH + 1));
    assert_eq!(pointer, "/not".repeat(limits::CONDITION_DEPTH));
    assert!(message.contains("too deep"), "{message}");

    let wide = |nodes: usize| json!({ "any": vec![leaf.clone(); nodes - 1] });
    assert!(parse(&wide(limits::CONDITION_NODES)).is_ok());
    let (pointer, message) = refusal(&wide(limits::CONDITION_NODES + 1));
    assert_eq!(pointer, format!("/any/{}", limits::CONDITION_NODES - 1));
    assert!(message.contains("too many parts"), "{message}");

    let values = |count: usize| test("segment", "in", json!(vec!["x"; count]));
    assert!(parse(&values(limits::CONDITION_VALUES)).is_ok());
    assert_eq!(refusal(&values(limits::CONDITION_VALUES + 1)).0, "/value");
}

#[test]
fn a_pattern_takes_time_in_proportion_to_the_text() {
    let condition = parse(&test("content", "matches", json!("(a*)*(a*)*b$"))).unwrap();
    let record = Record { content: "a".repeat(100_000), ..record() };
    assert!(!condition.matches(&record, &LEVELS));
}

#[test]
fn json_is_written_as_people_write_it() {
    for written in [
        test("metadata.arr", "gte", json!(50_000)),
        test("metadata.arr", "gte", json!(0.5)),
        test("metadata.arr", "in", json!([1, "x", false])),
        test("created_at", "lt", json!("2026-06-27T12:00:00Z")),
        json!({"all": [{"any": [{"not": test("tags", "matches", json!("^x"))}]}]}),
    ] {
        assert_eq!(parse(&written).unwrap().to_json(), written);
    }
    let short = json!({"field": "tags", "op": "exists"});
    let full = test("tags", "exists", json!(true));
    assert_eq!(parse(&short).unwrap().to_json(), full);
}

fn any_test() -> impl Strategy<Value = Value> {
    let text_field =
        prop::sample::select(vec!["segment", "tags", "content", "metadata.plan", "id"]);
    let text = "[a-z ]{1,6}|Enterprise|billing|gold";
    let text_op = prop::sample::select(vec!["eq", "ne", "contains", "starts_with", "matches"]);
    let level = prop::sample::select(Level::ALL.map(Level::word).to_vec());
    let order = prop::sample::select(vec!["eq", "ne", "gt", "gte", "lt", "lte"]);
    prop_oneof![
        (text_field.clone(), text_op, text).prop_map(|(f, op, v)| test(f, op, json!(v))),
        (text_field, any::<bool>()).prop_map(|(f, v)| test(f, "exists", json!(v))),
        (order.clone(), -1e9..1e9).prop_map(|(op, v)| test("metadata.arr", op, json!(v))),
        (order.clone(), -9999..9999).prop_map(|(op, v)| test("metadata.arr", op, json!(v))),
        (order, level).prop_map(|(op, v)| test("levels.escalation_level", op, json!(v))),
        prop::collection::vec(text, 1..5).prop_map(|v| test(
            "metadata.regions",
            "not_in",
            json!(v)
        )),
    ]
}

fn any_condition() -> impl Strategy<Value = Value> {
    any_test().prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|nodes| json!({ "all": nodes })),
            prop::collection::vec(inner.clone(), 1..5).prop_map(|nodes| json!({ "any": nodes })),
            inner.prop_map(|node| json!({ "not": node })),
        ]
    })
}

/// Trees of the words that conditions are made of, mostly in places where they make no sense.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "all",
        "any",
        "not",
        "field",
        "op",
        "value",
        "eq",
        "matches",
        "in",
        "gt",
        "tags",
        "created_at",
        "metadata.x",
        "levels.sentiment_shift",
        "(",
        "high",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn json_and_back_is_the_same(json in any_condition()) {
        let condition = parse(&json).unwrap();
        let back = parse(&condition.to_json()).unwrap();
        prop_assert_eq!(&back, &condition);
        prop_assert_eq!(back.to_json(), condition.to_json());
    }

    #[test]
    fn not_inverts(json in any_condition()) {
        let condition = parse(&json).unwrap();
        let inverse = parse(&json!({ "not": json })).unwrap();
        let holds = condition.matches(&record(), &LEVELS);
        prop_assert_eq!(inverse.matches(&record(), &LEVELS), !holds);
    }

    #[test]
    fn what_could_not_match_matches_at_no_level(json in any_condition()) {
        let condition = parse(&json).unwrap();
        let at = |escalation| Levels { escalation, ..LEVELS };
        let matches = Level::ALL.iter().any(|level| condition.matches(&record(), &at(*level)));
        prop_assert!(condition.could_match(&record()) || !matches);
        // Without a test of a level nothing is left open.
        if !json.to_string().contains("levels.") {
            prop_assert_eq!(condition.could_match(&record()), matches);
        }
    }

    #[test]
    fn whatever_is_given_nothing_panics(json in any_json()) {
        match parse(&json) {
            Ok(condition) => {
                condition.matches(&record(), &LEVELS);
                prop_assert_eq!(&parse(&condition.to_json()).unwrap(), &condition);
            }
            // The pointer leads to the place, or to what is missing there.
            Err(error) => {
                let above = error.pointer.rsplit_once('/').map_or("", |(above, _)| above);
                prop_assert!(json.pointer(above).is_some(), "{}", error.pointer);
            }
        }
    }
}
