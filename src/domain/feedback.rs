//! Feedback in the form of Enterpret's inbound API, made into records (contract, section 4.2). What is read is
//! read leniently, and a field that nobody knows never matters; what is stored is as strict as any record.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use super::limits::{FEEDBACK_AHEAD, RECORD_WORD_BYTES};
use super::record::{Author, Message, MetadataValue, Record, RecordError};
use super::time::Timestamp;

/// 2000-01-01T00:00:00Z: what says that it is older has another unit, or is a mistake.
const OLDEST_SECONDS: i64 = 946_684_800;
/// From here on a number has thirteen digits, which are milliseconds.
const MILLISECONDS_FROM: i64 = 1_000_000_000_000;

/// What is known of where feedback comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// What people call it: the source of its records.
    pub name: String,
    /// The organisation, which that API does not speak of.
    pub org_id: String,
    /// The field of the metadata that links to where a feedback comes from.
    pub link_field: Option<String>,
}

/// Why a feedback is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackError {
    /// It lacks what it must have.
    #[error("{0} is missing")]
    Missing(String),
    /// It has it, and in a form that can't be taken.
    #[error(transparent)]
    Format(RecordError),
}

fn missing<T>(pointer: &str) -> Result<T, FeedbackError> {
    Err(FeedbackError::Missing(pointer.to_owned()))
}

fn wrong<T>(pointer: &str, message: impl Into<String>) -> Result<T, FeedbackError> {
    Err(FeedbackError::Format(RecordError::new(pointer, message)))
}

/// The record that a feedback stands for.
///
/// # Errors
/// The first thing that is missing or wrong.
pub fn record(of: &Value, feed: &Feed, now: Timestamp) -> Result<Record, FeedbackError> {
    let Value::Object(feedback) = of else { return wrong("", "must be an object") };
    let id = text(feedback, "id")?;
    let file_id = text(feedback, "fileID")?;
    let kind = text(feedback, "type")?;
    let said = Said::of(kind, feedback)?;
    let mut metadata = metadata(feedback)?;
    let link = feed.link_field.as_ref().and_then(|name| metadata.get(name)).and_then(link);
    let own = [("fileID", Some(file_id)), ("audioURL", said.audio_url)];
    for (name, value) in own {
        if let Some(value) = value {
            metadata.insert(name.to_owned(), MetadataValue::Text(value.to_owned()));
        }
    }
    let record = Record {
        id: id.to_owned(),
        org_id: feed.org_id.clone(),
        content: said.content,
        source: feed.name.clone(),
        created_at: Some(created_at(feedback, now)?),
        source_url: link,
        kind: Some(kind.to_owned()),
        channel: None,
        segment: None,
        product_area: None,
        tags: Vec::new(),
        metadata,
        conversation_id: None,
        messages: said.messages,
        levels: None,
    };
    record.check().map_err(FeedbackError::Format)?;
    Ok(record)
}

/// Text that must be there and say something.
fn text<'a>(of: &'a Map<String, Value>, name: &str) -> Result<&'a str, FeedbackError> {
    let pointer = format!("/{name}");
    match of.get(name) {
        None | Some(Value::Null) => missing(&pointer),
        Some(Value::String(text)) if text.trim().is_empty() => wrong(&pointer, "is empty"),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            wrong(&pointer, "must be text")
        }
    }
}

fn created_at(of: &Map<String, Value>, now: Timestamp) -> Result<jiff::Timestamp, FeedbackError> {
    const AT: &str = "/createdAt";
    let number = match of.get("createdAt") {
        None | Some(Value::Null) => return missing(AT),
        Some(value) => value.as_i64(),
    };
    let Some(number) = number else { return wrong(AT, "must be a whole number: Unix seconds") };
    let millis = if number >= MILLISECONDS_FROM { number } else { number.saturating_mul(1000) };
    if millis < OLDEST_SECONDS * 1000 {
        return wrong(AT, "is before 2000-01-01: give Unix seconds");
    }
    // Clocks differ a little; what is further ahead is no time at which somebody wrote.
    if millis > now.plus(FEEDBACK_AHEAD).as_millis() {
        return wrong(AT, "lies in the future");
    }
    jiff::Timestamp::from_millisecond(millis).or_else(|_| wrong(AT, "is no time"))
}

/// `{"metadata": {name: {"array": {"s": [text]}}}}`, with `n` for numbers and `b` for true and false. What has
/// another form is left out, but for plain values, which mean what they are.
fn metadata(of: &Map<String, Value>) -> Result<BTreeMap<String, MetadataValue>, FeedbackError> {
    let given = match of.get("metadata") {
        None | Some(Value::Null) => return missing("/metadata"),
        Some(Value::Object(given)) => given,
        Some(_) => return wrong("/metadata", "must be an object; it may be empty"),
    };
    let fields = given.get("metadata").and_then(Value::as_object).unwrap_or(given);
    let named = fields.iter().filter(|(name, _)| !name.is_empty());
    Ok(named.filter_map(|(name, value)| Some((name.clone(), metadata_value(value)?))).collect())
}

fn metadata_value(value: &Value) -> Option<MetadataValue> {
    let typed = value.get("array").and_then(Value::as_object);
    let list = typed.and_then(|typed| ["s", "n", "b"].iter().find_map(|kind| typed.get(*kind)));
    let value = list.unwrap_or(value);
    match value.as_array().map(Vec::as_slice) {
        None => plain(value),
        Some([one]) => plain(one),
        Some(many) => {
            let texts: Vec<_> = many.iter().filter_map(plain).map(in_words).collect();
            (!texts.is_empty()).then_some(MetadataValue::Texts(texts))
        }
    }
}

fn plain(value: &Value) -> Option<MetadataValue> {
    match value {
        Value::String(text) => Some(MetadataValue::Text(text.clone())),
        Value::Number(number) => {
            number.as_f64().filter(|n| n.is_finite()).map(MetadataValue::Number)
        }
        Value::Bool(flag) => Some(MetadataValue::Bool(*flag)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One of several values: a record has lists of texts only.
fn in_words(value: MetadataValue) -> String {
    match value {
        MetadataValue::Text(text) => text,
        MetadataValue::Number(number) => number.to_string(),
        MetadataValue::Bool(flag) => flag.to_string(),
        MetadataValue::Texts(texts) => texts.join(", "),
    }
}

/// A link that a browser opens as a page.
fn link(value: &MetadataValue) -> Option<String> {
    let text = match value {
        MetadataValue::Text(text) => text,
        MetadataValue::Texts(texts) => texts.first()?,
        MetadataValue::Number(_) | MetadataValue::Bool(_) => return None,
    };
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| text.clone())
}

/// What was said, by whom.
struct Said<'a> {
    content: String,
    messages: Vec<Message>,
    audio_url: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn of(kind: &str, feedback: &'a Map<String, Value>) -> Result<Self, FeedbackError> {
        let mut said = Self { content: String::new(), messages: Vec::new(), audio_url: None };
        match kind {
            "REVIEW" => text(feedback, "text")?.clone_into(&mut said.content),
            "SURVEY" => said.content = answers(feedback)?,
            "CONVERSATION" => {
                said.messages = conversation(feedback)?;
                said.content = of_customer(&said.messages);
            }
            "FORUM_CONVERSATION_THREAD" => {
                said.messages = conversation(feedback)?;
                let post = said.messages.first();
                said.content = post.map_or_else(String::new, |post| post.text.clone());
            }
            "AUDIO_RECORDING" => {
                let recording = inside(feedback, "audioRecording", None)?;
                said.audio_url = recording.get("audioURL").and_then(Value::as_str);
                // Without a transcript there is nothing to judge: audio is never fetched.
                if let Some(turns) = recording.get("transcript").filter(|turns| !turns.is_null()) {
                    said.messages = messages(turns, "/audioRecording/transcript")?;
                }
                said.content = of_customer(&said.messages);
            }
            _ => {
                return wrong(
                    "/type",
                    "must be one of REVIEW, SURVEY, CONVERSATION, FORUM_CONVERSATION_THREAD, \
                     AUDIO_RECORDING",
                );
            }
        }
        Ok(said)
    }
}

/// An object that must be there, with that member where one is named.
fn inside<'a>(
    of: &'a Map<String, Value>,
    name: &str,
    member: Option<&str>,
) -> Result<&'a Map<String, Value>, FeedbackError> {
    let inner = match of.get(name) {
        None | Some(Value::Null) => return missing(&format!("/{name}")),
        Some(Value::Object(inner)) => inner,
        Some(_) => return wrong(&format!("/{name}"), "must be an object"),
    };
    match member {
        Some(member) if inner.get(member).is_none_or(Value::is_null) => {
            missing(&format!("/{name}/{member}"))
        }
        Some(_) | None => Ok(inner),
    }
}

fn conversation(feedback: &Map<String, Value>) -> Result<Vec<Message>, FeedbackError> {
    const AT: &str = "/conversation/msgs";
    let inner = inside(feedback, "conversation", Some("msgs"))?;
    let messages = messages(inner.get("msgs").unwrap_or(&Value::Null), AT)?;
    if messages.is_empty() { wrong(AT, "is empty: there must be a message") } else { Ok(messages) }
}

fn messages(list: &Value, at: &str) -> Result<Vec<Message>, FeedbackError> {
    let Value::Array(items) = list else { return wrong(at, "must be a list") };
    let read = items.iter().enumerate().map(|(index, item)| {
        let pointer = format!("{at}/{index}");
        let Value::Object(message) = item else { return wrong(&pointer, "must be an object") };
        let text = match message.get("text") {
            None | Some(Value::Null) => return missing(&format!("{pointer}/text")),
            Some(Value::String(text)) => text.clone(),
            Some(_) => return wrong(&format!("{pointer}/text"), "must be text"),
        };
        Ok(Message { author: author(message), text, at: None })
    });
    read.collect()
}

/// Whoever is not known to speak for the company is taken for a customer: so no escalation is missed.
fn author(message: &Map<String, Value>) -> Author {
    let actor = message.get("actor").and_then(Value::as_str).unwrap_or_default();
    let ours = ["agent", "bot"].iter().any(|word| actor.eq_ignore_ascii_case(word));
    if ours { Author::Agent } else { Author::Customer }
}

fn of_customer(messages: &[Message]) -> String {
    let theirs = messages.iter().filter(|each| each.author == Author::Customer);
    theirs.map(|each| each.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// A line for each question, and one for what was answered.
fn answers(feedback: &Map<String, Value>) -> Result<String, FeedbackError> {
    const AT: &str = "/surveyResponse/responses";
    let inner = inside(feedback, "surveyResponse", Some("responses"))?;
    let Some(Value::Array(responses)) = inner.get("responses") else {
        return wrong(AT, "must be a list");
    };
    let mut lines = Vec::new();
    for (index, response) in responses.iter().enumerate() {
        let Value::Object(response) = response else {
            return wrong(&format!("{AT}/{index}"), "must be an object");
        };
        let question = response.get("question").and_then(Value::as_str).unwrap_or_default();
        let given = ["answer", "selectedOptions"].iter().filter_map(|name| response.get(*name));
        let mut given: Vec<String> = given.flat_map(words).collect();
        given.dedup();
        lines.extend([question.to_owned(), given.join(", ")]);
    }
    lines.retain(|line| !line.is_empty());
    Ok(lines.join("\n"))
}

fn words(value: &Value) -> Vec<String> {
    match value.as_array() {
        Some(items) => items.iter().flat_map(words).collect(),
        None => plain(value).map(in_words).into_iter().filter(|text| !text.is_empty()).collect(),
    }
}

/// Whether a field of metadata can be chosen by that name.
///
/// # Errors
/// What to change.
pub fn check_link_field(name: &str) -> Result<(), String> {
    if name.is_empty() {
        Err("is empty: name a field of the metadata, or leave it out".to_owned())
    } else if name.len() > RECORD_WORD_BYTES {
        Err(format!("is longer than {RECORD_WORD_BYTES} bytes"))
    } else {
        Ok(())
    }
}
