//! Writes down for operators what the engine's machines decide: one log line an attempt.

use std::sync::Arc;

use super::minutes::Tally;
use crate::detect::external::{JudgedBy, Unanswered};
use crate::domain::delivery::DeadReason;
use crate::domain::id::{DeliveryId, IntegrationId};
use crate::domain::outcome::Outcome;
use crate::domain::queue::{Next, Note};
use crate::domain::time::Timestamp;
use crate::engine::{Classified, Witness};
use crate::failpoint;
use crate::metrics::Metrics;

/// Logs and counts. No payload and no secret passes through here.
#[derive(Debug)]
pub(crate) struct OperatorsWitness {
    /// What is counted since the start.
    pub(crate) metrics: Metrics,
    /// What is counted for each minute.
    pub(crate) tally: Arc<Tally>,
}

impl Witness for OperatorsWitness {
    fn noted(&self, integration: IntegrationId, at: Timestamp, note: &Note) {
        self.metrics.noted(note);
        self.tally.noted(at, note);
        match note {
            Note::Sent { .. } => {}
            Note::Ended { delivery, attempt, outcome, took, next, .. } => {
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                self.ended(integration, at, *delivery, *attempt, outcome, took_ms, *next);
            }
            Note::CircuitOpened { probe_at } => {
                tracing::warn!(%integration, %probe_at, "circuit opened: too many failures in a row");
            }
            Note::ProbeFailed { probe_at } => {
                tracing::info!(%integration, %probe_at, "probe did not succeed; the circuit stays open");
            }
            Note::CircuitClosed => tracing::info!(%integration, "circuit closed"),
            Note::SwitchedOff => {
                tracing::warn!(%integration, "switched off: the receiver says that it is gone");
            }
            Note::Lost { delivery } => {
                tracing::info!(%integration, %delivery, "somebody else decided about it meanwhile");
            }
        }
    }

    fn died(&self, integration: IntegrationId, _at: Timestamp, parked_until: Option<Timestamp>) {
        failpoint::reach("supervisor.mourns");
        self.metrics.actor_died();
        if let Some(until) = parked_until {
            tracing::error!(%integration, %until, "its actor died too often and is parked");
        } else {
            tracing::error!(%integration, "its actor died and is started again");
        }
    }

    fn gave_up(&self, integration: IntegrationId, delivery: DeliveryId) {
        self.metrics.crashed_dead();
        self.tally.crashed_dead();
        let reason = DeadReason::CrashedWorker.word();
        tracing::error!(%integration, %delivery, reason, "delivery is dead");
    }

    fn classified(&self, told: &Classified<'_>) {
        let unanswered = match told.judged_by {
            JudgedBy::InPlace(unanswered) => Some(unanswered),
            JudgedBy::BuiltIn | JudgedBy::Classifier(_) => None,
        };
        self.metrics.classified(unanswered.map(|each| each.reason), told.took);
        self.metrics.alerts(told.fired, told.repeated);
        self.metrics.held_back(told.held_back);
        let took_ms = told.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let (judged_by, alerts) = (told.judged_by.word(), told.fired);
        match unanswered {
            None => tracing::info!(judged_by, took_ms, alerts, "classified"),
            Some(Unanswered { reason, detail }) if reason.blames() => {
                let reason = reason.word();
                tracing::warn!(judged_by, took_ms, alerts, reason, detail, "the classifier failed");
            }
            // It was not asked: the reason was told when it began, and may hold for thousands.
            Some(Unanswered { reason, .. }) => {
                tracing::info!(judged_by, alerts, reason = reason.word(), "classified");
            }
        }
    }

    fn about_to_handle(&self, delivery: DeliveryId) {
        failpoint::reach_with(|| format!("handle.{delivery}"));
    }
}

impl OperatorsWitness {
    #[expect(clippy::too_many_arguments, reason = "the fields of one log line")]
    fn ended(
        &self,
        integration: IntegrationId,
        at: Timestamp,
        delivery: DeliveryId,
        attempt: u32,
        outcome: &Outcome,
        took_ms: u64,
        next: Next,
    ) {
        let outcome = || outcome.words();
        match next {
            Next::Delivered => {
                tracing::info!(%integration, %delivery, attempt, took_ms, "delivered");
            }
            Next::Wait { due_at, .. } => {
                let retry_in_ms = u64::try_from(due_at.since(at).as_millis()).unwrap_or(u64::MAX);
                let outcome = outcome();
                tracing::warn!(
                    %integration, %delivery, attempt, took_ms, retry_in_ms, outcome, "attempt failed"
                );
            }
            Next::Dead(reason) => {
                let (outcome, reason) = (outcome(), DeadReason::word(reason));
                tracing::error!(
                    %integration, %delivery, attempt, took_ms, reason, outcome, "delivery is dead"
                );
            }
        }
    }
}
