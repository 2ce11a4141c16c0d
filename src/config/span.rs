//! Spans of time as people write them.

use std::time::Duration;

const UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads `500ms`, `5s`, `2m`, `72h`, `30d`; also several in a row, as `1h30m`.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total_ms: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        // Longest first: `ms` before `m`.
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = rest.get(..letters)?;
        let (_, each_ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total_ms = total_ms.checked_add(count.checked_mul(*each_ms)?)?;
        rest = rest.get(letters..)?;
    }
    Some(Duration::from_millis(total_ms))
}

/// The same, written in the largest unit that it is whole in.
pub(super) fn shown(ms: u64) -> String {
    let whole = UNITS.iter().rev().find(|(_, each)| ms >= *each && ms.is_multiple_of(*each));
    let (name, each) = whole.copied().unwrap_or(("ms", 1));
    format!("{}{name}", ms / each)
}
