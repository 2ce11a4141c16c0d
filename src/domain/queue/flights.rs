//! Deliveries that are out of the queue for now: claimed, on the wire, or over and not yet written.

use std::collections::BTreeMap;

use super::Next;
use crate::domain::delivery::{Report, Waiting};
use crate::domain::id::DeliveryId;

/// A delivery in flight as the shell remembers it: it outlives the machine, so that a machine built
/// anew neither sends twice nor forgets what came of an attempt.
#[derive(Debug, Clone)]
pub struct Flight {
    /// The delivery as it waited.
    pub waiting: Waiting,
    /// How far its attempt is.
    pub stage: Stage,
}

/// How far an attempt is.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Its claim was handed to the store; it was not sent.
    Claimed,
    /// It was sent.
    OnWire,
    /// It is over; whether that is written down is not known.
    Ended(Box<Report>),
}

/// How far an attempt is, as the machine knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Its claim is being written.
    Claiming,
    /// Its claim is being taken back.
    Unclaiming,
    /// It was sent; a probe's failure counts the backoff of an open circuit.
    OnWire {
        /// Whether it went out while the circuit was open.
        probe: bool,
    },
    /// It is over; what becomes of it is being written.
    Settling(Next),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Flights {
    slots: BTreeMap<DeliveryId, (Waiting, Slot)>,
    /// How many are claiming or on the wire.
    in_flight: usize,
}

impl Flights {
    pub(super) fn contains(&self, id: DeliveryId) -> bool {
        self.slots.contains_key(&id)
    }

    /// All that is not yet written down.
    pub(super) fn outstanding(&self) -> usize {
        self.slots.len()
    }

    /// Attempts that are claimed or on the wire.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn set(&mut self, waiting: Waiting, slot: Slot) {
        self.remove(waiting.id);
        self.in_flight += usize::from(slot.in_flight());
        self.slots.insert(waiting.id, (waiting, slot));
    }

    pub(super) fn find(&self, id: DeliveryId) -> Option<(Waiting, Slot)> {
        self.slots.get(&id).copied()
    }

    pub(super) fn remove(&mut self, id: DeliveryId) -> Option<(Waiting, Slot)> {
        let removed = self.slots.remove(&id)?;
        self.in_flight -= usize::from(removed.1.in_flight());
        Some(removed)
    }
}

impl Slot {
    fn in_flight(self) -> bool {
        match self {
            Self::Claiming | Self::OnWire { .. } => true,
            Self::Unclaiming | Self::Settling(_) => false,
        }
    }
}
