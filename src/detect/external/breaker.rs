//! Whether the classifier is asked: after failures in a row it is left alone, but for one record now and then that
//! finds out whether it is well again.

use std::time::Duration;

use crate::domain::limits::{CLASSIFIER_FAILURES, CLASSIFIER_PAUSE, CLASSIFIER_PAUSE_MOST};
use crate::domain::time::Timestamp;

/// The state of the classifier's circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// It is asked.
    Closed {
        /// Failures since the last answer.
        failures: u32,
    },
    /// It is left alone.
    Open {
        /// When a record may try it.
        probe_at: Timestamp,
        /// How long that pause is.
        pause: Duration,
        /// Whether one is trying it now.
        probing: bool,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// Whether a record may be taken to the classifier; to be given back with what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// As any other.
    Ask,
    /// To find out whether it is well again: no other goes meanwhile.
    Probe,
    /// Not now.
    Denied,
}

impl Breaker {
    /// Whether a record may be taken to it now.
    pub fn leave(&mut self, now: Timestamp) -> Leave {
        match self {
            Self::Closed { .. } => Leave::Ask,
            Self::Open { probe_at, pause, probing } => {
                // A clock that was set back must not make the pause longer than it is.
                *probe_at = (*probe_at).min(now.plus(*pause));
                if *probing || now < *probe_at {
                    return Leave::Denied;
                }
                *probing = true;
                Leave::Probe
            }
        }
    }

    /// It answered. Any answer tells that it is well. True where that is news.
    pub fn answered(&mut self) -> bool {
        let was_open = matches!(self, Self::Open { .. });
        *self = Self::default();
        was_open
    }

    /// It failed. True where it is left alone from now on.
    pub fn failed(&mut self, leave: Leave, now: Timestamp) -> bool {
        match (*self, leave) {
            (Self::Closed { failures }, _) => {
                let failures = failures.saturating_add(1);
                let opens = failures >= CLASSIFIER_FAILURES;
                *self = match opens {
                    false => Self::Closed { failures },
                    true => Self::open(CLASSIFIER_PAUSE, now),
                };
                opens
            }
            (Self::Open { pause, .. }, Leave::Probe) => {
                let pause = pause.saturating_mul(2).min(CLASSIFIER_PAUSE_MOST);
                *self = Self::open(pause, now);
                false
            }
            // One that was asked before tells nothing new.
            (Self::Open { .. }, Leave::Ask | Leave::Denied) => false,
        }
    }

    /// Whoever asked went away before an answer came: that tells nothing, and another may try it.
    pub fn given_up(&mut self, leave: Leave) {
        if let (Self::Open { probing, .. }, Leave::Probe) = (self, leave) {
            *probing = false;
        }
    }

    fn open(pause: Duration, now: Timestamp) -> Self {
        Self::Open { probe_at: now.plus(pause), pause, probing: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 1..CLASSIFIER_FAILURES {
            assert!(!breaker.failed(Leave::Ask, at(0)));
        }
        assert!(breaker.failed(Leave::Ask, at(0)));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..10 * CLASSIFIER_FAILURES {
            assert_eq!(breaker.leave(at(0)), Leave::Ask);
            breaker.failed(Leave::Ask, at(0));
            assert!(!breaker.answered());
        }
        assert_eq!(opened().leave(at(999)), Leave::Denied);
    }

    #[test]
    fn one_probe_at_a_time_goes_out_and_pauses_grow_up_to_a_bound() {
        let mut breaker = opened();
        let (mut now, mut pause) = (0, 1000);
        for _ in 0..10 {
            assert_eq!(breaker.leave(at(now + pause - 1)), Leave::Denied);
            now += pause;
            assert_eq!(breaker.leave(at(now)), Leave::Probe);
            assert_eq!(breaker.leave(at(now + 500)), Leave::Denied, "one is on its way");
            // A straggler changes nothing.
            assert!(!breaker.failed(Leave::Ask, at(now)));
            assert!(!breaker.failed(Leave::Probe, at(now)));
            pause = (2 * pause).min(60_000);
        }
        assert_eq!(breaker.leave(at(now + pause)), Leave::Probe);
        assert!(breaker.answered(), "it is news");
        assert_eq!(breaker.leave(at(now + pause)), Leave::Ask);
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_another() {
        let mut breaker = opened();
        assert_eq!(breaker.leave(at(1000)), Leave::Probe);
        breaker.given_up(Leave::Ask);
        assert_eq!(breaker.leave(at(1001)), Leave::Denied);
        breaker.given_up(Leave::Probe);
        assert_eq!(breaker.leave(at(1001)), Leave::Probe);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer() {
        let mut breaker = opened();
        assert_eq!(breaker.leave(at(-1_000_000)), Leave::Denied);
        assert_eq!(breaker.leave(at(-999_000)), Leave::Probe);
    }
}
