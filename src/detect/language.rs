//! Which language a text is in, by its function words. It knows five; of others it knows that they are
//! others.

use super::pattern::Match;
use super::phrases::Phrases;
use super::token::Text;

/// A language that there are phrases in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Language {
    English,
    Spanish,
    French,
    German,
    Portuguese,
}

impl Language {
    /// All that there are.
    pub const ALL: [Self; 5] =
        [Self::English, Self::Spanish, Self::French, Self::German, Self::Portuguese];

    /// Its ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
            Self::French => "fr",
            Self::German => "de",
            Self::Portuguese => "pt",
        }
    }
}

/// A set of languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Languages(u8);

impl Languages {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0b1_1111);

    pub(super) const fn of(language: Language) -> Self {
        Self(1 << language as u8)
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn holds(self, language: Language) -> bool {
        self.0 & Self::of(language).0 != 0
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// What is known of a text's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spoken {
    /// The language that it is in; none where it is one that there are no phrases in.
    pub(super) main: Option<Language>,
    /// Languages whose phrases are looked for. English always is among them, since its words for
    /// trouble are used in every language.
    pub(super) heard: Languages,
}

/// Texts of fewer words may have no function word at all; all phrases are looked for in them.
const SHORT: usize = 5;
/// Of so many words at least one must be a function word, or stand in a phrase.
const FEWEST: usize = 12;

/// Which language a text is in: by its function words, and by the phrases that are found in it.
pub(super) fn spoken(text: &Text, matches: &[Match], phrases: &Phrases) -> Spoken {
    let english = Languages::of(Language::English);
    if text.is_foreign_script() {
        return Spoken { main: None, heard: english };
    }
    let mut scores = [0.0_f64; Language::ALL.len()];
    let mut add = |languages: Languages, score: f64| {
        for (place, language) in scores.iter_mut().zip(Language::ALL) {
            *place += if languages.holds(language) { score } else { 0.0 };
        }
    };
    let mut words = 0_usize;
    for token in text.tokens.iter().filter(|token| token.is_word()) {
        words += 1;
        let languages = phrases.vocabulary.languages(token.word);
        if languages != Languages::NONE {
            add(languages, 1.0 / f64::from(languages.count()));
        }
    }
    // Phrases of several words are as sure as a function word, single words less so.
    for found in matches {
        if let Some(phrase) = phrases.phrase(found.phrase).filter(|phrase| !phrase.added) {
            add(phrase.languages, if found.end - found.first > 1 { 0.5 } else { 0.25 });
        }
    }
    let mut best = (Language::English, 0.0);
    for (score, language) in scores.into_iter().zip(Language::ALL) {
        if score > best.1 {
            best = (language, score);
        }
    }
    let (language, score) = best;
    if score == 0.0 || score * (FEWEST as f64) < words as f64 {
        let heard = if words < SHORT { Languages::ALL } else { english };
        return Spoken { main: (words < SHORT).then_some(Language::English), heard };
    }
    let mut heard = english.with(Languages::of(language));
    for (other, language) in scores.into_iter().zip(Language::ALL) {
        // Close relatives share most of their function words.
        if other * 2.0 >= score || (words < SHORT && other > 0.0) {
            heard = heard.with(Languages::of(language));
        }
    }
    Spoken { main: Some(language), heard }
}
