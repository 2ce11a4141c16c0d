//! From records to alerts that are durable: asks the domain which automations fire, and the store to
//! keep what comes of it. Nothing is acknowledged before it is on disk.

use std::sync::Arc;

use super::Engine;
use super::alerts::delivery;
use super::judge::Judgement;
use super::ports::{Accepted, ConversationKey, MessageScore, NewAlert, StoreError, Taking};
use super::sorting::Sorted;
use crate::domain::alert::{Aside, Origin};
use crate::domain::automation::Trigger;
use crate::domain::dry_run::{self, DryRun, Duplicate, TooMuch};
use crate::domain::id::{AlertId, AutomationId, DeliveryId};
use crate::domain::levels::Levels;
use crate::domain::record::Record;
use crate::domain::relay::Posted;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Seen;

/// Why a relay takes no alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// What the store says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is switched off: its sender keeps the alert, and may come again.
    #[error("the relay is switched off")]
    Off,
}

/// An alert that a record caused, now or when it first came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The alert.
    pub alert: AlertId,
    /// The automation that fired.
    pub automation_id: AutomationId,
    /// The record that it fired for.
    pub record_id: String,
    /// Where it goes.
    pub deliveries: Vec<DeliveryId>,
    /// False where it was there already.
    pub fresh: bool,
}

/// What records came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intake {
    /// The alerts that they caused.
    pub fired: Vec<Fired>,
    /// How many alerts were held back by cool-downs.
    pub held_back: usize,
    /// How many records are kept and wait for the classifier.
    pub waiting: usize,
}

/// What is durable of a call.
struct Kept {
    /// Automation and record of each alert.
    names: Vec<(AutomationId, String)>,
    /// What became of them.
    accepted: Vec<Option<Accepted>>,
    /// Records that were judged.
    settled: Vec<(Record, Levels)>,
    /// How many wait.
    waiting: usize,
}

/// Why a dry run says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DryRunError {
    /// What the store says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many automations would make too many bodies.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
}

impl Engine {
    /// Makes the alerts that these records cause, and answers once they are durable: all or none. A
    /// record that caused an alert before names that one again.
    ///
    /// # Errors
    /// What the store says; nothing was accepted then, and the same records may be sent again.
    pub async fn accept(&self, judgement: Judgement) -> Result<Intake, StoreError> {
        if self.shared.is_draining() {
            return Err(StoreError::Stopped);
        }
        let now = self.shared.clock.now();
        let Judgement { records, findings, remember } = judgement;
        let sorted = self.sorted(records, findings, now).await?;
        let kept = self.kept(sorted, remember, now).await?;
        let Kept { names, accepted, settled, waiting } = kept;
        let mut intake = Intake { waiting, ..Intake::default() };
        self.shared.recent.keep(now, settled);
        for ((automation_id, record_id), accepted) in names.into_iter().zip(accepted) {
            match accepted {
                Some(Accepted { alert, deliveries, fresh }) => {
                    intake.fired.push(Fired { alert, automation_id, record_id, deliveries, fresh })
                }
                None => intake.held_back += 1,
            }
        }
        Ok(intake)
    }

    /// Stores what a call came to, its records that wait in one transaction with the rest of it. Where too many wait
    /// for the classifier, the built-in detector judges at once: an alert is worth more than a second opinion.
    async fn kept(
        &self,
        sorted: Sorted,
        remember: Vec<(ConversationKey, MessageScore)>,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let Sorted { mut alerts, waiting, mut settled } = sorted;
        let names = |alerts: &[NewAlert]| -> Vec<_> {
            alerts.iter().map(|each| (each.automation_id, each.record_id.clone())).collect()
        };
        if let Some(classifying) = &self.classifying
            && !waiting.is_empty()
        {
            let rows = waiting.iter().map(|(record, found)| self.waiting(record, found, now));
            let taking = Taking {
                alerts: alerts.clone(),
                scores: remember.clone(),
                waiting: rows.collect(),
            };
            if let Some(accepted) = classifying.take(taking).await? {
                let (names, waiting) = (names(&alerts), waiting.len());
                return Ok(Kept { names, accepted, settled, waiting });
            }
            for (record, found) in waiting {
                let found = self.shared.crowded_out(found);
                alerts.extend(self.shared.alerts(&record, &found.levels, Some(&found), now));
                settled.push((record, found.levels));
            }
        }
        let names = names(&alerts);
        let accepted = self.stored(alerts, remember, now).await?;
        Ok(Kept { names, accepted, settled, waiting: 0 })
    }

    /// Both go into one transaction. What is sent again after a failure is known by both.
    async fn stored(
        &self,
        alerts: Vec<NewAlert>,
        remember: Vec<(ConversationKey, MessageScore)>,
        now: Timestamp,
    ) -> Result<Vec<Option<Accepted>>, StoreError> {
        let store = &self.shared.store;
        let remembered = (!remember.is_empty()).then(|| store.remember(remember, now));
        let accepting = (!alerts.is_empty()).then(|| store.accept(alerts));
        let accepted = match accepting {
            Some(accepting) => accepting.await,
            None => Ok(Vec::new()),
        };
        if let Some(remembered) = remembered {
            remembered.await?;
        }
        accepted
    }

    /// Takes an alert that another system posted to a relay, and answers once it is durable. One that came
    /// before names the first one again. Nothing of where it goes is waited for.
    ///
    /// # Errors
    /// `NotFound` where there is no such relay, else what is in the way; nothing was accepted then, and the
    /// same alert may be sent again.
    pub async fn relay(
        &self,
        id: AutomationId,
        posted: Posted,
        key: Option<&str>,
    ) -> Result<Fired, RelayError> {
        if self.shared.is_draining() {
            return Err(StoreError::Stopped.into());
        }
        let (now, rules) = (self.shared.clock.now(), self.shared.rules());
        let relay = rules.iter().find(|each| each.id == id);
        let relay = relay.filter(|each| matches!(each.trigger, Trigger::Relay(_)));
        let relay = relay.ok_or(StoreError::NotFound)?;
        if !relay.active {
            return Err(RelayError::Off);
        }
        let meant = relay.integrations.iter().filter(|each| each.takes_alert(&posted));
        let deliveries = meant.map(|each| delivery(&self.shared.policy, each, now, None)).collect();
        let told_by = posted.told_by(key);
        let Posted { automation_id, record_id, org_id, body, .. } = posted;
        let alert = NewAlert {
            automation_id: id,
            origin: Origin::Relayed(automation_id),
            record_id: record_id.clone(),
            told_by,
            org_id,
            body,
            aside: Aside::default(),
            found: None,
            cool_down: None,
            escalated_at: now,
            deliveries,
        };
        let accepted = self.shared.store.accept(vec![alert]).await?;
        let accepted = accepted.into_iter().next().flatten();
        let accepted = accepted
            .ok_or_else(|| StoreError::Failed("it accepted an alert and names none".to_owned()))?;
        Ok(Fired {
            alert: accepted.alert,
            automation_id: id,
            record_id,
            deliveries: accepted.deliveries,
            fresh: accepted.fresh,
        })
    }

    /// The records that were accepted last, the newest last. They are in memory alone: feedback that fires
    /// nothing leaves no trace on disk.
    pub fn recent(&self) -> Vec<Arc<Seen>> {
        self.shared.recent.all()
    }

    /// Says what would become of these records, and stores and sends nothing.
    ///
    /// # Errors
    /// What the store says, or that it would be more than is shown at once.
    pub async fn dry_run(&self, records: &[(Record, Levels)]) -> Result<Vec<DryRun>, DryRunError> {
        let (now, rules) = (self.shared.clock.now(), self.shared.rules());
        let mut runs = dry_run::dry_run(&rules, records, now, &self.shared.dashboard_url)?;
        let names = dry_run::alerts_of(&mut runs);
        let names = names.map(|(automation, record, _)| (automation, record.to_owned())).collect();
        let known = self.shared.store.known_alerts(names).await?;
        for ((.., prospect), known) in dry_run::alerts_of(&mut runs).zip(known) {
            if let Some(alert) = known {
                prospect.duplicate = Some(Duplicate::Stored(alert));
            }
        }
        Ok(runs)
    }
}
