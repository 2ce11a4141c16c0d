//! A relay's input: an alert that another system posted. What Belfry needs of it is checked, everything else
//! is passed on as it came, byte for byte.

use bytes::Bytes;
use serde_json::Value;

use super::alert::{Body, percent_encoded};
use super::record::{RecordError, check_id};

/// An alert that another system posted.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// The automation that it names, in the other system's words: the first part of the outgoing key.
    pub automation_id: String,
    /// The record that it is about: the last part of that key.
    pub record_id: String,
    /// The organisation; empty where it says nothing that is one.
    pub org_id: String,
    /// The very bytes that came in.
    pub body: Body,
    /// What they say.
    content: Value,
}

impl Posted {
    /// Reads what these bytes say; `content` is that.
    ///
    /// # Errors
    /// All that is missing or wrong of what a relay needs.
    pub fn read(bytes: Bytes, content: Value) -> Result<Self, Vec<RecordError>> {
        if !content.is_object() {
            return Err(vec![RecordError::new("", "must be an object: the alert")]);
        }
        let needed = |pointer| needed(&content, pointer);
        match (needed("/automation_id"), needed("/record/id")) {
            (Ok(automation_id), Ok(record_id)) => {
                let org_id = needed("/org_id").unwrap_or_default();
                Ok(Self { automation_id, record_id, org_id, body: Body::new(bytes), content })
            }
            (one, other) => Err([one, other].into_iter().filter_map(Result::err).collect()),
        }
    }

    /// The text of a field as conditions name it, as in `record.id`; nothing where there is no text.
    pub fn text(&self, field: &str) -> Option<&str> {
        let found = match field.split_once('.') {
            None => self.content.get(field),
            Some((above, name)) => self.content.get(above)?.get(name),
        };
        found?.as_str()
    }

    /// By what a repeat of it is told: the key that its sender gave, else the alert that it is.
    pub fn told_by(&self, key: Option<&str>) -> String {
        match key {
            Some(key) => format!("key:{key}"),
            None => {
                let (automation, record) =
                    (percent_encoded(&self.automation_id), percent_encoded(&self.record_id));
                format!("alert:{automation}:{record}")
            }
        }
    }
}

/// Text that is there and can be part of a key.
fn needed(content: &Value, pointer: &str) -> Result<String, RecordError> {
    let text = match content.pointer(pointer) {
        None | Some(Value::Null) => {
            return Err(RecordError::new(
                pointer,
                "is missing: a relay needs it to tell alerts apart",
            ));
        }
        Some(Value::String(text)) => text,
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(RecordError::new(pointer, "must be text"));
        }
    };
    check_id(pointer, text)?;
    Ok(text.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(content: &Value) -> Result<Posted, Vec<String>> {
        let bytes = Bytes::from(content.to_string());
        Posted::read(bytes, content.clone())
            .map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn what_a_relay_needs_is_told_all_at_once() {
        for (content, pointers) in [
            (json!([]), vec![""]),
            (json!({}), vec!["/automation_id", "/record/id"]),
            (json!({"automation_id": 7, "record": "r"}), vec!["/automation_id", "/record/id"]),
            (json!({"automation_id": "a", "record": {"id": ""}}), vec!["/record/id"]),
            (json!({"automation_id": "a", "record": {"id": "r\n"}}), vec!["/record/id"]),
            (
                json!({"automation_id": "x".repeat(256), "record": {"id": "r"}}),
                vec!["/automation_id"],
            ),
        ] {
            assert_eq!(read(&content).unwrap_err(), pointers, "{content}");
        }
    }

    #[test]
    fn everything_else_is_as_the_sender_likes() {
        let content = json!({"automation_id": "a", "record": {"id": "r", "more": [1]}, "org_id": 7,
                             "levels": {"escalation_level": "apocalyptic"}, "else": null});
        let posted = read(&content).unwrap();
        assert_eq!(posted.org_id, "");
        assert_eq!(posted.body.bytes(), content.to_string().as_bytes());
        assert_eq!(posted.text("levels.escalation_level"), Some("apocalyptic"));
        assert_eq!((posted.text("record.id"), posted.text("record.url")), (Some("r"), None));
        assert_eq!((posted.text("org_id"), posted.text("levels")), (None, None));
    }

    /// No alert of one sender can pass for one of another, however its ids are made.
    #[test]
    fn a_repeat_is_told_by_its_key_or_by_its_alert() {
        let posted = |automation: &str, record: &str| {
            read(&json!({"automation_id": automation, "record": {"id": record}})).unwrap()
        };
        assert_eq!(posted("a", "r").told_by(Some("k")), "key:k");
        assert_eq!(posted("a", "r").told_by(None), "alert:a:r");
        assert_ne!(posted("a:b", "c").told_by(None), posted("a", "b:c").told_by(None));
        assert_ne!(posted("a", "r").told_by(Some("alert:a:r")), posted("a", "r").told_by(None));
    }
}
