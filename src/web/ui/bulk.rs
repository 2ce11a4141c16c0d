//! Acts on all deliveries that the log's filters mean: first how many they are, then the act.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::deliveries::amount;
use super::form::Form;
use super::frame::{Frame, Place};
use super::log_filter::Asked;
use super::words::{When, count};
use super::{html, see_other};
use crate::domain::delivery::State;
use crate::domain::limits::{CHOICES, DELIVERIES_A_CALL};
use crate::domain::time::{Timestamp, parse_rfc3339};
use crate::store::queries::DeliveryFilter;
use crate::web::WebState;
use crate::web::api::delivery_acts::{Many, ManyOut, act_on_many};
use crate::web::auth::{Caller, Editor};
use crate::web::error::Problem;

#[derive(Template)]
#[template(path = "bulk.html")]
struct Bulk {
    frame: Frame,
    /// `retry` or `discard`.
    verb: &'static str,
    /// How many are meant, in words.
    amount: String,
    none: bool,
    /// The most that one call acts on, where there are more.
    most: Option<String>,
    /// The filters in words.
    means: Vec<(&'static str, String)>,
    since: Option<When>,
    until: Option<When>,
    /// What is accepted after this is left alone.
    now: When,
    action: String,
    back: String,
}

pub(super) async fn ask_retry(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    ask(Many::Retry, &caller, &state, &request).await
}

pub(super) async fn ask_discard(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    ask(Many::Discard, &caller, &state, &request).await
}

pub(super) async fn retry(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    act(Many::Retry, &caller, &state, &request, payload).await
}

pub(super) async fn discard(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    act(Many::Discard, &caller, &state, &request, payload).await
}

async fn ask(
    many: Many,
    caller: &Caller<Editor>,
    state: &Data<WebState>,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let now = state.engine.now();
    let asked = Asked::of(request.query_string(), now);
    let (filter, of) = meant(many, &asked)?;
    let found = act_on_many(many, state, filter.clone(), true, caller.actor()).await?;
    let ManyOut { matched, more, .. } = found;
    let verb = verb(many);
    let frame = Frame::of(caller, request, Place::Deliveries, format!("{} many", title(many)));
    html(&Bulk {
        frame,
        verb,
        amount: amount(matched, more, of),
        none: matched == 0,
        most: more.then(|| count(u64::try_from(DELIVERIES_A_CALL).unwrap_or(u64::MAX))),
        means: means(state, &asked).await?,
        since: filter.since.map(|at| When::of(at, now)),
        until: filter.until.map(|at| When::of(at, now)),
        now: When::of(now, now),
        action: asked.address(path(many), &[]),
        back: asked.address("/deliveries", &[]),
    })
}

async fn act(
    many: Many,
    caller: &Caller<Editor>,
    state: &Data<WebState>,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(request, payload).await?;
    let now = state.engine.now();
    let asked = Asked::of(request.query_string(), now);
    let (filter, _) = meant(many, &asked)?;
    // What came after the question was not counted in it.
    let asked_at = parse_rfc3339(form.text("asked_at"))
        .map_err(|error| Problem::field("/asked_at", error.to_string()))?;
    let asked_at = Timestamp::from_millis(asked_at.as_millisecond());
    let until = filter.until.map_or(asked_at, |until| until.min(asked_at));
    let filter = DeliveryFilter { until: Some(until), ..filter };
    let acted = act_on_many(many, state, filter, false, caller.actor()).await?;
    let done = acted.changed.to_string();
    let word = match many {
        Many::Retry => "retried",
        Many::Discard => "discarded",
    };
    let more = if acted.more { "true" } else { "" };
    Ok(see_other(&asked.address("/deliveries", &[(word, &done), ("more", more)])))
}

/// The deliveries that are meant, if the act makes sense for them.
fn meant(many: Many, asked: &Asked) -> Result<(DeliveryFilter, State), Problem> {
    if !asked.errors.is_empty() {
        return Err(Problem::invalid(asked.errors.clone()));
    }
    let filter = asked.filter.clone();
    let Some(of) = filter.state else {
        return Err(Problem::field("?state", "is missing: say which of them are meant"));
    };
    many.allows(of).map_err(|why| Problem::field("?state", why))?;
    Ok((filter, of))
}

/// The filters as a person reads them, but for the times.
async fn means(
    state: &Data<WebState>,
    asked: &Asked,
) -> Result<Vec<(&'static str, String)>, Problem> {
    let DeliveryFilter { automation_id, integration_id, record_id, .. } = asked.filter.clone();
    let mut means = Vec::new();
    let choices = state.reader.choices(automation_id, integration_id, CHOICES).await?;
    if let Some(id) = automation_id {
        let known = choices.iter().find(|each| each.id == id);
        means.push(("Automation", known.map_or_else(|| id.to_string(), |each| each.name.clone())));
    }
    if let Some(id) = integration_id {
        let mut all = choices.iter().flat_map(|each| &each.integrations);
        let known = all.find(|(each, _)| *each == id);
        means.push(("Destination", known.map_or_else(|| id.to_string(), |(_, name)| name.clone())));
    }
    if let Some(record_id) = record_id {
        means.push(("Record", record_id));
    }
    Ok(means)
}

const fn verb(many: Many) -> &'static str {
    match many {
        Many::Retry => "retry",
        Many::Discard => "discard",
    }
}

const fn title(many: Many) -> &'static str {
    match many {
        Many::Retry => "Retry",
        Many::Discard => "Discard",
    }
}

const fn path(many: Many) -> &'static str {
    match many {
        Many::Retry => "/deliveries/retry",
        Many::Discard => "/deliveries/discard",
    }
}
