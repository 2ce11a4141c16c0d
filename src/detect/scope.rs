//! What the words around a phrase make of it: denied, supposed, quoted, or excluded by the organisation.

use super::family::{FAMILIES, Family};
use super::language::{Language, Languages, Spoken};
use super::pattern::Match;
use super::phrases::Phrases;
use super::token::Text;

/// Words that a negation reaches over at most.
const REACH: usize = 7;
/// What is left of a phrase that is only supposed.
const SUPPOSED: f64 = 0.2;
/// What is left of a phrase that somebody is quoted with.
const QUOTED: f64 = 0.2;

/// A phrase of the text that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub(super) family: Family,
    /// What it tells after what is around it.
    pub(super) weight: f64,
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) added: bool,
}

/// What is before each token.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    denied: bool,
    supposed: bool,
    excluded: bool,
}

/// The phrases of a text that count, in the order of their first words.
pub(super) fn hits(text: &Text, matches: &[Match], phrases: &Phrases, spoken: Spoken) -> Vec<Hit> {
    let heard = spoken.heard;
    let before = before(text, matches, phrases, spoken);
    let ends_excluded = |last: usize| before.get(last).is_some_and(|place| place.excluded);
    let mut hits = Vec::with_capacity(matches.len());
    for found in matches {
        let Some(phrase) = phrases.phrase(found.phrase) else { continue };
        let Some(before) = before.get(found.first) else { continue };
        let Some(token) = text.tokens.get(found.first) else { continue };
        let excluded = before.excluded || ends_excluded(found.end.saturating_sub(1));
        let silent = !phrase.languages.meets(heard) || phrase.excludes || excluded;
        if silent || (phrase.family.is_negatable() && before.denied) {
            continue;
        }
        let mut weight = phrase.weight;
        if phrase.family.is_negatable() {
            weight *= if before.supposed { SUPPOSED } else { 1.0 };
            weight *= if token.quoted { QUOTED } else { 1.0 };
        }
        let (family, added) = (phrase.family, phrase.added);
        hits.push(Hit { family, weight, first: found.first, end: found.end, added });
    }
    strongest(hits)
}

/// Of phrases of one family that share words the strongest counts, of equal ones the longest.
fn strongest(hits: Vec<Hit>) -> Vec<Hit> {
    let mut last: [Option<usize>; FAMILIES] = [None; FAMILIES];
    let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        let Some(last) = last.get_mut(hit.family.index()) else { continue };
        let rival = last.and_then(|at| kept.get_mut(at)).filter(|rival| rival.end > hit.first);
        match rival {
            None => {
                *last = Some(kept.len());
                kept.push(hit);
            }
            Some(rival) => {
                let length = |hit: &Hit| hit.end - hit.first;
                let longer = hit.weight == rival.weight && length(&hit) > length(rival);
                if hit.weight > rival.weight || longer {
                    *rival = hit;
                }
            }
        }
    }
    kept
}

/// One pass over the tokens: what is before each of them.
fn before(text: &Text, matches: &[Match], phrases: &Phrases, spoken: Spoken) -> Vec<Before> {
    // "No" denies in English and is "in the" in Portuguese: only the text's own language denies.
    let own = Languages::of(spoken.main.unwrap_or(Language::English));
    // German puts a comma between what is denied and the denial.
    let commas_part = spoken.main != Some(Language::German);
    let mut before = vec![Before::default(); text.tokens.len()];
    // What becomes of the tokens behind a word: by the word behind which it begins.
    let mut denies = vec![None; text.tokens.len() + 1];
    let mut supposes = vec![false; text.tokens.len() + 1];
    for found in matches {
        let Some(phrase) = phrases.phrase(found.phrase) else { continue };
        if phrase.excludes {
            for place in before.iter_mut().take(found.end).skip(found.first) {
                place.excluded = true;
            }
        }
        if !phrase.languages.meets(own) {
            continue;
        }
        // "No, I will": a denial ends with its clause.
        let clause = |at: usize| text.tokens.get(at).map(|token| token.clause);
        if commas_part && clause(found.end.saturating_sub(1)) != clause(found.end) {
            continue;
        }
        let denial = denies.get_mut(found.end);
        if phrase.family == Family::Negation {
            if let Some(place) = denial {
                // "will not hesitate": what affirms wins where both end.
                *place = place.or(Some(true));
            }
        } else if phrase.family == Family::Affirmation {
            if let Some(place) = denial {
                *place = Some(false);
            }
        } else if phrase.family == Family::Hypothesis
            && let Some(place) = supposes.get_mut(found.end)
        {
            *place = true;
        }
    }
    let (mut reach, mut supposed) = (0, false);
    let mut last = (0, 0);
    for (((token, place), denies), supposes) in
        text.tokens.iter().zip(&mut before).zip(denies).zip(supposes)
    {
        if token.sentence != last.0 {
            supposed = false;
        }
        if token.sentence != last.0 || (commas_part && token.clause != last.1) {
            reach = 0;
        }
        last = (token.sentence, token.clause);
        match denies {
            Some(true) => reach = REACH,
            Some(false) => reach = 0,
            None => {}
        }
        supposed |= supposes;
        place.denied = reach > 0;
        place.supposed = supposed;
        reach = reach.saturating_sub(1);
    }
    before
}
