//! Why an assessment is what it is: which words, in which text of the record, moved which axis.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::family::Family;
use super::model::Model;
use super::reading::{Reading, is_cue, loudness};
use crate::domain::limits::{DETECT_EVIDENCE, DETECT_EVIDENCE_BYTES};
use crate::domain::record::Record;

/// One of the three axes that an alert carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Axis {
    EscalationLevel,
    EmotionalIntensityLevel,
    SentimentShift,
}

impl Axis {
    /// Its name on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::EscalationLevel => "escalation_level",
            Self::EmotionalIntensityLevel => "emotional_intensity_level",
            Self::SentimentShift => "sentiment_shift",
        }
    }
}

/// Which text of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Its content.
    Content,
    /// The message with this index.
    Message(usize),
}

impl Place {
    /// That text of this record; empty where it has none there.
    pub fn text(self, record: &Record) -> &str {
        match self {
            Self::Content => &record.content,
            Self::Message(index) => record.messages.get(index).map_or("", |it| it.text.as_str()),
        }
    }
}

/// What moved an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A phrase of this family.
    Phrase(Family),
    /// A phrase of this family that the organisation has added.
    Added(Family),
    /// A negative word of VADER's lexicon.
    Negative,
    /// A positive word of it.
    Positive,
    /// Capitals, marks, letters drawn out.
    Emphasis,
    /// The course of the conversation.
    Course,
}

impl Rule {
    /// Whether it found single words, and not something of the whole text.
    pub const fn is_of_words(self) -> bool {
        match self {
            Self::Phrase(_) | Self::Added(_) | Self::Negative | Self::Positive => true,
            Self::Emphasis | Self::Course => false,
        }
    }

    /// Its name in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Phrase(family) | Self::Added(family) => family.word(),
            Self::Negative | Self::Positive => "lexicon",
            Self::Emphasis => "emphasis",
            Self::Course => "course",
        }
    }
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The axis that was moved.
    pub axis: Axis,
    /// The text in which the words stand.
    pub place: Place,
    /// Where, in bytes of that text as it came in.
    pub bytes: Range<usize>,
    /// The words; cut where they are many.
    pub words: String,
    /// What they were found by.
    pub rule: Rule,
    /// By how much they moved the axis: up where above zero. Comparable within an axis.
    pub weight: f64,
}

impl Evidence {
    /// The same in a sentence for a person.
    pub fn because(&self) -> String {
        let words = &self.words;
        let says = match self.rule {
            Rule::Course => {
                let way = if self.weight < 0.0 { "negative" } else { "positive" };
                return format!("the last message is more {way} than those before");
            }
            Rule::Phrase(family) | Rule::Added(family) => family.sentence(),
            Rule::Negative => "uses a negative word",
            Rule::Positive => "uses a positive word",
            Rule::Emphasis => "writes loudly (capitals, marks, letters drawn out)",
        };
        format!("\"{words}\": the customer {says}")
    }
}

/// A reason before it is put into words: there may be thousands, of which few are kept.
#[derive(Debug, Clone)]
pub(super) struct Reason {
    pub(super) axis: Axis,
    pub(super) place: Place,
    pub(super) bytes: Range<usize>,
    pub(super) rule: Rule,
    pub(super) weight: f64,
}

/// The reasons in one text. `aged` is how much the text still counts.
pub(super) fn reasons(place: Place, reading: &Reading, model: &Model, aged: f64) -> Vec<Reason> {
    let mut found = Vec::with_capacity(2 * reading.hits.len() + reading.feeling.words.len() + 1);
    let mut push = |axis, bytes: &Range<usize>, rule, weight: f64| {
        if weight != 0.0 {
            let (bytes, weight) = (bytes.clone(), weight * aged);
            found.push(Reason { axis, place, bytes, rule, weight });
        }
    };
    for hit in reading.hits.iter().filter(|hit| is_cue(hit.family)) {
        let first = reading.text.tokens.get(hit.first);
        let last = reading.text.tokens.get(hit.end.saturating_sub(1));
        let Some((first, last)) = first.zip(last) else { continue };
        let rule = if hit.added { Rule::Added(hit.family) } else { Rule::Phrase(hit.family) };
        let bytes = first.start as usize..last.end as usize;
        let (escalation, intensity) = effect(hit.family, model);
        push(Axis::EscalationLevel, &bytes, rule, hit.weight * escalation);
        push(Axis::EmotionalIntensityLevel, &bytes, rule, hit.weight * intensity);
    }
    for (bytes, valence) in &reading.feeling.words {
        let rule = if *valence < 0.0 { Rule::Negative } else { Rule::Positive };
        push(Axis::EmotionalIntensityLevel, bytes, rule, valence.abs() / 10.0);
    }
    let loud = loudness(&reading.signals, model);
    push(Axis::EmotionalIntensityLevel, &(0..reading.bytes), Rule::Emphasis, loud);
    found
}

/// How a family moves escalation and intensity.
fn effect(family: Family, model: &Model) -> (f64, f64) {
    let weights = &model.weights;
    let escalation = if family.is_intent() { 1.0 } else { weights.grievance.of(family) / 10.0 };
    (escalation, weights.intensity.of(family) / 4.0)
}

fn excerpt(source: &str, bytes: &Range<usize>) -> String {
    let words = source.get(bytes.clone()).unwrap_or_default();
    let end = words.floor_char_boundary(DETECT_EVIDENCE_BYTES);
    let mut excerpt = String::with_capacity(end);
    for word in words.get(..end).unwrap_or_default().split_whitespace() {
        if !excerpt.is_empty() {
            excerpt.push(' ');
        }
        excerpt.push_str(word);
    }
    excerpt
}

/// The strongest reasons of each axis, in the order in which they stand in the record.
pub(super) fn strongest(mut all: Vec<Reason>) -> Vec<Reason> {
    all.sort_by(|a, b| {
        b.weight.abs().total_cmp(&a.weight.abs()).then_with(|| position(a).cmp(&position(b)))
    });
    let mut left = [DETECT_EVIDENCE / 2, DETECT_EVIDENCE / 2 - 1, 1];
    all.retain(|each| match left.get_mut(each.axis as usize) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    });
    all.sort_by_key(position);
    all
}

/// A reason in words; `source` is the text of its place.
pub(super) fn told(reason: Reason, source: &str) -> Evidence {
    let Reason { axis, place, bytes, rule, weight } = reason;
    let words = excerpt(source, &bytes);
    Evidence { axis, place, bytes, words, rule, weight }
}

fn position(reason: &Reason) -> (Axis, Place, usize, usize, Rule) {
    let Reason { axis, place, bytes, rule, .. } = reason;
    (*axis, *place, bytes.start, bytes.end, *rule)
}
