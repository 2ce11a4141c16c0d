//! From the JSON of a call to records: each read once, straight into its type, and each alone, so that
//! one bad record never spoils the others.

use serde::de::DeserializeSeed as _;

use crate::domain::limits::JSON_DEPTH;
use crate::domain::record::{Record, RecordError};

mod seeds;
mod trail;
use trail::Trail;

/// Why a whole call is refused; nothing of it is taken then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The body is no JSON in UTF-8. The text says where it stops being that.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// It is JSON, and not a call.
    #[error("{message}")]
    Wrong {
        /// Where: a JSON pointer (RFC 6901) into the body; empty for the whole of it.
        pointer: String,
        /// What to change.
        message: String,
    },
}

/// Reads `{"records": [Record, …]}`.
///
/// # Errors
/// The body is no such call. What is wrong with a single record is in its place in the list.
pub fn parse_records(body: &[u8]) -> Result<Vec<Result<Record, RecordError>>, CallError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        CallError::NotJson(format!("it is not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let trail = Trail::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = seeds::Call(&trail).deserialize(&mut reader);
    let read = read.and_then(|raws| reader.end().map(|()| raws));
    let raws = read.map_err(|error| match trail.into_fault() {
        Some(RecordError { pointer, message }) if error.is_data() => {
            CallError::Wrong { pointer, message }
        }
        Some(_) | None if error.is_data() => {
            CallError::Wrong { pointer: String::new(), message: trail::told(&error) }
        }
        Some(_) | None => CallError::NotJson(error.to_string()),
    })?;
    let records = raws.into_iter().enumerate().map(|(index, raw)| {
        let parsed = parse_record(raw.get());
        // No good record nests deep, so that only bad ones need a look.
        if parsed.is_err() && is_deep(raw.get()) {
            return Err(CallError::Wrong {
                pointer: format!("/records/{index}"),
                message: format!("is nested deeper than {JSON_DEPTH} levels"),
            });
        }
        Ok(parsed)
    });
    records.collect()
}

/// Reads one record and checks it.
///
/// # Errors
/// The first field that is wrong, and what to change.
pub fn parse_record(text: &str) -> Result<Record, RecordError> {
    let trail = Trail::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = seeds::One(&trail).deserialize(&mut reader);
    let read = read.and_then(|record| reader.end().map(|()| record));
    let record = read.map_err(|error| {
        trail.into_fault().unwrap_or_else(|| RecordError::new("", trail::told(&error)))
    })?;
    record.check()?;
    Ok(record)
}

/// Whether it nests deeper than the bound. The text is valid JSON.
fn is_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                if depth > JSON_DEPTH {
                    return true;
                }
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}
