//! What stands in for the world outside: a clock that stands still, and a receiver that answers as its
//! URL says.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belfry::channel::{ChannelSender, ChannelSettings, slack};
use belfry::domain::delivery::{Phases, Report};
use belfry::domain::id::IntegrationId;
use belfry::domain::integration::{AuthMethod, Target, Webhook};
use belfry::domain::notice::Notice;
use belfry::domain::outcome::{Fault, FaultKind, Outcome};
use belfry::domain::queue::Note;
use belfry::domain::template::Dress;
use belfry::domain::time::Timestamp;
use belfry::domain::wording::Wording;
use belfry::engine::Witness;
use belfry::engine::ports::{Attempt, Clock, LocalPromise, Purpose, Sealer as _, Sender, Shown};
use belfry::metrics::Metrics;
use belfry::vault::{MasterKey, Vault};

/// 2026-06-27T12:00:00Z, until a test says otherwise.
#[derive(Clone)]
pub(crate) struct StandingClock(Arc<AtomicI64>);

impl Default for StandingClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1_782_561_600_000)))
    }
}

impl StandingClock {
    /// Time goes by.
    pub(crate) fn pass(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Counts, and holds that no actor dies.
pub(crate) struct CountingWitness(pub(crate) Metrics);

impl Witness for CountingWitness {
    fn noted(&self, _: IntegrationId, _: Timestamp, note: &Note) {
        self.0.noted(note);
    }

    fn died(&self, id: IntegrationId, _: Timestamp, _: Option<Timestamp>) {
        panic!("the actor of {id} died");
    }
}

/// One attempt as the receiver saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) credential: Option<String>,
    pub(crate) signing_secrets: usize,
}

/// A receiver that answers `/status/503` with 503, all other paths with 200.
pub(crate) struct Receiver {
    pub(crate) seen: Mutex<Vec<Seen>>,
    pub(crate) vault: Arc<Vault>,
    /// Says how a mail is shown.
    real: ChannelSender,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        let key = MasterKey::generate().unwrap();
        let vault = Arc::new(Vault::new(&key).unwrap());
        let real = ChannelSender::new(&ChannelSettings::default(), vault.clone()).unwrap();
        Self { seen: Mutex::default(), vault, real }
    }
}

impl Sender for Receiver {
    fn send(&self, attempt: Attempt) -> LocalPromise<Report> {
        let path = match &attempt.destination.integration.target {
            Target::Webhook(webhook) => webhook.url.as_url().path().to_owned(),
            Target::Slack(_) => "/slack".to_owned(),
            Target::Email(_) => "/email".to_owned(),
        };
        let open = |sealed| {
            let id = attempt.destination.integration.id;
            self.vault.open(Purpose::Credential, id.0, sealed).unwrap().expose().to_owned()
        };
        let seen = Seen {
            path: path.clone(),
            credential: attempt.destination.credential.as_ref().map(open),
            signing_secrets: attempt.destination.signing_secrets.len(),
        };
        self.seen.lock().unwrap().push(seen);
        let outcome = match path.strip_prefix("/status/").and_then(|status| status.parse().ok()) {
            Some(status) => Outcome::Answered { status, retry_after: None },
            None if path == "/refused" => Outcome::Failed(Fault {
                kind: FaultKind::Refused,
                detail: "203.0.113.7:443".to_owned(),
            }),
            None => Outcome::Answered { status: 200, retry_after: None },
        };
        let report = Report {
            started_at: attempt.started_at,
            took: Duration::from_millis(12),
            outcome,
            phases: Phases { first_byte: Some(Duration::from_micros(11_500)), ..Phases::default() },
            excerpt: Some("thank you".to_owned()),
            remote: Some("203.0.113.7:443".to_owned()),
            revision: Some(attempt.destination.revision),
            recipients: Vec::new(),
        };
        Box::pin(std::future::ready(report))
    }

    fn shown(&self, attempt: &Attempt) -> Shown {
        let target = &attempt.destination.integration.target;
        let (headers, body) = match target {
            Target::Webhook(webhook) => {
                let body = String::from_utf8_lossy(attempt.alert.body.bytes()).into_owned();
                (headers(webhook), body)
            }
            Target::Slack(slack) => {
                let notice = Notice::read(attempt.alert.body.bytes());
                let notice = notice.named(&attempt.destination.automation);
                let wording = Wording::of(&notice, &slack.templates, Dress::Mrkdwn);
                let body = String::from_utf8(slack::message(&notice, &wording)).unwrap();
                (vec![("content-type".to_owned(), "application/json".to_owned())], body)
            }
            // A mail's parts are shown as the product shows them.
            Target::Email(_) => return self.real.shown(attempt),
        };
        Shown { method: "POST", to: target.address(), headers, body, html: None }
    }
}

fn headers(webhook: &Webhook) -> Vec<(String, String)> {
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    match &webhook.auth {
        AuthMethod::None => {}
        AuthMethod::Bearer => headers.push(("authorization".into(), "Bearer ***".into())),
        AuthMethod::ApiKey => headers.push(("x-api-key".into(), "***".into())),
        AuthMethod::CustomHeader(name) => headers.push((name.as_str().into(), "***".into())),
    }
    headers
}
