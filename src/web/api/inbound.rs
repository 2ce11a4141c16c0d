//! Inbound integrations: where other programs' feedback comes in, each with a key that is shown once.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::once::{REPLAYED, if_gone, once};
use super::patch::merge;
use super::query::{Query, cursor};
use super::view::missing;
use super::{Page, id, to_its_end};
use crate::domain::feedback::{Feed, check_link_field};
use crate::domain::id::InboundId;
use crate::domain::record::check_id;
use crate::domain::secret::Secret;
use crate::engine::ports::{Actor, Once, StoreError};
use crate::store::InboundRow;
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::Problem;
use crate::web::json::{self, Faults, Fields};
use crate::web::token::{digest, random_text};
use crate::web::{WebState, body};

pub(in crate::web) const WHAT: &str = "inbound integration";
/// Lets scanners find a key that leaked.
const PREFIX: &str = "bfi_";
/// 43 characters out of 62 hold 256 bits.
const KEY_CHARS: usize = 43;

/// Where other programs' feedback comes in.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Inbound")]
pub(super) struct InboundOut {
    /// Its id.
    id: String,
    /// What people call it: the `source` of its records.
    name: String,
    /// The organisation that its records belong to.
    org_id: String,
    /// The field of a feedback's metadata that links to where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_field: Option<String>,
    /// When it was made.
    created_at: String,
    /// What its feeder sends as `api-key`: only in the answer to the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl InboundOut {
    fn of(row: &InboundRow) -> Self {
        let Feed { name, org_id, link_field } = row.feed.clone();
        let created_at = row.created_at.to_string();
        Self { id: row.id.to_string(), name, org_id, link_field, created_at, key: None }
    }
}

pub(super) async fn list(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit();
    let behind = query.place::<InboundId>();
    let behind = query.end(behind)?;
    let rows = state.reader.inbounds(behind, limit.saturating_add(1)).await?;
    let next = |last: &InboundRow| cursor(last.created_at, &last.id);
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, InboundOut::of, next)))
}

pub(super) async fn read(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(InboundOut::of(&find(&state, id(&path, WHAT)?).await?)))
}

/// Reads what a caller wants it to be.
///
/// # Errors
/// All that is wrong.
pub(in crate::web) fn draft(value: Value) -> Result<Feed, Problem> {
    let mut faults = Faults::default();
    let fields = Fields::of(value, "", &mut faults);
    let read = fields.and_then(|mut fields| {
        fields.read_only(&["id", "created_at", "key"]);
        let name = match fields.value("name") {
            Some(value) => super::name(&value, "/name", &mut faults),
            None => {
                faults.add("/name", "is missing: it becomes the source of its records");
                None
            }
        };
        let org_id = match fields.text("org_id", &mut faults) {
            Some(text) => check_id("/org_id", &text)
                .map_err(|error| faults.add(error.pointer, error.message))
                .ok()
                .map(|()| text),
            None => {
                faults.add("/org_id", "is missing: feedback of this form does not tell it");
                None
            }
        };
        let link_field = fields.text("link_field", &mut faults);
        if let Some(Err(why)) = link_field.as_deref().map(check_link_field) {
            faults.add("/link_field", why);
        }
        fields.end(&mut faults);
        Some(Feed { name: name?, org_id: org_id?, link_field })
    });
    faults.none_or(read)
}

pub(super) async fn create(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json(&request, payload).await?;
    let once = once(&request, &body, &caller, &state)?;
    let made = make(&state, caller.actor(), draft(json::parse(&body)?)?, once).await?;
    let mut answer = HttpResponse::Created();
    let shown = match made {
        Made::New(row, key) => {
            InboundOut { key: Some(key.expose().to_owned()), ..InboundOut::of(&row) }
        }
        Made::Before(row) => {
            answer.insert_header(REPLAYED);
            InboundOut::of(&row)
        }
    };
    Ok(answer.insert_header((header::LOCATION, format!("/v1/inbound/{}", shown.id))).json(shown))
}

/// What came of making one.
pub(in crate::web) enum Made {
    /// It, with its key, which nobody can be shown again.
    New(InboundRow, Secret),
    /// The same call made it before, and was not carried out again.
    Before(InboundRow),
}

/// Makes an inbound integration.
///
/// # Errors
/// What the store says.
pub(in crate::web) async fn make(
    state: &WebState,
    by: Actor,
    feed: Feed,
    once: Option<Once>,
) -> Result<Made, Problem> {
    let random = random_text(KEY_CHARS).map_err(|error| {
        tracing::error!(%error, "a key can't be made");
        Problem::internal()
    })?;
    let key = Secret::new(format!("{PREFIX}{}", random.as_str()));
    let row = InboundRow {
        id: InboundId(uuid::Uuid::new_v4()),
        feed,
        digest: digest(key.expose()).0,
        created_at: state.engine.now(),
    };
    let (store, new) = (state.store.clone(), row.clone());
    match to_its_end(async move { store.add_inbound(new, once, by).await }).await {
        Ok(()) => Ok(Made::New(row, key)),
        Err(StoreError::Repeated { subject }) => {
            let before = find(state, id(&subject, WHAT)?).await;
            before.map(Made::Before).map_err(|problem| if_gone(problem, WHAT))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn patch(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: InboundId = id(&path, WHAT)?;
    let patch = json::parse(&body::patch(&request, payload).await?)?;
    if !patch.is_object() {
        return Err(Problem::field("", "must be an object"));
    }
    let row = find(&state, id).await?;
    let mut value = serde_json::to_value(InboundOut::of(&row)).map_err(|_| Problem::internal())?;
    merge(&mut value, patch);
    let feed = draft(value)?;
    let (store, now, by) = (state.store.clone(), state.engine.now(), caller.actor());
    let changed = to_its_end(async move { store.change_inbound(id, feed, by, now).await }).await;
    changed.map_err(|error| missing(error, WHAT))?;
    Ok(HttpResponse::Ok().json(InboundOut::of(&find(&state, id).await?)))
}

pub(super) async fn delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    remove(&state, caller.actor(), id(&path, WHAT)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes it: its key is refused from now on.
///
/// # Errors
/// 404; what the store says.
pub(in crate::web) async fn remove(
    state: &WebState,
    by: Actor,
    id: InboundId,
) -> Result<(), Problem> {
    let (store, now) = (state.store.clone(), state.engine.now());
    let removed = to_its_end(async move { store.delete_inbound(id, by, now).await }).await;
    removed.map_err(|error| missing(error, WHAT))
}

/// The inbound integration of that id.
///
/// # Errors
/// 404; what the store says.
pub(in crate::web) async fn find(state: &WebState, id: InboundId) -> Result<InboundRow, Problem> {
    state.reader.inbound(id).await.map_err(|error| missing(error, WHAT))
}
