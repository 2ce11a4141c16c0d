//! The sender of one lane: each attempt goes the way of its integration's kind, all of them by the same
//! settings and the same address policy.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use futures_util::FutureExt as _;

use super::email;
use super::https::{Seen, Wire};
use super::settings::{ChannelError, ChannelSettings};
use super::{slack, webhook};
use crate::domain::delivery::Report;
use crate::domain::integration::Target;
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::secret::Secret;
use crate::engine::ports::{Attempt, Destination, LocalPromise, Purpose, Sealer, Sender, Shown};

/// Sends to every kind of destination. Its connections live on the thread that uses it: make one for
/// each.
pub struct ChannelSender {
    ways: RwLock<Ways>,
    sealer: Arc<dyn Sealer>,
}

/// What goes out by the same settings: over HTTPS, and by mail.
#[derive(Clone)]
struct Ways {
    wire: Arc<Wire>,
    mail: Arc<email::Way>,
}

impl Ways {
    fn new(settings: &ChannelSettings) -> Result<Self, ChannelError> {
        Ok(Self {
            wire: Arc::new(Wire::new(settings)?),
            mail: Arc::new(email::Way::new(settings)?),
        })
    }
}

impl ChannelSender {
    /// Checks the settings. A machine without CA certificates is no error here: attempts say so.
    pub fn new(settings: &ChannelSettings, sealer: Arc<dyn Sealer>) -> Result<Self, ChannelError> {
        Ok(Self { ways: RwLock::new(Ways::new(settings)?), sealer })
    }

    /// From here on attempts go by these settings, on connections of their own: none that was made
    /// under the old ones is used again. If the settings can't be used, the old ones stay.
    pub fn reload(&self, settings: &ChannelSettings) -> Result<(), ChannelError> {
        let ways = Ways::new(settings)?;
        *self.ways.write().unwrap_or_else(PoisonError::into_inner) = ways;
        Ok(())
    }

    fn ways(&self) -> Ways {
        self.ways.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sender for ChannelSender {
    fn send(&self, attempt: Attempt) -> LocalPromise<Report> {
        let (ways, sealer) = (self.ways(), Arc::clone(&self.sealer));
        Box::pin(async move {
            let begun = Instant::now();
            let made = AssertUnwindSafe(make(&ways, sealer.as_ref(), &attempt, begun));
            let (outcome, seen) = made.catch_unwind().await.unwrap_or_else(|_| {
                let detail = "the attempt panicked: see the log".to_owned();
                (Outcome::Failed(Fault { kind: FaultKind::Internal, detail }), Seen::default())
            });
            Report {
                started_at: attempt.started_at,
                took: begun.elapsed(),
                outcome,
                phases: seen.phases,
                excerpt: seen.excerpt,
                remote: seen.remote,
                revision: Some(attempt.destination.revision),
                recipients: seen.recipients,
            }
        })
    }

    fn shown(&self, attempt: &Attempt) -> Shown {
        match &attempt.destination.integration.target {
            Target::Webhook(webhook) => webhook::shown(attempt, webhook),
            Target::Slack(slack) => slack::shown(attempt, slack),
            Target::Email(email) => email::shown(&self.ways().mail, attempt, email),
        }
    }
}

async fn make(
    ways: &Ways,
    sealer: &dyn Sealer,
    attempt: &Attempt,
    begun: Instant,
) -> (Outcome, Seen) {
    let wire = &ways.wire;
    if !attempt.alert.body.intact() {
        let fault = Fault { kind: FaultKind::BodyDamaged, detail: String::new() };
        return (Outcome::Failed(fault), Seen::default());
    }
    match &attempt.destination.integration.target {
        Target::Webhook(webhook) => webhook::send(wire, sealer, attempt, webhook, begun).await,
        Target::Slack(slack) => slack::send(wire, sealer, attempt, slack, begun).await,
        Target::Email(email) => email::send(&ways.mail, attempt, email, begun).await,
    }
}

/// The destination's credential in the clear, where it has one.
pub(super) fn credential(
    sealer: &dyn Sealer,
    destination: &Destination,
) -> Result<Option<Secret>, Fault> {
    let id = destination.integration.id;
    let sealed = destination.credential.as_ref();
    sealed.map(|sealed| sealer.open(Purpose::Credential, id.0, sealed)).transpose().map_err(
        |error| {
            let detail =
                format!("the credential: {error}; set it again, or put the master key back");
            Fault { kind: FaultKind::CredentialUnreadable, detail }
        },
    )
}
