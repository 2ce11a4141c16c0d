//! What holds after every step of every story, in every driver and in random runs.

use std::collections::BTreeMap;
use std::time::Duration;

use belfry::domain::alert::{Alert, idempotency_key};
use belfry::domain::delivery::{DeadReason, Report, State};
use belfry::domain::id::{DeliveryId, IntegrationId};
use belfry::domain::integration::{Ordering, Policy, Status};
use belfry::domain::outcome::Verdict;
use belfry::domain::queue::{Change, Next};
use belfry::domain::time::Timestamp;

use crate::disk::{Disk, Past, Row};
use crate::lang::Latency;
use crate::receivers::Seen;

/// See the module. It remembers what was seen before, and the first thing that does not fit.
#[derive(Debug)]
pub(crate) struct Checker {
    latency: Latency,
    rows: BTreeMap<DeliveryId, Row>,
    /// The key and the bytes of each delivery's first request.
    requests: BTreeMap<DeliveryId, (String, [u8; 32])>,
    /// When each destination last started an attempt, in this life of its actor.
    started: BTreeMap<IntegrationId, u64>,
    /// When a destination or a delivery was last touched by an operator.
    touched: BTreeMap<IntegrationId, u64>,
    acted: BTreeMap<DeliveryId, u64>,
    clock_stepped: bool,
    audited: usize,
    broken: Option<String>,
}

/// A destination at the moment of a send.
pub(crate) struct Moment<'a> {
    pub(crate) elapsed_ms: u64,
    pub(crate) wall: Timestamp,
    pub(crate) integration: IntegrationId,
    pub(crate) policy: &'a Policy,
    pub(crate) status: &'a Status,
    /// Its attempts that are on the wire before this one.
    pub(crate) on_wire: usize,
    pub(crate) circuit_open: bool,
    pub(crate) writable: bool,
}

impl Checker {
    pub(crate) fn new(latency: Latency) -> Self {
        Self {
            latency,
            rows: BTreeMap::new(),
            requests: BTreeMap::new(),
            started: BTreeMap::new(),
            touched: BTreeMap::new(),
            acted: BTreeMap::new(),
            clock_stepped: false,
            audited: 0,
            broken: None,
        }
    }

    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    pub(crate) fn fail(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }

    fn hold(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what());
        }
    }

    pub(crate) fn clock_stepped(&mut self) {
        self.clock_stepped = true;
    }

    pub(crate) fn process_gone(&mut self) {
        self.started.clear();
    }

    pub(crate) fn actor_gone(&mut self, id: IntegrationId) {
        self.started.remove(&id);
    }

    /// An operator changed a destination.
    pub(crate) fn touched(&mut self, id: IntegrationId, elapsed_ms: u64) {
        self.touched.insert(id, elapsed_ms);
    }

    /// An operator acted on a delivery.
    pub(crate) fn acted(&mut self, id: DeliveryId, elapsed_ms: u64) {
        self.acted.insert(id, elapsed_ms);
    }

    fn recently(&self, at: Option<&u64>, elapsed_ms: u64) -> bool {
        // What an operator changes is known to the machine a reading and a commit later.
        at.is_some_and(|at| elapsed_ms <= at + 2 * self.latency.longest())
    }

    /// An attempt is about to go out.
    pub(crate) fn sending(
        &mut self,
        row: Option<&Row>,
        attempt: u32,
        at: &Moment<'_>,
        disk: &dyn Disk,
    ) {
        let Some(row) = row else {
            return self.fail("an attempt goes out for a delivery that is not on disk".to_owned());
        };
        let id = row.id;
        let acted = self.recently(self.acted.get(&id), at.elapsed_ms);
        let touched = self.recently(self.touched.get(&at.integration), at.elapsed_ms);
        let expected = if attempt == 1 { State::Pending } else { State::InFlight };
        self.hold(
            acted || touched || (row.state == expected && row.attempts + 1 == attempt),
            || format!("{id} #{attempt} goes out, but on disk it is {row:?}"),
        );
        self.hold(at.writable, || format!("{id} #{attempt} goes out while the store can't write"));
        self.hold(touched || *at.status == Status::Active, || {
            format!("{id} #{attempt} goes out while its destination is {}", at.status.word())
        });
        let early = attempt > 1 && at.wall < row.due_at && !acted && !self.clock_stepped;
        self.hold(!early, || format!("{id} #{attempt} goes out before {}", row.due_at));
        let limit = usize::from(at.policy.max_in_flight);
        self.hold(touched || at.on_wire < limit, || {
            format!("{id} #{attempt} goes out beside {} others, the limit is {limit}", at.on_wire)
        });
        self.hold(!at.circuit_open || at.on_wire == 0, || {
            format!("{id} #{attempt} goes out beside others while the circuit is open")
        });
        if at.policy.ordering == Ordering::Fifo && !touched {
            let before = disk.rows();
            let mut before = before.iter().filter(|other| {
                other.integration == at.integration
                    && other.id < id
                    && matches!(other.state, State::Pending | State::InFlight)
            });
            let before = before.next().map(|row| row.id);
            let acted = before.is_some_and(|id| self.acted.contains_key(&id));
            self.hold(before.is_none() || acted, || {
                format!("{id} goes out though {before:?} was before it and waits")
            });
        }
        self.pace(at);
    }

    fn pace(&mut self, at: &Moment<'_>) {
        let last = self.started.insert(at.integration, at.elapsed_ms);
        if let (Some(rate), Some(last)) = (at.policy.rate_limit, last)
            && !self.clock_stepped
        {
            let gap = 1000 / u64::from(rate);
            // Starts are spaced by microseconds, and seen by milliseconds; and a later attempt takes its
            // turn when it is claimed, and goes out once that is written, behind what is being written.
            let claim_ms = 2 * (self.latency.commit_ms + self.latency.told_ms);
            let held = at.elapsed_ms + 1 + claim_ms >= last + gap;
            self.hold(held, || format!("starts at {last} and {} pass the rate", at.elapsed_ms));
        }
    }

    /// Every request of a delivery has one key and the same bytes.
    pub(crate) fn requested(&mut self, id: DeliveryId, integration: IntegrationId, alert: &Alert) {
        let key = idempotency_key(&alert.origin, integration, &alert.record_id);
        let request = (key, *alert.body.digest());
        let intact = alert.body.intact();
        let first = self.requests.entry(id).or_insert_with(|| request.clone());
        let same = *first == request;
        self.hold(intact && same, || format!("two requests of {id} are not the same"));
    }

    /// What a machine decided is about to be written.
    pub(crate) fn deciding(
        &mut self,
        changes: &[Change],
        now: Timestamp,
        policy: &Policy,
        disk: &dyn Disk,
    ) {
        for change in changes {
            if let Change::Settle { delivery, report, next, .. } = change {
                let row = disk.row(*delivery);
                let Some(row) = row else { return self.fail(format!("{delivery} is not on disk")) };
                self.settling(&row, report, *next, now, policy);
            }
        }
    }

    fn settling(
        &mut self,
        row: &Row,
        report: &Report,
        next: Next,
        now: Timestamp,
        policy: &Policy,
    ) {
        let id = row.id;
        let failed = report.outcome.verdict() != Verdict::Delivered;
        let late = report.started_at >= row.expires_at;
        let acted = self.acted.contains_key(&id);
        match next {
            Next::Delivered => self.hold(!failed, || format!("{id} is delivered by a failure")),
            Next::Dead(DeadReason::Expired) => self.hold((failed && late) || acted, || {
                format!("{id} expires by an attempt that was made in its time")
            }),
            Next::Dead(_) => {}
            Next::Wait { due_at, .. } => {
                let off = report.outcome.verdict() == Verdict::SwitchOff;
                self.hold(failed && (!late || acted || off), || {
                    format!("{id} waits after {:?}, past its time: {late}", report.outcome)
                });
                let cap = policy.schedule.cap;
                if let Verdict::Retry { not_before: Some(asked), .. } = report.outcome.verdict() {
                    // By the clock at which the machine saw the answer, which is not after this one.
                    let ended = report.started_at.plus(report.took);
                    let asked = asked.not_before(ended, cap);
                    self.hold(due_at >= asked || self.clock_stepped, || {
                        format!("{id} is due before what its receiver asked for")
                    });
                }
                let latest = now.plus(cap + Duration::from_millis(1));
                self.hold(due_at <= latest || self.clock_stepped, || {
                    format!("{id} waits longer than the cap")
                });
            }
        }
    }

    /// Looks at all rows, if anything was committed since the last look.
    pub(crate) fn audit(&mut self, commits: usize, elapsed_ms: u64, disk: &dyn Disk) {
        if commits == self.audited {
            return;
        }
        self.audited = commits;
        for row in disk.rows() {
            let before = self.rows.insert(row.id, row.clone());
            let Some(before) = before else { continue };
            if before == row {
                continue;
            }
            let acted = self.acted.get(&row.id).is_some_and(|at| *at == elapsed_ms)
                || self.touched.get(&row.integration).is_some_and(|at| *at == elapsed_ms);
            let legal = match (before.state, row.state) {
                (State::Pending | State::InFlight, State::Discarded) => acted,
                (State::Pending | State::InFlight, _) => true,
                (State::Dead, _) => acted || row.state == State::Dead,
                (was, is) => was == is,
            };
            self.hold(legal, || {
                format!("{} went from {} to {}", row.id, before.state.word(), row.state.word())
            });
            let counted = row.attempts >= before.attempts;
            self.hold(counted, || format!("{} has lost attempts", row.id));
        }
    }

    /// At the end: what each delivery must have come to.
    pub(crate) fn end(
        &mut self,
        row: &Row,
        history: &[Past],
        seen: Seen,
        poisoned: bool,
    ) -> Result<(), String> {
        let id = row.id;
        self.hold(row.state != State::Delivered || seen.taken > 0, || {
            format!("{id} is delivered, but its receiver has not taken it")
        });
        let doubles = seen.taken.saturating_sub(1);
        self.hold(poisoned || doubles <= seen.doubted, || {
            format!(
                "{id} was taken {} times, but only {} answers were lost",
                seen.taken, seen.doubted
            )
        });
        let numbers: Vec<u32> = history.iter().map(|past| past.attempt).collect();
        let counted: Vec<u32> = (1..=row.attempts).collect();
        // An attempt that was overtaken by an operator is history too, and not counted.
        let overtaken = numbers.len() == counted.len() + 1;
        let whole = numbers.get(..counted.len()).is_some_and(|numbers| numbers == counted)
            && (numbers.len() == counted.len() || overtaken);
        self.hold(whole, || {
            format!("{id} made {} attempts, its history has {numbers:?}", row.attempts)
        });
        match &self.broken {
            Some(what) => Err(what.clone()),
            None => Ok(()),
        }
    }
}
