//! Automations: standing rules with their integrations, created and replaced whole.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::automation_in;
use super::automation_out::AutomationOut;
use super::integration_out::{IntegrationOut, Settings};
use super::once::{REPLAYED, if_gone, once};
use super::patch::merge;
use super::plan::{Fresh, plan};
use super::query::Query;
use super::version::{Seen, etag, seen};
use super::view::{self, AutomationView, missing};
use super::{Page, change, id};
use crate::domain::automation::Automation;
use crate::domain::id::AutomationId;
use crate::domain::limits::STALE_TRIES;
use crate::engine::ports::{Actor, Edit, StoreError};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::Problem;
use crate::web::json::{self, Faults};
use crate::web::{WebState, body};

const WHAT: &str = "automation";

pub(super) async fn list(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit();
    let after = query.parsed::<AutomationId>("cursor", "is not a cursor that a list gave");
    let settings_only = query.flag("settings_only");
    let after = query.end(after)?;
    if settings_only {
        let rows = state.reader.automations(after, limit.saturating_add(1)).await?;
        let shown = |each: &Automation| {
            let integrations = each.integrations.iter().map(IntegrationOut::settings_of).collect();
            AutomationOut::of(each, integrations, &state.site)
        };
        let page = Page::of(rows, limit, shown, |last| last.id.to_string());
        return Ok(HttpResponse::Ok().json(page));
    }
    let (automations, next) = view::automations(&state, after, limit).await?;
    let data: Vec<_> = automations.iter().map(|each| shown(each, &state, &Fresh::new())).collect();
    Ok(HttpResponse::Ok().json(Page { data, next_cursor: next.map(|id| id.to_string()) }))
}

pub(super) async fn read(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let view = view::automation(&state, id(&path, WHAT)?).await?;
    Ok(HttpResponse::Ok().insert_header(etag(view.automation.version)).json(shown(
        &view,
        &state,
        &Fresh::new(),
    )))
}

pub(super) async fn create(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json(&request, payload).await?;
    let once = once(&request, &body, &caller, &state)?;
    let mut faults = Faults::default();
    let draft = automation_in::read(json::parse(&body)?, "", &mut faults);
    let planned = draft.map(|draft| plan(draft, None, &state, &mut faults));
    let (ready, fresh) = faults.none_or(planned)?.seal(&state)?;
    let id = ready.automation.id;
    let edit = ready.create(once);
    let mut answer = HttpResponse::Created();
    let (view, fresh) = match change(&state, edit, caller.actor()).await {
        Ok(_) => (view::automation(&state, id).await?, fresh),
        Err(StoreError::Repeated { subject }) => {
            answer.insert_header(REPLAYED);
            let before = view::automation(&state, super::id(&subject, WHAT)?).await;
            (before.map_err(|problem| if_gone(problem, WHAT))?, Fresh::new())
        }
        Err(error) => return Err(error.into()),
    };
    let id = view.automation.id;
    Ok(answer
        .insert_header((header::LOCATION, format!("/v1/automations/{id}")))
        .insert_header(etag(view.automation.version))
        .json(shown(&view, &state, &fresh)))
}

pub(super) async fn replace(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id = id(&path, WHAT)?;
    let expected = seen(&request)?.required()?;
    let body = body::json(&request, payload).await?;
    let value = json::parse(&body)?;
    let old = view::automation(&state, id).await?.automation;
    expect(&state, &old, expected).await?;
    match put(&state, &old, value, expected, caller.actor()).await? {
        Ok(fresh) => answer(&state, id, &fresh).await,
        Err(error) => Err(refused(&state, id, error).await),
    }
}

pub(super) async fn patch(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id = id(&path, WHAT)?;
    let seen = seen(&request)?;
    let body = body::patch(&request, payload).await?;
    let patch = json::parse(&body)?;
    if !patch.is_object() {
        return Err(Problem::field("", "must be an object"));
    }
    let actor = caller.actor();
    let mut tries = 0;
    loop {
        tries += 1;
        let old = view::automation(&state, id).await?.automation;
        expect(&state, &old, seen.expected()).await?;
        let integrations = old.integrations.iter().map(Settings::of).collect();
        let mut value = serde_json::to_value(AutomationOut::of(&old, integrations, &state.site))
            .map_err(|_| Problem::internal())?;
        merge(&mut value, patch.clone());
        // The version that was merged into is the one that may be replaced, said or not.
        match put(&state, &old, value, Some(old.version), actor.clone()).await? {
            Ok(fresh) => return answer(&state, id, &fresh).await,
            Err(StoreError::Stale { .. })
                if !matches!(seen, Seen::Version(_)) && tries < STALE_TRIES => {}
            Err(error) => return Err(refused(&state, id, error).await),
        }
    }
}

pub(super) async fn delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = id(&path, WHAT)?;
    let expected = seen(&request)?.expected();
    let deleted = change(&state, Edit::DeleteAutomation { id, expected }, caller.actor()).await;
    match deleted {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(error) => Err(refused(&state, id, error).await),
    }
}

/// Replaces an automation by what a caller wants.
async fn put(
    state: &Data<WebState>,
    old: &Automation,
    value: serde_json::Value,
    expected: Option<i64>,
    by: Actor,
) -> Result<Result<Fresh, StoreError>, Problem> {
    let mut faults = Faults::default();
    let draft = automation_in::read(value, "", &mut faults);
    let planned = draft.map(|draft| plan(draft, Some(old), state, &mut faults));
    let (ready, fresh) = faults.none_or(planned)?.seal(state)?;
    Ok(change(state, ready.replace(expected), by).await.map(|_| fresh))
}

async fn expect(
    state: &Data<WebState>,
    old: &Automation,
    expected: Option<i64>,
) -> Result<(), Problem> {
    match expected {
        Some(version) if version != old.version => {
            let error = StoreError::Stale { current: old.version };
            Err(refused(state, old.id, error).await)
        }
        Some(_) | None => Ok(()),
    }
}

/// The refusal for what the store says; where the caller's version is an old one, with the present one.
async fn refused(state: &Data<WebState>, id: AutomationId, error: StoreError) -> Problem {
    if !matches!(error, StoreError::Stale { .. }) {
        return missing(error, WHAT);
    }
    match view::automation(state, id).await {
        Ok(view) => {
            let current = serde_json::to_value(shown(&view, state, &Fresh::new()));
            Problem::stale(view.automation.version).with_current(current.unwrap_or_default())
        }
        Err(problem) => problem,
    }
}

async fn answer(
    state: &Data<WebState>,
    id: AutomationId,
    fresh: &Fresh,
) -> Result<HttpResponse, Problem> {
    let view = view::automation(state, id).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(view.automation.version))
        .json(shown(&view, state, fresh)))
}

/// An automation as callers see it, with the signing secrets that this call made.
fn shown(view: &AutomationView, state: &WebState, fresh: &Fresh) -> AutomationOut<IntegrationOut> {
    let integrations = view.integrations(state, fresh);
    AutomationOut::of(&view.automation, integrations, &state.site)
}
