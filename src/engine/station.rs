//! What belongs to a destination and outlives its actor: what arrived for it, and what it has in flight.
//!
//! Everything here is bounded, guarded by one lock that is never held across an await, and enough,
//! together with SQLite, to build the actor anew.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::Addr;

use super::destination::{Destination, Nudge};
use crate::domain::delivery::{Report, Waiting};
use crate::domain::id::{DeliveryId, IntegrationId};
use crate::domain::queue::{Flight, Stage};
use crate::domain::restart::Deaths;
use crate::domain::time::Timestamp;

/// Deliveries that may arrive before the actor looks; more than that it reads from disk.
const FRESH: usize = 1024;

/// See the module.
pub(super) struct Station {
    pub(super) id: IntegrationId,
    /// Which lane its actor runs on.
    pub(super) lane: usize,
    /// A nudge is in the actor's mailbox already: there is never more than one.
    nudged: AtomicBool,
    inner: Mutex<Inner>,
}

/// Whether there is an actor.
pub(super) enum Life {
    /// None, and none is needed.
    Asleep,
    /// The supervisor was told to start one, or is starting one.
    Waking,
    /// There it is.
    Awake(Addr<Destination>),
    /// It died; it starts again then.
    Down {
        /// When.
        until: Timestamp,
        /// It died too often.
        parked: bool,
    },
}

struct Inner {
    life: Life,
    /// Which incarnation of the actor is the present one; what others say is ignored.
    generation: u64,
    deaths: Deaths,
    arrived: Arrived,
    flights: BTreeMap<DeliveryId, Flight>,
}

/// What arrived since the actor last looked.
#[derive(Default)]
pub(super) struct Arrived {
    pub(super) fresh: Vec<Waiting>,
    /// More became durable than `fresh` holds.
    pub(super) missed: bool,
    /// Attempts that are over; their reports.
    pub(super) ended: Vec<(DeliveryId, Report)>,
    /// The destination or its deliveries were changed by somebody else.
    pub(super) changed: bool,
    /// An operator asked for an attempt now.
    pub(super) probe_now: bool,
    /// The service is stopping.
    pub(super) drain: bool,
}

impl Arrived {
    fn is_empty(&self) -> bool {
        self.fresh.is_empty()
            && !self.missed
            && self.ended.is_empty()
            && !self.changed
            && !self.probe_now
            && !self.drain
    }
}

impl Station {
    pub(super) fn new(id: IntegrationId, lane: usize) -> Self {
        Self {
            id,
            lane,
            nudged: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                life: Life::Asleep,
                generation: 0,
                deaths: Deaths::default(),
                arrived: Arrived::default(),
                flights: BTreeMap::new(),
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way through a change, so a poisoned lock is still good.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Something arrives for the actor. Returns true where the supervisor must start one.
    pub(super) fn arrive(&self, put: impl FnOnce(&mut Arrived)) -> bool {
        let mut inner = self.lock();
        put(&mut inner.arrived);
        if inner.arrived.fresh.len() > FRESH {
            inner.arrived.fresh.clear();
            inner.arrived.missed = true;
        }
        match &inner.life {
            Life::Awake(addr) => {
                if !self.nudged.swap(true, Ordering::AcqRel) {
                    addr.do_send(Nudge);
                }
                false
            }
            Life::Waking | Life::Down { .. } => false,
            Life::Asleep => {
                inner.life = Life::Waking;
                true
            }
        }
    }

    /// The actor looks: what arrived is its own from now on.
    pub(super) fn look(&self) -> Arrived {
        self.nudged.store(false, Ordering::Release);
        std::mem::take(&mut self.lock().arrived)
    }

    /// An attempt that `flights` knows is over. Returns true where the supervisor must start an actor.
    pub(super) fn ended(&self, id: DeliveryId, report: Report) -> bool {
        let known = match self.lock().flights.get_mut(&id) {
            Some(flight) => {
                flight.stage = Stage::Ended(Box::new(report.clone()));
                true
            }
            // It was given up in the meantime: it crashed its actor too often.
            None => false,
        };
        known && self.arrive(|arrived| arrived.ended.push((id, report)))
    }

    pub(super) fn set_flight(&self, waiting: Waiting, stage: Stage) {
        self.lock().flights.insert(waiting.id, Flight { waiting, stage });
    }

    pub(super) fn remove_flight(&self, id: DeliveryId) {
        self.lock().flights.remove(&id);
    }

    /// Attempts that are on the wire.
    pub(super) fn in_flight(&self) -> usize {
        let inner = self.lock();
        inner.flights.values().filter(|each| matches!(each.stage, Stage::OnWire)).count()
    }

    /// A new incarnation begins: its number.
    pub(super) fn next_generation(&self) -> u64 {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.life = Life::Waking;
        inner.generation
    }

    /// The incarnation is there and can be nudged.
    pub(super) fn awake(&self, generation: u64, addr: Addr<Destination>) {
        let mut inner = self.lock();
        if inner.generation == generation && matches!(inner.life, Life::Waking) {
            inner.life = Life::Awake(addr);
        }
    }

    /// What a new incarnation starts from. What came of attempts stands with the arrivals, so that it is
    /// taken in one by one, and one that kills its actor can be named.
    pub(super) fn begin(&self) -> (Vec<Flight>, Arrived) {
        let mut inner = self.lock();
        let mut arrived = std::mem::take(&mut inner.arrived);
        self.nudged.store(false, Ordering::Release);
        let mut flights: Vec<Flight> = inner.flights.values().cloned().collect();
        arrived.ended.clear();
        for flight in &mut flights {
            if let Stage::Ended(report) = &flight.stage {
                arrived.ended.push((flight.waiting.id, Report::clone(report)));
                flight.stage = Stage::OnWire;
            }
        }
        (flights, arrived)
    }

    /// The actor has nothing to do. Returns true where it may stop: nothing arrived meanwhile.
    pub(super) fn sleep(&self, generation: u64) -> bool {
        let mut inner = self.lock();
        let idle = inner.generation == generation
            && inner.arrived.is_empty()
            && inner.flights.is_empty()
            && matches!(inner.life, Life::Awake(_));
        if idle {
            inner.life = Life::Asleep;
        }
        idle
    }

    /// The incarnation is gone: `decide` says what is done about it. False where it had gone to sleep
    /// or is not the present one.
    pub(super) fn died(&self, generation: u64, decide: impl FnOnce(&mut Deaths) -> Life) -> bool {
        let mut inner = self.lock();
        let present =
            inner.generation == generation && matches!(inner.life, Life::Waking | Life::Awake(_));
        if present {
            inner.life = decide(&mut inner.deaths);
        }
        present
    }

    /// Whether an incarnation died in the time that counts.
    pub(super) fn died_recently(&self, now: Timestamp) -> bool {
        self.lock().deaths.are_recent(now)
    }

    /// Until when it is parked, if it is.
    pub(super) fn parked_until(&self) -> Option<Timestamp> {
        match self.lock().life {
            Life::Down { until, parked: true } => Some(until),
            Life::Asleep | Life::Waking | Life::Awake(_) | Life::Down { .. } => None,
        }
    }

    /// Whether it is down and not being started.
    pub(super) fn is_down(&self) -> bool {
        matches!(self.lock().life, Life::Down { .. })
    }

    /// Whether it is down since this incarnation's death.
    pub(super) fn is_down_in(&self, generation: u64) -> bool {
        let inner = self.lock();
        inner.generation == generation && matches!(inner.life, Life::Down { .. })
    }

    /// Whether nothing is left to do for a stop of the service.
    pub(super) fn is_quiet(&self) -> bool {
        let inner = self.lock();
        match inner.life {
            Life::Asleep => true,
            // What a dead actor has in flight is found again at the next start.
            Life::Down { .. } => true,
            Life::Waking | Life::Awake(_) => false,
        }
    }

    /// Whether the actor's mailbox is closed though nobody said that it died.
    pub(super) fn is_lost(&self) -> Option<u64> {
        let inner = self.lock();
        match &inner.life {
            Life::Awake(addr) if !addr.connected() => Some(inner.generation),
            Life::Awake(_) | Life::Asleep | Life::Waking | Life::Down { .. } => None,
        }
    }
}
