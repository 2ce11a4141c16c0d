//! What the engine asks of the rooms around it. Each port has two callers' worth of truth behind it:
//! the product's own (SQLite, HTTPS, the system's clock) and the simulated one of the scenario tests.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

pub use crate::detect::MessageScore;
use crate::domain::alert::{Alert, Aside, Body, Origin};
use crate::domain::automation::Automation;
use crate::domain::delivery::{DiscardReason, NewDelivery, QueueKey, Report, State, Waiting};
use crate::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};
use crate::domain::integration::{AuthMethod, Health, Integration, Status};
use crate::domain::levels::Level;
pub use crate::domain::queue::{Change, Loaded, Next};
use crate::domain::recipient::Recipient;
use crate::domain::secret::{Sealed, Secret};
use crate::domain::time::Timestamp;

mod actor;
mod classifier;
mod edit;
mod phrases;
pub use actor::{Actor, ActorKind};
pub use classifier::{
    Classifier, NewWaiting, Question, Said, Taking, Terms, WaitingId, WaitingRecord, WaitingRoom,
};
pub use edit::{Edit, Once};
pub use phrases::{PhraseEdit, StoredPhrases};

/// A future that can be sent to another thread.
pub type Promise<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A future that stays on its thread.
pub type LocalPromise<T> = Pin<Box<dyn Future<Output = T>>>;

/// Tells the time of day. Durations are measured by the monotonic clock of the runtime.
pub trait Clock: Send + Sync {
    /// Now, by the wall clock.
    fn now(&self) -> Timestamp;
}

/// Why the store did not do what it was asked. Nothing of the request was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room on disk. Acceptance and delivery wait until there is.
    #[error("no room left on the disk of the data directory")]
    Full,
    /// Too much is waiting already.
    #[error("the store has more waiting than it takes")]
    Busy,
    /// The store is stopping or has stopped.
    #[error("the store is stopped")]
    Stopped,
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// Somebody else changed it: the version on disk.
    #[error("it was changed meanwhile: it is at version {current} now")]
    Stale {
        /// The version on disk.
        current: i64,
    },
    /// The thing is in a state in which this makes no sense; the text says why.
    #[error("{0}")]
    Refused(String),
    /// The very same call was carried out before, under the same key: what it made.
    #[error("it was done before")]
    Repeated {
        /// The id of what was made then.
        subject: String,
    },
    /// That key was used for another call.
    #[error("the key was used for another call")]
    KeyReused,
    /// Our own fault, or damage; the text names it.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// Keeps everything. Each method is durable (synced to disk) when its promise is fulfilled.
pub trait Store: Send + Sync {
    /// Stores alerts with their deliveries, all or none. One that its automation has already, by what
    /// repeats are told by, is not stored again: the answer names the first one, with `fresh: false`. One
    /// that its cool-down holds back is counted, and nothing else: the answer has none in its place.
    /// Deliveries to an integration deleted meanwhile are stored as discarded.
    fn accept(&self, alerts: Vec<NewAlert>) -> Promise<Result<Vec<Option<Accepted>>, StoreError>>;

    /// Writes down what a destination's queue decided: one transaction, shared with whoever waits.
    fn apply(
        &self,
        integration: IntegrationId,
        changes: Vec<Change>,
    ) -> Promise<Result<Applied, StoreError>>;

    /// The first `limit` waiting deliveries behind `after`, in the order of their keys.
    fn load(
        &self,
        integration: IntegrationId,
        after: Option<QueueKey>,
        limit: usize,
    ) -> Promise<Result<Loaded, StoreError>>;

    /// A destination as it is configured now; `NotFound` once it is deleted.
    fn destination(&self, id: IntegrationId) -> Promise<Result<Destination, StoreError>>;

    /// The alert with its body. `Failed` where the body on disk is damaged is told by the inner result.
    fn alert(&self, id: AlertId) -> Promise<Result<Result<Alert, DamagedAlert>, StoreError>>;

    /// What is known of a delivery's addresses: none before its first attempt.
    fn recipients(&self, delivery: DeliveryId) -> Promise<Result<Vec<Recipient>, StoreError>>;

    /// Those of these alerts that are there and whole, in one reading.
    fn alerts(&self, ids: Vec<AlertId>) -> Promise<Result<Vec<Alert>, StoreError>>;

    /// The alerts that are stored for these automations, by what repeats are told by, each in its place.
    fn known_alerts(
        &self,
        of: Vec<(AutomationId, String)>,
    ) -> Promise<Result<Vec<Option<AlertId>>, StoreError>>;

    /// What is kept of the customers' messages in each of these conversations, oldest first.
    fn conversations(
        &self,
        of: Vec<ConversationKey>,
    ) -> Promise<Result<Vec<Vec<MessageScore>>, StoreError>>;

    /// Keeps what was found of messages, with their conversations; a message that is known stays as it is.
    fn remember(
        &self,
        scores: Vec<(ConversationKey, MessageScore)>,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>>;

    /// Destinations that have waiting deliveries and are active.
    fn waiting_destinations(&self) -> Promise<Result<Vec<IntegrationId>, StoreError>>;

    /// A delivery's handling crashed its actor: counts it, and makes the delivery dead at `limit`.
    /// Returns whether it is dead now.
    fn record_crash(
        &self,
        delivery: DeliveryId,
        limit: u32,
        at: Timestamp,
    ) -> Promise<Result<bool, StoreError>>;

    /// After a stop: attempts that were claimed and never settled become waiting again, with an
    /// attempt in their history that says `interrupted`, due at `due_at`. Returns how many.
    fn recover(&self, now: Timestamp, due_at: Timestamp) -> Promise<Result<u64, StoreError>>;

    /// All automations with their integrations, as far as they are not deleted.
    fn automations(&self) -> Promise<Result<Vec<Automation>, StoreError>>;

    /// A person's or a program's change to what is configured. Returns the automation's new version.
    fn change(&self, edit: Edit, by: Actor, at: Timestamp) -> Promise<Result<i64, StoreError>>;

    /// The phrases of all organisations that have any of their own, by their ids.
    fn phrases(&self) -> Promise<Result<Vec<StoredPhrases>, StoreError>>;

    /// A person's or a program's change to an organisation's phrases. Returns their new version; 0 where
    /// they are deleted. `Refused` where too many organisations have phrases already.
    fn change_phrases(
        &self,
        edit: PhraseEdit,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<i64, StoreError>>;

    /// An operator's act on deliveries. Returns how many it changed.
    fn act(&self, act: Act, by: Actor, at: Timestamp) -> Promise<Result<u64, StoreError>>;

    /// Writes and removes a row, to see whether writing works.
    fn probe(&self) -> Promise<Result<(), StoreError>>;

    /// Whether the last write worked and there is room for more. Nothing is sent while it is false.
    fn writable(&self) -> bool;
}

/// Told by the store right after a commit, in the order of commits, from the thread that wrote.
/// It must not block.
pub trait AfterAccept: Send + Sync {
    /// These deliveries are durable now. `body` is the alert's body for those who send it soon.
    fn accepted(&self, fresh: Vec<FreshDelivery>);
}

/// A delivery that was just made durable.
#[derive(Debug, Clone)]
pub struct FreshDelivery {
    /// Where it goes.
    pub integration: IntegrationId,
    /// Its row in the queue.
    pub waiting: Waiting,
    /// Its alert, so that it needn't be read back.
    pub alert: Arc<Alert>,
}

/// One automation fired for one record, or passes an alert on.
#[derive(Debug, Clone)]
pub struct NewAlert {
    /// Which automation.
    pub automation_id: AutomationId,
    /// Who found what it tells of.
    pub origin: Origin,
    /// For which record.
    pub record_id: String,
    /// By what its automation tells a repeat of it: the record, but for a relay.
    pub told_by: String,
    /// The organisation's slug.
    pub org_id: String,
    /// What will be sent.
    pub body: Body,
    /// What stands beside it for people.
    pub aside: Aside,
    /// What its levels follow from, as it is kept, where they were found here.
    pub found: Option<String>,
    /// By what others like it are held back, and it by them.
    pub cool_down: Option<CoolingDown>,
    /// When it fired, or came in.
    pub escalated_at: Timestamp,
    /// Its deliveries; may be none, where no integration's condition matches.
    pub deliveries: Vec<NewDelivery>,
}

/// By what an alert is held back, and others by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoolingDown {
    /// What the alerts of its conversation or account have in common, of its automation.
    pub key: [u8; 32],
    /// For how long after an alert others are held back.
    pub span: Duration,
    /// How bad it is.
    pub level: Level,
}

/// A conversation as it is kept: a keyed digest of its id, so that the store tells nothing of who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationKey(pub [u8; 32]);

/// What became of a [`NewAlert`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The alert: the new one, or the one that was there.
    pub alert: AlertId,
    /// Its deliveries.
    pub deliveries: Vec<DeliveryId>,
    /// False where the alert was there already.
    pub fresh: bool,
}

/// What came of [`Store::apply`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Deliveries whose row was not in the state that the change expected: somebody else decided.
    pub lost: Vec<DeliveryId>,
}

/// A destination as it is configured now.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Where and how.
    pub integration: Integration,
    /// What people call its automation: messages say it.
    pub automation: String,
    /// Whether it may send.
    pub status: Status,
    /// How it has been doing.
    pub health: Health,
    /// Which settings of its request these are: rises with each change of them.
    pub revision: u32,
    /// The credential, sealed.
    pub credential: Option<Sealed>,
    /// The signing secrets in force, newest first.
    pub signing_secrets: Vec<SigningSecret>,
}

/// A signing secret, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret {
    /// The secret.
    pub sealed: Sealed,
    /// Until when it is used; without an end for the newest.
    pub until: Option<Timestamp>,
}

/// The alert's body on disk is not the one that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedAlert;

/// What becomes of something sealed: `None` keeps, `Some(None)` removes, `Some(Some(_))` replaces it.
pub type SealChange = Option<Option<Sealed>>;

/// How a relay's sender must prove who it is, with what is sealed.
#[derive(Debug, Clone)]
pub struct RelayAuth {
    /// Which header carries the credential.
    pub method: AuthMethod,
    /// The credential, sealed.
    pub credential: Option<Sealed>,
}

/// What is sealed for one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seals {
    /// Which.
    pub integration: IntegrationId,
    /// What changes of its credential.
    pub credential: SealChange,
    /// A first signing secret, where signing was just turned on.
    pub signing_secret: Option<Sealed>,
}

/// An operator's act on deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A dead delivery becomes pending and due now, with a horizon of its own; a pending one becomes
    /// due now. `Refused` for the other states.
    Retry {
        /// Which delivery.
        delivery: DeliveryId,
        /// The new horizon of a delivery that was dead.
        expires_at: Timestamp,
    },
    /// All dead deliveries of an integration become pending and due now.
    RetryDead {
        /// Which integration.
        integration: IntegrationId,
        /// Their new horizon.
        expires_at: Timestamp,
    },
    /// A pending, in_flight or dead delivery is discarded. `Refused` for the other states.
    Discard {
        /// Which delivery.
        delivery: DeliveryId,
        /// Why.
        reason: DiscardReason,
    },
}

/// Makes one attempt. It keeps the deadline, bounds what it reads, never retries, and never panics on
/// what a receiver does.
pub trait Sender: Send + Sync {
    /// Sends the body once.
    fn send(&self, attempt: Attempt) -> LocalPromise<Report>;

    /// What it sends, as a person may see it: the credential is shown as `***`.
    fn shown(&self, attempt: &Attempt) -> Shown;
}

/// What one attempt sends, as a person may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The method of its request.
    pub method: &'static str,
    /// Where to, as far as it may be shown.
    pub to: String,
    /// Its headers; secrets are shown as `***`.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: String,
    /// The same for who reads it with pictures and colours, where that is sent, too.
    pub html: Option<String>,
}

/// Everything that one attempt needs.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Where and how, with what is sealed.
    pub destination: Arc<Destination>,
    /// The delivery, for the log; `None` for a test alert.
    pub delivery: Option<DeliveryId>,
    /// The number of the attempt, from 1.
    pub number: u32,
    /// What is sent.
    pub alert: Arc<Alert>,
    /// Addresses of which attempts before have found out for good: nothing is sent to them again.
    pub settled: Vec<Recipient>,
    /// The time of day at its start.
    pub started_at: Timestamp,
}

/// Seals what must not be read from disk, and opens it again.
pub trait Sealer: Send + Sync {
    /// Seals a secret for one purpose and one thing, an integration or an automation; neither can be
    /// exchanged afterwards.
    fn seal(&self, purpose: Purpose, id: Uuid, secret: &Secret) -> Result<Sealed, VaultError>;
    /// Opens it.
    fn open(&self, purpose: Purpose, id: Uuid, sealed: &Sealed) -> Result<Secret, VaultError>;
    /// What tells this text from another one and nothing else about it: nobody without the key can find
    /// a short secret in it by trying.
    fn fingerprint(&self, text: &[u8]) -> [u8; 32];
}

/// What a sealed secret is for: bound into the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Purpose {
    Credential,
    SigningSecret,
    /// What a relay's sender must give.
    InboundCredential,
    /// A credential that was typed and is not saved yet.
    Draft,
}

/// A secret could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Wrong key, wrong place, or damage: the three can't be told apart.
    #[error("it can't be opened with the master key in use, or it was damaged or moved")]
    Unreadable,
    /// The key has sealed as much as is safe; rotate it.
    #[error("the key has been used too often: stop the service and run `belfry key rotate`")]
    Exhausted,
    /// The machine gave no randomness.
    #[error("the machine gave no randomness")]
    NoRandomness,
}

/// The state of a delivery, for a refusal's words.
pub fn refusal(act: &str, state: State) -> StoreError {
    StoreError::Refused(format!("a delivery that is {} can't be {act}", state.word()))
}
