//! Random worlds around a window: a disk, commits that are told late, readings that take their time.
//! Everything that waits is sent, and nothing twice.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use super::*;
use crate::domain::id::AlertId;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) % bound
    }
}

/// A reading on its way: asked, then seen by a snapshot, then answered.
enum OnItsWay {
    Asked(Load),
    Seen(Loaded),
}

struct World {
    rng: Rng,
    window: Window,
    /// What waits on disk. First attempts are not claimed there.
    disk: BTreeMap<QueueKey, Waiting>,
    newest: i64,
    now: i64,
    untold: VecDeque<Waiting>,
    in_flight: BTreeMap<DeliveryId, Waiting>,
    reading: Option<OnItsWay>,
    sent: BTreeSet<(DeliveryId, u32)>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng(seed),
            window: Window::new(),
            disk: BTreeMap::new(),
            newest: 0,
            now: 1_000_000,
            untold: VecDeque::new(),
            in_flight: BTreeMap::new(),
            reading: None,
            sent: BTreeSet::new(),
        }
    }

    /// Calls are not committed in the order in which they came in.
    fn commit(&mut self, rows: u64) {
        for _ in 0..rows {
            self.newest += 1;
            let skew = i64::try_from(self.rng.below(60)).unwrap();
            let at = Timestamp::from_millis(self.now - skew);
            let id = DeliveryId(self.newest);
            let row = Waiting {
                put_off: false,
                id,
                alert: AlertId(id.0),
                queue_at: at,
                due_at: at,
                expires_at: Timestamp::from_millis(i64::MAX),
                accepted_at: at,
                attempts: 0,
            };
            self.disk.insert(row.key(), row);
            self.untold.push_back(row);
        }
    }

    fn tell(&mut self, rows: u64) {
        for _ in 0..rows {
            let Some(row) = self.untold.pop_front() else { return };
            self.window.accepted(row, |id| self.in_flight.contains_key(&id));
        }
    }

    /// The station overflowed.
    fn miss(&mut self) {
        self.untold.clear();
        self.window.missed();
    }

    /// One stage of a reading.
    fn read(&mut self) {
        self.reading = match self.reading.take() {
            None => self.window.wants().map(OnItsWay::Asked),
            Some(OnItsWay::Asked(load)) => {
                let behind = load.after.map_or(Bound::Unbounded, Bound::Excluded);
                let rows = self.disk.range((behind, Bound::Unbounded)).take(load.limit);
                let rows = rows.map(|(_, row)| *row).collect();
                Some(OnItsWay::Seen(Loaded { rows, newest: self.newest }))
            }
            Some(OnItsWay::Seen(loaded)) => {
                self.window.loaded(loaded, |id| self.in_flight.contains_key(&id));
                None
            }
        };
    }

    fn send(&mut self, rows: u64) {
        for _ in 0..rows {
            let Some(row) = self.window.first().copied() else { return };
            self.window.take(&row);
            assert!(self.disk.contains_key(&row.key()), "{} is not on disk any more", row.id);
            assert!(self.sent.insert((row.id, row.attempts)), "{} goes out twice", row.id);
            assert!(self.in_flight.insert(row.id, row).is_none(), "{} is in flight", row.id);
        }
    }

    fn settle(&mut self, failing: bool) {
        let Some((id, mut row)) = self.in_flight.pop_first() else { return };
        self.disk.remove(&row.key());
        if failing && row.attempts < 2 {
            row.attempts += 1;
            row.queue_at = Timestamp::from_millis(self.now + 20);
            row.due_at = row.queue_at;
            self.disk.insert(row.key(), row);
            self.window.put_back(row);
        } else {
            self.window.finished(id);
        }
    }

    fn chance(&mut self) {
        self.now += i64::try_from(self.rng.below(10)).unwrap();
        match self.rng.below(12) {
            0 | 1 => {
                let rows = self.rng.below(30);
                self.commit(rows);
            }
            2 => {
                let rows = self.rng.below(300);
                self.commit(rows);
            }
            3 | 4 => {
                let rows = self.rng.below(200);
                self.tell(rows);
            }
            5..=7 => self.read(),
            8 | 9 => {
                let rows = self.rng.below(60);
                self.send(rows);
            }
            10 => {
                for _ in 0..self.rng.below(60) {
                    let failing = self.rng.below(4) == 0;
                    self.settle(failing);
                }
            }
            _ => {
                if self.rng.below(20) == 0 {
                    self.miss();
                }
            }
        }
    }
}

#[test]
fn everything_that_waits_is_sent_once_however_late_it_is_told() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.chance();
        }
        for _ in 0..100_000 {
            if world.disk.is_empty() {
                break;
            }
            world.tell(u64::MAX);
            world.read();
            world.send(8);
            world.settle(false);
            world.settle(false);
        }
        let left: Vec<_> = world.disk.keys().take(5).collect();
        assert!(left.is_empty(), "seed {seed}: {} wait for ever: {left:?}", world.disk.len());
    }
}

/// What quiet hours put off keeps its time whatever the clock does; all else that comes first goes at once.
#[test]
fn only_what_was_put_off_waits_for_its_first_attempt() {
    let at = Timestamp::from_millis;
    let row = |id: i64, put_off: bool| Waiting {
        id: DeliveryId(id),
        alert: AlertId(id),
        queue_at: at(9_000_000),
        due_at: at(9_000_000),
        expires_at: at(i64::MAX),
        accepted_at: at(0),
        attempts: 0,
        put_off,
    };
    let mut window = Window::new();
    let asked = window.wants();
    assert!(asked.is_some());
    window.loaded(Loaded { rows: vec![row(1, true), row(2, false)], newest: 2 }, |_| false);
    window.clamp(at(1000), Duration::from_secs(60));
    let first = window.first().copied().unwrap();
    assert_eq!((first.id, first.due_at), (DeliveryId(2), at(1000)));
    window.take(&first);
    let put_off = window.first().copied().unwrap();
    assert_eq!((put_off.due_at, put_off.is_at_once()), (at(9_000_000), false));
}
