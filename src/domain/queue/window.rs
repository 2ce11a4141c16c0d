//! The part of a queue that is held in memory.
//!
//! Every waiting delivery at or before the horizon is in memory or in flight; what lies behind it is
//! on disk only. A reading is a snapshot: what happened while it was under way is kept aside and laid
//! over its result, so that a delivery sent or settled meanwhile is never taken for a waiting one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Load, Loaded};
use crate::domain::delivery::{QueueKey, Waiting};
use crate::domain::id::DeliveryId;
use crate::domain::limits;
use crate::domain::time::Timestamp;

/// How far into the queue memory reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Horizon {
    /// To its end.
    Everything,
    /// To this place; nowhere yet where there is none.
    UpTo(Option<QueueKey>),
}

impl Horizon {
    fn reaches(self, key: QueueKey) -> bool {
        match self {
            Self::Everything => true,
            Self::UpTo(last) => last.is_some_and(|last| key <= last),
        }
    }
}

/// A reading that is under way.
#[derive(Debug)]
struct Reading {
    asked: Load,
    /// What became of deliveries since it was asked: waiting, or out of the queue.
    meanwhile: BTreeMap<DeliveryId, Option<Waiting>>,
    /// The queue was changed from outside: its result says nothing any more.
    stale: bool,
    /// More was accepted meanwhile than `meanwhile` keeps: the first place of what it does not.
    forgotten: Option<QueueKey>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Window {
    rows: BTreeMap<QueueKey, Waiting>,
    places: BTreeMap<DeliveryId, QueueKey>,
    horizon: Horizon,
    reading: Option<Reading>,
    /// The newest delivery that a reading could see: what is not newer is in memory or on disk.
    covered: i64,
    /// Deliveries were accepted that nobody told us of; they may lie before the horizon.
    recheck: bool,
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            places: BTreeMap::new(),
            horizon: Horizon::UpTo(None),
            reading: None,
            covered: 0,
            recheck: false,
        }
    }

    /// The first delivery in the queue's order.
    pub(super) fn first(&self) -> Option<&Waiting> {
        self.rows.first_key_value().map(|(_, row)| row)
    }

    /// Whether no delivery waits, here or on disk, as far as is known.
    pub(super) fn is_drained(&self) -> bool {
        self.rows.is_empty() && self.horizon == Horizon::Everything && self.reading.is_none()
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Takes a delivery out, to be sent.
    pub(super) fn take(&mut self, row: &Waiting) {
        if let Some(key) = self.places.remove(&row.id) {
            self.rows.remove(&key);
        }
        self.note_meanwhile(row.id, None);
    }

    /// A delivery left the queue for good.
    pub(super) fn finished(&mut self, id: DeliveryId) {
        self.note_meanwhile(id, None);
    }

    /// A delivery waits again; it is durable.
    pub(super) fn put_back(&mut self, row: Waiting) {
        self.note_meanwhile(row.id, Some(row));
        self.insert(row);
    }

    /// A delivery was just accepted; it is durable. `in_flight` tells which are out of the queue.
    ///
    /// Ids follow the order of commits, places in the queue that of calls. A reading that could see the
    /// delivery has missed it all the same where its place is before the stretch that was read: then it
    /// is neither in memory nor behind the horizon, and the queue is read anew.
    pub(super) fn accepted(&mut self, row: Waiting, in_flight: impl Fn(DeliveryId) -> bool) {
        if row.id.0 <= self.covered {
            let known = self.places.contains_key(&row.id) || in_flight(row.id);
            if self.horizon.reaches(row.key()) && !known {
                self.reset();
            }
            return;
        }
        if let Some(reading) = &mut self.reading {
            if reading.meanwhile.len() < 2 * limits::WINDOW {
                reading.meanwhile.insert(row.id, Some(row));
            } else {
                let first = reading.forgotten.map_or(row.key(), |first| first.min(row.key()));
                reading.forgotten = Some(first);
            }
        }
        self.insert(row);
    }

    /// Deliveries were accepted that nobody can name.
    pub(super) fn missed(&mut self) {
        if self.horizon == Horizon::Everything {
            self.reset();
        } else {
            self.recheck = true;
        }
    }

    /// Forgets what memory holds: the disk was changed by somebody else.
    pub(super) fn reset(&mut self) {
        self.rows.clear();
        self.places.clear();
        self.horizon = Horizon::UpTo(None);
        self.recheck = false;
        if let Some(reading) = &mut self.reading {
            reading.stale = true;
        }
    }

    /// What to read next, if anything.
    pub(super) fn wants(&mut self) -> Option<Load> {
        let Horizon::UpTo(after) = self.horizon else { return None };
        if self.reading.is_some() || self.rows.len() >= limits::WINDOW / 2 {
            return None;
        }
        let asked = Load { after, limit: limits::WINDOW };
        self.reading =
            Some(Reading { asked, meanwhile: BTreeMap::new(), stale: false, forgotten: None });
        Some(asked)
    }

    /// The reading failed; nothing is known of its stretch.
    pub(super) fn load_failed(&mut self) {
        self.reading = None;
    }

    /// The reading's result. `in_flight` tells which deliveries are out of the queue for now.
    pub(super) fn loaded(&mut self, loaded: Loaded, in_flight: impl Fn(DeliveryId) -> bool) {
        let Some(reading) = self.reading.take() else { return };
        if reading.stale {
            return;
        }
        self.covered = self.covered.max(loaded.newest);
        let all = loaded.rows.len() < reading.asked.limit && reading.forgotten.is_none();
        let last = loaded.rows.last().map(Waiting::key).or(reading.asked.after);
        self.horizon = match (all, self.recheck) {
            (true, false) => Horizon::Everything,
            (true, true) => {
                self.recheck = false;
                Horizon::UpTo(None)
            }
            (false, _) => Horizon::UpTo(last),
        };
        for row in loaded.rows {
            if !reading.meanwhile.contains_key(&row.id) && !in_flight(row.id) {
                self.place(row);
            }
        }
        for row in reading.meanwhile.into_values().flatten() {
            if !in_flight(row.id) {
                self.insert(row);
            }
        }
        if let Some(first) = reading.forgotten {
            self.keep_before(first);
        }
    }

    /// After a step back of the clock, or a reading: nothing waits longer than the cap, and a first
    /// attempt waits for nothing; but what quiet hours put off waits for their end, by whatever clock.
    pub(super) fn clamp(&mut self, now: Timestamp, cap: Duration) {
        let latest = now.plus(cap);
        let put_off = |row: &Waiting| row.attempts == 0 && row.put_off;
        let late = |row: &Waiting| {
            !put_off(row) && row.due_at > if row.is_at_once() { now } else { latest }
        };
        let late: Vec<Waiting> = self.rows.values().filter(|row| late(row)).copied().collect();
        for mut row in late {
            self.rows.remove(&row.key());
            let strict = row.queue_at.as_millis() == 0;
            row.due_at = if row.is_at_once() { now } else { latest };
            row.queue_at = if strict { row.queue_at } else { row.due_at };
            self.place(row);
        }
    }

    fn insert(&mut self, row: Waiting) {
        if !self.horizon.reaches(row.key()) {
            return;
        }
        self.place(row);
        if self.rows.len() > 2 * limits::WINDOW
            && let Some(far) = self.rows.keys().nth(limits::WINDOW).copied()
        {
            self.keep_before(far);
        }
    }

    /// Leaves to the disk what lies at or behind this place.
    fn keep_before(&mut self, place: QueueKey) {
        for far in self.rows.split_off(&place).into_values() {
            self.places.remove(&far.id);
        }
        self.horizon = Horizon::UpTo(self.rows.last_key_value().map(|(key, _)| *key));
        // It reads on from a horizon that is no more.
        if let Some(reading) = &mut self.reading {
            reading.stale = true;
        }
    }

    /// One place for each delivery: a row read again replaces itself.
    fn place(&mut self, row: Waiting) {
        if let Some(old) = self.places.insert(row.id, row.key()) {
            self.rows.remove(&old);
        }
        self.rows.insert(row.key(), row);
    }

    fn note_meanwhile(&mut self, id: DeliveryId, now: Option<Waiting>) {
        if let Some(reading) = &mut self.reading {
            reading.meanwhile.insert(id, now);
        }
    }
}

#[cfg(test)]
mod tests;
