//! Why a record goes by the levels that were found for it: who judged, the reasons in sentences, and the words
//! in their places.

use std::collections::BTreeSet;

use crate::detect::external::{Finding, JudgedBy, Unanswered};
use crate::detect::{Axis, Evidence, Place};
use crate::domain::limits::WHY_TEXT_BYTES;
use crate::domain::plain::ELLIPSIS;
use crate::domain::record::Record;

/// What a person is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Why {
    /// Who judged, behind "the record brought no levels".
    pub(super) judged_by: String,
    /// The classifier's own words, where it gave some.
    pub(super) explanation: Option<String>,
    /// Whether it is the classifier's levels that count, and the reasons are not theirs.
    pub(super) overruled: bool,
    /// The reasons in sentences, each with its axis.
    pub(super) reasons: Vec<(&'static str, String)>,
    /// The texts that hold words which moved an axis, where the record is at hand.
    pub(super) texts: Vec<Marked>,
}

/// A text with those words marked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked {
    /// Which text of the record.
    pub(super) place: String,
    /// It in parts.
    pub(super) parts: Vec<Part>,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The words.
    pub(super) text: String,
    /// Which axes they moved; nothing where none.
    pub(super) axes: String,
    /// Whether the escalation level is one of them.
    pub(super) escalates: bool,
}

impl Why {
    /// For an alert: its record is not at hand any more.
    pub(super) fn of(found: &Finding) -> Self {
        let by_classifier = matches!(found.judged_by, JudgedBy::Classifier(_));
        Self {
            judged_by: judge_words(&found.judged_by),
            explanation: match &found.judged_by {
                JudgedBy::Classifier(words) => words.clone(),
                JudgedBy::BuiltIn | JudgedBy::InPlace(_) => None,
            },
            overruled: by_classifier,
            reasons: found.evidence.iter().map(|it| (axis_words(it.axis), it.because())).collect(),
            texts: Vec::new(),
        }
    }

    /// With the record's texts.
    pub(super) fn with(found: &Finding, record: &Record) -> Self {
        let told = found.evidence.iter().filter(|each| each.rule.is_of_words());
        let places: BTreeSet<Place> = told.map(|each| each.place).collect();
        let texts = places.into_iter().filter_map(|place| {
            let (name, text) = match place {
                Place::Content => ("Content".to_owned(), record.content.as_str()),
                Place::Message(at) => {
                    (format!("Message {}", at + 1), record.messages.get(at)?.text.as_str())
                }
            };
            let of_it = found.evidence.iter().filter(|each| each.place == place);
            Some(Marked { place: name, parts: parts(text, of_it) })
        });
        Self { texts: texts.collect(), ..Self::of(found) }
    }
}

/// A text in parts, at the ends of what was found in it. Of a long one the beginning is shown.
fn parts<'a>(text: &str, found: impl Iterator<Item = &'a Evidence>) -> Vec<Part> {
    let end = text.floor_char_boundary(WHY_TEXT_BYTES);
    let found: Vec<&Evidence> =
        found.filter(|each| each.rule.is_of_words() && each.bytes.end <= end).collect();
    let mut cuts: BTreeSet<usize> = [0, end].into();
    cuts.extend(found.iter().flat_map(|each| [each.bytes.start, each.bytes.end]));
    let ends = cuts.iter().skip(1);
    let mut parts: Vec<Part> = Vec::new();
    for (from, to) in cuts.iter().zip(ends) {
        let over = found.iter().filter(|each| each.bytes.start <= *from && *to <= each.bytes.end);
        let axes: BTreeSet<Axis> = over.map(|each| each.axis).collect();
        let words: Vec<_> = axes.iter().map(|axis| axis_words(*axis)).collect();
        parts.push(Part {
            text: text.get(*from..*to).unwrap_or_default().to_owned(),
            axes: words.join(", "),
            escalates: axes.contains(&Axis::EscalationLevel),
        });
    }
    if end < text.len() {
        let more = Part { text: ELLIPSIS.to_string(), axes: String::new(), escalates: false };
        parts.push(more);
    }
    parts
}

fn judge_words(judged_by: &JudgedBy) -> String {
    match judged_by {
        JudgedBy::BuiltIn => "they were found in its words".to_owned(),
        JudgedBy::Classifier(_) => "the classifier gave them".to_owned(),
        JudgedBy::InPlace(Unanswered { detail, .. }) => {
            format!("the classifier did not answer ({detail}), and they were found in its words")
        }
    }
}

fn axis_words(axis: Axis) -> &'static str {
    match axis {
        Axis::EscalationLevel => "Escalation level",
        Axis::EmotionalIntensityLevel => "Emotional intensity",
        Axis::SentimentShift => "Sentiment shift",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{History, Model, assess};
    use crate::domain::sample;

    fn why(text: &str) -> Why {
        let model = Model::built_in().unwrap();
        let mut record = sample::record();
        record.messages.clear();
        record.content = text.to_owned();
        let found = Finding::built_in(assess(&record, &History::new(0), &model));
        Why::with(&found, &record)
    }

    #[test]
    fn the_parts_are_the_text_and_the_words_that_count_are_marked() {
        let text = "Gr\u{fc}\u{df}e. I will call my lawyer today, this is a disgrace!";
        let why = why(text);
        let parts = &why.texts[0].parts;
        assert_eq!(parts.iter().map(|each| each.text.as_str()).collect::<String>(), text);
        let of = |word: &str| parts.iter().find(|each| each.text.contains(word)).unwrap();
        assert!(of("lawyer").escalates && of("lawyer").axes.contains("Escalation level"));
        assert!(of("disgrace").axes.contains("Emotional intensity"));
        assert_eq!(of("Gr\u{fc}\u{df}e").axes, "");
        assert!(!why.reasons.is_empty() && !why.overruled);
    }

    #[test]
    fn of_a_long_text_the_beginning_is_shown() {
        let why = why(&format!("My lawyer will call. {}", "x \u{e9} ".repeat(WHY_TEXT_BYTES)));
        let parts = &why.texts[0].parts;
        let bytes: usize = parts.iter().map(|each| each.text.len()).sum();
        assert!(bytes <= WHY_TEXT_BYTES + 3, "{bytes}");
        assert_eq!(parts.last().unwrap().text, "\u{2026}");
    }

    #[test]
    fn where_nothing_was_found_no_text_is_shown() {
        let why = why("The parcel is 30 cm wide.");
        assert_eq!((why.texts, why.reasons), (Vec::new(), Vec::new()));
    }
}
