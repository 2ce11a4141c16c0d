//! Other people's text, made fit to be shown: no control characters, nothing that turns the
//! direction of what stands around it, bounded.

use unicode_segmentation::UnicodeSegmentation as _;

/// Shows that a text was cut.
pub const ELLIPSIS: char = '…';

/// One line of at most so many user-perceived characters: line ends, tabs and control characters
/// become spaces, and runs of spaces one.
pub fn line(text: &str, characters: usize) -> String {
    let mut line = String::with_capacity(text.len().min(characters.saturating_mul(4)));
    let mut room = characters;
    for grapheme in text.graphemes(true) {
        let mut shown = String::new();
        // A grapheme has no upper bound of its own: no script needs more marks on one letter.
        for letter in grapheme.chars().filter(|letter| !turns(*letter)).take(MARKS_MOST) {
            let blank = letter.is_control() || letter.is_whitespace();
            shown.push(if blank { ' ' } else { letter });
        }
        // The filler of what is left out, or a space after a space.
        if shown.is_empty() || (shown.trim().is_empty() && (line.is_empty() || line.ends_with(' ')))
        {
            continue;
        }
        if room == 0 {
            line.truncate(line.trim_end().len());
            line.push(ELLIPSIS);
            return line;
        }
        room = room.saturating_sub(1);
        line.push_str(if shown.trim().is_empty() { " " } else { &shown });
    }
    line.truncate(line.trim_end().len());
    line
}

/// Letters of one user-perceived character that a line keeps. The longest emoji have ten.
const MARKS_MOST: usize = 32;

/// Text of several lines, of at most so many bytes: every kind of line end becomes `\n`, other
/// control characters spaces, and more than one empty line in a row one.
pub fn block(text: &str, bytes: usize) -> String {
    let mut block = String::with_capacity(text.len().min(bytes));
    let mut after_return = false;
    for letter in text.chars() {
        let line_end =
            matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let second_half = after_return && letter == '\n';
        after_return = letter == '\r';
        if second_half || turns(letter) {
            continue;
        }
        if line_end {
            block.truncate(block.trim_end_matches(' ').len());
            if !block.is_empty() && !block.ends_with("\n\n") {
                block.push('\n');
            }
        } else if letter.is_control() {
            block.push(' ');
        } else {
            block.push(letter);
        }
    }
    block.truncate(block.trim_end().len());
    cut(block, bytes)
}

/// At most so many bytes, cut between two user-perceived characters, with `…` where it was cut.
pub fn cut(mut text: String, bytes: usize) -> String {
    if text.len() <= bytes {
        return text;
    }
    let room = bytes.saturating_sub(ELLIPSIS.len_utf8());
    let kept = fitting(&text, |part| part.len() <= room);
    text.truncate(kept);
    text.truncate(text.trim_end().len());
    text.push(ELLIPSIS);
    text
}

/// The length in bytes of the longest start of the text that fits, cut between user-perceived
/// characters, or inside the first one where that alone does not fit. `fits` may say yes to a start
/// only if it does to every shorter one.
pub fn fitting(text: &str, fits: impl Fn(&str) -> bool) -> usize {
    let longest = |ends: &[usize]| {
        let count = ends.partition_point(|end| text.get(..*end).is_some_and(&fits));
        count.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or(0)
    };
    let graphemes: Vec<usize> =
        text.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).collect();
    match longest(&graphemes) {
        0 => {
            let letters: Vec<usize> =
                text.char_indices().map(|(at, letter)| at + letter.len_utf8()).collect();
            longest(&letters)
        }
        end => end,
    }
}

/// Slack's formatting marks as letters that look like them, where Slack would take them for marks:
/// not between two letters or digits, but a back-tick everywhere.
pub fn unformatted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let after = letters.peek().copied();
        let word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let inside = word(before) && word(after);
        shown.push(match letter {
            '*' if !inside => '∗',
            '_' if !inside => '＿',
            '~' if !inside => '∼',
            '`' => 'ˋ',
            other => other,
        });
        before = Some(letter);
    }
    shown
}

/// Characters that turn the direction of the text behind them until something ends it (UAX #9):
/// whoever writes feedback could reorder the words that stand beside it. The plain marks (`U+200E`,
/// `U+200F`, `U+061C`) reach no further than their neighbours and stay. So does a byte order mark
/// go, which is none inside a text.
const fn turns(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        for (text, shown) in [
            ("  a\r\nBcc: b\tc  ", "a Bcc: b c"),
            ("\u{202e}abc\u{202c}", "abc"),
            ("\u{0}\u{1b}[31m", "[31m"),
            ("\u{2028}\u{85}", ""),
            ("e\u{301}e\u{301}", "e\u{301}e\u{301}"),
        ] {
            assert_eq!(line(text, 20), shown, "{text:?}");
        }
        assert_eq!(line("one two three", 7), "one two…");
        assert_eq!(line("one two three", 8), "one two…");
        assert_eq!(line("one two", 7), "one two");
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(block("a\r\nb\rc\n\n\n\nd \n", 100), "a\nb\nc\n\nd");
        assert_eq!(block("a\u{7}b\u{85}c", 100), "a b\nc");
        assert_eq!(block("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 30), "👩‍👩‍👧‍👦…");
    }

    #[test]
    fn one_endless_character_is_cut_inside() {
        let endless = format!("a{}", "\u{301}".repeat(1000));
        let kept = block(&endless, 101);
        assert!(kept.len() <= 101 && kept.len() > 90 && kept.ends_with(ELLIPSIS));
        assert!(line(&endless, 5).len() < 100);
    }
}
