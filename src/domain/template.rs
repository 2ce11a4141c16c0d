//! Titles and texts that people write themselves, in Jinja's syntax. A template sees the values of
//! one notice and nothing else: no files, no other templates, no functions; its work and its output
//! are bounded.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, filters};
use unicode_segmentation::UnicodeSegmentation as _;

use super::limits::{
    TEMPLATE_BYTES, TEMPLATE_CAUSE_CHARS, TEMPLATE_DEPTH, TEMPLATE_FUEL, TEMPLATE_OUTPUT_BYTES,
};
use super::notice::{Link, Moment, Notice};
use super::{plain, sample};

/// The title where none is set. It makes what [`Notice::title`] makes.
pub const DEFAULT_TITLE: &str = "{% if escalation_level %}{{ escalation_level | capitalize }} \
     escalation{% else %}Escalation{% endif %}{% if source %} from {{ source }}{% endif %}\
     {% if record_id %}: {{ record_id }}{% endif %}";
/// The text where none is set.
pub const DEFAULT_TEXT: &str = "{{ excerpt }}";

/// The names that a template may use, each with what it stands for. All of them always exist; what
/// an alert does not have is empty, so that `{% if source_url %}` asks for it.
pub const NAMES: [(&str, &str); 16] = [
    ("automation_id", "the automation's id"),
    ("automation_name", "the automation's name"),
    ("created_at", "when the feedback was written, like 2026-06-27 12:00 UTC"),
    ("emotional_intensity_level", "none, low, medium, high or extreme"),
    ("escalated_at", "when the alert was made, like 2026-06-27 12:00 UTC"),
    ("escalation_level", "none, low, medium, high or extreme"),
    ("excerpt", "the feedback's first 500 characters"),
    ("held_back", "how many alerts a cool-down held back before this one: a number, 0 if none"),
    ("held_back_since", "when the first of those was, like 2026-06-27 12:00 UTC"),
    ("org_id", "the organisation's id"),
    ("record_id", "the record's id"),
    ("record_url", "the record's page in the dashboard"),
    ("sentiment_shift", "sentiment improved, sentiment unchanged or sentiment degraded"),
    ("source", "where the feedback came from, like ZendeskSupport"),
    ("source_url", "the feedback's page at its source"),
    ("text", "the same as excerpt"),
];

/// The filters that a template may use: `{{ source | upper }}`.
pub const FILTERS: [&str; 10] = [
    "capitalize",
    "default",
    "length",
    "line",
    "lower",
    "replace",
    "title",
    "trim",
    "truncate",
    "upper",
];

/// A template that can be parsed, names only what exists, and rendered a sample and an empty
/// notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// Why a template can't be used, or could not be rendered: where, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TemplateError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong there and what to do about it.
    pub problem: String,
}

/// What the values that a template inserts are made fit for. What it says itself stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dress {
    /// Text without any markup.
    Plain,
    /// Slack's `mrkdwn`, whose `&`, `<` and `>` are still to be escaped in the whole: inserted
    /// values can't make text bold, nor open or close what the template formats.
    Mrkdwn,
}

impl Template {
    /// Parses, checks the names, and renders a sample and an empty notice.
    ///
    /// # Errors
    /// Where the first problem is, and what to change.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.len() > TEMPLATE_BYTES {
            let problem = format!("the template is longer than {TEMPLATE_BYTES} bytes: shorten it");
            return Err(TemplateError { line: 1, column: 1, problem });
        }
        let template = Self(source.to_owned());
        let env = environment(Dress::Plain);
        let parsed = env.template_from_str(source).map_err(|error| located(source, &error))?;
        let known: BTreeSet<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        let unknown: BTreeSet<String> = parsed
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !known.contains(name.as_str()))
            .collect();
        let first = unknown.iter().map(|name| (place_of(source, name), name)).min();
        if let Some((at, name)) = first {
            return Err(error_at(source, at, unknown_name(name)));
        }
        for notice in [sample::notice(), Notice::default()] {
            template.render(&notice, Dress::Plain)?;
        }
        Ok(template)
    }

    /// One that was parsed before, read back. What it makes is looked at when it is rendered: a version
    /// that knew other names must not keep an integration from being read.
    pub fn restore(source: String) -> Self {
        Self(source)
    }

    /// The text that it was parsed from.
    pub fn source(&self) -> &str {
        &self.0
    }

    /// Fills in one notice's values. The result is at most [`TEMPLATE_OUTPUT_BYTES`] long, and its
    /// control characters are gone.
    ///
    /// # Errors
    /// The notice's values lead it where [`Template::parse`]'s did not. Whoever sends shows the
    /// default then, and says so: an alert is never lost to its wording.
    pub fn render(&self, notice: &Notice, dress: Dress) -> Result<String, TemplateError> {
        let env = environment(dress);
        let template = env.template_from_str(&self.0).map_err(|error| located(&self.0, &error))?;
        let text = template.render(values(notice)).map_err(|error| located(&self.0, &error))?;
        Ok(plain::block(&text, TEMPLATE_OUTPUT_BYTES))
    }

    /// What it makes of the sample notice, for whoever is writing it.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn preview(source: &str) -> Result<String, TemplateError> {
        Self::parse(source)?.render(&sample::notice(), Dress::Plain)
    }
}

/// Nothing is in it but what is added here.
fn environment(dress: Dress) -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_debug(true);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(TEMPLATE_FUEL));
    env.set_recursion_limit(TEMPLATE_DEPTH);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.add_filter("capitalize", |text: String| super::notice::capitalised(&text));
    env.add_filter("default", or_else);
    env.add_filter("length", |text: &str| text.graphemes(true).count());
    env.add_filter("line", |text: &str| plain::line(text, usize::MAX));
    env.add_filter("lower", filters::lower);
    env.add_filter("replace", replaced);
    env.add_filter("title", |text: &str| titled(text));
    env.add_filter("trim", |text: &str| text.trim().to_owned());
    env.add_filter("truncate", truncated);
    env.add_filter("upper", filters::upper);
    if dress == Dress::Mrkdwn {
        env.set_formatter(|out, state, value| match value.as_str() {
            Some(text) => Ok(out.write_str(&plain::unformatted(text))?),
            None => minijinja::escape_formatter(out, state, value),
        });
    }
    env
}

fn values(notice: &Notice) -> Value {
    let text = |text: &Option<String>| Value::from(text.as_deref().unwrap_or_default());
    let time =
        |time: &Option<Moment>| Value::from(time.as_ref().map(Moment::shown).unwrap_or_default());
    let link =
        |link: &Option<Link>| Value::from(link.as_ref().map(Link::shown).unwrap_or_default());
    let held = notice.held_back;
    let since = held.map(|held| Moment::At(held.since).shown()).unwrap_or_default();
    [
        ("automation_id", text(&notice.automation_id)),
        ("automation_name", text(&notice.automation_name)),
        ("created_at", time(&notice.created_at)),
        ("emotional_intensity_level", text(&notice.emotional_intensity_level)),
        ("escalated_at", time(&notice.escalated_at)),
        ("escalation_level", text(&notice.escalation_level)),
        ("excerpt", Value::from(notice.excerpt.as_str())),
        ("held_back", Value::from(held.map_or(0, |held| held.count))),
        ("held_back_since", Value::from(since)),
        ("org_id", text(&notice.org_id)),
        ("record_id", text(&notice.record_id)),
        ("record_url", link(&notice.record_url)),
        ("sentiment_shift", text(&notice.sentiment_shift)),
        ("source", text(&notice.source)),
        ("source_url", link(&notice.source_url)),
        ("text", Value::from(notice.excerpt.as_str())),
    ]
    .into_iter()
    .collect::<BTreeMap<&str, Value>>()
    .into()
}

/// `{{ source | default("unknown") }}`: nothing is undefined here, so that what is empty counts.
fn or_else(value: Value, other: Value) -> Value {
    if value.is_true() { value } else { other }
}

fn truncated(text: &str, characters: usize) -> String {
    let mut graphemes = text.grapheme_indices(true);
    match graphemes.nth(characters) {
        Some((at, _)) => {
            let kept = text.get(..at).unwrap_or_default().trim_end();
            format!("{kept}{}", plain::ELLIPSIS)
        }
        None => text.to_owned(),
    }
}

/// What the engine can't see the size of, it can't charge for: the bound is our own.
fn replaced(text: &str, old: &str, new: &str) -> Result<String, Error> {
    let found = if old.is_empty() { 0 } else { text.matches(old).count() };
    let size = text.len().saturating_add(found.saturating_mul(new.len()));
    if old.is_empty() || size > TEMPLATE_OUTPUT_BYTES.saturating_mul(2) {
        let why = "`replace` is for a text that is not empty, and one that does not grow much";
        return Err(Error::new(ErrorKind::InvalidOperation, why));
    }
    Ok(text.replace(old, new))
}

fn titled(text: &str) -> String {
    text.split_inclusive(' ').map(super::notice::capitalised).collect()
}

fn unknown_name(name: &str) -> String {
    let near = NAMES.iter().map(|(known, _)| (distance(name, known), *known)).min();
    let meant = match near {
        Some((steps, known)) if steps <= 1 + name.chars().count() / 4 => {
            format!("; did you mean `{known}`?")
        }
        Some(_) | None => String::new(),
    };
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    let name = plain::line(name, 40);
    format!("there is no value `{name}`{meant} There are: {}", names.join(", "))
}

/// Letters to add, take away or change to come from one name to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().take(64).enumerate() {
        let mut left = line + 1;
        let mut next = vec![left];
        for (pair, same) in row.windows(2).zip(&other) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(letter != *same)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// The engine's error with its place, and what to do in our words where we know better ones.
fn located(source: &str, error: &Error) -> TemplateError {
    let cause = error.detail().map(|text| plain::line(text, TEMPLATE_CAUSE_CHARS));
    let cause = cause.unwrap_or_else(|| error.kind().to_string());
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the engine adds kinds as it grows, and its own words for them are good"
    )]
    let problem = match error.kind() {
        ErrorKind::SyntaxError => format!("{cause}: mend what stands between {{ and }}"),
        ErrorKind::UnknownFilter => format!("{cause}. Filters are: {}", FILTERS.join(", ")),
        ErrorKind::UnknownTest => format!("{cause}: compare with == or != in its place"),
        ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            format!("{cause}: there are no functions; filters are: {}", FILTERS.join(", "))
        }
        ErrorKind::OutOfFuel => "the template does too much work: make it simpler".to_owned(),
        _ => cause,
    };
    let at = error.range().map_or_else(|| line_start(source, error.line()), |range| range.start);
    error_at(source, at, problem)
}

fn line_start(source: &str, line: Option<usize>) -> usize {
    let before = line.unwrap_or(1).saturating_sub(1);
    source.split_inclusive('\n').take(before).map(str::len).sum()
}

fn error_at(source: &str, at: usize, problem: String) -> TemplateError {
    let before = source.get(..source.floor_char_boundary(at)).unwrap_or_default();
    let line_before = before.rsplit('\n').next().unwrap_or_default();
    TemplateError {
        line: before.matches('\n').count() + 1,
        column: line_before.chars().count() + 1,
        problem,
    }
}

/// Where a name is used: its first place inside `{{ }}` or `{% %}` as a word of its own.
fn place_of(source: &str, name: &str) -> usize {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    source
        .match_indices(name)
        .map(|(at, _)| at)
        .find(|at| {
            let before = source.get(..*at).unwrap_or_default();
            let after = source.get(at + name.len()..).unwrap_or_default();
            let opened = ["{{", "{%"].iter().filter_map(|open| before.rfind(open)).max();
            let closed = ["}}", "%}"].iter().filter_map(|close| before.rfind(close)).max();
            opened.is_some_and(|opened| closed.is_none_or(|closed| closed < opened))
                && !before.ends_with(word)
                && !after.starts_with(word)
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
