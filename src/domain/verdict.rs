//! Why an automation fires for a record, or does not: for people who want to know before they save or
//! send. What it says is what [`Automation::fires`] does.

use super::automation::{Automation, Trigger, Watch};
use super::levels::{Level, Levels, SentimentShift};
use super::record::Record;
use super::time::Timestamp;

/// A record that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// When it came in.
    pub at: Timestamp,
    /// The record.
    pub record: Record,
    /// The levels that it went by.
    pub levels: Levels,
}

/// What decides whether an automation fires, be it stored or still on somebody's screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draft<'a> {
    /// One that is not active fires for nothing.
    pub active: bool,
    /// Which records it makes alerts of.
    pub watch: &'a Watch,
}

/// One reason for which an automation does not fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// It is not active.
    Inactive,
    /// The record is none of those that it watches.
    Filter,
    /// The escalation level is below the minimum.
    Escalation {
        /// The minimum.
        least: Level,
        /// What the record has.
        found: Level,
    },
    /// The emotional intensity level is below the minimum.
    EmotionalIntensity {
        /// The minimum.
        least: Level,
        /// What the record has.
        found: Level,
    },
    /// The sentiment did not get as bad as the minimum, or it is not known.
    SentimentShift {
        /// The minimum.
        least: SentimentShift,
        /// What the record has.
        found: Option<SentimentShift>,
    },
}

/// What would become of one of the records that were tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried<'a> {
    /// The record.
    pub seen: &'a Seen,
    /// Why it would not fire; without a reason it would.
    pub misses: Vec<Miss>,
}

impl Tried<'_> {
    /// Whether there would be an alert.
    pub fn fires(&self) -> bool {
        self.misses.is_empty()
    }
}

impl Draft<'_> {
    /// All reasons for which it does not fire for this record; none where it fires.
    pub fn misses(&self, record: &Record, levels: &Levels) -> Vec<Miss> {
        let mut misses = Vec::new();
        if !self.active {
            misses.push(Miss::Inactive);
        }
        if self.watch.filter.as_ref().is_some_and(|filter| !filter.matches(record, levels)) {
            misses.push(Miss::Filter);
        }
        let least = &self.watch.minimum_levels;
        if let Some(least) = least.escalation.filter(|least| levels.escalation < *least) {
            misses.push(Miss::Escalation { least, found: levels.escalation });
        }
        let found = levels.emotional_intensity;
        if let Some(least) = least.emotional_intensity.filter(|least| found < *least) {
            misses.push(Miss::EmotionalIntensity { least, found });
        }
        let found = levels.sentiment_shift;
        let short = |least: &SentimentShift| found.is_none_or(|shift| shift < *least);
        if let Some(least) = least.sentiment_shift.filter(short) {
            misses.push(Miss::SentimentShift { least, found });
        }
        misses
    }

    /// Tries it on records that were accepted, in their order.
    pub fn try_on<'a>(&self, records: impl IntoIterator<Item = &'a Seen>) -> Vec<Tried<'a>> {
        let tried =
            |seen: &'a Seen| Tried { seen, misses: self.misses(&seen.record, &seen.levels) };
        records.into_iter().map(tried).collect()
    }
}

impl Automation {
    /// What decides whether it fires; nothing for a relay, which no record concerns.
    pub fn draft(&self) -> Option<Draft<'_>> {
        match &self.trigger {
            Trigger::Records(watch) => Some(Draft { active: self.active, watch }),
            Trigger::Relay(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::condition::{Condition, Subject};
    use crate::domain::levels::MinimumLevels;
    use crate::domain::record::MetadataValue;

    fn record(segment: Option<&str>) -> Record {
        Record {
            id: "T-1".into(),
            org_id: "acme".into(),
            content: "It is down.".into(),
            source: "zendesk".into(),
            created_at: None,
            source_url: None,
            kind: None,
            channel: None,
            segment: segment.map(Into::into),
            product_area: None,
            tags: Vec::new(),
            metadata: [("arr".to_owned(), MetadataValue::Number(5.0))].into(),
            conversation_id: None,
            messages: Vec::new(),
            levels: None,
        }
    }

    fn all_levels() -> impl Iterator<Item = Levels> {
        let shifts = || SentimentShift::ALL.into_iter().map(Some).chain([None]);
        Level::ALL.into_iter().flat_map(move |escalation| {
            Level::ALL.into_iter().flat_map(move |emotional_intensity| {
                shifts().map(move |sentiment_shift| Levels {
                    escalation,
                    emotional_intensity,
                    sentiment_shift,
                })
            })
        })
    }

    /// Over all levels and all minima that they can have: no reason is given exactly where it fires.
    #[test]
    fn the_reasons_are_those_that_it_goes_by() {
        let filter = json!({"field": "segment", "op": "eq", "value": "Enterprise"});
        let filter = Condition::parse(&filter, Subject::Record).unwrap();
        for least in all_levels() {
            let automation = |active, filter: Option<&Condition>| Automation {
                id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff".parse().unwrap(),
                name: "a".into(),
                active,
                trigger: Trigger::Records(Watch {
                    filter: filter.cloned(),
                    minimum_levels: MinimumLevels {
                        escalation: Some(least.escalation).filter(|level| *level != Level::None),
                        emotional_intensity: Some(least.emotional_intensity),
                        sentiment_shift: least.sentiment_shift,
                    },
                    ..Watch::default()
                }),
                integrations: Vec::new(),
                version: 1,
            };
            for levels in all_levels() {
                for (active, filter, segment) in [
                    (true, None, None),
                    (true, Some(&filter), Some("Enterprise")),
                    (true, Some(&filter), Some("SMB")),
                    (false, Some(&filter), None),
                ] {
                    let (automation, record) = (automation(active, filter), record(segment));
                    let misses = automation.draft().unwrap().misses(&record, &levels);
                    assert_eq!(misses.is_empty(), automation.fires(&record, &levels), "{misses:?}");
                    assert_eq!(misses.contains(&Miss::Inactive), !active);
                    let watched = filter.is_none() || segment == Some("Enterprise");
                    assert_eq!(misses.contains(&Miss::Filter), !watched);
                }
            }
        }
    }

    #[test]
    fn each_reason_says_what_was_asked_and_what_was_found() {
        let watch = Watch {
            filter: None,
            minimum_levels: MinimumLevels {
                escalation: Some(Level::High),
                emotional_intensity: Some(Level::Extreme),
                sentiment_shift: Some(SentimentShift::Degraded),
            },
            ..Watch::default()
        };
        let draft = Draft { active: true, watch: &watch };
        let levels = Levels {
            escalation: Level::Medium,
            emotional_intensity: Level::Extreme,
            sentiment_shift: None,
        };
        let seen = Seen { at: Timestamp::from_millis(1), record: record(None), levels };
        let tried = draft.try_on([&seen]);
        let expected = [
            Miss::Escalation { least: Level::High, found: Level::Medium },
            Miss::SentimentShift { least: SentimentShift::Degraded, found: None },
        ];
        assert_eq!(tried.first().map(|each| each.misses.as_slice()), Some(expected.as_slice()));
        assert!(tried.iter().all(|each| !each.fires()));
    }
}
