//! Deliveries: what is on its way, what arrived and what did not, with every attempt.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use super::attempt_out::{AttemptOut, RequestOut};
use super::delivery_acts::{Many, act, act_on_many};
use super::query::Query;
use super::{Page, id};
use crate::domain::alert::{Alert, Aside, Body, idempotency_key};
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::integration::{Integration, Kind};
use crate::domain::recipient::Recipient;
use crate::domain::time::Timestamp;
use crate::engine::Operation;
use crate::engine::ports::StoreError;
use crate::store::queries::{AttemptRow, DeliveryFilter, DeliveryRow, WholeDelivery};
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
    /// What became of each address of a mail, as far as attempts have told; only where one delivery is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    recipients: Vec<RecipientOut>,
}

/// What became of one address.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Recipient")]
pub(super) struct RecipientOut {
    /// The address.
    address: String,
    /// `accepted` by the mail server, `refused` for good, or `waiting` for the next attempt.
    state: &'static str,
    /// The server's code.
    code: u16,
    /// The server's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    detail: String,
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
            idempotency_key: idempotency_key(&row.origin, row.integration_id, &row.record_id),
            attempt_count: row.attempts,
            in_doubt: row.in_doubt,
            created_at: row.created_at.to_string(),
            next_attempt_at: waits.then(|| row.due_at.to_string()),
            expires_at: row.expires_at.to_string(),
            finished_at: row.finished_at.map(|at| at.to_string()),
            attempts: None,
            recipients: Vec::new(),
        }
    }

    fn whole(row: &DeliveryRow, attempts: Vec<AttemptOut>, recipients: Vec<Recipient>) -> Self {
        let recipients = recipients.into_iter().map(|each| RecipientOut {
            address: each.address,
            state: each.fate.word(),
            code: each.code,
            detail: each.words,
        });
        Self { attempts: Some(attempts), recipients: recipients.collect(), ..Self::of(row) }
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

/// Which deliveries a query means.
pub(in crate::web) fn filter(query: &mut Query) -> DeliveryFilter {
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
    act(&state, id, Operation::Retry(id), caller.actor()).await?;
    answer(&state, id).await
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
    act(&state, id, Operation::Discard(id), caller.actor()).await?;
    answer(&state, id).await
}

/// Retries what a list with the same query shows.
pub(super) async fn retry_many(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    many(Many::Retry, &caller, state, &request, payload).await
}

/// Discards what a list with the same query shows.
pub(super) async fn discard_many(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    many(Many::Discard, &caller, state, &request, payload).await
}

async fn many(
    what: Many,
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
            if let Err(why) = what.allows(state) {
                query.refuse("state", why);
            }
        }
    }
    let filter = query.end(filter)?;
    let acted = act_on_many(what, &state, filter, dry_run, caller.actor()).await?;
    Ok(HttpResponse::Ok().json(acted))
}

/// One delivery with its attempts.
///
/// # Errors
/// 404.
pub(in crate::web) async fn find(
    state: &Data<WebState>,
    id: DeliveryId,
) -> Result<WholeDelivery, Problem> {
    match state.reader.delivery(id).await {
        Err(StoreError::NotFound) => Err(Problem::not_found(WHAT)),
        found => Ok(found?),
    }
}

async fn answer(state: &Data<WebState>, id: DeliveryId) -> Result<HttpResponse, Problem> {
    let WholeDelivery { row, attempts, recipients } = find(state, id).await?;
    let attempts = with_requests(state, &row, &attempts).await?;
    Ok(HttpResponse::Ok().json(DeliveryOut::whole(&row, attempts, recipients)))
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
    let is_message = |integration: &Integration| integration.target.kind() != Kind::Webhook;
    let told = match known.values().any(is_message) {
        true => Told::read(state, row).await?,
        // The head of a webhook's request says nothing of the rest.
        false => Told::default(),
    };
    let mut shown = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        let integration = attempt.revision.and_then(|revision| known.get(&revision));
        let request = integration
            .map(|integration| request(state, integration, row, &told, attempt.started_at))
            .transpose()?;
        shown.push(AttemptOut::of_row(attempt, request));
    }
    Ok(shown)
}

/// What a message tells beside the record's id.
#[derive(Debug, Default)]
pub(in crate::web) struct Told {
    /// The automation's name.
    pub(in crate::web) automation: String,
    /// The alert's body; empty where it is damaged.
    pub(in crate::web) body: Bytes,
    /// What stands beside it.
    pub(in crate::web) aside: Aside,
}

impl Told {
    async fn read(state: &WebState, row: &DeliveryRow) -> Result<Self, Problem> {
        let automation = state.reader.logged(vec![row.clone()]).await?;
        let automation = automation.into_iter().next().map(|each| each.way.automation);
        let alert = state.reader.alert(row.alert_id).await?.alert.ok();
        Ok(Self {
            automation: automation.unwrap_or_default(),
            aside: alert.as_ref().map(|alert| alert.aside.clone()).unwrap_or_default(),
            body: alert.map(|alert| alert.body.bytes().clone()).unwrap_or_default(),
        })
    }
}

/// The request that an attempt with these settings makes, without its secrets.
pub(in crate::web) fn request(
    state: &WebState,
    integration: &Integration,
    row: &DeliveryRow,
    told: &Told,
    started_at: Timestamp,
) -> Result<RequestOut, Problem> {
    let alert = Alert {
        id: row.alert_id,
        automation_id: row.automation_id,
        origin: row.origin.clone(),
        record_id: row.record_id.clone(),
        body: Body::new(told.body.clone()),
        aside: told.aside.clone(),
    };
    let kind = integration.target.kind();
    let shown = state.engine.shown(integration.clone(), &told.automation, alert, started_at)?;
    Ok(RequestOut::of(shown, kind))
}
