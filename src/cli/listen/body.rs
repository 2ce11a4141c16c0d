//! An alert's body as a receiver reads it: strict about the contract's fields and their order, and
//! still good for showing where it is not right.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a person wants to see of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// The automation that fired.
    pub automation_id: String,
    /// The organisation's slug.
    pub org_id: String,
    /// How urgent.
    pub escalation_level: String,
    /// How heated.
    pub emotional_intensity_level: String,
    /// Where the mood went, where it is known.
    pub sentiment_shift: Option<String>,
    /// The record's id.
    pub record_id: String,
    /// Where it came from.
    pub source: String,
    /// What the customer wrote.
    pub content_excerpt: String,
}

/// A JSON object's members, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Each<'a> {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::with_capacity(6);
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Each(std::marker::PhantomData))
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Text,
    Time,
}

struct Field {
    name: &'static str,
    kind: Kind,
    optional: bool,
}

const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, optional: false }
}

const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, optional: true }
}

const TOP: [Field; 5] = [
    must("automation_id", Kind::Text),
    must("org_id", Kind::Text),
    must("escalated_at", Kind::Time),
    must("levels", Kind::Object),
    must("record", Kind::Object),
];
const LEVELS: [Field; 3] = [
    must("escalation_level", Kind::Text),
    must("emotional_intensity_level", Kind::Text),
    may("sentiment_shift", Kind::Text),
];
const RECORD: [Field; 6] = [
    must("id", Kind::Text),
    must("url", Kind::Text),
    may("source_url", Kind::Text),
    must("content_excerpt", Kind::Text),
    may("created_at", Kind::Time),
    must("source", Kind::Text),
];

/// Reads a body. What differs from the contract goes to `problems`; `None` where it is no JSON object.
pub(super) fn read(body: &[u8], problems: &mut Vec<String>) -> Option<Alert> {
    let top: Members<'_> = match serde_json::from_slice(body) {
        Ok(top) => top,
        Err(_) => {
            problems.push("the body is not a JSON object in UTF-8".to_owned());
            return None;
        }
    };
    let mut alert = Alert::default();
    fields("", &top, &TOP, problems, &mut |name, text| match name {
        "automation_id" => alert.automation_id = text,
        "org_id" => alert.org_id = text,
        _ => {}
    });
    for (name, expected) in [("levels", LEVELS.as_slice()), ("record", RECORD.as_slice())] {
        let Some((_, raw)) = top.0.iter().find(|(each, _)| each == name) else { continue };
        let Ok(inner) = serde_json::from_str::<Members<'_>>(raw.get()) else { continue };
        fields(name, &inner, expected, problems, &mut |name, text| match name {
            "escalation_level" => alert.escalation_level = text,
            "emotional_intensity_level" => alert.emotional_intensity_level = text,
            "sentiment_shift" => alert.sentiment_shift = Some(text),
            "id" => alert.record_id = text,
            "source" => alert.source = text,
            "content_excerpt" => alert.content_excerpt = text,
            _ => {}
        });
    }
    Some(alert)
}

fn fields(
    within: &str,
    members: &Members<'_>,
    expected: &[Field],
    problems: &mut Vec<String>,
    found: &mut dyn FnMut(&'static str, String),
) {
    let at = |name: &str| match within {
        "" => format!("/{name}"),
        within => format!("/{within}/{name}"),
    };
    // Positions must rise: a field of the contract that stands behind a later one is out of order.
    let mut last = None;
    for (name, raw) in &members.0 {
        let Some(position) = expected.iter().position(|field| field.name == name) else {
            problems.push(format!("{} is no field of an alert", at(name).escape_debug()));
            continue;
        };
        match last {
            Some(last) if position == last => problems.push(format!("{} comes twice", at(name))),
            Some(last) if position < last => {
                problems.push(format!("{} is out of order", at(name)));
            }
            Some(_) | None => {}
        }
        last = Some(position);
        let Some(field) = expected.get(position) else { continue };
        match field.kind {
            Kind::Object if raw.get().starts_with('{') => {}
            Kind::Object => problems.push(format!("{} is not an object", at(name))),
            Kind::Text | Kind::Time => match serde_json::from_str::<String>(raw.get()) {
                Ok(text) => {
                    if field.kind == Kind::Time && !is_utc(&text) {
                        problems.push(format!("{} is not RFC 3339 in UTC with Z", at(name)));
                    }
                    found(field.name, text);
                }
                Err(_) => problems.push(format!("{} is not a text", at(name))),
            },
        }
    }
    for field in expected.iter().filter(|field| !field.optional) {
        if !members.0.iter().any(|(name, _)| name == field.name) {
            problems.push(format!("{} is missing", at(field.name)));
        }
    }
}

fn is_utc(text: &str) -> bool {
    text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"automation_id":"a","org_id":"o","escalated_at":"2026-06-27T12:00:00Z",
        "levels":{"escalation_level":"extreme","emotional_intensity_level":"high"},
        "record":{"id":"r1","url":"https://d.test/o/record/r1","content_excerpt":"No \"way\"",
        "source":"Gong"}}"#;

    fn problems(body: &str) -> Vec<String> {
        let mut problems = Vec::new();
        read(body.as_bytes(), &mut problems);
        problems
    }

    #[test]
    fn a_body_of_the_contract_is_read_without_a_word() {
        let mut problems = Vec::new();
        let alert = read(GOOD.as_bytes(), &mut problems).unwrap();
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(alert.record_id, "r1");
        assert_eq!(alert.content_excerpt, "No \"way\"");
        assert_eq!(alert.sentiment_shift, None);
    }

    #[test]
    fn what_differs_from_the_contract_is_named_by_its_place() {
        for (from, to, problem) in [
            ("\"org_id\":\"o\",", "", "/org_id is missing"),
            ("\"org_id\":\"o\"", "\"org_id\":7", "/org_id is not a text"),
            ("12:00:00Z", "12:00:00+02:00", "/escalated_at is not RFC 3339 in UTC with Z"),
            ("\"id\":\"r1\",", "\"id\":\"r1\",\"mood\":1,", "/record/mood is no field of an alert"),
            (
                "\"automation_id\":\"a\",\"org_id\":\"o\"",
                "\"org_id\":\"o\",\"automation_id\":\"a\"",
                "/automation_id is out of order",
            ),
        ] {
            assert!(GOOD.contains(from));
            assert_eq!(problems(&GOOD.replace(from, to)), [problem]);
        }
        assert_eq!(problems("[1]"), ["the body is not a JSON object in UTF-8"]);
        assert_eq!(problems("\u{7f}"), ["the body is not a JSON object in UTF-8"]);
    }
}
