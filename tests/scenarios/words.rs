//! The words of a line, and the spans of time among them.

use std::fmt;

/// What is wrong with a scenario, and in which line of it.
#[derive(Debug)]
pub(crate) struct LangError {
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl fmt::Display for LangError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The words of one line, taken one after another.
pub(crate) struct Words<'a> {
    line: usize,
    rest: std::iter::Peekable<std::str::SplitWhitespace<'a>>,
}

impl<'a> Words<'a> {
    pub(crate) fn of(line: usize, text: &'a str) -> Self {
        Self { line, rest: text.split_whitespace().peekable() }
    }

    pub(crate) fn error<T>(&self, message: impl Into<String>) -> Result<T, LangError> {
        Err(LangError { line: self.line, message: message.into() })
    }

    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.rest.next()
    }

    pub(crate) fn peek(&mut self) -> Option<&'a str> {
        self.rest.peek().copied()
    }

    /// Takes the word if it is that one.
    pub(crate) fn took(&mut self, word: &str) -> bool {
        self.rest.next_if_eq(&word).is_some()
    }

    pub(crate) fn need(&mut self, what: &str) -> Result<&'a str, LangError> {
        match self.rest.next() {
            Some(word) => Ok(word),
            None => self.error(format!("{what} is missing")),
        }
    }

    pub(crate) fn span(&mut self) -> Result<u64, LangError> {
        let word = self.need("a span of time, like 5s,")?;
        match span(word) {
            Some(ms) => Ok(ms),
            None => self.error(format!("'{word}' is no span of time, like 120ms, 5s, 1h30m")),
        }
    }

    pub(crate) fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, LangError> {
        let word = self.need(what)?;
        match word.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.error(format!("'{word}' is no {what}")),
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), LangError> {
        match self.rest.next() {
            None => Ok(()),
            Some(word) => self.error(format!("unknown word '{word}'")),
        }
    }
}

/// Reads a span of time in milliseconds: `120ms`, `1.5s`, `1h30m`.
pub(crate) fn span(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(digits);
        let length = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(length);
        let ms = match unit {
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 60e3,
            "h" => 3600e3,
            "d" => 86_400e3,
            _ => return None,
        };
        total += (number.parse::<f64>().ok()? * ms).round() as u64;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// The same span as text: `350ms`, `5s`, `1m30s`, `2h`, `1m2.5s`.
pub(crate) fn spell(ms: u64) -> String {
    if ms < 1000 {
        return if ms == 0 { "0s".to_owned() } else { format!("{ms}ms") };
    }
    let (hours, minutes, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let mut text = String::new();
    if hours > 0 {
        text.push_str(&format!("{hours}h"));
    }
    if minutes > 0 {
        text.push_str(&format!("{minutes}m"));
    }
    if rest > 0 {
        let (seconds, thousandths) = (rest / 1000, rest % 1000);
        match thousandths {
            0 => text.push_str(&format!("{seconds}s")),
            _ => {
                let fraction = format!("{thousandths:03}");
                text.push_str(&format!("{seconds}.{}s", fraction.trim_end_matches('0')));
            }
        }
    }
    text
}

/// A moment of a scenario: `0:05.000`, `72:00:01.250`.
pub(crate) fn moment(ms: u64) -> String {
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, thousandths) = (ms / 1000 % 60, ms % 1000);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}.{thousandths:03}")
    } else {
        format!("{minutes}:{seconds:02}.{thousandths:03}")
    }
}

#[test]
fn spans_are_read_as_they_are_spelled() {
    for (text, ms) in [("120ms", 120), ("5s", 5000), ("1.5s", 1500), ("1h30m", 5_400_000)] {
        assert_eq!(span(text), Some(ms));
        assert_eq!(spell(ms), text);
    }
    assert_eq!(span("3d"), Some(259_200_000));
    for wrong in ["", "5", "s", "5x", "1h30", "-5s"] {
        assert_eq!(span(wrong), None, "{wrong}");
    }
    assert_eq!(moment(259_201_250), "72:00:01.250");
}
