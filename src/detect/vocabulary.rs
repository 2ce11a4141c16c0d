//! The words that any phrase holds, as small numbers, and the way from a word as it is written to one
//! of them: through contractions, drawn-out letters and letters that were exchanged for others.

use super::fold::lookalike;
use super::language::Languages;
use super::words::Table;

/// A word of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WordId(pub(super) u32);

impl WordId {
    /// Any word that no phrase holds.
    pub(super) const UNKNOWN: Self = Self(0);
    /// Any number.
    pub(super) const NUMBER: Self = Self(1);
}

/// Letters that a disguised word must have: shorter ones are met by chance.
const DISGUISED_LETTERS: usize = 3;

/// The words that any phrase holds.
#[derive(Debug)]
pub(super) struct Vocabulary {
    ids: Table<Box<str>, WordId>,
    /// The languages in which a word is a function word, by number.
    languages: Vec<Languages>,
    /// Whether a word denies on its own, by number.
    denies: Vec<bool>,
}

/// A word as it was found.
pub(super) struct Found {
    pub(super) id: WordId,
    /// A letter was repeated for emphasis.
    pub(super) drawn_out: bool,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        Self { ids: Table::default(), languages: vec![Languages::NONE; 2], denies: vec![false; 2] }
    }

    /// The number of a folded word, which becomes part of the vocabulary.
    pub(super) fn learn(&mut self, word: &str) -> WordId {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return WordId::NUMBER;
        }
        if let Some(id) = self.ids.get(word) {
            return *id;
        }
        let id = WordId(u32::try_from(self.languages.len()).unwrap_or(u32::MAX));
        self.languages.push(Languages::NONE);
        self.denies.push(false);
        self.ids.insert(word.into(), id);
        id
    }

    /// Counts a word as one by which a language is known.
    pub(super) fn mark(&mut self, id: WordId, languages: Languages) {
        if let Some(marks) = self.languages.get_mut(id.0 as usize) {
            *marks = marks.with(languages);
        }
    }

    /// In which languages a word is a function word.
    pub(super) fn languages(&self, id: WordId) -> Languages {
        self.languages.get(id.0 as usize).copied().unwrap_or(Languages::NONE)
    }

    /// Counts a word as one that denies.
    pub(super) fn mark_denial(&mut self, id: WordId) {
        if let Some(denies) = self.denies.get_mut(id.0 as usize) {
            *denies = true;
        }
    }

    /// Whether a word denies on its own.
    pub(super) fn denies(&self, id: WordId) -> bool {
        self.denies.get(id.0 as usize).copied().unwrap_or(false)
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.languages.len()
    }

    /// A folded word just as it stands.
    pub(super) fn find(&self, word: &str) -> Option<WordId> {
        self.ids.get(word).copied()
    }

    /// A folded word in whatever spelling: `scratch` is used and left behind.
    pub(super) fn resolve(&self, word: &str, scratch: &mut String) -> Found {
        let plain = |id| Found { id, drawn_out: false };
        if let Some(id) = self.find(word) {
            return plain(id);
        }
        let (letters, others) = census(word);
        let drawn_out = has_run(word);
        if drawn_out {
            for most in [2, 1] {
                squeeze(word, most, scratch);
                if let Some(id) = self.find(scratch) {
                    return Found { id, drawn_out };
                }
            }
        }
        if others > 0 && letters >= others && letters + others >= DISGUISED_LETTERS {
            scratch.clear();
            scratch.extend(word.chars().map(|each| lookalike(each).unwrap_or(each)));
            if let Some(id) = self.find(scratch) {
                return plain(id);
            }
            // One and the bar stand for L as often as for I.
            if scratch.contains('i') {
                scratch.clear();
                let letter = |each| match each {
                    '1' | '|' => 'l',
                    each => lookalike(each).unwrap_or(each),
                };
                scratch.extend(word.chars().map(letter));
                return plain(self.find(scratch).unwrap_or(WordId::UNKNOWN));
            }
        }
        Found { id: WordId::UNKNOWN, drawn_out }
    }
}

/// How many characters of a word are Latin letters, and how many are taken for one.
fn census(word: &str) -> (usize, usize) {
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    if letters == word.len() {
        return (letters, 0);
    }
    (letters, word.chars().filter(|each| lookalike(*each).is_some()).count())
}

fn has_run(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.windows(3).any(|three| matches!(three, [a, b, c] if a == b && b == c))
}

/// The word with no letter more often than `most` in a row where it stands three times or more.
fn squeeze(word: &str, most: usize, out: &mut String) {
    out.clear();
    let mut rest = word;
    while let Some(each) = rest.chars().next() {
        let after = rest.trim_start_matches(each);
        let run = (rest.len() - after.len()) / each.len_utf8();
        let keep = if run >= 3 { most } else { run };
        out.extend(std::iter::repeat_n(each, keep));
        rest = after;
    }
}
