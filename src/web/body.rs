//! The body of a request, read whole within its bounds of size and time.
//!
//! Handlers call these after they know the caller: nobody without a right makes the service read.

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, web::Payload};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::error::{Code, Problem};
use crate::domain::limits::{REQUEST_BYTES, REQUEST_TIME};

/// A body that says that it is JSON. Nobody has looked into it yet.
///
/// # Errors
/// 413, 415, 408, or 400 where the connection broke.
pub(super) async fn json(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    check(request.headers(), &["application/json"])?;
    read(request, payload).await
}

/// A body that is a JSON merge patch (RFC 7396), by that name or as plain JSON.
///
/// # Errors
/// 413, 415, 408, or 400 where the connection broke.
pub(super) async fn patch(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    check(request.headers(), &["application/merge-patch+json", "application/json"])?;
    read(request, payload).await
}

/// A body that a form of ours makes.
///
/// # Errors
/// 413, 415, 408, or 400 where the connection broke.
pub(super) async fn form(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    check(request.headers(), &["application/x-www-form-urlencoded"])?;
    read(request, payload).await
}

/// A body of whose type nobody asks: for feeders that were written for another service.
///
/// # Errors
/// 413, 415 where it is compressed, 408, or 400 where the connection broke.
pub(super) async fn any(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    refuse_compressed(request.headers())?;
    read(request, payload).await
}

/// No body, or an empty object: for calls that say all by their address.
///
/// # Errors
/// 422 where there is more.
pub(super) async fn none(request: &HttpRequest, payload: Payload) -> Result<(), Problem> {
    let body = read(request, payload).await?;
    let empty = super::json::parse(&body)
        .is_ok_and(|value| value.as_object().is_some_and(serde_json::Map::is_empty));
    if body.is_empty() || empty {
        Ok(())
    } else {
        Err(Problem::new(Code::Invalid, "This call takes no body: send none, or {}."))
    }
}

/// Compressed bodies are not taken: a small one could be endless.
fn refuse_compressed(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "Compressed bodies are not taken: send it without Content-Encoding.",
        )
        .closing());
    }
    Ok(())
}

/// Whether the body is of a form that is taken.
fn check(headers: &HeaderMap, taken: &[&str]) -> Result<(), Problem> {
    refuse_compressed(headers)?;
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split_once(';').map_or(value, |(essence, _)| essence).trim());
    if essence.is_some_and(|essence| taken.iter().any(|each| essence.eq_ignore_ascii_case(each))) {
        return Ok(());
    }
    let detail = format!("Send the body with Content-Type: {}.", taken.join(" or "));
    Err(Problem::new(Code::UnsupportedMediaType, detail).closing())
}

/// The length that the head names, so that what is too large is refused before it is read.
fn length(headers: &HeaderMap) -> Result<usize, Problem> {
    let named = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match named.map(str::parse) {
        None => Ok(0),
        Some(Ok(length)) if length <= REQUEST_BYTES => Ok(length),
        Some(_) => Err(too_large()),
    }
}

fn too_large() -> Problem {
    let detail = format!("A body may have {REQUEST_BYTES} bytes: send fewer records a call.");
    Problem::new(Code::TooLarge, detail).closing()
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let length = length(request.headers())?;
    // The timer costs nothing where the body is there already: it is armed at the first wait.
    match tokio::time::timeout(REQUEST_TIME, collect(payload, length)).await {
        Ok(read) => read,
        Err(_) => {
            let detail = format!("The body was not here after {} s.", REQUEST_TIME.as_secs());
            Err(Problem::new(Code::RequestTimeout, detail).closing())
        }
    }
}

async fn collect(mut payload: Payload, length: usize) -> Result<Bytes, Problem> {
    let mut body: Option<Bytes> = None;
    let mut many = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::new(Code::Malformed, format!("The body could not be read: {error}.")).closing()
        })?;
        if many.len() + body.as_ref().map_or(0, Bytes::len) + chunk.len() > REQUEST_BYTES {
            return Err(too_large());
        }
        // Most bodies come in one piece, which needs no copy.
        if body.is_none() && many.is_empty() {
            body = Some(chunk);
            continue;
        }
        if let Some(first) = body.take() {
            many.reserve(length.max(first.len() + chunk.len()));
            many.extend_from_slice(&first);
        }
        many.extend_from_slice(&chunk);
    }
    Ok(body.unwrap_or_else(|| many.freeze()))
}
