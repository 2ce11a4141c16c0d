//! Phrases as people write them into the files, and all of them as one tree that a text is walked
//! through. The form of a phrase, word by word:
//!
//! * `word` – the word, whatever its case, accents or disguise;
//! * `this|that` – either;
//! * `<class>` – any word of a class that the file declares;
//! * `*` – up to four words, whatever they are, at most twice and neither first nor last;
//! * `0` – any number;
//! * a `?` behind a word, an either or a class – it may be missing.

use std::collections::BTreeMap;

use super::fold::folded;
use super::token::Token;
use super::vocabulary::{Vocabulary, WordId};
use super::words::Table;
use crate::domain::limits::{
    DETECT_PHRASE_BYTES, DETECT_PHRASE_SPELLINGS, DETECT_PHRASE_WORDS, DETECT_STEPS,
};

/// Words that a `*` stands for at most.
const GAP: usize = 4;
/// `*` in one phrase: each multiplies the ways through the tree by five.
const GAPS: usize = 2;

/// Why a phrase is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PhraseError {
    #[error("is empty")]
    Empty,
    #[error("is longer than {DETECT_PHRASE_BYTES} bytes")]
    TooLong,
    #[error("holds a line break or another control character: remove it")]
    Control,
    #[error("has more than {DETECT_PHRASE_WORDS} words")]
    TooManyWords,
    #[error(
        "has so many optional words that it stands for more than {DETECT_PHRASE_SPELLINGS} phrases"
    )]
    TooManySpellings,
    #[error("may not begin or end with `*`, or have more than {GAPS} of them")]
    Gap,
    #[error("names the class `{0}`, which the file does not declare")]
    UnknownClass(String),
    #[error("has `{0}`, which is no word")]
    NoWord(String),
}

/// Classes of words, by name; words are folded.
pub(super) type Classes = BTreeMap<String, Vec<String>>;

/// One place of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Any of these words.
    Words(Vec<WordId>),
    Gap,
}

/// A phrase, in all the ways in which its optional words make it.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Vec<Place>>);

impl Pattern {
    /// Its words, if it is one place.
    pub(super) fn only_words(&self) -> &[WordId] {
        match self.0.as_slice() {
            [places] => match places.as_slice() {
                [Place::Words(words)] => words,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// Reads a phrase; its words become part of the vocabulary.
    pub(super) fn parse(
        text: &str,
        classes: &Classes,
        vocabulary: &mut Vocabulary,
    ) -> Result<Self, PhraseError> {
        let mut spellings: Vec<Vec<Place>> = vec![Vec::new()];
        for piece in text.split_whitespace() {
            let (piece, optional) = match piece.strip_suffix('?') {
                Some(piece) => (piece, true),
                None => (piece, false),
            };
            let places = places(piece, classes, vocabulary)?;
            let with = spellings.iter().map(|before| [before.as_slice(), &places].concat());
            let with: Vec<Vec<Place>> = with.collect();
            if !optional {
                spellings.clear();
            }
            spellings.extend(with);
            if spellings.len() > DETECT_PHRASE_SPELLINGS {
                return Err(PhraseError::TooManySpellings);
            }
        }
        spellings.iter().try_for_each(|places| check(places))?;
        Ok(Self(spellings))
    }
}

fn check(places: &[Place]) -> Result<(), PhraseError> {
    if places.len() > DETECT_PHRASE_WORDS {
        return Err(PhraseError::TooManyWords);
    }
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Err(PhraseError::Empty);
    };
    let gaps = places.iter().filter(|place| **place == Place::Gap).count();
    let outer = *first == Place::Gap || *last == Place::Gap;
    if outer || gaps > GAPS { Err(PhraseError::Gap) } else { Ok(()) }
}

fn places(
    piece: &str,
    classes: &Classes,
    vocabulary: &mut Vocabulary,
) -> Result<Vec<Place>, PhraseError> {
    if piece == "*" {
        return Ok(vec![Place::Gap]);
    }
    let mut words = Vec::new();
    let mut alternatives = piece.split('|').peekable();
    let only = alternatives.clone().count() == 1;
    for alternative in alternatives.by_ref() {
        if let Some(name) = alternative.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            let class = classes.get(name);
            let class = class.ok_or_else(|| PhraseError::UnknownClass(name.to_owned()))?;
            words.extend(class.iter().map(|word| vocabulary.learn(word)));
            continue;
        }
        let several = split(alternative)?;
        match several.as_slice() {
            [word] => words.push(vocabulary.learn(word)),
            several if only => {
                let place = |word: &String| Place::Words(vec![vocabulary.learn(word)]);
                return Ok(several.iter().map(place).collect());
            }
            _ => return Err(PhraseError::NoWord(alternative.to_owned())),
        }
    }
    words.sort_unstable();
    words.dedup();
    Ok(vec![Place::Words(words)])
}

/// The words that a text's reader makes of one that is written in a phrase: "l'avocat" is two.
pub(super) fn split(word: &str) -> Result<Vec<String>, PhraseError> {
    let folded = folded(word);
    let bad = || PhraseError::NoWord(word.to_owned());
    let parts: Vec<&str> = folded.split('-').collect();
    let mut words = Vec::new();
    for part in parts {
        match part.split_once('\'') {
            None => words.push(part.to_owned()),
            Some((stem, "ll")) => words.extend([stem.to_owned(), "will".to_owned()]),
            Some((stem, "m")) => words.extend([stem.to_owned(), "am".to_owned()]),
            Some((stem, "re")) => words.extend([stem.to_owned(), "are".to_owned()]),
            Some((stem, "ve")) => words.extend([stem.to_owned(), "have".to_owned()]),
            Some((stem, "d")) => words.extend([stem.to_owned(), "would".to_owned()]),
            Some((stem, "s")) => words.push(stem.to_owned()),
            Some((stem, "t")) => words.push(format!("{stem}t")),
            Some((stem, rest)) => words.extend([stem.to_owned(), rest.to_owned()]),
        }
    }
    let good = |word: &String| !word.is_empty() && word.chars().all(char::is_alphanumeric);
    if words.iter().all(good) { Ok(words) } else { Err(bad()) }
}

/// All phrases as a tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// Children by word of all nodes but the root.
    edges: Table<u64, Vec<u32>>,
    /// The root's children: most words of a text are looked up here and nowhere else.
    roots: Roots,
}

/// Where phrases begin, by their first words.
#[derive(Debug)]
enum Roots {
    /// By the word's number: as long as the vocabulary, and the fastest.
    Dense(Vec<Vec<u32>>),
    /// Among the other edges: for few phrases over a large vocabulary.
    Sparse,
}

impl Default for Roots {
    fn default() -> Self {
        Self::Dense(Vec::new())
    }
}

#[derive(Debug, Default)]
struct Node {
    /// Where a `*` leads.
    gap: Option<u32>,
    /// Phrases that end here.
    ends: Vec<u32>,
    /// Children by the places that lead to them, while the tree is made.
    made: Vec<(Vec<WordId>, u32)>,
}

/// A phrase found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) phrase: u32,
    /// Its first token, and the one behind its last.
    pub(super) first: usize,
    pub(super) end: usize,
}

impl Tree {
    /// One that takes no room for words that none of its phrases begins with.
    pub(super) fn sparse() -> Self {
        Self { roots: Roots::Sparse, ..Self::default() }
    }

    /// The places that all spellings of its phrases come to: its size.
    pub(super) fn places(&self) -> usize {
        self.nodes.len()
    }

    /// Gives back what was only of use while phrases were added.
    pub(super) fn shrink(&mut self) {
        self.nodes.iter_mut().for_each(|node| {
            node.made.shrink_to_fit();
            node.ends.shrink_to_fit();
        });
        self.nodes.shrink_to_fit();
        self.edges.values_mut().for_each(Vec::shrink_to_fit);
        self.edges.shrink_to_fit();
    }

    /// Adds a phrase under the number that it is found by.
    pub(super) fn add(&mut self, pattern: &Pattern, phrase: u32) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        for places in &pattern.0 {
            let node = places.iter().fold(0, |node, place| self.child(node, place));
            if let Some(node) = self.nodes.get_mut(node as usize)
                && !node.ends.contains(&phrase)
            {
                node.ends.push(phrase);
            }
        }
    }

    fn child(&mut self, node: u32, place: &Place) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(parent) = self.nodes.get_mut(node as usize) else { return node };
        let words = match place {
            Place::Gap => {
                let child = *parent.gap.get_or_insert(next);
                if child == next {
                    self.nodes.push(Node::default());
                }
                return child;
            }
            Place::Words(words) => words,
        };
        if let Some((_, child)) = parent.made.iter().find(|(made, _)| made == words) {
            return *child;
        }
        parent.made.push((words.clone(), next));
        self.nodes.push(Node::default());
        for word in words {
            match &mut self.roots {
                Roots::Dense(roots) if node == 0 => {
                    let index = word.0 as usize;
                    if roots.len() <= index {
                        roots.resize_with(index + 1, Vec::new);
                    }
                    if let Some(children) = roots.get_mut(index) {
                        children.push(next);
                    }
                }
                Roots::Dense(_) | Roots::Sparse => {
                    self.edges.entry(key(node, *word)).or_default().push(next);
                }
            }
        }
        next
    }

    /// Where phrases that begin with that word go on.
    fn begun(&self, word: WordId) -> &[u32] {
        let children = match &self.roots {
            Roots::Dense(roots) => roots.get(word.0 as usize),
            Roots::Sparse => self.edges.get(&key(0, word)),
        };
        children.map_or(&[], Vec::as_slice)
    }

    /// All phrases in a text, by where they begin. No phrase reaches over the end of a sentence.
    pub(super) fn find(&self, tokens: &[Token], vocabulary: &Vocabulary, found: &mut Vec<Match>) {
        for (first, token) in tokens.iter().enumerate() {
            if token.word == WordId::UNKNOWN {
                continue;
            }
            let (sentence, left) = (token.sentence, DETECT_STEPS);
            let mut walk = Walk { tokens, vocabulary, sentence, first, found, left };
            for child in self.begun(token.word) {
                self.walk(&mut walk, *child, first + 1);
            }
        }
    }

    /// From a node on. The depth is that of the longest phrase, the breadth that of two gaps.
    fn walk(&self, walk: &mut Walk<'_>, node: u32, at: usize) {
        let Some(here) = self.nodes.get(node as usize) else { return };
        let Some(left) = walk.left.checked_sub(1 + here.ends.len()) else { return };
        walk.left = left;
        for phrase in &here.ends {
            let found = Match { phrase: *phrase, first: walk.first, end: at };
            // Two ways through the gaps of one phrase are one find.
            if walk.found.iter().rev().take(8).all(|other| *other != found) {
                walk.found.push(found);
            }
        }
        // Most ways end here: there is nothing to look up behind them.
        if !here.made.is_empty() {
            self.next(walk, node, at);
        }
        if let Some(gap) = here.gap {
            for skipped in 0..=GAP {
                self.next(walk, gap, at + skipped);
                // "I will not sue" must not be "I will … sue".
                let skip = walk.tokens.get(at + skipped);
                if skip.is_none_or(|token| walk.vocabulary.denies(token.word)) {
                    break;
                }
            }
        }
    }

    fn next(&self, walk: &mut Walk<'_>, node: u32, at: usize) {
        let Some(token) = walk.tokens.get(at) else { return };
        if token.word == WordId::UNKNOWN || token.sentence != walk.sentence {
            return;
        }
        for child in self.edges.get(&key(node, token.word)).into_iter().flatten() {
            self.walk(walk, *child, at + 1);
        }
    }
}

/// A walk through the tree from one token on.
struct Walk<'a> {
    tokens: &'a [Token],
    vocabulary: &'a Vocabulary,
    sentence: u32,
    first: usize,
    found: &'a mut Vec<Match>,
    /// Steps that are left: phrases that people make up must not hold up the records of others.
    left: usize,
}

fn key(node: u32, word: WordId) -> u64 {
    u64::from(node) << 32 | u64::from(word.0)
}
