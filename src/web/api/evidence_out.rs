//! Why a record goes by the levels that were found for it: which words, in which of its texts, moved which axis.

use schemars::JsonSchema;
use serde::Serialize;

use crate::detect::{Assessment, Evidence, Language, Place};

/// What the detector found about a record that came without levels.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Detected")]
pub(in crate::web) struct DetectedOut {
    /// The language of its newest text, as `en`; absent where there are no phrases in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    /// The strongest reasons, by axis.
    evidence: Vec<EvidenceOut>,
}

/// One reason.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Evidence")]
struct EvidenceOut {
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
    pub(in crate::web) fn of(found: &Assessment) -> Self {
        Self {
            language: found.language.map(Language::code),
            evidence: found.evidence.iter().map(EvidenceOut::of).collect(),
        }
    }
}

impl EvidenceOut {
    fn of(evidence: &Evidence) -> Self {
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
            because: evidence.because.clone(),
        }
    }
}
