//! Keys as a keyboard sends them.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "what a keyboard has, whether a test needs it yet or not")]
pub(crate) enum Key {
    Tab,
    /// Shift and Tab.
    BackTab,
    Enter,
    Space,
    Escape,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    Backspace,
    Delete,
}

impl Key {
    /// The two messages for it: it goes down, it comes up.
    pub(crate) fn strokes(self) -> [Value; 2] {
        let (key, code, number, text) = match self {
            Self::Tab | Self::BackTab => ("Tab", "Tab", 9, ""),
            Self::Enter => ("Enter", "Enter", 13, "\r"),
            Self::Space => (" ", "Space", 32, " "),
            Self::Escape => ("Escape", "Escape", 27, ""),
            Self::Up => ("ArrowUp", "ArrowUp", 38, ""),
            Self::Down => ("ArrowDown", "ArrowDown", 40, ""),
            Self::Left => ("ArrowLeft", "ArrowLeft", 37, ""),
            Self::Right => ("ArrowRight", "ArrowRight", 39, ""),
            Self::Home => ("Home", "Home", 36, ""),
            Self::End => ("End", "End", 35, ""),
            Self::Backspace => ("Backspace", "Backspace", 8, ""),
            Self::Delete => ("Delete", "Delete", 46, ""),
        };
        let shift = if self == Self::BackTab { 8 } else { 0 };
        strokes(key, code, number, text, shift)
    }
}

/// The two messages for a character that is typed.
pub(crate) fn typed(character: char) -> [Value; 2] {
    let text = character.to_string();
    strokes(&text, "", 0, &text, 0)
}

fn strokes(key: &str, code: &str, number: u32, text: &str, modifiers: u32) -> [Value; 2] {
    let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
    let stroke = |kind: &str| json!({"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers});
    let mut first = stroke(down);
    if !text.is_empty() {
        first["text"] = text.into();
    }
    [first, stroke("keyUp")]
}
