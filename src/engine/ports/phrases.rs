//! Phrases that organisations set for themselves.

use crate::detect::Additions;
use crate::domain::time::Timestamp;

/// An organisation's phrases as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPhrases {
    /// The organisation.
    pub org_id: String,
    /// Rises with each change; no two states of any organisation have the same.
    pub version: i64,
    /// As they were written: JSON of [`Additions`], as the version that stored them knew them.
    pub additions: String,
    /// When they were last changed.
    pub updated_at: Timestamp,
}

/// A change to an organisation's phrases.
#[derive(Debug, Clone, PartialEq)]
pub struct PhraseEdit {
    /// The organisation.
    pub org_id: String,
    /// All that they become; nothing where they are deleted.
    pub becomes: Option<Additions>,
    /// The version that the caller has seen, where it says; 0 is that nothing was stored.
    pub expected: Option<i64>,
}
