//! The part of the feedback that an alert carries: its first characters as people count them.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::domain::limits::{EXCERPT_BYTES, EXCERPT_GRAPHEMES};

const ELLIPSIS: char = '…';

/// The first 500 grapheme clusters, with `…` where the text was cut. It is cut earlier, between two
/// graphemes, where they take too many bytes; and inside one where that one alone does.
pub(super) fn of(text: &str) -> Cow<'_, str> {
    let end = end(text);
    match text.get(..end) {
        Some(part) if end < text.len() => Cow::Owned(format!("{part}{ELLIPSIS}")),
        Some(_) | None => Cow::Borrowed(text),
    }
}

/// Where to cut; the text's length where it is kept whole.
fn end(text: &str) -> usize {
    // A grapheme has at least one byte.
    if text.len() <= EXCERPT_GRAPHEMES {
        return text.len();
    }
    // Finding graphemes is dear, and most long texts begin with a plain stretch, where each byte is one.
    // The byte after it belongs to the stretch too: it shows that nothing combines with the last one.
    let plain = |byte: &u8| byte.is_ascii() && *byte != b'\r';
    if text.as_bytes().iter().take(EXCERPT_GRAPHEMES + 1).all(plain) {
        return EXCERPT_GRAPHEMES;
    }
    let whole_fits = text.len() <= EXCERPT_BYTES;
    let room = if whole_fits { text.len() } else { EXCERPT_BYTES - ELLIPSIS.len_utf8() };
    // One grapheme may go on for a megabyte: no more is looked at than the room and a few bytes, and
    // what ends within the room before the look does is a whole grapheme.
    let look = text.get(..text.floor_char_boundary(room + 8)).unwrap_or(text);
    let mut end = 0;
    for (start, grapheme) in look.grapheme_indices(true).take(EXCERPT_GRAPHEMES) {
        let after = start + grapheme.len();
        if after > room || (after == look.len() && look.len() < text.len()) {
            break;
        }
        end = after;
    }
    if end == 0 { text.floor_char_boundary(room) } else { end }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graphemes(text: &str) -> usize {
        text.graphemes(true).count()
    }

    #[test]
    fn what_is_short_stays_whole() {
        for text in ["", "a", "é", "👩‍👩‍👧‍👦", &"a".repeat(500), &"👩‍👩‍👧‍👦".repeat(500), &"\r\n".repeat(500)]
        {
            assert_eq!(of(text), text);
        }
    }

    #[test]
    fn the_501st_character_is_cut() {
        let family = "👨🏿‍👩🏿‍👧🏿‍👦🏿";
        for one in ["a", "\n", "\r\n", "é", "e\u{301}", "日", "नि", "क्षि", "🇩🇪", "👍🏽", family]
        {
            let whole = of(&one.repeat(500)).into_owned();
            assert_eq!(whole, one.repeat(500), "{one:?}");
            let cut = of(&one.repeat(501)).into_owned();
            assert_eq!(cut, format!("{}…", one.repeat(500)), "{one:?}");
        }
    }

    #[test]
    fn a_mark_at_the_cut_stays_with_its_letter() {
        let text = format!("{}e\u{301}{}", "a".repeat(499), "b".repeat(10));
        assert_eq!(of(&text), format!("{}e\u{301}…", "a".repeat(499)));
        let text = format!("{}\r\nb", "a".repeat(499));
        assert_eq!(of(&text), format!("{}\r\n…", "a".repeat(499)));
        let text = format!("{}\u{301}b", "a".repeat(500));
        assert_eq!(of(&text), format!("{}\u{301}…", "a".repeat(500)));
    }

    #[test]
    fn bytes_are_bounded_between_graphemes() {
        // Each is one grapheme of 201 bytes; 500 of them don't fit.
        let one = format!("e{}", "\u{301}".repeat(100));
        let excerpt = of(&one.repeat(500)).into_owned();
        let kept = (EXCERPT_BYTES - 3) / one.len();
        assert_eq!(excerpt, format!("{}…", one.repeat(kept)));
    }

    #[test]
    fn one_endless_grapheme_is_cut_between_its_characters() {
        let text = format!("e{}", "\u{301}".repeat(500_000));
        let excerpt = of(&text).into_owned();
        let kept = (EXCERPT_BYTES - 3 - 1) / 2;
        assert_eq!(excerpt, format!("e{}…", "\u{301}".repeat(kept)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_excerpt_is_a_bounded_beginning(
            text in "(\\PC|[a-z ]{1,40}|\u{301}{1,30}|👩‍👧|\r\n|\u{1F1E9}\u{1F1EA}){0,900}",
        ) {
            let excerpt = of(&text);
            prop_assert!(excerpt.len() <= EXCERPT_BYTES);
            if excerpt == text {
                prop_assert!(graphemes(&text) <= EXCERPT_GRAPHEMES);
            } else {
                let part = excerpt.strip_suffix('…').unwrap();
                prop_assert!(text.starts_with(part));
                // Fewer than 500 only where the bytes ran out.
                let count = graphemes(part);
                prop_assert!(count == EXCERPT_GRAPHEMES || text.len() > EXCERPT_BYTES);
            }
        }
    }
}
