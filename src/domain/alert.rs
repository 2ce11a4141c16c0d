//! The alert: its body, made once and never changed, and the key by which receivers tell repeats.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::id::{AlertId, AutomationId, IntegrationId};
use super::levels::{Levels, SentimentShift};
use super::notice::HeldBack;
use super::record::Record;
use super::time::Timestamp;

mod excerpt;

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

/// Who found what an alert tells of: the first part of its Idempotency-Key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This automation of ours fired.
    Fired(AutomationId),
    /// Another system did, and the alert is passed on: the automation that its body names.
    Relayed(String),
}

/// One automation fired for one record, or passed an alert on, as it is read back for sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// The automation that it belongs to.
    pub automation_id: AutomationId,
    /// Who found what it tells of.
    pub origin: Origin,
    /// The record that it fired for.
    pub record_id: String,
    /// What is sent.
    pub body: Body,
    /// What stands beside it for people: it goes into messages, and never into the body.
    pub aside: Aside,
}

/// What is known of an alert beside its body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aside {
    /// The conversation that it belongs to, where that is known: a digest, so that mail threads by it and
    /// tells nothing of it.
    pub thread: Option<String>,
    /// What a cool-down held back before it.
    pub held_back: Option<HeldBack>,
}

impl Aside {
    /// For a record: of its organisation and its conversation.
    pub fn of(record: &Record) -> Self {
        let thread = record.conversation_id.as_ref().map(|conversation| {
            let mut digest = Sha256::new();
            // Neither can hold the byte that parts them.
            digest.update(record.org_id.as_bytes());
            digest.update([0]);
            digest.update(conversation.as_bytes());
            let digest: [u8; 32] = digest.finalize().into();
            digest.iter().take(16).fold(String::new(), |mut text, byte| {
                // Writing into a String can't fail.
                let _infallible = write!(text, "{byte:02x}");
                text
            })
        });
        Self { thread, held_back: None }
    }
}

/// The Idempotency-Key: the same on every attempt, and after any restart (contract, sections 2 and 4.3).
/// Bytes of the record id outside visible ASCII are percent-encoded, and `%` itself, or two ids could meet;
/// so is a `:` of the other system's automation, which would end that part.
pub fn idempotency_key(origin: &Origin, integration: IntegrationId, record_id: &str) -> String {
    let mut key = match origin {
        Origin::Fired(automation) => automation.to_string(),
        Origin::Relayed(automation) => percent_encoded(automation),
    };
    // Writing into a String can't fail.
    let _infallible = write!(key, ":{integration}:");
    push_encoded(&mut key, record_id, is_plain);
    key
}

/// A text as a part of a key that others follow: in visible ASCII, and without a colon.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    push_encoded(&mut encoded, text, |byte| is_plain(byte) && byte != b':');
    encoded
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%'
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

/// The body as it goes out: these fields in this order (contract, section 2).
#[derive(Serialize)]
struct Wire<'a> {
    automation_id: Uuid,
    org_id: &'a str,
    escalated_at: Shown<Timestamp>,
    levels: WireLevels,
    record: WireRecord<'a>,
}

#[derive(Serialize)]
struct WireLevels {
    escalation_level: &'static str,
    emotional_intensity_level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment_shift: Option<&'static str>,
}

#[derive(Serialize)]
struct WireRecord<'a> {
    id: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<&'a str>,
    content_excerpt: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Shown<jiff::Timestamp>>,
    source: &'a str,
}

/// A time as text. Both of our kinds write RFC 3339 in UTC with `Z`.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The body: compact JSON in UTF-8, made once. The same facts make the same bytes.
pub fn body(facts: &AlertFacts<'_>) -> Body {
    let AlertFacts { levels, record, .. } = facts;
    let wire = Wire {
        automation_id: facts.automation_id.0,
        org_id: &record.org_id,
        escalated_at: Shown(facts.escalated_at),
        levels: WireLevels {
            escalation_level: levels.escalation.word(),
            emotional_intensity_level: levels.emotional_intensity.word(),
            sentiment_shift: levels.sentiment_shift.map(SentimentShift::word),
        },
        record: WireRecord {
            id: &record.id,
            url: record_url(facts.dashboard_url, &record.org_id, &record.id),
            source_url: record.source_url.as_deref(),
            content_excerpt: excerpt::of(&record.content),
            created_at: record.created_at.map(Shown),
            source: &record.source,
        },
    };
    #[expect(clippy::expect_used, reason = "texts and a Vec: neither can fail to be written")]
    let bytes = serde_json::to_vec(&wire).expect("an alert is always JSON");
    Body::new(Bytes::from(bytes))
}

/// Where the dashboard shows the record. The org and the id are one segment each, whatever they hold.
fn record_url(dashboard: &str, org_id: &str, record_id: &str) -> String {
    let mut url = dashboard.trim_end_matches('/').to_owned();
    url.push('/');
    push_encoded(&mut url, org_id, is_unreserved);
    url.push_str("/record/");
    push_encoded(&mut url, record_id, is_unreserved);
    url
}

/// RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Adds the text, percent-encoding the bytes that don't pass.
fn push_encoded(to: &mut String, text: &str, passes: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if passes(byte) {
            to.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _infallible = write!(to, "%{byte:02X}");
        }
    }
}
