//! An automation as a caller sends it: whole, with its integrations.

use serde_json::Value;

use super::integration_in::{self, Draft};
use crate::domain::condition::Condition;
use crate::domain::levels::MinimumLevels;
use crate::domain::limits::INTEGRATIONS_AN_AUTOMATION;
use crate::web::json::{Faults, Fields, below};

/// What a caller wants an automation to be.
#[derive(Debug)]
pub(in crate::web) struct AutomationDraft {
    pub(in crate::web) name: String,
    pub(in crate::web) active: bool,
    pub(in crate::web) filter: Option<Condition>,
    pub(in crate::web) minimum_levels: MinimumLevels,
    pub(in crate::web) integrations: Vec<Draft>,
}

/// Reads an automation; what is wrong is added to `faults`.
pub(in crate::web) fn read(value: Value, at: &str, faults: &mut Faults) -> Option<AutomationDraft> {
    let mut fields = Fields::of(value, at, faults)?;
    fields.read_only(&["id", "version", "created_at", "updated_at"]);
    let name = match fields.value("name") {
        Some(value) => super::name(&value, &below(at, "name"), faults),
        None => {
            faults.add(below(at, "name"), "is missing: give the automation a name");
            None
        }
    };
    let active = fields.flag("active", faults).unwrap_or(true);
    let filter = super::condition(&mut fields, "filter", faults);
    let minimum_levels = match fields.object("minimum_levels", faults) {
        Some(levels) => minimum(levels, faults),
        None => MinimumLevels::default(),
    };
    let integrations =
        integrations(fields.list("integrations", faults), &below(at, "integrations"), faults);
    fields.end(faults);
    Some(AutomationDraft { name: name?, active, filter, minimum_levels, integrations })
}

fn minimum(mut fields: Fields, faults: &mut Faults) -> MinimumLevels {
    let levels = MinimumLevels {
        escalation: word(&mut fields, "escalation_level", faults),
        emotional_intensity: word(&mut fields, "emotional_intensity_level", faults),
        sentiment_shift: word(&mut fields, "sentiment_shift", faults),
    };
    fields.end(faults);
    levels
}

fn word<T: std::str::FromStr<Err: std::fmt::Display>>(
    fields: &mut Fields,
    name: &'static str,
    faults: &mut Faults,
) -> Option<T> {
    let text = fields.text(name, faults)?;
    text.parse().map_err(|error: T::Err| faults.add(fields.pointer(name), error.to_string())).ok()
}

fn integrations(list: Option<Vec<Value>>, place: &str, faults: &mut Faults) -> Vec<Draft> {
    let list = list.unwrap_or_default();
    if list.len() > INTEGRATIONS_AN_AUTOMATION {
        let words = format!("may have {INTEGRATIONS_AN_AUTOMATION} integrations at most");
        faults.add(place, words);
        return Vec::new();
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        let at = below(place, &index.to_string());
        let Some(draft) = integration_in::read(value, &at, faults) else { continue };
        if draft.id.is_some() && drafts.iter().any(|each| each.id == draft.id) {
            faults.add(below(&at, "id"), "is there twice: each integration comes once");
        }
        drafts.push(draft);
    }
    drafts
}
