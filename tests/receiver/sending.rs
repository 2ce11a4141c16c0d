//! One attempt, made by the library's own sender.

use std::sync::Arc;
use std::time::Duration;

use belfry::channel::egress::{EgressPolicy, Lookup};
use belfry::channel::{ChannelSender, ChannelSettings, NameSource, PemFile};
use belfry::domain::alert::{Alert, Aside, Body, Origin};
use belfry::domain::delivery::Report;
use belfry::domain::id::{AlertId, AutomationId, IntegrationId};
use belfry::domain::integration::{
    Addresses, AuthMethod, DeliverySettings, Email, Health, HttpsUrl, Integration, Slack, SlackUrl,
    Status, Target, Webhook,
};
use belfry::domain::outcome::{Fault, FaultKind, Outcome};
use belfry::domain::recipient::Recipient;
use belfry::domain::secret::{Sealed, Secret};
use belfry::domain::time::Timestamp;
use belfry::domain::wording::Templates;
use belfry::engine::ports::{
    Attempt, Destination, Purpose, Sealer, Sender, SigningSecret, VaultError,
};
use uuid::Uuid;

use super::Ca;

/// Long enough for anything that answers, on any machine.
pub const LONG: Duration = Duration::from_secs(30);
/// For tests that wait for the deadline to pass: long enough to get as far as the test wants, on a
/// busy machine too.
pub const SHORT: Duration = Duration::from_secs(1);

/// "Seals" by leaving the text as it is. A text that starts with `!` can't be opened.
pub struct OpenVault;

impl Sealer for OpenVault {
    fn seal(&self, _: Purpose, _: Uuid, secret: &Secret) -> Result<Sealed, VaultError> {
        Ok(Sealed(secret.expose().as_bytes().to_vec()))
    }

    fn open(&self, _: Purpose, _: Uuid, sealed: &Sealed) -> Result<Secret, VaultError> {
        match String::from_utf8(sealed.0.clone()) {
            Ok(text) if !text.starts_with('!') => Ok(Secret::new(text)),
            _ => Err(VaultError::Unreadable),
        }
    }

    fn fingerprint(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

/// Settings that trust a CA and open 127.0.0.1.
pub fn settings(ca: &Ca) -> ChannelSettings {
    ChannelSettings {
        timeout: LONG,
        policy: policy(&["127.0.0.1/32"], &[]),
        ca_files: vec![PemFile { name: "ca.pem".to_owned(), pem: ca.pem().into_bytes() }],
        ..ChannelSettings::default()
    }
}

pub fn with_names(mut settings: ChannelSettings, names: Arc<dyn Lookup>) -> ChannelSettings {
    settings.names = NameSource::Custom(names);
    settings
}

pub fn policy(allow: &[&str], deny: &[&str]) -> EgressPolicy {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    EgressPolicy::parse(&texts(allow), &texts(deny), &[]).unwrap()
}

pub fn sender(settings: &ChannelSettings) -> ChannelSender {
    ChannelSender::new(settings, Arc::new(OpenVault)).unwrap()
}

/// A delivery, to a webhook where nothing else is said, to be changed before it is sent.
pub struct Sending {
    pub webhook: Webhook,
    /// Another kind of destination.
    pub other: Option<Target>,
    pub credential: Option<String>,
    pub signing_secrets: Vec<(String, Option<Timestamp>)>,
    pub record_id: String,
    pub body: Body,
    /// Addresses that earlier attempts have settled.
    pub settled: Vec<Recipient>,
    pub started_at: Timestamp,
}

impl Sending {
    pub fn to(url: &str) -> Self {
        Self {
            webhook: Webhook {
                url: HttpsUrl::parse(url).unwrap(),
                auth: AuthMethod::None,
                signing: false,
                http1_only: false,
            },
            other: None,
            credential: None,
            signing_secrets: Vec::new(),
            record_id: "record-id".to_owned(),
            body: Body::new(bytes::Bytes::from_static(br#"{"automation_id":"a"}"#)),
            settled: Vec::new(),
            started_at: Timestamp::from_millis(1_782_561_600_000),
        }
    }

    /// To mail addresses, with what a test's own mail server needs.
    pub fn email(to: &str) -> Self {
        let to = Addresses::parse(to).unwrap();
        Self {
            other: Some(Target::Email(Email { to, templates: Templates::default() })),
            body: Body::new(bytes::Bytes::from_static(include_bytes!(
                "../../fixtures/payloads/public-document.json"
            ))),
            ..Self::to("https://unused.test/")
        }
    }

    /// To a Slack channel, whose URL is its credential.
    pub fn slack(url: &str) -> Self {
        let parsed = SlackUrl::parse(url.to_owned()).unwrap();
        let shown = parsed.masked().to_owned();
        Self {
            other: Some(Target::Slack(Slack { shown, templates: Templates::default() })),
            credential: Some(url.to_owned()),
            body: Body::new(bytes::Bytes::from_static(include_bytes!(
                "../../fixtures/payloads/public-document.json"
            ))),
            ..Self::to("https://unused.test/")
        }
    }

    fn target(&self) -> Target {
        self.other.clone().unwrap_or_else(|| Target::Webhook(self.webhook.clone()))
    }

    pub fn auth(mut self, auth: AuthMethod, credential: &str) -> Self {
        self.webhook.auth = auth;
        self.credential = Some(credential.to_owned());
        self
    }

    pub fn attempt(&self) -> Attempt {
        let automation_id = AutomationId(Uuid::from_u128(1));
        let sealed = |text: &String| Sealed(text.clone().into_bytes());
        let integration = Integration {
            id: IntegrationId(Uuid::from_u128(2)),
            automation_id,
            name: "ops".to_owned(),
            target: self.target(),
            condition: None,
            delivery: DeliverySettings::default(),
            credential_set: self.credential.is_some(),
        };
        let destination = Destination {
            integration,
            automation: "Escalations".to_owned(),
            status: Status::Active,
            health: Health::default(),
            revision: 1,
            credential: self.credential.as_ref().map(sealed),
            signing_secrets: self
                .signing_secrets
                .iter()
                .map(|(text, until)| SigningSecret { sealed: sealed(text), until: *until })
                .collect(),
        };
        Attempt {
            destination: Arc::new(destination),
            delivery: None,
            number: 1,
            alert: Arc::new(Alert {
                id: AlertId(1),
                automation_id,
                origin: Origin::Fired(automation_id),
                record_id: self.record_id.clone(),
                body: self.body.clone(),
                aside: Aside::default(),
            }),
            settled: self.settled.clone(),
            started_at: self.started_at,
        }
    }

    pub async fn by(&self, sender: &ChannelSender) -> Report {
        sender.send(self.attempt()).await
    }
}

/// The status that was answered, or the fault as text.
pub fn status(report: &Report) -> u16 {
    match &report.outcome {
        Outcome::Answered { status, .. } => *status,
        Outcome::Judged(judged) => judged.code,
        Outcome::Failed(fault) => panic!("no answer: {fault:?}"),
    }
}

/// The fault, of this kind.
pub fn fault(report: &Report, kind: FaultKind) -> Fault {
    match &report.outcome {
        Outcome::Failed(fault) if fault.kind == kind => fault.clone(),
        other @ (Outcome::Answered { .. } | Outcome::Judged(_) | Outcome::Failed(_)) => {
            panic!("not {kind:?}: {other:?}")
        }
    }
}
