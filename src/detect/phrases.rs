//! The files of phrases: what they may hold, and what is made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::family::Family;
use super::language::{Language, Languages};
use super::pattern::{Classes, Match, Pattern, PhraseError, Tree, split};
use super::token::Token;
use super::vocabulary::Vocabulary;
use crate::domain::limits::{DETECT_ADDITIONS, DETECT_PHRASE_BYTES};

/// A file of phrases as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Rises with every change of the file.
    pub(super) version: u32,
    language: Language,
    /// Words by which the language is known.
    #[serde(default)]
    function_words: String,
    /// Words that stand for each other in a phrase.
    #[serde(default)]
    classes: BTreeMap<String, String>,
    /// Phrases in which nothing counts: idioms.
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    group: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    family: Family,
    /// How much one of these phrases tells, 0 to 1.
    weight: f64,
    say: Vec<String>,
}

/// A phrase of the model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Phrase {
    pub(super) family: Family,
    pub(super) weight: f64,
    pub(super) languages: Languages,
    /// The organisation's own.
    pub(super) added: bool,
    /// Takes away what is found within it.
    pub(super) excludes: bool,
}

impl Phrase {
    fn excluding(languages: Languages, added: bool) -> Self {
        Self { family: Family::Notice, weight: 0.0, languages, added, excludes: true }
    }
}

/// What an organisation adds to the built-in phrases.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Additions {
    /// Phrases to look for.
    #[serde(default)]
    pub add: Vec<Addition>,
    /// Phrases that mean nothing, such as the name of a product; what is found within them does not
    /// count. In the form of `Addition::phrase`.
    #[serde(default)]
    pub exclude: Vec<String>,
}

impl Additions {
    /// Whether they change nothing.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.exclude.is_empty()
    }

    /// How many phrases they are, added and excluded.
    pub fn len(&self) -> usize {
        self.add.len() + self.exclude.len()
    }
}

/// One phrase of an organisation.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// What it tells.
    pub family: Family,
    /// How much it tells, above 0 and up to 1: 0.2 is low, 0.4 medium, 0.65 high, 0.85 extreme.
    pub weight: f64,
    /// The words; `|` between words of which either will do, `*` for up to four words, `?` behind a
    /// word that may be missing, `0` for a number.
    pub phrase: String,
}

impl Addition {
    /// Whether a phrase may tell as much.
    pub fn is_weight(weight: f64) -> bool {
        weight > 0.0 && weight <= 1.0
    }
}

/// Whether these words are a phrase that may be added or excluded.
///
/// # Errors
/// What to change.
pub fn check_phrase(text: &str) -> Result<(), PhraseError> {
    own_pattern(text, &mut Vocabulary::new()).map(|_| ())
}

/// An organisation's phrase, whose length is bounded and which knows no classes.
fn own_pattern(text: &str, vocabulary: &mut Vocabulary) -> Result<Pattern, PhraseError> {
    if text.len() > DETECT_PHRASE_BYTES {
        return Err(PhraseError::TooLong);
    }
    // People write them one in a line.
    if text.chars().any(char::is_control) {
        return Err(PhraseError::Control);
    }
    Pattern::parse(text, &Classes::new(), vocabulary)
}

/// Why additions are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{pointer}: {problem}")]
pub struct AdditionError {
    /// Where: a JSON pointer into the additions.
    pub pointer: String,
    /// What to change.
    pub problem: String,
}

/// All phrases, ready to be looked for: its own, and those that it lies over and shares with others.
#[derive(Debug)]
pub(super) struct Phrases {
    /// What its phrases come on top of.
    below: Option<Arc<Phrases>>,
    /// The number of its first own phrase.
    first: usize,
    pub(super) vocabulary: Vocabulary,
    tree: Tree,
    phrases: Vec<Phrase>,
}

impl Phrases {
    pub(super) fn new() -> Self {
        Self {
            below: None,
            first: 0,
            vocabulary: Vocabulary::new(),
            tree: Tree::default(),
            phrases: Vec::new(),
        }
    }

    /// Room for phrases on top of others. What is found is what one tree of all would find.
    pub(super) fn over(below: Arc<Self>) -> Self {
        Self {
            first: below.len(),
            vocabulary: Vocabulary::over(Arc::clone(&below)),
            below: Some(below),
            tree: Tree::sparse(),
            phrases: Vec::new(),
        }
    }

    pub(super) fn phrase(&self, number: u32) -> Option<&Phrase> {
        match (number as usize).checked_sub(self.first) {
            Some(own) => self.phrases.get(own),
            None => self.below.as_deref().and_then(|below| below.phrase(number)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.first + self.phrases.len()
    }

    /// The places that its own phrases come to, and one more for each: one that is there twice has none of
    /// its own.
    pub(super) fn places(&self) -> usize {
        self.tree.places() + self.phrases.len()
    }

    /// All phrases in a text, by where they begin.
    pub(super) fn find(&self, tokens: &[Token]) -> Vec<Match> {
        let mut found = Vec::new();
        let mut layer = Some(self);
        let mut layers = 0;
        while let Some(here) = layer {
            // A word that denies in this organisation breaks the gaps of all phrases.
            here.tree.find(tokens, &self.vocabulary, &mut found);
            layers += 1;
            layer = here.below.as_deref();
        }
        if layers > 1 {
            found.sort_by_key(|each| (each.first, each.phrase));
        }
        found
    }

    /// Takes a file in.
    pub(super) fn load(&mut self, file: &File) -> Result<(), String> {
        let languages = Languages::of(file.language);
        for word in file.function_words.split_whitespace() {
            for word in split(word).map_err(|error| format!("function word {word}: {error}"))? {
                let id = self.vocabulary.learn(&word);
                self.vocabulary.mark(id, languages);
            }
        }
        let mut classes = Classes::new();
        for (name, words) in &file.classes {
            let mut class = Vec::new();
            for word in words.split_whitespace() {
                class.extend(split(word).map_err(|error| format!("class {name}: {word} {error}"))?);
            }
            classes.insert(name.clone(), class);
        }
        for text in &file.exclude {
            self.add(text, &classes, Phrase::excluding(languages, false))
                .map_err(|error| format!("exclude: \"{text}\" {error}"))?;
        }
        for group in &file.group {
            let Group { family, weight, say } = group;
            if !(*weight > 0.0 && *weight <= 1.0) {
                return Err(format!("{}: the weight {weight} is not in 0 to 1", family.word()));
            }
            let phrase = Phrase {
                family: *family,
                weight: *weight,
                languages,
                added: false,
                excludes: false,
            };
            for text in say {
                self.add(text, &classes, phrase.clone())
                    .map_err(|error| format!("{}: \"{text}\" {error}", family.word()))?;
            }
        }
        Ok(())
    }

    /// Takes an organisation's phrases in.
    pub(super) fn extend(&mut self, additions: &Additions) -> Result<(), AdditionError> {
        let refuse = |pointer: String, problem: String| AdditionError { pointer, problem };
        if additions.len() > DETECT_ADDITIONS {
            return Err(refuse(String::new(), format!("has more than {DETECT_ADDITIONS} phrases")));
        }
        for (index, addition) in additions.add.iter().enumerate() {
            let weight = addition.weight;
            if !Addition::is_weight(weight) {
                let problem = "must be above 0 and at most 1".to_owned();
                return Err(refuse(format!("/add/{index}/weight"), problem));
            }
            let phrase = Phrase {
                family: addition.family,
                weight,
                languages: Languages::ALL,
                added: true,
                excludes: false,
            };
            self.add_own(&addition.phrase, phrase)
                .map_err(|error| refuse(format!("/add/{index}/phrase"), error.to_string()))?;
        }
        for (index, text) in additions.exclude.iter().enumerate() {
            self.add_own(text, Phrase::excluding(Languages::ALL, true))
                .map_err(|error| refuse(format!("/exclude/{index}"), error.to_string()))?;
        }
        self.tree.shrink();
        Ok(())
    }

    /// Adds an organisation's phrase.
    fn add_own(&mut self, text: &str, phrase: Phrase) -> Result<(), PhraseError> {
        let pattern = own_pattern(text, &mut self.vocabulary)?;
        self.put(&pattern, phrase);
        Ok(())
    }

    fn add(&mut self, text: &str, classes: &Classes, phrase: Phrase) -> Result<(), PhraseError> {
        let pattern = Pattern::parse(text, classes, &mut self.vocabulary)?;
        self.put(&pattern, phrase);
        Ok(())
    }

    fn put(&mut self, pattern: &Pattern, phrase: Phrase) {
        if phrase.family == Family::Negation {
            for word in pattern.only_words() {
                self.vocabulary.mark_denial(*word);
            }
        }
        let number = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.phrases.push(phrase);
        self.tree.add(pattern, number);
    }
}
