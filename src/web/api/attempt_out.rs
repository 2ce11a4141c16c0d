//! One attempt as it is written.

use std::time::Duration;

use serde::Serialize;

use crate::domain::delivery::{Phases, Report};
use crate::domain::outcome::{Outcome, Verdict};
use crate::store::queries::AttemptRow;

/// One attempt. `cause` is a word for programs, `detail` a sentence for people.
#[derive(Debug, Serialize)]
pub(super) struct AttemptOut {
    number: u32,
    started_at: String,
    took_ms: u64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
    phases: PhasesOut,
}

/// How its time was spent, in milliseconds.
#[derive(Debug, Serialize)]
struct PhasesOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    resolve_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_ms: Option<f64>,
}

impl AttemptOut {
    /// An attempt by its report.
    pub(super) fn of(number: u32, report: &Report) -> Self {
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

    /// An attempt of a delivery's history.
    pub(super) fn of_row(row: &AttemptRow) -> Self {
        Self {
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
