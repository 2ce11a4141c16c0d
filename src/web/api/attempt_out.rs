//! One attempt as it is written.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::delivery::{Phases, Report};
use crate::domain::integration::Kind;
use crate::domain::outcome::{Outcome, Verdict};
use crate::engine::ports::Shown;
use crate::store::queries::AttemptRow;

/// One attempt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Attempt")]
pub(in crate::web) struct AttemptOut {
    /// From 1.
    pub(in crate::web) number: u32,
    /// When it started.
    pub(in crate::web) started_at: String,
    /// How long it took.
    pub(in crate::web) took_ms: u64,
    /// `delivered` or `failed`.
    pub(in crate::web) outcome: &'static str,
    /// The status that was answered, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) status: Option<u16>,
    /// Why there was no answer, as a word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) cause: Option<&'static str>,
    /// What went wrong, as a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) detail: Option<String>,
    /// The address that was connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) remote: Option<String>,
    /// The start of the response's body, 16 KiB at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) excerpt: Option<String>,
    /// How the time was spent.
    pub(in crate::web) phases: PhasesOut,
    /// The request as it was made then, where one was and its settings are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) request: Option<RequestOut>,
}

/// The request of an attempt.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AttemptRequest")]
pub(in crate::web) struct RequestOut {
    /// `POST`, or `MAIL` where it is no request but a mail.
    pub(in crate::web) method: &'static str,
    /// Where to; the values of its query are shown as `***`. Of a mail, its addresses.
    pub(in crate::web) url: String,
    /// Its headers; the credential and the signature are shown as `***`.
    pub(in crate::web) headers: Vec<HeaderOut>,
    /// What was sent, where that is a message and not the alert's body itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) message: Option<String>,
}

/// A header of a request.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Header")]
pub(in crate::web) struct HeaderOut {
    /// Its name.
    pub(in crate::web) name: String,
    /// Its value, a secret shown as `***`.
    pub(in crate::web) value: String,
}

impl RequestOut {
    /// What is sent to an integration of that kind.
    pub(in crate::web) fn of(shown: Shown, kind: Kind) -> Self {
        let Shown { method, to, headers, body, .. } = shown;
        let message = match kind {
            Kind::Webhook => None,
            Kind::Slack | Kind::Email => Some(body),
        };
        Self { method, url: to, headers: headers_out(headers), message }
    }
}

/// Headers as they are written.
pub(in crate::web) fn headers_out(headers: Vec<(String, String)>) -> Vec<HeaderOut> {
    headers.into_iter().map(|(name, value)| HeaderOut { name, value }).collect()
}

/// How an attempt's time was spent, in milliseconds; a phase is absent that was not reached, or that a kept
/// connection spared.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Phases")]
pub(in crate::web) struct PhasesOut {
    /// Looking the name up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) resolve_ms: Option<f64>,
    /// The TCP connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) connect_ms: Option<f64>,
    /// The TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) tls_ms: Option<f64>,
    /// From the request to the head of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) first_byte_ms: Option<f64>,
}

impl AttemptOut {
    /// An attempt by its report.
    pub(in crate::web) fn of(number: u32, report: &Report) -> Self {
        Self {
            number,
            started_at: report.started_at.to_string(),
            took_ms: millis(report.took),
            remote: report.remote.clone(),
            excerpt: report.excerpt.clone(),
            phases: PhasesOut::of(&report.phases),
            ..Self::by_outcome(&report.outcome)
        }
    }

    /// An attempt of a delivery's history, with its request where that is known.
    pub(in crate::web) fn of_row(row: &AttemptRow, request: Option<RequestOut>) -> Self {
        Self {
            request,
            number: row.number,
            started_at: row.started_at.to_string(),
            took_ms: millis(row.took),
            remote: row.remote.clone(),
            excerpt: row.excerpt.clone(),
            phases: PhasesOut::of(&row.phases),
            ..Self::by_outcome(&row.outcome)
        }
    }

    fn by_outcome(outcome: &Outcome) -> Self {
        let delivered = matches!(outcome.verdict(), Verdict::Delivered);
        let (status, cause) = match outcome {
            Outcome::Answered { status, .. } => (Some(*status), None),
            Outcome::Judged(judged) => (Some(judged.code), None),
            Outcome::Failed(fault) => (None, Some(fault.kind.code())),
        };
        Self {
            number: 0,
            started_at: String::new(),
            took_ms: 0,
            outcome: if delivered { "delivered" } else { "failed" },
            status,
            cause,
            detail: (!delivered).then(|| outcome.words()),
            remote: None,
            excerpt: None,
            phases: PhasesOut::of(&Phases::default()),
            request: None,
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl PhasesOut {
    fn of(phases: &Phases) -> Self {
        // Whole microseconds: below a millisecond is where most phases are.
        let ms = |span: Option<Duration>| span.map(|span| span.as_micros() as f64 / 1000.0);
        Self {
            resolve_ms: ms(phases.resolve),
            connect_ms: ms(phases.connect),
            tls_ms: ms(phases.tls),
            first_byte_ms: ms(phases.first_byte),
        }
    }
}
