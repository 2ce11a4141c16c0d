//! One mail as a mailbox tells it to a log, a person or a test.

use serde::Serialize;

use super::conversation::Mail;

/// One mail, with what was found out about it and what is answered.
#[derive(Debug, Clone, Serialize)]
pub struct MailSeen {
    /// When it had come.
    #[serde(serialize_with = "shown")]
    pub at: jiff::Timestamp,
    /// Who it comes from, by the envelope.
    pub from: String,
    /// The addresses that it was taken for, by the envelope.
    pub to: Vec<String>,
    /// Those that were refused or put off in the same transaction, with the code.
    pub refused: Vec<(String, u16)>,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// Its subject, decoded as far as it is simple.
    pub subject: String,
    /// Which try of it this is, from 1.
    pub attempt: u32,
    /// Whether it had been taken before for one of these addresses.
    pub duplicate: bool,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Whether the sender had signed in.
    pub signed_in: bool,
    /// The code that answers it.
    pub answer: u16,
    /// All of it, as it came.
    pub text: String,
}

fn shown<S: serde::Serializer>(at: &jiff::Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

impl MailSeen {
    pub(super) fn read(mail: Mail) -> Self {
        let Mail { from, to, refused, text, tls, signed_in } = mail;
        let text = String::from_utf8_lossy(&text).into_owned();
        Self {
            at: jiff::Timestamp::now(),
            from,
            to,
            refused,
            message_id: header(&text, "Message-ID"),
            subject: header(&text, "Subject").map(|words| decoded(&words)).unwrap_or_default(),
            attempt: 0,
            duplicate: false,
            tls,
            signed_in,
            answer: 0,
            text,
        }
    }

    /// As one line of JSON, with its end.
    pub fn line(&self) -> String {
        match serde_json::to_string(self) {
            Ok(line) => format!("{line}\n"),
            // Texts, numbers and truth values: none can fail.
            Err(_) => String::new(),
        }
    }
}

/// A header's value, its lines as one.
fn header(text: &str, name: &str) -> Option<String> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let mut lines = head.split("\r\n").skip_while(|line| {
        let found = line.split_once(':').is_some_and(|(n, _)| n.eq_ignore_ascii_case(name));
        !found
    });
    let (_, first) = lines.next()?.split_once(':')?;
    let folded = lines.take_while(|line| line.starts_with([' ', '\t']));
    let value = folded.fold(first.trim().to_owned(), |mut value, line| {
        value.push(' ');
        value.push_str(line.trim());
        value
    });
    Some(value)
}

/// The words of a header without the encoding of RFC 2047, in the one form that `lettre` writes.
fn decoded(value: &str) -> String {
    use base64::Engine as _;
    let mut text = String::new();
    let mut after_encoded = false;
    for word in value.split(' ') {
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?="));
        let bytes = encoded
            .and_then(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).ok());
        let joined = after_encoded && bytes.is_some();
        if !text.is_empty() && !joined {
            text.push(' ');
        }
        after_encoded = bytes.is_some();
        match bytes {
            Some(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            None => text.push_str(word),
        }
    }
    text
}
