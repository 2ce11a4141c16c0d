//! People: who may sign in, and as what.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::once::{REPLAYED, gone, once};
use super::query::{Query, cursor};
use super::view::missing;
use super::{Page, id, to_its_end};
use crate::domain::id::UserId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Once, StoreError};
use crate::store::{NewUser, UserChange, UserRow};
use crate::web::auth::{Admin, Caller};
use crate::web::error::Problem;
use crate::web::json::{self, Faults, Fields};
use crate::web::password::{Password, folded, user_name};
use crate::web::token::Right;
use crate::web::{WebState, body};

const WHAT: &str = "user";

/// A person. There is no field for a password, so that none can come out.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub(super) struct UserOut {
    /// The id that Belfry gave.
    id: String,
    /// The name to sign in with.
    name: String,
    /// `viewer`, `editor` or `admin`.
    role: String,
    /// When the person was added.
    created_at: String,
    /// When the password was set.
    password_changed_at: String,
    /// When the person last signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<String>,
}

impl UserOut {
    fn of(row: &UserRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            role: row.role.clone(),
            created_at: row.created_at.to_string(),
            password_changed_at: row.password_changed_at.to_string(),
            last_sign_in_at: row.last_sign_in_at.map(|at| at.to_string()),
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
    let behind = query.place::<UserId>();
    let behind = query.end(behind)?;
    let rows = state.reader.users(behind, limit.saturating_add(1)).await?;
    let next = |last: &UserRow| cursor(last.created_at, &last.id);
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, UserOut::of, next)))
}

pub(super) async fn read(
    _caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let row = find(&state, id(&path, WHAT)?).await?;
    Ok(HttpResponse::Ok().json(UserOut::of(&row)))
}

/// What a caller wants of a person; what is absent was not spoken of.
#[derive(Default)]
pub(in crate::web) struct Draft {
    pub(in crate::web) name: Option<String>,
    pub(in crate::web) role: Option<Right>,
    pub(in crate::web) password: Option<Password>,
}

/// Reads a person; all of it must be there where one is made.
fn draft(body: &[u8], whole: bool) -> Result<Draft, Problem> {
    let mut faults = Faults::default();
    let Some(mut fields) = Fields::of(json::parse(body)?, "", &mut faults) else {
        return faults.none_or(None);
    };
    fields.read_only(&["id", "created_at", "password_changed_at", "last_sign_in_at"]);
    let mut field = |name: &'static str, faults: &mut Faults| match fields.raw(name) {
        Some(Value::String(text)) => Some(Secret::new(text)),
        Some(_) => {
            faults.add(fields.pointer(name), "must be text");
            None
        }
        None if whole => {
            faults.add(fields.pointer(name), "is missing");
            None
        }
        None => None,
    };
    let name = field("name", &mut faults).map(|text| user_name(text.expose()));
    let role = field("role", &mut faults).map(|text| role(text.expose()));
    let password = field("password", &mut faults).map(|text| Password::parse(text.expose()));
    fields.end(&mut faults);
    let draft = Draft {
        name: sound(name, "/name", &mut faults),
        role: sound(role, "/role", &mut faults),
        password: sound(password, "/password", &mut faults),
    };
    faults.none_or(Some(draft))
}

fn sound<T>(read: Option<Result<T, String>>, at: &str, faults: &mut Faults) -> Option<T> {
    read?.map_err(|why| faults.add(at, why)).ok()
}

/// What a person may do, by its word.
///
/// # Errors
/// What to change.
pub(in crate::web) fn role(text: &str) -> Result<Right, String> {
    let known = Right::from_word(text).filter(|right| *right != Right::Ingest);
    known.ok_or_else(|| "must be one of viewer, editor, admin".to_owned())
}

pub(super) async fn create(
    caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = Zeroizing::new(body::json(&request, payload).await?.to_vec());
    let once = once(&request, &body, &caller, &state)?;
    let Draft { name: Some(name), role: Some(role), password: Some(password) } =
        draft(&body, true)?
    else {
        return Err(Problem::internal());
    };
    let added = add(&state, caller.actor(), (name, role, password), once).await?;
    let (row, replayed) = match added {
        Added::New(row) => (row, false),
        Added::Before(row) => (row.ok_or_else(|| gone(WHAT))?, true),
    };
    let mut answer = HttpResponse::Created();
    if replayed {
        answer.insert_header(REPLAYED);
    }
    Ok(answer
        .insert_header((header::LOCATION, format!("/v1/users/{}", row.id)))
        .json(UserOut::of(&row)))
}

/// What came of adding a person.
pub(in crate::web) enum Added {
    /// The person is there now.
    New(UserRow),
    /// The same call added the person before, and was not carried out again; the person may have been removed
    /// since.
    Before(Option<UserRow>),
}

/// Adds a person.
///
/// # Errors
/// 409 where the name is taken; what the store says.
pub(in crate::web) async fn add(
    state: &WebState,
    by: Actor,
    (name, role, password): (String, Right, Password),
    once: Option<Once>,
) -> Result<Added, Problem> {
    let id = UserId(uuid::Uuid::new_v4());
    let user = NewUser {
        id,
        folded: folded(&name),
        name,
        password: state.passwords.hash(password).await?,
        role: role.word(),
    };
    let (store, now) = (state.store.clone(), state.engine.now());
    match to_its_end(async move { store.add_user(user, once, by, now).await }).await {
        Ok(()) => Ok(Added::New(find(state, id).await?)),
        Err(StoreError::Repeated { subject }) => {
            Ok(Added::Before(state.reader.user(super::id(&subject, WHAT)?).await?))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn patch(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: UserId = id(&path, WHAT)?;
    let body = Zeroizing::new(body::patch(&request, payload).await?.to_vec());
    let draft = draft(&body, false)?;
    Ok(HttpResponse::Ok().json(UserOut::of(&change(&state, caller.actor(), id, draft).await?)))
}

/// Changes a person. With the role or the password all sessions of the person end.
///
/// # Errors
/// 404; 409 where the name is taken, or nobody who is an admin would be left; what the store says.
pub(in crate::web) async fn change(
    state: &WebState,
    by: Actor,
    id: UserId,
    draft: Draft,
) -> Result<UserRow, Problem> {
    find(state, id).await?;
    let password = match draft.password {
        Some(password) => Some(state.passwords.hash(password).await?),
        None => None,
    };
    let change = UserChange {
        name: draft.name.map(|name| {
            let folded = folded(&name);
            (name, folded)
        }),
        role: draft.role.map(Right::word),
        password,
        keep: None,
    };
    let (store, now) = (state.store.clone(), state.engine.now());
    let changed = to_its_end(async move { store.change_user(id, change, by, now).await }).await;
    changed.map_err(|error| missing(error, WHAT))?;
    find(state, id).await
}

pub(super) async fn delete(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    remove(&state, caller.actor(), id(&path, WHAT)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Removes a person, whose sessions end at once.
///
/// # Errors
/// 404; 409 for the last admin; what the store says.
pub(in crate::web) async fn remove(state: &WebState, by: Actor, id: UserId) -> Result<(), Problem> {
    let (store, now) = (state.store.clone(), state.engine.now());
    let removed = to_its_end(async move { store.remove_user(id, by, now).await }).await;
    removed.map_err(|error| missing(error, WHAT))
}

/// The person of that id.
///
/// # Errors
/// 404; what the store says.
pub(in crate::web) async fn find(state: &WebState, id: UserId) -> Result<UserRow, Problem> {
    state.reader.user(id).await?.ok_or_else(|| Problem::not_found(WHAT))
}

/// A moment that is not past, for things that end.
pub(in crate::web) fn later(at: Timestamp, now: Timestamp) -> Result<Timestamp, String> {
    if at > now { Ok(at) } else { Err("is past: give a time that is still to come".to_owned()) }
}
