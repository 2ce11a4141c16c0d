//! What is read to be shown: settings with the state that belongs to them.

use actix_web::web::Data;
use futures_util::future::try_join_all;

use super::integration_out::{IntegrationOut, Live};
use super::plan::Fresh;
use crate::domain::automation::Automation;
use crate::domain::condition::Subject;
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::Integration;
use crate::engine::ports::StoreError;
use crate::store::queries::IntegrationState;
use crate::web::WebState;
use crate::web::error::Problem;

/// An automation with the states of its integrations.
pub(in crate::web) struct AutomationView {
    pub(in crate::web) automation: Automation,
    states: Vec<IntegrationState>,
}

/// An integration with its state.
pub(in crate::web) struct IntegrationView {
    pub(in crate::web) integration: Integration,
    pub(in crate::web) state: IntegrationState,
    /// What its condition is asked of.
    pub(in crate::web) subject: Subject,
    /// The version of its automation, which rises with each change of it.
    pub(in crate::web) version: i64,
}

/// One automation.
pub(in crate::web) async fn automation(
    state: &Data<WebState>,
    id: AutomationId,
) -> Result<AutomationView, Problem> {
    let automation = state.reader.automation(id).await.map_err(|e| missing(e, "automation"))?;
    with_states(state, automation).await.map_err(|e| missing(e, "automation"))
}

/// A page of automations, and the one that the next page begins behind.
pub(in crate::web) async fn automations(
    state: &Data<WebState>,
    after: Option<AutomationId>,
    limit: usize,
) -> Result<(Vec<AutomationView>, Option<AutomationId>), Problem> {
    // One more than is shown tells whether there is a next page.
    let mut page = state.reader.automations(after, limit.saturating_add(1)).await?;
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|last| last.id);
    let mut views = Vec::with_capacity(page.len());
    for automation in page {
        match with_states(state, automation).await {
            Ok(view) => views.push(view),
            // It was deleted between the two readings.
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok((views, next))
}

/// One integration.
pub(in crate::web) async fn integration(
    state: &Data<WebState>,
    id: IntegrationId,
) -> Result<IntegrationView, Problem> {
    read_integration(state, id).await.map_err(|error| missing(error, "integration"))
}

async fn read_integration(
    state: &Data<WebState>,
    id: IntegrationId,
) -> Result<IntegrationView, StoreError> {
    let automation_id = state.reader.integration(id).await?.automation_id;
    // Settings and version must be of one moment: a patch is laid over them.
    let automation = state.reader.automation(automation_id).await?;
    let (version, subject) = (automation.version, automation.trigger.subject());
    let found = automation.integrations.into_iter().find(|each| each.id == id);
    let integration = found.ok_or(StoreError::NotFound)?;
    let state = state.reader.integration_state(id).await?;
    Ok(IntegrationView { integration, state, subject, version })
}

async fn with_states(
    state: &Data<WebState>,
    automation: Automation,
) -> Result<AutomationView, StoreError> {
    let asked = automation.integrations.iter().map(|each| state.reader.integration_state(each.id));
    let states = try_join_all(asked).await?;
    Ok(AutomationView { automation, states })
}

/// The refusal for what the store says, in which the thing that is missing has a name.
pub(in crate::web) fn missing(error: StoreError, what: &str) -> Problem {
    match error {
        StoreError::NotFound => Problem::not_found(what),
        StoreError::Full
        | StoreError::Busy
        | StoreError::Stopped
        | StoreError::Stale { .. }
        | StoreError::Refused(_)
        | StoreError::Repeated { .. }
        | StoreError::KeyReused
        | StoreError::Failed(_) => error.into(),
    }
}

impl AutomationView {
    /// Its integrations as callers see them, with the signing secrets that this call made.
    pub(in crate::web) fn integrations(
        &self,
        web: &WebState,
        fresh: &Fresh,
    ) -> Vec<IntegrationOut> {
        let both = self.automation.integrations.iter().zip(&self.states);
        both.map(|(integration, state)| {
            let secret = fresh.get(&integration.id).map(|secret| secret.expose());
            shown(integration, state, web).with_secret(secret)
        })
        .collect()
    }
}

impl IntegrationView {
    /// The integration as callers see it.
    pub(in crate::web) fn shown(&self, web: &WebState) -> IntegrationOut {
        shown(&self.integration, &self.state, web)
    }
}

/// An integration with its state as callers see it.
pub(in crate::web) fn shown(
    integration: &Integration,
    state: &IntegrationState,
    web: &WebState,
) -> IntegrationOut {
    let in_flight = web.engine.in_flight(integration.id);
    let live = Live {
        status: &state.status,
        health: &state.health,
        waiting: state.pending.saturating_add(state.claimed),
        dead: state.dead,
        next_due_at: state.next_due_at,
        in_flight: u64::try_from(in_flight).unwrap_or(u64::MAX),
        parked_until: web.engine.parked_until(integration.id),
    };
    IntegrationOut::of(integration, &live, &web.policy)
}
