//! Which records or alerts are meant: a tree of tests over fields.
//!
//! What holds where a field is absent, or where it is of another type than the test's value:
//! no test holds but `ne`, `not_in` and `exists: false`. `ne` and `not_in` are the exact opposites of
//! `eq` and `in`. A field with several texts (tags) passes a test where one of its texts does; without
//! any text it is absent. Text is compared as it is, capital letters included; `matches` can be told
//! otherwise by `(?i)`.

use regex::Regex;

use super::levels::{Level, Levels};
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

    /// Whether the record could be meant at some levels: false where it is at none.
    pub fn could_match(&self, record: &Record) -> bool {
        // Whatever they are, tests of levels are not looked at.
        let any = Levels {
            escalation: Level::None,
            emotional_intensity: Level::None,
            sentiment_shift: None,
        };
        self.0.outlook(&|field| field.of_record(record, &any)).possible
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

    /// The same while levels are not known. What tests of the same level have to do with each other is not
    /// looked into: it may be called possible where it is not, and never the other way round.
    fn outlook<'a>(&self, find: &impl Fn(&Field) -> Found<'a>) -> Outlook {
        let all = |one: Outlook, other: Outlook| Outlook {
            possible: one.possible && other.possible,
            certain: one.certain && other.certain,
        };
        let any = |one: Outlook, other: Outlook| Outlook {
            possible: one.possible || other.possible,
            certain: one.certain || other.certain,
        };
        match self {
            Self::All(nodes) => nodes.iter().map(|node| node.outlook(find)).fold(CERTAIN, all),
            Self::Any(nodes) => nodes.iter().map(|node| node.outlook(find)).fold(IMPOSSIBLE, any),
            Self::Not(node) => {
                let Outlook { possible, certain } = node.outlook(find);
                Outlook { possible: !certain, certain: !possible }
            }
            Self::Test(field, _) if field.is_level() => Outlook { possible: true, certain: false },
            Self::Test(field, check) if check.holds(&find(field)) => CERTAIN,
            Self::Test(..) => IMPOSSIBLE,
        }
    }
}

/// What can be said of a test before all that it asks of is known.
#[derive(Debug, Clone, Copy)]
struct Outlook {
    /// It may hold.
    possible: bool,
    /// It holds whatever comes.
    certain: bool,
}

const CERTAIN: Outlook = Outlook { possible: true, certain: true };
const IMPOSSIBLE: Outlook = Outlook { possible: false, certain: false };

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
