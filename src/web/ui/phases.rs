//! Where the time of an attempt went, as a bar and in words.

use std::time::Duration;

use crate::domain::delivery::Phases;
use crate::domain::outcome::{FaultKind, Outcome};
use crate::store::queries::AttemptRow;

/// The bar's length in its own units.
const LENGTH: u64 = 1000;
/// A phase that took any time at all can be seen.
const LEAST: u64 = 6;

/// A bar of an attempt's phases.
pub(super) struct Bar {
    pub(super) parts: Vec<Part>,
}

/// One phase.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its colour's name.
    pub(super) class: &'static str,
    /// What was done meanwhile.
    pub(super) words: &'static str,
    /// For how long.
    pub(super) took: String,
    /// Where it begins.
    pub(super) x: u64,
    /// How long it is.
    pub(super) width: u64,
}

impl Bar {
    /// The bar of an attempt beside others, of which the longest took `longest`.
    pub(super) fn of(attempt: &AttemptRow, longest: Duration) -> Self {
        let Phases { resolve, connect, tls, first_byte } = attempt.phases;
        let known = [
            ("resolve", "looking the name up", resolve),
            ("connect", "connecting", connect),
            ("tls", "TLS handshake", tls),
            ("wait", "waiting for the answer", first_byte),
        ];
        let spent: Duration = known.iter().filter_map(|(_, _, took)| *took).sum();
        let (class, words) = rest(attempt);
        let left = Some(attempt.took.saturating_sub(spent));
        let all = known.into_iter().chain([(class, words, left)]);
        let mut at = 0;
        let parts = all.filter_map(|(class, words, took)| {
            let took = took.filter(|took| took.as_micros() >= 50)?;
            let share = took.as_micros() * u128::from(LENGTH) / longest.as_micros().max(1);
            let width = u64::try_from(share).unwrap_or(LENGTH).max(LEAST).min(LENGTH - at);
            let part = Part { class, words, took: time(took), x: at, width };
            at += width;
            Some(part)
        });
        Self { parts: parts.collect() }
    }

    /// All of it in one line, for those who don't see it.
    pub(super) fn words(&self) -> String {
        let parts: Vec<_> =
            self.parts.iter().map(|part| format!("{} {}", part.words, part.took)).collect();
        if parts.is_empty() { "no time was measured".to_owned() } else { parts.join(", ") }
    }
}

/// What was done in the time that belongs to no phase that came to its end.
fn rest(attempt: &AttemptRow) -> (&'static str, &'static str) {
    let phases = &attempt.phases;
    match &attempt.outcome {
        Outcome::Answered { .. } | Outcome::Judged(_) => {
            ("rest", "reading the answer, and the rest")
        }
        Outcome::Failed(_) if phases.tls.is_some() => ("wait", "waiting for the answer"),
        Outcome::Failed(_) if phases.connect.is_some() => ("tls", "TLS handshake"),
        Outcome::Failed(_) if phases.resolve.is_some() => ("connect", "connecting"),
        Outcome::Failed(fault) => match fault.kind {
            FaultKind::NameNotFound | FaultKind::NameLookup => ("resolve", "looking the name up"),
            FaultKind::Refused | FaultKind::Connect => ("connect", "connecting"),
            FaultKind::Tls => ("tls", "TLS handshake"),
            FaultKind::Timeout
            | FaultKind::EgressDenied
            | FaultKind::Reset
            | FaultKind::BadResponse
            | FaultKind::Proxy
            | FaultKind::Rejected
            | FaultKind::NotConfigured
            | FaultKind::CredentialUnreadable
            | FaultKind::BodyDamaged
            | FaultKind::Interrupted
            | FaultKind::Internal => ("rest", "until it failed"),
        },
    }
}

/// A short time, as exact as it matters: `0.4 ms`, `34 ms`, `5.0 s`.
pub(super) fn time(took: Duration) -> String {
    let micros = took.as_micros();
    match micros {
        0..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        1_000_000.. => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::Fault;
    use crate::domain::time::Timestamp;

    const fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    fn attempt(phases: Phases, took: u64, outcome: Outcome) -> AttemptRow {
        AttemptRow {
            number: 1,
            started_at: Timestamp::from_millis(0),
            took: Duration::from_millis(took),
            outcome,
            phases,
            remote: None,
            excerpt: None,
            revision: None,
        }
    }

    fn answered() -> Outcome {
        Outcome::Answered { status: 200, retry_after: None }
    }

    fn failed(kind: FaultKind) -> Outcome {
        Outcome::Failed(Fault { kind, detail: String::new() })
    }

    #[test]
    fn phases_stand_behind_each_other_and_fill_the_bar() {
        let phases =
            Phases { resolve: ms(100), connect: ms(200), tls: ms(300), first_byte: ms(300) };
        let bar = Bar::of(&attempt(phases, 1000, answered()), Duration::from_secs(1));
        let places: Vec<_> =
            bar.parts.iter().map(|part| (part.class, part.x, part.width)).collect();
        assert_eq!(
            places,
            [
                ("resolve", 0, 100),
                ("connect", 100, 200),
                ("tls", 300, 300),
                ("wait", 600, 300),
                ("rest", 900, 100),
            ]
        );
        let half = Bar::of(&attempt(phases, 1000, answered()), Duration::from_secs(2));
        assert_eq!(half.parts.iter().map(|part| part.width).sum::<u64>(), 500);
    }

    #[test]
    fn a_short_phase_is_seen_and_none_leaves_the_bar() {
        let phases = Phases { resolve: ms(1), connect: ms(5000), ..Phases::default() };
        let bar = Bar::of(&attempt(phases, 1, answered()), Duration::from_millis(1));
        assert!(bar.parts.iter().all(|part| part.x + part.width <= LENGTH), "{:?}", bar.parts);
        let bar = Bar::of(&attempt(phases, 5001, answered()), Duration::from_secs(6000));
        assert_eq!(bar.parts[0].width, LEAST);
        assert_eq!(bar.words(), "looking the name up 1.0 ms, connecting 5.0 s");
    }

    #[test]
    fn the_time_until_a_failure_belongs_to_what_failed() {
        let last = |phases, kind| {
            let bar = Bar::of(&attempt(phases, 100, failed(kind)), Duration::from_millis(100));
            bar.parts.last().unwrap().words
        };
        let resolved = Phases { resolve: ms(1), ..Phases::default() };
        let connected = Phases { connect: ms(1), ..resolved };
        let ready = Phases { tls: ms(1), ..connected };
        let kept = Phases::default();
        assert_eq!(last(kept, FaultKind::NameLookup), "looking the name up");
        assert_eq!(last(resolved, FaultKind::Timeout), "connecting");
        assert_eq!(last(connected, FaultKind::Timeout), "TLS handshake");
        assert_eq!(last(ready, FaultKind::Timeout), "waiting for the answer");
        assert_eq!(last(kept, FaultKind::Timeout), "until it failed");
    }

    #[test]
    fn an_attempt_without_time_has_no_bar() {
        let bar =
            Bar::of(&attempt(Phases::default(), 0, failed(FaultKind::Interrupted)), Duration::ZERO);
        assert!(bar.parts.is_empty());
        assert_eq!(bar.words(), "no time was measured");
    }

    #[test]
    fn times_are_as_exact_as_it_matters() {
        for (micros, words) in [
            (0, "0.0 ms"),
            (449, "0.4 ms"),
            (9_999, "9.9 ms"),
            (34_000, "34 ms"),
            (5_012_000, "5.0 s"),
        ] {
            assert_eq!(time(Duration::from_micros(micros)), words);
        }
    }
}
