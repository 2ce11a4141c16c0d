//! The machine itself: inputs in, one step out.

use std::time::Duration;

use super::circuit::{Ending, after};
use super::flights::{Flights, Slot, Stage};
use super::pace::Pace;
use super::window::Window;
use super::{Change, Flight, Input, Next, Note, Restore, Send, Step};
use crate::domain::circuit::Circuit;
use crate::domain::delivery::{DeadReason, Report, Waiting};
use crate::domain::id::DeliveryId;
use crate::domain::integration::{Health, Ordering, Policy, Status};
use crate::domain::limits;
use crate::domain::outcome::{Outcome, Verdict};
use crate::domain::time::Timestamp;

/// How long to wait before asking again for what the store refused.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A success so long after the one that was written is written.
const SUCCESS_IS_NEWS: Duration = Duration::from_secs(1);

/// The machine of one destination.
#[derive(Debug)]
pub struct Queue {
    policy: Policy,
    status: Status,
    health: Health,
    health_written: bool,
    /// The last success as it is written: not each of them is worth writing.
    success_written: Option<Timestamp>,
    jitter_key: i64,
    start_at: Timestamp,
    window: Window,
    flights: Flights,
    pace: Pace,
    /// Attempts that may be on the wire at once: grows by one with every success.
    allowance: u16,
    changes: Vec<Change>,
    committing: Vec<Change>,
    /// The store refused the last commit or reading: nothing is sent, and nothing asked, before this.
    refused_until: Option<Timestamp>,
    seen_at: Timestamp,
    /// The service is stopping.
    draining: bool,
    notes: Vec<Note>,
}

impl Queue {
    /// A machine with nothing in memory but the attempts that outlived the one before. It reads the
    /// queue from disk at its first step.
    pub fn new(restore: Restore) -> Self {
        let mut queue = Self {
            policy: restore.policy,
            status: restore.status,
            success_written: restore.health.last_success_at,
            health: restore.health,
            health_written: true,
            jitter_key: restore.jitter_key,
            start_at: restore.start_at,
            window: Window::new(),
            flights: Flights::default(),
            pace: Pace::default(),
            allowance: 1,
            changes: Vec::new(),
            committing: Vec::new(),
            refused_until: None,
            seen_at: Timestamp::from_millis(i64::MIN),
            draining: false,
            notes: Vec::new(),
        };
        for flight in restore.flights {
            queue.resume(flight);
        }
        queue
    }

    /// Takes in what happened and says what is to be done. While the store is not `writable` nothing
    /// is sent, written or read: what would come of it could not be kept.
    pub fn step(
        &mut self,
        now: Timestamp,
        writable: bool,
        inputs: impl IntoIterator<Item = Input>,
    ) -> Step {
        if now < self.seen_at {
            self.clamp(now);
        }
        self.seen_at = now;
        let mut step = Step::default();
        for input in inputs {
            self.take_in(now, input, &mut step);
        }
        if self.refused_until.is_some_and(|until| until <= now) {
            self.refused_until = None;
        }
        if writable && self.refused_until.is_none() {
            self.plan(now, &mut step);
            self.commit(&mut step);
            if self.may_send() {
                step.load = self.window.wants();
            }
        }
        step.wake_in = self.wake_in(now, writable);
        step.notes = std::mem::take(&mut self.notes);
        step
    }

    /// Attempts that are claimed or on the wire.
    pub fn in_flight(&self) -> usize {
        self.flights.in_flight()
    }

    /// Whether it may send.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// How it is doing.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Whether nothing is under way and nothing waits that it could send: it may be forgotten and
    /// built anew later.
    pub fn is_idle(&self) -> bool {
        let nothing_to_send =
            self.window.is_drained() || (!self.may_send() && !self.window.is_reading());
        self.flights.outstanding() == 0
            && self.changes.is_empty()
            && self.committing.is_empty()
            && self.health_written
            && nothing_to_send
    }

    fn may_send(&self) -> bool {
        self.status == Status::Active && !self.draining
    }

    fn resume(&mut self, flight: Flight) {
        match flight.stage {
            Stage::Claimed => {
                self.flights.set(flight.waiting, Slot::Unclaiming);
                self.changes.push(Change::Unclaim { delivery: flight.waiting.id });
            }
            Stage::OnWire => {
                self.flights.set(flight.waiting, Slot::OnWire { probe: self.is_open() });
            }
            Stage::Ended(report) => {
                self.flights.set(flight.waiting, Slot::OnWire { probe: self.is_open() });
                let ended_at = report.started_at.plus(report.took);
                self.ended(ended_at, flight.waiting.id, *report);
            }
        }
    }

    fn take_in(&mut self, now: Timestamp, input: Input, step: &mut Step) {
        match input {
            Input::Accepted(rows) => {
                for row in rows {
                    self.window.accepted(row, |id| self.flights.contains(id));
                }
            }
            Input::Missed => self.window.missed(),
            Input::Loaded(loaded) => {
                self.window.loaded(loaded, |id| self.flights.contains(id));
                self.clamp(now);
            }
            Input::LoadFailed => {
                self.window.load_failed();
                self.refused_until = Some(now.plus(ASK_AGAIN));
            }
            Input::Ended { delivery, report } => self.ended(now, delivery, report),
            Input::Committed { lost } => self.committed(now, &lost, step),
            Input::Refused => {
                self.refused();
                self.refused_until = Some(now.plus(ASK_AGAIN));
            }
            Input::Changed { policy, status, health, probe_now } => {
                self.policy = policy;
                self.status = status;
                if let Some(health) = health {
                    self.success_written = health.last_success_at;
                    self.health = health;
                    self.health_written = true;
                }
                if let Circuit::Open { probe_at, .. } = &mut self.health.circuit
                    && probe_now
                {
                    *probe_at = now;
                }
                self.window.reset();
            }
            Input::Drain => self.draining = true,
        }
    }

    /// Sends what may go, and claims what must be claimed first.
    fn plan(&mut self, now: Timestamp, step: &mut Step) {
        while let Some(row) = self.next_to_send(now) {
            self.pace.start(now, self.policy.rate_limit);
            self.window.take(&row);
            if row.attempts == 0 {
                self.send(row, step);
            } else {
                self.flights.set(row, Slot::Claiming);
                let claim = Change::Claim { delivery: row.id, attempt: row.attempts + 1 };
                self.changes.push(claim);
            }
        }
    }

    fn next_to_send(&self, now: Timestamp) -> Option<Waiting> {
        let row = self.window.first().copied()?;
        let free = self.may_send()
            && self.has_room()
            && self.circuit_permits(now)
            && self.start_at <= now
            && self.pace.permits(now);
        (free && (row.is_at_once() || row.due_at <= now)).then_some(row)
    }

    /// Whether one more attempt may be under way beside those that are.
    fn has_room(&self) -> bool {
        match self.policy.ordering {
            // Strict order holds across a crash only if the one before is written down.
            Ordering::Fifo => self.flights.outstanding() == 0,
            Ordering::Due => {
                self.flights.outstanding() < limits::OUTSTANDING
                    && self.flights.in_flight() < usize::from(self.limit())
            }
        }
    }

    fn limit(&self) -> u16 {
        self.allowance.min(self.policy.max_in_flight)
    }

    fn is_open(&self) -> bool {
        self.health.circuit.is_open()
    }

    fn circuit_permits(&self, now: Timestamp) -> bool {
        match self.health.circuit {
            Circuit::Closed { .. } => true,
            Circuit::Open { probe_at, .. } => probe_at <= now && self.flights.in_flight() == 0,
        }
    }

    fn send(&mut self, row: Waiting, step: &mut Step) {
        let attempt = row.attempts + 1;
        self.flights.set(row, Slot::OnWire { probe: self.is_open() });
        self.notes.push(Note::Sent { delivery: row.id, attempt });
        step.send.push(Send { waiting: row, attempt });
    }

    fn commit(&mut self, step: &mut Step) {
        if !self.committing.is_empty() || (self.changes.is_empty() && self.health_written) {
            return;
        }
        if !self.health_written {
            self.changes.push(Change::Health(self.health.clone()));
            self.health_written = true;
            self.success_written = self.health.last_success_at;
        }
        self.committing = std::mem::take(&mut self.changes);
        step.commit.clone_from(&self.committing);
        let claims = self.committing.iter().filter_map(|change| match change {
            Change::Claim { delivery, .. } => self.flights.find(*delivery),
            Change::Unclaim { .. }
            | Change::Settle { .. }
            | Change::Health(_)
            | Change::SwitchOff { .. } => None,
        });
        step.claimed = claims.map(|(waiting, _)| waiting).collect();
    }

    fn committed(&mut self, now: Timestamp, lost: &[DeliveryId], step: &mut Step) {
        for change in std::mem::take(&mut self.committing) {
            match change {
                Change::Claim { delivery, .. } => {
                    self.claimed(now, delivery, lost.contains(&delivery), step);
                }
                Change::Unclaim { delivery } => {
                    let Some((waiting, _)) = self.flights.remove(delivery) else { continue };
                    if lost.contains(&delivery) {
                        // Its claim may never have come to the disk: then it waits there.
                        self.window.missed();
                    } else {
                        self.window.put_back(waiting);
                    }
                }
                Change::Settle { delivery, next, .. } => {
                    self.settled(delivery, next, lost.contains(&delivery));
                }
                Change::Health(_) => {}
                // A change from outside may have been read just before this was written.
                Change::SwitchOff { reason, .. } => self.status = Status::Disabled { reason },
            }
        }
    }

    /// What was decided is handed in again, but for claims: who was to be sent waits again, since by then
    /// the pace or the circuit may say something else.
    fn refused(&mut self) {
        let refused = std::mem::take(&mut self.committing);
        let later = std::mem::take(&mut self.changes);
        for change in refused.into_iter().chain(later) {
            if let Change::Claim { delivery, .. } = change {
                if let Some((waiting, _)) = self.flights.remove(delivery) {
                    self.window.put_back(waiting);
                }
            } else {
                self.changes.push(change);
            }
        }
    }

    fn claimed(&mut self, now: Timestamp, id: DeliveryId, lost: bool, step: &mut Step) {
        let Some((waiting, _)) = self.flights.remove(id) else { return };
        if lost {
            self.lost(id);
        } else if self.may_send() && self.circuit_permits(now) {
            self.send(waiting, step);
        } else {
            self.flights.set(waiting, Slot::Unclaiming);
            self.changes.push(Change::Unclaim { delivery: id });
        }
    }

    fn settled(&mut self, id: DeliveryId, next: Next, lost: bool) {
        let Some((mut waiting, _)) = self.flights.remove(id) else { return };
        if lost {
            self.lost(id);
            return;
        }
        match next {
            Next::Delivered | Next::Dead(_) => self.window.finished(id),
            Next::Wait { queue_at, due_at } => {
                waiting.attempts += 1;
                waiting.queue_at = queue_at;
                waiting.due_at = due_at;
                self.window.put_back(waiting);
            }
        }
    }

    /// What was decided of this delivery did not hold. It may wait on disk all the same, where an
    /// incarnation before wrote the same down and died of it.
    fn lost(&mut self, id: DeliveryId) {
        self.window.finished(id);
        self.window.missed();
        self.notes.push(Note::Lost { delivery: id });
    }

    fn ended(&mut self, now: Timestamp, delivery: DeliveryId, report: Report) {
        let Some((waiting, Slot::OnWire { probe })) = self.flights.find(delivery) else { return };
        let attempt = waiting.attempts + 1;
        let verdict = report.outcome.verdict();
        let next = self.next(now, &waiting, &report, verdict);
        let outcome = report.outcome.clone();
        let (took, accepted_at) = (report.took, waiting.accepted_at);
        self.notes.push(Note::Ended { delivery, attempt, outcome, took, accepted_at, next });
        self.judge(now, verdict, &report.outcome, probe);
        self.flights.set(waiting, Slot::Settling(next));
        self.changes.push(Change::Settle { delivery, attempt, report, next });
    }

    fn next(&self, now: Timestamp, waiting: &Waiting, report: &Report, verdict: Verdict) -> Next {
        let asked = match verdict {
            Verdict::Delivered => return Next::Delivered,
            Verdict::Dead(reason) => return Next::Dead(reason),
            // The alert is not at fault: it waits until somebody decides.
            Verdict::SwitchOff => None,
            Verdict::Retry { .. } if report.started_at >= waiting.expires_at => {
                return Next::Dead(DeadReason::Expired);
            }
            Verdict::Retry { not_before, .. } => not_before,
        };
        let schedule = &self.policy.schedule;
        let own = now.plus(schedule.delay(waiting.attempts + 1, waiting.id.0));
        let due_at = asked.map_or(own, |asked| asked.not_before(now, schedule.cap).max(own));
        let queue_at = match self.policy.ordering {
            Ordering::Due => due_at,
            Ordering::Fifo => Timestamp::from_millis(0),
        };
        Next::Wait { queue_at, due_at }
    }

    /// What the attempt says of the destination.
    fn judge(&mut self, now: Timestamp, verdict: Verdict, outcome: &Outcome, probe: bool) {
        let cap = self.policy.schedule.cap;
        let ending = match verdict {
            Verdict::Delivered => Ending::Success,
            Verdict::Retry { blames_destination: true, not_before } => {
                Ending::Failure { not_before: not_before.map(|asked| asked.not_before(now, cap)) }
            }
            Verdict::Retry { blames_destination: false, .. } | Verdict::Dead(_) => Ending::Neutral,
            Verdict::SwitchOff => {
                let reason = outcome.switch_off_reason();
                self.status = Status::Disabled { reason: reason.clone() };
                self.changes.push(Change::SwitchOff { reason, at: now });
                self.notes.push(Note::SwitchedOff);
                Ending::Neutral
            }
        };
        let was = self.health.circuit;
        let was_open = was.is_open();
        let (circuit, note) = after(was, ending, probe, now, &self.policy, self.jitter_key);
        self.health.circuit = circuit;
        self.notes.extend(note);
        if ending == Ending::Success {
            self.health.last_success_at = Some(now);
            if circuit != was || self.success_is_news(now) {
                self.health_written = false;
            }
            self.allowance = if was_open { 1 } else { self.allowance.saturating_add(1) };
        } else {
            self.health.last_failure_at = Some(now);
            self.health.last_error = Some(outcome.words());
            self.health_written = false;
        }
        if self.is_open() {
            self.allowance = 1;
        }
    }

    /// People read the last success to the second, and each one that is written costs a row.
    fn success_is_news(&self, now: Timestamp) -> bool {
        self.success_written.is_none_or(|at| now < at || now.since(at) >= SUCCESS_IS_NEWS)
    }

    /// The clock was set back, or rows were read that were written under a clock ahead of it: nothing
    /// waits longer than the cap.
    fn clamp(&mut self, now: Timestamp) {
        let cap = self.policy.schedule.cap;
        self.window.clamp(now, cap);
        self.pace.clamp(now, self.policy.rate_limit);
        self.start_at = self.start_at.min(now.plus(cap));
        self.refused_until = self.refused_until.map(|until| until.min(now.plus(ASK_AGAIN)));
        if let Circuit::Open { probe_at, .. } = &mut self.health.circuit {
            *probe_at = (*probe_at).min(now.plus(cap));
        }
    }

    fn wake_in(&self, now: Timestamp, writable: bool) -> Option<Duration> {
        if !writable {
            return Some(ASK_AGAIN);
        }
        let at = match self.refused_until {
            Some(until) => Some(until),
            None => self.next_at(),
        };
        at.map(|at| at.since(now).min(limits::LONGEST_SLEEP))
    }

    /// When the first delivery may go, if it is time that it waits for.
    fn next_at(&self) -> Option<Timestamp> {
        let row = self.window.first()?;
        if !self.may_send() || !self.has_room() {
            return None;
        }
        let due_at = if row.is_at_once() { self.seen_at } else { row.due_at };
        let probe_at = match self.health.circuit {
            Circuit::Closed { .. } => self.seen_at,
            Circuit::Open { .. } if self.flights.in_flight() > 0 => return None,
            Circuit::Open { probe_at, .. } => probe_at,
        };
        let pace_at = self.pace.next_at();
        Some(due_at.max(probe_at).max(self.start_at).max(pace_at))
    }
}
