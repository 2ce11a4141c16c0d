//! A point in time, to the millisecond, that whoever asks for a decision hands in.

use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z. Arithmetic saturates: no clock can make it overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This much later.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// This much earlier.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with `Z`, with a fraction only where there is one.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.fmt(f),
            // Outside the years -9999 to 9999 there is no calendar form to print.
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// The text is no time that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a time with its offset from UTC, like 2026-06-27T12:00:00Z or 2026-06-27T14:00:00+02:00"
)]
pub struct BadTime;

/// Reads RFC 3339, and nothing else: what calendars add to it (zone names, weeks, a missing offset)
/// would be guessed at.
///
/// # Errors
/// The text has another form, or names a day that never was.
pub fn parse_rfc3339(text: &str) -> Result<jiff::Timestamp, BadTime> {
    if !has_form(text.as_bytes()) {
        return Err(BadTime);
    }
    let at: jiff::Timestamp = text.parse().map_err(|_| BadTime)?;
    // An offset can lead out of the years that four digits can write.
    if at.as_second() < YEAR_ZERO { Err(BadTime) } else { Ok(at) }
}

/// 0000-01-01T00:00:00Z in seconds since 1970.
const YEAR_ZERO: i64 = -62_167_219_200;

/// `date-time` of RFC 3339, section 5.6, with at most nanoseconds.
fn has_form(text: &[u8]) -> bool {
    let like = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                other => byte.eq_ignore_ascii_case(other),
            })
    };
    let Some((start, mut rest)) = text.split_at_checked(19) else { return false };
    if !like(start, b"0000-00-00T00:00:00") {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return false;
        }
        rest = fraction.get(digits..).unwrap_or_default();
    }
    like(rest, b"Z") || like(rest, b"+00:00")
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::parse_rfc3339;

    #[test]
    fn rfc_3339_is_read() {
        for (text, read) in [
            ("2026-06-27T12:00:00Z", "2026-06-27T12:00:00Z"),
            ("2026-06-27t12:00:00z", "2026-06-27T12:00:00Z"),
            ("2026-06-27T14:00:00+02:00", "2026-06-27T12:00:00Z"),
            ("2026-06-27T01:30:00-10:30", "2026-06-27T12:00:00Z"),
            ("2026-06-27T12:00:00.5Z", "2026-06-27T12:00:00.5Z"),
            ("2026-06-27T12:00:00.123456789Z", "2026-06-27T12:00:00.123456789Z"),
            ("2026-06-27T12:00:00.500Z", "2026-06-27T12:00:00.5Z"),
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
            ("2026-06-27T12:00:00-00:00", "2026-06-27T12:00:00Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse_rfc3339(text).unwrap().to_string(), read, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in [
            "",
            "2026-06-27",
            "2026-06-27T12:00:00",
            "2026-06-27T12:00Z",
            "2026-06-27 12:00:00Z",
            "2026-6-27T12:00:00Z",
            "2026-06-27T12:00:00.Z",
            "2026-06-27T12:00:00.1234567890Z",
            "2026-06-27T12:00:00+0200",
            "2026-06-27T12:00:00+02",
            "2026-06-27T12:00:00+02:00[Europe/Berlin]",
            "2026-06-27T12:00:00Z ",
            " 2026-06-27T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2026-13-01T12:00:00Z",
            "2026-06-27T24:00:00Z",
            "2026-06-27T12:60:00Z",
            "2026-06-27T12:00:00+99:00",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-12:00",
            "+002026-06-27T12:00:00Z",
            "1782561600",
            "27/06/2026",
            "２０２６-06-27T12:00:00Z",
        ] {
            assert!(parse_rfc3339(text).is_err(), "{text}");
        }
    }
}
