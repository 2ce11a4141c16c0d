//! Times, spans and counts as people read them.

use std::time::Duration;

use crate::domain::time::{Timestamp, parse_rfc3339};
use crate::domain::verdict::Miss;

/// A point in time on a page: the script shows it in the reader's own time zone, and UTC on hover.
#[derive(Debug, Clone)]
pub(super) struct When {
    /// RFC 3339, for the script and the title.
    pub(super) full: String,
    /// `2026-11-24 03:05:06`, in UTC until the script has been there; both forms are as wide.
    pub(super) text: String,
    /// How long ago, or how long from now.
    pub(super) ago: String,
}

impl When {
    /// That time, seen from `now`.
    pub(super) fn of(at: Timestamp, now: Timestamp) -> Self {
        let full = at.to_string();
        let text = full.get(..19).unwrap_or(&full).replace('T', " ");
        Self { text, ago: ago(at, now), full }
    }

    /// A time as the API writes it.
    pub(super) fn read(text: &str, now: Timestamp) -> Option<Self> {
        let at = parse_rfc3339(text).ok()?;
        Some(Self::of(Timestamp::from_millis(at.as_millisecond()), now))
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let (past, future) = (now.since(at), at.since(now));
    if future >= Duration::from_secs(1) {
        format!("in {}", span(future))
    } else if past < Duration::from_secs(1) {
        "now".to_owned()
    } else {
        format!("{} ago", span(past))
    }
}

/// A span with one unit, the largest that it fills: `40 s`, `3 min`, `2 h`, `5 days`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A span that was set, in the largest unit that it is whole in: `1500 ms`, `5 s`, `1 h`, `3 days`.
pub(super) fn exact(span: Duration) -> String {
    const UNITS: [(u128, &str); 4] =
        [(86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let ms = span.as_millis();
    let whole = UNITS.iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    match whole {
        Some((unit, "days")) if ms == *unit => "1 day".to_owned(),
        Some((unit, name)) => format!("{} {name}", ms / unit),
        None => format!("{ms} ms"),
    }
}

/// A count with its thousands apart: `1,204`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with one unit: `1.4 MB`.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(size, _)| number >= *size) {
        None => format!("{number} bytes"),
        Some((size, unit)) => {
            let tenths = number / (size / 10);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
    }
}

/// Why an automation does not fire.
pub(super) fn miss_words(miss: &Miss) -> String {
    let below = |axis: &str, least: &str, found: &str| {
        format!("{axis} is {found}, and at least {least} is asked for")
    };
    match miss {
        Miss::Inactive => "the automation is switched off".to_owned(),
        Miss::Filter => "the feedback filter does not match".to_owned(),
        Miss::Escalation { least, found } => below("escalation level", least.word(), found.word()),
        Miss::EmotionalIntensity { least, found } => {
            below("emotional intensity", least.word(), found.word())
        }
        Miss::SentimentShift { least, found } => {
            below("sentiment shift", least.word(), found.map_or("not known", |shift| shift.word()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_unit() {
        for (ms, words) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), words);
        }
    }

    #[test]
    fn what_was_set_is_told_exactly() {
        for (ms, words) in [
            (0, "0 ms"),
            (1_500, "1500 ms"),
            (90_000, "90 s"),
            (3_600_000, "1 h"),
            (86_400_000, "1 day"),
            (259_200_000, "3 days"),
        ] {
            assert_eq!(exact(Duration::from_millis(ms)), words);
        }
    }

    #[test]
    fn times_are_told_from_now() {
        let now = Timestamp::from_millis(1_000_000_000_000);
        let when = |ms: i64| When::of(Timestamp::from_millis(1_000_000_000_000 + ms), now);
        assert_eq!(when(-61_000).ago, "61 s ago");
        assert_eq!(when(300_000).ago, "in 5 min");
        assert_eq!(when(0).ago, "now");
        assert_eq!(when(0).text, "2001-09-09 01:46:40");
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_204), "1,204");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(bytes(900), "900 bytes");
        assert_eq!(bytes(1_450_000), "1.4 MB");
    }
}
