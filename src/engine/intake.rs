//! From records to alerts that are durable: asks the domain which automations fire, and the store to
//! keep what comes of it. Nothing is acknowledged before it is on disk.

use std::sync::Arc;

use super::Engine;
use super::judge::Judgement;
use super::ports::{Accepted, CoolingDown, NewAlert, Promise, StoreError};
use crate::domain::alert::{self, AlertFacts, Aside, Origin};
use crate::domain::automation::{Automation, Trigger, Watch};
use crate::domain::delivery::NewDelivery;
use crate::domain::dry_run::{self, DryRun, Duplicate, TooMuch};
use crate::domain::id::{AlertId, AutomationId, DeliveryId};
use crate::domain::integration::{Integration, Ordering, Policy};
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
        let Judgement { records, remember, .. } = judgement;
        // Both go into one transaction. What is sent again after a failure is known by both.
        let remembered = (!remember.is_empty()).then(|| self.shared.store.remember(remember, now));
        let rules = self.shared.rules();
        let mut alerts: Vec<NewAlert> = Vec::new();
        for (record, levels) in &records {
            for automation in rules.iter().filter(|each| each.fires(record, levels)) {
                alerts.push(self.alert(automation, record, levels, now));
            }
        }
        if alerts.is_empty() {
            done(remembered).await?;
            self.shared.recent.keep(now, records);
            return Ok(Intake::default());
        }
        let names: Vec<(AutomationId, String)> =
            alerts.iter().map(|each| (each.automation_id, each.record_id.clone())).collect();
        let accepting = self.shared.store.accept(alerts);
        let (accepted, remembered) = (accepting.await, done(remembered).await);
        let accepted = accepted?;
        remembered?;
        self.shared.recent.keep(now, records);
        let mut intake = Intake::default();
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

    fn alert(
        &self,
        automation: &Automation,
        record: &Record,
        levels: &Levels,
        now: Timestamp,
    ) -> NewAlert {
        let body = alert::body(&AlertFacts {
            automation_id: automation.id,
            escalated_at: now,
            levels,
            record,
            dashboard_url: &self.shared.dashboard_url,
        });
        let meant = automation.integrations.iter().filter(|each| each.takes(record, levels));
        let (mut cool_down, mut put_off) = (None, None);
        if let Trigger::Records(Watch { hygiene, .. }) = &automation.trigger {
            cool_down = hygiene.cool_down.as_ref().and_then(|each| {
                let (key, span) = (each.key(record)?, each.span);
                Some(CoolingDown { key, span, level: levels.escalation })
            });
            let quiet = hygiene.quiet_hours.as_ref();
            put_off = quiet.and_then(|quiet| quiet.put_off(levels, now));
        }
        NewAlert {
            automation_id: automation.id,
            origin: Origin::Fired(automation.id),
            record_id: record.id.clone(),
            told_by: record.id.clone(),
            org_id: record.org_id.clone(),
            body,
            aside: Aside::of(record),
            cool_down,
            escalated_at: now,
            deliveries: meant
                .map(|each| delivery(&self.shared.policy, each, now, put_off))
                .collect(),
        }
    }
}

async fn done(remembered: Option<Promise<Result<(), StoreError>>>) -> Result<(), StoreError> {
    match remembered {
        Some(remembered) => remembered.await,
        None => Ok(()),
    }
}

/// A delivery that goes out now, or at the end of quiet hours.
fn delivery(
    service: &Policy,
    integration: &Integration,
    now: Timestamp,
    put_off: Option<Timestamp>,
) -> NewDelivery {
    let policy = service.for_integration(&integration.delivery);
    let due_at = put_off.unwrap_or(now);
    NewDelivery {
        integration: integration.id,
        queue_at: match policy.ordering {
            Ordering::Due => due_at,
            Ordering::Fifo => Timestamp::from_millis(0),
        },
        due_at,
        expires_at: due_at.plus(policy.schedule.horizon),
        put_off: put_off.is_some(),
    }
}
