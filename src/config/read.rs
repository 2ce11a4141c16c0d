//! From file and environment to checked values. Every problem is found, not the first alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::keys::{Form, KEYS, Key};
use super::problem::Problem;
use super::span;
use crate::domain::endpoint::Endpoint;
use crate::domain::mail_server::MailSender;

/// The place of a value that nobody gave.
pub(super) const DEFAULT: &str = "the default";

/// A value in its key's form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Span(Duration),
    Whole(i64),
    Number(f64),
    Text(String),
    Switch(bool),
    List(Vec<String>),
}

/// A value with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) place: String,
}

/// Values by the names of their keys.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// All those that have a default, or were given.
    found: BTreeMap<&'static str, Found>,
    /// Those that were given and can't be used: nothing more is said of them.
    refused: BTreeSet<&'static str>,
}

impl Values {
    pub(super) fn get(&self, name: &str) -> Option<&Found> {
        self.found.get(name)
    }

    /// Whether one of these was given and can't be used.
    pub(super) fn refused(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.refused.contains(name))
    }
}

/// What a file or the environment says, before its form is known.
enum Raw {
    Text(String),
    Whole(String),
    Number(String),
    Switch(bool),
    List(Vec<String>),
    Other(&'static str),
}

/// Reads file and environment; the environment wins. `file` is its name and its text.
pub(super) fn read(
    file: Option<(&str, &str)>,
    environment: impl IntoIterator<Item = (String, String)>,
    problems: &mut Vec<Problem>,
) -> Values {
    let mut values = Values::default();
    for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
        let text = format!("default = {}", key.default);
        take(Some((DEFAULT, &text)), &mut values, problems, |_| Some(key));
    }
    take(file, &mut values, problems, find);
    for (name, text) in environment {
        let Some(path) = name.strip_prefix("BELFRY__") else { continue };
        // Capitals only: of two spellings of one key, nobody could say which is meant.
        let Some(key) = KEYS.iter().find(|key| variable(key.name) == name) else {
            let path = path.to_ascii_lowercase().replace("__", ".");
            let what = unknown(&path, &name, &variable);
            problems.push(Problem { place: name, what });
            continue;
        };
        let raw = match key.form {
            Form::Paths | Form::Networks => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Raw::List(items.map(str::to_owned).collect())
            }
            Form::Whole { .. } => Raw::Whole(text),
            Form::Number { .. } => Raw::Number(text),
            Form::Switch => match text.as_str() {
                "true" => Raw::Switch(true),
                "false" => Raw::Switch(false),
                _ => Raw::Text(text),
            },
            Form::Span { .. }
            | Form::Word(_)
            | Form::Address
            | Form::Path
            | Form::Url
            | Form::Endpoint
            | Form::Host
            | Form::Sender
            | Form::Line
            | Form::Secret
            | Form::Proxy => Raw::Text(text),
        };
        put(key, raw, name, &mut values, problems);
    }
    values
}

fn take(
    file: Option<(&str, &str)>,
    values: &mut Values,
    problems: &mut Vec<Problem>,
    find: impl Fn(&str) -> Option<&'static Key>,
) {
    let Some((name, text)) = file else { return };
    let place = |at: usize| {
        let before = text.get(..at).unwrap_or(text);
        format!("{name}:{}", before.matches('\n').count() + 1)
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        problems.push(Problem { place: place(at), what: error.message().to_owned() });
    }
    let mut tables = vec![(String::new(), table.into_inner())];
    while let Some((prefix, table)) = tables.pop() {
        for (key, value) in table {
            let path = match prefix.as_str() {
                "" => key.get_ref().to_string(),
                prefix => format!("{prefix}.{}", key.get_ref()),
            };
            let at = place(key.span().start);
            let value_at = place(value.span().start);
            match (find(&path), value.into_inner()) {
                (None, DeValue::Table(inner)) if is_section(&path) => tables.push((path, inner)),
                (None, _) => {
                    let what = unknown(&path, &path, &str::to_owned);
                    problems.push(Problem { place: at, what });
                }
                (Some(key), value) => put(key, raw(value), value_at, values, problems),
            }
        }
    }
}

fn raw(value: DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.into_owned()),
        DeValue::Integer(number) => {
            // `0x10` is 16: its text alone does not say so.
            let read = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
            Raw::Whole(read.map_or_else(|_| number.to_string(), |number| number.to_string()))
        }
        DeValue::Float(number) => Raw::Number(number.as_str().replace('_', "")),
        DeValue::Boolean(switch) => Raw::Switch(switch),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a section"),
        DeValue::Array(items) => {
            let texts = items.into_iter().map(|item| match item.into_inner() {
                DeValue::String(text) => Some(text.into_owned()),
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => None,
            });
            match texts.collect::<Option<Vec<String>>>() {
                Some(texts) => Raw::List(texts),
                None => Raw::Other("a list of other things than text"),
            }
        }
    }
}

fn put(
    key: &'static Key,
    raw: Raw,
    place: String,
    values: &mut Values,
    problems: &mut Vec<Problem>,
) {
    match checked(key.form, &raw) {
        Some(value) => {
            values.found.insert(key.name, Found { value, place });
        }
        None => {
            values.refused.insert(key.name);
            // What may hold a password is not repeated.
            let secret = match key.form {
                Form::Proxy | Form::Secret | Form::Endpoint => true,
                Form::Url => raw.shown().contains('@'),
                Form::Span { .. }
                | Form::Whole { .. }
                | Form::Number { .. }
                | Form::Word(_)
                | Form::Switch
                | Form::Address
                | Form::Path
                | Form::Host
                | Form::Sender
                | Form::Line
                | Form::Paths
                | Form::Networks => false,
            };
            let given = if secret { "this".to_owned() } else { raw.shown() };
            let what = format!("{} can't be {given}: it must be {}", key.name, key.form.allowed());
            problems.push(Problem { place, what });
        }
    }
}

fn checked(form: Form, raw: &Raw) -> Option<Value> {
    let text = match raw {
        Raw::Text(text) => Some(text.as_str()),
        Raw::Whole(_) | Raw::Number(_) | Raw::Switch(_) | Raw::List(_) | Raw::Other(_) => None,
    };
    match (form, raw) {
        (Form::Span { min_ms, max_ms }, _) => {
            let span = span::parse(text?)?;
            let within = (min_ms.into()..=max_ms.into()).contains(&span.as_millis());
            within.then_some(Value::Span(span))
        }
        (Form::Whole { min, max }, Raw::Whole(number)) => {
            let number = number.parse().ok()?;
            (min..=max).contains(&number).then_some(Value::Whole(number))
        }
        (Form::Number { min, max }, Raw::Number(number) | Raw::Whole(number)) => {
            let number: f64 = number.parse().ok()?;
            (min..=max).contains(&number).then_some(Value::Number(number))
        }
        (Form::Switch, Raw::Switch(switch)) => Some(Value::Switch(*switch)),
        (Form::Word(words), _) => {
            let text = text?;
            words.contains(&text).then(|| Value::Text(text.to_owned()))
        }
        (Form::Address, _) => {
            let text = text?;
            text.parse::<std::net::SocketAddr>().ok()?;
            Some(Value::Text(text.to_owned()))
        }
        (Form::Path, _) => {
            text.filter(|text| !text.is_empty()).map(|text| Value::Text(text.into()))
        }
        (Form::Endpoint, _) => {
            let text = text?;
            Endpoint::parse(text).ok()?;
            Some(Value::Text(text.to_owned()))
        }
        (Form::Url, _) => web_address(text?).map(Value::Text),
        (Form::Host, _) => host(text?).map(|host| Value::Text(host.to_string())),
        (Form::Sender, _) => {
            let text = text?;
            MailSender::parse(text)?;
            Some(Value::Text(text.to_owned()))
        }
        (Form::Line | Form::Secret, _) => {
            let text = text.filter(|text| !text.is_empty() && !text.contains(char::is_control));
            text.map(|text| Value::Text(text.to_owned()))
        }
        (Form::Proxy, _) => {
            let text = text?;
            let known = text == "env" || web_url(text).is_some();
            known.then(|| Value::Text(text.to_owned()))
        }
        (Form::Paths | Form::Networks, Raw::List(items)) => Some(Value::List(items.clone())),
        (Form::Whole { .. } | Form::Number { .. } | Form::Switch, _)
        | (Form::Paths | Form::Networks, _) => None,
    }
}

/// A host as URLs have them: every spelling of an address is that address.
pub(super) fn host(text: &str) -> Option<url::Host> {
    let bare = text.trim_matches(['[', ']']);
    match bare.parse::<std::net::Ipv6Addr>() {
        Ok(address) => Some(url::Host::Ipv6(address)),
        Err(_) => url::Host::parse(text).ok(),
    }
}

/// As it is sent and shown: without a slash at its end, so that a path can follow.
fn web_address(text: &str) -> Option<String> {
    let url = web_url(text)?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// The parser of URLs mends much that others who read it would not: `http:example.com`, spaces around.
fn web_url(text: &str) -> Option<url::Url> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let written = !rest.starts_with(['/', '\\']) && !text.contains([' ', '\t', '\r', '\n']);
    url::Url::parse(text).ok().filter(|_| written)
}

impl Raw {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Whole(text) | Self::Number(text) => text.clone(),
            Self::Switch(switch) => switch.to_string(),
            Self::List(items) => format!("{items:?}"),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == path)
}

fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn variable(name: &str) -> String {
    format!("BELFRY__{}", name.to_ascii_uppercase().replace('.', "__"))
}

/// An unknown key, with the one that was probably meant, or those that there are.
fn unknown(path: &str, shown: &str, spelled: &dyn Fn(&str) -> String) -> String {
    if is_section(path) {
        return format!("{shown} is a section, not a key");
    }
    let sections = KEYS.iter().flat_map(|key| {
        let ends = key.name.match_indices('.').map(|(end, _)| end);
        ends.filter_map(|end| key.name.get(..end))
    });
    // Its own section is near `log.x`, and never what was meant.
    let around = |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    let names = KEYS.iter().map(|key| key.name).chain(sections.filter(|name| !around(name)));
    let nearest = names.map(|name| (distance(path, name), name)).min();
    if let Some((distance, name)) = nearest
        && distance <= (path.chars().count() / 2).min(3)
    {
        return format!("there is no key {shown}; did you mean {}?", spelled(name));
    }
    let section = path.rsplit_once('.').map_or("", |(section, _)| section);
    let section = if is_section(section) { section } else { "" };
    let known: Vec<String> = KEYS
        .iter()
        .filter(|key| section.is_empty() || key.name.starts_with(&format!("{section}.")))
        .map(|key| spelled(key.name))
        .collect();
    format!("there is no key {shown}; there are {}", known.join(", "))
}

/// Levenshtein's distance: how many letters differ.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (above, to) in row.iter().skip(1).zip(&b) {
            let cost = (diagonal + usize::from(from != *to)).min(above + 1).min(left + 1);
            diagonal = *above;
            left = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
