//! An automation as it is written: whole, with its integrations.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::domain::automation::Automation;
use crate::domain::condition::Condition;

/// An automation with its integrations.
// `I` is what is told of each integration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Automation")]
pub(in crate::web) struct AutomationOut<I> {
    /// Its id, the first part of every Idempotency-Key that it causes.
    pub(in crate::web) id: String,
    /// What people call it.
    pub(in crate::web) name: String,
    /// One that is not active fires for nothing.
    pub(in crate::web) active: bool,
    /// Which records it watches; without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) filter: Option<Value>,
    /// What counts as an escalation: each level that is named must be reached.
    pub(in crate::web) minimum_levels: Levels,
    /// Where its alerts go.
    pub(in crate::web) integrations: Vec<I>,
    /// Rises with each change; the number in the ETag.
    pub(in crate::web) version: i64,
}

/// What counts as an escalation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MinimumLevels")]
pub(in crate::web) struct Levels {
    /// At least this: `none`, `low`, `medium`, `high` or `extreme`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) escalation_level: Option<&'static str>,
    /// At least this: `none`, `low`, `medium`, `high` or `extreme`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) emotional_intensity_level: Option<&'static str>,
    /// At least this bad: `sentiment improved`, `sentiment unchanged` or `sentiment degraded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) sentiment_shift: Option<&'static str>,
}

impl<I> AutomationOut<I> {
    /// The automation with what is told of its integrations.
    pub(in crate::web) fn of(automation: &Automation, integrations: Vec<I>) -> Self {
        let least = &automation.minimum_levels;
        Self {
            id: automation.id.to_string(),
            name: automation.name.clone(),
            active: automation.active,
            filter: automation.filter.as_ref().map(Condition::to_json),
            minimum_levels: Levels {
                escalation_level: least.escalation.map(|level| level.word()),
                emotional_intensity_level: least.emotional_intensity.map(|level| level.word()),
                sentiment_shift: least.sentiment_shift.map(|shift| shift.word()),
            },
            integrations,
            version: automation.version,
        }
    }
}
