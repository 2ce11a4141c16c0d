//! `Idempotency-Key` on calls that make something: the same call again makes no second thing, and is
//! answered with the first one, as it is now. What was shown once is not shown again.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use crate::domain::limits::CREATION_KEY_BYTES;
use crate::engine::ports::Once;
use crate::web::WebState;
use crate::web::auth::Caller;
use crate::web::error::{Code, Problem};

const HEADER: &str = "idempotency-key";

/// Tells that the answer is that of an earlier call.
pub(super) const REPLAYED: (HeaderName, &str) =
    (HeaderName::from_static("idempotency-replayed"), "true");

/// Reads the key of a call, where it has one.
///
/// # Errors
/// 422 where it is none, or there are two.
pub(super) fn once<R>(
    request: &HttpRequest,
    body: &[u8],
    caller: &Caller<R>,
    state: &WebState,
) -> Result<Option<Once>, Problem> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let visible = value.to_str().ok().filter(|key| {
        (1..=CREATION_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
    });
    let (Some(key), None) = (visible, values.next()) else {
        let words = format!(
            "Idempotency-Key must come once, with 1 to {CREATION_KEY_BYTES} visible ASCII characters \
             and no spaces."
        );
        return Err(Problem::new(Code::Invalid, words));
    };
    Ok(Some(keyed(request, key, body, caller, state)))
}

/// The key of a call, which came in another way than in its header.
pub(in crate::web) fn keyed<R>(
    request: &HttpRequest,
    key: &str,
    body: &[u8],
    caller: &Caller<R>,
    state: &WebState,
) -> Once {
    let scope = format!("{} {} {}", caller.identity(), request.method(), request.path());
    let fingerprint = state.engine.sealer().fingerprint(body);
    Once { scope, key: key.to_owned(), fingerprint }
}

/// The same, where reading it again found nothing.
pub(super) fn if_gone(problem: Problem, what: &str) -> Problem {
    if problem.code() == Code::NotFound { gone(what) } else { problem }
}

/// The refusal where what a key made is not there any more.
pub(super) fn gone(what: &str) -> Problem {
    let words = format!("That Idempotency-Key made the {what} before, and it was deleted since.");
    Problem::new(Code::Conflict, words)
}
