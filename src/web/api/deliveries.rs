//! Deliveries: what is on its way, what arrived and what did not, with every attempt.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::json;

use super::attempt_out::AttemptOut;
use super::query::Query;
use super::{Page, id, to_its_end};
use crate::domain::alert::idempotency_key;
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::limits::PAGE;
use crate::engine::Operation;
use crate::engine::ports::{Actor, StoreError};
use crate::store::queries::{AttemptRow, DeliveryFilter, DeliveryRow};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::Problem;
use crate::web::{WebState, body};

const WHAT: &str = "delivery";

/// One delivery as callers see it.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryOut {
    id: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    alert_id: String,
    automation_id: String,
    integration_id: String,
    record_id: String,
    idempotency_key: String,
    attempt_count: u32,
    /// Stops of the service at which it may have been on its way.
    in_doubt: u32,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptOut>>,
}

impl DeliveryOut {
    /// A delivery of a list, without its attempts.
    pub(super) fn of(row: &DeliveryRow) -> Self {
        let waits = matches!(row.state, State::Pending);
        Self {
            id: row.id.to_string(),
            state: row.state.word(),
            reason: row.reason.clone(),
            alert_id: row.alert_id.to_string(),
            automation_id: row.automation_id.to_string(),
            integration_id: row.integration_id.to_string(),
            record_id: row.record_id.clone(),
            idempotency_key: idempotency_key(row.automation_id, row.integration_id, &row.record_id),
            attempt_count: row.attempts,
            in_doubt: row.in_doubt,
            created_at: row.created_at.to_string(),
            next_attempt_at: waits.then(|| row.due_at.to_string()),
            expires_at: row.expires_at.to_string(),
            finished_at: row.finished_at.map(|at| at.to_string()),
            attempts: None,
        }
    }

    fn whole(row: &DeliveryRow, attempts: &[AttemptRow]) -> Self {
        Self { attempts: Some(attempts.iter().map(AttemptOut::of_row).collect()), ..Self::of(row) }
    }
}

pub(super) async fn list(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let filter = filter(&mut query);
    let limit = query.limit();
    let before = query.parsed::<DeliveryId>("cursor", "is not a cursor that a list gave");
    let (filter, before) = query.end((filter, before))?;
    // One more than is shown tells whether there is a next page.
    let mut rows = state.reader.deliveries(filter, before, limit.saturating_add(1)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|last| last.id.to_string());
    let data = rows.iter().map(DeliveryOut::of).collect();
    Ok(HttpResponse::Ok().json(Page { data, next_cursor }))
}

fn filter(query: &mut Query) -> DeliveryFilter {
    let states: Vec<_> = State::ALL.iter().map(|state| state.word()).collect();
    let word = query.text("state");
    let state = word.as_deref().and_then(State::from_word);
    if word.is_some() && state.is_none() {
        query.refuse("state", format!("must be one of {}", states.join(", ")));
    }
    DeliveryFilter {
        automation_id: query.parsed("automation_id", "is not the id of an automation"),
        integration_id: query.parsed("integration_id", "is not the id of an integration"),
        state,
        record_id: query.text("record_id"),
        since: query.time("since"),
        until: query.time("until"),
    }
}

pub(super) async fn read(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    answer(&state, id(&path, WHAT)?).await
}

pub(super) async fn retry(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let id = id(&path, WHAT)?;
    act(&state, id, Operation::Retry(id), caller.actor()).await
}

pub(super) async fn discard(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let id = id(&path, WHAT)?;
    act(&state, id, Operation::Discard(id), caller.actor()).await
}

async fn act(
    state: &Data<WebState>,
    id: DeliveryId,
    operation: Operation,
    by: Actor,
) -> Result<HttpResponse, Problem> {
    let integration = find(state, id).await?.0.integration_id;
    let engine = state.engine.clone();
    let acted = to_its_end(async move { engine.act(integration, operation, by).await }).await;
    if acted == Err(StoreError::NotFound) {
        let words = "Its integration was deleted: it can't be sent any more.";
        return Err(Problem::from(StoreError::Refused(words.to_owned())));
    }
    acted?;
    answer(state, id).await
}

/// Retries of one call that wait for the store at once: they share its commits.
const AT_ONCE: usize = 64;

/// Retries what a list with the same query would show, dead deliveries only.
pub(super) async fn retry_many(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let mut query = Query::of(request.query_string());
    let filter = filter(&mut query);
    if filter.state != Some(State::Dead) {
        query.refuse("state", "must be dead: what waits is retried by itself, the rest is over");
    }
    let filter = query.end(filter)?;
    let by = caller.actor();
    let retried = to_its_end(async move {
        let (mut retried, mut before) = (0_u64, None);
        loop {
            let rows = state.reader.deliveries(filter.clone(), before, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(retried) };
            before = Some(last.id);
            let acts = futures_util::stream::iter(rows).map(|row| {
                let (engine, by) = (state.engine.clone(), by.clone());
                async move { engine.act(row.integration_id, Operation::Retry(row.id), by).await }
            });
            let mut acts = acts.buffer_unordered(AT_ONCE);
            while let Some(acted) = acts.next().await {
                match acted {
                    Ok(changed) => retried += changed,
                    // Somebody else retried it meanwhile, or its integration was deleted.
                    Err(StoreError::Refused(_) | StoreError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({ "retried": retried })))
}

async fn find(
    state: &Data<WebState>,
    id: DeliveryId,
) -> Result<(DeliveryRow, Vec<AttemptRow>), Problem> {
    match state.reader.delivery(id).await {
        Err(StoreError::NotFound) => Err(Problem::not_found(WHAT)),
        found => Ok(found?),
    }
}

async fn answer(state: &Data<WebState>, id: DeliveryId) -> Result<HttpResponse, Problem> {
    let (row, attempts) = find(state, id).await?;
    Ok(HttpResponse::Ok().json(DeliveryOut::whole(&row, &attempts)))
}
