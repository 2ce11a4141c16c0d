//! What keeps alerts from being too many or at the wrong hour: a cool-down for each conversation or
//! account, and quiet hours. Both are off unless set, and neither loses anything: what a cool-down holds
//! back is counted and told with the next alert, what falls into quiet hours goes out at their end.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};
use sha2::{Digest as _, Sha256};

use super::levels::{Level, Levels};
use super::limits::{COOL_DOWN, QUIET_WINDOWS};
use super::record::{MetadataValue, Record};
use super::time::Timestamp;

mod json;
pub use json::span;

/// What an automation sets of both.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hygiene {
    /// One alert for each key in a span of time.
    pub cool_down: Option<CoolDown>,
    /// When no alert goes out.
    pub quiet_hours: Option<QuietHours>,
}

/// One alert for each key in a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoolDown {
    /// What the alerts of one key have in common.
    pub per: Per,
    /// For how long after an alert others of its key are held back.
    pub span: Duration,
}

/// What the alerts of one key have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// The record's conversation.
    Conversation,
    /// The value of a field of the record's metadata: the customer's account, say.
    Metadata(String),
}

/// A setting that can't be used: one sentence that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HygieneError(pub String);

fn refused<T>(why: impl Into<String>) -> Result<T, HygieneError> {
    Err(HygieneError(why.into()))
}

impl CoolDown {
    /// Checks the span.
    ///
    /// # Errors
    /// What to change.
    pub fn new(per: Per, span: Duration) -> Result<Self, HygieneError> {
        match COOL_DOWN.contains(&span) {
            true => Ok(Self { per, span }),
            false => refused("must be a duration from 1m to 7d, as in \"30m\" or \"4h\""),
        }
    }

    /// What tells a record's key from others: a digest, so that it tells nothing of the customer. A record
    /// without that field has none, and is never held back.
    pub fn key(&self, record: &Record) -> Option<[u8; 32]> {
        let value = match &self.per {
            Per::Conversation => record.conversation_id.clone()?,
            Per::Metadata(name) => text_of(record.metadata.get(name)?)?,
        };
        let mut digest = Sha256::new();
        for part in [record.org_id.as_str(), &self.per.to_string(), &value] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        Some(digest.finalize().into())
    }
}

fn text_of(value: &MetadataValue) -> Option<String> {
    let text = match value {
        MetadataValue::Text(text) => text.clone(),
        MetadataValue::Number(number) => number.to_string(),
        MetadataValue::Bool(truth) => truth.to_string(),
        MetadataValue::Texts(list) => list.join("\u{1f}"),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// Whether an alert of that level is held back by one that went out `since` ago at `level`: a worse one
/// never is.
pub fn holds_back(span: Duration, since: Duration, level: Level, alert: Level) -> bool {
    since < span && alert <= level
}

const METADATA: &str = "metadata.";

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation => f.write_str("conversation"),
            Self::Metadata(name) => write!(f, "{METADATA}{name}"),
        }
    }
}

impl FromStr for Per {
    type Err = HygieneError;

    fn from_str(text: &str) -> Result<Self, HygieneError> {
        match (text, text.strip_prefix(METADATA)) {
            ("conversation", _) => Ok(Self::Conversation),
            (_, Some(name)) if !name.is_empty() && name.len() <= 200 => {
                Ok(Self::Metadata(name.to_owned()))
            }
            _ => refused(
                "must be conversation, or a field of the metadata that names the account, as in \
                 metadata.account_id",
            ),
        }
    }
}

/// When no alert goes out: it waits until they end.
#[derive(Debug, Clone, PartialEq)]
pub struct QuietHours {
    zone: TimeZone,
    windows: Vec<Window>,
    /// Alerts from this escalation level on go out all the same.
    pub except_from: Option<Level>,
}

/// Hours of some days of the week, on the clocks of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From Monday on: the days on which it begins.
    days: [bool; 7],
    from: Time,
    /// The end; not later than `from` for one on the next day.
    to: Time,
}

impl QuietHours {
    /// Looks the zone up, which is in the program itself.
    ///
    /// # Errors
    /// What to change.
    pub fn new(
        zone: &str,
        windows: Vec<Window>,
        except_from: Option<Level>,
    ) -> Result<Self, HygieneError> {
        let Ok(zone) = TimeZone::get(zone) else {
            return refused("is not a time zone: give a name as in Europe/Berlin or UTC");
        };
        if windows.is_empty() || windows.len() > QUIET_WINDOWS {
            return refused(format!("must have 1 to {QUIET_WINDOWS} windows"));
        }
        let quiet = Self { zone, windows, except_from };
        // A week without a minute in between would hold alerts back for ever.
        match quiet.has_gap() {
            true => Ok(quiet),
            false => refused("leaves no time in the week for alerts to go out"),
        }
    }

    /// The zone's name.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// When an alert at these levels goes out at the earliest, if that is not now.
    pub fn put_off(&self, levels: &Levels, now: Timestamp) -> Option<Timestamp> {
        if self.except_from.is_some_and(|from| levels.escalation >= from) {
            return None;
        }
        self.ends(now)
    }

    /// When the quiet hours end in which `now` lies.
    fn ends(&self, now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        // Windows that touch are one. More than these there are not between two gaps.
        for _ in 0..=self.windows.len().saturating_mul(8) {
            match self.windows.iter().filter_map(|window| window.end_after(at, &self.zone)).max() {
                Some(end) => at = end,
                None => break,
            }
        }
        (at > now).then_some(at)
    }

    /// Whether some minute of a week lies in no window, by the hands of the clock.
    fn has_gap(&self) -> bool {
        const DAY: usize = 24 * 60;
        let mut quiet = vec![false; 7 * DAY];
        for window in &self.windows {
            let minutes = |time: Time| {
                usize::try_from(time.hour()).unwrap_or(0) * 60
                    + usize::try_from(time.minute()).unwrap_or(0)
            };
            let (from, to) = (minutes(window.from), minutes(window.to));
            let length = if to > from { to - from } else { to + DAY - from };
            for day in (0..7).filter(|day| window.days.get(*day) == Some(&true)) {
                for minute in 0..length {
                    let at = (day * DAY + from + minute) % (7 * DAY);
                    if let Some(quiet) = quiet.get_mut(at) {
                        *quiet = true;
                    }
                }
            }
        }
        quiet.iter().any(|quiet| !quiet)
    }
}

impl Window {
    /// Its end, where `at` lies in it. A clock that is set forward or back on that night is followed.
    fn end_after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let moment = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        let today = moment.to_zoned_datetime(zone.clone()).date();
        let yesterday = today.checked_sub(1.day()).ok()?;
        [yesterday, today].into_iter().find_map(|day| {
            let begins = usize::try_from(day.weekday().to_monday_zero_offset()).ok()?;
            if self.days.get(begins) != Some(&true) {
                return None;
            }
            let (from, to) = (self.at(day, self.from, zone)?, self.end(day, zone)?);
            (from <= at && at < to).then_some(to)
        })
    }

    fn end(&self, day: Date, zone: &TimeZone) -> Option<Timestamp> {
        let next: Span = 1.day();
        let day = if self.to > self.from { day } else { day.checked_add(next).ok()? };
        self.at(day, self.to, zone)
    }

    fn at(&self, day: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
        let at = DateTime::from_parts(day, time).to_zoned_datetime(zone.clone()).ok()?;
        Some(Timestamp::from_millis(at.timestamp().as_millisecond()))
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `mon-fri 20:00-07:00`, `sat,sun 00:00-24:00`.
impl FromStr for Window {
    type Err = HygieneError;

    fn from_str(text: &str) -> Result<Self, HygieneError> {
        const FORM: &str =
            "must be days and hours, as in mon-fri 20:00-07:00 or sat,sun 00:00-24:00";
        let wrong = || HygieneError(FORM.to_owned());
        let (days, hours) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let day = |word: &str| {
            let word = word.to_ascii_lowercase();
            DAYS.iter().position(|day| *day == word).ok_or_else(wrong)
        };
        let mut on = [false; 7];
        for part in days.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (day(first)?, day(last)?),
                None => (day(part)?, day(part)?),
            };
            // `sat-mon` goes over the end of the week.
            let count = (last + 7 - first) % 7;
            for offset in 0..=count {
                if let Some(on) = on.get_mut((first + offset) % 7) {
                    *on = true;
                }
            }
        }
        let (from, to) = hours.trim().split_once('-').ok_or_else(wrong)?;
        let time = |text: &str| {
            let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
            let digits = |text: &str| {
                let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
                two.then(|| text.parse::<i8>().ok()).flatten().ok_or_else(wrong)
            };
            match (digits(hour)?, digits(minute)?) {
                // The end of a day is the beginning of the next.
                (24, 0) => Ok(Time::midnight()),
                (hour, minute) => Time::new(hour, minute, 0, 0).map_err(|_| wrong()),
            }
        };
        let begins_at_its_end = from.trim_start().starts_with("24");
        if begins_at_its_end {
            return Err(wrong());
        }
        Ok(Self { days: on, from: time(from)?, to: time(to)? })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |day: usize| self.days.get(day % 7) == Some(&true);
        let mut parts: Vec<String> = Vec::new();
        let mut day = 0;
        while day < 7 {
            let run = (day..7).take_while(|day| on(*day)).count();
            let name = |day: usize| DAYS.get(day).copied().unwrap_or_default();
            match run {
                0 => {}
                1 => parts.push(name(day).to_owned()),
                2 => parts.push(format!("{},{}", name(day), name(day + 1))),
                run => parts.push(format!("{}-{}", name(day), name(day + run - 1))),
            }
            day += run.max(1);
        }
        let to = match self.to == Time::midnight() {
            true => "24:00".to_owned(),
            false => self.to.strftime("%H:%M").to_string(),
        };
        write!(f, "{} {}-{to}", parts.join(","), self.from.strftime("%H:%M"))
    }
}

#[cfg(test)]
mod tests;
