//! `POST /relay/{id}`: an alert of another system in, to be passed on. It is answered once the alert is
//! durable on disk; where it goes is never waited for.

use actix_web::http::header::HeaderMap;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::id;
use super::view::missing;
use crate::domain::id::AutomationId;
use crate::domain::integration::AuthMethod;
use crate::domain::limits::{RELAY_ANSWER, RELAY_KEY_BYTES, RELAY_OFF_WAIT};
use crate::domain::relay::Posted;
use crate::engine::ports::{Purpose, RelayAuth};
use crate::engine::{Fired, RelayError};
use crate::web::error::{Code, FieldProblem, Problem};
use crate::web::json::parse;
use crate::web::{WebState, body};

const WHAT: &str = "relay";

/// What came of an alert that was posted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Relayed")]
pub(super) struct RelayedOut {
    /// The alert's id; of one that came before, that of the first.
    alert: String,
    /// Whether it came before: then nothing more is sent.
    duplicate: bool,
    /// The ids of its deliveries.
    deliveries: Vec<String>,
}

pub(super) async fn accept(
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: AutomationId = id(&path, WHAT)?;
    let inbound = state.reader.relay_auth(id).await.map_err(|error| missing(error, WHAT))?;
    let counts = &state.metrics.counts;
    let read = match prove(&state, id, &inbound, request.headers()) {
        Ok(()) => read(&request, payload).await,
        Err(problem) => Err(problem),
    };
    let (posted, key) = read.inspect_err(|_| counts.relay_rejected())?;
    match take(&state, id, posted, key.as_deref()).await {
        Ok(fired) => {
            counts.relayed(fired.fresh);
            Ok(HttpResponse::Accepted().json(RelayedOut {
                alert: fired.alert.to_string(),
                duplicate: !fired.fresh,
                deliveries: fired.deliveries.iter().map(ToString::to_string).collect(),
            }))
        }
        Err(problem) => {
            counts.relay_refused();
            Err(problem)
        }
    }
}

/// The alert, and the key that its sender gave.
async fn read(
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Posted, Option<String>), Problem> {
    let key = key(request.headers())?;
    let body = body::json(request, payload).await?;
    let content = parse(&body)?;
    let posted = Posted::read(body, content).map_err(|faults| {
        let told = faults.into_iter().map(|each| FieldProblem::new(each.pointer, each.message));
        Problem::invalid(told.collect())
    })?;
    Ok((posted, key))
}

/// Has the engine take it, for as long as a sender waits.
async fn take(
    state: &WebState,
    id: AutomationId,
    posted: Posted,
    key: Option<&str>,
) -> Result<Fired, Problem> {
    match tokio::time::timeout(RELAY_ANSWER, state.engine.relay(id, posted, key)).await {
        Ok(Ok(fired)) => Ok(fired),
        Ok(Err(RelayError::Store(error))) => Err(missing(error, WHAT)),
        Ok(Err(RelayError::Off)) => {
            let words =
                "Nothing of this call was done. Send it again once the relay is switched on.";
            Err(Problem::new(Code::RelayOff, words).after(RELAY_OFF_WAIT))
        }
        // It may still become durable: then the next try is a duplicate.
        Err(_) => Err(Problem::new(
            Code::StoreBusy,
            "The alert is not known to be on disk yet. Send it again after the time in Retry-After: it \
             goes out once.",
        )),
    }
}

/// The Idempotency-Key, where there is one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| {
        (1..=RELAY_KEY_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    });
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        (None, _) | (Some(_), Some(_)) => {
            let words = format!(
                "Idempotency-Key must come once, with 1 to {RELAY_KEY_BYTES} visible ASCII characters \
                 and no spaces."
            );
            Err(Problem::new(Code::Invalid, words))
        }
    }
}

/// Whether the sender gives what the relay asks for. What is missing and what is wrong take the same time,
/// and are told alike.
fn prove(
    state: &WebState,
    id: AutomationId,
    inbound: &RelayAuth,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let given = match &inbound.method {
        AuthMethod::None => return Ok(()),
        AuthMethod::Bearer => only(headers, "authorization").and_then(bearer),
        AuthMethod::ApiKey => only(headers, "x-api-key"),
        AuthMethod::CustomHeader(name) => only(headers, name.as_str()),
    };
    let Some(sealed) = &inbound.credential else {
        tracing::error!(relay = %id, "a relay asks for a credential and has none");
        return Err(Problem::internal());
    };
    let asked = state.engine.sealer().open(Purpose::InboundCredential, id.0, sealed);
    let asked = asked.map_err(|error| {
        tracing::error!(relay = %id, %error, "the inbound credential of a relay can't be opened");
        Problem::internal()
    })?;
    // Of digests neither the length nor the place of the first difference tells anything.
    let (given, is_there) = (given.unwrap_or_default(), given.is_some());
    let same = Sha256::digest(given).ct_eq(&Sha256::digest(asked.expose()));
    if bool::from(same) & is_there {
        return Ok(());
    }
    Err(Problem::new(
        Code::WrongCredential,
        "This relay asks for a credential: send the one that it was given, by the method that was chosen \
         for it.",
    ))
}

/// The value of a header that comes exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, credential) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(credential)
}
