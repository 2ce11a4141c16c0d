//! The message of one alert in Block Kit, as an incoming webhook takes it: the same notice and
//! wording make the same bytes, every documented limit holds, and nothing in feedback is read as
//! markup.
//!
//! * All text has `&`, `<` and `>` escaped: no mention (`<!channel>`, `<@U…>`, `<#C…>`), link or
//!   date of Slack's survives, wherever it came from. Templates can't make them either.
//! * Feedback stands in `plain_text` objects, where `*`, `_` and back-ticks mean nothing; what else
//!   is put beside markup of ours has them replaced by letters that look like them.
//! * Lengths are counted in UTF-16 units of the escaped text, the strictest way to read
//!   "characters".

use serde::Serialize;

use crate::domain::levels::Level;
use crate::domain::limits::{
    SLACK_EXCERPT_SECTIONS, SLACK_FALLBACK_EXCERPT_CHARS, SLACK_FALLBACK_UNITS, SLACK_FIELD_UNITS,
    SLACK_HEADER_UNITS, SLACK_TEXT_UNITS,
};
use crate::domain::notice::{Link, Moment, Notice};
use crate::domain::plain;
use crate::domain::wording::Wording;

/// The body to post. `wording` is that of this notice, made with
/// [`crate::domain::template::Dress::Mrkdwn`].
pub fn message(notice: &Notice, wording: &Wording) -> Vec<u8> {
    let fallback = fallback(notice, wording);
    let message = Message {
        text: &fallback,
        blocks: [Block::Header { text: plain_text(&wording.title, SLACK_HEADER_UNITS) }],
        attachments: [Attachment {
            color: color(notice.level()),
            fallback: &fallback,
            blocks: blocks(notice, wording),
        }],
        unfurl_links: false,
        unfurl_media: false,
        link_names: false,
        parse: "none",
    };
    #[expect(clippy::expect_used, reason = "texts and a Vec: neither can fail to be written")]
    serde_json::to_vec(&message).expect("a message is always JSON")
}

#[derive(Serialize)]
struct Message<'a> {
    /// What notifications, screen readers and clients without blocks show.
    text: &'a str,
    blocks: [Block; 1],
    /// The only place where Slack draws a coloured bar.
    attachments: [Attachment<'a>; 1],
    unfurl_links: bool,
    unfurl_media: bool,
    link_names: bool,
    parse: &'static str,
}

#[derive(Serialize)]
struct Attachment<'a> {
    color: &'static str,
    fallback: &'a str,
    blocks: Vec<Block>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Header {
        text: Text,
    },
    Section {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Text>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
    Context {
        elements: Vec<Text>,
    },
    Actions {
        elements: Vec<Button>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Text {
    PlainText {
        text: String,
        /// Otherwise `:fire:` in feedback would become a picture.
        emoji: bool,
    },
    Mrkdwn {
        text: String,
        /// Neither addresses nor names become links.
        verbatim: bool,
    },
}

#[derive(Serialize)]
struct Button {
    #[serde(rename = "type")]
    kind: &'static str,
    action_id: &'static str,
    text: Text,
    url: String,
}

fn blocks(notice: &Notice, wording: &Wording) -> Vec<Block> {
    let mut blocks = Vec::new();
    let levels = levels(notice);
    if !levels.is_empty() {
        blocks.push(Block::Section { text: None, fields: levels });
    }
    match &wording.text {
        Some(text) => blocks.push(Block::Section {
            text: Some(Text::Mrkdwn { text: escaped(text, SLACK_TEXT_UNITS), verbatim: true }),
            fields: Vec::new(),
        }),
        None => blocks.extend(excerpt(&notice.excerpt)),
    }
    let mut lines = Vec::new();
    lines.extend(notice.problem.map(str::to_owned));
    lines.extend(notice.held_back_words());
    lines.extend(wording.note.clone());
    // One block each, so that each has a line of its own.
    blocks.extend(
        lines
            .iter()
            .map(|line| Block::Context { elements: vec![plain_text(line, SLACK_TEXT_UNITS)] }),
    );
    let facts = facts(notice);
    if !facts.is_empty() {
        blocks.push(Block::Context { elements: facts });
    }
    let buttons = buttons(notice);
    if !buttons.is_empty() {
        blocks.push(Block::Actions { elements: buttons });
    }
    // Nothing at all is known of an alert with an empty object as its body.
    if blocks.is_empty() {
        let text = plain_text("The alert says nothing more.", SLACK_TEXT_UNITS);
        blocks.push(Block::Context { elements: vec![text] });
    }
    blocks
}

fn levels(notice: &Notice) -> Vec<Text> {
    let field = |(label, word): (&str, String)| {
        let text = format!("*{label}*\n{}", plain::unformatted(&word));
        Text::Mrkdwn { text: escaped(&text, SLACK_FIELD_UNITS), verbatim: true }
    };
    notice.levels().into_iter().map(field).collect()
}

/// The feedback, over as many sections as it needs and may have.
fn excerpt(text: &str) -> Vec<Block> {
    let mut rest = text;
    let mut sections = Vec::new();
    while !rest.is_empty() && sections.len() < SLACK_EXCERPT_SECTIONS {
        let last = sections.len() + 1 == SLACK_EXCERPT_SECTIONS;
        let fits = |part: &str| units(part) <= SLACK_TEXT_UNITS;
        let end = plain::fitting(rest, fits);
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let shown = if last { rest } else { part };
        rest = behind;
        // Slack refuses texts without a letter.
        if !shown.trim().is_empty() {
            let text = Some(plain_text(shown, SLACK_TEXT_UNITS));
            sections.push(Block::Section { text, fields: Vec::new() });
        }
    }
    sections
}

fn facts(notice: &Notice) -> Vec<Text> {
    [
        ("Source", notice.source.clone()),
        ("Record", notice.record_id.clone()),
        ("Organisation", notice.org_id.clone()),
        ("Written", notice.created_at.as_ref().map(Moment::shown)),
        ("Escalated", notice.escalated_at.as_ref().map(Moment::shown)),
        ("Automation", notice.automation_name.clone()),
    ]
    .into_iter()
    .filter_map(|(label, value)| {
        Some(plain_text(&format!("{label}: {}", value?), SLACK_TEXT_UNITS))
    })
    .collect()
}

fn buttons(notice: &Notice) -> Vec<Button> {
    [
        ("open_record", "Open record", &notice.record_url),
        ("open_source", "Open source", &notice.source_url),
    ]
    .into_iter()
    .filter_map(|(action_id, label, link)| {
        let url = link.as_ref().and_then(Link::web)?.to_owned();
        Some(Button { kind: "button", action_id, text: plain_text(label, SLACK_FIELD_UNITS), url })
    })
    .collect()
}

fn fallback(notice: &Notice, wording: &Wording) -> String {
    let feedback = plain::line(&notice.excerpt, SLACK_FALLBACK_EXCERPT_CHARS);
    let text = match feedback.as_str() {
        "" => wording.title.clone(),
        feedback => format!("{} — {feedback}", wording.title),
    };
    escaped(&text, SLACK_FALLBACK_UNITS)
}

fn plain_text(text: &str, units: usize) -> Text {
    Text::PlainText { text: escaped(text, units), emoji: false }
}

/// From calm to alarming; grey where the word is not ours.
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

/// The text with Slack's control characters escaped, of at most so many units, with `…` where it
/// was cut.
fn escaped(text: &str, most: usize) -> String {
    let (kept, end) = if units(text) <= most {
        (text, "")
    } else {
        let end = plain::fitting(text, |part| units(part) < most);
        (text.get(..end).unwrap_or_default().trim_end(), "…")
    };
    let mut escaped = String::with_capacity(kept.len());
    for letter in kept.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped.push_str(end);
    escaped
}

/// The length of a text in UTF-16 units once it is escaped.
fn units(text: &str) -> usize {
    text.chars()
        .map(|letter| match letter {
            '&' => "&amp;".len(),
            '<' | '>' => "&lt;".len(),
            other => other.len_utf16(),
        })
        .sum()
}
