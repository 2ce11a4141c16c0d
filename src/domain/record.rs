//! One piece of customer feedback, as it came in and passed the checks of the contract, section 4.1.

use std::collections::BTreeMap;

use super::levels::Levels;

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
