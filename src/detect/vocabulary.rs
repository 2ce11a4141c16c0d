//! The words that any phrase holds, as small numbers, and the way from a word as it is written to one
//! of them: through contractions, drawn-out letters and letters that were exchanged for others.

use std::sync::Arc;

use super::fold::lookalike;
use super::language::Languages;
use super::phrases::Phrases;
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

/// The words that any phrase holds: its own, and those of what it lies over.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// What its words come on top of.
    below: Option<Arc<Phrases>>,
    /// The number of its first own word; lower ones are of `below`.
    first: usize,
    ids: Table<Box<str>, WordId>,
    /// The languages in which an own word is a function word, by number.
    languages: Vec<Languages>,
    /// Whether an own word denies on its own, by number.
    denies: Vec<bool>,
    /// Words of `below` that deny here, and not there.
    denying: Vec<WordId>,
}

/// A word as it was found.
pub(super) struct Found {
    pub(super) id: WordId,
    /// A letter was repeated for emphasis.
    pub(super) drawn_out: bool,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        Self {
            below: None,
            first: 0,
            ids: Table::default(),
            languages: vec![Languages::NONE; 2],
            denies: vec![false; 2],
            denying: Vec::new(),
        }
    }

    /// What comes on top of those phrases: it holds nothing of theirs twice.
    pub(super) fn over(below: Arc<Phrases>) -> Self {
        Self {
            first: below.vocabulary.len(),
            below: Some(below),
            ids: Table::default(),
            languages: Vec::new(),
            denies: Vec::new(),
            denying: Vec::new(),
        }
    }

    fn below(&self) -> Option<&Self> {
        self.below.as_deref().map(|below| &below.vocabulary)
    }

    /// The place of an own word; none for one of those below.
    fn own(&self, id: WordId) -> Option<usize> {
        (id.0 as usize).checked_sub(self.first)
    }

    /// The number of a folded word, which becomes part of the vocabulary.
    pub(super) fn learn(&mut self, word: &str) -> WordId {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return WordId::NUMBER;
        }
        if let Some(id) = self.find(word) {
            return id;
        }
        let id = WordId(u32::try_from(self.len()).unwrap_or(u32::MAX));
        self.languages.push(Languages::NONE);
        self.denies.push(false);
        self.ids.insert(word.into(), id);
        id
    }

    /// Counts a word as one by which a language is known.
    pub(super) fn mark(&mut self, id: WordId, languages: Languages) {
        if let Some(marks) = self.own(id).and_then(|own| self.languages.get_mut(own)) {
            *marks = marks.with(languages);
        }
    }

    /// In which languages a word is a function word.
    pub(super) fn languages(&self, id: WordId) -> Languages {
        match (self.own(id), self.below()) {
            (None, Some(below)) => below.languages(id),
            (own, _) => {
                own.and_then(|own| self.languages.get(own)).copied().unwrap_or(Languages::NONE)
            }
        }
    }

    /// Counts a word as one that denies.
    pub(super) fn mark_denial(&mut self, id: WordId) {
        match self.own(id) {
            Some(own) => {
                if let Some(denies) = self.denies.get_mut(own) {
                    *denies = true;
                }
            }
            None => self.denying.push(id),
        }
    }

    /// Whether a word denies on its own.
    pub(super) fn denies(&self, id: WordId) -> bool {
        match (self.own(id), self.below()) {
            (None, Some(below)) => below.denies(id) || self.denying.contains(&id),
            (own, _) => own.and_then(|own| self.denies.get(own)).copied().unwrap_or(false),
        }
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.first + self.languages.len()
    }

    /// A folded word just as it stands.
    pub(super) fn find(&self, word: &str) -> Option<WordId> {
        let own = self.ids.get(word).copied();
        own.or_else(|| self.below().and_then(|below| below.find(word)))
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
