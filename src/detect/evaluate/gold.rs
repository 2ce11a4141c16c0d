//! What people say of a text, and in which columns of a table they say it.

use crate::domain::levels::Level;

/// The sentiment that people see in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Tone {
    Negative,
    Neutral,
    Positive,
}

impl Tone {
    /// All of them, worst first.
    pub const ALL: [Self; 3] = [Self::Negative, Self::Neutral, Self::Positive];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }
}

/// A text with what people say of it; what they don't speak of is not measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// The text.
    pub text: String,
    /// Whether it is a complaint.
    pub complaint: Option<bool>,
    /// How severe: the place among the words that `Mapping::severity` lists.
    pub severity: Option<usize>,
    /// Its sentiment.
    pub sentiment: Option<Tone>,
    /// Whether the writer is angry.
    pub anger: Option<bool>,
    /// Its escalation level.
    pub escalation: Option<Level>,
    /// Its emotional intensity level.
    pub emotional_intensity: Option<Level>,
}

/// Which column of a table says what. A column that is not named is not looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping {
    /// The text's column.
    pub text: String,
    /// A column of `1`/`0`, `yes`/`no`, `true`/`false`, or a column and the word in it that means yes.
    pub complaint: Option<(String, Option<String>)>,
    /// A column and its words, least severe first.
    pub severity: Option<(String, Vec<String>)>,
    /// A column of `negative`, `neutral`, `positive`.
    pub sentiment: Option<String>,
    /// As `complaint`.
    pub anger: Option<(String, Option<String>)>,
    /// A column of levels.
    pub escalation: Option<String>,
    /// A column of levels.
    pub emotional_intensity: Option<String>,
}

/// Why a row can't be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum GoldError {
    #[error("there is no column {0}")]
    NoColumn(String),
    #[error("column {column}: {word} is none of {known}")]
    UnknownWord { column: String, word: String, known: String },
}

impl Mapping {
    /// Reads a row; `cell` gives what stands in a column. An empty cell says nothing.
    ///
    /// # Errors
    /// A column is missing, or a cell holds a word that the mapping does not know.
    pub fn row<'a>(&self, cell: impl Fn(&str) -> Option<&'a str>) -> Result<Row, GoldError> {
        let cell = |column: &str| {
            cell(column).map(str::trim).ok_or_else(|| GoldError::NoColumn(column.to_owned()))
        };
        let yes = |column: &Option<(String, Option<String>)>| {
            let Some((column, word)) = column else { return Ok(None) };
            yes_or_no(column, word.as_deref(), cell(column)?)
        };
        let levels = |column: &Option<String>| {
            let Some(column) = column else { return Ok(None) };
            one_of(column, &Level::ALL.map(Level::word), cell(column)?)
                .map(|place| Level::ALL.get(place?).copied())
        };
        let severity = match &self.severity {
            None => None,
            Some((column, words)) => one_of(column, words, cell(column)?)?,
        };
        let sentiment = match &self.sentiment {
            None => None,
            Some(column) => one_of(column, &Tone::ALL.map(Tone::word), cell(column)?)?,
        };
        Ok(Row {
            text: cell(&self.text)?.to_owned(),
            complaint: yes(&self.complaint)?,
            severity,
            sentiment: sentiment.and_then(|place| Tone::ALL.get(place).copied()),
            anger: yes(&self.anger)?,
            escalation: levels(&self.escalation)?,
            emotional_intensity: levels(&self.emotional_intensity)?,
        })
    }
}

fn yes_or_no(column: &str, yes: Option<&str>, cell: &str) -> Result<Option<bool>, GoldError> {
    if let Some(yes) = yes {
        return Ok((!cell.is_empty()).then(|| cell.eq_ignore_ascii_case(yes)));
    }
    let place = one_of(column, &["0", "no", "false", "1", "yes", "true"], cell)?;
    Ok(place.map(|place| place >= 3))
}

fn one_of(column: &str, words: &[impl AsRef<str>], cell: &str) -> Result<Option<usize>, GoldError> {
    if cell.is_empty() {
        return Ok(None);
    }
    let words = words.iter().map(AsRef::as_ref);
    let place = words.clone().position(|word: &str| word.eq_ignore_ascii_case(cell));
    match place {
        Some(place) => Ok(Some(place)),
        None => Err(GoldError::UnknownWord {
            column: column.to_owned(),
            word: cell.to_owned(),
            known: words.collect::<Vec<&str>>().join(", "),
        }),
    }
}
