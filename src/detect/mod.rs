//! Detecting escalation risk: the three levels from a record's words and from the course of its
//! conversation, and the words that they follow from. All of it is a function of its arguments: no
//! clock, no I/O, no order of a hash table.
//!
//! A record's customer is judged by their messages, or by the record's content where none of the messages
//! is theirs. What the company's own people wrote never counts.

mod compare;
mod emphasis;
pub mod evaluate;
mod evidence;
pub mod external;
mod family;
mod feeling;
mod fold;
mod language;
mod mail;
mod markup;
mod model;
mod pattern;
mod phrases;
mod reading;
mod scope;
mod shift;
mod signals;
mod token;
pub mod vader;
mod vocabulary;
mod weights;
mod words;

use std::collections::BTreeMap;

pub use compare::{Comparison, compare};
pub use evidence::{Axis, Evidence, Place, Rule};
pub use family::Family;
pub use language::Language;
pub use model::{DataError, Model, ModelError};
pub use pattern::PhraseError;
pub use phrases::{Addition, AdditionError, Additions, check_phrase};
pub use reading::Scores;
pub use shift::{History, MessageScore};

use crate::domain::levels::{Level, Levels};
use crate::domain::limits::DETECT_RECORD_BYTES;
use crate::domain::record::{Author, Record};
use evidence::Reason;
use reading::Reading;

/// Messages at the end of a conversation that count in full.
const FRESH: usize = 3;
/// What each message further back counts of the one behind it.
const AGEING: f64 = 0.9;
/// What is left of a message however far back it is: a threat is not forgotten.
const OLDEST: f64 = 0.5;

/// What was found about a record, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The levels.
    pub levels: Levels,
    /// The numbers that they are made of.
    pub scores: Scores,
    /// The language of the newest text; none where it is one that there are no phrases in, of which
    /// nothing but emphasis, emoji and borrowed English words is known.
    pub language: Option<Language>,
    /// The strongest reasons, by axis and place; at most `DETECT_EVIDENCE`.
    pub evidence: Vec<Evidence>,
    /// What is to be kept of the customer's messages, oldest first: those that the history does not
    /// hold yet. Of a record without a conversation nothing need be kept.
    pub remember: Vec<MessageScore>,
}

/// A text of the customer's.
struct Said<'a> {
    place: Place,
    text: &'a str,
    fingerprint: u64,
}

/// Judges a record. Time is linear in the length of its texts, of which the newest
/// `DETECT_RECORD_BYTES` are looked at.
pub fn assess(record: &Record, history: &History, model: &Model) -> Assessment {
    let (mut assessment, reasons) = judged(record, history, model);
    assessment.evidence = in_words(reasons, record);
    assessment
}

/// Judges a record; all the reasons, and no evidence yet.
fn judged(record: &Record, history: &History, model: &Model) -> (Assessment, Vec<Reason>) {
    let said = said(record, history);
    let mut scores = Scores::default();
    let mut reasons = Vec::new();
    let mut language = None;
    let mut course = Vec::with_capacity(said.len());
    for (age, said) in said.iter().rev().enumerate() {
        let reading = Reading::of(said.text, model);
        let steps = i32::try_from(age.saturating_sub(FRESH - 1)).unwrap_or(i32::MAX);
        let aged = AGEING.powi(steps).max(OLDEST);
        if age == 0 {
            scores.sentiment = reading.scores.sentiment;
            language = reading.language;
        }
        let of = &reading.scores;
        scores.escalation = scores.escalation.max(of.escalation * aged);
        scores.intensity = scores.intensity.max(of.intensity * aged);
        scores.grievance = scores.grievance.max(of.grievance * aged);
        reasons.extend(evidence::reasons(said.place, &reading, model, aged));
        course.push(MessageScore {
            fingerprint: said.fingerprint,
            sentiment_milli: (reading.scores.sentiment * 1000.0).round() as i16,
            telling: reading.telling,
        });
    }
    course.reverse();
    let thresholds = &model.weights.levels;
    let movement = shift::movement(history, &course);
    let threshold_milli = (thresholds.shift * 1000.0) as i32;
    let sentiment_shift = movement.map(|movement| shift::shift(movement, threshold_milli));
    reasons.extend(
        movement
            .zip(said.last())
            .and_then(|(movement, last)| reason_of_course(movement, threshold_milli, last)),
    );
    let known = |score: &MessageScore| {
        history.scores.iter().any(|other| other.fingerprint == score.fingerprint)
    };
    let assessment = Assessment {
        levels: Levels {
            escalation: level(scores.escalation, &thresholds.escalation),
            emotional_intensity: level(scores.intensity, &thresholds.emotional_intensity),
            sentiment_shift,
        },
        scores,
        language,
        evidence: Vec::new(),
        remember: course.into_iter().filter(|score| !known(score)).collect(),
    };
    (assessment, reasons)
}

/// The strongest of these reasons, with the words of the record.
fn in_words(reasons: Vec<Reason>, record: &Record) -> Vec<Evidence> {
    let told = |reason: Reason| {
        let source = reason.place.text(record);
        evidence::told(reason, source)
    };
    evidence::strongest(reasons).into_iter().map(told).collect()
}

/// What each signal of a text is, by name, in a fixed order: for those who calibrate the weights.
pub fn signals(text: &str, model: &Model) -> Vec<(&'static str, f64)> {
    let reading = Reading::of(text, model);
    signals::Signals::names().zip(reading.signals.values()).collect()
}

/// The customer's texts, oldest first, as many of the newest as may be judged.
fn said<'a>(record: &'a Record, history: &History) -> Vec<Said<'a>> {
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut said = Vec::new();
    for (index, message) in record.messages.iter().enumerate() {
        if message.author == Author::Agent {
            continue;
        }
        let text = message.text.as_str();
        let turn = turns.entry(text).and_modify(|turn| *turn += 1).or_insert(0);
        let fingerprint = history.fingerprint(text, message.at, *turn);
        said.push(Said { place: Place::Message(index), text, fingerprint });
    }
    if said.is_empty() && !record.content.trim().is_empty() {
        let text = record.content.as_str();
        let fingerprint = history.fingerprint(text, record.created_at, 0);
        said.push(Said { place: Place::Content, text, fingerprint });
    }
    let mut bytes = 0_usize;
    let judged = said.iter().rev().take_while(|said| {
        let before = bytes;
        bytes = bytes.saturating_add(said.text.len());
        before < DETECT_RECORD_BYTES
    });
    let judged = judged.count();
    said.split_off(said.len() - judged)
}

fn reason_of_course(movement: i32, threshold_milli: i32, last: &Said<'_>) -> Option<Reason> {
    if movement.abs() < threshold_milli {
        return None;
    }
    let (axis, bytes) = (Axis::SentimentShift, 0..last.text.len());
    let weight = f64::from(movement) / 1000.0;
    Some(Reason { axis, place: last.place, bytes, rule: Rule::Course, weight })
}

fn level(score: f64, thresholds: &[f64; 4]) -> Level {
    let reached = thresholds.iter().filter(|threshold| score >= **threshold).count();
    Level::ALL.get(reached).copied().unwrap_or(Level::Extreme)
}
