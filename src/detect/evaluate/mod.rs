//! How good the detector is on texts that people have judged: figures for each axis that the judgements
//! speak of, plain VADER's beside them, and the worst errors. It reads no file and prints nothing.

mod gold;
mod measure;
mod report;

pub use gold::{GoldError, Mapping, Row, Tone};
pub use measure::{Confusion, auc, spearman};
pub use report::{Figures, Report, WorstError};

use super::reading::Reading;
use super::vader::Vader;
use super::{Model, Scores, level};
use crate::domain::levels::Level;

/// Compound scores of VADER nearer to zero than this are neutral, as its authors say.
const VADER_NEUTRAL: f64 = 0.05;

/// A text with what was found and what people say.
struct Judged<'a> {
    row: &'a Row,
    scores: Scores,
    compound: f64,
}

/// Judges all rows and compares. `worst` errors of each axis are kept.
pub fn evaluate(rows: &[Row], model: &Model, worst: usize) -> Report {
    let plain = Vader::new();
    let judged = rows.iter().map(|row| {
        let reading = Reading::of(&row.text, model);
        Judged { row, scores: reading.scores, compound: plain.polarity(&row.text).compound }
    });
    let judged: Vec<Judged<'_>> = judged.collect();
    let mut figures = Vec::new();
    figures.extend(sentiment(&judged, model, worst));
    figures.extend(yes_or_no("complaint", &judged, worst, |row| row.complaint, |s| s.grievance));
    figures.extend(yes_or_no("anger", &judged, worst, |row| row.anger, |s| s.intensity));
    figures.extend(severity(&judged));
    let thresholds = &model.weights.levels;
    figures.extend(levels(
        "escalation_level",
        &judged,
        worst,
        |row| row.escalation,
        |scores| (scores.escalation, level(scores.escalation, &thresholds.escalation)),
    ));
    figures.extend(levels(
        "emotional_intensity_level",
        &judged,
        worst,
        |row| row.emotional_intensity,
        |scores| (scores.intensity, level(scores.intensity, &thresholds.emotional_intensity)),
    ));
    Report { rows: rows.len(), version: model.version().to_owned(), figures }
}

fn tone(score: f64, neutral: f64) -> Tone {
    match score {
        _ if score >= neutral => Tone::Positive,
        _ if score <= -neutral => Tone::Negative,
        _ => Tone::Neutral,
    }
}

fn sentiment(judged: &[Judged<'_>], model: &Model, worst: usize) -> Option<Figures> {
    let words = Tone::ALL.map(Tone::word).to_vec();
    let mut found = Confusion::new(words.clone());
    let mut plain = Confusion::new(words);
    let mut errors = Vec::new();
    for each in judged {
        let Some(gold) = each.row.sentiment else { continue };
        let score = each.scores.sentiment;
        let said = tone(score, model.weights.levels.sentiment);
        found.add(gold as usize, said as usize);
        plain.add(gold as usize, tone(each.compound, VADER_NEUTRAL) as usize);
        let off = (score - (gold as usize as f64 - 1.0)).abs();
        errors.extend((said != gold).then(|| WorstError::new(each.row, gold.word(), score, off)));
    }
    if found.total() == 0 {
        return None;
    }
    Some(Figures {
        axis: "sentiment",
        numbers: vec![
            ("macro-F1", found.macro_f1(), Some(plain.macro_f1())),
            ("accuracy", found.accuracy(), Some(plain.accuracy())),
        ],
        confusion: Some(found),
        plain: Some(plain),
        worst: WorstError::worst(errors, worst),
    })
}

fn yes_or_no(
    axis: &'static str,
    judged: &[Judged<'_>],
    worst: usize,
    gold: impl Fn(&Row) -> Option<bool>,
    score: impl Fn(&Scores) -> f64,
) -> Option<Figures> {
    let known: Vec<(&Judged<'_>, bool)> =
        judged.iter().filter_map(|each| Some((each, gold(each.row)?))).collect();
    let mut confusion = Confusion::new(vec!["no", "yes"]);
    let mut errors = Vec::new();
    let (mut scores, mut compounds) = (Vec::new(), Vec::new());
    for (each, gold) in &known {
        let found = score(&each.scores);
        scores.push((found, *gold));
        compounds.push((-each.compound, *gold));
        confusion.add(usize::from(*gold), usize::from(found >= 0.5));
        let word = if *gold { "yes" } else { "no" };
        let off = (found - f64::from(*gold)).abs();
        errors.extend((off > 0.5).then(|| WorstError::new(each.row, word, found, off)));
    }
    let ours = auc(&scores)?;
    Some(Figures {
        axis,
        numbers: vec![
            ("AUC", ours, auc(&compounds)),
            ("precision at 0.5", confusion.precision(1), None),
            ("recall at 0.5", confusion.recall(1), None),
            ("F1 at 0.5", confusion.f1(1), None),
        ],
        confusion: Some(confusion),
        plain: None,
        worst: WorstError::worst(errors, worst),
    })
}

/// Rank correlation of severity with each score that could be behind it.
fn severity(judged: &[Judged<'_>]) -> Option<Figures> {
    let known = || judged.iter().filter_map(|each| Some((each, each.row.severity? as f64)));
    let correlation = |score: fn(&Judged<'_>) -> f64| {
        let pairs: Vec<(f64, f64)> = known().map(|(each, gold)| (score(each), gold)).collect();
        spearman(&pairs)
    };
    let plain = correlation(|each| -each.compound)?;
    let numbers = vec![
        ("rank correlation of grievance", correlation(|each| each.scores.grievance)?, Some(plain)),
        ("rank correlation of escalation", correlation(|each| each.scores.escalation)?, None),
        ("rank correlation of intensity", correlation(|each| each.scores.intensity)?, None),
    ];
    Some(Figures { axis: "severity", numbers, confusion: None, plain: None, worst: Vec::new() })
}

fn levels(
    axis: &'static str,
    judged: &[Judged<'_>],
    worst: usize,
    gold: impl Fn(&Row) -> Option<Level>,
    found: impl Fn(&Scores) -> (f64, Level),
) -> Option<Figures> {
    let mut confusion = Confusion::new(Level::ALL.map(Level::word).to_vec());
    let mut errors = Vec::new();
    let mut pairs = Vec::new();
    for each in judged {
        let Some(gold) = gold(each.row) else { continue };
        let (score, said) = found(&each.scores);
        confusion.add(gold as usize, said as usize);
        pairs.push((score, gold as usize as f64));
        let off = (gold as usize).abs_diff(said as usize) as f64;
        errors.extend((said != gold).then(|| WorstError::new(each.row, gold.word(), score, off)));
    }
    if confusion.total() == 0 {
        return None;
    }
    let mut numbers =
        vec![("macro-F1", confusion.macro_f1(), None), ("accuracy", confusion.accuracy(), None)];
    numbers.extend(spearman(&pairs).map(|rank| ("rank correlation", rank, None)));
    let worst = WorstError::worst(errors, worst);
    Some(Figures { axis, numbers, confusion: Some(confusion), plain: None, worst })
}
