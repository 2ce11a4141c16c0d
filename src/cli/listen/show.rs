//! A request as a person reads it: one line, and below it what deserves to be noticed.

use std::fmt::Write as _;
use std::time::Duration;

use super::script::{Answer, RetryAfter};
use super::seen::Seen;
use crate::cli::paint::{Colour, Paint, plain};

/// What ids are filled up to, so that what follows stands in a column.
const ID_WIDTH: usize = 20;
/// Characters of the customer's words that are shown.
const WORDS_SHOWN: usize = 100;

/// How requests are told.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// With colours or without.
    pub paint: Paint,
    /// The receiver's name, where several are told of.
    pub receiver: Option<&'static str>,
    /// Whether the customer's words are quoted.
    pub words: bool,
}

/// The lines of one request, each with its end.
pub fn lines(seen: &Seen, manner: Manner) -> String {
    let Manner { paint, receiver, words } = manner;
    let mut text = String::with_capacity(256);
    let mut put = |line: String| {
        // Writing into a String can't fail.
        let _infallible = writeln!(text, "{line}");
    };
    let time = seen.at.strftime("%H:%M:%S%.3f").to_string();
    let (sign, colour) = sign(&seen.answer);
    let what = match &seen.alert {
        Some(alert) => {
            let id = plain(&alert.record_id);
            let shift = alert.sentiment_shift.as_deref().unwrap_or("");
            format!(
                "{}{} {}/{}  {}",
                paint.bold(&id),
                " ".repeat(ID_WIDTH.saturating_sub(id.chars().count())),
                plain(&alert.escalation_level),
                plain(&alert.emotional_intensity_level),
                plain(shift)
            )
        }
        None => match &seen.title {
            Some(title) => paint.bold(&plain(title)),
            None => format!("{} {}", plain(&seen.method), plain(&seen.path)),
        },
    };
    let again = match (seen.duplicate, seen.attempt) {
        (true, _) => paint.colour(Colour::Yellow, "  duplicate: taken before"),
        (false, 1) => String::new(),
        (false, attempt) => paint.dim(&format!("  try {attempt}")),
    };
    let receiver = receiver.map_or(String::new(), |name| format!("{name:<8}"));
    put(format!(
        "{}  {receiver}{} {}{again}",
        paint.dim(&time),
        paint.colour(colour, &sign),
        what.trim_end()
    ));
    if let Some(alert) = &seen.alert
        && words
        && seen.attempt == 1
        && !alert.content_excerpt.is_empty()
    {
        let mut quote: String = alert.content_excerpt.chars().take(WORDS_SHOWN).collect();
        if quote.len() < alert.content_excerpt.len() {
            quote.push('…');
        }
        let source = plain(&alert.source);
        put(paint.dim(&format!("              “{}” ({source})", plain(&quote))));
    }
    for problem in &seen.problems {
        let problem = format!("            ! {}", plain(problem));
        put(paint.colour(Colour::Yellow, &problem));
    }
    text
}

/// The answer in a few letters, as wide as the widest usual one.
fn sign(answer: &Answer) -> (String, Colour) {
    let word = answer.given().map_or_else(|| answer.word().to_owned(), |status| status.to_string());
    let mut sign = format!("→ {word:<6}");
    if answer.after > Duration::ZERO {
        let _infallible = write!(sign, "after {:?} ", answer.after);
    }
    for asked in &answer.retry_after {
        let _infallible = match asked {
            RetryAfter::Seconds(seconds) => write!(sign, "retry-after {seconds} s "),
            RetryAfter::Date(by_ms) => write!(sign, "retry-after a date {} s off ", by_ms / 1000),
            RetryAfter::Raw(text) => write!(sign, "retry-after `{text}` "),
        };
    }
    (sign, if answer.takes() { Colour::Green } else { Colour::Red })
}
