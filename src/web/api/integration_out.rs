//! An integration as it is written, as the contract's section 7 has it. There is no field for a
//! credential, so that none can come out.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::domain::circuit::Circuit;
use crate::domain::condition::Condition;
use crate::domain::integration::{
    AuthMethod, Health, Integration, Ordering, Policy, Status, Target,
};
use crate::domain::schedule::RetryOverrides;
use crate::domain::template::Template;
use crate::domain::time::Timestamp;
use crate::domain::wording::Templates;

/// What people set, in a form that can be sent back.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Settings {
    /// Its id, the middle part of every Idempotency-Key that is sent to it.
    pub(in crate::web) id: String,
    /// The automation that it belongs to.
    pub(in crate::web) automation_id: String,
    /// `webhook`, `slack` or `email`.
    pub(in crate::web) kind: &'static str,
    /// What people call it.
    pub(in crate::web) name: String,
    /// Where alerts are posted to. A Slack channel's is its credential, and shown without what is secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) url: Option<String>,
    /// Who gets the mail, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) to: Option<Vec<String>>,
    /// How a webhook proves who sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) auth: Option<Auth>,
    /// What the messages say, where that differs from the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) template: Option<TemplateOut>,
    /// Which of the automation's alerts go here; without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) condition: Option<Value>,
    /// Attempts under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) max_in_flight: Option<u16>,
    /// `due`, or `fifo` for strict order.
    pub(in crate::web) ordering: &'static str,
    /// Most requests a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) rate_limit: Option<u32>,
    /// Where its schedule differs from the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) retry: Option<Retry>,
    /// Whether Standard Webhooks headers are sent to a webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) signing: Option<bool>,
    /// Whether HTTP/2 is never spoken to a webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) http1_only: Option<bool>,
}

/// What messages say; what is absent has the default.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MessageTemplate")]
pub(in crate::web) struct TemplateOut {
    /// Of the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) title: Option<String>,
    /// Of the text, which stands in the place of the feedback's excerpt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) text: Option<String>,
}

impl TemplateOut {
    fn of(templates: &Templates) -> Option<Self> {
        let source = |template: &Option<Template>| {
            template.as_ref().map(|template| template.source().to_owned())
        };
        let set = *templates != Templates::default();
        set.then(|| Self { title: source(&templates.title), text: source(&templates.text) })
    }
}

/// How whoever sends proves who it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Auth {
    /// `none`, `bearer`, `api_key` or `custom_header`.
    pub(in crate::web) method: &'static str,
    /// The name of the custom header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) header_name: Option<String>,
    /// Whether a credential is stored. It never comes out.
    pub(in crate::web) credential_set: bool,
}

/// Where its schedule differs from the service's.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Retry {
    /// The delay after the first failure, as in `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) base: Option<String>,
    /// What each further delay is multiplied by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) factor: Option<f64>,
    /// No delay is longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) cap: Option<String>,
    /// For how long after the alert a failed attempt is made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) horizon: Option<String>,
    /// The share of each delay that is random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) jitter: Option<f64>,
}

impl Auth {
    /// The method, and whether there is a credential for it.
    pub(in crate::web) fn of(method: &AuthMethod, credential_set: bool) -> Self {
        let (method, header_name) = match method {
            AuthMethod::None => ("none", None),
            AuthMethod::Bearer => ("bearer", None),
            AuthMethod::ApiKey => ("api_key", None),
            AuthMethod::CustomHeader(name) => ("custom_header", Some(name.as_str().to_owned())),
        };
        Self { method, header_name, credential_set }
    }
}

impl Settings {
    /// What people set.
    pub(in crate::web) fn of(integration: &Integration) -> Self {
        let delivery = &integration.delivery;
        let webhook = integration.target.webhook();
        Self {
            id: integration.id.to_string(),
            automation_id: integration.automation_id.to_string(),
            kind: integration.target.kind().word(),
            name: integration.name.clone(),
            url: match &integration.target {
                Target::Webhook(webhook) => Some(webhook.url.to_string()),
                Target::Slack(slack) => Some(slack.shown.clone()),
                Target::Email(_) => None,
            },
            to: match &integration.target {
                Target::Email(email) => Some(email.to.iter().map(ToString::to_string).collect()),
                Target::Webhook(_) | Target::Slack(_) => None,
            },
            auth: webhook.map(|webhook| Auth::of(&webhook.auth, integration.credential_set)),
            template: integration.target.templates().and_then(TemplateOut::of),
            condition: integration.condition.as_ref().map(Condition::to_json),
            max_in_flight: delivery.max_in_flight,
            ordering: match delivery.ordering {
                Ordering::Due => "due",
                Ordering::Fifo => "fifo",
            },
            rate_limit: delivery.rate_limit,
            retry: retry(&delivery.retry),
            signing: webhook.map(|webhook| webhook.signing),
            http1_only: webhook.map(|webhook| webhook.http1_only),
        }
    }
}

fn retry(own: &RetryOverrides) -> Option<Retry> {
    let retry = Retry {
        base: own.base.map(duration),
        factor: own.factor,
        cap: own.cap.map(duration),
        horizon: own.horizon.map(duration),
        jitter: own.jitter,
    };
    (*own != RetryOverrides::default()).then_some(retry)
}

/// A duration as it is written in JSON: `1h 30m`.
pub(in crate::web) fn duration(span: Duration) -> String {
    match jiff::SignedDuration::try_from(span) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{}s", span.as_secs()),
    }
}

/// An integration: one destination of one automation, with its state.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Integration")]
pub(in crate::web) struct IntegrationOut {
    #[serde(flatten)]
    pub(in crate::web) settings: Settings,
    /// How it is doing; absent where settings alone were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) state: Option<State>,
    /// Only in the answer to the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) signing_secret: Option<String>,
}

/// How it is doing.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationState")]
pub(in crate::web) struct State {
    /// `active`, `paused` or `disabled`.
    pub(in crate::web) status: &'static str,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) reason: Option<String>,
    /// `closed`, `open` or `half_open`.
    pub(in crate::web) circuit: &'static str,
    /// Deliveries that wait.
    pub(in crate::web) pending: u64,
    /// Attempts under way.
    pub(in crate::web) in_flight: u64,
    /// Deliveries that were given up.
    pub(in crate::web) dead: u64,
    /// Failures since the last success.
    pub(in crate::web) consecutive_failures: u32,
    /// When an attempt last succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) last_success_at: Option<String>,
    /// When an attempt last failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) last_failure_at: Option<String>,
    /// What that failure was, as a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) last_error: Option<String>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) next_attempt_at: Option<String>,
    /// Until when it is left alone, because its worker died too often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) parked_until: Option<String>,
}

/// What is known of an integration beside its settings, from disk and from its actor.
#[derive(Debug)]
pub(in crate::web) struct Live<'a> {
    pub(in crate::web) status: &'a Status,
    pub(in crate::web) health: &'a Health,
    /// Deliveries that are pending or in flight by their rows.
    pub(in crate::web) waiting: u64,
    /// Dead deliveries.
    pub(in crate::web) dead: u64,
    /// When the first waiting delivery is due.
    pub(in crate::web) next_due_at: Option<Timestamp>,
    /// Attempts on the wire, by the actor.
    pub(in crate::web) in_flight: u64,
    /// Until when the actor is parked.
    pub(in crate::web) parked_until: Option<Timestamp>,
}

impl IntegrationOut {
    /// The integration as callers see it.
    pub(in crate::web) fn of(integration: &Integration, live: &Live<'_>, policy: &Policy) -> Self {
        let mut settings = Settings::of(integration);
        settings.max_in_flight = Some(policy.for_integration(&integration.delivery).max_in_flight);
        Self { settings, state: Some(State::of(live)), signing_secret: None }
    }

    /// What people set, and nothing else.
    pub(in crate::web) fn settings_of(integration: &Integration) -> Self {
        Self { settings: Settings::of(integration), state: None, signing_secret: None }
    }

    /// Shows the signing secret that this very call made.
    pub(in crate::web) fn with_secret(mut self, secret: Option<&str>) -> Self {
        self.signing_secret = secret.map(str::to_owned);
        self
    }
}

impl State {
    fn of(live: &Live<'_>) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let (circuit, probe_at) = match &live.health.circuit {
            Circuit::Closed { .. } => ("closed", None),
            Circuit::Open { .. } if live.in_flight > 0 => ("half_open", None),
            Circuit::Open { probe_at, .. } => ("open", Some(*probe_at)),
        };
        let active = matches!(live.status, Status::Active);
        // Behind an open circuit, what is due waits for the next probe; where it is stopped, for people.
        let next =
            live.next_due_at.filter(|_| active).map(|due| probe_at.map_or(due, |at| at.max(due)));
        let next = next.map(|next| live.parked_until.map_or(next, |until| until.max(next)));
        Self {
            status: live.status.word(),
            reason: match live.status {
                Status::Disabled { reason } => Some(reason.clone()),
                Status::Active | Status::Paused => None,
            },
            circuit,
            // The rows of first attempts say that they wait until their outcome is written down.
            pending: live.waiting.saturating_sub(live.in_flight),
            in_flight: live.in_flight.min(live.waiting),
            dead: live.dead,
            consecutive_failures: live.health.circuit.failures(),
            last_success_at: text(live.health.last_success_at),
            last_failure_at: text(live.health.last_failure_at),
            last_error: live.health.last_error.clone(),
            next_attempt_at: text(next),
            parked_until: text(live.parked_until),
        }
    }
}
