//! Deliveries: what is on its way, what arrived and what did not, with every attempt.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::attempt_out::{AttemptOut, RequestOut, headers_out};
use super::query::Query;
use super::{Page, id, to_its_end};
use crate::domain::alert::idempotency_key;
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::integration::{Integration, Target};
use crate::domain::limits::{DELIVERIES_A_CALL, PAGE};
use crate::engine::Operation;
use crate::engine::ports::{Actor, StoreError};
use crate::store::queries::{AttemptRow, DeliveryFilter, DeliveryRow};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::Problem;
use crate::web::{WebState, body};

const WHAT: &str = "delivery";

/// One delivery: one alert on its way to one integration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub(super) struct DeliveryOut {
    /// As in `dlv_7`.
    id: String,
    /// `pending`, `in_flight`, `delivered`, `dead` or `discarded`.
    state: &'static str,
    /// Why it is dead or discarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Its alert.
    alert_id: String,
    /// The automation that fired.
    automation_id: String,
    /// Where it goes.
    integration_id: String,
    /// The record that it is about.
    record_id: String,
    /// The same on every attempt.
    idempotency_key: String,
    /// Attempts that were made and written down.
    attempt_count: u32,
    /// Stops of the service at which it may have been on its way.
    in_doubt: u32,
    /// When it was accepted.
    created_at: String,
    /// When the next attempt is due, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    /// Until when failed attempts are made again.
    expires_at: String,
    /// When it became what it is, where that is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    /// Its attempts, the first one first; only where one delivery is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptOut>>,
}

/// What came of a call that acts on many deliveries.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ManyActed")]
pub(super) struct ManyOut {
    /// Deliveries that the query means, counted up to what one call acts on.
    matched: usize,
    /// Deliveries that were changed; fewer where somebody else decided meanwhile.
    changed: u64,
    /// Whether there are more than one call acts on: call again until it is false.
    more: bool,
    /// Whether nothing was done.
    dry_run: bool,
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

    fn whole(row: &DeliveryRow, attempts: Vec<AttemptOut>) -> Self {
        Self { attempts: Some(attempts), ..Self::of(row) }
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
    let rows = state.reader.deliveries(filter, before, limit.saturating_add(1)).await?;
    let next = |last: &DeliveryRow| last.id.to_string();
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, DeliveryOut::of, next)))
}

fn filter(query: &mut Query) -> DeliveryFilter {
    let states: Vec<_> = State::ALL.iter().map(|state| state.word()).collect();
    let word = query.given("state");
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

/// Acts of one call that wait for the store at once: they share its commits.
const AT_ONCE: usize = 64;

/// What a call does with all deliveries that it means.
#[derive(Debug, Clone, Copy)]
enum Many {
    Retry,
    Discard,
}

impl Many {
    /// The states in which it makes sense.
    fn allows(self, state: State) -> Result<(), &'static str> {
        match (self, state) {
            (Self::Retry, State::Dead) => Ok(()),
            (
                Self::Retry,
                State::Pending | State::InFlight | State::Delivered | State::Discarded,
            ) => Err("must be dead: what waits is tried by itself, and the rest is over"),
            (Self::Discard, State::Dead | State::Pending | State::InFlight) => Ok(()),
            (Self::Discard, State::Delivered | State::Discarded) => {
                Err("must be dead, pending or in_flight: the others are over")
            }
        }
    }

    fn operation(self, id: DeliveryId) -> Operation {
        match self {
            Self::Retry => Operation::Retry(id),
            Self::Discard => Operation::Discard(id),
        }
    }
}

/// Retries what a list with the same query shows.
pub(super) async fn retry_many(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    act_on_many(Many::Retry, &caller, state, &request, payload).await
}

/// Discards what a list with the same query shows.
pub(super) async fn discard_many(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    act_on_many(Many::Discard, &caller, state, &request, payload).await
}

async fn act_on_many(
    many: Many,
    caller: &Caller<Editor>,
    state: Data<WebState>,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(request, payload).await?;
    let mut query = Query::of(request.query_string());
    let filter = filter(&mut query);
    let dry_run = query.flag("dry_run");
    match filter.state {
        None => query.refuse("state", "is missing: say which of them are meant"),
        Some(state) => {
            if let Err(why) = many.allows(state) {
                query.refuse("state", why);
            }
        }
    }
    let filter = query.end(filter)?;
    let found = state.reader.count_deliveries(filter.clone(), DELIVERIES_A_CALL + 1).await?;
    let (matched, more) = (found.min(DELIVERIES_A_CALL), found > DELIVERIES_A_CALL);
    let changed = if dry_run {
        0
    } else {
        let by = caller.actor();
        to_its_end(async move { act_on_each(many, &state, filter, by).await }).await?
    };
    Ok(HttpResponse::Ok().json(ManyOut { matched, changed, more, dry_run }))
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
    let attempts = with_requests(state, &row, &attempts).await?;
    Ok(HttpResponse::Ok().json(DeliveryOut::whole(&row, attempts)))
}

/// The attempts, each with its request as it was made then.
async fn with_requests(
    state: &WebState,
    row: &DeliveryRow,
    attempts: &[AttemptRow],
) -> Result<Vec<AttemptOut>, Problem> {
    let revisions: BTreeSet<u32> = attempts.iter().filter_map(|each| each.revision).collect();
    let revisions = revisions.into_iter().collect();
    let known: BTreeMap<u32, Integration> =
        state.reader.revisions(row.integration_id, revisions).await?.into_iter().collect();
    let shown = attempts.iter().map(|attempt| {
        let integration = attempt.revision.and_then(|revision| known.get(&revision));
        let request = integration.map(|integration| {
            let Target::Webhook(webhook) = &integration.target;
            let headers = state.engine.request_headers(
                integration.clone(),
                &row.record_id,
                attempt.number,
                attempt.started_at,
            );
            RequestOut { method: "POST", url: webhook.url.masked(), headers: headers_out(headers) }
        });
        AttemptOut::of_row(attempt, request)
    });
    Ok(shown.collect())
}
