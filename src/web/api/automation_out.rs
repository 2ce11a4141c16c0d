//! An automation as it is written: whole, with its integrations.

use serde::Serialize;
use serde_json::Value;

use crate::domain::automation::Automation;
use crate::domain::condition::Condition;

/// An automation; `I` is what is told of each integration.
#[derive(Debug, Serialize)]
pub(super) struct AutomationOut<I> {
    id: String,
    name: String,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Value>,
    minimum_levels: Levels,
    integrations: Vec<I>,
    version: i64,
}

#[derive(Debug, Serialize)]
struct Levels {
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emotional_intensity_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment_shift: Option<&'static str>,
}

impl<I> AutomationOut<I> {
    /// The automation with what is told of its integrations.
    pub(super) fn of(automation: &Automation, integrations: Vec<I>) -> Self {
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
