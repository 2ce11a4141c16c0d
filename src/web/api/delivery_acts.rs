//! What people and programs do to deliveries, one by one or all that a filter means. The API's calls and
//! the pages both end here, so that no rule stands twice.

use actix_web::web::Data;
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::deliveries::find;
use super::to_its_end;
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::limits::{DELIVERIES_A_CALL, PAGE};
use crate::engine::Operation;
use crate::engine::ports::{Actor, StoreError};
use crate::store::queries::DeliveryFilter;
use crate::web::WebState;
use crate::web::error::Problem;

/// What came of a call that acts on many deliveries.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ManyActed")]
pub(in crate::web) struct ManyOut {
    /// Deliveries that the query means, counted up to what one call acts on.
    pub(in crate::web) matched: usize,
    /// Deliveries that were changed; fewer where somebody else decided meanwhile.
    pub(in crate::web) changed: u64,
    /// Whether there are more than one call acts on: call again until it is false.
    pub(in crate::web) more: bool,
    /// Whether nothing was done.
    pub(in crate::web) dry_run: bool,
}

/// Acts on one delivery.
///
/// # Errors
/// 404; 409 where its state does not allow it, or there is nowhere to send it.
pub(in crate::web) async fn act(
    state: &Data<WebState>,
    id: DeliveryId,
    operation: Operation,
    by: Actor,
) -> Result<(), Problem> {
    let integration = find(state, id).await?.row.integration_id;
    let engine = state.engine.clone();
    let acted = to_its_end(async move { engine.act(integration, operation, by).await }).await;
    if acted == Err(StoreError::NotFound) {
        let words = "Its integration was deleted: it can't be sent any more.";
        return Err(Problem::from(StoreError::Refused(words.to_owned())));
    }
    acted?;
    Ok(())
}

/// Acts of one call that wait for the store at once: they share its commits.
const AT_ONCE: usize = 64;

/// What a call does with all deliveries that it means.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) enum Many {
    /// Sends dead ones again.
    Retry,
    /// Has them never sent.
    Discard,
}

impl Many {
    /// The states in which it makes sense; for others, why it does not.
    pub(in crate::web) fn allows(self, state: State) -> Result<(), &'static str> {
        match (self, state) {
            (Self::Retry, State::Dead) => Ok(()),
            (
                Self::Retry,
                State::Pending | State::InFlight | State::Delivered | State::Discarded,
            ) => Err("must be dead: what waits is tried by itself, and the rest is over"),
            (Self::Discard, state) if state.can_be_discarded() => Ok(()),
            (
                Self::Discard,
                State::Pending
                | State::InFlight
                | State::Delivered
                | State::Dead
                | State::Discarded,
            ) => Err("must be dead, pending or in_flight: the others are over"),
        }
    }

    fn operation(self, id: DeliveryId) -> Operation {
        match self {
            Self::Retry => Operation::Retry(id),
            Self::Discard => Operation::Discard(id),
        }
    }
}

/// Acts on all deliveries that a filter means, or only counts them.
///
/// # Errors
/// What the store says.
pub(in crate::web) async fn act_on_many(
    many: Many,
    state: &Data<WebState>,
    filter: DeliveryFilter,
    dry_run: bool,
    by: Actor,
) -> Result<ManyOut, Problem> {
    let found = state.reader.count_deliveries(filter.clone(), DELIVERIES_A_CALL + 1).await?;
    let (matched, more) = (found.min(DELIVERIES_A_CALL), found > DELIVERIES_A_CALL);
    let changed = if dry_run {
        0
    } else {
        let state = state.clone();
        to_its_end(async move { act_on_each(many, &state, filter, by).await }).await?
    };
    Ok(ManyOut { matched, changed, more, dry_run })
}

async fn act_on_each(
    many: Many,
    state: &WebState,
    filter: DeliveryFilter,
    by: Actor,
) -> Result<u64, StoreError> {
    let (mut changed, mut looked_at, mut before) = (0_u64, 0, None);
    while looked_at < DELIVERIES_A_CALL {
        let limit = PAGE.min(DELIVERIES_A_CALL - looked_at);
        let rows = state.reader.deliveries(filter.clone(), before, limit).await?;
        let Some(last) = rows.last() else { break };
        before = Some(last.id);
        looked_at += rows.len();
        let acts = futures_util::stream::iter(rows).map(|row| {
            let (engine, by) = (state.engine.clone(), by.clone());
            async move { engine.act(row.integration_id, many.operation(row.id), by).await }
        });
        let mut acts = acts.buffer_unordered(AT_ONCE);
        while let Some(acted) = acts.next().await {
            match acted {
                Ok(count) => changed += count,
                // Somebody else decided meanwhile, or its integration was deleted.
                Err(StoreError::Refused(_) | StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(changed)
}
