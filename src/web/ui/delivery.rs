//! One delivery: how it stands and what comes next, each attempt, and what is sent.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::alert::{Content, spread};
use super::attempt::{self, AttemptLine, Chosen};
use super::curl::Curl;
use super::deliveries::Named;
use super::form::Form;
use super::frame::{Frame, Place};
use super::standing::{self, Badge, Receiver};
use super::words::{When, count};
use super::{html, see_other};
use crate::domain::alert::idempotency_key;
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::limits::ATTEMPTS_A_PAGE;
use crate::domain::recipient::{Fate, Recipient};
use crate::domain::time::Timestamp;
use crate::engine::Operation;
use crate::engine::ports::{Destination, StoreError};
use crate::store::history::History;
use crate::web::WebState;
use crate::web::api::delivery_acts::act;
use crate::web::api::query::Query;
use crate::web::api::{deliveries, id, view};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::{Code, Problem};

const WHAT: &str = "delivery";

#[derive(Template)]
#[template(path = "delivery.html")]
struct Delivery {
    frame: Frame,
    id: String,
    record_id: String,
    badge: Badge,
    /// How it stands, in a sentence.
    words: String,
    /// What was asked for and refused.
    refused: Option<String>,
    can_retry: bool,
    can_discard: bool,
    /// Whether it waits, so that a retry only hurries it.
    waits: bool,
    automation: Named,
    integration: Named,
    alert_id: String,
    key: String,
    attempt_count: String,
    in_doubt: u32,
    created: When,
    due: Option<When>,
    overdue: bool,
    expires: Option<When>,
    finished: Option<When>,
    rows: Vec<AttemptLine>,
    /// What became of each address, where it is a mail.
    recipients: Vec<Recipient>,
    /// How many attempts there are in all, where not all are shown.
    of_all: Option<String>,
    /// Where the attempts before these begin, and whether there are any after them.
    earlier: Option<u32>,
    is_later: bool,
    chosen: Option<Chosen>,
    /// What a first attempt would send: a line that does it, or the message.
    curl: Option<Curl>,
    message: Option<String>,
    content: Option<Content>,
    /// This page's own address, for its live part.
    here: String,
}

/// Which part of the history is looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    before: Option<u32>,
    attempt: Option<u32>,
}

pub(super) async fn show(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let _shown_by_the_frame = query.given("notice");
    let before = query.parsed("before", "is not the number of an attempt");
    let attempt = query.parsed("attempt", "is not the number of an attempt");
    let part = query.end(Part { before, attempt })?;
    page(&caller, &state, id(&path, WHAT)?, &request, part, None).await
}

pub(super) async fn retry(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Form::read(&request, payload).await?;
    let id = id(&path, WHAT)?;
    acted(&caller, &state, id, &request, Operation::Retry(id)).await
}

pub(super) async fn discard(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Form::read(&request, payload).await?;
    let id = id(&path, WHAT)?;
    acted(&caller, &state, id, &request, Operation::Discard(id)).await
}

/// Does it, and shows what came of it; a refusal is shown beside how the delivery stands now.
async fn acted(
    caller: &Caller<Editor>,
    state: &Data<WebState>,
    id: DeliveryId,
    request: &HttpRequest,
    operation: Operation,
) -> Result<HttpResponse, Problem> {
    match act(state, id, operation, caller.actor()).await {
        Ok(()) => {
            let notice = match operation {
                Operation::Retry(_) | Operation::RetryDead => "retried",
                Operation::Discard(_) => "discarded",
            };
            Ok(see_other(&format!("/deliveries/{id}?notice={notice}")))
        }
        Err(problem) if problem.code() == Code::Conflict => {
            let words = problem.detail().to_owned();
            let shown = page(caller, state, id, request, Part::default(), Some(words)).await;
            shown.map(|mut response| {
                *response.status_mut() = StatusCode::CONFLICT;
                response
            })
        }
        Err(problem) => Err(problem),
    }
}

#[derive(Template)]
#[template(path = "discard.html")]
struct Discard {
    frame: Frame,
    id: String,
    record_id: String,
    integration: String,
    allowed: bool,
    badge: Badge,
}

/// Asks before it is discarded: that can't be taken back.
pub(super) async fn ask_discard(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: DeliveryId = id(&path, WHAT)?;
    let history = state.reader.history(id, None, 0, None).await;
    let History { row, way, .. } = history.map_err(|error| view::missing(error, WHAT))?;
    html(&Discard {
        frame: Frame::of(&caller, &request, Place::Deliveries, "Discard a delivery"),
        id: id.to_string(),
        badge: Badge::of(row.state, row.attempts),
        allowed: row.state.can_be_discarded(),
        record_id: row.record_id,
        integration: way.integration,
    })
}

async fn page<R>(
    caller: &Caller<R>,
    state: &Data<WebState>,
    id: DeliveryId,
    request: &HttpRequest,
    part: Part,
    refused: Option<String>,
) -> Result<HttpResponse, Problem> {
    let history = state.reader.history(id, part.before, ATTEMPTS_A_PAGE, part.attempt).await;
    let history = history.map_err(|error| view::missing(error, WHAT))?;
    let destination = match state.reader.destination(history.row.integration_id).await {
        Err(StoreError::NotFound) => None,
        found => Some(found?),
    };
    let content = Content::read(state, history.row.alert_id).await?;
    let chosen = attempt::chosen(state, &history, content.as_ref()).await?;
    let title = format!("{} to {}", history.row.record_id, history.way.integration);
    let frame = Frame::of(caller, request, Place::Deliveries, title);
    let now = state.engine.now();
    let first = match (&chosen, &destination, &content) {
        (None, Some(destination), Some(content)) => {
            let integration = &destination.integration;
            let told = attempt::told(&history, Some(content));
            let made = deliveries::request(state, integration, &history.row, &told, now)?;
            Some((attempt::curl(&made, integration, content), made.message))
        }
        (Some(_), _, _) | (None, None, _) | (None, Some(_), None) => None,
    };
    let (curl, message) = first.unwrap_or_default();
    let found = Found { history, destination, content, chosen, curl, message };
    html(&Delivery::of(frame, found, part, refused, now))
}

/// What was read for the page.
struct Found {
    history: History,
    destination: Option<Destination>,
    content: Option<Content>,
    chosen: Option<Chosen>,
    curl: Option<Curl>,
    message: Option<String>,
}

impl Delivery {
    fn of(frame: Frame, found: Found, part: Part, refused: Option<String>, now: Timestamp) -> Self {
        let Found { history, destination, content, chosen, curl, message } = found;
        let History { row, way, count: all, attempts, recipients, .. } = history;
        let receiver = match &destination {
            None => Receiver::Deleted,
            Some(found) => {
                Receiver::Known { status: &found.status, circuit: &found.health.circuit }
            }
        };
        let waits = row.state == State::Pending;
        let is_open = row.state.can_be_discarded() && row.state != State::Dead;
        let longest = attempts.iter().map(|each| each.took).max().unwrap_or_default();
        let number = chosen.as_ref().map(|each| each.number);
        let rows: Vec<_> =
            attempts.iter().map(|each| AttemptLine::of(each, longest, number, now)).collect();
        let earlier = attempts.last().map(|last| last.number).filter(|last| *last > 1);
        let here = format!("/deliveries/{}", row.id);
        let given = [("attempt", part.attempt), ("before", part.before)];
        let given = given.into_iter().filter_map(|(name, number)| Some((name, number?)));
        let query: Vec<_> = given.map(|(name, number)| format!("{name}={number}")).collect();
        Self {
            words: standing::words(&row, &receiver, now),
            badge: Badge::of(row.state, row.attempts),
            refused,
            can_retry: frame.can_edit() && row.state.can_be_retried() && destination.is_some(),
            can_discard: frame.can_edit() && row.state.can_be_discarded(),
            waits,
            key: idempotency_key(&row.origin, row.integration_id, &row.record_id),
            automation: Named {
                id: row.automation_id.to_string(),
                name: way.automation,
                deleted: way.automation_deleted,
            },
            integration: Named {
                id: row.integration_id.to_string(),
                name: way.integration,
                deleted: way.integration_deleted,
            },
            alert_id: row.alert_id.to_string(),
            attempt_count: count(row.attempts.into()),
            in_doubt: row.in_doubt,
            created: When::of(row.created_at, now),
            overdue: row.due_at <= now,
            due: waits.then(|| When::of(row.due_at, now)),
            expires: is_open.then(|| When::of(row.expires_at, now)),
            finished: row.finished_at.map(|at| When::of(at, now)),
            of_all: (all > rows.len() as u64).then(|| count(all)),
            // Numbers begin at 1, and none is left out; retention takes away whole deliveries.
            earlier: earlier.filter(|_| rows.len() >= ATTEMPTS_A_PAGE),
            is_later: part.before.is_some(),
            rows,
            recipients,
            chosen,
            curl,
            message,
            content,
            here: if query.is_empty() { here } else { format!("{here}?{}", query.join("&")) },
            id: row.id.to_string(),
            record_id: row.record_id,
            frame,
        }
    }
}
