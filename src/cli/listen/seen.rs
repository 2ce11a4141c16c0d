//! One request as a receiver tells it to a log, a person or a test.

use bytes::Bytes;

use super::body::Alert;
use super::script::Answer;

/// Whether a request passed a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was expected.
    Unchecked,
    /// It passed.
    Right,
    /// It did not; the text says why.
    Wrong(String),
}

impl Verdict {
    /// From a check's result; nothing where there was none.
    pub(super) fn of(result: Option<Result<(), String>>) -> Self {
        match result {
            None => Self::Unchecked,
            Some(Ok(())) => Self::Right,
            Some(Err(why)) => Self::Wrong(why),
        }
    }

    /// True, false, or nothing where nothing was checked.
    pub fn passed(&self) -> Option<bool> {
        match self {
            Self::Unchecked => None,
            Self::Right => Some(true),
            Self::Wrong(_) => Some(false),
        }
    }
}

/// One request, with what was found out about it and what is answered.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its number, from 1.
    pub request: u64,
    /// When it had been read.
    pub at: jiff::Timestamp,
    /// Its method.
    pub method: String,
    /// Its path with the query.
    pub path: String,
    /// The names of its header fields.
    pub header_names: Vec<String>,
    /// Its Idempotency-Key, where it is text in visible ASCII.
    pub key: Option<String>,
    /// Which try of its alert this is, from 1.
    pub attempt: u32,
    /// Whether the alert had been taken before.
    pub duplicate: bool,
    /// Its body.
    pub body: Bytes,
    /// SHA-256 of its body.
    pub body_sha256: [u8; 32],
    /// The body's content, where it is a JSON object.
    pub alert: Option<Alert>,
    /// The title of a message, where it is one.
    pub title: Option<String>,
    /// Whether the credential is right.
    pub auth: Verdict,
    /// Whether the signature is right.
    pub signature: Verdict,
    /// Everything that is not as the contract has it, one sentence each.
    pub problems: Vec<String>,
    /// What is done with it.
    pub answer: Answer,
}
