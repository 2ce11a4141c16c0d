//! The words that VADER knows: valences, boosters, negations.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::detect::words::Table;

/// By how much a booster raises what it stands before; a dampener lowers by as much.
const BOOST: f64 = 0.293;

const BOOSTERS: &str = "absolutely amazingly awfully completely considerable considerably decidedly \
    deeply effing enormous enormously entirely especially exceptional exceptionally extreme extremely \
    fabulously flipping flippin frackin fracking fricking frickin frigging friggin fully fuckin fucking \
    fuggin fugging greatly hella highly hugely incredible incredibly intensely major majorly more most \
    particularly purely quite really remarkably so substantially thoroughly total totally tremendous \
    tremendously uber unbelievably unusually utter utterly very";
const DAMPENERS: &str = "almost barely hardly kinda kindof kind-of less little marginal marginally \
    occasional occasionally partly scarce scarcely slight slightly somewhat sorta sortof sort-of";
const NEGATIONS: &str = "aint arent cannot cant couldnt darent didnt doesnt dont hadnt hasnt havent isnt \
    mightnt mustnt neither neednt never none nope nor not nothing nowhere oughtnt shant shouldnt uhuh \
    wasnt werent uh-uh without wont wouldnt rarely seldom despite";

/// What VADER knows of a word.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Entry {
    /// The lexicon's valence.
    pub(super) valence: Option<f64>,
    /// Raises (or lowers) what it stands before.
    pub(super) boost: Option<f64>,
    /// Turns what it stands before.
    pub(super) negates: bool,
}

/// VADER's lexicon, ready to judge texts. Reading it takes some milliseconds: make one and keep it.
#[derive(Debug)]
pub struct Vader {
    entries: Table<Cow<'static, str>, Entry>,
    emoji: Table<char, &'static str>,
}

impl Vader {
    /// The lexicon that is built in.
    pub fn new() -> Self {
        let mut entries: Table<Cow<'static, str>, Entry> = Table::default();
        for (word, valence) in rows(include_str!("lexicon.tsv")) {
            entries.entry(Cow::Borrowed(word)).or_default().valence = valence.parse().ok();
        }
        for word in BOOSTERS.split_ascii_whitespace() {
            entries.entry(Cow::Borrowed(word)).or_default().boost = Some(BOOST);
        }
        for word in DAMPENERS.split_ascii_whitespace() {
            entries.entry(Cow::Borrowed(word)).or_default().boost = Some(-BOOST);
        }
        for word in NEGATIONS.split_ascii_whitespace() {
            entries.entry(Cow::Borrowed(word)).or_default().negates = true;
        }
        let emoji = rows(include_str!("emoji.tsv"));
        let emoji = emoji.filter_map(|(emoji, words)| Some((emoji.chars().next()?, words)));
        Self { entries, emoji: emoji.collect() }
    }

    /// The built-in lexicon with other valences for some words; a valence of 0 makes a word mean nothing.
    pub(in crate::detect) fn with(valences: &BTreeMap<String, f64>) -> Self {
        let mut vader = Self::new();
        for (word, valence) in valences {
            let valence = Some(*valence).filter(|valence| *valence != 0.0);
            match vader.entries.get_mut(word.as_str()) {
                Some(entry) => entry.valence = valence,
                None => {
                    let entry = Entry { valence, ..Entry::default() };
                    vader.entries.insert(Cow::Owned(word.clone()), entry);
                }
            }
        }
        vader
    }

    /// What is known of a word in lower case; a word with `n't` negates whatever else it is.
    pub(super) fn entry(&self, word: &str) -> Entry {
        let mut entry = self.entries.get(word).copied().unwrap_or_default();
        entry.negates |= word.contains("n't");
        entry
    }

    /// The words that stand for an emoji.
    pub(in crate::detect) fn emoji(&self, emoji: char) -> Option<&'static str> {
        // The keycaps and signs below are never in the list; most characters end here.
        if emoji < '\u{a9}' { None } else { self.emoji.get(&emoji).copied() }
    }
}

impl Default for Vader {
    fn default() -> Self {
        Self::new()
    }
}

fn rows(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines().filter(|line| !line.starts_with("# ")).filter_map(|line| line.split_once('\t'))
}
