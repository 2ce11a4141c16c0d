//! Somebody else has saved the same automation meanwhile: both versions side by side, and nothing lost.

use askama::Template;
use serde_json::Value;

use super::draft::Draft;
use super::words::{field_label, kind_title, value_words};
use crate::domain::automation::Automation;
use crate::domain::integration::Kind;
use crate::web::api::automation_out::AutomationOut;
use crate::web::api::differences::differences;
use crate::web::api::integration_out::Settings;
use crate::web::api::plan::Fresh;
use crate::web::site::Site;
use crate::web::ui::frame::Frame;

#[derive(Template)]
#[template(path = "conflict.html")]
pub(super) struct Conflict {
    frame: Frame,
    path: String,
    /// The draft, based on what is there now.
    fields: Vec<(String, String)>,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    theirs: String,
    mine: String,
}

impl Conflict {
    /// What is there now beside what was about to be saved.
    pub(super) fn of(
        frame: Frame,
        path: String,
        draft: Draft,
        mine: &Value,
        current: &Automation,
        site: &Site,
    ) -> Self {
        let settings = current.integrations.iter().map(Settings::of).collect();
        let theirs =
            serde_json::to_value(AutomationOut::of(current, settings, site)).unwrap_or_default();
        let mine = without_secrets(mine.clone());
        let rows = differences(&theirs, &mine)
            .into_iter()
            .map(|each| Row {
                what: place_words(&each.pointer, &mine),
                theirs: each.before.as_ref().map_or_else(|| "—".to_owned(), value_words),
                mine: each.after.as_ref().map_or_else(|| "—".to_owned(), value_words),
            })
            .collect();
        let draft = Draft { version: Some(current.version), ..draft };
        Self { frame, path, fields: draft.fields(), rows }
    }
}

/// A credential that is about to be saved is a change that is shown as such, and not what it is.
fn without_secrets(mut mine: Value) -> Value {
    for each in mine.get_mut("integrations").and_then(Value::as_array_mut).into_iter().flatten() {
        each.get_mut("auth").map(hide_credential);
        let is_slack = each.get("kind").and_then(Value::as_str) == Some(Kind::Slack.word());
        if let (true, Some(url)) = (is_slack, each.get_mut("url"))
            && !url.as_str().is_some_and(|url| url.ends_with('…'))
        {
            *url = Value::from("a new one");
        }
    }
    mine.get_mut("inbound_auth").map(hide_credential);
    mine
}

fn hide_credential(auth: &mut Value) {
    if let Some(credential) = auth.get_mut("credential") {
        let shown = if credential.is_null() { "removed" } else { "a new one" };
        *credential = Value::from(shown);
    }
}

#[derive(Template)]
#[template(path = "secrets.html")]
pub(super) struct Secrets {
    frame: Frame,
    id: String,
    /// The integration's name, and its new signing secret.
    rows: Vec<(String, String)>,
}

impl Secrets {
    /// The signing secrets that this very call made.
    pub(super) fn of(frame: Frame, automation: &Automation, fresh: &Fresh) -> Self {
        let rows = automation
            .integrations
            .iter()
            .filter_map(|each| Some((each.name.clone(), fresh.get(&each.id)?.expose().to_owned())));
        Self { frame, id: automation.id.to_string(), rows: rows.collect() }
    }
}

/// A place in an automation, as people know it.
fn place_words(pointer: &str, of: &Value) -> String {
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("integrations"), Some(index), field, below) => {
            let name = of
                .pointer(&format!("/integrations/{index}/name"))
                .or_else(|| of.pointer(&format!("/integrations/{index}/url")))
                .and_then(Value::as_str)
                .unwrap_or(index);
            let kind = of
                .pointer(&format!("/integrations/{index}/kind"))
                .and_then(|kind| Kind::from_word(kind.as_str()?))
                .unwrap_or(Kind::Webhook);
            let which = format!("{} {name}", kind_title(&kind));
            match field {
                None => which,
                Some(field) => format!("{which}: {}", field_label(below.unwrap_or(field))),
            }
        }
        (Some("inbound_auth"), Some(part), ..) => {
            format!("Sender’s {}", field_label(part).to_lowercase())
        }
        (Some("minimum_levels"), Some(axis), ..) => field_label(axis).to_owned(),
        (Some(field), ..) => field_label(field).to_owned(),
        (None, ..) => "All".to_owned(),
    }
}
