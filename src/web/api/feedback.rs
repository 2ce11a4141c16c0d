//! `POST /webhook/custom/all`: feedback in the form of Enterpret's inbound API, with that API's own refusals, so
//! that a feeder written for it can be pointed here unchanged.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::records::take;
use crate::domain::feedback::{FeedbackError, record};
use crate::domain::limits::RECORDS_A_CALL;
use crate::engine::ports::StoreError;
use crate::store::InboundRow;
use crate::web::error::Problem;
use crate::web::token::digest;
use crate::web::{WebState, body, json};

/// The words of that API, each with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    InvalidRequestArgument,
    MissingRequiredField,
    InvalidFieldFormat,
    ExceededBatchLimit,
    InvalidApiKey,
    PayloadTooLarge,
    InternalError,
    /// The same word for what passes: it comes with Retry-After.
    Unavailable,
}

impl Word {
    const fn text(self) -> &'static str {
        match self {
            Self::InvalidRequestArgument => "ErrCodeInvalidRequestArgument",
            Self::MissingRequiredField => "ErrCodeMissingRequiredField",
            Self::InvalidFieldFormat => "ErrCodeInvalidFieldFormat",
            Self::ExceededBatchLimit => "ErrCodeExceededBatchLimit",
            Self::InvalidApiKey => "ErrCodeInvalidAPIKey",
            Self::PayloadTooLarge => "ErrCodePayloadTooLarge",
            Self::InternalError | Self::Unavailable => "ErrCodeInternalError",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequestArgument
            | Self::MissingRequiredField
            | Self::InvalidFieldFormat
            | Self::ExceededBatchLimit => StatusCode::BAD_REQUEST,
            Self::InvalidApiKey => StatusCode::UNAUTHORIZED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A refusal as that API words it.
#[derive(Debug)]
struct Refusal {
    word: Word,
    msg: String,
}

/// The same as it is written.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FeedbackRefusal")]
#[serde(rename_all = "camelCase")]
pub(super) struct RefusalOut {
    /// What is wrong, and what to change.
    msg: String,
    /// As in `ErrCodeMissingRequiredField`.
    code: &'static str,
    /// Names this refusal, in the log as well.
    #[serde(rename = "referenceID")]
    reference_id: String,
}

impl Refusal {
    fn new(word: Word, msg: impl Into<String>) -> Self {
        Self { word, msg: msg.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word.text(), self.msg)
    }
}

impl Refusal {
    fn answer(&self) -> HttpResponse {
        let reference_id = uuid::Uuid::new_v4().to_string();
        tracing::debug!(reference_id, refused = %self, "feedback was refused");
        let mut answer = HttpResponse::build(self.word.status());
        if matches!(self.word, Word::Unavailable) {
            answer.insert_header((header::RETRY_AFTER, 2));
        }
        let (msg, code) = (self.msg.clone(), self.word.text());
        answer.json(RefusalOut { msg, code, reference_id })
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let status = problem.code().status();
        let word = if status == StatusCode::PAYLOAD_TOO_LARGE {
            Word::PayloadTooLarge
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            Word::Unavailable
        } else if status.is_client_error() {
            Word::InvalidRequestArgument
        } else {
            Word::InternalError
        };
        Self::new(word, problem.detail())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// What came of a call with feedback.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FeedbackAccepted")]
pub(super) struct AcceptedOut {
    /// Feedback that was taken.
    accepted: usize,
    /// Feedback that was not, and why.
    rejected: Vec<RejectedOut>,
}

/// A feedback that was not taken.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FeedbackRejected")]
struct RejectedOut {
    /// Its place in the call, from 0.
    index: usize,
    /// As in `ErrCodeMissingRequiredField`.
    code: &'static str,
    /// What to change.
    msg: String,
}

pub(super) async fn accept(
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let taken = run(&state, &request, payload).await;
    taken.map_or_else(|refusal| refusal.answer(), |accepted| HttpResponse::Ok().json(accepted))
}

async fn run(
    state: &Data<WebState>,
    request: &HttpRequest,
    payload: Payload,
) -> Result<AcceptedOut, Refusal> {
    let inbound = known(state, request.headers()).await?;
    let body = body::any(request, payload).await?;
    let records = records(json::parse(&body)?)?;
    let now = state.engine.now();
    let (mut taken, mut rejected) = (Vec::new(), Vec::new());
    let mut unreadable = None;
    for (index, feedback) in records.iter().enumerate() {
        let read = record(feedback, &inbound.feed, now).map_err(|error| {
            let word = match error {
                FeedbackError::Missing(_) => Word::MissingRequiredField,
                FeedbackError::Format(_) => Word::InvalidFieldFormat,
            };
            let refusal = Refusal::new(word, format!("records[{index}]: {error}"));
            (refusal.word.text(), error.to_string(), unreadable.get_or_insert(refusal).word)
        });
        match read {
            Ok(good) => taken.push(good),
            Err((code, msg, _)) => rejected.push(RejectedOut { index, code, msg }),
        }
    }
    // A feeder that gets nothing through must notice; one bad feedback never spoils the others.
    match unreadable {
        Some(refusal) if taken.is_empty() => Err(refusal),
        Some(_) | None => {
            let accepted = taken.len();
            let judged = state.engine.judge(taken).await?;
            take(state, judged, rejected.len()).await?;
            Ok(AcceptedOut { accepted, rejected })
        }
    }
}

/// The inbound integration that the key belongs to.
async fn known(state: &WebState, headers: &HeaderMap) -> Result<InboundRow, Refusal> {
    let mut values = headers.get_all("api-key");
    let key = values.next().and_then(|value| value.to_str().ok());
    let key = key.filter(|_| values.next().is_none()).unwrap_or_default();
    let digest = digest(key).0;
    let found = state.reader.inbound_by_key(digest).await?;
    // Found by its digest; that it is that one is looked at in constant time.
    let found = found.filter(|row| bool::from(row.digest.ct_eq(&digest)));
    found.ok_or_else(|| {
        let words = "the header api-key must carry the key of an inbound integration, once";
        Refusal::new(Word::InvalidApiKey, words)
    })
}

fn records(value: Value) -> Result<Vec<Value>, Refusal> {
    let Value::Object(mut call) = value else {
        return Err(Refusal::new(Word::InvalidRequestArgument, "the body must be an object"));
    };
    match call.remove("records") {
        None | Some(Value::Null) => {
            Err(Refusal::new(Word::MissingRequiredField, "records is missing"))
        }
        Some(Value::Array(records)) if records.len() > RECORDS_A_CALL => {
            let words = format!("records has {}: {RECORDS_A_CALL} are the most", records.len());
            Err(Refusal::new(Word::ExceededBatchLimit, words))
        }
        Some(Value::Array(records)) => Ok(records),
        Some(_) => Err(Refusal::new(Word::InvalidFieldFormat, "records must be a list")),
    }
}
