//! What the detector knows: the built-in phrases, lexicon and weights, and what an organisation adds.

use super::phrases::{AdditionError, Additions, File, Phrases};
use super::vader::Vader;
use super::weights::Weights;

/// The files of phrases, in the order in which they are read.
const FILES: [(&str, &str); 6] = [
    ("en.toml", include_str!("en.toml")),
    ("complaint.toml", include_str!("complaint.toml")),
    ("es.toml", include_str!("es.toml")),
    ("fr.toml", include_str!("fr.toml")),
    ("de.toml", include_str!("de.toml")),
    ("pt.toml", include_str!("pt.toml")),
];

/// What the detector knows. Making one takes some milliseconds and some megabytes: make one for each
/// organisation that adds phrases, one for all others, and keep them.
#[derive(Debug)]
pub struct Model {
    pub(super) phrases: Phrases,
    pub(super) vader: Vader,
    pub(super) weights: Weights,
    version: String,
}

/// The built-in data are damaged: a fault of the build, which a test finds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct DataError {
    file: &'static str,
    problem: String,
}

/// Why a model can't be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The built-in data are damaged.
    #[error("the built-in detector's data are damaged")]
    Data(#[from] DataError),
    /// What the organisation adds is refused.
    #[error("the organisation's phrases are refused")]
    Additions(#[from] AdditionError),
}

impl Model {
    /// The built-in model.
    ///
    /// # Errors
    /// The built-in data are damaged.
    pub fn built_in() -> Result<Self, DataError> {
        let mut phrases = Phrases::new();
        let mut version = Vec::with_capacity(FILES.len() + 1);
        for (file, text) in FILES {
            let damaged = |problem| DataError { file, problem };
            let parsed: File = toml::from_str(text).map_err(|error| damaged(error.to_string()))?;
            phrases.load(&parsed).map_err(damaged)?;
            version.push(parsed.version.to_string());
        }
        let weights = Weights::parse(include_str!("weights.toml"));
        let weights = weights.map_err(|problem| DataError { file: "weights.toml", problem })?;
        version.push(weights.version.to_string());
        let vader = Vader::with(&weights.valence);
        Ok(Self { phrases, vader, weights, version: version.join(".") })
    }

    /// The built-in model with what an organisation adds to it.
    ///
    /// # Errors
    /// A phrase is none, or the built-in data are damaged.
    pub fn with(additions: &Additions) -> Result<Self, ModelError> {
        let mut model = Self::built_in()?;
        model.phrases.extend(additions)?;
        Ok(model)
    }

    /// The versions of its data files: two assessments are comparable where they are equal.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many phrases it looks for, and how many different words they are made of.
    pub fn size(&self) -> (usize, usize) {
        (self.phrases.len(), self.phrases.vocabulary.len())
    }
}
