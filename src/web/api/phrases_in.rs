//! Phrases as they come in: read whole, every bad one told with its place.

use serde_json::Value;

use crate::detect::{Addition, Additions, Family, check_phrase};
use crate::domain::limits::DETECT_ADDITIONS;
use crate::web::json::{Faults, Fields, below};

/// Reads what an organisation's phrases shall become.
pub(in crate::web) fn read(value: Value, faults: &mut Faults) -> Option<Additions> {
    let mut fields = Fields::of(value, "", faults)?;
    fields.read_only(&["org_id", "version", "updated_at", "configured", "problem"]);
    let add = fields.list("add", faults).unwrap_or_default();
    let exclude = fields.list("exclude", faults).unwrap_or_default();
    fields.end(faults);
    if add.len() + exclude.len() > DETECT_ADDITIONS {
        let words = format!("has more than {DETECT_ADDITIONS} phrases, added and excluded");
        faults.add("", words);
        return None;
    }
    let add: Vec<_> = (0..)
        .zip(add)
        .map(|(index, value)| addition(value, &format!("/add/{index}"), faults))
        .collect();
    let exclude: Vec<_> = (0..)
        .zip(exclude)
        .map(|(index, value)| match value {
            Value::String(text) => phrase(text, &format!("/exclude/{index}"), faults),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                faults.add(format!("/exclude/{index}"), "must be text");
                None
            }
        })
        .collect();
    Some(Additions {
        add: add.into_iter().collect::<Option<_>>()?,
        exclude: exclude.into_iter().collect::<Option<_>>()?,
    })
}

fn addition(value: Value, at: &str, faults: &mut Faults) -> Option<Addition> {
    let mut fields = Fields::of(value, at, faults)?;
    let family = family(&mut fields, at, faults);
    let weight = match fields.value("weight") {
        None => {
            faults.add(below(at, "weight"), "is missing: 0.2 is low, 0.85 extreme");
            None
        }
        Some(value) => {
            let weight = value.as_f64().filter(|weight| Addition::is_weight(*weight));
            if weight.is_none() {
                faults.add(below(at, "weight"), "must be a number above 0 and at most 1");
            }
            weight
        }
    };
    let given = fields.raw("phrase");
    let phrase = match given {
        Some(Value::String(text)) => phrase(text, &below(at, "phrase"), faults),
        None | Some(Value::Null) => {
            faults.add(below(at, "phrase"), "is missing: write the words to look for");
            None
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            faults.add(below(at, "phrase"), "must be text");
            None
        }
    };
    fields.end(faults);
    Some(Addition { family: family?, weight: weight?, phrase: phrase? })
}

fn family(fields: &mut Fields, at: &str, faults: &mut Faults) -> Option<Family> {
    let given = fields.value("family");
    let read = given.as_ref().and_then(Value::as_str).and_then(Family::from_word);
    if read.is_none() {
        let all: Vec<_> = Family::ALL.iter().map(|family| family.word()).collect();
        let wrong = if given.is_some() { "must be one of" } else { "is missing: it is one of" };
        faults.add(below(at, "family"), format!("{wrong} {}", all.join(", ")));
    }
    read
}

fn phrase(text: String, at: &str, faults: &mut Faults) -> Option<String> {
    check_phrase(&text).map_err(|error| faults.add(at, error.to_string())).ok()?;
    Some(text)
}
