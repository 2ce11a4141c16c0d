//! `belfry detect`: what the detector finds in texts, without a service.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{CliError, desk};
use crate::detect::evaluate::{Figures, Mapping, Report, Row, evaluate};
use crate::domain::limits::{EVALUATED_BYTES, EVALUATED_ROWS};
use crate::serve::detector;

/// Look into what the detector finds, without a service.
#[derive(Debug, clap::Args)]
pub struct DetectArgs {
    #[command(subcommand)]
    command: DetectCommand,
}

/// What can be looked into.
#[derive(Debug, clap::Subcommand)]
enum DetectCommand {
    /// Measure the detector on texts that people have judged.
    Evaluate(EvaluateArgs),
}

/// Measure the detector on texts that people have judged: precision, recall, F1 and a confusion matrix for
/// each axis, plain VADER beside it, and the worst errors.
#[derive(Debug, clap::Args)]
struct EvaluateArgs {
    /// A table with a head: CSV in UTF-8.
    file: PathBuf,
    /// The column of the text.
    #[arg(long, value_name = "COLUMN", default_value = "text")]
    text: String,
    /// A column of levels: none, low, medium, high, extreme.
    #[arg(long, value_name = "COLUMN")]
    escalation: Option<String>,
    /// A column of levels.
    #[arg(long, value_name = "COLUMN")]
    intensity: Option<String>,
    /// A column of negative, neutral, positive.
    #[arg(long, value_name = "COLUMN")]
    sentiment: Option<String>,
    /// A column that says whether it is a complaint: 1 or 0, yes or no; or a column and the word in it
    /// that means yes.
    #[arg(long, value_name = "COLUMN[=WORD]")]
    complaint: Option<String>,
    /// The same for anger.
    #[arg(long, value_name = "COLUMN[=WORD]")]
    anger: Option<String>,
    /// A column of words that have an order.
    #[arg(long, value_name = "COLUMN", requires = "severity_words")]
    severity: Option<String>,
    /// Those words, the least severe first.
    #[arg(long, value_name = "WORD,…", value_delimiter = ',', requires = "severity")]
    severity_words: Vec<String>,
    /// The organisation's own phrases, as `detect.phrases` names them.
    #[arg(long, value_name = "FILE")]
    phrases: Option<PathBuf>,
    /// How many of the worst errors of each axis are shown.
    #[arg(long, value_name = "N", default_value_t = 5)]
    worst: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Does it.
///
/// # Errors
/// The file or one of its lines can't be read; the text says which and what to change.
pub fn run(args: DetectArgs) -> Result<(), CliError> {
    let DetectCommand::Evaluate(args) = args.command;
    let phrases = detector::phrases(args.phrases.as_deref()).map_err(CliError::failed)?;
    let rows = rows(&args)?;
    let report = evaluate(&rows, phrases.service(), args.worst);
    if report.figures.is_empty() {
        return Err(CliError::misuse(
            "nothing to compare with: name at least one column that people filled, as in --sentiment \
             COLUMN",
        ));
    }
    desk::print(args.json, &as_json(&report), &report.to_string())
}

fn mapping(args: &EvaluateArgs) -> Mapping {
    let with_word = |text: &Option<String>| {
        let text = text.as_ref()?;
        Some(match text.split_once('=') {
            Some((column, word)) => (column.to_owned(), Some(word.to_owned())),
            None => (text.clone(), None),
        })
    };
    Mapping {
        text: args.text.clone(),
        complaint: with_word(&args.complaint),
        severity: args.severity.clone().map(|column| (column, args.severity_words.clone())),
        sentiment: args.sentiment.clone(),
        anger: with_word(&args.anger),
        escalation: args.escalation.clone(),
        emotional_intensity: args.intensity.clone(),
    }
}

fn rows(args: &EvaluateArgs) -> Result<Vec<Row>, CliError> {
    let file = args.file.display();
    let wrong = |what: String| CliError::failed(format!("{file}: {what}"));
    let bytes = std::fs::metadata(&args.file).map_err(|error| wrong(error.to_string()))?.len();
    if bytes > EVALUATED_BYTES {
        return Err(wrong(format!("it is longer than {EVALUATED_BYTES} bytes")));
    }
    let mut table = csv::Reader::from_path(&args.file).map_err(|error| wrong(error.to_string()))?;
    let head = table.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let mapping = mapping(args);
    let mut rows = Vec::new();
    for record in table.records() {
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let cell = |column: &str| record.get(head.iter().position(|name| name == column)?);
        let line = record.position().map_or(0, csv::Position::line);
        let row = mapping.row(cell).map_err(|error| wrong(format!("line {line}: {error}")))?;
        rows.push(row);
        if rows.len() > EVALUATED_ROWS {
            return Err(wrong(format!("it has more than {EVALUATED_ROWS} lines")));
        }
    }
    Ok(rows)
}

fn as_json(report: &Report) -> Value {
    let axes: Vec<Value> = report.figures.iter().map(axis).collect();
    json!({"texts": report.rows, "model": report.version, "axes": axes})
}

fn axis(figures: &Figures) -> Value {
    let numbers: Vec<Value> = figures
        .numbers
        .iter()
        .map(|(name, value, plain)| json!({"name": name, "value": value, "plain_vader": plain}))
        .collect();
    let confusion = figures.confusion.as_ref().map(|confusion| {
        let words = confusion.words();
        let places = 0..words.len();
        let counts: Vec<Vec<usize>> = places
            .clone()
            .map(|gold| places.clone().map(|found| confusion.count(gold, found)).collect())
            .collect();
        json!({"words": words, "counts": counts})
    });
    let worst: Vec<Value> = figures
        .worst
        .iter()
        .map(|each| json!({"people_say": each.gold, "score": each.score, "text": each.text}))
        .collect();
    json!({"axis": figures.axis, "numbers": numbers, "confusion": confusion, "worst": worst})
}
