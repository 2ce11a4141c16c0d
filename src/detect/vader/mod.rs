//! VADER (Hutto & Gilbert, 2014): sentiment by a lexicon and rules, as the reference vaderSentiment
//! 3.3.2 computes it, its oddities included; `tests/vader.rs` holds the two together to four decimals.
//! What the reference does in quadratic time is done in `n log n` here.

mod lexicon;
mod rules;

use std::ops::Range;

pub use lexicon::Vader;

use lexicon::Entry;

/// How far exclamation marks reach beyond the words.
const EXCLAMATION: f64 = 0.292;
/// Approximates the largest sum of valences that is expected.
const ALPHA: f64 = 15.0;

/// What VADER says of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polarity {
    /// Share of negative valence, 0 to 1.
    pub negative: f64,
    /// Share of words without valence, 0 to 1.
    pub neutral: f64,
    /// Share of positive valence, 0 to 1.
    pub positive: f64,
    /// All valences summed and brought to -1 to 1.
    pub compound: f64,
}

/// One word of a text with its valence after all rules but punctuation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Valence {
    /// Where the word stands, in bytes of the text that was read.
    pub(super) at: Range<usize>,
    /// -4 to 4, more where boosted.
    pub(super) valence: f64,
}

/// A word as the rules look at it.
struct Word<'a> {
    lower: &'a str,
    entry: Entry,
    /// Written in capitals throughout.
    upper: bool,
}

impl Vader {
    /// The polarity of a text, not rounded.
    pub fn polarity(&self, text: &str) -> Polarity {
        let text = self.without_emoji(text);
        let text = text.trim_matches(is_space);
        let valences: Vec<f64> = self.valences(text).iter().map(|each| each.valence).collect();
        polarity(&valences, punctuation_emphasis(text))
    }

    /// The words of a text in which emoji are already spelled out, with their valences.
    pub(super) fn valences(&self, text: &str) -> Vec<Valence> {
        let places = places(text);
        let mut lower = String::with_capacity(text.len());
        let mut lower_ends = Vec::with_capacity(places.len());
        for place in &places {
            push_lower(&mut lower, text.get(place.clone()).unwrap_or_default());
            lower_ends.push(lower.len());
        }
        let mut start = 0;
        let words: Vec<Word<'_>> = places
            .iter()
            .zip(&lower_ends)
            .map(|(place, end)| {
                let lower = lower.get(start..*end).unwrap_or_default();
                start = *end;
                let upper = is_upper(text.get(place.clone()).unwrap_or_default());
                Word { lower, entry: self.entry(lower), upper }
            })
            .collect();
        let mut valences = rules::valences(&words);
        rules::weigh_but(&words, &mut valences);
        let places = places.into_iter().zip(valences);
        places.map(|(at, valence)| Valence { at, valence }).collect()
    }

    fn without_emoji(&self, text: &str) -> String {
        let mut plain = String::with_capacity(text.len());
        let mut after_space = true;
        for each in text.chars() {
            if let Some(words) = self.emoji(each) {
                if !after_space {
                    plain.push(' ');
                }
                plain.push_str(words);
                after_space = false;
            } else {
                plain.push(each);
                after_space = each == ' ';
            }
        }
        plain
    }
}

/// Brings a sum of valences to -1 to 1.
pub(super) fn compound(sum: f64) -> f64 {
    (sum / (sum * sum + ALPHA).sqrt()).clamp(-1.0, 1.0)
}

/// What exclamation and question marks add to a sum of valences, away from zero.
pub(super) fn marks_emphasis(exclamations: usize, questions: usize) -> f64 {
    let of_questions = match questions {
        0 | 1 => 0.0,
        2 => 0.36,
        3 => 3.0 * 0.18,
        _ => 0.96,
    };
    exclamations.min(4) as f64 * EXCLAMATION + of_questions
}

fn punctuation_emphasis(text: &str) -> f64 {
    let count = |mark: u8| text.bytes().filter(|byte| *byte == mark).count();
    marks_emphasis(count(b'!'), count(b'?'))
}

fn polarity(valences: &[f64], emphasis: f64) -> Polarity {
    if valences.is_empty() {
        return Polarity { negative: 0.0, neutral: 0.0, positive: 0.0, compound: 0.0 };
    }
    let mut sum: f64 = valences.iter().sum();
    if sum > 0.0 {
        sum += emphasis;
    } else if sum < 0.0 {
        sum -= emphasis;
    }
    let (mut positive, mut negative, mut neutral) = (0.0, 0.0, 0.0);
    for valence in valences {
        // One more for each, as much as a word without valence counts.
        if *valence > 0.0 {
            positive += valence + 1.0;
        } else if *valence < 0.0 {
            negative += valence - 1.0;
        } else {
            neutral += 1.0;
        }
    }
    if positive > f64::abs(negative) {
        positive += emphasis;
    } else if positive < f64::abs(negative) {
        negative -= emphasis;
    }
    let total = positive + negative.abs() + neutral;
    Polarity {
        negative: (negative / total).abs(),
        neutral: (neutral / total).abs(),
        positive: (positive / total).abs(),
        compound: compound(sum),
    }
}

/// Where the words stand: between white space, without punctuation around them unless that leaves two
/// characters or fewer, as with an emoticon.
fn places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::with_capacity(text.len() / 5);
    let mut at = 0;
    for piece in text.split(is_space) {
        let start = at;
        at += piece.len();
        // The space behind the piece; what it takes is read back from the text.
        at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        if piece.is_empty() {
            continue;
        }
        let word = piece.trim_matches(|each: char| each.is_ascii_punctuation());
        if word.chars().nth(2).is_none() {
            places.push(start..start + piece.len());
        } else {
            let before = piece.len()
                - piece.trim_start_matches(|each: char| each.is_ascii_punctuation()).len();
            places.push(start + before..start + before + word.len());
        }
    }
    places
}

fn push_lower(lower: &mut String, word: &str) {
    if word.is_ascii() {
        lower.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        lower.push_str(&word.to_lowercase());
    }
}

/// White space as the reference's language sees it: the ASCII separators too.
fn is_space(each: char) -> bool {
    each.is_whitespace() || ('\x1c'..='\x1f').contains(&each)
}

fn is_upper(word: &str) -> bool {
    let mut upper = false;
    for each in word.chars() {
        if each.is_lowercase() {
            return false;
        }
        upper |= each.is_uppercase();
    }
    upper
}
