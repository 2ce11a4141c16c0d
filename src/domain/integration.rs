//! One destination of one automation: where it is, how it is spoken to, what its queue may do.

use super::condition::Condition;
use super::id::{AutomationId, IntegrationId};
use super::levels::Levels;
use super::record::Record;
use super::relay::Posted;
use super::schedule::{RetryOverrides, Schedule};
use super::time::Timestamp;
use super::wording::Templates;

mod email;
mod parts;
mod slack_url;
pub use email::{Addresses, Email};
pub use parts::{Credential, HeaderName, HttpsUrl, PartError};
pub use slack_url::SlackUrl;

/// One destination of one automation, without its credential.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// Its id, the middle part of every Idempotency-Key sent to it.
    pub id: IntegrationId,
    /// The automation that it belongs to.
    pub automation_id: AutomationId,
    /// What people call it.
    pub name: String,
    /// Where alerts go, and how.
    pub target: Target,
    /// Which of the automation's alerts go here; none means all.
    pub condition: Option<Condition>,
    /// What its queue may do, where that differs from the service's defaults.
    pub delivery: DeliverySettings,
    /// Whether a credential lies sealed beside it.
    pub credential_set: bool,
}

impl Integration {
    /// Whether an alert of its automation for this record, at these levels, goes here.
    pub fn takes(&self, record: &Record, levels: &Levels) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.matches(record, levels))
    }

    /// Whether an alert that its automation passes on goes here.
    pub fn takes_alert(&self, alert: &Posted) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.matches_alert(alert))
    }
}

/// Where alerts go: one variant for each kind of integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An HTTPS endpoint of the company's.
    Webhook(Webhook),
    /// A channel in Slack.
    Slack(Slack),
    /// A list of mail addresses.
    Email(Email),
}

/// What an integration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// See [`Target::Webhook`].
    Webhook,
    /// See [`Target::Slack`].
    Slack,
    /// See [`Target::Email`].
    Email,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Slack, Self::Email];

    /// The word in rows, API and documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Email => "email",
        }
    }

    /// What that word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.word() == word)
    }
}

impl Target {
    /// What it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Webhook(_) => Kind::Webhook,
            Self::Slack(_) => Kind::Slack,
            Self::Email(_) => Kind::Email,
        }
    }

    /// Where alerts go, as far as it may be shown.
    pub fn address(&self) -> String {
        match self {
            Self::Webhook(webhook) => webhook.url.masked(),
            Self::Slack(slack) => slack.shown.clone(),
            Self::Email(email) => email.to.to_string(),
        }
    }

    /// The webhook, where it is one.
    pub const fn webhook(&self) -> Option<&Webhook> {
        match self {
            Self::Webhook(webhook) => Some(webhook),
            Self::Slack(_) | Self::Email(_) => None,
        }
    }

    /// Whether requests are signed.
    pub fn signs(&self) -> bool {
        self.webhook().is_some_and(|webhook| webhook.signing)
    }

    /// The templates of its messages, where they are messages.
    pub const fn templates(&self) -> Option<&Templates> {
        match self {
            Self::Webhook(_) => None,
            Self::Slack(slack) => Some(&slack.templates),
            Self::Email(email) => Some(&email.templates),
        }
    }
}

/// A channel in Slack, by an incoming webhook. Its URL is not here: it is the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slack {
    /// Its URL as it may be shown: `https://hooks.slack.com/services/…`.
    pub shown: String,
    /// What its messages say, where that differs from the default.
    pub templates: Templates,
}

/// An HTTPS endpoint and how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to POST.
    pub url: HttpsUrl,
    /// Which header carries the credential.
    pub auth: AuthMethod,
    /// Whether Standard Webhooks headers are sent.
    pub signing: bool,
    /// Never speak HTTP/2 to it.
    pub http1_only: bool,
}

/// Which header carries the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMethod {
    /// No header.
    None,
    /// `Authorization: Bearer <credential>`
    Bearer,
    /// `X-API-Key: <credential>`
    ApiKey,
    /// `<name>: <credential>`
    CustomHeader(HeaderName),
}

/// What an integration sets for its own queue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeliverySettings {
    /// Attempts on the wire at once; the service's default where absent.
    pub max_in_flight: Option<u16>,
    /// The order in which deliveries go.
    pub ordering: Ordering,
    /// Most requests a second, enforced on starts of attempts; none where absent.
    pub rate_limit: Option<u32>,
    /// Parts of the retry schedule that differ from the service's.
    pub retry: RetryOverrides,
}

/// The order in which deliveries go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ordering {
    /// By due time; a failing delivery lets the others pass.
    #[default]
    Due,
    /// Strict order of acceptance: one in flight, and a failing delivery holds back those behind it.
    Fifo,
}

/// What a destination's queue goes by: the service's settings with the integration's own on top.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// When the next attempt is due.
    pub schedule: Schedule,
    /// Failures in a row that open the circuit; at least 1.
    pub circuit_failures: u32,
    /// Attempts on the wire at once; at least 1, and exactly 1 under fifo.
    pub max_in_flight: u16,
    /// The order in which deliveries go.
    pub ordering: Ordering,
    /// Most attempts started a second.
    pub rate_limit: Option<u32>,
}

impl Policy {
    /// The service's settings with the integration's own on top.
    pub fn for_integration(&self, own: &DeliverySettings) -> Self {
        let max_in_flight = match own.ordering {
            Ordering::Fifo => 1,
            Ordering::Due => own.max_in_flight.unwrap_or(self.max_in_flight).max(1),
        };
        Self {
            schedule: self.schedule.with(&own.retry),
            circuit_failures: self.circuit_failures.max(1),
            max_in_flight,
            ordering: own.ordering,
            rate_limit: own.rate_limit.or(self.rate_limit),
        }
    }
}

/// Whether an integration may send, as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    /// It sends.
    #[default]
    Active,
    /// Somebody stopped it for a while; deliveries wait.
    Paused,
    /// It is switched off, by somebody or by an answer that it is gone; deliveries wait.
    Disabled {
        /// Why, in words for an operator.
        reason: String,
    },
}

impl Status {
    /// The word in API, rows and logs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled { .. } => "disabled",
        }
    }
}

/// How an integration has been doing: kept on disk, so that a restart goes on where the last run stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// The circuit.
    pub circuit: super::circuit::Circuit,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// What that failure was, in words for an operator.
    pub last_error: Option<String>,
}
