//! The machine of one destination: which delivery goes next, what is written first, when to wake.
//!
//! It guarantees that a delivery is sent only while the destination may send, never before it is due,
//! never beside another attempt of itself, and that what came of an attempt is handed to the store
//! before the delivery can move on. The shell hands in time and results and carries out each [`Step`];
//! it decides nothing. Deliberately absent: sockets, SQL, clocks, and the alerts' bodies.

mod circuit;
mod flights;
mod pace;
mod step;
mod window;

use std::time::Duration;

use super::delivery::{DeadReason, QueueKey, Report, Waiting};
use super::id::DeliveryId;
use super::integration::{Health, Policy, Status};
use super::outcome::Outcome;
use super::time::Timestamp;

pub use flights::{Flight, Stage};
pub use step::Queue;

/// What a queue is built from, at its first start and after every death alike: the destination as it
/// lies on disk, and the attempts that outlived the incarnation before.
#[derive(Debug, Clone)]
pub struct Restore {
    /// What it goes by.
    pub policy: Policy,
    /// Whether it may send.
    pub status: Status,
    /// How it has been doing.
    pub health: Health,
    /// Fixes the jitter of the circuit's probes: any number that stays the same for the destination.
    pub jitter_key: i64,
    /// Nothing is sent before this: spreads the herd at a start of the service.
    pub start_at: Timestamp,
    /// What was claimed, on the wire or ended, and is not known to be written down.
    pub flights: Vec<Flight>,
}

/// Something that happened to a destination.
#[derive(Debug, Clone)]
pub enum Input {
    /// Deliveries were just made durable, in the order of their commits.
    Accepted(Vec<Waiting>),
    /// More was made durable than anybody remembers: look at the disk.
    Missed,
    /// The answer to [`Step::load`].
    Loaded(Loaded),
    /// The load failed; it is asked for again at the next look.
    LoadFailed,
    /// An attempt that was asked for by [`Step::send`] is over.
    Ended {
        /// Which delivery.
        delivery: DeliveryId,
        /// What the attempt left behind.
        report: Report,
    },
    /// The changes of [`Step::commit`] are durable, but for those of the deliveries named, which
    /// somebody else decided meanwhile.
    Committed {
        /// See [`crate::domain::queue::Change`]: the fence did not hold for these.
        lost: Vec<DeliveryId>,
    },
    /// The changes of [`Step::commit`] were refused; nothing of them is on disk.
    Refused,
    /// Somebody changed the destination or its deliveries: this is how it lies on disk now.
    Changed {
        /// What it goes by.
        policy: Policy,
        /// Whether it may send.
        status: Status,
        /// Set where somebody switched it on: its circuit starts anew.
        health: Option<Health>,
        /// Somebody asked for a delivery to be tried now: an open circuit lets one probe go at once.
        probe_now: bool,
    },
    /// The service is stopping: nothing more is sent, and what is under way is written down.
    Drain,
}

/// What is to be done. Sends are durable already: they may go out at once.
#[derive(Debug, Default)]
pub struct Step {
    /// Attempts to make now.
    pub send: Vec<Send>,
    /// What to write; empty where there is nothing or a commit is under way. The answer is
    /// [`Input::Committed`] or [`Input::Refused`].
    pub commit: Vec<Change>,
    /// The deliveries that this commit claims, as they waited.
    pub claimed: Vec<Waiting>,
    /// What to read; at most one reading is under way.
    pub load: Option<Load>,
    /// When to look again, by the monotonic clock, if nothing happens before.
    pub wake_in: Option<Duration>,
    /// What was decided, for the log and for who tells the story.
    pub notes: Vec<Note>,
}

/// One attempt to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Send {
    /// Which delivery, as it waited.
    pub waiting: Waiting,
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

/// A stretch of the queue to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Behind this place; from the start where there is none.
    pub after: Option<QueueKey>,
    /// At most so many.
    pub limit: usize,
}

/// Something that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// An attempt goes out.
    Sent {
        /// Which delivery.
        delivery: DeliveryId,
        /// The number of the attempt.
        attempt: u32,
    },
    /// An attempt is over.
    Ended {
        /// Which delivery.
        delivery: DeliveryId,
        /// The number of the attempt.
        attempt: u32,
        /// What came of it.
        outcome: Outcome,
        /// How long it took.
        took: Duration,
        /// When the delivery was accepted.
        accepted_at: Timestamp,
        /// What becomes of the delivery.
        next: Next,
    },
    /// Too many failures in a row: only probes go out from now on.
    CircuitOpened {
        /// When the first probe may go.
        probe_at: Timestamp,
    },
    /// A probe did not succeed.
    ProbeFailed {
        /// When the next may go.
        probe_at: Timestamp,
    },
    /// An attempt succeeded while the circuit was open.
    CircuitClosed,
    /// The receiver said that it is gone.
    SwitchedOff,
    /// What was decided of this delivery did not hold: somebody else decided before.
    Lost {
        /// Which delivery.
        delivery: DeliveryId,
    },
}

/// One thing that a destination's queue decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Attempt number `attempt` (from 2 on) is about to be sent: pending → in_flight, fenced by
    /// `attempts = attempt - 1`.
    Claim {
        /// Which delivery.
        delivery: DeliveryId,
        /// The number that the attempt will have.
        attempt: u32,
    },
    /// A claimed attempt was not sent after all (its destination was paused or its circuit opened in
    /// the meantime): in_flight → pending.
    Unclaim {
        /// Which delivery.
        delivery: DeliveryId,
    },
    /// Attempt number `attempt` is over. Its report always enters the history; the delivery's state
    /// changes only where it still is pending or in_flight with `attempts = attempt - 1`.
    Settle {
        /// Which delivery.
        delivery: DeliveryId,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// What the attempt left behind.
        report: Report,
        /// What becomes of the delivery.
        next: Next,
    },
    /// How the destination is doing, whole; replaces what was there.
    Health(Health),
    /// The receiver said that it is gone: active → disabled, with an audit row.
    SwitchOff {
        /// Why, in words for an operator.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Delivered.
    Delivered,
    /// Pending again.
    Wait {
        /// Its place in the queue.
        queue_at: Timestamp,
        /// Not to be sent before this.
        due_at: Timestamp,
    },
    /// Dead.
    Dead(DeadReason),
}

/// A stretch of a destination's queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// In the order of their keys.
    pub rows: Vec<Waiting>,
    /// The newest delivery (of any destination) that this reading could see; 0 where there is none.
    pub newest: i64,
}
