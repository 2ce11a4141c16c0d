//! A standing rule: which records it watches, what counts as an escalation, where alerts go.

use super::condition::Condition;
use super::id::AutomationId;
use super::integration::Integration;
use super::levels::{Levels, MinimumLevels};
use super::record::Record;

/// A standing rule with its destinations.
#[derive(Debug, Clone, PartialEq)]
pub struct Automation {
    /// Its id, the first part of every Idempotency-Key that it causes.
    pub id: AutomationId,
    /// What people call it.
    pub name: String,
    /// An automation that is not active fires for nothing.
    pub active: bool,
    /// Which records it watches; no filter watches everything.
    pub filter: Option<Condition>,
    /// What counts as an escalation.
    pub minimum_levels: MinimumLevels,
    /// Where its alerts go.
    pub integrations: Vec<Integration>,
    /// Rises by one with every change; the number inside the ETag.
    pub version: i64,
}

impl Automation {
    /// Whether this record, at these levels, makes an alert of this automation.
    pub fn fires(&self, record: &Record, levels: &Levels) -> bool {
        self.active
            && self.minimum_levels.reached_by(levels)
            && self.filter.as_ref().is_none_or(|filter| filter.matches(record, levels))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::levels::Level;

    fn automation() -> Automation {
        Automation {
            id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff".parse().unwrap(),
            name: "Enterprise escalations".into(),
            active: true,
            filter: None,
            minimum_levels: MinimumLevels::default(),
            integrations: Vec::new(),
            version: 1,
        }
    }

    fn record(segment: &str) -> Record {
        Record {
            id: "T-1".into(),
            org_id: "acme".into(),
            content: "It is down.".into(),
            source: "zendesk".into(),
            created_at: None,
            source_url: None,
            kind: None,
            channel: None,
            segment: Some(segment.into()),
            product_area: None,
            tags: Vec::new(),
            metadata: std::collections::BTreeMap::new(),
            conversation_id: None,
            messages: Vec::new(),
            levels: None,
        }
    }

    const HIGH: Levels =
        Levels { escalation: Level::High, emotional_intensity: Level::Low, sentiment_shift: None };

    #[test]
    fn without_filter_and_minimum_it_fires_for_everything() {
        assert!(automation().fires(&record("SMB"), &HIGH));
    }

    #[test]
    fn it_fires_for_nothing_while_it_is_not_active() {
        assert!(!Automation { active: false, ..automation() }.fires(&record("SMB"), &HIGH));
    }

    #[test]
    fn filter_and_minimum_must_both_hold() {
        let filter = json!({"field": "segment", "op": "eq", "value": "Enterprise"});
        let with = |least| Automation {
            filter: Some(Condition::parse(&filter).unwrap()),
            minimum_levels: MinimumLevels { escalation: Some(least), ..Default::default() },
            ..automation()
        };
        assert!(with(Level::High).fires(&record("Enterprise"), &HIGH));
        assert!(!with(Level::High).fires(&record("SMB"), &HIGH));
        assert!(!with(Level::Extreme).fires(&record("Enterprise"), &HIGH));
    }
}
