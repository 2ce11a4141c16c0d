//! One text read: its language, what it shows, and the scores that follow from it.

use super::emphasis::Emphasis;
use super::family::Family;
use super::feeling::{Feeling, feeling};
use super::language::{Language, spoken};
use super::markup::glyphs;
use super::model::Model;
use super::scope::{Hit, hits};
use super::signals::{Sign, Signals};
use super::token::Text;
use super::weights::logistic;
use crate::domain::limits::DETECT_TEXT_BYTES;

/// How much of a grievance is escalation even where no intent is spoken of.
const GRIEVANCE_ESCALATES: f64 = 0.35;
/// By how much praise takes the edge off words of intent.
const PRAISE_SOFTENS: f64 = 0.3;
/// Positive or negative words that are too few to tell a feeling by.
const FAINT: f64 = 0.2;

/// One text read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) language: Option<Language>,
    pub(super) signals: Signals,
    pub(super) hits: Vec<Hit>,
    pub(super) text: Text,
    pub(super) feeling: Feeling,
    /// Bytes of the text that were looked at.
    pub(super) bytes: usize,
    pub(super) scores: Scores,
    /// Whether it says anything of feeling at all.
    pub(super) telling: bool,
}

/// The numbers that the levels are made of. Each is comparable only with its own kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scores {
    /// How surely the customer means to go around support, 0 to 1.
    pub escalation: f64,
    /// How strong the feeling is, 0 to 1. Displeasure counts for more than joy.
    pub intensity: f64,
    /// From -1, all negative, over 0 to 1, all positive.
    pub sentiment: f64,
    /// How surely it is a complaint, 0 to 1; part of the escalation and of the intensity.
    pub grievance: f64,
}

impl Reading {
    /// Reads the first `DETECT_TEXT_BYTES` of a text.
    pub(super) fn of(text: &str, model: &Model) -> Self {
        let text = text.get(..text.floor_char_boundary(DETECT_TEXT_BYTES)).unwrap_or_default();
        let bytes = text.len();
        let glyphs = glyphs(text);
        let text = Text::read(&glyphs, &model.phrases.vocabulary);
        let matches = model.phrases.find(&text.tokens);
        let spoken = spoken(&text, &matches, &model.phrases);
        let hits = hits(&text, &matches, &model.phrases, spoken);
        let english = spoken.main == Some(Language::English);
        let feeling = feeling(&glyphs, &model.vader, english);
        let emphasis = Emphasis::of(&glyphs, &text);
        let signals = Signals::of(&text, &hits, &feeling, &emphasis);
        let told = hits.iter().any(|hit| is_cue(hit.family));
        let felt = feeling.negative > FAINT || feeling.positive > FAINT;
        let understood = told || felt || spoken.main.is_some();
        let scores = scores(&signals, model, understood && !text.tokens.is_empty());
        let language = spoken.main;
        let telling = told || felt;
        Self { language, signals, hits, text, feeling, bytes, scores, telling }
    }
}

/// Whether a phrase says something of the customer's feeling or intent.
pub(super) fn is_cue(family: Family) -> bool {
    family <= Family::Praise
}

fn scores(signals: &Signals, model: &Model, understood: bool) -> Scores {
    let weights = &model.weights;
    // Of a text that nothing is understood of, only its loudness is known.
    let grievance = if understood { logistic(weights.grievance.sum(signals)) } else { 0.0 };
    let sentiment = if understood { weights.sentiment.sum(signals).tanh() } else { 0.0 };
    let intents = Family::INTENTS.map(|family| 1.0 - signals.family(family));
    let intent = 1.0 - intents.iter().product::<f64>();
    let softened = 1.0 - PRAISE_SOFTENS * signals.family(Family::Praise) * (1.0 - grievance);
    let plain = 1.0 - GRIEVANCE_ESCALATES * grievance * grievance;
    Scores {
        escalation: 1.0 - (1.0 - intent * softened) * plain,
        intensity: intensity(signals, model),
        sentiment,
        grievance,
    }
}

fn intensity(signals: &Signals, model: &Model) -> f64 {
    let weighing = &model.weights.intensity;
    // What a text has that shows nothing is no intensity.
    let none = logistic(weighing.bias());
    let some = logistic(weighing.sum(signals));
    ((some - none) / (1.0 - none)).max(0.0)
}

/// The share of the loudness in the intensity, for its evidence.
pub(super) fn loudness(signals: &Signals, model: &Model) -> f64 {
    let quiet = intensity(&signals.without(Sign::Emphasis), model);
    intensity(signals, model) - quiet
}
