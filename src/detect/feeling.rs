//! Sentiment by VADER's lexicon and rules, with capitals and exclamation marks taken out first: how
//! loudly something is said is weighed apart, so that it can never make a feeling smaller.

use super::fold::Glyph;
use super::vader::{Vader, compound};

/// Valences that make a reason of their own.
const TELLING: f64 = 1.5;

/// What a text's words feel like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Feeling {
    /// The negative words, 0 to 1.
    pub(super) negative: f64,
    /// The positive words, 0 to 1.
    pub(super) positive: f64,
    /// The words that moved it most: bytes of the original text, and valence.
    pub(super) words: Vec<(std::ops::Range<usize>, f64)>,
}

/// What a text feels like. Of a text in a language that the lexicon is not in, only what needs no
/// language is read: emoji and emoticons.
pub(super) fn feeling(glyphs: &[Glyph], vader: &Vader, english: bool) -> Feeling {
    let calm = Calm::of(glyphs, vader, english);
    let (mut negative, mut positive) = (0.0, 0.0);
    let mut words = Vec::new();
    for each in vader.valences(&calm.text) {
        if each.valence < 0.0 {
            negative -= each.valence;
        } else {
            positive += each.valence;
        }
        if each.valence.abs() >= TELLING {
            words.push((calm.bytes(glyphs, each.at), each.valence));
        }
    }
    Feeling { negative: compound(negative), positive: compound(positive), words }
}

/// The text without capitals and without marks.
struct Calm {
    text: String,
    /// For each byte the glyph that it came from.
    origin: Vec<u32>,
}

impl Calm {
    fn of(glyphs: &[Glyph], vader: &Vader, english: bool) -> Self {
        let mut calm = Self {
            text: String::with_capacity(glyphs.len() + 8),
            origin: Vec::with_capacity(glyphs.len() + 8),
        };
        for (index, glyph) in glyphs.iter().enumerate() {
            let index = index as u32;
            match glyph.each {
                '!' | '?' => calm.push(' ', index),
                each if each.is_ascii_alphanumeric() => {
                    calm.push(if english { each.to_ascii_lowercase() } else { ' ' }, index);
                }
                each if each.is_ascii() => calm.push(each, index),
                each => match vader.emoji(each) {
                    Some(words) => {
                        calm.push(' ', index);
                        words.chars().for_each(|each| calm.push(each, index));
                        calm.push(' ', index);
                    }
                    None => each.to_lowercase().for_each(|each| calm.push(each, index)),
                },
            }
        }
        calm
    }

    fn push(&mut self, each: char, origin: u32) {
        self.text.push(each);
        self.origin.resize(self.text.len(), origin);
    }

    fn bytes(&self, glyphs: &[Glyph], at: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let glyph = |byte: usize| {
            let origin = self.origin.get(byte).copied().unwrap_or(0);
            glyphs.get(origin as usize)
        };
        let start = glyph(at.start).map_or(0, |glyph| glyph.start as usize);
        let end = glyph(at.end.saturating_sub(1)).map_or(start, |glyph| glyph.end as usize);
        start..end
    }
}
