//! What scripted receivers do with a request, and what they remember of it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use belfry::channel::slack;
use belfry::domain::integration;
use belfry::domain::outcome::{Fault, FaultKind, Outcome};
use belfry::domain::recipient::{self, Fate, Recipient};
use belfry::domain::schedule::RetryAfter;
use belfry::domain::time::Timestamp;

/// One line of a receiver's script.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) when: When,
    /// Only for this alert.
    pub(crate) alert: Option<String>,
    pub(crate) answer: Answer,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// From this moment on, until another line of the same kind is in force.
    From(u64),
    /// Just the request of that number, counted from 1.
    Request(u32),
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    pub(crate) after_ms: u64,
    pub(crate) retry_after: Vec<Asked>,
    /// The body never ends while the attempt has time left.
    pub(crate) slow_body: bool,
    /// The body, where the kind of the destination goes by it.
    pub(crate) says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Status(u16),
    Hang,
    Refuse,
    Reset,
    ResetAfterAccept,
    Dns,
    Tls,
    Drip,
    Flood,
}

/// A `Retry-After` header.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Seconds(u64),
    Date(i64),
    Raw(String),
}

/// What becomes of one request.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The receiver's program gets to see it.
    pub(crate) arrives: bool,
    /// And it takes the alert as its own.
    pub(crate) taken: bool,
    pub(crate) took_ms: u64,
    pub(crate) outcome: Outcome,
}

/// What a receiver remembers of one alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Requests that arrived.
    pub(crate) received: u32,
    /// Those of them that it took as its own.
    pub(crate) taken: u32,
    /// Those of them whose answer was lost.
    pub(crate) doubted: u32,
}

impl Answer {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, after_ms: 0, retry_after: Vec::new(), slow_body: false, says: String::new() }
    }

    fn plan(&self, to: integration::Kind, wall: Timestamp, timeout_ms: u64) -> Plan {
        let answered = |status: u16| {
            let retry_after = RetryAfter::parse(
                self.retry_after
                    .iter()
                    .map(|asked| asked.text(wall))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(|text| text.as_bytes()),
            );
            match to {
                integration::Kind::Webhook => Outcome::Answered { status, retry_after },
                integration::Kind::Slack => {
                    Outcome::Judged(slack::judge(status, &self.says, retry_after))
                }
                // One address, of which the status speaks.
                integration::Kind::Email => Outcome::Judged(recipient::judge(
                    &[],
                    &[Recipient {
                        address: "ops@example.com".to_owned(),
                        fate: Fate::of(status),
                        code: status,
                        words: self.says.clone(),
                    }],
                )),
            }
        };
        let plan =
            |arrives, taken, outcome| Plan { arrives, taken, took_ms: self.after_ms, outcome };
        let mut plan = match self.kind {
            Kind::Status(status) => plan(true, (200..300).contains(&status), answered(status)),
            Kind::Hang => {
                Plan { took_ms: u64::MAX, ..plan(true, false, failed(FaultKind::Timeout)) }
            }
            Kind::Drip => {
                Plan { took_ms: u64::MAX, ..plan(true, false, failed(FaultKind::Timeout)) }
            }
            Kind::Refuse => plan(false, false, failed(FaultKind::Refused)),
            Kind::Reset => plan(false, false, failed(FaultKind::Reset)),
            Kind::ResetAfterAccept => plan(true, true, failed(FaultKind::Reset)),
            Kind::Dns => plan(false, false, failed(FaultKind::NameNotFound)),
            Kind::Tls => plan(false, false, failed(FaultKind::Tls)),
            Kind::Flood => plan(true, false, failed(FaultKind::BadResponse)),
        };
        if plan.took_ms >= timeout_ms {
            // What the receiver took, it took, though its answer comes too late.
            plan.took_ms = timeout_ms;
            plan.outcome = failed(FaultKind::Timeout);
        } else if self.slow_body {
            plan.took_ms = timeout_ms;
        }
        plan
    }
}

impl Asked {
    fn text(&self, wall: Timestamp) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Raw(text) => text.clone(),
            Self::Date(by_ms) => {
                let at = wall.as_millis().saturating_add(*by_ms).max(0).unsigned_abs();
                httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_millis(at))
            }
        }
    }
}

fn failed(kind: FaultKind) -> Outcome {
    Outcome::Failed(Fault { kind, detail: String::new() })
}

/// One receiver, and what it has seen.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    kind: integration::Kind,
    rules: Vec<Rule>,
    requests: u32,
    seen: BTreeMap<String, Seen>,
}

impl Receiver {
    pub(crate) fn new(kind: integration::Kind, rules: Vec<Rule>) -> Self {
        Self { kind, rules, requests: 0, seen: BTreeMap::new() }
    }

    /// A request for this alert goes out. Where several lines apply, the most particular does: that of
    /// the request's number, then those of the alert, then the rest; among them the latest.
    pub(crate) fn request(
        &mut self,
        alert: &str,
        elapsed_ms: u64,
        wall: Timestamp,
        timeout_ms: u64,
    ) -> Plan {
        self.requests += 1;
        let rank = |rule: &&Rule| {
            let particular = rule.alert.is_some();
            match rule.when {
                When::Request(_) => (2, particular, 0),
                When::From(at) => (u8::from(particular), particular, at),
            }
        };
        let applies = |rule: &&Rule| {
            let now = match rule.when {
                When::Request(number) => number == self.requests,
                When::From(at) => at <= elapsed_ms,
            };
            now && rule.alert.as_deref().is_none_or(|only| only == alert)
        };
        let found = self.rules.iter().filter(applies).max_by_key(rank);
        let answer =
            found.map_or_else(|| Answer::new(Kind::Status(200)), |rule| rule.answer.clone());
        let plan = answer.plan(self.kind, wall, timeout_ms);
        let seen = self.seen.entry(alert.to_owned()).or_default();
        seen.received += u32::from(plan.arrives);
        if plan.taken {
            seen.taken += 1;
            seen.doubted += u32::from(matches!(plan.outcome, Outcome::Failed(_)));
        }
        plan
    }

    /// We stopped while this request was out: its answer is lost.
    pub(crate) fn lost(&mut self, alert: &str, plan: &Plan) {
        if plan.taken && !matches!(plan.outcome, Outcome::Failed(_)) {
            self.seen.entry(alert.to_owned()).or_default().doubted += 1;
        }
    }

    pub(crate) fn seen(&self, alert: &str) -> Seen {
        self.seen.get(alert).copied().unwrap_or_default()
    }
}
