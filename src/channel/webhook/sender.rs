//! Sends one attempt: under one deadline from the name's lookup to the response's head, as one
//! request, to an address that the policy allows.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use http::header::RETRY_AFTER;

use super::client::{NoClient, Way, Wire};
use super::excerpt::{self, Mask};
use super::fault::Circumstances;
use super::request::{self, AttemptView};
use super::signing::SigningKey;
use crate::channel::egress::port_of;
use crate::channel::settings::{ChannelError, ChannelSettings};
use crate::channel::trace::Trace;
use crate::domain::alert::idempotency_key;
use crate::domain::delivery::{Phases, Report};
use crate::domain::integration::{Target, Webhook};
use crate::domain::limits::{FAULT_DETAIL_CHARS, LOOKUP_BEFORE_PROXY, RESPONSE_EXCERPT_BYTES};
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::schedule::RetryAfter;
use crate::domain::secret::Secret;
use crate::engine::ports::{Attempt, LocalPromise, Purpose, Sealer, Sender};

/// Sends webhooks. Its connections live on the thread that uses it: make one for each.
pub struct WebhookSender {
    wire: RwLock<Arc<Wire>>,
    sealer: Arc<dyn Sealer>,
}

impl WebhookSender {
    /// Checks the settings. A machine without CA certificates is no error here: attempts say so.
    pub fn new(settings: &ChannelSettings, sealer: Arc<dyn Sealer>) -> Result<Self, ChannelError> {
        let wire = RwLock::new(Arc::new(Wire::new(settings)?));
        Ok(Self { wire, sealer })
    }

    /// From here on attempts go by these settings, on connections of their own: none that was made
    /// under the old ones is used again. If the settings can't be used, the old ones stay.
    pub fn reload(&self, settings: &ChannelSettings) -> Result<(), ChannelError> {
        let wire = Arc::new(Wire::new(settings)?);
        *self.wire.write().unwrap_or_else(PoisonError::into_inner) = wire;
        Ok(())
    }

    fn wire(&self) -> Arc<Wire> {
        Arc::clone(&self.wire.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sender for WebhookSender {
    fn send(&self, attempt: Attempt) -> LocalPromise<Report> {
        let (wire, sealer) = (self.wire(), Arc::clone(&self.sealer));
        Box::pin(async move {
            let begun = Instant::now();
            let started_at = attempt.started_at;
            let revision = attempt.destination.revision;
            let made = AssertUnwindSafe(make(&wire, sealer.as_ref(), attempt, begun));
            let (outcome, seen) = made.catch_unwind().await.unwrap_or_else(|_| {
                let detail = "the attempt panicked: see the log".to_owned();
                (Outcome::Failed(Fault { kind: FaultKind::Internal, detail }), Seen::default())
            });
            Report {
                started_at,
                took: begun.elapsed(),
                outcome,
                phases: seen.phases,
                excerpt: seen.excerpt,
                remote: seen.remote,
                revision: Some(revision),
            }
        })
    }

    fn headers(&self, attempt: &Attempt) -> Vec<(String, String)> {
        let integration = &attempt.destination.integration;
        let Target::Webhook(webhook) = &integration.target;
        let alert = &attempt.alert;
        let key = idempotency_key(&alert.origin, integration.id, &alert.record_id);
        AttemptView::new(webhook, &key, attempt.started_at).headers
    }
}

/// What is kept of an attempt beside its outcome.
#[derive(Default)]
struct Seen {
    phases: Phases,
    excerpt: Option<String>,
    remote: Option<String>,
}

async fn make(
    wire: &Wire,
    sealer: &dyn Sealer,
    attempt: Attempt,
    begun: Instant,
) -> (Outcome, Seen) {
    let deadline = tokio::time::Instant::from_std(begun) + wire.timeout;
    let prepared = match prepare(wire, sealer, &attempt) {
        Ok(prepared) => prepared,
        Err(fault) => return (Outcome::Failed(fault), Seen::default()),
    };
    let Prepared { request, client, webhook, mask } = prepared;
    let trace = Trace::new(port_of(&webhook.url));
    let proxy = wire.proxy_for(webhook.url.as_url());
    let circumstances = Circumstances { trace: &trace, timeout: wire.timeout, proxy, mask: &mask };
    if proxy.is_some() {
        let check = wire.egress.check_before_proxy(&webhook.url);
        let budget = LOOKUP_BEFORE_PROXY.min(wire.timeout);
        if let Ok(Err(denied)) = tokio::time::timeout(budget, check).await {
            let fault = circumstances.fault(FaultKind::EgressDenied, &denied.to_string());
            return (Outcome::Failed(fault), Seen::default());
        }
    }
    let answer = Arc::clone(&trace).follow(client.execute(request));
    let answered = tokio::time::timeout_at(deadline, answer).await;
    let head_at = matches!(answered, Ok(Ok(_))).then(Instant::now);
    let mut seen = Seen { phases: trace.phases(begun, head_at), ..Seen::default() };
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return (Outcome::Failed(circumstances.failed(&error)), seen),
        Err(_) => return (Outcome::Failed(circumstances.out_of_time()), seen),
    };
    let outcome = Outcome::Answered {
        status: response.status().as_u16(),
        retry_after: RetryAfter::parse(
            response.headers().get_all(RETRY_AFTER).iter().map(http::HeaderValue::as_bytes),
        ),
    };
    seen.remote = match proxy {
        Some(proxy) => Some(format!("by proxy {proxy}")),
        None => response.remote_addr().map(|address| address.to_string()),
    };
    let (body, cut) = read_start(response, deadline).await;
    seen.excerpt = excerpt::excerpt(&body, cut, &mask);
    (outcome, seen)
}

struct Prepared<'a> {
    request: reqwest::Request,
    client: reqwest::Client,
    webhook: &'a Webhook,
    mask: Mask,
}

/// Everything that can be known to fail before a connection is made.
fn prepare<'a>(
    wire: &Wire,
    sealer: &dyn Sealer,
    attempt: &'a Attempt,
) -> Result<Prepared<'a>, Fault> {
    let (destination, alert) = (&attempt.destination, &attempt.alert);
    if !alert.body.intact() {
        return Err(Fault { kind: FaultKind::BodyDamaged, detail: String::new() });
    }
    let integration = &destination.integration;
    let Target::Webhook(webhook) = &integration.target;
    let (credential, signing) = open(sealer, attempt, webhook)?;
    let mask = Mask::new(credential.as_ref().map(Secret::expose));
    let fault = |kind, detail: &str| Fault {
        kind,
        detail: excerpt::cause(detail, &mask, FAULT_DETAIL_CHARS),
    };
    if let Err(denied) = wire.egress.check_url(&webhook.url) {
        return Err(fault(FaultKind::EgressDenied, &denied.to_string()));
    }
    let key = idempotency_key(&alert.origin, integration.id, &alert.record_id);
    let headers = request::headers(
        webhook,
        &key,
        credential.as_ref(),
        &signing,
        attempt.started_at,
        alert.body.bytes(),
    )
    .map_err(|error| fault(FaultKind::CredentialUnreadable, &error.to_string()))?;
    let by_proxy = wire.proxy_for(webhook.url.as_url()).is_some();
    let client =
        wire.client(Way { http1_only: webhook.http1_only, by_proxy }).map_err(|error| {
            let kind = match error {
                NoClient::NoRoots(_) => FaultKind::Tls,
                NoClient::Build(_) => FaultKind::Internal,
            };
            fault(kind, &error.to_string())
        })?;
    let mut request = reqwest::Request::new(http::Method::POST, webhook.url.as_url().clone());
    *request.headers_mut() = headers;
    *request.body_mut() = Some(alert.body.bytes().clone().into());
    Ok(Prepared { request, client, webhook, mask })
}

/// The credential and the signing secrets in force, in the clear.
fn open(
    sealer: &dyn Sealer,
    attempt: &Attempt,
    webhook: &Webhook,
) -> Result<(Option<Secret>, Vec<SigningKey>), Fault> {
    let unreadable = |what: &str, error: &dyn std::fmt::Display| Fault {
        kind: FaultKind::CredentialUnreadable,
        detail: format!("{what}: {error}; set it again, or put the master key back"),
    };
    let destination = &attempt.destination;
    let id = destination.integration.id.0;
    let credential = destination
        .credential
        .as_ref()
        .map(|sealed| sealer.open(Purpose::Credential, id, sealed))
        .transpose()
        .map_err(|error| unreadable("the credential", &error))?;
    let mut signing = Vec::new();
    let in_force = destination.signing_secrets.iter().filter(|secret| {
        webhook.signing && secret.until.is_none_or(|end| attempt.started_at < end)
    });
    for secret in in_force {
        let opened = sealer
            .open(Purpose::SigningSecret, id, &secret.sealed)
            .map_err(|error| unreadable("the signing secret", &error))?;
        signing.push(
            SigningKey::parse(&opened).map_err(|error| unreadable("the signing secret", &error))?,
        );
    }
    Ok((credential, signing))
}

/// The start of the body, and whether there was more. A body that ends within the bound is read to
/// its end, so that the connection can be used again; whatever goes wrong with it changes nothing.
async fn read_start(
    mut response: reqwest::Response,
    deadline: tokio::time::Instant,
) -> (BytesMut, bool) {
    let mut body = BytesMut::new();
    loop {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = RESPONSE_EXCERPT_BYTES.saturating_sub(body.len());
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
