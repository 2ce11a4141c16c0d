//! Integrations: one destination each, with its settings, its state, and what can be done with it.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::attempt_out::{AttemptOut, HeaderOut, headers_out};
use super::integration_in::{self, Settled};
use super::integration_out::Settings;
use super::once::{REPLAYED, if_gone, once};
use super::operate::{self, Switch};
use super::patch::merge;
use super::plan::{Fresh, seal};
use super::query::Query;
use super::version::{Seen, etag, seen};
use super::view::{self, IntegrationView, missing};
use super::{Page, change, id};
use crate::domain::id::IntegrationId;
use crate::domain::limits::{INTEGRATIONS_AN_AUTOMATION, STALE_TRIES};
use crate::engine::ports::{Edit, Shown, StoreError};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::{Code, Problem};
use crate::web::json::{self, Faults};
use crate::web::{WebState, body};

const WHAT: &str = "integration";

/// What a test alert came to: nothing of it is kept.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Tested")]
pub(super) struct TestedOut {
    request: TestRequestOut,
    attempt: AttemptOut,
}

/// The request of a test alert.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TestRequest")]
struct TestRequestOut {
    /// Its headers, the credential shown as `***`.
    headers: Vec<HeaderOut>,
    /// Its body: the alert's, or the message's; JSON, or text.
    body: Value,
}

/// How many dead deliveries are tried again.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RetriedDead")]
pub(super) struct RetriedDeadOut {
    /// How many.
    retried: u64,
}

/// A new signing secret, shown this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Rotated")]
pub(super) struct RotatedOut {
    /// The new secret.
    signing_secret: String,
    /// Until when the old one is sent beside it.
    old_valid_until: String,
}

pub(super) async fn list(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(request.query_string()).end(())?;
    let view = view::automation(&state, id(&path, "automation")?).await?;
    // An automation has few enough for one page.
    let data = view.integrations(&state, &Fresh::new());
    Ok(HttpResponse::Ok().json(Page { data, next_cursor: None }))
}

pub(super) async fn create(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let automation_id = id(&path, "automation")?;
    let body = body::json(&request, payload).await?;
    let once = once(&request, &body, &caller, &state)?;
    let value = json::parse(&body)?;
    let automation = view::automation(&state, automation_id).await?.automation;
    if automation.integrations.len() >= INTEGRATIONS_AN_AUTOMATION {
        let words =
            format!("The automation has {INTEGRATIONS_AN_AUTOMATION} integrations already.");
        return Err(Problem::new(Code::Conflict, words));
    }
    let mut faults = Faults::default();
    let draft = integration_in::read(value, "", automation.trigger.subject(), &mut faults);
    let settled = draft.map(|draft| draft.settle(automation_id, None, &*state.gate, &mut faults));
    let settled = faults.none_or(settled)?;
    let (seals, fresh) = seal(&settled, &state)?;
    let integration = settled.integration;
    let id = integration.id;
    let edit = Edit::CreateIntegration { integration, seals, once };
    let mut answer = HttpResponse::Created();
    let (view, fresh) = match change(&state, edit, caller.actor()).await {
        Ok(_) => (view::integration(&state, id).await?, fresh),
        Err(StoreError::Repeated { subject }) => {
            answer.insert_header(REPLAYED);
            let before = view::integration(&state, super::id(&subject, WHAT)?).await;
            (before.map_err(|problem| if_gone(problem, WHAT))?, None)
        }
        Err(error) => return Err(missing(error, "automation")),
    };
    let id = view.integration.id;
    let secret = fresh.as_ref().map(|secret| secret.expose());
    Ok(answer
        .insert_header((header::LOCATION, format!("/v1/integrations/{id}")))
        .insert_header(etag(view.version))
        .json(view.shown(&state).with_secret(secret)))
}

pub(super) async fn read(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    answer(&state, id(&path, WHAT)?).await
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
        let view = view::integration(&state, id).await?;
        if let Some(version) = seen.expected()
            && version != view.version
        {
            return Err(refused(&state, id, StoreError::Stale { current: view.version }).await);
        }
        let settled = patched(&state, &view, patch.clone())?;
        let (seals, fresh) = seal(&settled, &state)?;
        let edit = Edit::ReplaceIntegration {
            integration: settled.integration,
            seals: Some(seals),
            // The version that was merged into is the one that may be replaced, said or not.
            expected: Some(view.version),
        };
        match change(&state, edit, actor.clone()).await {
            Ok(_) => {
                let view = view::integration(&state, id).await?;
                let secret = fresh.as_ref().map(|secret| secret.expose());
                return Ok(HttpResponse::Ok()
                    .insert_header(etag(view.version))
                    .json(view.shown(&state).with_secret(secret)));
            }
            Err(StoreError::Stale { .. })
                if !matches!(seen, Seen::Version(_)) && tries < STALE_TRIES => {}
            Err(error) => return Err(refused(&state, id, error).await),
        }
    }
}

/// The refusal for what the store says; where the caller's version is an old one, with the present one.
async fn refused(state: &Data<WebState>, id: IntegrationId, error: StoreError) -> Problem {
    if !matches!(error, StoreError::Stale { .. }) {
        return missing(error, WHAT);
    }
    match view::integration(state, id).await {
        Ok(view) => {
            let current = serde_json::to_value(view.shown(state));
            Problem::stale(view.version).with_current(current.unwrap_or_default())
        }
        Err(problem) => problem,
    }
}

fn patched(state: &WebState, view: &IntegrationView, patch: Value) -> Result<Settled, Problem> {
    let old = &view.integration;
    let mut value = serde_json::to_value(Settings::of(old)).map_err(|_| Problem::internal())?;
    merge(&mut value, patch);
    let mut faults = Faults::default();
    let draft = integration_in::read(value, "", view.subject, &mut faults);
    if draft.as_ref().is_some_and(|draft| draft.id != Some(old.id)) {
        faults.add("/id", "is Belfry's to give: leave it out");
    }
    let settled =
        draft.map(|draft| draft.settle(old.automation_id, Some(old), &*state.gate, &mut faults));
    faults.none_or(settled)
}

pub(super) async fn delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = id(&path, WHAT)?;
    let expected = seen(&request)?.expected();
    let deleted = change(&state, Edit::DeleteIntegration { id, expected }, caller.actor()).await;
    match deleted {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(error) => Err(refused(&state, id, error).await),
    }
}

pub(super) async fn pause(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let id = id(&path, WHAT)?;
    operate::switch(&state, id, Switch::Pause, caller.actor()).await?;
    answer(&state, id).await
}

pub(super) async fn resume(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let id = id(&path, WHAT)?;
    operate::switch(&state, id, Switch::Resume, caller.actor()).await?;
    answer(&state, id).await
}

pub(super) async fn enable(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let id = id(&path, WHAT)?;
    operate::switch(&state, id, Switch::Enable, caller.actor()).await?;
    answer(&state, id).await
}

pub(super) async fn disable(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let id = id(&path, WHAT)?;
    operate::switch(&state, id, Switch::Disable, caller.actor()).await?;
    answer(&state, id).await
}

pub(super) async fn test(
    _caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let tested = operate::test(&state, id(&path, WHAT)?).await?;
    let Shown { headers, body, .. } = tested.shown;
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    Ok(HttpResponse::Ok().json(TestedOut {
        request: TestRequestOut { headers: headers_out(headers), body },
        attempt: AttemptOut::of(1, &tested.report),
    }))
}

pub(super) async fn retry_dead(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let retried = operate::retry_dead(&state, id(&path, WHAT)?, caller.actor()).await?;
    Ok(HttpResponse::Ok().json(RetriedDeadOut { retried }))
}

pub(super) async fn rotate_signing_secret(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::none(&request, payload).await?;
    let id = id(&path, WHAT)?;
    let (secret, until) = operate::rotate_signing_secret(&state, id, caller.actor()).await?;
    Ok(HttpResponse::Ok().json(RotatedOut {
        signing_secret: secret.expose().to_owned(),
        old_valid_until: until.to_string(),
    }))
}

async fn answer(state: &Data<WebState>, id: IntegrationId) -> Result<HttpResponse, Problem> {
    let view = view::integration(state, id).await?;
    Ok(HttpResponse::Ok().insert_header(etag(view.version)).json(view.shown(state)))
}
