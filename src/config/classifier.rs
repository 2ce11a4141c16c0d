//! The classifier that is asked in the detector's place.

use std::path::Path;
use std::time::Duration;

use super::problem::Problem;
use super::read::{Value, Values};
use super::smtp::Password;
use super::{span, text, value, whole};
use crate::detect::external::Protocol;
use crate::domain::endpoint::Endpoint;
use crate::domain::secret::Secret;

/// How a classifier is reached, and how much is asked of it.
#[derive(Debug)]
pub struct Classifier {
    /// Where questions are posted.
    pub url: Endpoint,
    /// What is posted there.
    pub protocol: Protocol,
    /// What the model is called there.
    pub model: Option<String>,
    /// Where its key is, where it asks for one.
    pub api_key: Option<Password>,
    /// Time of a question.
    pub timeout: Duration,
    /// Records that are with it at once.
    pub max_in_flight: usize,
    /// How long a record waits for its turn.
    pub max_wait: Duration,
}

/// What no key of the section can tell alone.
pub(super) fn check(values: &Values, problems: &mut Vec<Problem>) {
    const URL: &str = "detect.classifier.url";
    const MODEL: &str = "detect.classifier.model";
    let keys = ["detect.classifier.api_key", "detect.classifier.api_key_file"];
    let place = |name: &str| values.get(name).map(|found| found.place.clone());
    let mut add = |place: String, what: String| problems.push(Problem { place, what });
    if place(URL).is_none() && !values.refused(&[URL]) {
        for name in keys.iter().chain(&[MODEL]) {
            if let Some(place) = place(name) {
                add(place, format!("{name} needs {URL} beside it"));
            }
        }
    }
    if let (Some(place), Some(_)) = (place(keys[0]), place(keys[1])) {
        add(place, format!("{} can't stand beside {}: remove one", keys[0], keys[1]));
    }
    let plain = text(values, URL).is_some_and(|url| url.starts_with("http://"));
    let allowed =
        matches!(value(values, "detect.classifier.allow_plain_http"), Some(Value::Switch(true)));
    if let Some(place) = place(URL).filter(|_| plain && !allowed) {
        let what = format!(
            "{URL} can't be http: everybody on the way could read what customers write; use https, or, in a \
             network that you trust so far, detect.classifier.allow_plain_http = true"
        );
        add(place, what);
    }
    for name in keys.iter().filter(|_| plain) {
        if let Some(place) = place(name) {
            add(
                place,
                format!("{name} can't be sent to an http URL: everybody on the way could read it"),
            );
        }
    }
    let openai = text(values, "detect.classifier.protocol").as_deref() == Some("openai");
    if let Some(place) = place(URL)
        && openai
        && text(values, MODEL).is_none()
        && !values.refused(&[MODEL])
    {
        let what = format!(
            "detect.classifier.protocol = \"openai\" needs {MODEL} beside it: a server may have several"
        );
        add(place, what);
    }
}

/// The section, where a classifier is named.
pub(super) fn built(data: &Path, values: &Values) -> Option<Classifier> {
    let key = text(values, "detect.classifier.api_key").map(Secret::new).map(Password::Given);
    let in_file = || {
        let path = text(values, "detect.classifier.api_key_file")?;
        Some(Password::File(data.join(path)))
    };
    Some(Classifier {
        url: Endpoint::parse(&text(values, "detect.classifier.url")?).ok()?,
        protocol: match text(values, "detect.classifier.protocol").as_deref() {
            Some("openai") => Protocol::OpenAi,
            Some(_) | None => Protocol::Belfry,
        },
        model: text(values, "detect.classifier.model"),
        api_key: key.or_else(in_file),
        timeout: span(values, "detect.classifier.timeout").unwrap_or(Duration::from_secs(10)),
        max_in_flight: whole(values, "detect.classifier.max_in_flight"),
        max_wait: span(values, "detect.classifier.max_wait").unwrap_or(Duration::from_mins(1)),
    })
}
