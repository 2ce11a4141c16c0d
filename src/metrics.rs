//! What is counted, for those who watch the service. A label is a word of a list that stands here, or an
//! integration's id: no name, no address, no text of a record. So no metric can tell a secret, and none
//! can grow with what is sent to us.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::detect::external::Reason;
use crate::domain::outcome::{FaultKind, Outcome};
use crate::domain::queue::{Next, Note};

/// Who may read the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Who has the right to look at everything else, too.
    #[default]
    Token,
    /// Whoever reaches the address.
    Open,
    /// Nobody: the address is not there.
    Off,
}

/// Upper ends of the buckets of an attempt's time, in seconds: from a neighbour in the same rack to the
/// longest timeout that can be set.
const ATTEMPT_SECONDS: [f64; 14] =
    [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The same for a question: from a model of rules to the longest timeout of a large one.
const QUESTION_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

const ANSWERED: &str = "answered";
const ACCEPTED: &str = "accepted";
const REJECTED: &str = "rejected";
const REFUSED: &str = "refused";
const FIRED: &str = "fired";
const DUPLICATE: &str = "duplicate";
const HELD_BACK: &str = "held_back";
const DELIVERED: &str = "delivered";
const DEAD: &str = "dead";
/// Statuses by their first digit, so that a receiver can't make up labels.
const STATUSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "other"];

/// All counts since the start of the process; cheap to clone. What a machine decides is counted when it
/// decides: where its actor dies before that is on disk, it decides the same again, and it counts twice.
#[derive(Debug, Clone)]
pub struct Metrics {
    attempts: Words,
    attempt_duration: Histogram,
    deliveries: Words,
    circuit_openings: Counter,
    actor_restarts: Counter,
    records: Words,
    alerts: Words,
    relayed: Words,
    classified: Words,
    question_duration: Histogram,
    connections: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let results = STATUSES.into_iter().chain(FaultKind::ALL.iter().map(|kind| kind.code()));
        Self {
            attempts: Words::new("result", results),
            attempt_duration: Histogram::new(ATTEMPT_SECONDS),
            deliveries: Words::new("state", [DELIVERED, DEAD]),
            circuit_openings: Counter::default(),
            actor_restarts: Counter::default(),
            records: Words::new("result", [ACCEPTED, REJECTED, REFUSED]),
            alerts: Words::new("result", [FIRED, DUPLICATE, HELD_BACK]),
            relayed: Words::new("result", [ACCEPTED, DUPLICATE, REJECTED, REFUSED]),
            classified: Words::new(
                "result",
                std::iter::once(ANSWERED).chain(Reason::ALL.iter().map(|reason| reason.word())),
            ),
            question_duration: Histogram::new(QUESTION_SECONDS),
            connections: Gauge::default(),
        }
    }
}

impl Metrics {
    /// A destination's machine has decided something.
    pub fn noted(&self, note: &Note) {
        match note {
            Note::Ended { outcome, took, next, .. } => {
                self.attempts.add(result(outcome), 1);
                self.attempt_duration.observe(took.as_secs_f64());
                match next {
                    Next::Delivered => self.deliveries.add(DELIVERED, 1),
                    Next::Dead(_) => self.deliveries.add(DEAD, 1),
                    Next::Wait { .. } => {}
                }
            }
            Note::CircuitOpened { .. } => {
                self.circuit_openings.inc();
            }
            Note::Sent { .. }
            | Note::ProbeFailed { .. }
            | Note::CircuitClosed
            | Note::SwitchedOff
            | Note::Lost { .. } => {}
        }
    }

    /// An actor has died, and is started again at some time.
    pub fn actor_died(&self) {
        self.actor_restarts.inc();
    }

    /// A delivery was given up because it killed its actor too often.
    pub fn crashed_dead(&self) {
        self.deliveries.add(DEAD, 1);
    }

    /// A call was answered: so many of its records are kept, so many were wrong.
    pub fn records(&self, accepted: usize, rejected: usize) {
        self.records.add(ACCEPTED, accepted);
        self.records.add(REJECTED, rejected);
    }

    /// A call was not taken, with so many good records in it: its sender may come again.
    pub fn refused(&self, records: usize) {
        self.records.add(REFUSED, records);
    }

    /// Records caused so many alerts, and named so many that were there already.
    pub fn alerts(&self, fired: usize, duplicates: usize) {
        self.alerts.add(FIRED, fired);
        self.alerts.add(DUPLICATE, duplicates);
    }

    /// Cool-downs held back so many alerts.
    pub fn held_back(&self, alerts: usize) {
        self.alerts.add(HELD_BACK, alerts);
    }

    /// Another system posted an alert that is kept, be it new or there already.
    pub fn relayed(&self, fresh: bool) {
        self.relayed.add(if fresh { ACCEPTED } else { DUPLICATE }, 1);
    }

    /// Another system posted what is no alert, or did not prove who it is.
    pub fn relay_rejected(&self) {
        self.relayed.add(REJECTED, 1);
    }

    /// Another system posted an alert that was not taken: it may come again.
    pub fn relay_refused(&self) {
        self.relayed.add(REFUSED, 1);
    }

    /// A record that waited for the classifier was judged by it, or, for this reason, by the built-in detector;
    /// and how long the question took, where it was asked.
    pub fn classified(&self, unanswered: Option<Reason>, took: Option<Duration>) {
        self.classified.add(unanswered.map_or(ANSWERED, Reason::word), 1);
        if let Some(took) = took {
            self.question_duration.observe(took.as_secs_f64());
        }
    }

    /// A caller has connected: counted until what is returned is dropped.
    pub fn connection(&self) -> Connection {
        self.connections.inc();
        Connection(self.connections.clone())
    }

    /// Puts all of them under their names.
    pub fn register(&self, registry: &mut Registry) {
        let attempts = "Attempts by what came of them: the answer's status, or the kind of trouble";
        registry.register("attempts", attempts, self.attempts.clone());
        registry.register_with_unit(
            "attempt_duration",
            "Time from the start of name resolution to the answer",
            Unit::Seconds,
            self.attempt_duration.clone(),
        );
        let deliveries = "Deliveries that arrived, and such as were given up";
        registry.register("deliveries", deliveries, self.deliveries.clone());
        let openings = "Times that a destination's circuit opened";
        registry.register("circuit_openings", openings, self.circuit_openings.clone());
        let restarts = "Actors that died and were started again";
        registry.register("actor_restarts", restarts, self.actor_restarts.clone());
        let records = "Records that were accepted, rejected as wrong, or refused for want of room";
        registry.register("records", records, self.records.clone());
        let alerts = "Alerts that records caused, and such as were there already";
        registry.register("alerts", alerts, self.alerts.clone());
        let relayed = "Alerts that other systems posted: accepted, there already, rejected as wrong, or \
                       refused for the time being";
        registry.register("relayed", relayed, self.relayed.clone());
        let classified =
            "Records that waited for the classifier, by whether it answered, or why it did not";
        registry.register("classified", classified, self.classified.clone());
        registry.register_with_unit(
            "classifier_duration",
            "Time of the questions to the classifier",
            Unit::Seconds,
            self.question_duration.clone(),
        );
        registry.register("http_connections", "Callers connected now", self.connections.clone());
    }
}

/// A caller's connection, for as long as it lasts.
#[derive(Debug)]
pub struct Connection(Gauge);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The word that an attempt is counted under.
fn result(outcome: &Outcome) -> &'static str {
    let code = match outcome {
        Outcome::Answered { status, .. } => *status,
        Outcome::Judged(judged) => judged.code,
        Outcome::Failed(fault) => return fault.kind.code(),
    };
    match code {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}

/// A counter for each word of a list. All of them are there from the start, in the order of the list.
#[derive(Debug, Clone)]
struct Words {
    label: &'static str,
    counters: Arc<[(&'static str, Counter)]>,
}

impl Words {
    fn new(label: &'static str, words: impl IntoIterator<Item = &'static str>) -> Self {
        let counters = words.into_iter().map(|word| (word, Counter::default())).collect();
        Self { label, counters }
    }

    /// A word that is not in the list is counted nowhere.
    fn add(&self, word: &str, count: usize) {
        if let Some((_, counter)) = self.counters.iter().find(|(each, _)| *each == word) {
            counter.inc_by(count as u64);
        }
    }
}

impl EncodeMetric for Words {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        for (word, counter) in self.counters.iter() {
            counter.encode(encoder.encode_family(&[(self.label, *word)])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::domain::delivery::DeadReason;
    use crate::domain::id::DeliveryId;
    use crate::domain::outcome::Fault;
    use crate::domain::time::Timestamp;

    fn lines(metrics: &Metrics) -> Vec<String> {
        let mut registry = Registry::with_prefix("belfry");
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn ended(outcome: Outcome, next: Next) -> Note {
        let took = Duration::from_millis(30);
        let accepted_at = Timestamp::from_millis(0);
        Note::Ended { delivery: DeliveryId(1), attempt: 1, outcome, took, accepted_at, next }
    }

    fn answered(status: u16, next: Next) -> Note {
        ended(Outcome::Answered { status, retry_after: None }, next)
    }

    #[test]
    fn every_word_is_there_before_anything_happened() {
        let lines = lines(&Metrics::default());
        for kind in FaultKind::ALL {
            let line = format!("belfry_attempts_total{{result=\"{}\"}} 0", kind.code());
            assert!(lines.contains(&line), "{line}");
        }
        for line in [
            "belfry_attempts_total{result=\"2xx\"} 0",
            "belfry_deliveries_total{state=\"dead\"} 0",
            "belfry_records_total{result=\"refused\"} 0",
            "belfry_alerts_total{result=\"duplicate\"} 0",
            "belfry_attempt_duration_seconds_count 0",
            "belfry_actor_restarts_total 0",
        ] {
            assert!(lines.iter().any(|each| each == line), "{line}");
        }
    }

    #[test]
    fn what_is_noted_is_counted_once() {
        let metrics = Metrics::default();
        let due_at = Timestamp::from_millis(7);
        let wait = Next::Wait { due_at, queue_at: due_at };
        metrics.noted(&answered(204, Next::Delivered));
        for status in [503, 599, 999, 100] {
            metrics.noted(&answered(status, wait));
        }
        let fault = Fault { kind: FaultKind::Tls, detail: "geheim".to_owned() };
        metrics.noted(&ended(Outcome::Failed(fault), Next::Dead(DeadReason::Expired)));
        metrics.noted(&Note::CircuitOpened { probe_at: due_at });
        metrics.noted(&Note::Sent { delivery: DeliveryId(1), attempt: 1 });
        metrics.actor_died();
        metrics.crashed_dead();
        metrics.records(98, 2);
        metrics.refused(3);
        metrics.alerts(4, 5);
        metrics.relayed(true);
        metrics.relayed(false);
        metrics.relay_rejected();
        metrics.relay_refused();
        metrics.classified(None, Some(Duration::from_millis(300)));
        metrics.classified(Some(Reason::CircuitOpen), None);
        let open = metrics.connection();
        drop(metrics.connection());
        let lines = lines(&metrics);
        for line in [
            "belfry_attempts_total{result=\"2xx\"} 1",
            "belfry_attempts_total{result=\"5xx\"} 2",
            "belfry_attempts_total{result=\"other\"} 2",
            "belfry_attempts_total{result=\"tls\"} 1",
            "belfry_classified_total{result=\"answered\"} 1",
            "belfry_classified_total{result=\"circuit_open\"} 1",
            "belfry_classifier_duration_seconds_count 1",
            "belfry_attempt_duration_seconds_bucket{le=\"0.025\"} 0",
            "belfry_attempt_duration_seconds_bucket{le=\"0.05\"} 6",
            "belfry_deliveries_total{state=\"delivered\"} 1",
            "belfry_deliveries_total{state=\"dead\"} 2",
            "belfry_circuit_openings_total 1",
            "belfry_actor_restarts_total 1",
            "belfry_records_total{result=\"accepted\"} 98",
            "belfry_records_total{result=\"rejected\"} 2",
            "belfry_records_total{result=\"refused\"} 3",
            "belfry_alerts_total{result=\"fired\"} 4",
            "belfry_alerts_total{result=\"duplicate\"} 5",
            "belfry_relayed_total{result=\"accepted\"} 1",
            "belfry_relayed_total{result=\"duplicate\"} 1",
            "belfry_relayed_total{result=\"rejected\"} 1",
            "belfry_relayed_total{result=\"refused\"} 1",
            "belfry_http_connections 1",
        ] {
            assert!(lines.iter().any(|each| each == line), "{line} in {lines:#?}");
        }
        assert!(!lines.concat().contains("geheim"), "a fault's detail is no label");
        drop(open);
    }
}
