//! Why a record goes by the levels that were found for it: which words, in which of its texts, moved which axis.

use schemars::JsonSchema;
use serde::Serialize;

use crate::detect::external::{Finding, JudgedBy, Unanswered};
use crate::detect::{Evidence, Language, Place};
use crate::domain::levels::{Levels, SentimentShift};

/// What was found about a record that came without levels, and by whom.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Detected")]
pub(in crate::web) struct DetectedOut {
    /// Whose levels it goes by: `built_in`, or `classifier`.
    judged_by: &'static str,
    /// The classifier's own words, where it gave some.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    /// Why the classifier that is configured did not judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered: Option<UnansweredOut>,
    /// What the built-in detector found, where the classifier judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    built_in: Option<LevelsOut>,
    /// The language of its newest text, as `en`; absent where there are no phrases in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    /// What moved the built-in detector's levels: the strongest reasons, by axis.
    evidence: Vec<EvidenceOut>,
}

/// Why a classifier did not judge.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Unanswered")]
struct UnansweredOut {
    /// `timeout`, `egress_denied`, `unreachable`, `status`, `too_long`, `bad_answer`, `circuit_open`, `waited`,
    /// `crowded` or `not_configured`.
    reason: &'static str,
    /// What to look for.
    detail: String,
}

/// The levels of a record.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Levels")]
pub(super) struct LevelsOut {
    /// `none`, `low`, `medium`, `high` or `extreme`.
    escalation_level: &'static str,
    /// `none`, `low`, `medium`, `high` or `extreme`.
    emotional_intensity_level: &'static str,
    /// `sentiment improved`, `sentiment unchanged` or `sentiment degraded`, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment_shift: Option<&'static str>,
}

impl LevelsOut {
    pub(super) fn of(levels: &Levels) -> Self {
        Self {
            escalation_level: levels.escalation.word(),
            emotional_intensity_level: levels.emotional_intensity.word(),
            sentiment_shift: levels.sentiment_shift.map(SentimentShift::word),
        }
    }
}

/// One reason.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Evidence")]
pub(super) struct EvidenceOut {
    /// `escalation_level`, `emotional_intensity_level` or `sentiment_shift`.
    axis: &'static str,
    /// The text in which the words stand, as a JSON pointer into the record: `/content` or
    /// `/messages/0/text`.
    place: String,
    /// The first byte of the words in that text.
    start: usize,
    /// The byte behind them.
    end: usize,
    /// The words; cut where they are many.
    words: String,
    /// What they were found by: a family of phrases such as `legal`, or `lexicon`, `emphasis`, `course`.
    rule: &'static str,
    /// By how much they moved the axis: up where above 0. Comparable within an axis.
    weight: f64,
    /// The same in a sentence.
    because: String,
}

impl DetectedOut {
    pub(in crate::web) fn of(finding: &Finding) -> Self {
        let Finding { detected, language, evidence, judged_by, levels: _ } = finding;
        let by_classifier = matches!(judged_by, JudgedBy::Classifier(_));
        Self {
            judged_by: judged_by.word(),
            explanation: match judged_by {
                JudgedBy::Classifier(words) => words.clone(),
                JudgedBy::BuiltIn | JudgedBy::InPlace(_) => None,
            },
            unanswered: match judged_by {
                JudgedBy::InPlace(Unanswered { reason, detail }) => {
                    Some(UnansweredOut { reason: reason.word(), detail: detail.clone() })
                }
                JudgedBy::BuiltIn | JudgedBy::Classifier(_) => None,
            },
            built_in: by_classifier.then(|| LevelsOut::of(detected)),
            language: language.map(Language::code),
            evidence: evidence.iter().map(EvidenceOut::of).collect(),
        }
    }
}

impl EvidenceOut {
    pub(super) fn of(evidence: &Evidence) -> Self {
        Self {
            axis: evidence.axis.word(),
            place: match evidence.place {
                Place::Content => "/content".to_owned(),
                Place::Message(index) => format!("/messages/{index}/text"),
            },
            start: evidence.bytes.start,
            end: evidence.bytes.end,
            words: evidence.words.clone(),
            rule: evidence.rule.word(),
            // More digits say nothing.
            weight: (evidence.weight * 1000.0).round() / 1000.0,
            because: evidence.because(),
        }
    }
}
