//! What differs between two automations, for people to read before it is done.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::web::json::below;

/// One difference.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::web) struct Difference {
    /// Where: a JSON pointer into the automation; empty for all of it.
    pub(in crate::web) pointer: String,
    /// What was there; absent where there was nothing. A credential is never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) before: Option<Value>,
    /// What is there then; absent where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) after: Option<Value>,
}

impl Difference {
    /// All of it is new.
    pub(in crate::web) fn made(after: Value) -> Self {
        Self { pointer: String::new(), before: None, after: Some(plain(after)) }
    }

    /// What is secret at that place is another one.
    pub(in crate::web) fn credential(pointer: &str) -> Self {
        let hidden = || Some(Value::from("***"));
        let pointer = pointer.to_owned();
        Self { pointer, before: hidden(), after: hidden() }
    }
}

/// What Belfry gives and nobody sets.
const GIVEN: [&str; 5] = ["id", "automation_id", "version", "inbound_url", "credential_set"];

/// All differences, in the order of their places. Integrations are known by their ids.
pub(in crate::web) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(at: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            found.push(differs(at, Some(before), Some(after)));
        }
        return;
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names.into_iter().filter(|name| !GIVEN.contains(&name.as_str())) {
        let at = below(at, name);
        match (old.get(name), new.get(name)) {
            (Some(Value::Array(old)), Some(Value::Array(new))) if name == "integrations" => {
                integrations(&at, old, new, found);
            }
            // A condition is one thing: half of one laid over another is none.
            (Some(old), Some(new))
                if matches!(
                    name.as_str(),
                    "filter" | "condition" | "cool_down" | "quiet_hours"
                ) =>
            {
                if old != new {
                    found.push(differs(&at, Some(old), Some(new)));
                }
            }
            (Some(old), Some(new)) => compare(&at, old, new, found),
            (old, new) => found.push(differs(&at, old, new)),
        }
    }
}

fn integrations(at: &str, old: &[Value], new: &[Value], found: &mut Vec<Difference>) {
    let same = |one: &Value, other: &Value| one.get("id") == other.get("id");
    for (index, after) in new.iter().enumerate() {
        let at = below(at, &index.to_string());
        match old.iter().find(|before| same(before, after)) {
            Some(before) => compare(&at, before, after, found),
            None => found.push(differs(&at, None, Some(after))),
        }
    }
    for (index, before) in old.iter().enumerate() {
        if !new.iter().any(|after| same(before, after)) {
            found.push(differs(&below(at, &index.to_string()), Some(before), None));
        }
    }
}

fn differs(at: &str, before: Option<&Value>, after: Option<&Value>) -> Difference {
    let shown = |value: &Value| plain(value.clone());
    Difference { pointer: at.to_owned(), before: before.map(shown), after: after.map(shown) }
}

/// Without what Belfry gives.
fn plain(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !GIVEN.contains(&name.as_str()));
        for member in members.values_mut() {
            *member = plain(member.take());
        }
    }
    if let Some(items) = value.as_array_mut() {
        for item in items {
            *item = plain(item.take());
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_place() {
        let before = json!({"id": "1", "name": "a", "active": true, "filter": {"all": []},
            "integrations": [{"id": "x", "name": "one", "auth": {"method": "none"}},
                             {"id": "y", "name": "two"}]});
        let after = json!({"id": "1", "name": "b", "active": true,
            "integrations": [{"id": "z", "name": "three"},
                             {"id": "x", "name": "one", "auth": {"method": "bearer"}}]});
        let found = differences(&before, &after);
        let places: Vec<_> = found.iter().map(|each| each.pointer.as_str()).collect();
        let expected = [
            "/filter",
            "/integrations/0",
            "/integrations/1/auth/method",
            "/integrations/1",
            "/name",
        ];
        assert_eq!(places, expected);
        assert_eq!(found[1].after, Some(json!({"name": "three"})));
        assert_eq!(found[3].before, Some(json!({"name": "two"})));
        assert_eq!(differences(&before, &before), []);
    }
}
