//! JSON as it must come in: read whole, each key once, every bad field reported with its place.
//!
//! serde's derived reading stops at the first fault and doesn't know where it is. People who send an
//! automation with three mistakes want to hear of three, so fields are read by hand from a strict tree.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::{Code, FieldProblem, Problem};

/// Reads a body as a tree in which no key comes twice. Nesting is bounded by the parser, at 128 levels.
///
/// # Errors
/// 400 with the place where the text stops being JSON.
pub(super) fn parse(body: &[u8]) -> Result<Value, Problem> {
    if body.is_empty() {
        return Err(Problem::new(Code::Malformed, "The body is empty: send a JSON object."));
    }
    let twice = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let tree = Tree { at: String::new(), twice: &twice };
    let read = tree.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| match twice.take() {
        Some(field) => Problem::new(
            Code::Malformed,
            format!("The body has a key twice: {} {}.", field.pointer, field.detail),
        )
        .with_errors(vec![field]),
        None => Problem::new(Code::Malformed, place(&error)),
    })
}

/// What is wrong with a text that is no JSON, and where.
pub(super) fn place(error: &serde_json::Error) -> String {
    format!("The body is not valid JSON: {error}.")
}

/// The pointer to a member or an item (RFC 6901).
pub(super) fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

struct Tree<'a> {
    at: String,
    twice: &'a RefCell<Option<FieldProblem>>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let next =
            |at: &str, index: usize| Tree { at: below(at, &index.to_string()), twice: self.twice };
        while let Some(item) = items.next_element_seed(next(&self.at, list.len()))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let at = below(&self.at, &name);
            if map.contains_key(&name) {
                self.twice.replace(Some(FieldProblem::new(at, "is given twice")));
                return Err(A::Error::custom("a key is given twice"));
            }
            let value = members.next_value_seed(Tree { at, twice: self.twice })?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// What is wrong with a body's fields, in the order in which they were looked at.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FieldProblem>);

impl Faults {
    /// Notes one.
    pub(super) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldProblem::new(pointer, detail));
    }

    /// What was read, unless something is wrong. What could not be read has a fault, always.
    ///
    /// # Errors
    /// 422 with all faults.
    pub(super) fn none_or<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            Some(_) | None => Err(Problem::invalid(self.0)),
        }
    }
}

/// The members of one object, taken one by one. What nobody took is unknown, and refused.
#[derive(Debug)]
pub(super) struct Fields {
    at: String,
    members: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// The members of `value`, which must be an object.
    pub(super) fn of(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Object(members) = value else {
            faults.add(at, "must be an object");
            return None;
        };
        Some(Self { at: at.to_owned(), members, known: Vec::new() })
    }

    /// The pointer to a member.
    pub(super) fn pointer(&self, name: &str) -> String {
        below(&self.at, name)
    }

    /// A member as it came; `null` stays `null`.
    pub(super) fn raw(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.members.remove(name)
    }

    /// A member; `null` is as good as absent.
    pub(super) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.raw(name).filter(|value| !value.is_null())
    }

    /// Text.
    pub(super) fn text(&mut self, name: &'static str, faults: &mut Faults) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                faults.add(self.pointer(name), "must be text");
                None
            }
        }
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &'static str, faults: &mut Faults) -> Option<bool> {
        let value = self.value(name)?;
        let read = value.as_bool();
        if read.is_none() {
            faults.add(self.pointer(name), "must be true or false");
        }
        read
    }

    /// A whole number within bounds, both included.
    pub(super) fn count(
        &mut self,
        name: &'static str,
        bounds: (u64, u64),
        faults: &mut Faults,
    ) -> Option<u64> {
        let (least, most) = bounds;
        let value = self.value(name)?;
        let read = value.as_u64().filter(|count| (least..=most).contains(count));
        if read.is_none() {
            let detail = format!("must be a whole number from {least} to {most}");
            faults.add(self.pointer(name), detail);
        }
        read
    }

    /// A number within bounds, both included.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        bounds: (f64, f64),
        faults: &mut Faults,
    ) -> Option<f64> {
        let (least, most) = bounds;
        let value = self.value(name)?;
        let read = value.as_f64().filter(|number| (least..=most).contains(number));
        if read.is_none() {
            let detail = format!("must be a number from {least} to {most}");
            faults.add(self.pointer(name), detail);
        }
        read
    }

    /// Several values.
    pub(super) fn list(&mut self, name: &'static str, faults: &mut Faults) -> Option<Vec<Value>> {
        match self.value(name)? {
            Value::Array(items) => Some(items),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                faults.add(self.pointer(name), "must be a list");
                None
            }
        }
    }

    /// Members of a member.
    pub(super) fn object(&mut self, name: &'static str, faults: &mut Faults) -> Option<Self> {
        let value = self.value(name)?;
        Self::of(value, &self.pointer(name), faults)
    }

    /// What only Belfry sets: taken and not looked at, so that what was read can be sent back.
    pub(super) fn read_only(&mut self, names: &[&'static str]) {
        for name in names {
            // Whatever it says, Belfry's own word counts.
            let _ours_counts = self.raw(name);
        }
    }

    /// Refuses what is left.
    pub(super) fn end(self, faults: &mut Faults) {
        for name in self.members.keys() {
            let known = self.known.join(", ");
            faults.add(below(&self.at, name), format!("is not known here; known are {known}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(body: &[u8]) -> (u16, String, Vec<FieldProblem>) {
        let problem = parse(body).unwrap_err();
        (problem.code().status().as_u16(), problem.to_string(), problem.errors().to_vec())
    }

    #[test]
    fn f15_what_is_no_json_is_refused_with_its_place() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for (body, words) in [
            (&b"{\"a\": 1,}"[..], "trailing comma at line 1 column 9"),
            (b"{\"a\": 1} x", "trailing characters at line 1 column 10"),
            (b"{\"a\": \"\xff\"}", "invalid unicode code point at line 1"),
            (br#"{"a": "\ud800"}"#, "at line 1"),
            (b"{\"a\": 1e400}", "number out of range at line 1"),
            (b"{\"a\": NaN}", "expected value at line 1"),
            (b"{\"a\": \"\x00\"}", "control character"),
            (deep.as_bytes(), "recursion limit exceeded at line 1"),
            (b"", "The body is empty"),
        ] {
            let (status, told, _) = refused(body);
            assert_eq!(status, 400, "{told}");
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn f15_a_key_that_comes_twice_is_refused_by_its_pointer() {
        let (status, _, errors) = refused(br#"{"a": [{"b/c": 1, "b/c": 2}]}"#);
        assert_eq!(status, 400);
        assert_eq!(errors, [FieldProblem::new("/a/0/b~1c", "is given twice")]);
    }

    #[test]
    fn every_fault_is_told() {
        let mut faults = Faults::default();
        let body = json!({"name": 1, "active": "yes", "auth": {"x": 1}, "more": [], "n": 11});
        let mut fields = Fields::of(body, "", &mut faults).unwrap();
        assert_eq!(fields.text("name", &mut faults), None);
        assert_eq!(fields.flag("active", &mut faults), None);
        assert_eq!(fields.count("n", (1, 10), &mut faults), None);
        fields.object("auth", &mut faults).unwrap().end(&mut faults);
        fields.end(&mut faults);
        let told: Vec<_> = faults.0.iter().map(|each| each.pointer.as_str()).collect();
        assert_eq!(told, ["/name", "/active", "/n", "/auth/x", "/more"]);
    }
}
