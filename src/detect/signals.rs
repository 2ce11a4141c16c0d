//! What a text shows, in numbers: one for each family of phrases, and one for each other sign. Every
//! score is made of these and of nothing else.

use super::emphasis::Emphasis;
use super::family::{FAMILIES, Family};
use super::feeling::Feeling;
use super::scope::Hit;
use super::token::{Kind, Text};

/// The signs beside the families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The lexicon's negative words, 0 to 1.
    Negative,
    /// Its positive words.
    Positive,
    /// A link to elsewhere.
    Link,
    /// Words behind `#`.
    Hashtags,
    /// A question.
    Question,
    /// How much is said.
    Length,
    /// Capitals, exclamation marks, letters drawn out, 0 to 1.
    Emphasis,
    /// Emoji of anger.
    AngryEmoji,
    /// Emoji of joy.
    HappyEmoji,
}

const SIGNS: [(Sign, &str); 9] = [
    (Sign::Negative, "negative"),
    (Sign::Positive, "positive"),
    (Sign::Link, "link"),
    (Sign::Hashtags, "hashtags"),
    (Sign::Question, "question"),
    (Sign::Length, "length"),
    (Sign::Emphasis, "emphasis"),
    (Sign::AngryEmoji, "angry_emoji"),
    (Sign::HappyEmoji, "happy_emoji"),
];

/// What a further phrase of an intent adds, of what it would add on its own.
const REPEATED: f64 = 0.25;

/// How many signals there are.
pub(super) const SIGNALS: usize = FAMILIES + SIGNS.len();

/// What a text shows, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Signals([f64; SIGNALS]);

impl Signals {
    /// The names of all signals, in their order.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        let families = Family::ALL.into_iter().map(Family::word);
        families.chain(SIGNS.iter().map(|(_, name)| *name))
    }

    /// All of them, in the order of their names.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().copied()
    }

    /// How strongly a family is heard.
    pub(super) fn family(&self, family: Family) -> f64 {
        self.0.get(family.index()).copied().unwrap_or(0.0)
    }

    /// As if a sign were not there.
    pub(super) fn without(mut self, sign: Sign) -> Self {
        self.set(FAMILIES + sign as usize, 0.0);
        self
    }

    fn set(&mut self, index: usize, value: f64) {
        if let Some(place) = self.0.get_mut(index) {
            *place = value;
        }
    }

    pub(super) fn of(text: &Text, hits: &[Hit], feeling: &Feeling, emphasis: &Emphasis) -> Self {
        let mut signals = Self([0.0; SIGNALS]);
        let mut missing = [1.0; FAMILIES];
        let mut most = [0.0_f64; FAMILIES];
        for hit in hits {
            let index = hit.family.index();
            if let Some((missing, most)) = missing.get_mut(index).zip(most.get_mut(index)) {
                *missing *= 1.0 - hit.weight;
                *most = most.max(hit.weight);
            }
        }
        for (family, (missing, most)) in Family::ALL.into_iter().zip(missing.into_iter().zip(most))
        {
            let all = 1.0 - missing;
            // Who speaks of a lawyer twice is hardly surer to go there; who names two failures has two.
            let counted = if family.is_intent() { most + REPEATED * (all - most) } else { all };
            signals.set(family.index(), counted);
        }
        let links = text.tokens.iter().any(|token| token.kind == Kind::Link);
        let words = text.tokens.iter().filter(|token| token.is_word()).count();
        let question = text.questions.iter().any(|question| *question);
        let graded = |count: usize| 1.0 - 0.6_f64.powi(count.min(8) as i32);
        for (sign, value) in [
            (Sign::Negative, feeling.negative),
            (Sign::Positive, feeling.positive),
            (Sign::Link, f64::from(links)),
            (Sign::Hashtags, graded(text.hashtags)),
            (Sign::Question, f64::from(question)),
            (Sign::Length, words as f64 / (words as f64 + 20.0)),
            (Sign::Emphasis, emphasis.strength()),
            (Sign::AngryEmoji, graded(emphasis.angry)),
            (Sign::HappyEmoji, graded(emphasis.happy)),
        ] {
            signals.set(FAMILIES + sign as usize, value);
        }
        signals
    }
}
