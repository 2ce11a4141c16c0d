//! One JSON line for each request: what tests, benches and scripts read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;

use super::seen::Seen;

/// A file that lines are appended to. A line is there before its request is answered.
pub(super) struct Log {
    file: File,
    line: Vec<u8>,
    failed: bool,
}

/// The fields of a line.
#[derive(Serialize)]
struct Line<'a> {
    request: u64,
    /// RFC 3339.
    at: String,
    /// Microseconds since the Unix epoch.
    at_us: i64,
    key: Option<&'a str>,
    attempt: u32,
    duplicate: bool,
    method: &'a str,
    path: &'a str,
    /// The status given; none where no response is.
    status: Option<u16>,
    /// Whether the receiver took the alert as its own, said so or not.
    taken: bool,
    /// `status`, or the word of what is done instead.
    answer: &'static str,
    body_bytes: usize,
    body_sha256: String,
    record_id: Option<&'a str>,
    automation_id: Option<&'a str>,
    header_names: &'a [String],
    auth_ok: Option<bool>,
    signature_ok: Option<bool>,
    problems: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
}

/// Writes the line of a request, with its end; with its body, where `whole` and the body is JSON.
///
/// # Errors
/// None is known: a line has nothing that JSON can't say.
pub fn write_line(seen: &Seen, whole: bool, to: &mut Vec<u8>) -> serde_json::Result<()> {
    let line = Line {
        request: seen.request,
        at: seen.at.to_string(),
        at_us: seen.at.as_microsecond(),
        key: seen.key.as_deref(),
        attempt: seen.attempt,
        duplicate: seen.duplicate,
        method: &seen.method,
        path: &seen.path,
        status: seen.answer.given(),
        taken: seen.answer.takes(),
        answer: seen.answer.word(),
        body_bytes: seen.body.len(),
        body_sha256: hex(&seen.body_sha256),
        record_id: seen.alert.as_ref().map(|alert| alert.record_id.as_str()),
        automation_id: seen.alert.as_ref().map(|alert| alert.automation_id.as_str()),
        header_names: &seen.header_names,
        auth_ok: seen.auth.passed(),
        signature_ok: seen.signature.passed(),
        problems: &seen.problems,
        body: whole.then(|| serde_json::from_slice(&seen.body).ok()).flatten(),
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.push(b'\n');
    Ok(())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, line: Vec::with_capacity(1024), failed: false })
    }

    /// Appends a request's line in one write. A log that can't be written is told once.
    pub(super) fn write(&mut self, seen: &Seen) {
        self.line.clear();
        let written = write_line(seen, false, &mut self.line)
            .map_err(io::Error::other)
            .and_then(|()| self.file.write_all(&self.line));
        if let Err(error) = written
            && !self.failed
        {
            self.failed = true;
            tracing::error!(%error, "requests can't be written to the log any more");
        }
    }
}
