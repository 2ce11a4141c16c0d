//! The three axes that an alert carries, and every word that is in use for them. This is the one
//! place that lists the words.

use std::fmt;
use std::str::FromStr;

/// Escalation level or emotional intensity level, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Level {
    None,
    Low,
    Medium,
    High,
    Extreme,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 5] = [Self::None, Self::Low, Self::Medium, Self::High, Self::Extreme];

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Extreme => "extreme",
        }
    }
}

/// How the customer's sentiment moved over the conversation, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub enum SentimentShift {
    Improved,
    Unchanged,
    Degraded,
}

impl SentimentShift {
    /// All shifts, best first.
    pub const ALL: [Self; 3] = [Self::Improved, Self::Unchanged, Self::Degraded];

    /// The words on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Improved => "sentiment improved",
            Self::Unchanged => "sentiment unchanged",
            Self::Degraded => "sentiment degraded",
        }
    }
}

/// The text is none of the words of its axis; the message lists those that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", .allowed.join(", "))]
pub struct UnknownWord {
    /// The words that would have been understood.
    pub allowed: Vec<&'static str>,
}

macro_rules! words {
    ($type:ty) => {
        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.into_iter().find(|each| each.word() == text);
                found.ok_or_else(|| UnknownWord { allowed: Self::ALL.map(Self::word).to_vec() })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words!(Level);
words!(SentimentShift);

/// What was found about one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// Does the customer mean to go around support?
    pub escalation: Level,
    /// How strong is the feeling?
    pub emotional_intensity: Level,
    /// Known only where there is an earlier message.
    pub sentiment_shift: Option<SentimentShift>,
}

/// The least that an automation asks of each axis; an axis without a minimum is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinimumLevels {
    /// At least this escalation level.
    pub escalation: Option<Level>,
    /// At least this emotional intensity level.
    pub emotional_intensity: Option<Level>,
    /// At least as bad a shift as this; a record whose shift is not known does not reach it.
    pub sentiment_shift: Option<SentimentShift>,
}

impl MinimumLevels {
    /// Whether the levels reach the minimum on every axis that has one.
    pub fn reached_by(&self, levels: &Levels) -> bool {
        let escalation = self.escalation.is_none_or(|least| levels.escalation >= least);
        let intensity =
            self.emotional_intensity.is_none_or(|least| levels.emotional_intensity >= least);
        let shift = self
            .sentiment_shift
            .is_none_or(|least| levels.sentiment_shift.is_some_and(|shift| shift >= least));
        escalation && intensity && shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        for shift in SentimentShift::ALL {
            assert_eq!(shift.to_string().parse(), Ok(shift));
        }
        for word in ["", "High", " high", "critical", "sentiment degraded"] {
            let unknown = word.parse::<Level>().unwrap_err();
            assert_eq!(unknown.to_string(), "must be one of none, low, medium, high, extreme");
        }
        assert!("degraded".parse::<SentimentShift>().is_err());
    }

    #[test]
    fn each_axis_with_a_minimum_must_reach_it() {
        for escalation in Level::ALL {
            for intensity in Level::ALL {
                let levels =
                    Levels { escalation, emotional_intensity: intensity, sentiment_shift: None };
                let minimum = MinimumLevels {
                    escalation: Some(Level::High),
                    emotional_intensity: Some(Level::Low),
                    sentiment_shift: None,
                };
                let expected =
                    matches!(escalation, Level::High | Level::Extreme) && intensity != Level::None;
                assert_eq!(minimum.reached_by(&levels), expected, "{levels:?}");
                assert!(MinimumLevels::default().reached_by(&levels));
            }
        }
    }

    #[test]
    fn a_shift_that_is_not_known_reaches_no_minimum() {
        let with = |shift| Levels {
            escalation: Level::None,
            emotional_intensity: Level::None,
            sentiment_shift: shift,
        };
        let minimum = |shift| MinimumLevels { sentiment_shift: Some(shift), ..Default::default() };
        use SentimentShift::{Degraded, Improved, Unchanged};
        for (least, shift, reached) in [
            (Degraded, Some(Degraded), true),
            (Degraded, Some(Unchanged), false),
            (Degraded, None, false),
            (Unchanged, Some(Degraded), true),
            (Unchanged, Some(Improved), false),
            (Improved, Some(Improved), true),
            (Improved, None, false),
        ] {
            assert_eq!(minimum(least).reached_by(&with(shift)), reached, "{least} {shift:?}");
        }
    }
}
