//! From a condition back to JSON: what is stored, shown and sent back to whoever asks.

use serde_json::{Value, json};

use super::{Bound, Check, Condition, Node, Operand, Order};

/// Whole numbers up to here are exact, and written without a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Condition {
    /// The JSON that [`Condition::parse`] reads as this condition.
    pub fn to_json(&self) -> Value {
        node(&self.0)
    }
}

fn node(of: &Node) -> Value {
    match of {
        Node::All(nodes) => json!({ "all": nodes.iter().map(node).collect::<Vec<_>>() }),
        Node::Any(nodes) => json!({ "any": nodes.iter().map(node).collect::<Vec<_>>() }),
        Node::Not(inner) => json!({ "not": node(inner) }),
        Node::Test(field, check) => {
            let (op, value) = written(check);
            json!({ "field": field.text(), "op": op, "value": value })
        }
    }
}

fn written(check: &Check) -> (&'static str, Value) {
    let list = |operands: &[Operand]| Value::Array(operands.iter().map(operand).collect());
    match check {
        Check::Eq(value) => ("eq", operand(value)),
        Check::Ne(value) => ("ne", operand(value)),
        Check::In(values) => ("in", list(values)),
        Check::NotIn(values) => ("not_in", list(values)),
        Check::Contains(text) => ("contains", json!(text)),
        Check::StartsWith(text) => ("starts_with", json!(text)),
        Check::Compare(order, limit) => (order.op(), bound(limit)),
        Check::Exists(wanted) => ("exists", json!(wanted)),
        Check::Matches(pattern) => ("matches", json!(pattern.0.as_str())),
    }
}

impl Order {
    const fn op(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
        }
    }
}

fn operand(of: &Operand) -> Value {
    match of {
        Operand::Text(text) => json!(text),
        Operand::Number(value) => number(*value),
        Operand::Bool(flag) => json!(flag),
        Operand::Time(at) => json!(at.to_string()),
    }
}

fn bound(of: &Bound) -> Value {
    match of {
        Bound::Number(value) => number(*value),
        Bound::Time(at) => json!(at.to_string()),
        Bound::Word(_, word) => json!(word),
    }
}

/// As people write numbers: 50000, not 50000.0.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within i64")]
        let whole = value as i64;
        return json!(whole);
    }
    json!(value)
}
