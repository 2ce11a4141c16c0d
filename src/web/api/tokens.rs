//! Tokens of programs: each shown once, with one right, until it expires or is revoked.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;

use super::once::{REPLAYED, once};
use super::query::{Query, cursor};
use super::view::missing;
use super::{Page, to_its_end};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Once, StoreError};
use crate::store::{NewToken, TokenRow};
use crate::web::auth::{Admin, Caller};
use crate::web::error::Problem;
use crate::web::json::{self, Faults, Fields};
use crate::web::token::{Right, mint};
use crate::web::{WebState, body};

const WHAT: &str = "token";

/// A token. Its text is shown by the call that makes it, and never again.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(super) struct TokenOut {
    /// The part of the token that names it.
    id: String,
    /// What people call it.
    name: String,
    /// `ingest`, `viewer`, `editor` or `admin`.
    role: String,
    /// When it was made.
    created_at: String,
    /// When it ends; without it, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// When it was used last, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    /// The token itself, to be kept by whoever asked for it: only in the answer to the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl TokenOut {
    fn of(row: &TokenRow) -> Self {
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            role: row.role.clone(),
            created_at: row.created_at.to_string(),
            expires_at: row.expires_at.map(|at| at.to_string()),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
            last_used_at: row.last_used_at.map(|at| at.to_string()),
            token: None,
        }
    }
}

pub(super) async fn list(
    _caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit();
    let behind = query.place::<String>();
    let behind = query.end(behind)?;
    state.callers.write_down(&state.store).await;
    let rows = state.reader.tokens(behind, limit.saturating_add(1)).await?;
    let next = |last: &TokenRow| cursor(last.created_at, &last.id);
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, TokenOut::of, next)))
}

pub(super) async fn read(
    _caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    state.callers.write_down(&state.store).await;
    Ok(HttpResponse::Ok().json(TokenOut::of(&find(&state, &path).await?)))
}

/// What a caller wants of a token.
pub(in crate::web) struct Draft {
    pub(in crate::web) name: String,
    pub(in crate::web) role: Right,
    pub(in crate::web) expires_at: Option<Timestamp>,
}

fn draft(body: &[u8], now: Timestamp) -> Result<Draft, Problem> {
    let mut faults = Faults::default();
    let fields = Fields::of(json::parse(body)?, "", &mut faults);
    let read = fields.and_then(|mut fields| {
        let name = match fields.value("name") {
            Some(value) => super::name(&value, "/name", &mut faults),
            None => {
                faults.add("/name", "is missing: say what the token is for");
                None
            }
        };
        let word = fields.text("role", &mut faults);
        let role = word.as_deref().and_then(Right::from_word);
        if role.is_none() {
            faults.add("/role", "must be one of ingest, viewer, editor, admin");
        }
        let expires_at = fields.text("expires_at", &mut faults).and_then(|text| {
            let at: Result<jiff::Timestamp, _> = text.parse();
            let at =
                at.map_err(|_| "must be a time as in 2027-06-27T12:00:00Z (RFC 3339)".to_owned());
            at.map(|at| Timestamp::from_millis(at.as_millisecond()))
                .and_then(|at| super::users::later(at, now))
                .map_err(|why| faults.add("/expires_at", why))
                .ok()
        });
        fields.end(&mut faults);
        Some(Draft { name: name?, role: role?, expires_at })
    });
    faults.none_or(read)
}

pub(super) async fn create(
    caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json(&request, payload).await?;
    let once = once(&request, &body, &caller, &state)?;
    let now = state.engine.now();
    let made = make(&state, caller.actor(), draft(&body, now)?, once).await?;
    let mut answer = HttpResponse::Created();
    let shown = match made {
        Made::New(row, text) => {
            TokenOut { token: Some(text.expose().to_owned()), ..TokenOut::of(&row) }
        }
        Made::Before(row) => {
            answer.insert_header(REPLAYED);
            TokenOut::of(&row)
        }
    };
    Ok(answer.insert_header((header::LOCATION, format!("/v1/tokens/{}", shown.id))).json(shown))
}

/// What came of making a token.
pub(in crate::web) enum Made {
    /// The token, with its text, which nobody can be shown again.
    New(TokenRow, Secret),
    /// The same call made it before, and was not carried out again.
    Before(TokenRow),
}

/// Makes a token.
///
/// # Errors
/// What the store says.
pub(in crate::web) async fn make(
    state: &WebState,
    by: Actor,
    draft: Draft,
    once: Option<Once>,
) -> Result<Made, Problem> {
    let minted = mint(draft.role).map_err(|error| {
        tracing::error!(%error, "a token can't be made");
        Problem::internal()
    })?;
    let token = NewToken {
        id: minted.id.clone(),
        digest: minted.digest.0,
        name: draft.name,
        role: draft.role.word(),
        created_at: state.engine.now(),
        expires_at: draft.expires_at,
    };
    let store = state.store.clone();
    match to_its_end(async move { store.add_token(token, once, by).await }).await {
        Ok(()) => Ok(Made::New(find(state, &minted.id).await?, minted.text)),
        Err(StoreError::Repeated { subject }) => Ok(Made::Before(find(state, &subject).await?)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn delete(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    revoke(&state, caller.actor(), path.into_inner()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Revokes a token: it is refused from now on.
///
/// # Errors
/// 404; what the store says.
pub(in crate::web) async fn revoke(state: &WebState, by: Actor, id: String) -> Result<(), Problem> {
    let (store, now) = (state.store.clone(), state.engine.now());
    let named = id.clone();
    let revoked = to_its_end(async move { store.revoke_token(named, by, now).await }).await;
    revoked.map_err(|error| missing(error, WHAT))?;
    state.callers.forget(&id);
    Ok(())
}

/// The token of that id.
///
/// # Errors
/// 404; what the store says.
pub(in crate::web) async fn find(state: &WebState, id: &str) -> Result<TokenRow, Problem> {
    state.reader.token(id.to_owned()).await?.ok_or_else(|| Problem::not_found(WHAT))
}
