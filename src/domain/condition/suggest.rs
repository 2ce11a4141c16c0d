//! Which values records had of late, field by field: what a person who writes a condition may choose from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::field::{Field, Found, Kind, Named, Subject};
use super::json::number;
use crate::domain::levels::Levels;
use crate::domain::limits::{SUGGESTED_BYTES, SUGGESTED_FIELDS, SUGGESTED_VALUES};
use crate::domain::record::Record;

/// What a field's values are, which decides what it can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueKind {
    /// Text.
    Text,
    /// Several texts; a test holds where it holds for one of them.
    Texts,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A point in time.
    Time,
    /// One of a few words that have an order.
    Words,
}

/// A field that a condition can ask for, and what records have in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggested {
    /// Its name in a condition.
    pub field: String,
    /// What it holds, seen most first. A field of metadata may hold one thing in one record and another
    /// in the next.
    pub kinds: Vec<ValueKind>,
    /// Records that have something in it.
    pub records: usize,
    /// Values, seen most first; words that have an order are all here, in that order.
    pub values: Vec<SuggestedValue>,
}

/// A value that records have.
#[derive(Debug, Clone, PartialEq)]
pub struct SuggestedValue {
    /// The value as a condition has it.
    pub value: Value,
    /// Records that have it.
    pub records: usize,
}

/// All fields that a condition can ask for, the named ones first, then metadata by name, with the values
/// that these records have. What is too long to choose from a list is left out, and so is the feedback's
/// text, of which each is another one.
pub fn suggestions<'a>(
    records: impl IntoIterator<Item = (&'a Record, &'a Levels)>,
) -> Vec<Suggested> {
    let mut named: Vec<(Named, Tally<'a>)> =
        Named::of(Subject::Record).map(|each| (each, Tally::default())).collect();
    let mut metadata: BTreeMap<&'a str, Tally<'a>> = BTreeMap::new();
    for (record, levels) in records {
        for (field, tally) in &mut named {
            tally.add(Field::Named(*field).of_record(record, levels));
        }
        for (name, value) in &record.metadata {
            metadata.entry(name).or_default().add(super::field::value(value));
        }
    }
    let mut seen_most: Vec<_> = metadata.into_iter().collect();
    seen_most.sort_by_key(|(name, tally)| (Reverse(tally.records), *name));
    seen_most.truncate(SUGGESTED_FIELDS);
    seen_most.sort_by_key(|(name, _)| *name);
    let named = named.into_iter().map(|(field, tally)| tally.told(&Field::Named(field)));
    let metadata =
        seen_most.into_iter().map(|(name, tally)| tally.told(&Field::Metadata(name.to_owned())));
    named.chain(metadata).collect()
}

/// A value, so that equal ones meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Text(&'a str),
    /// The bits of a number: equal ones have equal bits, but for zero, of which there are two.
    Number(u64),
    Bool(bool),
    Time(jiff::Timestamp),
}

impl Key<'_> {
    fn json(self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(bits) => number(f64::from_bits(bits)),
            Self::Bool(flag) => json!(flag),
            Self::Time(at) => json!(at.to_string()),
        }
    }
}

#[derive(Debug, Default)]
struct Tally<'a> {
    records: usize,
    kinds: BTreeMap<ValueKind, usize>,
    values: BTreeMap<Key<'a>, usize>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, found: Found<'a>) {
        let kind = match found {
            Found::Absent => return,
            Found::Text(text) => {
                self.count(Key::Text(text));
                ValueKind::Text
            }
            Found::Texts(texts) => {
                let distinct: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
                distinct.into_iter().for_each(|text| self.count(Key::Text(text)));
                ValueKind::Texts
            }
            Found::Number(value) => {
                self.count(Key::Number((value + 0.0).to_bits()));
                ValueKind::Number
            }
            Found::Bool(flag) => {
                self.count(Key::Bool(flag));
                ValueKind::Bool
            }
            Found::Time(at) => {
                self.count(Key::Time(at));
                ValueKind::Time
            }
        };
        self.records += 1;
        *self.kinds.entry(kind).or_default() += 1;
    }

    fn count(&mut self, key: Key<'a>) {
        let long = matches!(key, Key::Text(text) if text.len() > SUGGESTED_BYTES);
        if !long {
            *self.values.entry(key).or_default() += 1;
        }
    }

    fn told(self, field: &Field) -> Suggested {
        let kinds = match field.kind() {
            Kind::Words(_) => vec![ValueKind::Words],
            Kind::Time => vec![ValueKind::Time],
            Kind::Text if *field == Field::Named(Named::Tags) => vec![ValueKind::Texts],
            Kind::Text => vec![ValueKind::Text],
            Kind::Any => {
                let mut kinds: Vec<_> = self.kinds.into_iter().collect();
                kinds.sort_by_key(|(kind, count)| (Reverse(*count), *kind));
                kinds.into_iter().map(|(kind, _)| kind).collect()
            }
        };
        let values = if let Kind::Words(axis) = field.kind() {
            let words = axis.words().into_iter();
            words
                .map(|word| (Key::Text(word), self.values.get(&Key::Text(word))))
                .map(counted)
                .collect()
        } else if *field == Field::Named(Named::Content) {
            Vec::new()
        } else {
            let mut seen: Vec<_> = self.values.iter().collect();
            seen.sort_by_key(|(key, count)| (Reverse(**count), **key));
            let most = seen.into_iter().take(SUGGESTED_VALUES);
            most.map(|(key, count)| counted((*key, Some(count)))).collect()
        };
        Suggested { field: field.text(), kinds, records: self.records, values }
    }
}

fn counted((key, records): (Key<'_>, Option<&usize>)) -> SuggestedValue {
    SuggestedValue { value: key.json(), records: records.copied().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::levels::Level;
    use crate::domain::record::MetadataValue;

    const LEVELS: Levels =
        Levels { escalation: Level::High, emotional_intensity: Level::Low, sentiment_shift: None };

    fn record(id: &str, tags: &[&str], metadata: &[(&str, MetadataValue)]) -> Record {
        Record {
            id: id.into(),
            org_id: "acme".into(),
            content: "It is down.".into(),
            source: "zendesk".into(),
            created_at: "2026-06-27T12:00:00Z".parse().ok(),
            source_url: None,
            kind: None,
            channel: None,
            segment: None,
            product_area: None,
            tags: tags.iter().map(|&tag| tag.into()).collect(),
            metadata: metadata
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect(),
            conversation_id: None,
            messages: Vec::new(),
            levels: None,
        }
    }

    fn of(records: &[Record], field: &str) -> Suggested {
        let all = suggestions(records.iter().map(|record| (record, &LEVELS)));
        all.into_iter().find(|each| each.field == field).unwrap()
    }

    fn values(suggested: &Suggested) -> Vec<(Value, usize)> {
        suggested.values.iter().map(|each| (each.value.clone(), each.records)).collect()
    }

    #[test]
    fn every_field_is_there_with_or_without_records() {
        let names = |records: &[Record]| {
            let all = suggestions(records.iter().map(|record| (record, &LEVELS)));
            all.into_iter().map(|each| each.field).collect::<Vec<_>>()
        };
        let named: Vec<_> = Named::of(Subject::Record).map(|each| each.text().to_owned()).collect();
        assert_eq!(names(&[]), named);
        let with = [record(
            "1",
            &[],
            &[("z", MetadataValue::Bool(true)), ("a", MetadataValue::Bool(true))],
        )];
        assert_eq!(names(&with), [named, vec!["metadata.a".into(), "metadata.z".into()]].concat());
        let levels = of(&with, "levels.escalation_level");
        assert_eq!(levels.kinds, [ValueKind::Words]);
        let words =
            Level::ALL.map(|level| (json!(level.word()), usize::from(level == Level::High)));
        assert_eq!(values(&levels), words);
        let shift = of(&with, "levels.sentiment_shift");
        assert_eq!((shift.records, shift.values.len()), (0, 3), "all words can be chosen");
    }

    #[test]
    fn what_is_seen_most_comes_first_and_a_record_counts_once() {
        let records = [
            record("1", &["outage", "billing", "billing"], &[]),
            record("2", &["outage"], &[]),
            record("3", &["angry"], &[]),
        ];
        let tags = of(&records, "tags");
        assert_eq!(tags.kinds, [ValueKind::Texts]);
        assert_eq!(tags.records, 3);
        let expected = [(json!("outage"), 2), (json!("angry"), 1), (json!("billing"), 1)];
        assert_eq!(values(&tags), expected);
        assert_eq!(values(&of(&records, "source")), [(json!("zendesk"), 3)]);
        assert_eq!(values(&of(&records, "created_at")), [(json!("2026-06-27T12:00:00Z"), 3)]);
        assert_eq!(of(&records, "content").values, [], "each text is another one");
    }

    #[test]
    fn metadata_comes_with_its_kinds() {
        let arr = |value: MetadataValue| record("1", &[], &[("arr", value)]);
        let records = [
            arr(MetadataValue::Number(50_000.0)),
            arr(MetadataValue::Number(-0.0)),
            arr(MetadataValue::Number(0.0)),
            arr(MetadataValue::Text("50000".into())),
            arr(MetadataValue::Texts(Vec::new())),
        ];
        let suggested = of(&records, "metadata.arr");
        assert_eq!(suggested.kinds, [ValueKind::Number, ValueKind::Text]);
        assert_eq!(suggested.records, 4);
        assert_eq!(values(&suggested), [(json!(0), 2), (json!("50000"), 1), (json!(50_000), 1)]);
    }

    /// What is suggested is understood when it is sent back.
    #[test]
    fn a_suggestion_makes_a_condition_that_finds_its_record() {
        let records = [record(
            "1",
            &["outage"],
            &[
                ("arr", MetadataValue::Number(0.5)),
                ("vip", MetadataValue::Bool(true)),
                ("regions", MetadataValue::Texts(vec!["EMEA".into(), "APAC".into()])),
            ],
        )];
        for suggested in suggestions(records.iter().map(|record| (record, &LEVELS))) {
            for value in suggested.values.iter().filter(|each| each.records > 0) {
                let test = json!({"field": suggested.field, "op": "eq", "value": value.value});
                let condition = super::super::Condition::parse(&test, Subject::Record).unwrap();
                assert!(condition.matches(&records[0], &LEVELS), "{test}");
            }
        }
    }

    #[test]
    fn the_lists_are_bounded() {
        let many: Vec<Record> = (0..50)
            .map(|n| {
                let name = format!("m{n:03}");
                let mut record = record(&n.to_string(), &[&"x".repeat(SUGGESTED_BYTES + 1)], &[]);
                for m in 0..=SUGGESTED_FIELDS {
                    record.metadata.insert(format!("{m:04}"), MetadataValue::Bool(true));
                }
                record.metadata.insert(name, MetadataValue::Number(f64::from(n)));
                record
            })
            .collect();
        assert_eq!(of(&many, "id").values.len(), SUGGESTED_VALUES);
        assert_eq!(of(&many, "tags").values, [], "too long for a list");
        let all = suggestions(many.iter().map(|record| (record, &LEVELS)));
        assert_eq!(all.len(), Named::of(Subject::Record).count() + SUGGESTED_FIELDS);
    }
}
