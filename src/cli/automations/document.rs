//! The document: TOML with one table for each automation. It holds no secret: a credential stands in it
//! as where to find it, `env:NAME` or `file:PATH`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::domain::integration::Kind;
use crate::domain::limits::{CREDENTIAL_BYTES, REQUEST_BYTES};

const HEAD: &str = "\
# Belfry's automations. `belfry automations apply FILE` makes them what this file says.
# Credentials are not in here. Where a method sends one that the service does not have yet, say where it is:
#   auth = { method = \"bearer\", credential = \"env:ROUTER_TOKEN\" }   or \"file:secrets/router\"
# So with the URL of a Slack channel, which is one: url = \"env:SLACK_URL\"
";

/// What Belfry gives and nobody sets.
const GIVEN: [&str; 4] = ["automation_id", "version", "state", "inbound_url"];

/// Automations as they are read, without what nobody sets. Ids are left in only where names don't tell.
pub(super) fn settings(automations: Vec<Value>) -> Vec<Value> {
    named(automations.into_iter().map(|mut automation| {
        if let Some(list) = automation.get_mut("integrations").and_then(Value::as_array_mut) {
            *list = named(std::mem::take(list));
        }
        automation
    }))
}

fn named(things: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let things: Vec<Value> = things.into_iter().collect();
    let names: Vec<Value> =
        things.iter().map(|thing| thing.get("name").cloned().unwrap_or_default()).collect();
    let plain = things.into_iter().zip(&names).map(|(mut thing, name)| {
        if let Some(members) = thing.as_object_mut() {
            members.retain(|each, value| {
                let says_nothing =
                    each == "minimum_levels" && value.as_object().is_some_and(Map::is_empty);
                let is_usual = each == "trigger" && value == "records";
                !GIVEN.contains(&each.as_str()) && !says_nothing && !is_usual
            });
            if names.iter().filter(|each| *each == name).count() == 1 {
                members.remove("id");
            }
            for name in ["auth", "inbound_auth"] {
                if let Some(auth) = members.get_mut(name).and_then(Value::as_object_mut) {
                    auth.remove("credential_set");
                }
            }
        }
        thing
    });
    plain.collect()
}

/// The document's text. Tables stand in one line each, so that a condition is read as one.
pub(super) fn written(automations: &[Value]) -> String {
    let mut text = HEAD.to_owned();
    for automation in automations {
        text.push_str("\n[[automations]]\n");
        members(
            automation,
            &[
                "id",
                "name",
                "active",
                "trigger",
                "inbound_auth",
                "filter",
                "minimum_levels",
                "cool_down",
                "quiet_hours",
            ],
            &mut text,
        );
        for integration in
            automation.get("integrations").and_then(Value::as_array).into_iter().flatten()
        {
            text.push_str("\n[[automations.integrations]]\n");
            members(integration, &["id", "name", "kind", "url", "to", "auth"], &mut text);
        }
    }
    text
}

/// The members of a thing, these first.
fn members(thing: &Value, first: &[&str], text: &mut String) {
    let Some(members) = thing.as_object() else { return };
    let others = members.keys().map(String::as_str).filter(|name| !first.contains(name));
    for name in first.iter().copied().chain(others).filter(|name| *name != "integrations") {
        let Some(value) = members.get(name).and_then(toml_of) else { continue };
        // Writing into a String can't fail.
        let _infallible = writeln!(text, "{name} = {value}");
    }
}

/// The same in TOML, which has no null.
fn toml_of(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(switch) => toml::Value::Boolean(*switch),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(toml_of).collect()),
        Value::Object(members) => toml::Value::Table(
            members
                .iter()
                .filter_map(|(name, each)| Some((name.clone(), toml_of(each)?)))
                .collect(),
        ),
    })
}

/// Reads a document, and puts credentials in the place of what says where they are. A path counts from
/// the document's own directory.
///
/// # Errors
/// What to change, and where; no credential is in it.
pub(super) fn read(text: &str, file: &str, base: &Path) -> Result<Value, String> {
    if text.len() > REQUEST_BYTES {
        return Err(format!("{file} is longer than {REQUEST_BYTES} bytes"));
    }
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        format!("{file}:{line}: {}", error.message())
    })?;
    let mut whole = json_of(toml::Value::Table(table));
    if whole.as_object().is_some_and(Map::is_empty) {
        whole = json!({"automations": []});
    }
    let automations = whole.get_mut("automations").and_then(Value::as_array_mut);
    for automation in automations.into_iter().flatten() {
        let failed = |why| format!("{file}: {why}");
        let name = automation.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
        let inbound = automation.get_mut("inbound_auth").and_then(Value::as_object_mut);
        if let Some(credential) = inbound.and_then(|auth| auth.get_mut("credential")) {
            resolve(credential, "inbound credential of the relay", &name, base).map_err(failed)?;
        }
        let integrations = automation.get_mut("integrations").and_then(Value::as_array_mut);
        for integration in integrations.into_iter().flatten() {
            let name = integration.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
            if let Some((what, credential)) = credential(integration) {
                let what = format!("{what} of the integration");
                resolve(credential, &what, &name, base).map_err(failed)?;
            }
        }
    }
    Ok(whole)
}

/// What of an integration is secret. A Slack channel's URL is; one that is only what is shown of it stands
/// for the one that the service has.
fn credential(integration: &mut Value) -> Option<(&'static str, &mut Value)> {
    if integration.get("kind").and_then(Value::as_str) == Some(Kind::Slack.word()) {
        let url = integration.get_mut("url")?;
        let shown = url.as_str().is_some_and(|text| text.ends_with('…'));
        return (!shown).then_some(("URL", url));
    }
    let auth = integration.get_mut("auth").and_then(Value::as_object_mut);
    Some(("credential", auth?.get_mut("credential")?))
}

/// Puts the credential in the place of what says where it is.
fn resolve(credential: &mut Value, what: &str, name: &str, base: &Path) -> Result<(), String> {
    let found = credential.as_str().ok_or("must be text".to_owned());
    let found = found.and_then(|reference| resolved(reference, base));
    *credential = Value::String(found.map_err(|why| format!("the {what} {name:?} {why}"))?);
    Ok(())
}

/// What stands where a reference says.
fn resolved(reference: &str, base: &Path) -> Result<String, String> {
    if let Some(name) = reference.strip_prefix("env:") {
        return std::env::var(name)
            .map_err(|_| format!("is in the environment variable {name:?}, which is not set"));
    }
    let Some(path) = reference.strip_prefix("file:") else {
        // The text is not repeated: it may be the credential itself.
        let words = "must be a reference, env:NAME or file:PATH: the document must hold no secret";
        return Err(words.to_owned());
    };
    let path = base.join(path);
    let shown = path.display();
    let about =
        std::fs::metadata(&path).map_err(|error| format!("can't be read from {shown}: {error}"))?;
    if !about.is_file() || about.len() > CREDENTIAL_BYTES as u64 + 2 {
        return Err(format!("can't be read from {shown}: it is no file of a credential's length"));
    }
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("can't be read from {shown}: {error}"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(whole) => Value::from(whole),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(switch) => Value::Bool(switch),
        toml::Value::Datetime(at) => Value::String(at.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(members) => {
            Value::Object(members.into_iter().map(|(name, each)| (name, json_of(each))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let automations = vec![
            json!({"id": "1", "name": "Churn \"risk\"", "active": true, "version": 7,
            "filter": {"all": [{"field": "metadata.arr", "op": "gte", "value": 100_000},
                               {"any": [{"field": "tags", "op": "in", "value": ["a", "b"]}]}]},
            "minimum_levels": {"escalation_level": "high"},
            "integrations": [
                {"id": "2", "name": "w", "kind": "webhook", "url": "https://a.example.com/",
                 "auth": {"method": "bearer", "credential_set": true}, "retry": {"factor": 2.5}},
                {"id": "3", "name": "same", "kind": "webhook", "url": "https://b.example.com/"},
                {"id": "4", "name": "same", "kind": "webhook", "url": "https://b.example.com/"},
                {"id": "5", "name": "post", "kind": "email", "to": ["a@example.com", "b@example.com"]},
            ],
            "cool_down": {"per": "conversation", "span": "30m"},
            "quiet_hours": {"time_zone": "UTC", "windows": ["mon-fri 20:00-07:00"]}}),
        ];
        let plain = settings(automations);
        let text = written(&plain);
        let back = read(&text, "x.toml", Path::new("")).unwrap();
        assert_eq!(back, json!({"automations": plain}), "{text}");
        assert!(text.contains("filter = { all = ["), "{text}");
        assert!(!text.contains("id = \"1\"") && !text.contains("id = \"2\""), "{text}");
        assert!(text.contains("id = \"3\""), "names that are the same don't tell: {text}");
        assert!(!text.contains("credential_set"), "{text}");
    }

    #[test]
    fn credentials_are_found_where_the_document_says() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "sentinel-file\n").unwrap();
        let with = |reference: &str| {
            let text = format!(
                "[[automations]]\n[[automations.integrations]]\nname = \"w\"\nauth = {{ credential = {reference} }}"
            );
            let read = read(&text, "x.toml", dir.path())?;
            Ok::<_, String>(read["automations"][0]["integrations"][0]["auth"]["credential"].clone())
        };
        assert_eq!(with("\"file:secret\""), Ok(json!("sentinel-file")));
        for (reference, words) in [
            ("\"env:BELFRY_NOWHERE\"", "which is not set"),
            ("\"file:nowhere\"", "can't be read from"),
            ("\"sentinel-itself\"", "must be a reference"),
            ("7", "must be text"),
        ] {
            let told = with(reference).unwrap_err();
            assert!(told.contains(words) && !told.contains("sentinel-itself"), "{told}");
        }
        let slack = |url: &str| {
            let text = format!(
                "[[automations]]\n[[automations.integrations]]\nkind = \"slack\"\nurl = {url}"
            );
            let read = read(&text, "x.toml", dir.path())?;
            Ok::<_, String>(read["automations"][0]["integrations"][0]["url"].clone())
        };
        assert_eq!(slack("\"file:secret\""), Ok(json!("sentinel-file")));
        let shown = "https://hooks.slack.com/services/…";
        assert_eq!(slack(&format!("\"{shown}\"")), Ok(json!(shown)));
        let told = slack("\"https://hooks.slack.com/services/T/B/sentinel-itself\"").unwrap_err();
        assert!(told.contains("must be a reference") && !told.contains("sentinel"), "{told}");
        let told = read("a = 1\nb = [", "x.toml", Path::new("")).unwrap_err();
        assert!(told.starts_with("x.toml:2"), "{told}");
    }
}
