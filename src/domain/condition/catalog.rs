//! What a condition can ask for, for those who offer it as a choice.

use super::Condition;
use super::field::{Field, Kind, Named, Subject};

/// What a field holds, and with it what can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Text, or several texts.
    Text,
    /// A point in time.
    Time,
    /// One of these words, lowest first.
    Words(Vec<&'static str>),
    /// Text, a number, true or false: each record decides.
    Any,
}

impl Shape {
    /// The operators that suit it.
    pub const fn ops(&self) -> &'static [&'static str] {
        match self {
            Self::Text => {
                &["eq", "ne", "in", "not_in", "contains", "starts_with", "matches", "exists"]
            }
            Self::Time => &["gt", "gte", "lt", "lte", "eq", "ne", "exists"],
            Self::Words(_) => &["gte", "gt", "lte", "lt", "eq", "ne", "in", "not_in", "exists"],
            Self::Any => &[
                "eq",
                "ne",
                "gt",
                "gte",
                "lt",
                "lte",
                "in",
                "not_in",
                "contains",
                "starts_with",
                "matches",
                "exists",
            ],
        }
    }
}

impl Condition {
    /// The fields that each can have; beside them a record has `metadata.<name>`.
    pub fn fields(of: Subject) -> impl Iterator<Item = &'static str> {
        Named::of(of).map(Named::text)
    }

    /// What a field holds; nothing where there is no such field.
    pub fn shape(field: &str) -> Option<Shape> {
        Some(match Field::parse(field)?.kind() {
            Kind::Text => Shape::Text,
            Kind::Time => Shape::Time,
            Kind::Words(axis) => Shape::Words(axis.words()),
            Kind::Any => Shape::Any,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn value(shape: &Shape, op: &str) -> Value {
        let one = match shape {
            Shape::Text => json!("x"),
            Shape::Time => json!("2026-06-27T12:00:00Z"),
            Shape::Words(words) => json!(words.first()),
            Shape::Any if matches!(op, "gt" | "gte" | "lt" | "lte") => json!(1),
            Shape::Any => json!("x"),
        };
        match op {
            "in" | "not_in" => json!([one]),
            "exists" => json!(true),
            _ => one,
        }
    }

    #[test]
    fn what_is_offered_is_taken() {
        for (subject, more) in [(Subject::Record, Some("metadata.arr")), (Subject::Alert, None)] {
            for field in Condition::fields(subject).chain(more) {
                let shape = Condition::shape(field).unwrap();
                for op in shape.ops() {
                    let test = json!({"field": field, "op": op, "value": value(&shape, op)});
                    assert!(Condition::parse(&test, subject).is_ok(), "{test}");
                }
            }
        }
        assert_eq!(Condition::shape("metadata."), None);
    }
}
