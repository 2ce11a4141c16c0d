//! Numbers, times and spans in the words of plots.

use std::time::Duration;

use jiff::tz::Offset;

use crate::domain::minutes::Span;
use crate::domain::time::Timestamp;

/// `1204` as `1,204`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same for an axis, where there is little room: `1.5k`.
pub(super) fn short(number: u64) -> String {
    for (unit, name) in [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
        if number >= unit {
            let tenths = number / (unit / 10);
            let (whole, tenth) = (tenths / 10, tenths % 10);
            return match tenth {
                0 => format!("{whole}{name}"),
                _ => format!("{whole}.{tenth}{name}"),
            };
        }
    }
    number.to_string()
}

/// In units that people read, to two digits or so: `120 ms`, `2.3 s`, `3 min 20 s`.
pub(super) fn span_of_time(span: Duration) -> String {
    let (ms, s) = (span.as_millis(), span.as_secs());
    let two = |first: u64, unit: &str, second: u64, smaller: &str| match second {
        0 => format!("{first} {unit}"),
        _ => format!("{first} {unit} {second} {smaller}"),
    };
    match s {
        0 if ms == 0 && !span.is_zero() => "under 1 ms".to_owned(),
        0 => format!("{ms} ms"),
        1..10 if !(ms / 100).is_multiple_of(10) => format!("{s}.{} s", ms / 100 % 10),
        1..60 => format!("{s} s"),
        60..3_600 => two(s / 60, "min", s % 60, "s"),
        3_600..86_400 => two(s / 3_600, "h", s / 60 % 60, "min"),
        _ => two(s / 86_400, "d", s / 3_600 % 24, "h"),
    }
}

/// What the span is called in a sentence.
pub(super) fn last(span: Span) -> &'static str {
    match span {
        Span::Hour => "the last hour",
        Span::Day => "the last day",
        Span::Week => "the last week",
    }
}

/// How long a step of it is, in a sentence.
pub(super) fn step(span: Span) -> &'static str {
    match span {
        Span::Hour => "one minute",
        Span::Day => "15 minutes",
        Span::Week => "two hours",
    }
}

/// The verb of that number.
pub(super) fn were(number: u64) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

/// A step of that span where there is little room.
pub(super) fn per_step(span: Span) -> &'static str {
    match span {
        Span::Hour => "per minute",
        Span::Day => "per 15 min",
        Span::Week => "per 2 h",
    }
}

/// Which part of a point in time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// `12:04`
    Time,
    /// `Jun 27`
    Date,
    /// `Jun 27, 12:04`
    Both,
}

impl Part {
    /// The word for a script that shows local time in its place.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Date => "date",
            Self::Both => "both",
        }
    }
}

/// A point in time by UTC.
pub(super) fn utc(at: Timestamp, part: Part) -> String {
    let Ok(instant) = jiff::Timestamp::from_millisecond(at.as_millis()) else {
        return at.to_string();
    };
    let form = match part {
        Part::Time => "%H:%M",
        Part::Date => "%b %-d",
        Part::Both => "%b %-d, %H:%M",
    };
    Offset::UTC.to_datetime(instant).strftime(form).to_string()
}

/// When a step was, in a sentence: `at 12:04 UTC`.
pub(super) fn when(at: Timestamp, span: Span) -> String {
    match span {
        Span::Hour | Span::Day => format!("at {} UTC", utc(at, Part::Time)),
        Span::Week => format!("on {} at {} UTC", utc(at, Part::Date), utc(at, Part::Time)),
    }
}

/// Makes a text harmless between tags and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for each in text.chars() {
        match each {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_people() {
        let counts = [0, 7, 999, 1_000, 1_204, 1_000_000, u64::MAX].map(count);
        let expected =
            ["0", "7", "999", "1,000", "1,204", "1,000,000", "18,446,744,073,709,551,615"];
        assert_eq!(counts, expected);
        let shorts = [0, 999, 1_000, 1_500, 20_000, 2_500_000, 3_000_000_000].map(short);
        assert_eq!(shorts, ["0", "999", "1k", "1.5k", "20k", "2.5M", "3G"]);
    }

    #[test]
    fn spans_of_time_are_told_in_their_units() {
        for (ms, text) in [
            (0, "0 ms"),
            (120, "120 ms"),
            (1_000, "1 s"),
            (2_349, "2.3 s"),
            (9_040, "9 s"),
            (47_900, "47 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (3_600_000, "1 h"),
            (7_500_000, "2 h 5 min"),
            (86_400_000, "1 d"),
            (100_800_000, "1 d 4 h"),
        ] {
            assert_eq!(span_of_time(Duration::from_millis(ms)), text);
        }
        assert_eq!(span_of_time(Duration::from_micros(300)), "under 1 ms");
    }

    #[test]
    fn points_in_time_are_told_by_utc() {
        let at = Timestamp::from_millis(1_782_561_840_000);
        let told = [Part::Time, Part::Date, Part::Both].map(|part| utc(at, part));
        assert_eq!(told, ["12:04", "Jun 27", "Jun 27, 12:04"]);
        assert_eq!(when(at, Span::Week), "on Jun 27 at 12:04 UTC");
        assert_eq!(utc(Timestamp::from_millis(i64::MAX), Part::Time), "9223372036854775807ms");
    }

    #[test]
    fn nothing_escapes() {
        assert_eq!(escaped("<a b='c'>\"&\""), "&lt;a b=&#39;c&#39;&gt;&quot;&amp;&quot;");
    }
}
