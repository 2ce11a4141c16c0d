//! The page of metrics. The number of its lines has a bound, however many integrations there are: few
//! are told by name, and what the others have is summed up as `integration="other"`.

use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::Look;
use crate::domain::time::Timestamp;
use crate::metrics::Metrics;
use crate::store::StatisticsNow;
use crate::store::depths::{Depth, Depths};

/// The name of those that have none of their own.
const OTHER: &str = "other";

pub(super) fn text(
    counts: &Metrics,
    store: StatisticsNow,
    look: &Look,
) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("belfry");
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program that answers", version);
    counts.register(&mut registry);
    let Look { actors, depths, .. } = look;
    registry.register("attempts_in_flight", "Attempts on the wire now", gauge(actors.in_flight));
    let parked = "Actors that died too often and wait for a later start";
    registry.register("actors_parked", parked, gauge(actors.parked));
    register_store(&mut registry, store);
    let alone = "Whether the classifier failed too often, so that the built-in detector judges";
    registry.register("classifier_open", alone, gauge(usize::from(look.classifier_left_alone)));
    let read = "Whether the store could tell how the queues stand";
    registry.register("queues_read", read, gauge(usize::from(depths.is_some())));
    if let Some(depths) = depths {
        register_depths(&mut registry, depths, &look.probing, look.at);
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn gauge(number: usize) -> ConstGauge<u64> {
    ConstGauge::new(number as u64)
}

fn register_store(registry: &mut Registry, store: StatisticsNow) {
    let writable = "Whether the store can write: where it can't, nothing is taken or sent";
    registry.register("store_writable", writable, gauge(usize::from(store.writable)));
    let low = "Whether the disk is so nearly full that nothing new is taken";
    registry.register("store_disk_low", low, gauge(usize::from(store.low)));
    let commits = "Transactions that were synced to disk";
    registry.register("store_commits", commits, ConstCounter::new(store.commits));
    let took = "Time spent in them";
    let seconds = std::time::Duration::from_micros(store.commit_us).as_secs_f64();
    let seconds = ConstCounter::new(seconds);
    registry.register_with_unit("store_commit", took, Unit::Seconds, seconds);
    let commands = "Commands in them: divided by the commits, how many share one";
    registry.register("store_commands", commands, ConstCounter::new(store.commands));
    let largest = "The most commands that shared one";
    registry.register("store_largest_batch", largest, ConstGauge::new(store.largest_batch));
    let pages = "Pages in the log of the database";
    registry.register("store_log_pages", pages, ConstGauge::new(store.log_pages));
}

fn register_depths(registry: &mut Registry, depths: &Depths, probing: &[bool], at: Timestamp) {
    let statuses =
        [("active", depths.active), ("paused", depths.paused), ("disabled", depths.disabled)];
    let statuses = statuses.map(|(word, many)| (vec![("status", Name::Word(word))], many));
    registry.register("integrations", "Integrations by status", Gauges(statuses.into()));
    let discarded = ConstGauge::new(depths.discarded);
    registry.register("discarded_deliveries", "Deliveries discarded and kept", discarded);

    let records = "Records that are kept and wait for the classifier";
    registry.register("records_waiting", records, ConstGauge::new(depths.records_waiting));

    let each = |number: &dyn Fn(&Depth) -> u64| {
        let named = depths.named.iter().map(|(id, depth)| (Name::of(id), number(depth)));
        let all = named.chain([(Name::Word(OTHER), number(&depths.others))]);
        Gauges(all.map(|(name, number)| (vec![("integration", name)], number)).collect())
    };
    let waiting = "Deliveries on their way: waiting, or under way";
    registry.register("queue_depth", waiting, each(&|depth| depth.waiting));
    let dead = "Deliveries given up and kept";
    registry.register("dead_deliveries", dead, each(&|depth| depth.dead));
    let age = |depth: &Depth| depth.oldest_at.map_or(0, |oldest| at.since(oldest).as_secs());
    let oldest = "Time since the one waiting longest was accepted; 0 where none waits";
    registry.register_with_unit("oldest_pending_age", oldest, Unit::Seconds, each(&age));

    let mut circuits = Vec::new();
    let quiet = std::iter::repeat(false);
    for ((id, depth), probing) in depths.named.iter().zip(probing.iter().copied().chain(quiet)) {
        circuits.extend(circuit(&Name::of(id), depth, probing));
    }
    // Whether probes are out is looked up for those that have names.
    circuits.extend(circuit(&Name::Word(OTHER), &depths.others, false));
    registry.register("circuits", "Circuits by state", Gauges(circuits.into()));
}

/// The lines of a circuit; of several, how many are in each state.
fn circuit(name: &Name, depth: &Depth, probing: bool) -> [(Labels, u64); 3] {
    let (open, half_open) = if probing { (0, depth.open) } else { (depth.open, 0) };
    [("closed", depth.closed), ("open", open), ("half_open", half_open)].map(|(state, many)| {
        (vec![("integration", name.clone()), ("state", Name::Word(state))], many)
    })
}

/// The value of a label: a word of ours, or an id.
#[derive(Debug, Clone)]
enum Name {
    Word(&'static str),
    Id(String),
}

impl Name {
    fn of(id: &crate::domain::id::IntegrationId) -> Self {
        Self::Id(id.to_string())
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Id(id) => id,
        }
    }
}

type Labels = Vec<(&'static str, Name)>;

/// One number for each set of labels, in a fixed order.
#[derive(Debug)]
struct Gauges(Arc<[(Labels, u64)]>);

impl EncodeMetric for Gauges {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        for (labels, number) in self.0.iter() {
            let labels: Vec<_> = labels.iter().map(|(key, name)| (*key, name.as_str())).collect();
            ConstGauge::new(*number).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Instant;

    use super::*;
    use crate::domain::id::IntegrationId;
    use crate::engine::Actors;

    const STORE: StatisticsNow = StatisticsNow {
        commits: 4,
        commands: 10,
        commit_us: 2_500_000,
        largest_batch: 7,
        log_pages: 12,
        writable: true,
        low: false,
    };

    fn look(depths: Option<Depths>, probing: Vec<bool>) -> Look {
        let at = Timestamp::from_millis(90_500);
        let actors = Actors { parked: 1, in_flight: 3 };
        Look { at, taken_at: Instant::now(), depths, probing, actors, classifier_left_alone: true }
    }

    fn page(depths: Option<Depths>, probing: Vec<bool>) -> String {
        text(&Metrics::default(), STORE, &look(depths, probing)).unwrap()
    }

    #[test]
    fn the_page_says_what_was_seen() {
        let id = |number| IntegrationId(uuid::Uuid::from_u128(number));
        let oldest_at = Some(Timestamp::from_millis(30_000));
        let one = Depth { waiting: 5, oldest_at, dead: 2, open: 1, closed: 0 };
        let two = Depth { closed: 1, ..Depth::default() };
        let others = Depth { waiting: 9, oldest_at: None, dead: 4, open: 3, closed: 40 };
        let named = vec![(id(1), one), (id(2), two)];
        let depths = Depths {
            named,
            others,
            active: 42,
            paused: 1,
            disabled: 2,
            discarded: 6,
            records_waiting: 8,
        };
        let text = page(Some(depths), vec![true, false]);
        let told: Vec<&str> = text
            .lines()
            .skip_while(|line| *line != "# TYPE belfry_integrations gauge")
            .filter(|line| !line.starts_with("# HELP") && !line.starts_with("# UNIT"))
            .collect();
        let one = "integration=\"00000000-0000-0000-0000-000000000001\"";
        let two = "integration=\"00000000-0000-0000-0000-000000000002\"";
        let other = "integration=\"other\"";
        let expected = format!(
            "# TYPE belfry_integrations gauge
belfry_integrations{{status=\"active\"}} 42
belfry_integrations{{status=\"paused\"}} 1
belfry_integrations{{status=\"disabled\"}} 2
# TYPE belfry_discarded_deliveries gauge
belfry_discarded_deliveries 6
# TYPE belfry_records_waiting gauge
belfry_records_waiting 8
# TYPE belfry_queue_depth gauge
belfry_queue_depth{{{one}}} 5
belfry_queue_depth{{{two}}} 0
belfry_queue_depth{{{other}}} 9
# TYPE belfry_dead_deliveries gauge
belfry_dead_deliveries{{{one}}} 2
belfry_dead_deliveries{{{two}}} 0
belfry_dead_deliveries{{{other}}} 4
# TYPE belfry_oldest_pending_age_seconds gauge
belfry_oldest_pending_age_seconds{{{one}}} 60
belfry_oldest_pending_age_seconds{{{two}}} 0
belfry_oldest_pending_age_seconds{{{other}}} 0
# TYPE belfry_circuits gauge
belfry_circuits{{{one},state=\"closed\"}} 0
belfry_circuits{{{one},state=\"open\"}} 0
belfry_circuits{{{one},state=\"half_open\"}} 1
belfry_circuits{{{two},state=\"closed\"}} 1
belfry_circuits{{{two},state=\"open\"}} 0
belfry_circuits{{{two},state=\"half_open\"}} 0
belfry_circuits{{{other},state=\"closed\"}} 40
belfry_circuits{{{other},state=\"open\"}} 3
belfry_circuits{{{other},state=\"half_open\"}} 0
# EOF"
        );
        assert_eq!(told.join("\n"), expected);
        for line in [
            concat!("belfry_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "belfry_attempts_in_flight 3",
            "belfry_actors_parked 1",
            "belfry_store_writable 1",
            "belfry_store_disk_low 0",
            "belfry_store_commits_total 4",
            "belfry_store_commit_seconds_total 2.5",
            "belfry_store_commands_total 10",
            "belfry_store_largest_batch 7",
            "belfry_store_log_pages 12",
            "belfry_queues_read 1",
            "belfry_classifier_open 1",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} in {text}");
        }
    }

    /// What the process knows itself is told though the store can't be read.
    #[test]
    fn the_page_does_without_the_queues() {
        let text = page(None, Vec::new());
        assert!(text.contains("\nbelfry_queues_read 0\n") && text.ends_with("# EOF\n"), "{text}");
        assert!(text.contains("\nbelfry_store_writable 1\n"), "{text}");
        assert!(!text.contains("belfry_queue_depth"), "{text}");
    }

    /// Names and types are what others build their alarms on.
    #[test]
    fn no_name_comes_twice_and_each_has_a_type_and_a_help() {
        let text = page(Some(Depths::default()), Vec::new());
        let of = |mark: &str| -> Vec<&str> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
            let mut names: Vec<&str> = lines.filter_map(|line| line.split(' ').next()).collect();
            names.sort_unstable();
            names
        };
        let (types, helps) = (of("# TYPE "), of("# HELP "));
        assert_eq!(types, helps);
        let mut once = types.clone();
        once.dedup();
        assert_eq!(once, types);
        assert!(types.iter().all(|name| name.starts_with("belfry_")), "{types:?}");
    }
}
