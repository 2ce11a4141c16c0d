//! Somebody else has saved the same automation meanwhile: both versions side by side, and nothing lost.

use askama::Template;
use serde_json::Value;

use super::draft::Draft;
use super::page::{field_words, method_words, op_words};
use crate::domain::automation::Automation;
use crate::domain::condition::{Condition, Shape};
use crate::web::api::automation_out::AutomationOut;
use crate::web::api::differences::differences;
use crate::web::api::integration_out::Settings;
use crate::web::api::plan::Fresh;
use crate::web::ui::frame::Frame;

#[derive(Template)]
#[template(path = "conflict.html")]
pub(super) struct Conflict {
    frame: Frame,
    path: String,
    /// The draft, based on what is there now.
    fields: Vec<(String, String)>,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    theirs: String,
    mine: String,
}

impl Conflict {
    /// What is there now beside what was about to be saved.
    pub(super) fn of(
        frame: Frame,
        path: String,
        draft: Draft,
        mine: &Value,
        current: &Automation,
    ) -> Self {
        let settings = current.integrations.iter().map(Settings::of).collect();
        let theirs = serde_json::to_value(AutomationOut::of(current, settings)).unwrap_or_default();
        let mine = without_secrets(mine.clone());
        let rows = differences(&theirs, &mine)
            .into_iter()
            .map(|each| Row {
                what: place_words(&each.pointer, &mine),
                theirs: each.before.as_ref().map_or_else(|| "—".to_owned(), value_words),
                mine: each.after.as_ref().map_or_else(|| "—".to_owned(), value_words),
            })
            .collect();
        let draft = Draft { version: Some(current.version), ..draft };
        Self { frame, path, fields: draft.fields(), rows }
    }
}

/// A credential that is about to be saved is a change that is shown as such, and not what it is.
fn without_secrets(mut mine: Value) -> Value {
    for each in mine.get_mut("integrations").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(auth) = each.get_mut("auth").and_then(Value::as_object_mut)
            && auth.contains_key("credential")
        {
            let shown = if auth.get("credential").is_some_and(Value::is_null) {
                "removed"
            } else {
                "a new one"
            };
            auth.insert("credential".to_owned(), Value::from(shown));
        }
    }
    mine
}

#[derive(Template)]
#[template(path = "secrets.html")]
pub(super) struct Secrets {
    frame: Frame,
    id: String,
    /// The integration's name, and its new signing secret.
    rows: Vec<(String, String)>,
}

impl Secrets {
    /// The signing secrets that this very call made.
    pub(super) fn of(frame: Frame, automation: &Automation, fresh: &Fresh) -> Self {
        let rows = automation
            .integrations
            .iter()
            .filter_map(|each| Some((each.name.clone(), fresh.get(&each.id)?.expose().to_owned())));
        Self { frame, id: automation.id.to_string(), rows: rows.collect() }
    }
}

/// A place in an automation, as people know it.
fn place_words(pointer: &str, of: &Value) -> String {
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("integrations"), Some(index), field, below) => {
            let name = of
                .pointer(&format!("/integrations/{index}/name"))
                .or_else(|| of.pointer(&format!("/integrations/{index}/url")))
                .and_then(Value::as_str)
                .unwrap_or(index);
            match field {
                None => format!("Webhook {name}"),
                Some(field) => {
                    format!("Webhook {name}: {}", field_label(below.unwrap_or(field)))
                }
            }
        }
        (Some("minimum_levels"), Some(axis), ..) => field_label(axis).to_owned(),
        (Some(field), ..) => field_label(field).to_owned(),
        (None, ..) => "All".to_owned(),
    }
}

/// A field of an automation or a webhook, as the pages call it.
pub(in crate::web::ui) fn field_label(field: &str) -> &str {
    match field {
        "name" => "Name",
        "active" => "Active",
        "filter" => "Feedback filter",
        "minimum_levels" => "Minimum levels",
        "escalation_level" => "Escalation level",
        "emotional_intensity_level" => "Emotional intensity",
        "sentiment_shift" => "Sentiment shift",
        "url" => "URL",
        "method" => "Authentication method",
        "header_name" => "Header name",
        "credential" => "Credential",
        "condition" => "Only some alerts",
        "signing" => "Sign requests",
        "http1_only" => "HTTP/1.1 only",
        "ordering" => "Order",
        "max_in_flight" => "Most at once",
        "rate_limit" => "Most a second",
        "base" => "First retry after",
        "factor" => "Each delay times",
        "cap" => "No delay longer than",
        "horizon" => "Give up after",
        "jitter" => "Share that is random",
        other => other,
    }
}

fn value_words(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => match method_words(text) {
            "None" => text.clone(),
            words => words.to_owned(),
        },
        Value::Array(list) => list.iter().map(value_words).collect::<Vec<_>>().join(", "),
        Value::Object(all) if all.contains_key("url") => {
            all.get("url").map(value_words).unwrap_or_default()
        }
        Value::Object(_) => sentence(value),
    }
}

/// A condition as a sentence: `Customer segment is enterprise and (Channel is email or Tag is vip)`.
pub(in crate::web::ui) fn sentence(condition: &Value) -> String {
    told(condition, false)
}

/// Recursion ends: conditions have a bounded depth.
fn told(condition: &Value, inner: bool) -> String {
    let joined = |list: &Value, word: &str| {
        let parts: Vec<_> =
            list.as_array().into_iter().flatten().map(|each| told(each, true)).collect();
        let text = parts.join(word);
        if inner && parts.len() > 1 { format!("({text})") } else { text }
    };
    if let Some(list) = condition.get("all") {
        return joined(list, " and ");
    }
    if let Some(list) = condition.get("any") {
        return joined(list, " or ");
    }
    if let Some(inner) = condition.get("not") {
        return format!("not ({})", told(inner, false));
    }
    let text = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or_default();
    let (field, op) = (text("field"), text("op"));
    let value = condition.get("value").unwrap_or(&Value::Null);
    let shape = Condition::shape(field).unwrap_or(Shape::Text);
    let field = field.strip_prefix("metadata.").unwrap_or_else(|| field_words(field));
    match (op, value) {
        ("exists", Value::Bool(false)) => format!("{field} is not set"),
        ("exists", _) => format!("{field} is set"),
        (op, Value::Array(_)) => format!("{field} {} {}", op_words(op, &shape), value_words(value)),
        (op, Value::String(text)) => format!("{field} {} “{text}”", op_words(op, &shape)),
        (op, value) => format!("{field} {} {value}", op_words(op, &shape)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_reads_as_a_sentence() {
        let condition = json!({"all": [
            {"field": "segment", "op": "eq", "value": "enterprise"},
            {"any": [
                {"field": "channel", "op": "in", "value": ["email", "phone"]},
                {"field": "metadata.arr", "op": "gte", "value": 50000},
            ]},
            {"not": {"field": "tags", "op": "exists", "value": true}},
        ]});
        assert_eq!(
            sentence(&condition),
            "Customer segment is “enterprise” and (Channel is one of email, phone or arr is at least \
             50000) and not (Tag is set)"
        );
    }
}
