//! Colours for people at a terminal, and none for anybody else. Text that came from outside is made
//! harmless before it is printed: no control character of it reaches a terminal.

use std::io::IsTerminal as _;

/// A colour that is readable on light and dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// It went well.
    Green,
    /// It failed.
    Red,
    /// It deserves to be noticed.
    Yellow,
    /// It is a place or a name.
    Blue,
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// With colours where standard output is a terminal and `NO_COLOR` is not set.
    pub fn stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { on: std::io::stdout().is_terminal() && !refused }
    }

    /// Without colours.
    pub const fn off() -> Self {
        Self { on: false }
    }

    /// In this colour.
    pub fn colour(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Green => "32",
            Colour::Red => "31",
            Colour::Yellow => "33",
            Colour::Blue => "36",
        };
        self.code(code, text)
    }

    /// Heavier than the rest.
    pub fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    /// Fainter than the rest.
    pub fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

/// Text from outside with its control characters (and those that turn the direction of writing)
/// replaced: line breaks by a blank, the rest by `�`.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '�',
            c if c.is_control() => '�',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\nc\u{202e}d\u{9b}e"), "a�[31mb c�d�e");
    }

    #[test]
    fn colours_are_only_for_terminals() {
        assert_eq!(Paint::off().colour(Colour::Red, "no"), "no");
        assert_eq!(Paint { on: true }.bold("yes"), "\x1b[1myes\x1b[0m");
    }
}
