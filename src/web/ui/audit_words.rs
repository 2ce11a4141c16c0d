//! Lines of the audit log as people read them: what was done, and what is different for it.

use serde_json::Value;

use super::editor::words::sentence;
use super::words::{bytes, count};
use crate::web::api::differences::differences;
use crate::web::json::below;

/// What is done, in groups: the word of the log, and what a person reads.
pub(super) const ACTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "Automations",
        &[
            ("automation.create", "Made the automation"),
            ("automation.change", "Changed the automation"),
            ("automation.delete", "Deleted the automation"),
        ],
    ),
    (
        "Destinations",
        &[
            ("integration.create", "Added the destination"),
            ("integration.change", "Changed the destination"),
            ("integration.delete", "Deleted the destination"),
            ("integration.pause", "Paused the destination"),
            ("integration.resume", "Resumed the destination"),
            ("integration.disable", "Disabled the destination"),
            ("integration.enable", "Enabled the destination"),
            ("integration.retry_dead", "Retried dead deliveries of the destination"),
            ("integration.rotate_signing_secret", "Rotated the signing secret of the destination"),
        ],
    ),
    (
        "Deliveries",
        &[
            ("delivery.retry", "Retried the delivery"),
            ("delivery.discard", "Discarded the delivery"),
        ],
    ),
    (
        "People",
        &[
            ("user.create", "Added the person"),
            ("user.change", "Changed the person"),
            ("user.delete", "Removed the person"),
            ("session.create", "Signed in"),
            ("session.delete", "Signed out"),
        ],
    ),
    ("Tokens", &[("token.create", "Made the token"), ("token.revoke", "Revoked the token")]),
    (
        "Inbound",
        &[
            ("inbound.create", "Made the inbound integration"),
            ("inbound.change", "Changed the inbound integration"),
            ("inbound.delete", "Deleted the inbound integration"),
        ],
    ),
    (
        "Phrases",
        &[
            ("phrases.create", "Set phrases of the organisation"),
            ("phrases.change", "Changed phrases of the organisation"),
            ("phrases.delete", "Deleted the phrases of the organisation"),
        ],
    ),
    (
        "Service",
        &[
            ("key.rotate", "Replaced the master key"),
            ("backup.create", "Made a backup"),
            ("backup.restore", "Restored a backup"),
        ],
    ),
];

/// What was done; a word that is not known is shown as it is.
pub(super) fn action_words(action: &str) -> &str {
    let mut all = ACTIONS.iter().flat_map(|(_, actions)| actions.iter());
    all.find(|(word, _)| *word == action).map_or(action, |(_, words)| words)
}

/// One thing that is different.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What; empty where the line itself says it.
    pub(super) what: String,
    /// What it was; nothing where it was not there.
    pub(super) before: Option<String>,
    /// What it is then; nothing where it is gone.
    pub(super) after: Option<String>,
}

/// What a line says beside who did what to what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) rows: Vec<Row>,
    /// Whole sentences.
    pub(super) notes: Vec<String>,
}

impl Details {
    /// Reads what the store wrote down of a change.
    pub(super) fn of(change: &Value) -> Self {
        let mut details = Self::default();
        match (change.get("before"), change.get("after")) {
            (Some(before @ Value::Object(_)), Some(after @ Value::Object(_))) => {
                details.differing(before, after);
            }
            (before, after) => {
                let nothing = Value::Null;
                let before = before.unwrap_or(&nothing);
                let after = after.unwrap_or(&nothing);
                details.leaves("", before, after, "");
            }
        }
        details.beside(change);
        details
    }

    /// Leaves out that something was made or deleted by the name that stands beside it.
    pub(super) fn leave_out_name(&mut self, name: &str) {
        self.rows.retain(|row| match (&row.before, &row.after) {
            (Some(only), None) | (None, Some(only)) => row.what != "Name" || only != name,
            (Some(_), Some(_)) | (None, None) => true,
        });
    }

    fn differing(&mut self, before: &Value, after: &Value) {
        for difference in differences(before, after) {
            let nothing = Value::Null;
            let (old, new) = (difference.before.as_ref(), difference.after.as_ref());
            // What goes is known by its place among the old ones.
            let among = if new.is_none() { before } else { after };
            let (whose, at) = whose(&difference.pointer, among);
            self.leaves(at, old.unwrap_or(&nothing), new.unwrap_or(&nothing), &whose);
        }
    }

    /// Each thing in it that is no list of others; what is set to nothing is left out.
    fn leaves(&mut self, at: &str, before: &Value, after: &Value, whose: &str) {
        let is_condition = at.ends_with("filter") || at.ends_with("condition");
        let has_members = |value: &Value| value.is_object() || value.is_null();
        let all = has_members(before) && has_members(after) && !is_condition;
        if let (true, Some(members)) = (all, before.as_object().or(after.as_object())) {
            let nothing = Value::Null;
            for name in members.keys().filter(|name| !UNTOLD.contains(&name.as_str())) {
                let of = |value: &Value| value.get(name).cloned().unwrap_or(Value::Null);
                let (before, after) = (of(before), of(after));
                match (&before, &after) {
                    (Value::Array(items), Value::Null) if name == "integrations" => {
                        items.iter().for_each(|each| self.leaves("", each, &nothing, &named(each)));
                    }
                    (Value::Null, Value::Array(items)) if name == "integrations" => {
                        items.iter().for_each(|each| self.leaves("", &nothing, each, &named(each)));
                    }
                    _ => self.leaves(&below(at, name), &before, &after, whose),
                }
            }
            return;
        }
        // Of what came or went as a whole, its name stands before each value, and what it had not is no news.
        let is_whole = before.is_null() || after.is_null();
        let had_not = [before, after].contains(&&Value::Bool(false)) && at != "/active";
        if is_whole && (had_not || (!whose.is_empty() && at == "/name")) {
            return;
        }
        let (before, after) = (text(at, before), text(at, after));
        if before != after {
            let words = words_of(at);
            let what = match (whose.is_empty(), words.is_empty()) {
                (true, _) => words,
                (false, true) => whose.to_owned(),
                (false, false) => format!("{whose}: {words}"),
            };
            self.rows.push(Row { what, before, after });
        }
    }

    /// What stands beside before and after.
    fn beside(&mut self, change: &Value) {
        let number = |name: &str| change.get(name).and_then(Value::as_u64);
        let is = |name: &str| change.get(name) == Some(&Value::Bool(true));
        if is("password_changed") {
            self.notes.push("The password was set anew.".to_owned());
        }
        let credentials = change.get("credentials_changed").and_then(Value::as_array);
        if is("credential_changed")
            || is("credentials_changed")
            || is("inbound_credential_changed")
            || credentials.is_some_and(|all| !all.is_empty())
        {
            self.notes.push("A credential was set anew.".to_owned());
        }
        if let Some(deliveries) = number("deliveries") {
            let words = if deliveries == 1 { "delivery" } else { "deliveries" };
            self.notes.push(format!("{} {words}.", count(deliveries)));
        }
        if let (Some(credentials), Some(secrets)) =
            (number("credentials"), number("signing_secrets"))
        {
            let (credentials, secrets) = (count(credentials), count(secrets));
            let inbound = count(number("inbound_credentials").unwrap_or(0));
            self.notes.push(format!(
                "Sealed anew: credentials {credentials}, signing secrets {secrets}, inbound credentials \
                 {inbound}."
            ));
        }
        if let Some(file) = change.get("file").and_then(Value::as_str) {
            let size = number("bytes").map(|size| format!(", {}", bytes(size))).unwrap_or_default();
            self.notes.push(format!("{file}{size}"));
        }
    }
}

/// What nobody set, or what another word says.
const UNTOLD: [&str; 3] = ["id", "credential_set", "inbound_credential_set"];

/// Whose the thing at that place is: of a destination of an automation by its name. And its place there.
fn whose<'a>(pointer: &'a str, among: &Value) -> (String, &'a str) {
    let Some(rest) = pointer.strip_prefix("/integrations/") else {
        return (String::new(), pointer);
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (index, at) = rest.split_at(digits);
    let found = index.parse::<usize>().ok();
    let found = found.and_then(|index| among.get("integrations")?.get(index));
    (found.map_or_else(|| "A destination".to_owned(), named), at)
}

fn named(integration: &Value) -> String {
    let name = integration.get("name").and_then(Value::as_str).unwrap_or_default();
    format!("Destination {name}")
}

/// What is at a place, as people know it.
fn words_of(at: &str) -> String {
    let known = match at.trim_start_matches('/') {
        "name" => "Name",
        "active" => "Active",
        "trigger" => "What it listens to",
        "inbound_auth" => "Sender’s authentication",
        "filter" => "Feedback filter",
        "minimum_levels/escalation_level" => "Minimum escalation level",
        "minimum_levels/emotional_intensity_level" => "Minimum emotional intensity",
        "minimum_levels/sentiment_shift" => "Minimum sentiment shift",
        "cool_down" => "Cool-down",
        "quiet_hours" => "Quiet hours",
        "url" => "URL",
        "to" => "Addresses",
        "template/title" => "Message title",
        "template/text" => "Message text",
        "cool_down/per" => "Cool-down per",
        "cool_down/span" => "Cool-down for",
        "quiet_hours/windows" => "Quiet days and hours",
        "quiet_hours/time_zone" => "Quiet hours’ time zone",
        "quiet_hours/except_from" => "Quiet hours: but not from",
        "auth" => "Authentication",
        "signing" => "Signing",
        "http1_only" => "HTTP/1.1 only",
        "condition" => "Condition",
        "max_in_flight" => "In flight at once",
        "ordering" => "Ordering",
        "rate_limit" => "Requests a second",
        "retry/base_ms" => "First delay (ms)",
        "retry/factor" => "Retry factor",
        "retry/cap_ms" => "Longest delay (ms)",
        "retry/horizon_ms" => "Retried for (ms)",
        "retry/jitter" => "Jitter",
        "role" => "Role",
        "org_id" => "Organisation",
        "link_field" => "Source link from",
        "add" => "Looks for",
        "exclude" => "Means nothing",
        "expires_at" => "Expires",
        "status" => "Status",
        "reason" => "Reason",
        other => return other.replace('/', " "),
    };
    known.to_owned()
}

/// A value as people read it.
fn text(at: &str, value: &Value) -> Option<String> {
    if at.ends_with("filter") || at.ends_with("condition") {
        return (!value.is_null()).then(|| sentence(value));
    }
    match value {
        Value::Null => None,
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        Value::String(text) if at == "/auth" || at == "/inbound_auth" => {
            Some(match text.split_once(' ') {
                Some((_, header)) => format!("Custom Header: {header}"),
                None => super::editor::words::method_words(text).to_owned(),
            })
        }
        Value::String(text) if at == "/expires_at" => {
            let seconds = text.get(..19).map(|text| text.replace('T', " "));
            Some(seconds.map_or_else(|| text.clone(), |seconds| format!("{seconds} UTC")))
        }
        // A delivery's state.
        Value::String(text) if at.is_empty() => Some(text.replace('_', " ")),
        Value::String(text) => Some(text.clone()),
        // Addresses, or days and hours.
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let texts: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            Some(texts.join(", "))
        }
        Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(change: &Value) -> Vec<(String, String, String)> {
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        let rows = Details::of(change).rows;
        rows.iter().map(|row| (row.what.clone(), of(&row.before), of(&row.after))).collect()
    }

    fn row(what: &str, before: &str, after: &str) -> (String, String, String) {
        (what.to_owned(), before.to_owned(), after.to_owned())
    }

    #[test]
    fn a_change_is_told_by_what_differs() {
        let change = json!({"before": {"name": "ada", "role": "viewer"},
            "after": {"name": "ada", "role": "editor"}, "password_changed": true});
        assert_eq!(told(&change), [row("Role", "viewer", "editor")]);
        assert_eq!(Details::of(&change).notes, ["The password was set anew."]);
        let state = json!({"before": "in_flight", "after": "discarded"});
        assert_eq!(told(&state), [row("", "in flight", "discarded")]);
    }

    #[test]
    fn an_automation_is_told_with_its_destinations_by_name() {
        let one = json!({"id": "x", "name": "Operations", "url": "https://a.test/", "auth": "bearer",
            "condition": null, "retry": {"base_ms": null, "factor": 2.0}});
        let other = json!({"id": "y", "name": "Pager", "url": "https://b.test/", "auth": "none"});
        let mut changed = one.clone();
        changed["auth"] = json!("custom_header x-key");
        let change = json!({
            "before": {"name": "a", "active": true, "integrations": [other, one]},
            "after": {"name": "a", "active": false, "integrations": [changed]},
            "credentials_changed": ["x"],
        });
        let expected = [
            row("Active", "yes", "no"),
            row("Destination Operations: Authentication", "Bearer Token", "Custom Header: x-key"),
            row("Destination Pager: Authentication", "None", ""),
            row("Destination Pager: URL", "https://b.test/", ""),
        ];
        assert_eq!(told(&change), expected);
        assert_eq!(Details::of(&change).notes, ["A credential was set anew."]);
        let made = told(&json!({"after": {"name": "a", "filter": null, "integrations": [one]}}));
        assert!(made.contains(&row("Destination Operations: Retry factor", "", "2.0")), "{made:?}");
        assert!(made.iter().all(|(what, _, _)| !what.contains("filter")), "{made:?}");
    }

    #[test]
    fn a_name_is_told_once() {
        let mut made = Details::of(&json!({"after": {"name": "ada", "role": "viewer"}}));
        made.leave_out_name("ada");
        assert_eq!(made.rows.len(), 1);
        let mut renamed = Details::of(&json!({"before": {"name": "a"}, "after": {"name": "b"}}));
        renamed.leave_out_name("b");
        assert_eq!(renamed.rows.len(), 1);
    }

    #[test]
    fn what_is_unknown_is_shown_as_it_is() {
        assert_eq!(told(&json!({})), []);
        assert_eq!(told(&json!({"after": {"new_field": [1]}})), [row("new_field", "", "[1]")]);
        assert_eq!(action_words("user.forget"), "user.forget");
        let notes = |change: &Value| Details::of(change).notes;
        assert_eq!(notes(&json!({"deliveries": 1})), ["1 delivery."]);
        assert_eq!(notes(&json!({"file": "/b/x", "bytes": 2_000_000})), ["/b/x, 2.0 MB"]);
    }

    /// Each word that the store writes into the log has words for people.
    #[test]
    fn every_action_has_words() {
        let store = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
        let mut seen = 0;
        for file in std::fs::read_dir(store).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            let source = std::fs::read_to_string(path).unwrap();
            for text in source.split('"') {
                let Some((kind, word)) = text.split_once('.') else { continue };
                let kinds = [
                    "automation",
                    "integration",
                    "delivery",
                    "user",
                    "session",
                    "token",
                    "inbound",
                    "phrases",
                    "key",
                    "backup",
                ];
                // A name of a file is no action.
                let plain =
                    word != "rs" && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                if kinds.contains(&kind) && plain && !word.is_empty() {
                    seen += 1;
                    assert_ne!(action_words(text), text, "{text} has no words");
                }
            }
        }
        assert!(seen > 20, "the actions are not found any more: {seen}");
    }
}
