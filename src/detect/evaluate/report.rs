//! What came of an evaluation, and how it reads.

use std::fmt;

use super::gold::Row;
use super::measure::Confusion;

/// Characters of a text that a worst error shows.
const SHOWN: usize = 160;

/// What came of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How many texts were judged.
    pub rows: usize,
    /// The model's version.
    pub version: String,
    /// For each axis that people speak of.
    pub figures: Vec<Figures>,
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Its name.
    pub axis: &'static str,
    /// Name of a measure, the detector's value, and plain VADER's where it has one.
    pub numbers: Vec<(&'static str, f64, Option<f64>)>,
    /// How often each class was taken for which.
    pub confusion: Option<Confusion>,
    /// The same by plain VADER.
    pub plain: Option<Confusion>,
    /// What is furthest off, worst first.
    pub worst: Vec<WorstError>,
}

/// A text on which people and detector differ.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstError {
    /// Its beginning.
    pub text: String,
    /// What people say.
    pub gold: &'static str,
    /// The score that was found.
    pub score: f64,
    off: f64,
}

impl WorstError {
    pub(super) fn new(row: &Row, gold: &'static str, score: f64, off: f64) -> Self {
        let text: String = row.text.split_whitespace().collect::<Vec<&str>>().join(" ");
        Self { text: text.chars().take(SHOWN).collect(), gold, score, off }
    }

    pub(super) fn worst(mut errors: Vec<Self>, most: usize) -> Vec<Self> {
        errors.sort_by(|a, b| b.off.total_cmp(&a.off).then_with(|| a.text.cmp(&b.text)));
        errors.truncate(most);
        errors
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} texts, model {}", self.rows, self.version)?;
        self.figures.iter().try_for_each(|figures| write!(f, "\n{figures}"))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.axis)?;
        for (name, value, plain) in &self.numbers {
            write!(f, "  {name:<32} {value:>7.3}")?;
            match plain {
                Some(plain) => writeln!(f, "   plain VADER {plain:.3}")?,
                None => writeln!(f)?,
            }
        }
        if let Some(confusion) = &self.confusion {
            write!(f, "{confusion}")?;
        }
        if let Some(plain) = &self.plain {
            write!(f, "  plain VADER:\n{plain}")?;
        }
        if !self.worst.is_empty() {
            writeln!(f, "  worst errors (people say, score, text)")?;
        }
        for error in &self.worst {
            writeln!(f, "    {:<9} {:>6.3}  {}", error.gold, error.score, error.text)?;
        }
        Ok(())
    }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<22}", "people say \\ found")?;
        for word in self.words() {
            write!(f, "{word:>9}")?;
        }
        writeln!(f, "{:>11}{:>8}{:>8}", "precision", "recall", "F1")?;
        for (gold, word) in self.words().iter().enumerate() {
            write!(f, "  {word:<22}")?;
            for found in 0..self.words().len() {
                write!(f, "{:>9}", self.count(gold, found))?;
            }
            let (precision, recall) = (self.precision(gold), self.recall(gold));
            writeln!(f, "{precision:>11.3}{recall:>8.3}{:>8.3}", self.f1(gold))?;
        }
        Ok(())
    }
}
