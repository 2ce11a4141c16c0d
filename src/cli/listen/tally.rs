//! What a receiver remembers: how often each alert came and whether it was taken, so that retries and
//! duplicates can be told apart. Bounded: the oldest alert is forgotten first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use super::script::{Answer, Kind, Script, Step, When};
use crate::domain::limits::RECEIVER_ALERTS;

/// What a receiver does, beyond checking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// It follows a script; an empty one takes everything.
    Script(Script),
    /// It answers some requests otherwise than with 200; the first trouble that befalls one counts.
    Troubles(Vec<Trouble>),
}

/// An answer that some requests get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The answer.
    pub answer: Answer,
    /// To how many tries of each alert; all of them where it is not said.
    pub first: Option<u32>,
    /// To each nth alert only; where `first` is not said, to each nth request.
    pub every: Option<u64>,
}

impl Trouble {
    fn befalls(&self, standing: &Standing) -> bool {
        let counted = if self.first.is_some() { standing.alert } else { standing.request };
        self.every.is_none_or(|every| counted.is_multiple_of(every.max(1)))
            && self.first.is_none_or(|first| standing.attempt <= first)
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::Script(Script::default())
    }
}

/// What is counted from start to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Requests that were read.
    pub requests: u64,
    /// Different Idempotency-Keys among them.
    pub alerts: u64,
    /// Alerts that were answered 2xx at least once.
    pub taken: u64,
    /// Requests that were answered otherwise, or not at all.
    pub failed: u64,
    /// Requests of an alert that had come before and was not taken then.
    pub retries: u64,
    /// Requests of an alert that had been taken before.
    pub duplicates: u64,
    /// Requests in which something was not as the contract has it.
    pub problems: u64,
}

/// What is known of one alert.
struct Known {
    number: u64,
    tries: u32,
    taken: bool,
    /// The start of the body's digest: enough to tell two bodies apart by chance.
    digest: u64,
}

/// Where one request stands among the others.
pub(super) struct Standing {
    /// The number of the request, from 1.
    pub(super) request: u64,
    /// Which try of its alert this is, from 1.
    pub(super) attempt: u32,
    /// Whether the alert had been taken before.
    pub(super) duplicate: bool,
    /// Whether the body is the one that came with the first try.
    pub(super) same_body: bool,
    /// The number of the alert, from 1, in the order of first tries.
    alert: u64,
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    /// By a keyed hash of the Idempotency-Key: a million of them fit into memory, and that two meet is
    /// less likely than one in ten million.
    alerts: HashMap<u64, Known>,
    oldest: VecDeque<u64>,
    hasher: RandomState,
    /// Requests by script: the default one has no name.
    by_script: BTreeMap<Option<String>, u64>,
}

impl Tally {
    /// Finds the request's place.
    pub(super) fn place(&mut self, key: Option<&str>, digest: [u8; 32]) -> Standing {
        self.counts.requests += 1;
        let request = self.counts.requests;
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let digest = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let key = key.map(|key| self.hasher.hash_one(key));
        let known = key.and_then(|key| self.alerts.get_mut(&key));
        if let Some(known) = known {
            known.tries = known.tries.saturating_add(1);
            if known.taken {
                self.counts.duplicates += 1;
            } else {
                self.counts.retries += 1;
            }
            return Standing {
                request,
                attempt: known.tries,
                duplicate: known.taken,
                same_body: known.digest == digest,
                alert: known.number,
            };
        }
        self.counts.alerts += 1;
        let alert = self.counts.alerts;
        if let Some(key) = key {
            while self.oldest.len() >= RECEIVER_ALERTS {
                if let Some(oldest) = self.oldest.pop_front() {
                    self.alerts.remove(&oldest);
                }
            }
            self.oldest.push_back(key);
            self.alerts.insert(key, Known { number: alert, tries: 1, taken: false, digest });
        }
        Standing { request, attempt: 1, duplicate: false, same_body: true, alert }
    }

    /// What is to be done with the request.
    pub(super) fn answer(
        &mut self,
        behaviour: &Behaviour,
        path: &str,
        record_id: Option<&str>,
        standing: &Standing,
        since_start: Duration,
    ) -> Answer {
        let taken = || Answer::status(200);
        match behaviour {
            Behaviour::Script(script) => {
                let name = path.trim_start_matches('/').split(['?', '/']).next();
                let own = name.and_then(|name| script.named.get_key_value(name));
                let (name, steps) = match own {
                    Some((name, steps)) => (Some(name.clone()), steps),
                    None => (None, &script.default),
                };
                let requests = self.by_script.entry(name).or_default();
                *requests += 1;
                let now =
                    Now { since_start, request: *requests, attempt: standing.attempt, record_id };
                current(steps, now).unwrap_or_else(taken)
            }
            Behaviour::Troubles(troubles) => troubles
                .iter()
                .find(|trouble| trouble.befalls(standing))
                .map_or_else(taken, |trouble| trouble.answer.clone()),
        }
    }

    /// Writes down how the request was answered.
    pub(super) fn settle(&mut self, key: Option<&str>, answer: &Answer, problem: bool) {
        self.counts.problems += u64::from(problem);
        if !answer.takes() {
            self.counts.failed += 1;
            return;
        }
        let key = key.map(|key| self.hasher.hash_one(key));
        match key.and_then(|key| self.alerts.get_mut(&key)) {
            Some(known) if known.taken => {}
            Some(known) => {
                known.taken = true;
                self.counts.taken += 1;
            }
            None => self.counts.taken += 1,
        }
    }
}

/// What is done to a connection before anything is read from it, where that is not to serve it.
pub(super) fn at_the_door(behaviour: &Behaviour, since_start: Duration) -> Option<Answer> {
    let answer = match behaviour {
        Behaviour::Script(script) => {
            current(&script.default, Now { since_start, request: 0, attempt: 0, record_id: None })?
        }
        Behaviour::Troubles(_) => return None,
    };
    matches!(answer.kind, Kind::Refuse | Kind::Tls).then_some(answer)
}

/// The request that a step is looked up for.
#[derive(Clone, Copy)]
struct Now<'a> {
    since_start: Duration,
    request: u64,
    attempt: u32,
    record_id: Option<&'a str>,
}

/// Where several steps count, the most particular does: that of the request's number, then those of the
/// record, then those of a try, then the rest; among them the latest, and of two the lower line.
fn current(steps: &[Step], now: Now<'_>) -> Option<Answer> {
    let counts = |step: &&Step| {
        let begun = match step.when {
            When::From(time) => time <= now.since_start,
            When::Request(number) => number == now.request,
            When::Try(number) => number <= now.attempt,
        };
        begun && (step.record_id.is_none() || step.record_id.as_deref() == now.record_id)
    };
    let rank = |step: &&Step| {
        let (request, try_number, time) = match step.when {
            When::Request(_) => (true, 0, Duration::ZERO),
            When::Try(number) => (false, number, Duration::ZERO),
            When::From(time) => (false, 0, time),
        };
        (request, step.record_id.is_some(), try_number, time)
    };
    steps.iter().filter(counts).max_by_key(rank).map(|step| step.answer.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(behaviour: &Behaviour, keys: &[&str]) -> Vec<u16> {
        let mut tally = Tally::default();
        keys.iter()
            .map(|key| {
                let standing = tally.place(Some(key), [0; 32]);
                let answer = tally.answer(behaviour, "/", None, &standing, Duration::ZERO);
                tally.settle(Some(key), &answer, false);
                answer.given().unwrap()
            })
            .collect()
    }

    fn trouble(first: Option<u32>, every: Option<u64>) -> Behaviour {
        let answer = Answer::status(503);
        Behaviour::Troubles(vec![Trouble { answer, first, every }])
    }

    #[test]
    fn trouble_befalls_first_tries_every_nth_request_or_first_tries_of_every_nth_alert() {
        let keys = ["a", "b", "a", "b", "a", "b"];
        assert_eq!(statuses(&trouble(None, None), &keys), [503; 6]);
        assert_eq!(statuses(&trouble(Some(1), None), &keys), [503, 503, 200, 200, 200, 200]);
        assert_eq!(statuses(&trouble(None, Some(3)), &keys), [200, 200, 503, 200, 200, 503]);
        assert_eq!(statuses(&trouble(Some(2), Some(2)), &keys), [200, 503, 200, 503, 200, 200]);
    }

    #[test]
    fn a_retry_is_not_a_duplicate() {
        let mut tally = Tally::default();
        for (status, attempt, duplicate) in
            [(503, 1, false), (200, 2, false), (200, 3, true), (503, 4, true)]
        {
            let standing = tally.place(Some("a"), [7; 32]);
            assert_eq!((standing.attempt, standing.duplicate), (attempt, duplicate));
            assert!(standing.same_body);
            tally.settle(Some("a"), &Answer::status(status), false);
        }
        assert!(!tally.place(Some("a"), [8; 32]).same_body);
        let counts = tally.counts;
        assert_eq!((counts.requests, counts.alerts, counts.taken), (5, 1, 1));
        assert_eq!((counts.failed, counts.retries, counts.duplicates), (2, 1, 3));
    }

    #[test]
    fn the_most_particular_step_counts() {
        let script = Script::parse(
            "0s 500\n10s 200\n0s 422 for bad\n\
             script ops\n#2 501\n\
             script flaky\n0s 503\ntry 2 200\n#5 504 for f\n",
        )
        .unwrap();
        let behaviour = Behaviour::Script(script);
        let mut tally = Tally::default();
        let mut status = |path: &str, key: &str, at| {
            let standing = tally.place(Some(key), [0; 32]);
            let since_start = Duration::from_secs(at);
            let answer = tally.answer(&behaviour, path, Some(key), &standing, since_start);
            answer.given().unwrap()
        };
        assert_eq!(status("/x", "a", 9), 500);
        assert_eq!(status("/x", "b", 10), 200);
        assert_eq!(status("/x", "bad", 10), 422);
        assert_eq!(status("/ops", "c", 10), 200);
        assert_eq!(status("/ops?q=1", "d", 10), 501);
        assert_eq!(status("/ops", "d", 10), 200);
        assert_eq!(status("/flaky/deep", "e", 10), 503);
        assert_eq!(status("/flaky", "e", 10), 200);
        assert_eq!(status("/flaky", "f", 10), 503);
        assert_eq!(status("/flaky", "f", 10), 200);
        assert_eq!(status("/flaky", "f", 10), 504);
    }

    #[test]
    fn an_alert_that_was_taken_without_a_word_comes_again_as_a_duplicate() {
        let mut tally = Tally::default();
        tally.place(Some("a"), [0; 32]);
        tally.settle(Some("a"), &Answer::of(Kind::ResetAfterAccept), false);
        assert!(tally.place(Some("a"), [0; 32]).duplicate);
    }

    #[test]
    fn a_closed_door_is_closed_before_a_request_is_read() {
        let script = Script::parse("0s refuse\n5s 200\n").unwrap();
        let behaviour = Behaviour::Script(script);
        assert_eq!(at_the_door(&behaviour, Duration::ZERO), Some(Answer::of(Kind::Refuse)));
        assert_eq!(at_the_door(&behaviour, Duration::from_secs(5)), None);
    }
}
