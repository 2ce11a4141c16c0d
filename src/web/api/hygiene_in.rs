//! A cool-down and quiet hours as a caller sends them.

use serde_json::Value;

use crate::domain::hygiene::{CoolDown, Hygiene, Per, QuietHours, Window, span};
use crate::domain::levels::Level;
use crate::web::json::{Faults, Fields};

/// Reads both; what is wrong is added to `faults`.
pub(super) fn read(fields: &mut Fields, faults: &mut Faults) -> Hygiene {
    let cool_down = fields.object("cool_down", faults).and_then(|each| cool_down(each, faults));
    let quiet_hours =
        fields.object("quiet_hours", faults).and_then(|each| quiet_hours(each, faults));
    Hygiene { cool_down, quiet_hours }
}

fn cool_down(mut fields: Fields, faults: &mut Faults) -> Option<CoolDown> {
    let per: Option<Per> = needed(&mut fields, "per", faults).and_then(|text| {
        text.parse()
            .map_err(|error: crate::domain::hygiene::HygieneError| {
                faults.add(fields.pointer("per"), error.to_string());
            })
            .ok()
    });
    let text = needed(&mut fields, "span", faults);
    let at = fields.pointer("span");
    fields.end(faults);
    // What is no duration is none of the right length either.
    let span = span(&text?).unwrap_or_default();
    let parsed = CoolDown::new(per.clone().unwrap_or(Per::Conversation), span);
    let parsed = parsed.map_err(|error| faults.add(at, error.to_string())).ok()?;
    per.map(|per| CoolDown { per, ..parsed })
}

fn quiet_hours(mut fields: Fields, faults: &mut Faults) -> Option<QuietHours> {
    let zone = needed(&mut fields, "time_zone", faults);
    let except_from: Option<Level> = fields.text("except_from", faults).and_then(|text| {
        let parsed = text.parse::<Level>();
        parsed.map_err(|error| faults.add(fields.pointer("except_from"), error.to_string())).ok()
    });
    let at = fields.pointer("windows");
    let listed = fields.list("windows", faults);
    if listed.is_none() {
        faults.add(&at, "is missing: give days and hours, as in mon-fri 20:00-07:00");
    }
    let place = fields.pointer("time_zone");
    fields.end(faults);
    let mut windows: Vec<Window> = Vec::new();
    let listed = listed?;
    let count = listed.len();
    for (index, each) in listed.into_iter().enumerate() {
        let parsed = match &each {
            Value::String(text) => text.parse::<Window>().map_err(|error| error.to_string()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Err("must be text".to_owned()),
        };
        match parsed {
            Ok(window) => windows.push(window),
            Err(why) => faults.add(format!("{at}/{index}"), why),
        }
    }
    if windows.len() < count {
        return None;
    }
    let quiet = QuietHours::new(&zone?, windows, except_from);
    quiet
        .map_err(|error| {
            let told = error.to_string();
            // The zone is looked up first: what else is wrong is the windows.
            let at = if told.contains("time zone") { place } else { at };
            faults.add(at, told);
        })
        .ok()
}

fn needed(fields: &mut Fields, name: &'static str, faults: &mut Faults) -> Option<String> {
    let at = fields.pointer(name);
    match fields.value(name) {
        None => {
            faults.add(at, "is missing");
            None
        }
        Some(Value::String(text)) => Some(text),
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_),
        ) => {
            faults.add(at, "must be text");
            None
        }
    }
}
