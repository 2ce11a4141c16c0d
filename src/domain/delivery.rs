//! One alert on its way to one integration: its states, and what is kept of each attempt.

use std::time::Duration;

use super::id::{AlertId, DeliveryId, IntegrationId};
use super::outcome::Outcome;
use super::recipient::Recipient;
use super::time::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $name:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$vdoc])* $name,)* }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in rows, API and logs.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What that word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|each| each.word() == word)
            }
        }
    };
}

words! {
    /// Where a delivery stands. There is no other state (contract, section 3.4).
    State {
        /// It waits for its first or next attempt. A first attempt may be on the wire: the accepted
        /// row needs no further commit before it is sent.
        Pending = "pending",
        /// A later attempt is claimed and may be on the wire.
        InFlight = "in_flight",
        /// A receiver answered 2xx. Final, but for an operator's act.
        Delivered = "delivered",
        /// Given up, and kept. Final, but for an operator's act.
        Dead = "dead",
        /// Somebody decided that it shall not go out. Final.
        Discarded = "discarded",
    }
}

impl State {
    /// Whether an operator can have it tried at once: a dead one again, a waiting one earlier.
    pub const fn can_be_retried(self) -> bool {
        match self {
            Self::Dead | Self::Pending => true,
            Self::InFlight | Self::Delivered | Self::Discarded => false,
        }
    }

    /// Whether an operator can decide that it shall not go out.
    pub const fn can_be_discarded(self) -> bool {
        match self {
            Self::Pending | Self::InFlight | Self::Dead => true,
            Self::Delivered | Self::Discarded => false,
        }
    }
}

words! {
    /// Why a delivery is dead.
    DeadReason {
        /// An attempt that was made past the horizon failed.
        Expired = "expired",
        /// Handling it crashed its actor too often.
        CrashedWorker = "crashed_worker",
        /// The stored body does not match its digest.
        BodyDamaged = "body_damaged",
        /// Everybody whom it was for was refused for good.
        Refused = "refused",
    }
}

words! {
    /// Why a delivery was discarded.
    DiscardReason {
        /// Somebody discarded it.
        Operator = "operator",
        /// Its integration was deleted.
        IntegrationDeleted = "integration_deleted",
        /// Its automation was deleted.
        AutomationDeleted = "automation_deleted",
    }
}

/// A delivery that waits, as its queue holds it: small, so that many fit in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Which delivery.
    pub id: DeliveryId,
    /// Its alert, whose body is read when it is sent.
    pub alert: AlertId,
    /// Where it stands in the queue: its due time, or 0 where order is strict.
    pub queue_at: Timestamp,
    /// Not to be sent before this.
    pub due_at: Timestamp,
    /// An attempt that starts at or after this and fails makes it dead.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Attempts made and written down.
    pub attempts: u32,
    /// Whether its first attempt waits for its due time: quiet hours put it off. Else a first attempt waits
    /// for nothing.
    pub put_off: bool,
}

/// The place of a delivery in its destination's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// See [`Waiting::queue_at`].
    pub queue_at: Timestamp,
    /// Breaks ties by order of acceptance.
    pub id: DeliveryId,
}

impl Waiting {
    /// Whether it goes as soon as it can, whatever its due time says.
    pub fn is_at_once(&self) -> bool {
        self.attempts == 0 && !self.put_off
    }

    /// Its place in the queue.
    pub fn key(&self) -> QueueKey {
        QueueKey { queue_at: self.queue_at, id: self.id }
    }
}

/// What one attempt left behind: written to its history as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, by a monotonic clock.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
    /// How the time was spent.
    pub phases: Phases,
    /// The start of the response's body, made harmless and without the credential.
    pub excerpt: Option<String>,
    /// The address that was really connected to.
    pub remote: Option<String>,
    /// Which settings of the integration's request it was made with, where one was.
    pub revision: Option<u32>,
    /// What it found of each address that it was for, where a destination has several.
    pub recipients: Vec<Recipient>,
}

/// How an attempt's time was spent; absent where a phase was not reached or a kept connection spared it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Name resolution.
    pub resolve: Option<Duration>,
    /// TCP connection.
    pub connect: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// From the request's start on a ready connection to the response's head.
    pub first_byte: Option<Duration>,
}

/// A delivery to be stored together with its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewDelivery {
    /// Where it goes.
    pub integration: IntegrationId,
    /// See [`Waiting::queue_at`].
    pub queue_at: Timestamp,
    /// See [`Waiting::due_at`].
    pub due_at: Timestamp,
    /// See [`Waiting::expires_at`].
    pub expires_at: Timestamp,
    /// See [`Waiting::put_off`].
    pub put_off: bool,
}
