//! Fields, operators, methods and conditions as people say them.

use serde_json::Value;

use super::rows::METADATA;
use crate::domain::condition::{Condition, Shape};
use crate::domain::integration::Kind;

/// The methods as the contract words them.
pub(super) const METHODS: [(&str, &str); 4] = [
    ("none", "None"),
    ("bearer", "Bearer Token"),
    ("api_key", "API Key (X-API-Key)"),
    ("custom_header", "Custom Header"),
];

/// A kind of destination as people know it, as in **Add webhook**.
pub(in crate::web::ui) const fn kind_words(kind: &Kind) -> &'static str {
    match kind {
        Kind::Webhook => "webhook",
        Kind::Slack => "Slack channel",
        Kind::Email => "email",
    }
}

/// The same at the beginning of a line.
pub(in crate::web::ui) const fn kind_title(kind: &Kind) -> &'static str {
    match kind {
        Kind::Webhook => "Webhook",
        Kind::Slack => "Slack channel",
        Kind::Email => "Email",
    }
}

/// A method as people know it.
pub(in crate::web::ui) fn method_words(method: &str) -> &'static str {
    METHODS.iter().find(|(word, _)| *word == method).map_or("None", |(_, words)| words)
}

/// The fields that a row can ask for, as people know them.
pub(in crate::web::ui) fn field_words(field: &str) -> &str {
    match field {
        "segment" => "Customer segment",
        "product_area" => "Product area",
        "channel" => "Channel",
        "source" => "Source",
        "tags" => "Tag",
        "type" => "Type",
        "content" => "Text",
        "levels.escalation_level" => "Escalation level",
        "levels.emotional_intensity_level" => "Emotional intensity",
        "levels.sentiment_shift" => "Sentiment shift",
        "created_at" => "Created at",
        "id" => "Record id",
        "org_id" => "Organisation id",
        "source_url" => "Source link",
        "conversation_id" => "Conversation id",
        "automation_id" => "Automation id",
        "escalated_at" => "Escalated at",
        "record.id" => "Record id",
        "record.url" => "Record link",
        "record.source" => "Source",
        "record.source_url" => "Source link",
        "record.content_excerpt" => "Text",
        "record.created_at" => "Created at",
        METADATA => "Metadata…",
        other => other,
    }
}

/// An operator as people say it.
pub(in crate::web::ui) fn op_words(op: &str, shape: &Shape) -> &'static str {
    match (op, shape) {
        ("eq", _) => "is",
        ("ne", _) => "is not",
        ("in", _) => "is one of",
        ("not_in", _) => "is none of",
        ("contains", _) => "contains",
        ("starts_with", _) => "starts with",
        ("matches", _) => "matches pattern",
        ("exists", _) => "is set",
        ("not_exists", _) => "is not set",
        ("gt", Shape::Time) => "is after",
        ("gte", Shape::Time) => "is at or after",
        ("lt", Shape::Time) => "is before",
        ("lte", Shape::Time) => "is at or before",
        ("gt", _) => "is above",
        ("gte", _) => "is at least",
        ("lt", _) => "is below",
        _ => "is at most",
    }
}

/// A field of an automation or a webhook, as the pages call it.
pub(in crate::web::ui) fn field_label(field: &str) -> &str {
    match field {
        "name" => "Name",
        "active" => "Active",
        "filter" => "Feedback filter",
        "minimum_levels" => "Minimum levels",
        "cool_down" => "Cool-down",
        "quiet_hours" => "Quiet hours",
        "trigger" => "What it listens to",
        "inbound_auth" => "Sender’s authentication",
        "escalation_level" => "Escalation level",
        "emotional_intensity_level" => "Emotional intensity",
        "sentiment_shift" => "Sentiment shift",
        "url" => "URL",
        "to" => "Addresses",
        "per" => "Cool-down per",
        "account" => "Account’s metadata field",
        "span" => "Cool-down for",
        "windows" => "Quiet days and hours",
        "time_zone" => "Time zone",
        "except_from" => "Quiet hours: but not from",
        "method" => "Authentication method",
        "header_name" => "Header name",
        "credential" => "Credential",
        "title" => "Title",
        "text" => "Text",
        "template" => "Message",
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

/// A value as people read it.
pub(super) fn value_words(value: &Value) -> String {
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
