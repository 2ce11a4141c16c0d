//! An automation as a caller sends it: whole, with its integrations.

use serde_json::Value;

use super::hygiene_in;
use super::integration_in::{self, Draft};
use super::target_in::{Wish, read_auth};
use crate::domain::automation::Watch;
use crate::domain::condition::Subject;
use crate::domain::integration::AuthMethod;
use crate::domain::levels::MinimumLevels;
use crate::domain::limits::INTEGRATIONS_AN_AUTOMATION;
use crate::web::json::{Faults, Fields, below};

/// What a caller wants an automation to be.
#[derive(Debug)]
pub(in crate::web) struct AutomationDraft {
    pub(in crate::web) name: String,
    pub(in crate::web) active: bool,
    pub(super) trigger: TriggerDraft,
    pub(in crate::web) integrations: Vec<Draft>,
    /// The pointer to it.
    pub(super) at: String,
}

/// What a caller wants it to listen to.
#[derive(Debug)]
pub(super) enum TriggerDraft {
    Records(Watch),
    Relay { method: AuthMethod, credential: Wish },
}

/// Reads an automation; what is wrong is added to `faults`.
pub(in crate::web) fn read(value: Value, at: &str, faults: &mut Faults) -> Option<AutomationDraft> {
    let mut fields = Fields::of(value, at, faults)?;
    fields.read_only(&["id", "version", "created_at", "updated_at", "inbound_url"]);
    let name = match fields.value("name") {
        Some(value) => super::name(&value, &below(at, "name"), faults),
        None => {
            faults.add(below(at, "name"), "is missing: give the automation a name");
            None
        }
    };
    let active = fields.flag("active", faults).unwrap_or(true);
    let (trigger, subject) = trigger(&mut fields, faults);
    let place = below(at, "integrations");
    let list = fields.list("integrations", faults);
    let integrations = integrations(list, &place, subject, faults);
    fields.end(faults);
    Some(AutomationDraft {
        name: name?,
        active,
        trigger: trigger?,
        integrations,
        at: at.to_owned(),
    })
}

/// What it listens to. What belongs to another trigger is refused, and not forgotten silently.
fn trigger(fields: &mut Fields, faults: &mut Faults) -> (Option<TriggerDraft>, Subject) {
    match fields.text("trigger", faults).as_deref() {
        None | Some("records") => {
            if fields.value("inbound_auth").is_some() {
                let words = "is for a relay only: leave it out, or say \"trigger\": \"relay\"";
                faults.add(fields.pointer("inbound_auth"), words);
            }
            let filter = super::condition(fields, "filter", Subject::Record, faults);
            let minimum_levels = match fields.object("minimum_levels", faults) {
                Some(levels) => minimum(levels, faults),
                None => MinimumLevels::default(),
            };
            let hygiene = hygiene_in::read(fields, faults);
            let watch = Watch { filter, minimum_levels, hygiene };
            (Some(TriggerDraft::Records(watch)), Subject::Record)
        }
        Some("relay") => {
            for name in ["filter", "minimum_levels", "cool_down", "quiet_hours"] {
                if fields.value(name).is_some() {
                    let words =
                        "is for records only: a relay's integrations have conditions instead";
                    faults.add(fields.pointer(name), words);
                }
            }
            let value = fields.value("inbound_auth");
            let (method, credential) = read_auth(value, &fields.pointer("inbound_auth"), faults);
            let relay = method.map(|method| TriggerDraft::Relay { method, credential });
            (relay, Subject::Alert)
        }
        Some(_) => {
            faults.add(fields.pointer("trigger"), "must be one of records, relay");
            // What belongs to either is known, so that only this is told.
            for name in ["filter", "minimum_levels", "cool_down", "quiet_hours", "inbound_auth"] {
                fields.value(name);
            }
            (None, Subject::Record)
        }
    }
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

fn integrations(
    list: Option<Vec<Value>>,
    place: &str,
    subject: Subject,
    faults: &mut Faults,
) -> Vec<Draft> {
    let list = list.unwrap_or_default();
    if list.len() > INTEGRATIONS_AN_AUTOMATION {
        let words = format!("may have {INTEGRATIONS_AN_AUTOMATION} integrations at most");
        faults.add(place, words);
        return Vec::new();
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        let at = below(place, &index.to_string());
        let Some(draft) = integration_in::read(value, &at, subject, faults) else { continue };
        if draft.id.is_some() && drafts.iter().any(|each| each.id == draft.id) {
            faults.add(below(&at, "id"), "is there twice: each integration comes once");
        }
        drafts.push(draft);
    }
    drafts
}
