//! VADER's rules: what stands before a word changes its valence. They follow the reference line by line,
//! also where it is odd (a capital after "no", "but" that weighs equal valences by their first place).

use std::collections::BTreeSet;

use super::Word;
use crate::detect::words::Table;

/// How much capitals add to a word among others that are not.
const CAPITALS: f64 = 0.733;
/// What negation makes of a valence.
const NEGATED: f64 = -0.74;

/// Expressions whose valence is not that of their words.
const IDIOMS: [(&[&str], f64); 8] = [
    (&["the", "shit"], 3.0),
    (&["the", "bomb"], 3.0),
    (&["bad", "ass"], 1.5),
    (&["bus", "stop"], 0.0),
    (&["yeah", "right"], -2.0),
    (&["kiss", "of", "death"], -1.5),
    (&["to", "die", "for"], 3.0),
    (&["beating", "heart"], 3.5),
];

/// Boosters of two words; all of them lower.
const PAIRS: [[&str; 2]; 3] = [["just", "enough"], ["kind", "of"], ["sort", "of"]];

/// Words of a text around the one that is judged.
struct Around<'a, 'b> {
    words: &'a [Word<'b>],
    at: usize,
    /// Some words are in capitals, and others are not.
    mixed: bool,
}

/// The valence of each word, before "but" is weighed.
pub(super) fn valences(words: &[Word<'_>]) -> Vec<f64> {
    let upper = words.iter().filter(|word| word.upper).count();
    let mixed = 0 < upper && upper < words.len();
    let judge = |(at, word): (usize, &Word<'_>)| {
        let around = Around { words, at, mixed };
        let kind_of = word.lower == "kind" && around.is(1, "of");
        let Some(valence) = word.entry.valence else { return 0.0 };
        if word.entry.boost.is_some() || kind_of { 0.0 } else { around.valence(word, valence) }
    };
    words.iter().enumerate().map(judge).collect()
}

impl Around<'_, '_> {
    /// The word so many places behind (or, below zero, before).
    fn word(&self, offset: isize) -> Option<&Word<'_>> {
        self.words.get(self.at.checked_add_signed(offset)?)
    }

    fn is(&self, offset: isize, lower: &str) -> bool {
        self.word(offset).is_some_and(|word| word.lower == lower)
    }

    fn valence(&self, word: &Word<'_>, lexicon: f64) -> f64 {
        let mut valence = lexicon;
        let next_felt = self.word(1).is_some_and(|next| next.entry.valence.is_some());
        if word.lower == "no" && next_felt {
            valence = 0.0;
        }
        let nor = self.is(-1, "or") || self.is(-1, "nor");
        if self.is(-1, "no") || self.is(-2, "no") || (self.is(-3, "no") && nor) {
            valence = lexicon * NEGATED;
        }
        if word.upper && self.mixed {
            valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        for (back, damping) in [(1, 1.0), (2, 0.95), (3, 0.9)] {
            let Some(before) = self.word(-back) else { break };
            if before.entry.valence.is_some() {
                continue;
            }
            valence += self.boost(before, valence) * damping;
            valence = self.negation(valence, back, before);
            if back == 3 {
                valence = self.idioms(valence);
            }
        }
        self.least(valence)
    }

    fn boost(&self, before: &Word<'_>, valence: f64) -> f64 {
        let Some(boost) = before.entry.boost else { return 0.0 };
        let boost = if valence < 0.0 { -boost } else { boost };
        match before.upper && self.mixed {
            true if valence > 0.0 => boost + CAPITALS,
            true => boost - CAPITALS,
            false => boost,
        }
    }

    fn negation(&self, valence: f64, back: isize, before: &Word<'_>) -> f64 {
        let so = |offset| self.is(offset, "so") || self.is(offset, "this");
        let never = match back {
            2 => before.lower == "never" && so(-1),
            3 => (before.lower == "never" && so(-2)) || so(-1),
            _ => false,
        };
        let doubt = match back {
            2 => self.is(-1, "doubt"),
            3 => self.is(-2, "doubt") || self.is(-1, "doubt"),
            _ => false,
        };
        if never {
            valence * 1.25
        } else if !(before.lower == "without" && doubt) && before.entry.negates {
            valence * NEGATED
        } else {
            valence
        }
    }

    fn idioms(&self, mut valence: f64) -> f64 {
        // From where to where, nearest first, as the reference looks for them.
        let spans = [(-1, 0), (-2, 0), (-2, -1), (-3, -1), (-3, -2)];
        let found = spans.into_iter().find_map(|(from, to)| self.idiom(from, to));
        valence = found.unwrap_or(valence);
        valence = self.idiom(0, 1).unwrap_or(valence);
        valence = self.idiom(0, 2).unwrap_or(valence);
        for from in [-3, -2] {
            if PAIRS.iter().any(|[first, last]| self.is(from, first) && self.is(from + 1, last)) {
                valence -= 0.293;
            }
        }
        valence
    }

    fn idiom(&self, from: isize, to: isize) -> Option<f64> {
        let is = |words: &[&str]| {
            words.len() as isize == to - from + 1
                && (from..=to).zip(words).all(|(offset, word)| self.is(offset, word))
        };
        IDIOMS.iter().find(|(words, _)| is(words)).map(|(_, valence)| *valence)
    }

    fn least(&self, valence: f64) -> f64 {
        let least =
            self.word(-1).is_some_and(|word| word.lower == "least" && word.entry.valence.is_none());
        let at_least = self.is(-2, "at") || self.is(-2, "very");
        if least && !at_least { valence * NEGATED } else { valence }
    }
}

/// What stands before "but" counts half, what stands behind it half as much again. The reference looks
/// for the first place of an equal valence each time; so does this, by an ordered set for each value.
pub(super) fn weigh_but(words: &[Word<'_>], valences: &mut [f64]) {
    let Some(but) = words.iter().position(|word| word.lower == "but") else { return };
    let mut places: Table<u64, BTreeSet<usize>> = Table::default();
    for (at, valence) in valences.iter().enumerate() {
        // Half of nothing is nothing.
        if *valence != 0.0 {
            places.entry(valence.to_bits()).or_default().insert(at);
        }
    }
    for turn in 0..valences.len() {
        let Some(valence) = valences.get(turn).copied() else { break };
        let Some(at) = places.get(&valence.to_bits()).and_then(BTreeSet::first).copied() else {
            continue;
        };
        let weighed = match at.cmp(&but) {
            std::cmp::Ordering::Less => valence * 0.5,
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Greater => valence * 1.5,
        };
        if let Some(set) = places.get_mut(&valence.to_bits()) {
            set.remove(&at);
        }
        places.entry(weighed.to_bits()).or_default().insert(at);
        if let Some(place) = valences.get_mut(at) {
            *place = weighed;
        }
    }
}
