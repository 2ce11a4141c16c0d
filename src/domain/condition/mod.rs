//! Which records or alerts are meant: a tree of tests over fields.
//!
//! What holds where a field is absent, or where it is of another type than the test's value:
//! no test holds but `ne`, `not_in` and `exists: false`. `ne` and `not_in` are the exact opposites of
//! `eq` and `in`. A field with several texts (tags) passes a test where one of its texts does; without
//! any text it is absent. Text is compared as it is, capital letters included; `matches` can be told
//! otherwise by `(?i)`.

use regex::Regex;

use super::levels::Levels;
use super::record::Record;
use super::relay::Posted;

mod catalog;
mod field;
mod json;
mod parse;
mod suggest;
#[cfg(test)]
mod tests;

pub use catalog::Shape;
pub use field::Subject;
pub use suggest::{Suggested, SuggestedValue, ValueKind, suggestions};

use field::{Axis, Field, Found};

/// A checked condition. Two are equal where they are written alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(Node);

/// Why a condition is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// Where: a JSON pointer (RFC 6901) into the condition; empty for the whole of it.
    pub pointer: String,
    /// What to change.
    pub message: String,
}

/// A place in the tree.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Field, Check),
}

/// What is asked of one field.
#[derive(Debug, Clone, PartialEq)]
enum Check {
    Eq(Operand),
    Ne(Operand),
    In(Vec<Operand>),
    NotIn(Vec<Operand>),
    Contains(String),
    StartsWith(String),
    Compare(Order, Bound),
    Exists(bool),
    Matches(Pattern),
}

/// A value that a field is compared with for being the same.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Text(String),
    Number(f64),
    Bool(bool),
    Time(jiff::Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Gt,
    Gte,
    Lt,
    Lte,
}

/// A value that a field is compared with for coming before or after it.
#[derive(Debug, Clone, PartialEq)]
enum Bound {
    Number(f64),
    Time(jiff::Timestamp),
    /// A word of an axis; it was checked to be one that has a place in the order.
    Word(Axis, String),
}

/// A regular expression that takes time in proportion to the text, whatever the text is.
#[derive(Debug, Clone)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Condition {
    /// Whether the record at these levels is meant.
    pub fn matches(&self, record: &Record, levels: &Levels) -> bool {
        self.0.holds(&|field| field.of_record(record, levels))
    }

    /// Whether the alert that another system posted is meant.
    pub fn matches_alert(&self, alert: &Posted) -> bool {
        self.0.holds(&|field| field.of_alert(alert))
    }
}

impl Node {
    /// Recursion ends: the parser bounds the depth.
    fn holds<'a>(&self, find: &impl Fn(&Field) -> Found<'a>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(find)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(find)),
            Self::Not(node) => !node.holds(find),
            Self::Test(field, check) => check.holds(&find(field)),
        }
    }
}

impl Check {
    fn holds(&self, found: &Found<'_>) -> bool {
        match self {
            Self::Eq(operand) => found.is(operand),
            Self::Ne(operand) => !found.is(operand),
            Self::In(operands) => operands.iter().any(|operand| found.is(operand)),
            Self::NotIn(operands) => !operands.iter().any(|operand| found.is(operand)),
            Self::Contains(part) => found.any_text(|text| text.contains(part.as_str())),
            Self::StartsWith(start) => found.any_text(|text| text.starts_with(start.as_str())),
            Self::Compare(order, bound) => {
                found.compared(bound).is_some_and(|ordering| order.allows(ordering))
            }
            Self::Exists(wanted) => found.exists() == *wanted,
            Self::Matches(pattern) => found.any_text(|text| pattern.0.is_match(text)),
        }
    }
}

impl Order {
    const fn allows(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Gt => ordering.is_gt(),
            Self::Gte => ordering.is_ge(),
            Self::Lt => ordering.is_lt(),
            Self::Lte => ordering.is_le(),
        }
    }
}
