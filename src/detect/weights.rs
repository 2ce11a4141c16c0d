//! What each signal weighs in each score: data, so that a change of it is a change of one file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::family::Family;
use super::signals::{SIGNALS, Signals};

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    grievance: BTreeMap<String, f64>,
    intensity: BTreeMap<String, f64>,
    sentiment: BTreeMap<String, f64>,
    valence: BTreeMap<String, f64>,
    levels: Thresholds,
}

/// What each signal weighs in one score.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weighing {
    bias: f64,
    weights: [f64; SIGNALS],
}

impl Weighing {
    fn parse(score: &str, mut named: BTreeMap<String, f64>) -> Result<Self, String> {
        let bias = named.remove("bias").unwrap_or(0.0);
        let mut weights = [0.0; SIGNALS];
        for (weight, name) in weights.iter_mut().zip(Signals::names()) {
            *weight = named.remove(name).unwrap_or(0.0);
        }
        match named.into_keys().next() {
            Some(name) => Err(format!("{score}.{name} is no signal")),
            None => Ok(Self { bias, weights }),
        }
    }

    /// What a text weighs that shows nothing.
    pub(super) fn bias(&self) -> f64 {
        self.bias
    }

    /// What a family weighs.
    pub(super) fn of(&self, family: Family) -> f64 {
        self.weights.get(family.index()).copied().unwrap_or(0.0)
    }

    /// The weighed sum of the signals.
    pub(super) fn sum(&self, signals: &Signals) -> f64 {
        let products =
            self.weights.iter().zip(signals.values()).map(|(weight, value)| weight * value);
        self.bias + products.sum::<f64>()
    }
}

/// From which score on a level begins.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Thresholds {
    /// Low, medium, high, extreme.
    pub(super) escalation: [f64; 4],
    pub(super) emotional_intensity: [f64; 4],
    /// Sentiment as far from zero as this is neutral no more.
    pub(super) sentiment: f64,
    /// Sentiment that moved by so much has improved or degraded.
    pub(super) shift: f64,
}

/// What each signal weighs in all scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub(super) version: u32,
    pub(super) grievance: Weighing,
    pub(super) intensity: Weighing,
    pub(super) sentiment: Weighing,
    /// Words whose valence in customers' feedback is not that of the lexicon.
    pub(super) valence: BTreeMap<String, f64>,
    pub(super) levels: Thresholds,
}

impl Weights {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        // More emphasis must never mean less of anything that is promised to rise with it.
        for name in ["emphasis", "angry_emoji"] {
            if file.intensity.get(name).is_some_and(|weight| *weight < 0.0) {
                return Err(format!("intensity.{name} is below zero"));
            }
        }
        Ok(Self {
            version: file.version,
            grievance: Weighing::parse("grievance", file.grievance)?,
            intensity: Weighing::parse("intensity", file.intensity)?,
            sentiment: Weighing::parse("sentiment", file.sentiment)?,
            valence: file.valence,
            levels: file.levels,
        })
    }
}

/// From any number to 0 to 1.
pub(super) fn logistic(sum: f64) -> f64 {
    1.0 / (1.0 + (-sum).exp())
}
