//! One attempt at a webhook: its request made, sent once, and what was answered.

use std::time::Instant;

use super::request::{self, AttemptView};
use super::signing::SigningKey;
use crate::channel::https::{Mask, Order, Seen, Wire, cause, exchange};
use crate::domain::alert::idempotency_key;
use crate::domain::integration::Webhook;
use crate::domain::limits::{FAULT_DETAIL_CHARS, RESPONSE_EXCERPT_BYTES};
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::secret::Secret;
use crate::engine::ports::{Attempt, Purpose, Sealer, Shown};

/// Posts the alert's body once.
pub(in crate::channel) async fn send(
    wire: &Wire,
    sealer: &dyn Sealer,
    attempt: &Attempt,
    webhook: &Webhook,
    begun: Instant,
) -> (Outcome, Seen) {
    let (order, mask) = match prepare(sealer, attempt, webhook) {
        Ok(prepared) => prepared,
        Err(fault) => return (Outcome::Failed(fault), Seen::default()),
    };
    let (answered, seen) = exchange(wire, order, &mask, begun).await;
    let outcome = match answered {
        Ok(answer) => Outcome::Answered { status: answer.status, retry_after: answer.retry_after },
        Err(fault) => Outcome::Failed(fault),
    };
    (outcome, seen)
}

/// What an attempt sends, its secrets as `***`.
pub(in crate::channel) fn shown(attempt: &Attempt, webhook: &Webhook) -> Shown {
    let alert = &attempt.alert;
    let id = attempt.destination.integration.id;
    let key = idempotency_key(&alert.origin, id, &alert.record_id);
    let AttemptView { method, url, headers } = AttemptView::new(webhook, &key, attempt.started_at);
    let body = String::from_utf8_lossy(alert.body.bytes()).into_owned();
    Shown { method, to: url, headers, body, html: None }
}

fn prepare<'a>(
    sealer: &dyn Sealer,
    attempt: &Attempt,
    webhook: &'a Webhook,
) -> Result<(Order<'a>, Mask), Fault> {
    let alert = &attempt.alert;
    let (credential, signing) = open(sealer, attempt, webhook)?;
    let mask = Mask::new(credential.as_ref().map(Secret::expose));
    let id = attempt.destination.integration.id;
    let key = idempotency_key(&alert.origin, id, &alert.record_id);
    let body = alert.body.bytes();
    let made =
        request::headers(webhook, &key, credential.as_ref(), &signing, attempt.started_at, body);
    let headers = made.map_err(|error| Fault {
        kind: FaultKind::CredentialUnreadable,
        detail: cause(&error.to_string(), &mask, FAULT_DETAIL_CHARS),
    })?;
    let http1_only = webhook.http1_only;
    Ok((
        Order {
            url: &webhook.url,
            plain: None,
            headers,
            body: body.clone(),
            http1_only,
            read: RESPONSE_EXCERPT_BYTES,
        },
        mask,
    ))
}

/// The credential and the signing secrets in force, in the clear.
fn open(
    sealer: &dyn Sealer,
    attempt: &Attempt,
    webhook: &Webhook,
) -> Result<(Option<Secret>, Vec<SigningKey>), Fault> {
    let unreadable = |error: &dyn std::fmt::Display| Fault {
        kind: FaultKind::CredentialUnreadable,
        detail: format!("the signing secret: {error}; set it again, or put the master key back"),
    };
    let destination = &attempt.destination;
    let id = destination.integration.id;
    let credential = crate::channel::sender::credential(sealer, destination)?;
    let mut signing = Vec::new();
    let in_force = destination.signing_secrets.iter().filter(|secret| {
        webhook.signing && secret.until.is_none_or(|end| attempt.started_at < end)
    });
    for secret in in_force {
        let opened = sealer
            .open(Purpose::SigningSecret, id.0, &secret.sealed)
            .map_err(|error| unreadable(&error))?;
        signing.push(SigningKey::parse(&opened).map_err(|error| unreadable(&error))?);
    }
    Ok((credential, signing))
}
