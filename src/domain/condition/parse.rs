//! From JSON to a condition. What could never hold, or only by mistake, is refused.

use regex::RegexBuilder;
use serde_json::{Map, Value};

use super::field::{Axis, Field, Kind, Subject};
use super::{Bound, Check, Condition, ConditionError, Node, Operand, Order, Pattern};
use crate::domain::limits::{
    CONDITION_DEPTH, CONDITION_NODES, CONDITION_TEXT_BYTES, CONDITION_VALUES, PATTERN_BYTES,
};
use crate::domain::time;

const OPS: &str = "eq, ne, in, not_in, contains, starts_with, gt, gte, lt, lte, exists, matches";
const FORMS: &str = "an object of one of the forms {\"all\": […]}, {\"any\": […]}, {\"not\": …}, \
                     {\"field\": …, \"op\": …, \"value\": …}";

impl Condition {
    /// Checks and compiles. `{}` is an empty condition, which means everything.
    ///
    /// # Errors
    /// The first place where it is wrong, and what to change there.
    pub fn parse(value: &Value, of: Subject) -> Result<Self, ConditionError> {
        read(value, Some(of))
    }

    /// A condition as it was stored: what it may be asked of was looked at when it was saved.
    ///
    /// # Errors
    /// The first place where it is wrong.
    pub fn restore(value: &Value) -> Result<Self, ConditionError> {
        read(value, None)
    }
}

fn read(value: &Value, of: Option<Subject>) -> Result<Condition, ConditionError> {
    if value.as_object().is_some_and(Map::is_empty) {
        return Ok(Condition(Node::All(Vec::new())));
    }
    Parser { of, nodes: 0 }.node(value, &Place::Root, 1).map(Condition)
}

/// Where the parser stands; made into a pointer only when something is wrong.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(above, name) => {
                format!("{}/{}", above.pointer(), name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Item(above, index) => format!("{}/{index}", above.pointer()),
        }
    }

    fn refuse<T>(&self, message: impl Into<String>) -> Result<T, ConditionError> {
        Err(ConditionError { pointer: self.pointer(), message: message.into() })
    }
}

struct Parser {
    of: Option<Subject>,
    nodes: usize,
}

impl Parser {
    fn node(
        &mut self,
        value: &Value,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Node, ConditionError> {
        self.nodes += 1;
        if self.nodes > CONDITION_NODES {
            return place.refuse(format!("has too many parts: {CONDITION_NODES} are the most"));
        }
        if depth > CONDITION_DEPTH {
            return place.refuse(format!("is nested too deep: {CONDITION_DEPTH} are the most"));
        }
        let Value::Object(members) = value else { return place.refuse(format!("must be {FORMS}")) };
        for form in ["all", "any", "not"] {
            let Some(inner) = members.get(form) else { continue };
            if let Some(other) = members.keys().find(|name| *name != form) {
                let place = Place::Member(place, other);
                return place.refuse(format!("can't stand beside \"{form}\""));
            }
            let place = Place::Member(place, form);
            return match form {
                "not" => Ok(Node::Not(Box::new(self.node(inner, &place, depth + 1)?))),
                "all" => self.nodes_of(inner, &place, depth).map(Node::All),
                _ => {
                    let nodes = self.nodes_of(inner, &place, depth)?;
                    if nodes.is_empty() {
                        return place.refuse("is empty and would never hold: add a part");
                    }
                    Ok(Node::Any(nodes))
                }
            };
        }
        if !members.contains_key("field") && !members.contains_key("op") {
            return place.refuse(format!("must be {FORMS}"));
        }
        test(members, place, self.of)
    }

    fn nodes_of(
        &mut self,
        value: &Value,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Vec<Node>, ConditionError> {
        let Value::Array(items) = value else {
            return place.refuse("must be a list of conditions");
        };
        let numbered = items.iter().enumerate();
        numbered.map(|(i, item)| self.node(item, &Place::Item(place, i), depth + 1)).collect()
    }
}

fn test(
    members: &Map<String, Value>,
    place: &Place<'_>,
    of: Option<Subject>,
) -> Result<Node, ConditionError> {
    if let Some(name) =
        members.keys().find(|name| !["field", "op", "value"].contains(&name.as_str()))
    {
        let place = Place::Member(place, name);
        return place.refuse("is not known here; known are field, op, value");
    }
    let field_place = Place::Member(place, "field");
    let field = match members.get("field") {
        Some(Value::String(text)) => match Field::parse(text) {
            Some(field) if of.is_none_or(|subject| field.is_of(subject)) => field,
            Some(_) | None => {
                return field_place.refuse(unknown_field(of.unwrap_or(Subject::Record)));
            }
        },
        Some(_) => return field_place.refuse("must be text"),
        None => return field_place.refuse("is missing: name the field to look at"),
    };
    let op_place = Place::Member(place, "op");
    let op = match members.get("op") {
        Some(Value::String(text)) => text.as_str(),
        Some(_) => return op_place.refuse("must be text"),
        None => return op_place.refuse(format!("is missing: it is one of {OPS}")),
    };
    let asked = Asked { kind: field.kind(), op, place, value: Place::Member(place, "value") };
    let check = asked.check(members.get("value"))?;
    Ok(Node::Test(field, check))
}

fn unknown_field(of: Subject) -> String {
    let names: Vec<&str> = Condition::fields(of).collect();
    let names = names.join(", ");
    match of {
        Subject::Record => {
            format!("is no field of a record; fields are {names}, metadata.<name>")
        }
        Subject::Alert => format!("is no field of an alert; fields are {names}"),
    }
}

/// One test, as far as it is understood.
struct Asked<'a> {
    kind: Kind,
    op: &'a str,
    place: &'a Place<'a>,
    value: Place<'a>,
}

impl Asked<'_> {
    fn check(&self, value: Option<&Value>) -> Result<Check, ConditionError> {
        if self.op == "exists" {
            return match value {
                None => Ok(Check::Exists(true)),
                Some(Value::Bool(wanted)) => Ok(Check::Exists(*wanted)),
                Some(_) => self.value.refuse("must be true or false"),
            };
        }
        let order = match self.op {
            "gt" => Some(Order::Gt),
            "gte" => Some(Order::Gte),
            "lt" => Some(Order::Lt),
            "lte" => Some(Order::Lte),
            "eq" | "ne" | "in" | "not_in" | "contains" | "starts_with" | "matches" => None,
            _ => return self.op_place().refuse(format!("must be one of {OPS}")),
        };
        let Some(value) = value else {
            return self.value.refuse("is missing: give the value to compare with");
        };
        if let Some(order) = order {
            return Ok(Check::Compare(order, self.bound(value)?));
        }
        match self.op {
            "eq" => Ok(Check::Eq(self.operand(value, &self.value)?)),
            "ne" => Ok(Check::Ne(self.operand(value, &self.value)?)),
            "in" => Ok(Check::In(self.operands(value)?)),
            "not_in" => Ok(Check::NotIn(self.operands(value)?)),
            "contains" => Ok(Check::Contains(self.part(value)?)),
            "starts_with" => Ok(Check::StartsWith(self.part(value)?)),
            _ => Ok(Check::Matches(self.pattern(value)?)),
        }
    }

    fn op_place(&self) -> Place<'_> {
        Place::Member(self.place, "op")
    }

    /// A value that can be the same as the field's.
    fn operand(&self, value: &Value, place: &Place<'_>) -> Result<Operand, ConditionError> {
        match (self.kind, value) {
            (Kind::Text | Kind::Words(_) | Kind::Any, Value::String(text)) => {
                Ok(Operand::Text(bounded(text, place)?))
            }
            (Kind::Any, Value::Number(number)) => match number.as_f64() {
                Some(number) if number.is_finite() => Ok(Operand::Number(number)),
                Some(_) | None => place.refuse("is too large a number"),
            },
            (Kind::Any, Value::Bool(flag)) => Ok(Operand::Bool(*flag)),
            (Kind::Time, Value::String(text)) => instant(text, place).map(Operand::Time),
            (Kind::Text | Kind::Words(_), _) => place.refuse("must be text: so is the field"),
            (Kind::Any, _) => place.refuse("must be text, a number, true or false"),
            (Kind::Time, _) => place.refuse("must be a time as text, like 2026-06-27T12:00:00Z"),
        }
    }

    fn operands(&self, value: &Value) -> Result<Vec<Operand>, ConditionError> {
        let Value::Array(items) = value else {
            return self
                .value
                .refuse(format!("must be a list: that is what \"{}\" asks for", self.op));
        };
        if items.is_empty() {
            return self.value.refuse("is empty: add a value");
        }
        if items.len() > CONDITION_VALUES {
            return self
                .value
                .refuse(format!("has too many values: {CONDITION_VALUES} are the most"));
        }
        let numbered = items.iter().enumerate();
        numbered.map(|(i, item)| self.operand(item, &Place::Item(&self.value, i))).collect()
    }

    /// A value that the field can come before or after.
    fn bound(&self, value: &Value) -> Result<Bound, ConditionError> {
        match (self.kind, value) {
            (Kind::Any, Value::Number(number)) => match number.as_f64() {
                Some(number) if number.is_finite() => Ok(Bound::Number(number)),
                Some(_) | None => self.value.refuse("is too large a number"),
            },
            (Kind::Any, _) => self
                .value
                .refuse(format!("must be a number: \"{}\" compares metadata as such", self.op)),
            (Kind::Time, Value::String(text)) => instant(text, &self.value).map(Bound::Time),
            (Kind::Time, _) => {
                self.value.refuse("must be a time as text, like 2026-06-27T12:00:00Z")
            }
            (Kind::Words(axis), Value::String(word)) => self.word(axis, word),
            (Kind::Words(axis), _) => self.value.refuse(one_of(axis)),
            (Kind::Text, _) => self.op_place().refuse(format!(
                "must be another: the field is text, which \"{}\" has no order for",
                self.op
            )),
        }
    }

    fn word(&self, axis: Axis, word: &str) -> Result<Bound, ConditionError> {
        if axis.words().contains(&word) {
            return Ok(Bound::Word(axis, word.to_owned()));
        }
        self.value.refuse(one_of(axis))
    }

    /// A piece of text to look for.
    fn part(&self, value: &Value) -> Result<String, ConditionError> {
        self.must_be_text()?;
        let Some(text) = value.as_str() else { return self.value.refuse("must be text") };
        if text.is_empty() {
            return self.value.refuse("is empty, and would be found in every text");
        }
        bounded(text, &self.value)
    }

    fn pattern(&self, value: &Value) -> Result<Pattern, ConditionError> {
        self.must_be_text()?;
        let Value::String(text) = value else {
            return self.value.refuse("must be a regular expression as text");
        };
        let text = bounded(text, &self.value)?;
        let built = RegexBuilder::new(&text)
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES)
            .build();
        match built {
            Ok(regex) => Ok(Pattern(regex)),
            Err(regex::Error::CompiledTooBig(_)) => {
                self.value.refuse("is too large a pattern once it is compiled: make it simpler")
            }
            Err(error) => {
                self.value.refuse(format!("is no regular expression: {}", reason(&error)))
            }
        }
    }

    fn must_be_text(&self) -> Result<(), ConditionError> {
        match self.kind {
            Kind::Time => self.op_place().refuse(
                "must be another: the field is a time; use eq, ne, in, not_in, gt, gte, lt, lte or exists",
            ),
            Kind::Text | Kind::Words(_) | Kind::Any => Ok(()),
        }
    }
}

fn one_of(axis: Axis) -> String {
    format!("must be one of {}: other words have no order", axis.words().join(", "))
}

fn bounded(text: &str, place: &Place<'_>) -> Result<String, ConditionError> {
    if text.len() > CONDITION_TEXT_BYTES {
        return place.refuse(format!("is longer than {CONDITION_TEXT_BYTES} bytes"));
    }
    Ok(text.to_owned())
}

fn instant(text: &str, place: &Place<'_>) -> Result<jiff::Timestamp, ConditionError> {
    time::parse_rfc3339(text).or_else(|error| place.refuse(error.to_string()))
}

/// The last line of what the parser of patterns says: the lines before draw the place with carets.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
