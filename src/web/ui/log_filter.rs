//! Which deliveries a person wants to see: the API's own filters as a form sends them.
//!
//! A form's times have no zone. The script puts UTC in their place when the form is sent; without it, they
//! are UTC like every other time on a page that no script has been at. So an address always means one span
//! of time, whoever opens it.

use std::time::Duration;

use crate::domain::id::DeliveryId;
use crate::domain::time::Timestamp;
use crate::store::queries::DeliveryFilter;
use crate::web::api::deliveries;
use crate::web::api::query::Query;
use crate::web::error::{FieldProblem, Problem};

/// The filters, in the order in which addresses have them.
const NAMES: [&str; 7] =
    ["state", "automation_id", "integration_id", "record_id", "within", "since", "until"];

/// Spans that reach up to now: what an address says of them, and what a person reads.
pub(super) const SPANS: [(&str, &str, Duration); 3] = [
    ("1h", "Last hour", Duration::from_hours(1)),
    ("24h", "Last 24 hours", Duration::from_hours(24)),
    ("7d", "Last 7 days", Duration::from_hours(7 * 24)),
];

/// What was asked for.
pub(super) struct Asked {
    /// The filters as they were given.
    pairs: Vec<(&'static str, String)>,
    /// What they mean; nothing where some of it is wrong.
    pub(super) filter: DeliveryFilter,
    /// Behind which delivery the page begins.
    pub(super) before: Option<DeliveryId>,
    /// What is wrong.
    pub(super) errors: Vec<FieldProblem>,
    /// What was done to how many, for a word about it.
    pub(super) retried: Option<u64>,
    pub(super) discarded: Option<u64>,
    /// Whether more are left than one call acts on.
    pub(super) more: bool,
}

impl Asked {
    /// Reads the part of an address behind the `?`.
    pub(super) fn of(text: &str, now: Timestamp) -> Self {
        let mut asked = Self {
            pairs: Vec::new(),
            filter: DeliveryFilter::default(),
            before: None,
            errors: Vec::new(),
            retried: None,
            discarded: None,
            more: false,
        };
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let known = NAMES.iter().find(|each| **each == name);
            match (name.as_ref(), known) {
                ("notice", _) => {}
                ("retried", _) => asked.retried = value.parse().ok(),
                ("discarded", _) => asked.discarded = value.parse().ok(),
                ("more", _) => asked.more = true,
                // A form sends what was left empty, too.
                (_, Some(_)) if value.is_empty() => {}
                (_, Some(&name)) => asked.pairs.push((name, value.into_owned())),
                (_, None) => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        for (name, value) in &asked.pairs {
            match *name {
                "within" => continue,
                "since" | "until" => rest.append_pair(name, &with_zone(value)),
                _ => rest.append_pair(name, value),
            };
        }
        let mut query = Query::of(&rest.finish());
        let filter = deliveries::filter(&mut query);
        let before = query.parsed("cursor", "is not a cursor that a list gave");
        let within = asked.text("within");
        let span = SPANS.iter().find(|(word, _, _)| *word == within).map(|(_, _, span)| *span);
        if span.is_none() && !within.is_empty() {
            query.refuse("within", "must be 1h, 24h or 7d");
        }
        match query.end((filter, before)) {
            Ok((filter, before)) => {
                // All filters hold at once.
                let from = span.map(|span| now.minus(span));
                asked.filter = DeliveryFilter { since: filter.since.max(from), ..filter };
                asked.before = before;
            }
            Err(problem) => asked.errors = errors(&problem),
        }
        asked
    }

    /// A filter as it was given; empty where it was not.
    pub(super) fn text(&self, name: &str) -> &str {
        self.pairs.iter().find(|(each, _)| *each == name).map_or("", |(_, value)| value)
    }

    /// What is wrong with a filter.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        let of = |error: &&FieldProblem| error.pointer.strip_prefix('?') == Some(name);
        self.errors.iter().find(of).map(|error| error.detail.as_str())
    }

    /// What is wrong that no field of the form has.
    pub(super) fn other_errors(&self) -> Vec<String> {
        let known =
            |error: &FieldProblem| NAMES.iter().any(|name| self.error(name) == Some(&error.detail));
        let others = self.errors.iter().filter(|error| !known(error));
        others
            .map(|error| format!("{} {}.", error.pointer.trim_start_matches('?'), error.detail))
            .collect()
    }

    /// Whether it means only some deliveries.
    pub(super) fn narrows(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// The address of a page with these filters, one of them replaced and more added.
    pub(super) fn address(&self, path: &str, changed: &[(&'static str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.pairs {
            if !changed.iter().any(|(each, _)| each == name) {
                query.append_pair(name, value);
            }
        }
        for (name, value) in changed.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        match query.finish() {
            none if none.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

fn errors(problem: &Problem) -> Vec<FieldProblem> {
    if problem.errors().is_empty() {
        vec![FieldProblem::new("", problem.detail())]
    } else {
        problem.errors().to_vec()
    }
}

/// A time as a form sends it, without a zone, is UTC.
fn with_zone(text: &str) -> String {
    let local: Option<jiff::civil::DateTime> = text.parse().ok();
    match local.and_then(|local| jiff::tz::TimeZone::UTC.to_timestamp(local).ok()) {
        Some(at) if !has_offset(text) => at.to_string(),
        Some(_) | None => text.to_owned(),
    }
}

fn has_offset(text: &str) -> bool {
    let time = text.split_once(['T', 't', ' ']).map_or("", |(_, time)| time);
    time.contains(['+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::State;

    const NOW: Timestamp = Timestamp::from_millis(1_795_500_000_000);

    fn at(text: &str) -> Option<Timestamp> {
        let at: jiff::Timestamp = text.parse().unwrap();
        Some(Timestamp::from_millis(at.as_millisecond()))
    }

    #[test]
    fn a_form_that_was_left_empty_means_everything() {
        let asked = Asked::of("state=&automation_id=&record_id=&within=&since=&until=", NOW);
        assert!(asked.errors.is_empty() && !asked.narrows());
        assert!(asked.filter.state.is_none() && asked.filter.since.is_none());
        assert_eq!(asked.address("/deliveries", &[]), "/deliveries");
    }

    #[test]
    fn times_without_a_zone_are_utc_and_others_are_what_they_say() {
        let asked = Asked::of("since=2026-11-24T03:05&until=2026-11-24T03:05:06%2B02:00", NOW);
        assert!(asked.errors.is_empty(), "{:?}", asked.errors);
        assert_eq!(asked.filter.since, at("2026-11-24T03:05:00Z"));
        assert_eq!(asked.filter.until, at("2026-11-24T01:05:06Z"));
        let asked = Asked::of("since=2026-11-24T03:05:07.250Z", NOW);
        assert_eq!(asked.filter.since, at("2026-11-24T03:05:07.250Z"));
    }

    #[test]
    fn a_span_up_to_now_narrows_like_all_others() {
        let hour = Asked::of("within=1h", NOW);
        assert_eq!(hour.filter.since, Some(NOW.minus(Duration::from_hours(1))));
        let later = NOW.minus(Duration::from_secs(60));
        let both = Asked::of(&format!("within=1h&since={later}"), NOW);
        assert_eq!(both.filter.since, Some(later));
        assert_eq!(Asked::of("within=1y", NOW).error("within"), Some("must be 1h, 24h or 7d"));
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field_and_nothing_is_meant_then() {
        let asked = Asked::of("state=lost&since=yesterday&colour=red&record_id=a", NOW);
        assert!(asked.error("state").is_some() && asked.error("since").is_some());
        assert_eq!(asked.other_errors().len(), 1);
        assert!(asked.filter.record_id.is_none());
        assert_eq!(asked.text("since"), "yesterday");
    }

    #[test]
    fn addresses_keep_the_filters_whatever_is_in_them() {
        let asked =
            Asked::of("state=dead&record_id=a%26b%3D%22%3E&cursor=dlv_7&retried=3&more=true", NOW);
        assert_eq!(asked.filter.state, Some(State::Dead));
        assert_eq!(asked.before, Some(DeliveryId(7)));
        assert_eq!((asked.retried, asked.discarded, asked.more), (Some(3), None, true));
        let address = asked.address("/deliveries", &[("state", ""), ("cursor", "dlv_3")]);
        assert_eq!(address, "/deliveries?record_id=a%26b%3D%22%3E&cursor=dlv_3");
        assert_eq!(Asked::of(address.split_once('?').unwrap().1, NOW).text("record_id"), "a&b=\">");
    }
}
