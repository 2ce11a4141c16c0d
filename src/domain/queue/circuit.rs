//! What attempts do to the circuit.

use std::time::Duration;

use super::Note;
use crate::domain::circuit::Circuit;
use crate::domain::integration::Policy;
use crate::domain::time::Timestamp;

/// How an attempt ended, as far as the circuit cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// 2xx.
    Success,
    /// A failure that speaks of the destination; the receiver may have named a time.
    Failure {
        /// Not before this.
        not_before: Option<Timestamp>,
    },
    /// A failure that speaks of one alert, or of us.
    Neutral,
}

/// The circuit after an attempt, and what there is to tell.
pub(super) fn after(
    circuit: Circuit,
    ending: Ending,
    probe: bool,
    now: Timestamp,
    policy: &Policy,
    jitter_key: i64,
) -> (Circuit, Option<Note>) {
    let delay = |round: u32| -> Duration { policy.schedule.delay(round, jitter_key) };
    let later = |at: Timestamp, asked: Option<Timestamp>| asked.map_or(at, |asked| asked.max(at));
    match (circuit, ending) {
        (Circuit::Closed { .. }, Ending::Success) => (Circuit::Closed { failures: 0 }, None),
        (Circuit::Open { .. }, Ending::Success) => {
            (Circuit::Closed { failures: 0 }, Some(Note::CircuitClosed))
        }
        (Circuit::Closed { failures }, Ending::Failure { not_before }) => {
            let failures = failures.saturating_add(1);
            if failures < policy.circuit_failures {
                return (Circuit::Closed { failures }, None);
            }
            let probe_at = later(now.plus(delay(1)), not_before);
            let open = Circuit::Open { failures, since: now, round: 1, probe_at };
            (open, Some(Note::CircuitOpened { probe_at }))
        }
        (Circuit::Open { failures, since, round, .. }, Ending::Failure { not_before }) if probe => {
            let round = round.saturating_add(1);
            let probe_at = later(now.plus(delay(round)), not_before);
            let failures = failures.saturating_add(1);
            let open = Circuit::Open { failures, since, round, probe_at };
            (open, Some(Note::ProbeFailed { probe_at }))
        }
        // A straggler that was sent before the circuit opened tells nothing new.
        (Circuit::Open { failures, since, round, probe_at }, Ending::Failure { .. }) => {
            let failures = failures.saturating_add(1);
            (Circuit::Open { failures, since, round, probe_at }, None)
        }
        (Circuit::Closed { .. }, Ending::Neutral) => (circuit, None),
        // The probe said nothing of the destination: another goes out after the same delay.
        (Circuit::Open { failures, since, round, .. }, Ending::Neutral) if probe => {
            let probe_at = now.plus(delay(round));
            let open = Circuit::Open { failures, since, round, probe_at };
            (open, Some(Note::ProbeFailed { probe_at }))
        }
        (Circuit::Open { .. }, Ending::Neutral) => (circuit, None),
    }
}
