//! HTTP/1.1 as a receiver speaks it, right or wrong on purpose. Requests are read whole and within
//! bounds; answers are written as bytes, because a good part of them is not HTTP.

use std::io;
use std::time::{Duration, SystemTime};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::script::{Answer, Body, Kind, RetryAfter};
use crate::domain::limits::{RECEIVER_BODY_BYTES, RECEIVER_HEAD_BYTES, RECEIVER_HEAD_FIELDS};

/// One request, read whole.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    keep_alive: bool,
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The other side closed or reset it, or the machine failed.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    /// What came is not a request, or is larger than is taken.
    #[error("{0}")]
    NotARequest(&'static str),
}

/// Whether a connection can be used for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Another request may follow.
    Next,
    /// It is closed in good order.
    Close,
    /// It is reset.
    Reset,
}

/// A connection with what was read ahead.
pub(super) struct Connection<S> {
    stream: S,
    ahead: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, ahead: BytesMut::with_capacity(4096) }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// The next request; `None` where the other side closes in good order before another one.
    pub(super) async fn request(&mut self) -> Result<Option<Request>, WireError> {
        let head = loop {
            if let Some(head) = head(&self.ahead)? {
                break head;
            }
            if self.ahead.len() > RECEIVER_HEAD_BYTES {
                return Err(WireError::NotARequest("the head is too large"));
            }
            if self.stream.read_buf(&mut self.ahead).await? == 0 {
                return match self.ahead.is_empty() {
                    true => Ok(None),
                    false => Err(WireError::NotARequest("the connection ended within a head")),
                };
            }
        };
        self.ahead.advance(head.bytes);
        let says = |name, value: &[u8]| {
            head.headers
                .get(name)
                .is_some_and(|field: &HeaderValue| field.as_bytes().eq_ignore_ascii_case(value))
        };
        if says(http::header::EXPECT, b"100-continue") {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let keep_alive = !says(http::header::CONNECTION, b"close");
        let body = if says(http::header::TRANSFER_ENCODING, b"chunked") {
            self.chunks().await?
        } else {
            let bytes = match head.headers.get(http::header::CONTENT_LENGTH) {
                None => 0,
                Some(value) => value
                    .to_str()
                    .ok()
                    .and_then(|digits| digits.parse::<usize>().ok())
                    .ok_or(WireError::NotARequest("Content-Length is not a number"))?,
            };
            self.take(bytes).await?
        };
        let Head { method, path, headers, .. } = head;
        Ok(Some(Request { method, path, headers, body, keep_alive }))
    }

    async fn chunks(&mut self) -> Result<Bytes, WireError> {
        let mut body = BytesMut::new();
        loop {
            let (line, size) = match httparse::parse_chunk_size(&self.ahead) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) if self.ahead.len() < RECEIVER_HEAD_BYTES => {
                    self.more().await?;
                    continue;
                }
                Ok(httparse::Status::Partial) | Err(httparse::InvalidChunkSize) => {
                    return Err(WireError::NotARequest("a chunk's size can't be read"));
                }
            };
            self.ahead.advance(line);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let room = RECEIVER_BODY_BYTES.saturating_sub(body.len());
            if size > room {
                return Err(WireError::NotARequest("the body is too large"));
            }
            // The last chunk is empty. Trailer fields are not taken: nothing of ours sends them.
            let chunk = self.take(size).await?;
            if self.take(2).await?.as_ref() != b"\r\n" {
                return Err(WireError::NotARequest("a chunk does not end where it says"));
            }
            if chunk.is_empty() {
                return Ok(body.freeze());
            }
            body.extend_from_slice(&chunk);
        }
    }

    async fn take(&mut self, bytes: usize) -> Result<Bytes, WireError> {
        if bytes > RECEIVER_BODY_BYTES {
            return Err(WireError::NotARequest("the body is too large"));
        }
        while self.ahead.len() < bytes {
            self.more().await?;
        }
        Ok(self.ahead.split_to(bytes).freeze())
    }

    async fn more(&mut self) -> Result<(), WireError> {
        match self.stream.read_buf(&mut self.ahead).await? {
            0 => Err(WireError::NotARequest("the connection ended within a body")),
            _ => Ok(()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Does what the answer says. `own` is where a redirect without a place leads.
    pub(super) async fn answer(
        &mut self,
        request: &Request,
        answer: &Answer,
        own: &str,
    ) -> io::Result<Then> {
        if !answer.after.is_zero() && self.gone_within(answer.after).await {
            return Ok(Then::Close);
        }
        match &answer.kind {
            Kind::Status(status) => {
                self.respond(&head_of(*status, answer, None), &answer.body, request).await
            }
            Kind::Redirect(to) => {
                let to = to.as_deref().unwrap_or(own);
                self.respond(&head_of(302, answer, Some(to)), &answer.body, request).await
            }
            Kind::Hang => {
                self.gone().await;
                Ok(Then::Close)
            }
            Kind::Refuse | Kind::Reset | Kind::ResetAfterAccept | Kind::Tls => Ok(Then::Reset),
            Kind::Drip => {
                self.write(b"HTTP/1.1 200 OK\r\nx-drip: ").await?;
                self.repeat(b".", DRIP).await
            }
            Kind::Flood => {
                self.write(b"HTTP/1.1 200 OK\r\n").await?;
                self.repeat(b"x-flood: ~~~~~~~~~~~~~~~~\r\n", Duration::ZERO).await
            }
            Kind::Interim => self.repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n", DRIP).await,
            Kind::Garbage => {
                self.write(b"SSH-2.0-OpenSSH_9.9\r\n\x00\x1b[31m\xff\r\n").await?;
                Ok(Then::Close)
            }
        }
    }

    async fn respond(&mut self, head: &str, body: &Body, request: &Request) -> io::Result<Then> {
        match body {
            Body::Text(text) => {
                self.write([head, text].concat().as_bytes()).await?;
                Ok(if request.keep_alive { Then::Next } else { Then::Close })
            }
            Body::Slow => {
                self.write(head.as_bytes()).await?;
                self.repeat(b".", DRIP).await
            }
            Body::Cut => {
                self.write([head, "cut off he"].concat().as_bytes()).await?;
                Ok(Then::Close)
            }
            Body::Endless => {
                self.write(head.as_bytes()).await?;
                self.repeat(&[b'~'; 16 * 1024], Duration::ZERO).await
            }
        }
    }

    /// Writes the piece again and again, until the other side no longer takes it.
    async fn repeat(&mut self, piece: &[u8], every: Duration) -> io::Result<Then> {
        loop {
            self.write(piece).await?;
            if every.is_zero() {
                tokio::task::yield_now().await;
            } else if self.gone_within(every).await {
                return Ok(Then::Close);
            }
        }
    }

    /// Waits until the other side closes. What it sends meanwhile is read and forgotten.
    async fn gone(&mut self) {
        loop {
            self.ahead.clear();
            match self.stream.read_buf(&mut self.ahead).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    async fn gone_within(&mut self, span: Duration) -> bool {
        // A request that is sent ahead of the answer must not be lost, so one that did come ends the
        // watch for the close, not the wait.
        let mut open = true;
        let wait = tokio::time::sleep(span);
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => return false,
                read = self.stream.read_buf(&mut self.ahead), if open => match read {
                    Ok(0) | Err(_) => return true,
                    Ok(_) => open = self.ahead.len() < RECEIVER_HEAD_BYTES,
                },
            }
        }
    }
}

/// The pause between two bytes of a drip.
const DRIP: Duration = Duration::from_millis(100);

/// The head of a response, with the empty line that ends it.
fn head_of(status: u16, answer: &Answer, location: Option<&str>) -> String {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Scripted");
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    let mut field = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    };
    for value in &answer.retry_after {
        field("retry-after", &value.text());
    }
    if let Some(location) = location {
        field("location", location);
    }
    match &answer.body {
        Body::Text(text) => {
            if !text.is_empty() {
                field("content-type", "text/plain; charset=utf-8");
            }
            // A 204, a 304 and an interim response have no body and no length.
            let bodiless = status < 200 || matches!(status, 204 | 304);
            if !bodiless || !text.is_empty() {
                field("content-length", &text.len().to_string());
            }
        }
        Body::Slow | Body::Cut => field("content-length", "1000000"),
        // Its end would be that of the connection.
        Body::Endless => field("connection", "close"),
    }
    head.push_str("\r\n");
    head
}

impl RetryAfter {
    fn text(&self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Raw(text) => text.clone(),
            Self::Date(by_ms) => {
                let shift = Duration::from_millis(by_ms.unsigned_abs());
                let now = SystemTime::now();
                let at = if *by_ms < 0 { now.checked_sub(shift) } else { now.checked_add(shift) };
                httpdate::fmt_http_date(at.unwrap_or(now))
            }
        }
    }
}

struct Head {
    method: String,
    path: String,
    headers: HeaderMap,
    bytes: usize,
}

fn head(bytes: &[u8]) -> Result<Option<Head>, WireError> {
    const NOT: WireError = WireError::NotARequest("it is not an HTTP/1.1 request");
    let mut fields = [httparse::EMPTY_HEADER; RECEIVER_HEAD_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let bytes = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NOT),
    };
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| NOT)?;
        headers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| NOT)?);
    }
    let method = parsed.method.ok_or(NOT)?.to_owned();
    let path = parsed.path.ok_or(NOT)?.to_owned();
    Ok(Some(Head { method, path, headers, bytes }))
}
