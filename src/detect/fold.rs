//! One character after another, as it is judged: compatibility forms, accents and what cannot be seen
//! are taken away, so that a disguised word meets the phrase that it means. Case is kept.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Characters that one may stand for: some stand for a whole sentence, and would make a short text long.
const PARTS: usize = 4;

/// A character as it is judged, with the bytes of the original text that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyph {
    pub(super) each: char,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Hands on what one character stands for; nothing for one that cannot be seen.
pub(super) fn fold(each: char, mut emit: impl FnMut(char)) {
    if each.is_ascii() {
        emit(each);
        return;
    }
    if is_invisible(each) {
        return;
    }
    if let Some(plain) = ligature(each) {
        plain.chars().for_each(emit);
        return;
    }
    let mut left = PARTS;
    decompose_compatible(each, |part| {
        if left > 0 && !is_combining_mark(part) {
            left -= 1;
            emit(part);
        }
    });
}

/// A text as it is judged, in lower case: what phrases are compared in.
pub(super) fn folded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for each in text.chars() {
        fold(each, |part| plain.extend(part.to_lowercase()));
    }
    plain
}

/// Joiners, direction marks, soft hyphens, variation selectors, tags: they split a word for a machine
/// and not for a reader.
fn is_invisible(each: char) -> bool {
    matches!(each,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{e0000}'..='\u{e01ef}')
}

/// Letters and marks that have no decomposition, but a plain spelling.
fn ligature(each: char) -> Option<&'static str> {
    Some(match each {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{b4}' | '\u{2bc}' => "'",
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{ab}' | '\u{bb}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'ø' => "o",
        'Ø' => "O",
        'ł' => "l",
        'Ł' => "L",
        'đ' => "d",
        'Đ' => "D",
        'ı' => "i",
        _ => return None,
    })
}

/// The Latin letter that a letter of another script, a figure or a sign is taken for when it stands
/// among Latin letters.
pub(super) fn lookalike(each: char) -> Option<char> {
    Some(match each {
        '0' | 'о' | 'ο' | 'ө' => 'o',
        '1' | '|' | 'ӏ' | 'і' | 'ι' | 'ї' => 'i',
        '3' | 'е' | 'ε' | 'є' | 'ё' => 'e',
        '4' | '@' | 'а' | 'α' => 'a',
        '5' | '$' | 'ѕ' | 'ꜱ' => 's',
        '7' | 'т' | 'τ' => 't',
        '8' | 'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'ɡ' => 'g',
        'һ' | 'н' => 'h',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ⅼ' => 'l',
        'м' => 'm',
        'п' | 'η' => 'n',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'ү' | 'γ' => 'y',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn disguises_are_taken_off() {
        for (text, plain) in [
            ("Ｌａｗｙｅｒ", "lawyer"),
            ("law\u{200b}yer", "lawyer"),
            ("𝓼𝓾𝓮", "sue"),
            ("Straße", "strasse"),
            ("réclamation", "reclamation"),
            ("e\u{301}", "e"),
            ("“don’t”", "\"don't\""),
            ("\u{fb01}ne", "fine"),
        ] {
            assert_eq!(folded(text), plain, "{text}");
        }
    }
}
