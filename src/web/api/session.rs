//! Signing in and out, and the own password.

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use super::to_its_end;
use crate::domain::secret::Secret;
use crate::engine::ports::{Actor, ActorKind, StoreError};
use crate::store::{UserChange, UserRow};
use crate::web::auth::{Anybody, Caller, Who, person};
use crate::web::error::{Code, Problem};
use crate::web::json::{self, Faults, Fields};
use crate::web::password::{Compared, Password, folded};
use crate::web::site::{Absent, bucket};
use crate::web::{WebState, body, session};

/// Who calls, and as what.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(super) struct SessionOut {
    /// `user` for a person who signed in, `token` for a program.
    kind: &'static str,
    /// The id of the person or of the token.
    id: String,
    /// The name of the person or of the token.
    name: String,
    /// What the caller may do: `ingest`, `viewer`, `editor` or `admin`.
    right: &'static str,
    /// When the session ends at the latest; it ends earlier when it is not used for 12 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
}

pub(super) async fn read(caller: Caller<Anybody>) -> HttpResponse {
    let right = caller.right().word();
    HttpResponse::Ok().json(match caller.who() {
        Who::Token { id, name } => {
            SessionOut { kind: "token", id: id.clone(), name: name.clone(), right, ends_at: None }
        }
        Who::User { user, ends_at, .. } => shown(user, right, *ends_at),
    })
}

fn shown(
    user: &UserRow,
    right: &'static str,
    ends_at: crate::domain::time::Timestamp,
) -> SessionOut {
    SessionOut {
        kind: "user",
        id: user.id.to_string(),
        name: user.name.clone(),
        right,
        ends_at: Some(ends_at.to_string()),
    }
}

struct SignIn {
    name: String,
    password: Secret,
}

fn sign_in(body: &[u8]) -> Result<SignIn, Problem> {
    let mut faults = Faults::default();
    let fields = Fields::of(json::parse(body)?, "", &mut faults);
    let read = fields.and_then(|mut fields| {
        let name = needed(&mut fields, "name", &mut faults);
        let password = needed(&mut fields, "password", &mut faults).map(Secret::new);
        fields.end(&mut faults);
        Some(SignIn { name: name?, password: password? })
    });
    faults.none_or(read)
}

fn needed(fields: &mut Fields, name: &'static str, faults: &mut Faults) -> Option<String> {
    match fields.value(name) {
        Some(serde_json::Value::String(text)) => Some(text),
        Some(_) => {
            faults.add(fields.pointer(name), "must be text");
            None
        }
        None => {
            faults.add(fields.pointer(name), "is missing");
            None
        }
    }
}

pub(super) async fn create(
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    state.site.refuse_foreign(&request, Absent::Program)?;
    let body = Zeroizing::new(body::json(&request, payload).await?.to_vec());
    let SignIn { name, password } = sign_in(&body)?;
    let address = state.site.address(&request);
    let (account, net) = (folded(&name), bucket(address));
    state.begin_sign_in(&account, &net)?;
    let found = state.reader.user_named(account.clone()).await?;
    let stored = found.as_ref().map(|user| user.password.clone());
    let given = Password::given(password.expose());
    let compared = state.passwords.compare(given, stored).await?;
    let (Some(user), Compared::Right(better)) = (found, compared) else {
        let address = address.map(|address| address.to_string());
        // The name is not written down: people type their password there.
        tracing::warn!(address, "a sign-in failed");
        return Err(wrong());
    };
    let made = session::fresh().map_err(|error| {
        tracing::error!(%error, "a session can't be made");
        Problem::internal()
    })?;
    let by = Actor {
        kind: ActorKind::User,
        name: user.name.clone(),
        address: address.map(|address| address.to_string()),
    };
    let now = state.engine.now();
    let done = state.store.sign_in(user.clone(), made.digest(), by.clone(), now).await;
    match done {
        // Password or person changed between looking and writing.
        Err(StoreError::NotFound) => return Err(wrong()),
        done => done?,
    }
    state.succeeded_to_sign_in(&account, &net);
    if let Some(better) = better
        && let Err(error) = state.store.rehash(user.id, user.password.clone(), better).await
    {
        tracing::warn!(%error, "a password's hash was not renewed");
    }
    // A new one at each sign-in; the one that the browser had before ends.
    if let Some(before) = session::presented(&request, &state.site) {
        state.store.sign_out(before.digest(), user.id, by, now).await?;
    }
    let ends_at = now.plus(crate::domain::limits::SESSION_LIFE);
    let right = crate::web::token::Right::from_word(&user.role).ok_or_else(Problem::internal)?;
    let cookie = session::set(&made, &state.site).ok_or_else(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, cookie)).json(shown(
        &user,
        right.word(),
        ends_at,
    )))
}

/// One answer, whether the name is unknown or the password wrong.
fn wrong() -> Problem {
    let words =
        "Name or password is wrong. After five wrong ones the next is looked at a little later.";
    Problem::new(Code::WrongCredentials, words)
}

pub(super) async fn delete(
    caller: Caller<Anybody>,
    state: Data<WebState>,
) -> Result<HttpResponse, Problem> {
    let (user, digest) = person(&caller)?;
    let now = state.engine.now();
    let store = state.store.clone();
    let by = caller.actor();
    to_its_end(async move { store.sign_out(digest, user, by, now).await }).await?;
    let gone = session::clear(&state.site).ok_or_else(Problem::internal)?;
    Ok(HttpResponse::NoContent().insert_header((header::SET_COOKIE, gone)).finish())
}

/// Changes the own password: the present one is asked for, and all other sessions end.
pub(super) async fn change_password(
    caller: Caller<Anybody>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (id, digest) = person(&caller)?;
    let body = Zeroizing::new(body::json(&request, payload).await?.to_vec());
    let mut faults = Faults::default();
    let fields = Fields::of(json::parse(&body)?, "", &mut faults);
    let read = fields.and_then(|mut fields| {
        let present = needed(&mut fields, "present", &mut faults).map(Secret::new);
        let new = needed(&mut fields, "new", &mut faults).map(Secret::new);
        let parsed = new.map(|new| Password::parse(new.expose()));
        let new = match parsed {
            Some(Ok(new)) => Some(new),
            Some(Err(why)) => {
                faults.add(fields.pointer("new"), why);
                None
            }
            None => None,
        };
        fields.end(&mut faults);
        Some((present?, new?))
    });
    let (present, new) = faults.none_or(read)?;
    let user = state.reader.user(id).await?.ok_or_else(|| Problem::not_found("user"))?;
    let net = bucket(state.site.address(&request));
    let account = folded(&user.name);
    state.begin_sign_in(&account, &net)?;
    let given = Password::given(present.expose());
    match state.passwords.compare(given, Some(user.password)).await? {
        Compared::Wrong => return Err(Problem::field("/present", "is not the present password")),
        Compared::Right(_) => state.succeeded_to_sign_in(&account, &net),
    }
    let password = Some(state.passwords.hash(new).await?);
    let change = UserChange { password, keep: Some(digest), ..UserChange::default() };
    let (store, by, now) = (state.store.clone(), caller.actor(), state.engine.now());
    to_its_end(async move { store.change_user(id, change, by, now).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}
