//! A form that makes something carries a key of its own, as a program's call carries its Idempotency-Key: sent a
//! second time by a reload or an impatient click, it makes no second thing.

use actix_web::HttpRequest;
use zeroize::Zeroizing;

use super::form::Form;
use crate::domain::limits::CREATION_KEY_BYTES;
use crate::engine::ports::Once;
use crate::web::WebState;
use crate::web::api::once::keyed;
use crate::web::auth::Caller;
use crate::web::error::Problem;
use crate::web::token::random_text;

/// The field that carries the key.
const FIELD: &str = "once";
/// As many letters and digits as nobody meets twice.
const CHARS: usize = 22;

/// A key for a form that is about to be shown.
pub(super) fn fresh() -> Result<String, Problem> {
    let text = random_text(CHARS).map_err(|error| {
        tracing::error!(%error, "a form's key can't be made");
        Problem::internal()
    })?;
    Ok(text.as_str().to_owned())
}

/// The key of a form that was sent, and what it asks for, which is known again by its digest alone. A form
/// without a key is one call of its own.
pub(super) fn of<R>(
    request: &HttpRequest,
    form: &Form,
    asked: &[&str],
    caller: &Caller<R>,
    state: &WebState,
) -> Option<Once> {
    let key = form.get(FIELD).filter(|key| {
        (1..=CREATION_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
    })?;
    let mut body = Zeroizing::new(Vec::new());
    for field in asked {
        // With its length, so that no two forms are one text.
        body.extend_from_slice(&field.len().to_be_bytes());
        body.extend_from_slice(field.as_bytes());
    }
    Some(keyed(request, key, &body, caller, state))
}
