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
