//! What the detector knows: the built-in phrases, lexicon and weights, and what the service and its
//! organisations add. A model on top of another one shares all that the other one has.

use std::sync::Arc;

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

/// What the detector knows. Making the built-in one takes some milliseconds and some megabytes: make it
/// once, and lay others over it (`Model::and`), which cost what is new in them.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) phrases: Arc<Phrases>,
    pub(super) vader: Arc<Vader>,
    pub(super) weights: Arc<Weights>,
    version: Arc<str>,
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
        let vader = Arc::new(Vader::with(&weights.valence));
        let version = version.join(".").into();
        Ok(Self { phrases: Arc::new(phrases), vader, weights: Arc::new(weights), version })
    }

    /// The built-in model with what an organisation adds to it.
    ///
    /// # Errors
    /// A phrase is none, or the built-in data are damaged.
    pub fn with(additions: &Additions) -> Result<Self, ModelError> {
        Ok(Self::built_in()?.and(additions)?)
    }

    /// This model with more on top of it. It holds nothing of this one twice, and both go on to be used.
    ///
    /// # Errors
    /// A phrase is none.
    pub fn and(&self, additions: &Additions) -> Result<Self, AdditionError> {
        if additions.is_empty() {
            return Ok(self.clone());
        }
        let mut phrases = Phrases::over(Arc::clone(&self.phrases));
        phrases.extend(additions)?;
        Ok(Self { phrases: Arc::new(phrases), ..self.clone() })
    }

    /// The versions of its data files: two assessments are comparable where they are equal.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many places the phrases have that it was made with, over all their spellings: what it takes
    /// beside what it lies over, some hundred bytes each.
    pub fn places(&self) -> usize {
        self.phrases.places()
    }

    /// How many phrases it looks for, and how many different words they are made of.
    pub fn size(&self) -> (usize, usize) {
        (self.phrases.len(), self.phrases.vocabulary.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Addition, Assessment, Family, History, assess};
    use crate::domain::record::Record;

    fn additions(add: &[(Family, f64, &str)], exclude: &[&str]) -> Additions {
        let add = add.iter().map(|(family, weight, phrase)| Addition {
            family: *family,
            weight: *weight,
            phrase: (*phrase).to_owned(),
        });
        Additions {
            add: add.collect(),
            exclude: exclude.iter().map(|each| (*each).into()).collect(),
        }
    }

    /// One tree of all phrases, and nothing shared.
    fn whole(additions: &[&Additions]) -> Model {
        let model = Model::built_in().unwrap();
        let mut phrases = Arc::try_unwrap(model.phrases).unwrap();
        additions.iter().for_each(|each| phrases.extend(each).unwrap());
        Model { phrases: Arc::new(phrases), ..Model::built_in().unwrap() }
    }

    fn judged(text: &str, model: &Model) -> Assessment {
        let record = Record { content: text.to_owned(), ..crate::domain::sample::record() };
        assess(&record, &History::new(0), model)
    }

    #[test]
    fn layers_find_what_one_tree_of_all_phrases_finds() {
        let service = additions(
            &[
                (Family::ExecutiveContact, 0.7, "write|talk to the board"),
                (Family::Legal, 0.9, "sue your? acme"),
                (Family::Negation, 1.0, "nixda"),
            ],
            &["legal action now", "lawyer quest"],
        );
        let own = additions(
            &[
                (Family::Cancellation, 0.65, "zorp * acme"),
                // A word of the layers below that denies here, and a phrase that is built in.
                (Family::Negation, 1.0, "board"),
                (Family::Legal, 1.0, "I will sue you"),
            ],
            &["acme board", "nixda"],
        );
        let built_in = Model::built_in().unwrap();
        let below = built_in.and(&service).unwrap();
        let layered = below.and(&own).unwrap();
        let whole = whole(&[&service, &own]);
        let words = [
            "I will sue you",
            "sue your acme",
            "the board",
            "write to the board",
            "nixda",
            "zorp it all acme",
            "legal action now",
            "not",
            "lawyer",
            "l@wyer quest",
            "ACME BOARD",
            "my refund!!!",
            "hate",
            ".",
        ];
        // Every three of them in a row.
        for first in words {
            for second in words {
                for third in words {
                    let text = format!("{first} {second} {third}");
                    assert_eq!(judged(&text, &layered), judged(&text, &whole), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_lies_below_stays_as_it_was_and_is_held_once() {
        let built_in = Model::built_in().unwrap();
        let own = additions(&[(Family::Legal, 0.9, "phone the zorp")], &["sue you"]);
        let layered = built_in.and(&own).unwrap();
        assert_eq!(judged("I will sue you", &built_in).levels.escalation.word(), "extreme");
        assert_eq!(judged("I will sue you", &layered).levels.escalation.word(), "none");
        assert!(judged("I phone the zorp", &built_in).evidence.is_empty());
        assert_eq!(layered.places(), 8, "a root, three words and two, and two phrases");
        assert!(Arc::ptr_eq(&built_in.vader, &layered.vader));
        assert_eq!(layered.size().0, built_in.size().0 + 2);
        let nothing = built_in.and(&Additions::default()).unwrap();
        assert!(Arc::ptr_eq(&nothing.phrases, &built_in.phrases));
    }

    /// Every word of the text begins every phrase, and could go on in all of them.
    #[test]
    fn what_an_organisation_makes_up_is_walked_through_for_a_bounded_time() {
        let phrase = |number| format!("a|x{number} * b|y{number} * c|z{number}");
        let add = (0..2000).map(|number| Addition {
            family: Family::Legal,
            weight: 1.0,
            phrase: phrase(number),
        });
        let own = Additions { add: add.collect(), exclude: Vec::new() };
        let hostile = Model::built_in().unwrap().and(&own).unwrap();
        let text = "a b a b c ".repeat(200);
        let found = judged(&text, &hostile);
        assert_eq!(found.levels.escalation.word(), "extreme");
        // Nothing is lost of what else there is.
        assert_eq!(judged("x7 b c", &hostile).levels.escalation.word(), "extreme");
    }
}
