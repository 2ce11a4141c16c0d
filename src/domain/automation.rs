//! A standing rule: what it listens to, what counts as an escalation, where alerts go.

use super::condition::{Condition, Subject};
use super::hygiene::Hygiene;
use super::id::AutomationId;
use super::integration::{AuthMethod, Integration};
use super::levels::{Levels, MinimumLevels};
use super::record::Record;

/// A standing rule with its destinations.
#[derive(Debug, Clone, PartialEq)]
pub struct Automation {
    /// Its id, the first part of every Idempotency-Key that it causes.
    pub id: AutomationId,
    /// What people call it.
    pub name: String,
    /// An automation that is not active fires for nothing, and takes no alert.
    pub active: bool,
    /// What it listens to; it stays what it was made with.
    pub trigger: Trigger,
    /// Where its alerts go.
    pub integrations: Vec<Integration>,
    /// Rises by one with every change; the number inside the ETag.
    pub version: i64,
}

/// What an automation listens to.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// Records that come in.
    Records(Watch),
    /// Alerts that another system posts, which it passes on.
    Relay(InboundAuth),
}

/// Which records an automation makes alerts of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Watch {
    /// Which records it watches; no filter watches everything.
    pub filter: Option<Condition>,
    /// What counts as an escalation.
    pub minimum_levels: MinimumLevels,
    /// What keeps its alerts from being too many or at the wrong hour.
    pub hygiene: Hygiene,
}

/// How a relay's sender proves who it is, without the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundAuth {
    /// Which header carries the credential.
    pub method: AuthMethod,
    /// Whether a credential lies sealed beside it.
    pub credential_set: bool,
}

impl Trigger {
    /// The word in API and rows.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Records(_) => "records",
            Self::Relay(_) => "relay",
        }
    }

    /// What the conditions of its integrations are asked of.
    pub const fn subject(&self) -> Subject {
        match self {
            Self::Records(_) => Subject::Record,
            Self::Relay(_) => Subject::Alert,
        }
    }
}

impl Automation {
    /// Whether this record makes an alert of this automation at some levels: false where it does at none.
    pub fn could_fire(&self, record: &Record) -> bool {
        match &self.trigger {
            Trigger::Records(watch) => {
                let filter = watch.filter.as_ref();
                self.active && filter.is_none_or(|filter| filter.could_match(record))
            }
            Trigger::Relay(_) => false,
        }
    }

    /// Whether this record, at these levels, makes an alert of this automation.
    pub fn fires(&self, record: &Record, levels: &Levels) -> bool {
        match &self.trigger {
            Trigger::Records(watch) => self.active && watch.means(record, levels),
            Trigger::Relay(_) => false,
        }
    }
}

impl Watch {
    fn means(&self, record: &Record, levels: &Levels) -> bool {
        self.minimum_levels.reached_by(levels)
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
            trigger: Trigger::Records(Watch::default()),
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
            trigger: Trigger::Records(Watch {
                filter: Some(Condition::parse(&filter, Subject::Record).unwrap()),
                minimum_levels: MinimumLevels { escalation: Some(least), ..Default::default() },
                ..Watch::default()
            }),
            ..automation()
        };
        assert!(with(Level::High).fires(&record("Enterprise"), &HIGH));
        assert!(!with(Level::High).fires(&record("SMB"), &HIGH));
        assert!(!with(Level::Extreme).fires(&record("Enterprise"), &HIGH));
    }

    #[test]
    fn a_relay_fires_for_no_record() {
        let auth = InboundAuth { method: AuthMethod::None, credential_set: false };
        let relay = Automation { trigger: Trigger::Relay(auth), ..automation() };
        assert!(!relay.fires(&record("SMB"), &HIGH));
    }
}
