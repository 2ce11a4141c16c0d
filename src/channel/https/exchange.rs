//! One request and its answer: under one deadline from the name's lookup to the response's head, to an
//! address that the policy allows.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use url::Url;

use super::client::{NoClient, Way, Wire};
use super::excerpt::{self, Mask};
use super::fault::Circumstances;
use crate::channel::egress::port_of;
use crate::channel::trace::Trace;
use crate::domain::delivery::Phases;
use crate::domain::integration::HttpsUrl;
use crate::domain::limits::{FAULT_DETAIL_CHARS, LOOKUP_BEFORE_PROXY};
use crate::domain::outcome::{Fault, FaultKind};
use crate::domain::recipient::Recipient;
use crate::domain::schedule::RetryAfter;

/// A request that is ready to go.
pub(in crate::channel) struct Order<'a> {
    /// Where to.
    pub(in crate::channel) url: &'a HttpsUrl,
    /// The same place by http, where an operator allows that.
    pub(in crate::channel) plain: Option<Url>,
    /// All headers but those that the connection adds itself.
    pub(in crate::channel) headers: HeaderMap,
    /// What is posted.
    pub(in crate::channel) body: Bytes,
    /// Never speak HTTP/2.
    pub(in crate::channel) http1_only: bool,
    /// Bytes of the answer's body that are read at most.
    pub(in crate::channel) read: usize,
}

/// The head of a response, and the start of its body.
pub(in crate::channel) struct Answer {
    pub(in crate::channel) status: u16,
    pub(in crate::channel) retry_after: Option<RetryAfter>,
    pub(in crate::channel) start: BytesMut,
    /// Whether there was more, or might have been: it did not end in time.
    pub(in crate::channel) cut: bool,
}

/// What is kept of an attempt beside its outcome.
#[derive(Default)]
pub(in crate::channel) struct Seen {
    pub(in crate::channel) phases: Phases,
    pub(in crate::channel) excerpt: Option<String>,
    pub(in crate::channel) remote: Option<String>,
    /// What became of each address, where a destination has several.
    pub(in crate::channel) recipients: Vec<Recipient>,
}

/// Posts it once. What `mask` hides is in no text that comes of it.
pub(in crate::channel) async fn exchange(
    wire: &Wire,
    order: Order<'_>,
    mask: &Mask,
    begun: Instant,
) -> (Result<Answer, Fault>, Seen) {
    let deadline = tokio::time::Instant::from_std(begun) + wire.timeout;
    let (url, most) = (order.url, order.read);
    let (request, client) = match prepare(wire, order, mask) {
        Ok(prepared) => prepared,
        Err(fault) => return (Err(fault), Seen::default()),
    };
    let trace = Trace::new(port_of(url));
    let proxy = wire.proxy_for(url.as_url());
    let circumstances = Circumstances { trace: &trace, timeout: wire.timeout, proxy, mask };
    if proxy.is_some() {
        let check = wire.egress.check_before_proxy(url);
        let budget = LOOKUP_BEFORE_PROXY.min(wire.timeout);
        if let Ok(Err(denied)) = tokio::time::timeout(budget, check).await {
            let fault = circumstances.fault(FaultKind::EgressDenied, &denied.to_string());
            return (Err(fault), Seen::default());
        }
    }
    let answer = Arc::clone(&trace).follow(client.execute(request));
    let answered = tokio::time::timeout_at(deadline, answer).await;
    let head_at = matches!(answered, Ok(Ok(_))).then(Instant::now);
    let mut seen = Seen { phases: trace.phases(begun, head_at), ..Seen::default() };
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return (Err(circumstances.failed(&error)), seen),
        Err(_) => return (Err(circumstances.out_of_time()), seen),
    };
    let status = response.status().as_u16();
    let retry_after = RetryAfter::parse(
        response.headers().get_all(RETRY_AFTER).iter().map(http::HeaderValue::as_bytes),
    );
    seen.remote = match proxy {
        Some(proxy) => Some(format!("by proxy {proxy}")),
        None => response.remote_addr().map(|address| address.to_string()),
    };
    let (start, cut) = read_start(response, most, deadline).await;
    seen.excerpt = excerpt::excerpt(&start, cut, mask);
    (Ok(Answer { status, retry_after, start, cut }), seen)
}

/// Everything that can be known to fail before a connection is made.
fn prepare(
    wire: &Wire,
    order: Order<'_>,
    mask: &Mask,
) -> Result<(reqwest::Request, reqwest::Client), Fault> {
    let Order { url, plain, headers, body, http1_only, read: _ } = order;
    let fault = |kind, detail: &str| Fault {
        kind,
        detail: excerpt::cause(detail, mask, FAULT_DETAIL_CHARS),
    };
    if let Err(denied) = wire.egress.check_url(url) {
        return Err(fault(FaultKind::EgressDenied, &denied.to_string()));
    }
    let by_proxy = wire.proxy_for(url.as_url()).is_some();
    let client =
        wire.client(Way { http1_only, plain: plain.is_some(), by_proxy }).map_err(|error| {
            let kind = match error {
                NoClient::NoRoots(_) => FaultKind::Tls,
                NoClient::Build(_) => FaultKind::Internal,
            };
            fault(kind, &error.to_string())
        })?;
    let mut request =
        reqwest::Request::new(http::Method::POST, plain.unwrap_or_else(|| url.as_url().clone()));
    *request.headers_mut() = headers;
    *request.body_mut() = Some(body.into());
    Ok((request, client))
}

/// The start of the body, and whether there was more. A body that ends within the bound is read to
/// its end, so that the connection can be used again; whatever goes wrong with it changes nothing.
async fn read_start(
    mut response: reqwest::Response,
    most: usize,
    deadline: tokio::time::Instant,
) -> (BytesMut, bool) {
    let mut body = BytesMut::new();
    loop {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = most.saturating_sub(body.len());
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if chunk.len() > room {
                    return (body, true);
                }
            }
            Ok(Ok(None)) => return (body, false),
            Ok(Err(_)) | Err(_) => return (body, true),
        }
    }
}
