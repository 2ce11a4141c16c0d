//! A finding as it is kept beside a record that waits, and beside an alert for as long as that is kept: JSON of our own,
//! whose form may change with the schema only.

use serde::{Deserialize, Serialize};

use super::{Finding, JudgedBy};
use crate::detect::{Evidence, Language};
use crate::domain::levels::Levels;

/// Why what was kept is no finding: damage, or a bug of ours. It repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is kept of it is no finding")]
pub struct NoFinding;

#[derive(Serialize, Deserialize)]
struct Stored {
    levels: StoredLevels,
    detected: StoredLevels,
    language: Option<Language>,
    evidence: Vec<Evidence>,
    judged_by: JudgedBy,
}

/// Their words.
#[derive(Serialize, Deserialize)]
struct StoredLevels(String, String, Option<String>);

impl StoredLevels {
    fn of(levels: &Levels) -> Self {
        Self(
            levels.escalation.word().to_owned(),
            levels.emotional_intensity.word().to_owned(),
            levels.sentiment_shift.map(|shift| shift.word().to_owned()),
        )
    }

    fn read(&self) -> Result<Levels, NoFinding> {
        let Self(escalation, intensity, shift) = self;
        let shift = shift.as_ref().map(|shift| shift.parse().map_err(|_| NoFinding));
        Ok(Levels {
            escalation: escalation.parse().map_err(|_| NoFinding)?,
            emotional_intensity: intensity.parse().map_err(|_| NoFinding)?,
            sentiment_shift: shift.transpose()?,
        })
    }
}

impl Finding {
    /// All of it.
    pub fn to_stored(&self) -> String {
        let stored = Stored {
            levels: StoredLevels::of(&self.levels),
            detected: StoredLevels::of(&self.detected),
            language: self.language,
            evidence: self.evidence.clone(),
            judged_by: self.judged_by.clone(),
        };
        // Words and finite numbers: there is nothing that could not be said.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// The finding that was kept so.
    ///
    /// # Errors
    /// It was damaged.
    pub fn from_stored(text: &str) -> Result<Self, NoFinding> {
        let stored: Stored = serde_json::from_str(text).map_err(|_| NoFinding)?;
        Ok(Self {
            levels: stored.levels.read()?,
            detected: stored.detected.read()?,
            language: stored.language,
            evidence: stored.evidence,
            judged_by: stored.judged_by,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Opinion, Reason, Unanswered};
    use super::*;
    use crate::detect::{History, Model, assess};
    use crate::domain::levels::{Level, SentimentShift};
    use crate::domain::sample;

    fn finding() -> Finding {
        let model = Model::built_in().unwrap();
        let mut record = sample::record();
        record.content =
            "DISGRACEFUL!!! I will call my lawyer, gr\u{fc}\u{df}e \u{1f621}".to_owned();
        Finding::built_in(assess(&record, &History::new(0), &model))
    }

    #[test]
    fn what_is_kept_is_the_very_finding() {
        let found = finding();
        assert!(!found.evidence.is_empty());
        let opinion = Opinion {
            escalation: Level::Extreme,
            emotional_intensity: Level::None,
            sentiment_shift: Some(SentimentShift::Degraded),
            words: Some("tone".to_owned()),
        };
        let unanswered = Unanswered::new(Reason::Timeout, "connected, but no answer");
        for each in [found.clone(), found.clone().asked(Ok(opinion)), found.asked(Err(unanswered))]
        {
            assert_eq!(Finding::from_stored(&each.to_stored()), Ok(each));
        }
    }

    #[test]
    fn damage_is_no_finding() {
        let whole = finding().to_stored();
        let odd =
            whole.replacen("\"none\"", "\"furious\"", 1).replacen("\"extreme\"", "\"furious\"", 1);
        for text in ["", "{}", whole.get(..whole.len() - 1).unwrap(), odd.as_str()] {
            assert_eq!(Finding::from_stored(text), Err(NoFinding), "{text}");
        }
    }
}
