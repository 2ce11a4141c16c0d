//! The store as plain maps: the same answers as SQLite's, which the comparison of timelines shows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belfry::domain::alert::Alert;
use belfry::domain::automation::Automation;
use belfry::domain::circuit::Circuit;
use belfry::domain::delivery::{
    DeadReason, DiscardReason, Phases, QueueKey, Report, State, Waiting,
};
use belfry::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};
use belfry::domain::integration::{Ordering, Status};
use belfry::domain::outcome::{Fault, FaultKind, Outcome};
use belfry::domain::queue::{Change, Loaded, Next};
use belfry::domain::recipient::Recipient;
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{
    Accepted, Act, Actor, AfterAccept, Applied, ConversationKey, DamagedAlert, Destination, Edit,
    FreshDelivery, MessageScore, NewAlert, PhraseEdit, Promise, Store, StoreError, StoredPhrases,
    refusal,
};
use belfry::store::{Fate, Moment};

use crate::disk::{Past, Row, Told};
use crate::faults::Faults;

/// See the module.
pub(crate) struct Memory {
    tables: Mutex<Tables>,
    told: Arc<Told>,
    faults: Arc<Faults>,
}

#[derive(Clone, Default)]
struct Tables {
    automations: BTreeMap<AutomationId, Automation>,
    integrations: BTreeMap<IntegrationId, Kept>,
    alerts: BTreeMap<AlertId, Arc<Alert>>,
    known: BTreeMap<(AutomationId, String), AlertId>,
    deliveries: BTreeMap<DeliveryId, Delivery>,
    attempts: BTreeMap<(DeliveryId, u32), Outcome>,
    said: BTreeMap<ConversationKey, Vec<MessageScore>>,
}

#[derive(Clone)]
struct Kept {
    destination: Destination,
    deleted: bool,
}

#[derive(Clone)]
struct Delivery {
    row: Row,
    alert: AlertId,
    queue_at: Timestamp,
    accepted_at: Timestamp,
    crashes: u32,
}

type Answer<T> = Result<T, StoreError>;

impl Memory {
    pub(crate) fn new(told: Arc<Told>, faults: Arc<Faults>) -> Self {
        Self { tables: Mutex::default(), told, faults }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.lock().deliveries.values().map(|each| each.row.clone()).collect()
    }

    pub(crate) fn row(&self, id: DeliveryId) -> Option<Row> {
        self.lock().deliveries.get(&id).map(|each| each.row.clone())
    }

    pub(crate) fn history(&self, id: DeliveryId) -> Vec<Past> {
        let tables = self.lock();
        let found = tables.attempts.range((id, 0)..=(id, u32::MAX));
        let interrupted = |outcome: &Outcome| match outcome {
            Outcome::Failed(fault) => fault.kind == FaultKind::Interrupted,
            Outcome::Answered { .. } | Outcome::Judged(_) => false,
        };
        found
            .map(|((_, attempt), outcome)| Past {
                attempt: *attempt,
                interrupted: interrupted(outcome),
            })
            .collect()
    }

    /// A transaction that can't fail by itself.
    fn write<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Tables, &mut Vec<FreshDelivery>) -> Answer<T>,
    ) -> Promise<Answer<T>> {
        let mut fresh = Vec::new();
        let answer = self.begin().and_then(|()| {
            let value = run(&mut self.lock(), &mut fresh)?;
            self.committed(fresh)?;
            Ok(value)
        });
        Box::pin(std::future::ready(answer))
    }

    /// A transaction that may refuse what it is asked half-way through.
    fn write_or_undo<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Tables, &mut Vec<FreshDelivery>) -> Answer<T>,
    ) -> Promise<Answer<T>> {
        let mut fresh = Vec::new();
        let mut changed = self.lock().clone();
        let answer = run(&mut changed, &mut fresh).and_then(|value| {
            self.begin()?;
            *self.lock() = changed;
            self.committed(fresh)?;
            Ok(value)
        });
        Box::pin(std::future::ready(answer))
    }

    fn begin(&self) -> Answer<()> {
        match self.faults.fate(Moment::BeforeCommit) {
            Fate::Go => Ok(()),
            Fate::Full => Err(StoreError::Full),
            Fate::Crash => Err(StoreError::Stopped),
        }
    }

    fn committed(&self, fresh: Vec<FreshDelivery>) -> Answer<()> {
        if self.faults.fate(Moment::AfterCommit) == Fate::Crash {
            return Err(StoreError::Stopped);
        }
        if !fresh.is_empty() {
            self.told.accepted(fresh);
        }
        Ok(())
    }

    fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Tables) -> Answer<T>,
    ) -> Promise<Answer<T>> {
        let answer = run(&self.lock());
        Box::pin(std::future::ready(answer))
    }
}

impl Tables {
    fn accept(&mut self, new: NewAlert, fresh: &mut Vec<FreshDelivery>) -> Accepted {
        let name = (new.automation_id, new.told_by);
        if let Some(alert) = self.known.get(&name) {
            let of = self.deliveries.iter().filter(|(_, each)| each.alert == *alert);
            let deliveries = of.map(|(id, _)| *id).collect();
            return Accepted { alert: *alert, deliveries, fresh: false };
        }
        let id = AlertId(self.alerts.len() as i64 + 1);
        let record = new.record_id.clone();
        let alert = Arc::new(Alert {
            id,
            automation_id: new.automation_id,
            origin: new.origin,
            record_id: new.record_id,
            body: new.body,
            aside: new.aside,
        });
        self.known.insert(name, id);
        self.alerts.insert(id, Arc::clone(&alert));
        let mut deliveries = Vec::new();
        for each in &new.deliveries {
            let delivery = DeliveryId(self.deliveries.len() as i64 + 1);
            deliveries.push(delivery);
            let deleted = self.integrations.get(&each.integration).is_none_or(|kept| kept.deleted);
            let reason = DiscardReason::IntegrationDeleted.word();
            let row = Row {
                id: delivery,
                record: record.clone(),
                integration: each.integration,
                state: if deleted { State::Discarded } else { State::Pending },
                reason: deleted.then(|| reason.to_owned()),
                attempts: 0,
                due_at: each.due_at,
                expires_at: each.expires_at,
            };
            let (queue_at, accepted_at) = (each.queue_at, each.due_at);
            let kept = Delivery { row, alert: id, queue_at, accepted_at, crashes: 0 };
            if !deleted {
                let waiting = kept.waiting();
                let alert = Arc::clone(&alert);
                fresh.push(FreshDelivery { integration: each.integration, waiting, alert });
            }
            self.deliveries.insert(delivery, kept);
        }
        Accepted { alert: id, deliveries, fresh: true }
    }

    fn apply(&mut self, integration: IntegrationId, changes: Vec<Change>) -> Applied {
        let mut lost = Vec::new();
        for change in changes {
            match change {
                Change::Claim { delivery, attempt } => {
                    let holds = |each: &Delivery| {
                        each.row.state == State::Pending && each.row.attempts + 1 == attempt
                    };
                    let claim = |each: &mut Delivery| each.row.state = State::InFlight;
                    self.fenced(delivery, holds, claim, &mut lost);
                }
                Change::Unclaim { delivery } => {
                    let holds = |each: &Delivery| each.row.state == State::InFlight;
                    let unclaim = |each: &mut Delivery| each.row.state = State::Pending;
                    self.fenced(delivery, holds, unclaim, &mut lost);
                }
                Change::Settle { delivery, attempt, report, next } => {
                    self.record(delivery, attempt, report);
                    let holds = |each: &Delivery| {
                        matches!(each.row.state, State::Pending | State::InFlight)
                            && each.row.attempts + 1 == attempt
                    };
                    let settle = |each: &mut Delivery| each.settle(attempt, next);
                    self.fenced(delivery, holds, settle, &mut lost);
                }
                Change::Health(health) => {
                    if let Some(kept) = self.integrations.get_mut(&integration) {
                        kept.destination.health = health;
                    }
                }
                Change::SwitchOff { reason, .. } => {
                    let kept = self.integrations.get_mut(&integration);
                    if let Some(kept) = kept.filter(|kept| !kept.deleted)
                        && !matches!(kept.destination.status, Status::Disabled { .. })
                    {
                        kept.destination.status = Status::Disabled { reason };
                    }
                }
            }
        }
        Applied { lost }
    }

    fn fenced(
        &mut self,
        id: DeliveryId,
        holds: impl Fn(&Delivery) -> bool,
        change: impl FnOnce(&mut Delivery),
        lost: &mut Vec<DeliveryId>,
    ) {
        match self.deliveries.get_mut(&id) {
            Some(found) if holds(found) => change(found),
            Some(_) | None => lost.push(id),
        }
    }

    /// An attempt enters the history once.
    fn record(&mut self, id: DeliveryId, attempt: u32, report: Report) {
        self.attempts.entry((id, attempt)).or_insert(report.outcome);
    }

    /// The number of the last attempt in the history.
    fn made(&self, id: DeliveryId) -> u32 {
        self.attempts.range((id, 0)..=(id, u32::MAX)).next_back().map_or(0, |((_, n), _)| *n)
    }

    fn load(&self, integration: IntegrationId, after: Option<QueueKey>, limit: usize) -> Loaded {
        let mut rows: Vec<Waiting> = self
            .deliveries
            .values()
            .filter(|each| each.row.integration == integration && each.row.state == State::Pending)
            .map(Delivery::waiting)
            .filter(|row| after.is_none_or(|after| row.key() > after))
            .collect();
        rows.sort_by_key(Waiting::key);
        rows.truncate(limit);
        Loaded { rows, newest: self.deliveries.len() as i64 }
    }

    fn live(&self, id: IntegrationId) -> Answer<&Kept> {
        self.integrations.get(&id).filter(|kept| !kept.deleted).ok_or(StoreError::NotFound)
    }

    fn waiting_destinations(&self) -> Vec<IntegrationId> {
        let waits = |id: &IntegrationId| {
            let mut rows = self.deliveries.values().map(|each| &each.row);
            rows.any(|row| row.integration == *id && row.state == State::Pending)
        };
        let active = |kept: &Kept| !kept.deleted && kept.destination.status == Status::Active;
        let found = self.integrations.iter().filter(|(id, kept)| active(kept) && waits(id));
        found.map(|(id, _)| *id).collect()
    }

    fn recover(&mut self, now: Timestamp, due_at: Timestamp) -> u64 {
        let mut count = 0;
        let claimed = |each: &&mut Delivery| each.row.state == State::InFlight;
        let mut cut_off = Vec::new();
        for each in self.deliveries.values_mut().filter(claimed) {
            count += 1;
            each.row.attempts += 1;
            each.row.state = State::Pending;
            each.row.due_at = due_at;
            if each.queue_at.as_millis() != 0 {
                each.queue_at = due_at;
            }
            cut_off.push((each.row.id, each.row.attempts));
        }
        for (id, attempt) in cut_off {
            let fault = Fault { kind: FaultKind::Interrupted, detail: String::new() };
            let report = Report {
                started_at: now,
                took: Duration::ZERO,
                outcome: Outcome::Failed(fault),
                phases: Phases::default(),
                excerpt: None,
                remote: None,
                revision: None,
                recipients: Vec::new(),
            };
            self.record(id, attempt, report);
        }
        count
    }

    fn record_crash(&mut self, id: DeliveryId, limit: u32) -> Answer<bool> {
        let found = self.deliveries.get_mut(&id).ok_or(StoreError::NotFound)?;
        if matches!(found.row.state, State::Pending | State::InFlight) {
            found.crashes += 1;
            if found.crashes >= limit {
                found.row.state = State::Dead;
                found.row.reason = Some(DeadReason::CrashedWorker.word().to_owned());
            }
        }
        Ok(found.row.state == State::Dead)
    }

    fn automations(&self) -> Vec<Automation> {
        self.automations.values().cloned().collect()
    }

    fn change(&mut self, edit: Edit) -> Answer<i64> {
        match edit {
            Edit::CreateAutomation { automation, seals, .. } => {
                for integration in &automation.integrations {
                    let sealed = seals.iter().find(|each| each.integration == integration.id);
                    let destination = Destination {
                        integration: integration.clone(),
                        automation: automation.name.clone(),
                        status: Status::Active,
                        health: belfry::domain::integration::Health::default(),
                        credential: sealed.and_then(|each| each.credential.clone().flatten()),
                        revision: 1,
                        signing_secrets: Vec::new(),
                    };
                    let kept = Kept { destination, deleted: false };
                    self.integrations.insert(integration.id, kept);
                }
                let version = automation.version;
                self.automations.insert(automation.id, automation);
                Ok(version)
            }
            Edit::ReplaceIntegration { integration, .. } => {
                self.live(integration.id)?;
                self.replace(integration)
            }
            Edit::DeleteIntegration { id, .. } => self.delete(id),
            Edit::SetStatus { id, status } => {
                self.live(id)?;
                let kept = self.integrations.get_mut(&id).ok_or(StoreError::NotFound)?;
                let was_off = matches!(kept.destination.status, Status::Disabled { .. });
                if was_off && status == Status::Active {
                    kept.destination.health.circuit = Circuit::default();
                }
                kept.destination.status = status;
                Ok(1)
            }
            Edit::ReplaceAutomation { .. }
            | Edit::DeleteAutomation { .. }
            | Edit::CreateIntegration { .. }
            | Edit::RotateSigningSecret { .. }
            | Edit::Together { .. } => Err(StoreError::Failed("no scenario does this".to_owned())),
        }
    }

    fn replace(&mut self, integration: belfry::domain::integration::Integration) -> Answer<i64> {
        let kept = self.integrations.get_mut(&integration.id).ok_or(StoreError::NotFound)?;
        let was = kept.destination.integration.delivery.ordering;
        let ordering = integration.delivery.ordering;
        kept.destination.integration = integration.clone();
        if was != ordering {
            let of = |each: &&mut Delivery| {
                each.row.integration == integration.id
                    && matches!(each.row.state, State::Pending | State::InFlight)
            };
            for each in self.deliveries.values_mut().filter(of) {
                each.queue_at = match ordering {
                    Ordering::Fifo => Timestamp::from_millis(0),
                    Ordering::Due => each.row.due_at,
                };
            }
        }
        for automation in self.automations.values_mut() {
            for each in &mut automation.integrations {
                if each.id == integration.id {
                    *each = integration.clone();
                }
            }
        }
        Ok(1)
    }

    fn delete(&mut self, id: IntegrationId) -> Answer<i64> {
        self.live(id)?;
        if let Some(kept) = self.integrations.get_mut(&id) {
            kept.deleted = true;
        }
        for automation in self.automations.values_mut() {
            automation.integrations.retain(|each| each.id != id);
        }
        for each in self.deliveries.values_mut().filter(|each| each.row.integration == id) {
            if matches!(each.row.state, State::Pending | State::InFlight) {
                each.row.state = State::Discarded;
                each.row.reason = Some(DiscardReason::IntegrationDeleted.word().to_owned());
            }
        }
        Ok(1)
    }

    fn act(&mut self, act: Act, at: Timestamp) -> Answer<u64> {
        match act {
            Act::Retry { delivery, expires_at } => {
                let (strict, made) = (self.strict(delivery)?, self.made(delivery));
                let found = self.deliveries.get_mut(&delivery).ok_or(StoreError::NotFound)?;
                match found.row.state {
                    State::Dead => found.revive(strict, made, expires_at, at),
                    State::Pending => {
                        found.row.due_at = found.row.due_at.min(at);
                        found.queue_at = found.queue_at.min(at);
                    }
                    state @ (State::InFlight | State::Delivered | State::Discarded) => {
                        return Err(refusal("retried", state));
                    }
                }
                Ok(1)
            }
            Act::RetryDead { integration, expires_at } => {
                let mut count = 0;
                let dead: Vec<DeliveryId> = self
                    .deliveries
                    .values()
                    .filter(|each| each.row.integration == integration)
                    .filter(|each| each.row.state == State::Dead)
                    .map(|each| each.row.id)
                    .collect();
                for id in dead {
                    let (strict, made) = (self.strict(id)?, self.made(id));
                    if let Some(found) = self.deliveries.get_mut(&id) {
                        found.revive(strict, made, expires_at, at);
                        count += 1;
                    }
                }
                Ok(count)
            }
            Act::Discard { delivery, reason } => {
                let found = self.deliveries.get_mut(&delivery).ok_or(StoreError::NotFound)?;
                match found.row.state {
                    State::Pending | State::InFlight | State::Dead => {
                        found.row.state = State::Discarded;
                        found.row.reason = Some(reason.word().to_owned());
                        Ok(1)
                    }
                    state @ (State::Delivered | State::Discarded) => {
                        Err(refusal("discarded", state))
                    }
                }
            }
        }
    }

    fn strict(&self, delivery: DeliveryId) -> Answer<bool> {
        let found = self.deliveries.get(&delivery).ok_or(StoreError::NotFound)?;
        let kept = self.integrations.get(&found.row.integration).ok_or(StoreError::NotFound)?;
        Ok(kept.destination.integration.delivery.ordering == Ordering::Fifo)
    }
}

impl Delivery {
    fn waiting(&self) -> Waiting {
        Waiting {
            put_off: false,
            id: self.row.id,
            alert: self.alert,
            queue_at: self.queue_at,
            due_at: self.row.due_at,
            expires_at: self.row.expires_at,
            accepted_at: self.accepted_at,
            attempts: self.row.attempts,
        }
    }

    fn settle(&mut self, attempt: u32, next: Next) {
        self.row.attempts = attempt;
        match next {
            Next::Delivered => self.row.state = State::Delivered,
            Next::Wait { queue_at, due_at } => {
                self.row.state = State::Pending;
                self.queue_at = queue_at;
                self.row.due_at = due_at;
            }
            Next::Dead(reason) => {
                self.row.state = State::Dead;
                self.row.reason = Some(reason.word().to_owned());
            }
        }
    }

    fn revive(&mut self, strict: bool, made: u32, expires_at: Timestamp, at: Timestamp) {
        self.row.state = State::Pending;
        self.row.reason = None;
        self.crashes = 0;
        self.row.attempts = self.row.attempts.max(made);
        self.row.due_at = at;
        self.row.expires_at = expires_at;
        self.queue_at = if strict { Timestamp::from_millis(0) } else { at };
    }
}

impl Store for Memory {
    fn accept(&self, alerts: Vec<NewAlert>) -> Promise<Answer<Vec<Option<Accepted>>>> {
        self.write(|tables, fresh| {
            Ok(alerts.into_iter().map(|each| Some(tables.accept(each, fresh))).collect())
        })
    }

    fn apply(&self, id: IntegrationId, changes: Vec<Change>) -> Promise<Answer<Applied>> {
        self.write(|tables, _| Ok(tables.apply(id, changes)))
    }

    fn load(
        &self,
        integration: IntegrationId,
        after: Option<QueueKey>,
        limit: usize,
    ) -> Promise<Answer<Loaded>> {
        self.read(|tables| Ok(tables.load(integration, after, limit)))
    }

    fn destination(&self, id: IntegrationId) -> Promise<Answer<Destination>> {
        self.read(|tables| tables.live(id).map(|kept| kept.destination.clone()))
    }

    fn alert(&self, id: AlertId) -> Promise<Answer<Result<Alert, DamagedAlert>>> {
        self.read(|tables| {
            let alert = tables.alerts.get(&id).ok_or(StoreError::NotFound)?;
            Ok(Ok(Alert::clone(alert)))
        })
    }

    fn alerts(&self, ids: Vec<AlertId>) -> Promise<Answer<Vec<Alert>>> {
        self.read(|tables| {
            let found = ids.iter().filter_map(|id| tables.alerts.get(id));
            Ok(found.map(|alert| Alert::clone(alert)).collect())
        })
    }

    /// The stories' destinations are no lists of addresses.
    fn recipients(&self, _: DeliveryId) -> Promise<Answer<Vec<Recipient>>> {
        self.read(|_| Ok(Vec::new()))
    }

    fn known_alerts(
        &self,
        of: Vec<(AutomationId, String)>,
    ) -> Promise<Answer<Vec<Option<AlertId>>>> {
        self.read(|tables| Ok(of.iter().map(|name| tables.known.get(name).copied()).collect()))
    }

    fn conversations(&self, of: Vec<ConversationKey>) -> Promise<Answer<Vec<Vec<MessageScore>>>> {
        self.read(|tables| {
            Ok(of.iter().map(|key| tables.said.get(key).cloned().unwrap_or_default()).collect())
        })
    }

    fn remember(
        &self,
        scores: Vec<(ConversationKey, MessageScore)>,
        _: Timestamp,
    ) -> Promise<Answer<()>> {
        self.write(|tables, _| {
            for (key, score) in scores {
                tables.said.entry(key).or_default().push(score);
            }
            Ok(())
        })
    }

    fn waiting_destinations(&self) -> Promise<Answer<Vec<IntegrationId>>> {
        self.read(|tables| Ok(tables.waiting_destinations()))
    }

    fn record_crash(&self, id: DeliveryId, limit: u32, _: Timestamp) -> Promise<Answer<bool>> {
        self.write_or_undo(move |tables, _| tables.record_crash(id, limit))
    }

    fn recover(&self, now: Timestamp, due_at: Timestamp) -> Promise<Answer<u64>> {
        self.write(|tables, _| Ok(tables.recover(now, due_at)))
    }

    fn automations(&self) -> Promise<Answer<Vec<Automation>>> {
        self.read(|tables| Ok(tables.automations()))
    }

    fn change(&self, edit: Edit, _: Actor, _: Timestamp) -> Promise<Answer<i64>> {
        self.write_or_undo(|tables, _| tables.change(edit))
    }

    /// The stories' organisations have no phrases of their own.
    fn phrases(&self) -> Promise<Answer<Vec<StoredPhrases>>> {
        self.read(|_| Ok(Vec::new()))
    }

    fn change_phrases(&self, _: PhraseEdit, _: Actor, _: Timestamp) -> Promise<Answer<i64>> {
        self.write_or_undo(|_, _| Err(StoreError::NotFound))
    }

    fn act(&self, act: Act, _: Actor, at: Timestamp) -> Promise<Answer<u64>> {
        self.write_or_undo(|tables, _| tables.act(act, at))
    }

    fn probe(&self) -> Promise<Answer<()>> {
        self.write(|_, _| Ok(()))
    }

    fn writable(&self) -> bool {
        self.faults.writable()
    }
}
