//! Both as JSON: the form of the API, of documents and of rows.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{CoolDown, QuietHours, Window};

impl CoolDown {
    /// `{"per": "conversation", "span": "30m"}`
    pub fn to_json(&self) -> Value {
        json!({ "per": self.per.to_string(), "span": shown(self.span) })
    }

    /// What [`CoolDown::to_json`] wrote.
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |name| value.get(name)?.as_str();
        Self::new(text("per")?.parse().ok()?, span(text("span")?)?).ok()
    }
}

impl QuietHours {
    /// `{"time_zone": "Europe/Berlin", "windows": ["mon-fri 20:00-07:00"], "except_from": "extreme"}`
    pub fn to_json(&self) -> Value {
        let windows: Vec<String> = self.windows().iter().map(ToString::to_string).collect();
        let mut value = json!({ "time_zone": self.zone(), "windows": windows });
        if let (Some(level), Some(members)) = (self.except_from, value.as_object_mut()) {
            members.insert("except_from".to_owned(), level.word().into());
        }
        value
    }

    /// What [`QuietHours::to_json`] wrote.
    pub fn from_json(value: &Value) -> Option<Self> {
        let windows = value.get("windows")?.as_array()?;
        let windows = windows.iter().map(|each| each.as_str()?.parse().ok());
        let windows = windows.collect::<Option<Vec<Window>>>()?;
        let except_from = match value.get("except_from") {
            Some(level) => Some(level.as_str()?.parse().ok()?),
            None => None,
        };
        Self::new(value.get("time_zone")?.as_str()?, windows, except_from).ok()
    }
}

/// A duration as people write it: `30m`, `1h 30m`.
pub fn span(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok())
}

fn shown(span: Duration) -> String {
    match SignedDuration::try_from(span) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{}s", span.as_secs()),
    }
}
