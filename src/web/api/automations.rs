//! Automations: standing rules with their integrations, created and replaced whole.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::automation_in;
use super::automation_out::AutomationOut;
use super::integration_out::{IntegrationOut, Settings};
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
    let after = query.end(after)?;
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
    let mut faults = Faults::default();
    let draft = automation_in::read(json::parse(&body)?, &mut faults);
    let planned = draft.map(|draft| plan(draft, None, &state, &mut faults));
    let (automation, seals, fresh) = faults.none_or(planned)?.seal(&state)?;
    let id = automation.id;
    change(&state, Edit::CreateAutomation { automation, seals }, caller.actor()).await?;
    let view = view::automation(&state, id).await?;
    Ok(HttpResponse::Created()
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
    stale(&old, expected)?;
    let fresh = put(&state, &old, value, expected, caller.actor()).await??;
    answer(&state, id, &fresh).await
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
        stale(&old, seen.expected())?;
        let integrations = old.integrations.iter().map(Settings::of).collect();
        let mut value = serde_json::to_value(AutomationOut::of(&old, integrations))
            .map_err(|_| Problem::internal())?;
        merge(&mut value, patch.clone());
        // The version that was merged into is the one that may be replaced, said or not.
        match put(&state, &old, value, Some(old.version), actor.clone()).await? {
            Ok(fresh) => return answer(&state, id, &fresh).await,
            Err(StoreError::Stale { .. })
                if !matches!(seen, Seen::Version(_)) && tries < STALE_TRIES => {}
            Err(error) => return Err(missing(error, WHAT)),
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
    deleted.map_err(|error| missing(error, WHAT))?;
    Ok(HttpResponse::NoContent().finish())
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
    let draft = automation_in::read(value, &mut faults);
    let planned = draft.map(|draft| plan(draft, Some(old), state, &mut faults));
    let (automation, seals, fresh) = faults.none_or(planned)?.seal(state)?;
    let edit = Edit::ReplaceAutomation { automation, seals, expected };
    Ok(change(state, edit, by).await.map(|_| fresh))
}

fn stale(old: &Automation, expected: Option<i64>) -> Result<(), Problem> {
    match expected {
        Some(version) if version != old.version => Err(Problem::stale(old.version)),
        Some(_) | None => Ok(()),
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
    AutomationOut::of(&view.automation, integrations)
}
