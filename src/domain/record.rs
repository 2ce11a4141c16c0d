//! One piece of customer feedback, as it came in and passed the checks of the contract, section 4.1.

mod stored;

use std::collections::BTreeMap;

pub use stored::NoRecord;

use super::levels::Levels;
use super::limits::{
    ID_BYTES, RECORD_MESSAGES, RECORD_METADATA, RECORD_TEXTS, RECORD_WORD_BYTES, SOURCE_URL_BYTES,
};

/// One piece of customer feedback. It exists only when it is valid: see `Record::check` for the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// 1 to 255 bytes without control characters.
    pub id: String,
    /// The organisation's slug; the same rule as for `id`.
    pub org_id: String,
    /// The text of the feedback; may be empty.
    pub content: String,
    /// An opaque word for where it came from.
    pub source: String,
    /// When the customer wrote it, to whatever precision the sender gave.
    pub created_at: Option<jiff::Timestamp>,
    /// Where the source shows it.
    pub source_url: Option<String>,
    /// What kind of feedback, in the sender's words.
    pub kind: Option<String>,
    /// Where it was said: email, chat, phone.
    pub channel: Option<String>,
    /// Customer segment or tier.
    pub segment: Option<String>,
    /// The part of the product that it speaks of.
    pub product_area: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Anything else, by name.
    pub metadata: BTreeMap<String, MetadataValue>,
    /// Ties records of one conversation together.
    pub conversation_id: Option<String>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Levels that an upstream classifier found.
    pub levels: Option<Levels>,
}

/// One value of a record's metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataValue {
    /// Text, compared as text.
    Text(String),
    /// A number, compared as a number; finite.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Several texts; a comparison holds where it holds for one of them.
    Texts(Vec<String>),
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who wrote it.
    pub author: Author,
    /// What they wrote.
    pub text: String,
    /// When.
    pub at: Option<jiff::Timestamp>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Author {
    Customer,
    Agent,
}

/// Why a record is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", .pointer, if .pointer.is_empty() { "" } else { ": " })]
pub struct RecordError {
    /// Where: a JSON pointer (RFC 6901) into the record; empty for the whole of it.
    pub pointer: String,
    /// What to change.
    pub message: String,
}

impl RecordError {
    /// What is wrong, and where.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl Record {
    /// Whether it is as the contract's section 4.1 wants it.
    ///
    /// # Errors
    /// The first field that is not, and what to change.
    pub fn check(&self) -> Result<(), RecordError> {
        check_id("/id", &self.id)?;
        check_id("/org_id", &self.org_id)?;
        if self.source.trim().is_empty() {
            return Err(RecordError::new("/source", "is empty: name where the feedback came from"));
        }
        check_bytes(&"/source", &self.source, RECORD_WORD_BYTES)?;
        let optional = [
            ("/source_url", &self.source_url, SOURCE_URL_BYTES),
            ("/type", &self.kind, RECORD_WORD_BYTES),
            ("/channel", &self.channel, RECORD_WORD_BYTES),
            ("/segment", &self.segment, RECORD_WORD_BYTES),
            ("/product_area", &self.product_area, RECORD_WORD_BYTES),
            ("/conversation_id", &self.conversation_id, RECORD_WORD_BYTES),
        ];
        for (pointer, text, most) in optional {
            text.as_ref().map_or(Ok(()), |text| check_bytes(&pointer, text, most))?;
        }
        check_count("/tags", self.tags.len(), RECORD_TEXTS)?;
        for (index, tag) in self.tags.iter().enumerate() {
            check_bytes(&format_args!("/tags/{index}"), tag, RECORD_WORD_BYTES)?;
        }
        check_count("/messages", self.messages.len(), RECORD_MESSAGES)?;
        self.check_metadata()
    }

    fn check_metadata(&self) -> Result<(), RecordError> {
        check_count("/metadata", self.metadata.len(), RECORD_METADATA)?;
        for (name, value) in &self.metadata {
            if name.is_empty() {
                return Err(RecordError::new("/metadata/", "has an empty name"));
            }
            if name.len() > RECORD_WORD_BYTES {
                let message = format!("has a name longer than {RECORD_WORD_BYTES} bytes");
                return Err(RecordError::new("/metadata", message));
            }
            if let MetadataValue::Texts(texts) = value {
                let pointer = format!("/metadata/{}", name.replace('~', "~0").replace('/', "~1"));
                check_count(&pointer, texts.len(), RECORD_TEXTS)?;
            }
        }
        Ok(())
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        let texts = |texts: &[String]| -> usize {
            texts.iter().map(|text| size_of::<String>() + text.len()).sum()
        };
        let optional = [
            &self.source_url,
            &self.kind,
            &self.channel,
            &self.segment,
            &self.product_area,
            &self.conversation_id,
        ];
        let optional: usize = optional.into_iter().flatten().map(String::len).sum();
        let named = [&self.id, &self.org_id, &self.content, &self.source];
        let named: usize = named.into_iter().map(String::len).sum();
        let metadata = self.metadata.iter().map(|(name, value)| {
            let value = match value {
                MetadataValue::Text(text) => text.len(),
                MetadataValue::Number(_) | MetadataValue::Bool(_) => 0,
                MetadataValue::Texts(list) => texts(list),
            };
            size_of::<(String, MetadataValue)>() + name.len() + value
        });
        let messages = self.messages.iter().map(|each| size_of::<Message>() + each.text.len());
        let parts = metadata.sum::<usize>() + messages.sum::<usize>();
        size_of::<Self>() + named + optional + texts(&self.tags) + parts
    }
}

/// 1 to 255 bytes without control characters: it travels in a header and in a link.
///
/// # Errors
/// What to change.
pub fn check_id(pointer: &str, id: &str) -> Result<(), RecordError> {
    let message = if id.is_empty() {
        "is empty".to_owned()
    } else if id.len() > ID_BYTES {
        format!("is longer than {ID_BYTES} bytes")
    } else if id.chars().any(char::is_control) {
        "holds a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(RecordError::new(pointer, message))
}

fn check_bytes(pointer: &impl ToString, text: &str, most: usize) -> Result<(), RecordError> {
    if text.len() <= most {
        return Ok(());
    }
    Err(RecordError::new(pointer.to_string(), format!("is longer than {most} bytes")))
}

fn check_count(pointer: &str, count: usize, most: usize) -> Result<(), RecordError> {
    if count <= most {
        return Ok(());
    }
    Err(RecordError::new(pointer, format!("has too many items: {most} are the most")))
}
