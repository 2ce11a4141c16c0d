//! The alert: its body, made once and never changed, and the key by which receivers tell repeats.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::id::{AlertId, AutomationId, IntegrationId};
use super::levels::Levels;
use super::record::Record;
use super::time::Timestamp;

/// The bytes that are sent, with the digest by which damage on disk is noticed before they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    bytes: Bytes,
    digest: [u8; 32],
}

/// The stored body is not the one that was accepted. It must never be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored body is damaged: its digest does not match")]
pub struct BodyDamaged;

impl Body {
    /// A new body with its digest.
    pub fn new(bytes: Bytes) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self { bytes, digest }
    }

    /// A body read back from disk, unless it has changed since it was accepted.
    pub fn restore(bytes: Bytes, digest: [u8; 32]) -> Result<Self, BodyDamaged> {
        let body = Self::new(bytes);
        if body.digest == digest { Ok(body) } else { Err(BodyDamaged) }
    }

    /// Whether the bytes are still the ones that the digest was made of.
    pub fn intact(&self) -> bool {
        <[u8; 32]>::from(Sha256::digest(&self.bytes)) == self.digest
    }

    /// What goes out, byte for byte.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// One automation fired for one record, as it is read back for sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// The automation that fired.
    pub automation_id: AutomationId,
    /// The record that it fired for.
    pub record_id: String,
    /// What is sent.
    pub body: Body,
}

/// The Idempotency-Key: the same on every attempt, and after any restart (contract, section 2).
/// Bytes of the record id outside visible ASCII are percent-encoded, and `%` itself, or two ids could meet.
pub fn idempotency_key(
    automation: AutomationId,
    integration: IntegrationId,
    record_id: &str,
) -> String {
    use std::fmt::Write as _;
    let mut key = format!("{automation}:{integration}:");
    for byte in record_id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            key.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _infallible = write!(key, "%{byte:02X}");
        }
    }
    key
}

/// What an alert's body is made of.
#[derive(Debug, Clone, Copy)]
pub struct AlertFacts<'a> {
    /// The automation that fired.
    pub automation_id: AutomationId,
    /// When.
    pub escalated_at: Timestamp,
    /// At which levels.
    pub levels: &'a Levels,
    /// For which record.
    pub record: &'a Record,
    /// Where the dashboard shows records, without a slash at its end.
    pub dashboard_url: &'a str,
}

/// The body.
pub fn body(_facts: &AlertFacts<'_>) -> Body {
    Body::new(Bytes::new())
}
