//! Signing in and out, the first password, and the own one.

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;
use crate::web::auth::{Anybody, Caller, Who, person};
use crate::web::error::Problem;
use crate::web::json::{self, Faults, Fields};
use crate::web::password::{Password, user_name};
use crate::web::sign_in::{self, SignedIn, Visitor};
use crate::web::{WebState, body};

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
        Who::User { user, ends_at, .. } => SessionOut {
            kind: "user",
            id: user.id.to_string(),
            name: user.name.clone(),
            right,
            ends_at: Some(ends_at.to_string()),
        },
    })
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
    let visitor = Visitor::of(&request, &state)?;
    let body = Zeroizing::new(body::json(&request, payload).await?.to_vec());
    let SignIn { name, password } = sign_in(&body)?;
    let signed_in = sign_in::sign_in(&state, &visitor, &name, &password).await?;
    Ok(entered(HttpResponse::Ok(), signed_in))
}

/// Sets the first admin's password, by the code of the link that `belfry init` prints.
pub(super) async fn first(
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let visitor = Visitor::of(&request, &state)?;
    let body = Zeroizing::new(body::json(&request, payload).await?.to_vec());
    let First { code, name, password } = first_of(&body)?;
    let signed_in = sign_in::first(&state, &visitor, &code, name, password).await?;
    Ok(entered(HttpResponse::Created(), signed_in))
}

fn entered(mut answer: HttpResponseBuilder, signed_in: SignedIn) -> HttpResponse {
    let SignedIn { user_id, name, right, ends_at, cookie } = signed_in;
    answer.insert_header((header::SET_COOKIE, cookie)).json(SessionOut {
        kind: "user",
        id: user_id.to_string(),
        name,
        right: right.word(),
        ends_at: Some(ends_at.to_string()),
    })
}

struct First {
    code: Secret,
    name: String,
    password: Password,
}

/// The name of the first admin who gives none.
const FIRST_NAME: &str = "admin";

fn first_of(body: &[u8]) -> Result<First, Problem> {
    let mut faults = Faults::default();
    let fields = Fields::of(json::parse(body)?, "", &mut faults);
    let read = fields.and_then(|mut fields| {
        let code = needed(&mut fields, "code", &mut faults).map(Secret::new);
        let name = match fields.value("name") {
            None => Some(FIRST_NAME.to_owned()),
            Some(serde_json::Value::String(text)) => sound(user_name(&text), "/name", &mut faults),
            Some(_) => {
                faults.add("/name", "must be text");
                None
            }
        };
        let password = new_password(&mut fields, "password", &mut faults);
        fields.end(&mut faults);
        Some(First { code: code?, name: name?, password: password? })
    });
    faults.none_or(read)
}

/// A password that is to be set.
fn new_password(fields: &mut Fields, name: &'static str, faults: &mut Faults) -> Option<Password> {
    let given = needed(fields, name, faults).map(Secret::new)?;
    sound(Password::parse(given.expose()), &fields.pointer(name), faults)
}

fn sound<T>(read: Result<T, String>, at: &str, faults: &mut Faults) -> Option<T> {
    read.map_err(|why| faults.add(at, why)).ok()
}

pub(super) async fn delete(
    caller: Caller<Anybody>,
    state: Data<WebState>,
) -> Result<HttpResponse, Problem> {
    let gone = sign_in::sign_out(&state, &caller).await?;
    Ok(HttpResponse::NoContent().insert_header((header::SET_COOKIE, gone)).finish())
}

/// Changes the own password: the present one is asked for, and all other sessions end.
pub(super) async fn change_password(
    caller: Caller<Anybody>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    // Before the body is looked at: what a program sends there is never right.
    person(&caller)?;
    let body = Zeroizing::new(body::json(&request, payload).await?.to_vec());
    let mut faults = Faults::default();
    let fields = Fields::of(json::parse(&body)?, "", &mut faults);
    let read = fields.and_then(|mut fields| {
        let present = needed(&mut fields, "present", &mut faults).map(Secret::new);
        let new = new_password(&mut fields, "new", &mut faults);
        fields.end(&mut faults);
        Some((present?, new?))
    });
    let (present, new) = faults.none_or(read)?;
    sign_in::change_password(&state, &caller, &present, new).await?;
    Ok(HttpResponse::NoContent().finish())
}
