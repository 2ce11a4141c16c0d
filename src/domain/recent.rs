//! What an integration's last attempts say of it: how many arrived, how long they took, what failed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::id::DeliveryId;
use super::outcome::{Outcome, Verdict};
use super::time::Timestamp;

/// One attempt, as its integration's page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentAttempt {
    /// Whose attempt it was.
    pub delivery_id: DeliveryId,
    /// Its number, from 1.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

impl RecentAttempt {
    /// Whether the alert arrived.
    pub fn delivered(&self) -> bool {
        match self.outcome.verdict() {
            Verdict::Delivered => true,
            Verdict::Retry { .. } | Verdict::SwitchOff | Verdict::Dead(_) => false,
        }
    }
}

/// Attempts of a list that arrived, and all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Successes {
    /// Those that arrived.
    pub delivered: usize,
    /// All that were looked at.
    pub attempts: usize,
}

impl Successes {
    /// Counts them.
    pub fn of(attempts: &[RecentAttempt]) -> Self {
        let delivered = attempts.iter().filter(|each| each.delivered()).count();
        Self { delivered, attempts: attempts.len() }
    }

    /// Their share in whole percent, never told as all or none of them where it is not; nothing
    /// without any attempt.
    pub fn percent(self) -> Option<usize> {
        let share = (self.delivered * 100).checked_div(self.attempts)?;
        Some(if share == 0 && self.delivered > 0 { 1 } else { share })
    }
}

/// One kind of failure among the last attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When it happened the last time.
    pub at: Timestamp,
    /// The attempt that told it then.
    pub delivery_id: DeliveryId,
    /// What came of that attempt.
    pub outcome: Outcome,
    /// One line for an operator.
    pub words: String,
    /// How many of the attempts ended so.
    pub times: usize,
}

/// The last failures that differ, of attempts that are given newest first.
pub fn last_errors(attempts: &[RecentAttempt], most: usize) -> Vec<LastError> {
    let failed = || attempts.iter().filter(|each| !each.delivered());
    let mut seen = BTreeSet::new();
    let mut errors = Vec::new();
    for attempt in failed() {
        let words = attempt.outcome.words();
        if errors.len() < most && seen.insert(words.clone()) {
            let (at, delivery_id) = (attempt.started_at.plus(attempt.took), attempt.delivery_id);
            let times = failed().filter(|each| each.outcome.words() == words).count();
            let outcome = attempt.outcome.clone();
            errors.push(LastError { at, delivery_id, outcome, words, times });
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::{Fault, FaultKind};

    fn attempt(number: u32, outcome: Outcome) -> RecentAttempt {
        RecentAttempt {
            delivery_id: DeliveryId(i64::from(number)),
            number,
            started_at: Timestamp::from_millis(1000 * i64::from(number)),
            took: Duration::from_millis(30),
            outcome,
        }
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, retry_after: None }
    }

    fn fault(kind: FaultKind, detail: &str) -> Outcome {
        Outcome::Failed(Fault { kind, detail: detail.to_owned() })
    }

    #[test]
    fn successes_are_counted() {
        let attempts = [answered(204), answered(301), answered(200), answered(410)];
        let attempts: Vec<_> = (1..).zip(attempts).map(|(n, each)| attempt(n, each)).collect();
        let told = Successes::of(&attempts);
        assert_eq!(told, Successes { delivered: 2, attempts: 4 });
        assert_eq!(told.percent(), Some(50));
        assert_eq!(Successes::of(&[]).percent(), None);
        assert_eq!(Successes { delivered: 199, attempts: 200 }.percent(), Some(99));
        assert_eq!(Successes { delivered: 1, attempts: 200 }.percent(), Some(1));
        assert_eq!(Successes { delivered: 0, attempts: 200 }.percent(), Some(0));
    }

    #[test]
    fn each_failure_is_told_once_and_newest_first() {
        let outcomes = [
            answered(503),
            answered(200),
            fault(FaultKind::Tls, "certificate expired"),
            answered(503),
            fault(FaultKind::Tls, "unknown issuer"),
            answered(500),
        ];
        let attempts: Vec<_> = (1..).zip(outcomes).map(|(n, each)| attempt(20 - n, each)).collect();
        let told: Vec<(String, usize)> =
            last_errors(&attempts, 3).into_iter().map(|each| (each.words, each.times)).collect();
        let expected = [
            ("answered 503", 2),
            ("TLS failed: certificate expired", 1),
            ("TLS failed: unknown issuer", 1),
        ];
        assert_eq!(told, expected.map(|(words, times)| (words.to_owned(), times)));
        let first = last_errors(&attempts, 9).swap_remove(0);
        assert_eq!(first.at, Timestamp::from_millis(19_030), "when it ended");
        assert!(last_errors(&[], 5).is_empty());
    }
}
