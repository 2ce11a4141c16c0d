//! A classifier of the customer's own, and the room in which records wait for it.

use std::time::Duration;

use super::{Accepted, ConversationKey, LocalPromise, MessageScore, NewAlert, Promise, StoreError};
use crate::detect::Language;
use crate::detect::external::{Opinion, Unanswered};
use crate::domain::record::Record;
use crate::domain::time::Timestamp;

/// Judges records elsewhere.
pub trait Classifier: Send + Sync {
    /// How much is asked of it; nothing where none is configured.
    fn terms(&self) -> Option<Terms>;

    /// Asks once. It keeps a deadline, bounds what it reads, follows nowhere, and never panics on what it is
    /// answered.
    fn ask(&self, question: Question) -> LocalPromise<Said>;
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The answer, or why there is none.
    pub opinion: Result<Opinion, Unanswered>,
    /// How long it took.
    pub took: Duration,
}

/// How much is asked of a classifier, and for how long a record waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Records that are with it at once: the others wait on disk.
    pub at_once: usize,
    /// A record waits no longer than this for its turn: an alert that comes late is worse than one that the
    /// built-in detector has judged.
    pub patience: Duration,
}

/// What a classifier is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The record.
    pub record: Record,
    /// The language that was found.
    pub language: Option<Language>,
}

/// Keeps records until they are judged. Each method is durable when its promise is fulfilled.
pub trait WaitingRoom: Send + Sync {
    /// Stores what a call brought, all or none: alerts as [`Store::accept`](super::Store::accept) does, scores as
    /// [`Store::remember`](super::Store::remember), and records that wait. One that waits already is not stored
    /// again. Nothing was stored, and the answer has nothing, where too many wait.
    fn take(&self, taking: Taking) -> Promise<Result<Option<Vec<Option<Accepted>>>, StoreError>>;

    /// The first `limit` records behind `after`, in the order of their coming.
    fn waiting(
        &self,
        after: WaitingId,
        limit: usize,
    ) -> Promise<Result<Vec<WaitingRecord>, StoreError>>;

    /// A record was judged: stores its alerts, and it waits no longer, both or neither.
    fn judged(
        &self,
        id: WaitingId,
        alerts: Vec<NewAlert>,
    ) -> Promise<Result<Vec<Option<Accepted>>, StoreError>>;
}

/// What a call with records comes to, as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Taking {
    /// Alerts of records whose levels are known.
    pub alerts: Vec<NewAlert>,
    /// What is kept of conversations.
    pub scores: Vec<(ConversationKey, MessageScore)>,
    /// Records that wait.
    pub waiting: Vec<NewWaiting>,
}

/// A record that is to wait.
#[derive(Debug, Clone)]
pub struct NewWaiting {
    /// By what a repeat of it is told while it waits: a digest of all of it.
    pub told_by: [u8; 32],
    /// As it is kept: see [`Record::to_stored`].
    pub record: String,
    /// What the built-in detector found, as it is kept: it stands where the classifier says nothing.
    pub found: String,
    /// When it came.
    pub taken_at: Timestamp,
}

/// The place of a waiting record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitingId(pub i64);

/// A record that waits.
#[derive(Debug, Clone)]
pub struct WaitingRecord {
    /// Its place.
    pub id: WaitingId,
    /// As it is kept.
    pub record: String,
    /// What the built-in detector found, as it is kept.
    pub found: String,
    /// When it came.
    pub taken_at: Timestamp,
}
