//! A classifier of the customer's own, asked over HTTPS, or over HTTP where that is allowed: by the same address policy, the same trust and the
//! same bounds as any destination. One question is one request.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::https::{Mask, Order, Wire, exchange};
use super::settings::{ChannelError, ChannelSettings};
use super::webhook::request::AGENT;
use crate::detect::Language;
use crate::detect::external::{self, Opinion, Protocol, Reason, Unanswered};
use crate::domain::endpoint::Endpoint;
use crate::domain::limits::{CLASSIFIER_ANSWER_BYTES, CLASSIFIER_WORDS_CHARS, FAULT_DETAIL_CHARS};
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::plain;
use crate::domain::secret::Secret;
use crate::engine::ports::{Classifier, LocalPromise, Question, Said, Terms};

/// How a classifier is reached, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct ClassifierSettings {
    /// Where questions are posted.
    pub url: Endpoint,
    /// What is posted there.
    pub protocol: Protocol,
    /// What the model is called there.
    pub model: Option<String>,
    /// Sent as a bearer token, where it asks for one.
    pub api_key: Option<Arc<Secret>>,
    /// Time of a question, from the start of name resolution to the end of the answer.
    pub timeout: Duration,
    /// How much is asked of it, and for how long a record waits for it.
    pub terms: Terms,
}

/// Asks the classifier that is configured. Its connections live on the thread that uses it.
pub struct ClassifierClient(RwLock<Option<Arc<Way>>>);

struct Way {
    wire: Wire,
    settings: ClassifierSettings,
}

impl ClassifierClient {
    /// Checks the settings.
    ///
    /// # Errors
    /// One that can't be used.
    pub fn new(settings: &ChannelSettings) -> Result<Self, ChannelError> {
        Ok(Self(RwLock::new(Way::new(settings)?)))
    }

    /// From here on these settings count, on connections of their own.
    ///
    /// # Errors
    /// One that can't be used; the old ones stay then.
    pub fn reload(&self, settings: &ChannelSettings) -> Result<(), ChannelError> {
        let way = Way::new(settings)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = way;
        Ok(())
    }

    fn way(&self) -> Option<Arc<Way>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Classifier for ClassifierClient {
    fn terms(&self) -> Option<Terms> {
        self.way().map(|way| way.settings.terms)
    }

    fn ask(&self, question: Question) -> LocalPromise<Said> {
        let way = self.way();
        Box::pin(async move {
            let begun = Instant::now();
            let Some(way) = way else {
                let detail = "no classifier is configured any more";
                let opinion = Err(Unanswered::new(Reason::NotConfigured, detail));
                return Said { opinion, took: Duration::ZERO };
            };
            let asked = AssertUnwindSafe(way.ask(&question, begun)).catch_unwind().await;
            let opinion = asked.unwrap_or_else(|_| {
                Err(Unanswered::new(Reason::Unreachable, "the question panicked: see the log"))
            });
            Said { opinion, took: begun.elapsed() }
        })
    }
}

impl Way {
    fn new(settings: &ChannelSettings) -> Result<Option<Arc<Self>>, ChannelError> {
        let Some(classifier) = settings.classifier.clone() else { return Ok(None) };
        let own = ChannelSettings { timeout: classifier.timeout, ..settings.clone() };
        Ok(Some(Arc::new(Self { wire: Wire::new(&own)?, settings: classifier })))
    }

    async fn ask(&self, question: &Question, begun: Instant) -> Result<Opinion, Unanswered> {
        let ClassifierSettings { url, protocol, model, timeout, .. } = &self.settings;
        let key = self.settings.api_key.as_deref().map(Secret::expose);
        let mask = Mask::new(key);
        let Question { record, language } = question;
        let body =
            external::request(*protocol, model.as_deref(), record, language.map(Language::code));
        let order = Order {
            url: url.place(),
            plain: url.is_plain().then(|| url.to_url()),
            headers: headers(key)?,
            body: body.into(),
            http1_only: false,
            read: CLASSIFIER_ANSWER_BYTES,
        };
        let (answered, _) = exchange(&self.wire, order, &mask, begun).await;
        let answer = answered.map_err(unanswered)?;
        // What it says beside an answer may repeat a customer's words, and is not told.
        if !(200..=299).contains(&answer.status) {
            let detail = format!("it answered {}", answer.status);
            return Err(Unanswered::new(Reason::Status, detail));
        }
        if answer.cut && answer.start.len() >= CLASSIFIER_ANSWER_BYTES {
            let detail = format!("its answer is longer than {CLASSIFIER_ANSWER_BYTES} bytes");
            return Err(Unanswered::new(Reason::TooLong, detail));
        }
        if answer.cut {
            let detail = format!("its answer did not end within {} ms", timeout.as_millis());
            return Err(Unanswered::new(Reason::Timeout, detail));
        }
        let mut opinion = external::answer(*protocol, &answer.start)
            .map_err(|error| Unanswered::new(Reason::BadAnswer, error.to_string()))?;
        opinion.words = opinion.words.map(|words| {
            let words = mask.hidden(&words);
            plain::line(&words, CLASSIFIER_WORDS_CHARS)
        });
        Ok(opinion)
    }
}

fn headers(key: Option<&str>) -> Result<HeaderMap, Unanswered> {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, JSON);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    if let Some(key) = key {
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
            let detail = "detect.classifier.api_key can't stand in a header";
            Unanswered::new(Reason::NotConfigured, detail)
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn unanswered(fault: Fault) -> Unanswered {
    let reason = match fault.kind {
        FaultKind::Timeout => Reason::Timeout,
        FaultKind::EgressDenied => Reason::EgressDenied,
        FaultKind::NameNotFound
        | FaultKind::NameLookup
        | FaultKind::Refused
        | FaultKind::Connect
        | FaultKind::Tls
        | FaultKind::Reset
        | FaultKind::BadResponse
        | FaultKind::Proxy
        | FaultKind::Rejected
        | FaultKind::NotConfigured
        | FaultKind::CredentialUnreadable
        | FaultKind::BodyDamaged
        | FaultKind::Interrupted
        | FaultKind::Internal => Reason::Unreachable,
    };
    let words = Outcome::Failed(fault).words();
    Unanswered::new(reason, plain::line(&words, FAULT_DETAIL_CHARS))
}
