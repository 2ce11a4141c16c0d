//! What people and programs ask of the engine beside taking records: changes, acts on deliveries, a
//! test alert, how it is doing, and to stop.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Engine;
use super::ports::{Act, Actor, Attempt, Destination, Edit, Sealer, Shown, StoreError};
use super::supervisor::Revive;
use crate::domain::alert::{self, Alert, AlertFacts, Aside, Origin};
use crate::domain::delivery::Report;
use crate::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};
use crate::domain::integration::{DeliverySettings, Health, Integration, Status, Target};
use crate::domain::levels::{Level, Levels};
use crate::domain::limits;
use crate::domain::record::Record;
use crate::domain::time::Timestamp;

/// What a test alert came to.
#[derive(Debug, Clone)]
pub struct Tested {
    /// What was sent.
    pub shown: Shown,
    /// What came of it.
    pub report: Report,
}

/// What all actors do at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actors {
    /// Parked, because they died too often.
    pub parked: usize,
    /// Attempts on the wire.
    pub in_flight: usize,
}

impl Engine {
    /// Changes what is configured, in the store first and then wherever it is in use. Returns the
    /// version of the automation that it concerns.
    ///
    /// # Errors
    /// What the store says; nothing was changed then.
    pub async fn change(&self, edit: Edit, by: Actor) -> Result<i64, StoreError> {
        let revived = match &edit {
            Edit::SetStatus { id, status: Status::Active } => Some(*id),
            Edit::SetStatus { .. }
            | Edit::CreateAutomation { .. }
            | Edit::ReplaceAutomation { .. }
            | Edit::DeleteAutomation { .. }
            | Edit::CreateIntegration { .. }
            | Edit::ReplaceIntegration { .. }
            | Edit::DeleteIntegration { .. }
            | Edit::RotateSigningSecret { .. }
            | Edit::Together { .. } => None,
        };
        let concerned = self.concerned(&edit);
        let version = self.shared.store.change(edit, by, self.now()).await?;
        self.refresh_rules().await?;
        for id in concerned {
            self.resync(id);
        }
        if let Some(id) = revived {
            self.supervisor.do_send(Revive(id));
            self.begin(id);
        }
        Ok(version)
    }

    /// Acts on deliveries. Returns how many were changed.
    ///
    /// # Errors
    /// What the store says; nothing was changed then.
    pub async fn act(
        &self,
        integration: IntegrationId,
        act: Operation,
        by: Actor,
    ) -> Result<u64, StoreError> {
        let store = &self.shared.store;
        let destination = store.destination(integration).await;
        let now = self.now();
        let expires_at = match &destination {
            Ok(each) => {
                let policy = self.shared.policy.for_integration(&each.integration.delivery);
                now.plus(policy.schedule.horizon)
            }
            Err(_) => now.plus(self.shared.policy.schedule.horizon),
        };
        let (act, sends) = match act {
            Operation::Retry(delivery) => (Act::Retry { delivery, expires_at }, true),
            Operation::RetryDead => (Act::RetryDead { integration, expires_at }, true),
            Operation::Discard(delivery) => {
                let reason = crate::domain::delivery::DiscardReason::Operator;
                (Act::Discard { delivery, reason }, false)
            }
        };
        if sends {
            // A deleted destination can't be sent to.
            destination?;
        }
        let changed = store.act(act, by, now).await?;
        let station = self.shared.board.station(integration);
        let wake = station.arrive(|arrived| {
            arrived.changed = true;
            arrived.probe_now |= sends;
        });
        if wake {
            self.shared.board.wake(integration);
        }
        Ok(changed)
    }

    /// Sends a test alert at once, outside of the queue: nothing of it is kept.
    ///
    /// # Errors
    /// `NotFound` where there is no such integration, `Stopped` where the service stops meanwhile.
    pub async fn test(&self, id: IntegrationId) -> Result<Tested, StoreError> {
        let destination = Arc::new(self.shared.store.destination(id).await?);
        let station = self.shared.board.station(id);
        let lane = self.shared.lanes.get(station.lane).ok_or(StoreError::Stopped)?.clone();
        let alert = Arc::new(self.test_alert(&destination));
        let attempt = Attempt {
            destination,
            delivery: None,
            number: 1,
            alert,
            settled: Vec::new(),
            started_at: self.now(),
        };
        let shown = lane.sender.shown(&attempt);
        let (done, report) = tokio::sync::oneshot::channel();
        let sender = lane.sender;
        lane.arbiter.spawn_fn(move || {
            actix::spawn(async move {
                // Whoever asked may have gone; then nobody wants the report.
                let _asker_gone = done.send(sender.send(attempt).await);
            });
        });
        let report = report.await.map_err(|_| StoreError::Stopped)?;
        Ok(Tested { shown, report })
    }

    /// What would be sent there for that record: the alert, and how it is said. Nothing is kept.
    ///
    /// # Errors
    /// `Stopped` where nothing can send.
    pub fn preview(
        &self,
        target: Target,
        automation: &str,
        record: &Record,
        levels: &Levels,
    ) -> Result<(Alert, Shown), StoreError> {
        let nobody = uuid::Uuid::nil();
        let automation_id = AutomationId(nobody);
        let integration = Integration {
            id: IntegrationId(nobody),
            automation_id,
            name: String::new(),
            target,
            condition: None,
            delivery: DeliverySettings::default(),
            credential_set: false,
        };
        let now = self.now();
        let body = alert::body(&AlertFacts {
            automation_id,
            escalated_at: now,
            levels,
            record,
            dashboard_url: &self.shared.dashboard_url,
        });
        let alert = Alert {
            id: AlertId(0),
            automation_id,
            origin: Origin::Fired(automation_id),
            record_id: record.id.clone(),
            body,
            aside: Aside::of(record),
        };
        let shown = self.shown(integration, automation, alert.clone(), now)?;
        Ok((alert, shown))
    }

    /// What an attempt of this integration sends for that alert, as a person may see it.
    ///
    /// # Errors
    /// `Stopped` where nothing can send.
    pub fn shown(
        &self,
        integration: Integration,
        automation: &str,
        alert: Alert,
        started_at: Timestamp,
    ) -> Result<Shown, StoreError> {
        let lane = self.shared.lanes.first().ok_or(StoreError::Stopped)?;
        let destination = Destination {
            integration,
            automation: automation.to_owned(),
            status: Status::Active,
            health: Health::default(),
            revision: 0,
            credential: None,
            signing_secrets: Vec::new(),
        };
        Ok(lane.sender.shown(&Attempt {
            destination: Arc::new(destination),
            delivery: None,
            number: 1,
            alert: Arc::new(alert),
            settled: Vec::new(),
            started_at,
        }))
    }

    fn test_alert(&self, destination: &Destination) -> Alert {
        let now = self.now();
        let automation_id = destination.integration.automation_id;
        let record = Record {
            id: format!("belfry-test-{}", now.as_millis()),
            org_id: "test".to_owned(),
            content: "This is a test alert from Belfry. No customer wrote it.".to_owned(),
            source: "BelfryTest".to_owned(),
            created_at: None,
            source_url: None,
            kind: None,
            channel: None,
            segment: None,
            product_area: None,
            tags: Vec::new(),
            metadata: std::collections::BTreeMap::new(),
            conversation_id: None,
            messages: Vec::new(),
            levels: None,
        };
        let levels = Levels {
            escalation: Level::Low,
            emotional_intensity: Level::Low,
            sentiment_shift: None,
        };
        let body = alert::body(&AlertFacts {
            automation_id,
            escalated_at: now,
            levels: &levels,
            record: &record,
            dashboard_url: &self.shared.dashboard_url,
        });
        let origin = Origin::Fired(automation_id);
        Alert {
            id: AlertId(0),
            automation_id,
            origin,
            record_id: record.id,
            body,
            aside: Aside::default(),
        }
    }

    /// Reads a destination anew: it was changed by other means.
    pub fn resync(&self, id: IntegrationId) {
        // Without an actor there is nothing that could be out of date.
        if let Some(station) = self.shared.board.find(id)
            && station.arrive(|arrived| arrived.changed = true)
        {
            self.shared.board.wake(id);
        }
    }

    /// Attempts of a destination that are on the wire.
    pub fn in_flight(&self, id: IntegrationId) -> usize {
        self.shared.board.find(id).map_or(0, |station| station.in_flight())
    }

    /// Until when a destination's actor is parked, because it died too often.
    pub fn parked_until(&self, id: IntegrationId) -> Option<Timestamp> {
        self.shared.board.find(id).and_then(|station| station.parked_until())
    }

    /// Destinations whose actors are parked.
    pub fn parked(&self) -> Vec<IntegrationId> {
        let stations = self.shared.board.all();
        let parked = stations.iter().filter(|each| each.parked_until().is_some());
        parked.map(|each| each.id).collect()
    }

    /// What all actors do now.
    pub fn actors(&self) -> Actors {
        let stations = self.shared.board.all();
        Actors {
            parked: stations.iter().filter(|each| each.parked_until().is_some()).count(),
            in_flight: stations.iter().map(|each| each.in_flight()).sum(),
        }
    }

    /// Seals credentials before they are stored.
    pub fn sealer(&self) -> &dyn Sealer {
        self.shared.sealer.as_ref()
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Whether records can be taken and results written; if not, why.
    ///
    /// # Errors
    /// One sentence for an operator.
    pub fn ready(&self) -> Result<(), &'static str> {
        if self.shared.is_draining() {
            Err("the service is stopping")
        } else if !self.shared.store.writable() {
            Err(
                "the store can't write: see the log, and the room on the disk of the data directory",
            )
        } else {
            Ok(())
        }
    }

    /// Takes nothing new, sends nothing new, and waits, but not for ever, until what is on the wire is
    /// over and written down.
    pub async fn drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
        for station in self.shared.board.all() {
            if !station.is_quiet() {
                station.arrive(|arrived| arrived.drain = true);
            }
        }
        let quiet = async {
            while !self.shared.board.all().iter().all(|station| station.is_quiet()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(limits::DRAIN, quiet).await.is_err() {
            tracing::warn!(
                "some attempts did not end in time; they are made again after the start"
            );
        }
    }

    /// Reads the automations anew.
    pub(super) async fn refresh_rules(&self) -> Result<(), StoreError> {
        let rules = Arc::new(self.shared.store.automations().await?);
        *self.shared.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        Ok(())
    }

    /// The destinations that an edit concerns.
    fn concerned(&self, edit: &Edit) -> Vec<IntegrationId> {
        let of = |id| {
            let rules = self.shared.rules();
            let found = rules.iter().find(|each| each.id == id);
            found.map_or(Vec::new(), |each| {
                each.integrations.iter().map(|integration| integration.id).collect()
            })
        };
        match edit {
            Edit::CreateAutomation { .. } | Edit::CreateIntegration { .. } => Vec::new(),
            Edit::ReplaceAutomation { automation, .. } => of(automation.id),
            Edit::DeleteAutomation { id, .. } => of(*id),
            Edit::ReplaceIntegration { integration, .. } => vec![integration.id],
            Edit::DeleteIntegration { id, .. }
            | Edit::SetStatus { id, .. }
            | Edit::RotateSigningSecret { id, .. } => vec![*id],
            Edit::Together { edits, .. } => {
                edits.iter().flat_map(|edit| self.concerned(edit)).collect()
            }
        }
    }
}

/// What an operator can do with an integration's deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Try this one now.
    Retry(DeliveryId),
    /// Try all dead ones now.
    RetryDead,
    /// Never send this one.
    Discard(DeliveryId),
}
