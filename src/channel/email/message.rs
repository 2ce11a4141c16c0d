//! An alert as a mail: the same bytes on every attempt, of two readings that say the same.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use askama::Template as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, MultiPartKind, SinglePart};
use sha2::{Digest as _, Sha256};

use super::transaction::lettre_address;
use crate::domain::alert::idempotency_key;
use crate::domain::id::AutomationId;
use crate::domain::integration::{Addresses, Email};
use crate::domain::levels::Level;
use crate::domain::mail_server::MailSender;
use crate::domain::notice::{Link, Moment, Notice};
use crate::domain::template::Dress;
use crate::domain::time::Timestamp;
use crate::domain::wording::Wording;
use crate::engine::ports::Attempt;

/// What a mail is made of.
#[derive(Debug, Clone, Copy)]
pub struct MailFacts<'a> {
    /// What it tells of.
    pub notice: &'a Notice,
    /// In which words.
    pub wording: &'a Wording,
    /// The Idempotency-Key, of which its Message-ID is made.
    pub key: &'a str,
    /// By what it is shown together with others.
    pub thread: &'a str,
    /// The automation, as far as mail lists have names.
    pub automation: AutomationId,
    /// Who it comes from.
    pub from: &'a MailSender,
    /// Who it goes to.
    pub to: &'a Addresses,
    /// When it was written.
    pub at: Timestamp,
}

/// A mail, and its parts for those who are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// What follows DATA, without the dot at its end.
    pub bytes: Vec<u8>,
    /// Its headers, decoded.
    pub headers: Vec<(String, String)>,
    /// The reading without any markup.
    pub plain: String,
    /// The reading with pictures and colours.
    pub html: String,
}

/// Headers that are written as they are.
const RAW: [(&str, &str); 2] = [
    // No machine answers such mail (RFC 3834, section 5).
    ("Auto-Submitted", "auto-generated"),
    // Nor do those that know only this.
    ("X-Auto-Response-Suppress", "All"),
];

/// The mail of an attempt, and what went wrong with a template.
///
/// # Errors
/// As [`mail`].
pub(super) fn make(
    attempt: &Attempt,
    email: &Email,
    from: &MailSender,
) -> Result<(Mail, Option<String>), String> {
    let alert = &attempt.alert;
    let notice = Notice::read(alert.body.bytes())
        .named(&attempt.destination.automation)
        .beside(&alert.aside);
    let wording = Wording::of(&notice, &email.templates, Dress::Plain);
    let id = attempt.destination.integration.id;
    // All alerts of a conversation belong together; without one, those of a record do.
    let thread = alert.aside.thread.clone().unwrap_or_else(|| {
        digest(&[notice.org_id.as_deref().unwrap_or_default(), &alert.record_id])
    });
    let made = mail(&MailFacts {
        key: &idempotency_key(&alert.origin, id, &alert.record_id),
        thread: &thread,
        automation: alert.automation_id,
        from,
        to: &email.to,
        at: notice.escalated_at.as_ref().and_then(Moment::at).unwrap_or(attempt.started_at),
        notice: &notice,
        wording: &wording,
    })?;
    Ok((made, wording.note))
}

/// Makes a mail: the same facts make the same bytes.
///
/// # Errors
/// Why it can't be made, which would be our own fault.
pub fn mail(facts: &MailFacts<'_>) -> Result<Mail, String> {
    let MailFacts { notice, wording, from, to, .. } = *facts;
    let domain = from.address.domain();
    let key = digest(&[facts.key]);
    let message_id = format!("<{key}@{domain}>");
    // They all answer to one mail that was never sent, so that clients show them together.
    let thread = format!("<thread.{}@{domain}>", facts.thread);
    let list = format!("<{}.alerts.{domain}>", facts.automation);
    let at = Duration::from_millis(u64::try_from(facts.at.as_millis()).unwrap_or(0));
    let (plain, html) = (plain(notice, wording), html(notice, wording)?);
    let mailbox = Mailbox::new(from.name.clone(), lettre_address(&from.address));
    let mut builder = Message::builder()
        .message_id(Some(message_id.clone()))
        .date(SystemTime::UNIX_EPOCH + at)
        .from(mailbox)
        .raw_header(subject(&wording.title))
        .in_reply_to(thread.clone())
        .references(thread.clone());
    for address in to.iter() {
        builder = builder.to(Mailbox::new(None, lettre_address(address)));
    }
    let list_header = [("List-Id", list.as_str())];
    for (name, value) in RAW.into_iter().chain(list_header) {
        let name =
            HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let part = |kind: ContentType, text: &str| {
        SinglePart::builder()
            .header(kind)
            // Letters of every script pass every server, and lines stay short.
            .header(ContentTransferEncoding::QuotedPrintable)
            .body(text.replace('\n', "\r\n"))
    };
    // The same bytes on every attempt: nothing of it is drawn by chance.
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{key}"))
        .build()
        .singlepart(part(ContentType::TEXT_PLAIN, &plain))
        .singlepart(part(ContentType::TEXT_HTML, &html));
    let message = builder.multipart(parts).map_err(|error| error.to_string())?;
    let mut headers: Vec<(String, String)> = [
        ("From", from.to_string()),
        ("To", to.to_string()),
        ("Subject", wording.title.clone()),
        ("Message-ID", message_id),
        ("References", thread),
        ("List-Id", list),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    headers.extend(RAW.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(Mail { bytes: message.formatted(), headers, plain, html })
}

/// The subject as a header. `lettre` leaves what looks like an encoded word as it is, and readers would
/// decode it: then all of it is encoded (RFC 2047, section 2), so that it is read as it was written.
fn subject(title: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    if !title.contains("=?") {
        return HeaderValue::new(name, title.to_owned());
    }
    let mut words: Vec<String> = vec![String::new()];
    for letter in title.chars() {
        match words.last_mut() {
            // 45 bytes are 60 characters, and the word around them has 75 at most.
            Some(word) if word.len() + letter.len_utf8() <= 45 => word.push(letter),
            Some(_) | None => words.push(letter.to_string()),
        }
    }
    let encoded: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?b?{}?=", BASE64.encode(word))).collect();
    HeaderValue::dangerous_new_pre_encoded(name, title.to_owned(), encoded.join("\r\n "))
}

/// 32 hexadecimal digits of texts that hold no NUL.
fn digest(texts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    let bytes: [u8; 32] = digest.finalize().into();
    bytes.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // Writing into a String can't fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// What is told of an alert beside its levels and its text, by label.
fn facts(notice: &Notice) -> Vec<(&'static str, String)> {
    [
        ("Source", notice.source.clone()),
        ("Record", notice.record_id.clone()),
        ("Organisation", notice.org_id.clone()),
        ("Written", notice.created_at.as_ref().map(Moment::shown)),
        ("Escalated", notice.escalated_at.as_ref().map(Moment::shown)),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label, value?)))
    .collect()
}

fn links(notice: &Notice) -> Vec<(&'static str, &str)> {
    [("Open record", &notice.record_url), ("Open source", &notice.source_url)]
        .into_iter()
        .filter_map(|(label, link)| Some((label, link.as_ref().and_then(Link::web)?)))
        .collect()
}

/// Sentences of ours beside the feedback.
fn remarks(notice: &Notice, wording: &Wording) -> Vec<String> {
    let problem = notice.problem.map(str::to_owned);
    problem.into_iter().chain(notice.held_back_words()).chain(wording.note.clone()).collect()
}

fn plain(notice: &Notice, wording: &Wording) -> String {
    let mut blocks = vec![wording.title.clone()];
    let lines = |lines: Vec<(&'static str, String)>| {
        let lines: Vec<String> =
            lines.into_iter().map(|(label, value)| format!("{label}: {value}")).collect();
        lines.join("\n")
    };
    blocks.push(lines(notice.levels()));
    blocks.push(match &wording.text {
        Some(text) => text.trim_end().to_owned(),
        // What a customer wrote can't pass for words of ours.
        None => {
            let quoted = notice.excerpt.lines().map(|line| format!("> {line}"));
            quoted.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
        }
    });
    blocks.extend(remarks(notice, wording));
    blocks.push(lines(facts(notice)));
    blocks.push(lines(
        links(notice).into_iter().map(|(label, url)| (label, url.to_owned())).collect(),
    ));
    if let Some(name) = &notice.automation_name {
        blocks.push(format!("Sent by Belfry for the automation {name}."));
    }
    blocks.retain(|block| !block.is_empty());
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

/// See `templates/email.html`.
#[derive(askama::Template)]
#[template(path = "email.html")]
struct Page<'a> {
    title: &'a str,
    /// The colour that stands for the level, and the text on it.
    color: &'static str,
    levels: Vec<(&'static str, String)>,
    text: Option<&'a str>,
    excerpt: &'a str,
    remarks: Vec<String>,
    facts: Vec<(&'static str, String)>,
    links: Vec<(&'static str, &'a str)>,
    automation: Option<&'a str>,
}

fn html(notice: &Notice, wording: &Wording) -> Result<String, String> {
    let page = Page {
        title: &wording.title,
        color: color(notice.level()),
        levels: notice.levels(),
        text: wording.text.as_deref(),
        excerpt: &notice.excerpt,
        remarks: remarks(notice, wording),
        facts: facts(notice),
        links: links(notice),
        automation: notice.automation_name.as_deref(),
    };
    page.render().map_err(|error| error.to_string())
}

/// From calm to alarming; grey where the word is not ours. A bar of it says what the words beside it say.
const fn color(level: Option<Level>) -> &'static str {
    match level {
        None => "#6b7280",
        Some(Level::None) => "#9ca3af",
        Some(Level::Low) => "#3b82f6",
        Some(Level::Medium) => "#eab308",
        Some(Level::High) => "#f97316",
        Some(Level::Extreme) => "#dc2626",
    }
}
