//! How loudly something is said, whatever it says: capitals, exclamation and question marks, letters
//! drawn out, emoji. None of it needs to know the language.

use super::fold::Glyph;
use super::token::Text;

const ANGRY: &[char] = &['😡', '🤬', '😠', '👿', '💢', '🖕', '😤', '👎', '🤮', '😾'];
const HAPPY: &[char] = &[
    '😀', '😃', '😄', '😁', '😊', '🙂', '😍', '🥰', '😘', '🤩', '🎉', '🥳', '👍', '👏', '🙌', '💯',
    '❤', '💕', '💖', '💙', '💚', '💛', '💜', '🧡', '✨', '🌟', '🔥', '🚀', '🏆', '🎊', '💪', '🤗',
    '😎', '🥇',
];

/// How loudly something is said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Emphasis {
    pub(super) exclamations: usize,
    pub(super) questions: usize,
    pub(super) angry: usize,
    pub(super) happy: usize,
    /// Share of the words that are in capitals, 0 to 1.
    capitals: f64,
    drawn_out: usize,
}

impl Emphasis {
    pub(super) fn of(glyphs: &[Glyph], text: &Text) -> Self {
        let mut emphasis = Self::default();
        for glyph in glyphs {
            match glyph.each {
                '!' | '¡' => emphasis.exclamations += 1,
                '?' | '؟' => emphasis.questions += 1,
                each if each >= '\u{2000}' => {
                    emphasis.angry += usize::from(ANGRY.contains(&each));
                    emphasis.happy += usize::from(HAPPY.contains(&each));
                }
                _ => {}
            }
        }
        let words = text.tokens.iter().filter(|token| token.is_word()).count();
        let capitals = text.tokens.iter().filter(|token| token.capitals).count();
        // Of a few words one in capitals is a name as often as a shout.
        emphasis.capitals = capitals as f64 / words.max(6) as f64;
        emphasis.drawn_out = text.tokens.iter().filter(|token| token.drawn_out).count();
        emphasis
    }

    /// From 0 to 1; more of anything never makes less of it.
    pub(super) fn strength(&self) -> f64 {
        let capitals = 0.6 * self.capitals.min(1.0);
        let exclamations = 0.1 * self.exclamations.min(5) as f64;
        let questions = 0.08 * self.questions.saturating_sub(1).min(5) as f64;
        let drawn_out = 0.15 * self.drawn_out.min(2) as f64;
        let quiet = [capitals, exclamations, questions, drawn_out].map(|loud| 1.0 - loud);
        1.0 - quiet.iter().product::<f64>()
    }
}
