//! A cool-down and quiet hours as they stand in the editor's form.

use serde_json::{Value, json};

use crate::domain::hygiene::{Hygiene, Per};
use crate::web::ui::form::Form;

/// As typed; what is empty is off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct HygieneForm {
    /// Empty, `conversation` or `account`.
    pub(super) per: String,
    /// The field of the metadata that names the account.
    pub(super) account: String,
    pub(super) span: String,
    pub(super) time_zone: String,
    /// One in a line.
    pub(super) windows: String,
    pub(super) except_from: String,
}

/// What a cool-down can go by, as people know it.
pub(super) const PER: [(&str, &str); 3] =
    [("", "off"), ("conversation", "conversation"), ("account", "account")];

impl HygieneForm {
    /// What is saved.
    pub(super) fn of(hygiene: &Hygiene) -> Self {
        let mut form = Self::default();
        if let Some(cool_down) = &hygiene.cool_down {
            match &cool_down.per {
                Per::Conversation => "conversation".clone_into(&mut form.per),
                Per::Metadata(name) => {
                    "account".clone_into(&mut form.per);
                    form.account.clone_from(name);
                }
            }
            let json = cool_down.to_json();
            let span = json.get("span").and_then(Value::as_str);
            form.span = span.unwrap_or_default().to_owned();
        }
        if let Some(quiet) = &hygiene.quiet_hours {
            form.time_zone = quiet.zone().to_owned();
            let windows: Vec<String> = quiet.windows().iter().map(ToString::to_string).collect();
            form.windows = windows.join("\n");
            form.except_from =
                quiet.except_from.map(|level| level.word().to_owned()).unwrap_or_default();
        }
        form
    }

    pub(super) fn read(form: &Form) -> Self {
        let text = |name: &str| form.text(name).trim().to_owned();
        Self {
            per: text("/cool_down/per"),
            account: text("/cool_down/account"),
            span: text("/cool_down/span"),
            time_zone: text("/quiet_hours/time_zone"),
            windows: text("/quiet_hours/windows").replace("\r\n", "\n"),
            except_from: text("/quiet_hours/except_from"),
        }
    }

    /// The fields of a form that [`HygieneForm::read`] reads as this one.
    pub(super) fn fields(&self, into: &mut Vec<(String, String)>) {
        for (name, text) in [
            ("/cool_down/per", &self.per),
            ("/cool_down/account", &self.account),
            ("/cool_down/span", &self.span),
            ("/quiet_hours/time_zone", &self.time_zone),
            ("/quiet_hours/windows", &self.windows),
            ("/quiet_hours/except_from", &self.except_from),
        ] {
            into.push((name.to_owned(), text.clone()));
        }
    }

    /// Whether anything is set.
    pub(super) fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Both as the API takes them.
    pub(super) fn json(&self, places: &mut Vec<(String, String)>) -> Vec<(&'static str, Value)> {
        let mut all = Vec::new();
        if !self.per.is_empty() {
            let per = match self.per.as_str() {
                "account" => format!("metadata.{}", self.account),
                other => other.to_owned(),
            };
            if self.per == "account" {
                places.push(("/cool_down/per".to_owned(), "/cool_down/account".to_owned()));
            }
            all.push(("cool_down", json!({ "per": per, "span": self.span })));
        }
        let windows = self.windows.split('\n').map(str::trim).filter(|line| !line.is_empty());
        let windows: Vec<&str> = windows.collect();
        if windows.is_empty() && self.time_zone.is_empty() {
            return all;
        }
        for index in 0..windows.len() {
            let field = "/quiet_hours/windows".to_owned();
            places.push((format!("{field}/{index}"), field));
        }
        let mut quiet = json!({ "time_zone": self.time_zone, "windows": windows });
        if let (false, Some(members)) = (self.except_from.is_empty(), quiet.as_object_mut()) {
            members.insert("except_from".to_owned(), self.except_from.as_str().into());
        }
        all.push(("quiet_hours", quiet));
        all
    }
}
