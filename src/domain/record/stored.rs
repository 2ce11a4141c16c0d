//! A record as it is kept until it is judged: JSON of our own, which says each value exactly. It lies on disk for as long
//! as a classifier takes, so that its form may change with the schema only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Author, Message, MetadataValue, Record};

/// Why what was kept is no record: damage, or a bug of ours. It repeats nothing of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is kept of it is no record")]
pub struct NoRecord;

#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    org_id: String,
    content: String,
    source: String,
    created_at: Option<String>,
    source_url: Option<String>,
    kind: Option<String>,
    channel: Option<String>,
    segment: Option<String>,
    product_area: Option<String>,
    tags: Vec<String>,
    metadata: BTreeMap<String, StoredValue>,
    conversation_id: Option<String>,
    messages: Vec<StoredMessage>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredValue {
    Text(String),
    /// Its bits: no way through digits could be as exact.
    Number(u64),
    Bool(bool),
    Texts(Vec<String>),
}

#[derive(Serialize, Deserialize)]
struct StoredMessage {
    is_agent: bool,
    text: String,
    at: Option<String>,
}

impl Record {
    /// All of it but its levels: only what came without any is kept.
    pub fn to_stored(&self) -> String {
        let value = |value: &MetadataValue| match value {
            MetadataValue::Text(text) => StoredValue::Text(text.clone()),
            MetadataValue::Number(number) => StoredValue::Number(number.to_bits()),
            MetadataValue::Bool(flag) => StoredValue::Bool(*flag),
            MetadataValue::Texts(texts) => StoredValue::Texts(texts.clone()),
        };
        let message = |message: &Message| StoredMessage {
            is_agent: message.author == Author::Agent,
            text: message.text.clone(),
            at: message.at.map(|at| at.to_string()),
        };
        let stored = Stored {
            id: self.id.clone(),
            org_id: self.org_id.clone(),
            content: self.content.clone(),
            source: self.source.clone(),
            created_at: self.created_at.map(|at| at.to_string()),
            source_url: self.source_url.clone(),
            kind: self.kind.clone(),
            channel: self.channel.clone(),
            segment: self.segment.clone(),
            product_area: self.product_area.clone(),
            tags: self.tags.clone(),
            metadata: self.metadata.iter().map(|(name, it)| (name.clone(), value(it))).collect(),
            conversation_id: self.conversation_id.clone(),
            messages: self.messages.iter().map(message).collect(),
        };
        // Names of text, and values that JSON has: there is nothing that could not be said.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// The record that was kept so.
    ///
    /// # Errors
    /// It was damaged.
    pub fn from_stored(text: &str) -> Result<Self, NoRecord> {
        let stored: Stored = serde_json::from_str(text).map_err(|_| NoRecord)?;
        let time = |text: Option<String>| -> Result<Option<jiff::Timestamp>, NoRecord> {
            text.map(|text| text.parse().map_err(|_| NoRecord)).transpose()
        };
        let value = |value| match value {
            StoredValue::Text(text) => MetadataValue::Text(text),
            StoredValue::Number(bits) => MetadataValue::Number(f64::from_bits(bits)),
            StoredValue::Bool(flag) => MetadataValue::Bool(flag),
            StoredValue::Texts(texts) => MetadataValue::Texts(texts),
        };
        let messages = stored.messages.into_iter().map(|StoredMessage { is_agent, text, at }| {
            let author = if is_agent { Author::Agent } else { Author::Customer };
            Ok(Message { author, text, at: time(at)? })
        });
        Ok(Self {
            id: stored.id,
            org_id: stored.org_id,
            content: stored.content,
            source: stored.source,
            created_at: time(stored.created_at)?,
            source_url: stored.source_url,
            kind: stored.kind,
            channel: stored.channel,
            segment: stored.segment,
            product_area: stored.product_area,
            tags: stored.tags,
            metadata: stored.metadata.into_iter().map(|(name, it)| (name, value(it))).collect(),
            conversation_id: stored.conversation_id,
            messages: messages.collect::<Result<_, NoRecord>>()?,
            levels: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let at: jiff::Timestamp = "2026-06-27T11:58:00.123456789Z".parse().unwrap();
        let values = [
            MetadataValue::Text("5".into()),
            MetadataValue::Number(0.1 + 0.2),
            MetadataValue::Number(-0.0),
            MetadataValue::Bool(true),
            MetadataValue::Texts(vec!["a".into(), String::new()]),
        ];
        let metadata = values.into_iter().enumerate().map(|(at, it)| (format!("k\"{at}"), it));
        Record {
            id: "a:b ü".into(),
            org_id: "acme".into(),
            content: "line\nline \u{1f621}\u{0}".into(),
            source: "zendesk".into(),
            created_at: Some(at),
            source_url: Some("https://s.example/1".into()),
            kind: Some("REVIEW".into()),
            channel: Some("phone".into()),
            segment: None,
            product_area: Some("billing".into()),
            tags: vec!["x".into()],
            metadata: metadata.collect(),
            conversation_id: Some("c".into()),
            messages: vec![
                Message { author: Author::Customer, text: "Down.".into(), at: Some(at) },
                Message { author: Author::Agent, text: "Sorry.".into(), at: None },
            ],
            levels: None,
        }
    }

    #[test]
    fn what_is_kept_is_the_very_record() {
        let record = record();
        assert_eq!(Record::from_stored(&record.to_stored()), Ok(record));
    }

    #[test]
    fn damage_is_no_record() {
        let whole = record().to_stored();
        for text in ["", "{}", "null", whole.get(..whole.len() - 1).unwrap()] {
            assert_eq!(Record::from_stored(text), Err(NoRecord), "{text}");
        }
        let odd = whole.replace("2026-06-27T11:58", "yesterday");
        assert_eq!(Record::from_stored(&odd), Err(NoRecord));
    }
}
