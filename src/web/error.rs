//! Refusals, as problem details (RFC 9457): every error that the surface answers has this one form, with
//! a stable code for programs and a sentence for people that says what to change.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::engine::ports::{StoreError, VaultError};

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        /// What kind of refusal. A code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The status that it is answered with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The word that programs compare.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The same for people, in general.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The body is no JSON, or not the JSON that it claims to be.
    Malformed = BAD_REQUEST, "malformed", "The request can't be read";
    /// No token, or none that counts.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A valid token is needed";
    /// The token's right does not reach.
    Forbidden = FORBIDDEN, "forbidden", "The token lacks the right";
    /// No such thing, or no such address.
    NotFound = NOT_FOUND, "not_found", "There is no such thing";
    /// The address knows other methods.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not known here";
    /// The name or the password is wrong; which one is nobody's business.
    WrongCredentials = UNAUTHORIZED, "wrong_credentials", "Name or password is wrong";
    /// A relay's sender did not prove who it is.
    WrongCredential = UNAUTHORIZED, "wrong_credential", "The credential is missing or wrong";
    /// The request comes from another site than ours.
    ForeignSite = FORBIDDEN, "foreign_site", "The request comes from another site";
    /// The request's body came too slowly.
    RequestTimeout = REQUEST_TIMEOUT, "request_timeout", "The request came too slowly";
    /// The thing's state does not allow it.
    Conflict = CONFLICT, "conflict", "The present state does not allow that";
    /// Somebody else changed it meanwhile.
    Stale = PRECONDITION_FAILED, "stale", "It was changed meanwhile";
    /// More bytes than are taken.
    TooLarge = PAYLOAD_TOO_LARGE, "too_large", "The request is too large";
    /// Not JSON, or compressed.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body's form is not taken";
    /// Fields are wrong; each is named.
    Invalid = UNPROCESSABLE_ENTITY, "invalid", "Fields are wrong";
    /// The key of a creation was used for another one.
    KeyReused = UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The Idempotency-Key was used before";
    /// Too many tries, or too many at once.
    TooManyRequests = TOO_MANY_REQUESTS, "too_many_requests", "Too many requests";
    /// A change that must name the version it is based on.
    PreconditionRequired = PRECONDITION_REQUIRED, "precondition_required", "The version is missing";
    /// Our own fault.
    Internal = INTERNAL_SERVER_ERROR, "internal", "The service failed";
    /// The disk is full.
    StoreFull = SERVICE_UNAVAILABLE, "store_full", "Nothing can be stored now";
    /// Too much is waiting to be stored.
    StoreBusy = SERVICE_UNAVAILABLE, "store_busy", "Too much is waiting to be stored";
    /// The service stops.
    Stopping = SERVICE_UNAVAILABLE, "stopping", "The service is stopping";
    /// The relay takes nothing now.
    RelayOff = SERVICE_UNAVAILABLE, "relay_off", "The relay is switched off";
    /// The service can't do its work now.
    NotReady = SERVICE_UNAVAILABLE, "not_ready", "The service is not ready";
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Where: a JSON pointer into the body (RFC 6901), or `?name` for a parameter of the query.
    pub pointer: String,
    /// What to change.
    pub detail: String,
}

impl FieldProblem {
    /// What is wrong, and where.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A refusal.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldProblem>,
    current_version: Option<i64>,
    current: Option<Box<serde_json::Value>>,
    allow: Option<String>,
    after: Option<Duration>,
    close: bool,
}

/// The refusal as it is written.
#[derive(Serialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<&'a serde_json::Value>,
}

/// The refusal's form, for the API's description.
pub(super) fn problem_schema() -> serde_json::Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
    serde_json::json!({
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "description": "`urn:belfry:problem:` and the code."},
            "title": {"type": "string", "description": "What is wrong, in general."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "code": {"type": "string", "enum": codes, "description": "For programs; never changes."},
            "detail": {"type": "string", "description": "What is wrong here, and what to change."},
            "errors": {"type": "array", "description": "What is wrong with single fields.", "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description":
                        "A JSON pointer into the body (RFC 6901), or `?name` for a parameter."},
                    "detail": {"type": "string", "description": "What to change."},
                },
            }},
            "current_version": {"type": "integer", "description": "The version that is there now (412)."},
            "current": {"type": "object", "description": "What is there now (412)."},
        },
    })
}

/// Seconds after which a refused call may be sent again: about what a full disk's or queue's next look
/// takes.
const RETRY_AFTER_SECONDS: u32 = 2;

impl Problem {
    /// A refusal with a sentence that says what to change.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            current_version: None,
            current: None,
            allow: None,
            after: None,
            close: false,
        }
    }

    /// Fields are wrong.
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}.", shown(&one.pointer), one.detail),
            many => format!("{} fields are wrong; errors names each.", many.len()),
        };
        Self { errors, ..Self::new(Code::Invalid, detail) }
    }

    /// One field is wrong.
    pub fn field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem::new(pointer, detail)])
    }

    /// One answer, whether the name is unknown or the password wrong.
    pub fn wrong_credentials() -> Self {
        let words = "Name or password is wrong. After five wrong ones the next is looked at a little later.";
        Self::new(Code::WrongCredentials, words)
    }

    /// The thing that the address names is not there.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no {what} of that id."))
    }

    /// The address knows other methods only.
    pub fn method_not_allowed(allow: String) -> Self {
        let detail = format!("This address knows {allow}.");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, detail) }
    }

    /// The version that the caller has seen is not the present one.
    pub fn stale(current: i64) -> Self {
        let detail = format!(
            "It is at version {current} now. Read it again, make the change on what you read, and send it \
             with If-Match: \"{current}\"."
        );
        Self { current_version: Some(current), ..Self::new(Code::Stale, detail) }
    }

    /// What is there now, for a caller whose version is an old one.
    #[must_use]
    pub fn with_current(mut self, current: serde_json::Value) -> Self {
        self.current = Some(Box::new(current));
        self
    }

    /// When it may be tried again.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.after = Some(wait);
        self
    }

    /// The connection is closed after this refusal: what else comes on it can't be trusted.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// What is wrong with single fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.errors = errors;
        self
    }

    /// Which kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is wrong here, and what to change.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong with single fields.
    pub fn errors(&self) -> &[FieldProblem] {
        &self.errors
    }
}

fn shown(pointer: &str) -> &str {
    if pointer.is_empty() { "The body" } else { pointer }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.word(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)));
        if self.code.status() == StatusCode::UNAUTHORIZED {
            // Never Basic: a browser would ask for a password in a window of its own.
            let challenge = HeaderValue::from_static("Bearer realm=\"belfry\"");
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if let Some(wait) = self.after {
            // Whole seconds, and never too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.insert_header((header::RETRY_AFTER, seconds.max(1)));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.close {
            response.force_close();
        }
        response.body(self.text())
    }
}

impl Problem {
    fn text(&self) -> String {
        let wire = Wire {
            kind: format!("urn:belfry:problem:{}", self.code.word()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.word(),
            detail: &self.detail,
            errors: &self.errors,
            current_version: self.current_version,
            current: self.current.as_deref(),
        };
        // Text and numbers always make JSON; an empty body would still carry the status.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::new(
                Code::StoreFull,
                "No room is left on the disk of the data directory. Nothing of this call was done: make \
                 room, and send it again.",
            ),
            StoreError::Busy => Self::new(
                Code::StoreBusy,
                "Nothing of this call was done. Send it again after the time in Retry-After.",
            ),
            StoreError::Stopped => Self::new(
                Code::Stopping,
                "Nothing of this call was done. Send it again once the service is back.",
            ),
            StoreError::NotFound => Self::new(Code::NotFound, "There is no such thing any more."),
            StoreError::Stale { current } => Self::stale(current),
            // Creations answer these themselves, with what was made.
            StoreError::Repeated { subject } => {
                Self::new(Code::Conflict, format!("It was done before, and made {subject}."))
            }
            StoreError::KeyReused => Self::new(
                Code::KeyReused,
                "That Idempotency-Key came with another call before: give each call a key of its own.",
            ),
            StoreError::Refused(why) => Self::new(Code::Conflict, format!("{}.", sentence(&why))),
            StoreError::Failed(why) => {
                tracing::error!(error = %why, "the store failed");
                Self::internal()
            }
        }
    }
}

impl Problem {
    /// Our own fault. The log says more; the caller learns nothing of our inside.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "This is a fault of the service. Its log says more.")
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "a secret can't be sealed");
        Self::new(
            Code::Internal,
            format!("Nothing was changed: the secret can't be sealed, {error}."),
        )
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => "It was refused".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_all() {
        let problem = Problem::field("/url", "must begin with https://");
        let written: serde_json::Value = serde_json::from_str(&problem.text()).unwrap();
        let expected = serde_json::json!({
            "type": "urn:belfry:problem:invalid",
            "title": "Fields are wrong",
            "status": 422,
            "code": "invalid",
            "detail": "/url must begin with https://.",
            "errors": [{"pointer": "/url", "detail": "must begin with https://"}],
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn each_code_has_a_word_of_its_own() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }

    #[test]
    fn what_can_be_sent_again_says_when() {
        for error in [StoreError::Full, StoreError::Busy, StoreError::Stopped] {
            let response = Problem::from(error).error_response();
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "2");
        }
    }

    #[test]
    fn our_own_faults_are_not_explained_to_callers() {
        let problem = Problem::from(StoreError::Failed("table secrets has no column x".into()));
        assert!(!problem.text().contains("column"), "{}", problem.text());
    }
}
