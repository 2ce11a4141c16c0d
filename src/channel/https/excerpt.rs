//! A receiver's own words, made harmless: valid text, nothing that moves a terminal's cursor, and
//! never the credential, which some receivers send back.

use std::cell::OnceCell;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use zeroize::Zeroizing;

use crate::domain::limits::RESPONSE_EXCERPT_BYTES;

const MASK: &str = "•••";
/// A cut-off credential at the end is masked from this many characters on.
const TELLING_PREFIX: usize = 4;

type Needle = Zeroizing<Vec<u8>>;

/// What must not be shown, in the forms in which it may come back.
/// They are made when something is shown for the first time: most answers say nothing.
#[derive(Default)]
pub(in crate::channel) struct Mask {
    secrets: Vec<Zeroizing<String>>,
    needles: OnceCell<Vec<Needle>>,
}

impl Mask {
    /// For what is secret of one attempt.
    pub(in crate::channel) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let filled = secrets.into_iter().filter(|text| !text.is_empty());
        let secrets = filled.map(|text| text.to_owned().into()).collect();
        Self { secrets, needles: OnceCell::new() }
    }

    fn needles(&self) -> &[Needle] {
        self.needles.get_or_init(|| {
            let mut needles: Vec<_> = self.secrets.iter().flat_map(|text| forms(text)).collect();
            // The longest first: a shorter one inside it would leave the rest standing.
            needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
            needles.dedup();
            needles
        })
    }

    /// The text with what must not be shown masked.
    pub(in crate::channel) fn hidden(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.hide(text.as_bytes(), false)).into_owned()
    }

    fn hide(&self, text: &[u8], cut: bool) -> Vec<u8> {
        let mut hidden = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((first, behind)) = rest.split_first() {
            if let Some(needle) =
                self.needles().iter().find(|needle| rest.starts_with(needle.as_slice()))
            {
                hidden.extend_from_slice(MASK.as_bytes());
                rest = rest.get(needle.len()..).unwrap_or_default();
            } else if cut && self.begins_with(rest) {
                hidden.extend_from_slice(MASK.as_bytes());
                return hidden;
            } else {
                hidden.push(*first);
                rest = behind;
            }
        }
        hidden
    }

    /// Whether all that is left is the beginning of something that must not be shown.
    fn begins_with(&self, rest: &[u8]) -> bool {
        rest.len() >= TELLING_PREFIX && self.needles().iter().any(|needle| needle.starts_with(rest))
    }
}

/// A credential in all the forms in which it may come back.
fn forms(text: &str) -> Vec<Needle> {
    let mut needles = vec![text.as_bytes().to_vec()];
    if let Ok(quoted) = serde_json::to_string(text) {
        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        needles.push(inner.replace('/', "\\/").into_bytes());
        needles.push(inner.as_bytes().to_vec());
    }
    needles.push(url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().into());
    needles.extend(base64_forms(text.as_bytes()));
    needles.into_iter().map(Needle::from).collect()
}

/// Base64 of the text wherever it stands in what was encoded, `Bearer <text>` for one: for each of the
/// three offsets the characters that depend on the text alone.
fn base64_forms(text: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for offset in 0..3_usize {
        let mut padded = vec![0_u8; offset];
        padded.extend_from_slice(text);
        let bits = padded.len().saturating_mul(8);
        let (from, to) = (offset.saturating_mul(8).div_ceil(6), bits / 6);
        for encoded in [STANDARD.encode(&padded), URL_SAFE.encode(&padded)] {
            if let Some(form) = encoded.get(from..to).filter(|form| form.len() >= TELLING_PREFIX) {
                forms.push(form.as_bytes().to_vec());
            }
        }
    }
    forms
}

/// A response's body as it may be kept and shown; `None` where it is empty.
pub(super) fn excerpt(body: &[u8], cut: bool, mask: &Mask) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let text = harmless(&String::from_utf8_lossy(&mask.hide(body, cut)));
    Some(shortened(text, RESPONSE_EXCERPT_BYTES))
}

/// One line of an error's cause, some of which may be a receiver's words.
pub(in crate::channel) fn cause(text: &str, mask: &Mask, characters: usize) -> String {
    let hidden = mask.hide(text.as_bytes(), false);
    let line = harmless(&String::from_utf8_lossy(&hidden)).replace(['\n', '\t'], " ");
    match line.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

/// Control characters, and those that turn the direction of text, as escapes that can be read.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        let turning = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (letter.is_control() && !matches!(letter, '\n' | '\t')) || turning {
            // Writing into a String can't fail.
            let _infallible = write!(shown, "\\u{{{:x}}}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

fn shortened(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &[u8], credential: &str) -> String {
        excerpt(body, false, &Mask::new([credential])).unwrap_or_default()
    }

    // C13
    #[test]
    fn c13_control_characters_and_bad_utf8_are_escaped() {
        assert_eq!(shown(b"\x1b[31mred\x00\xff<b>&", "zzzz"), "\\u{1b}[31mred\\u{0}\u{fffd}<b>&");
        assert_eq!(shown("a\u{202e}b\nc\td\r".as_bytes(), "zzzz"), "a\\u{202e}b\nc\td\\u{d}");
    }

    // C13
    #[test]
    fn c13_a_credential_is_masked_in_every_form_it_comes_back_in() {
        let secret = "s3cr/t+\"key\"";
        for (echo, what) in [
            (secret.to_owned(), "plain"),
            (serde_json::to_string(secret).unwrap(), "json"),
            (serde_json::to_string(secret).unwrap().replace('/', "\\/"), "json of php"),
            (url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(), "form"),
            (STANDARD.encode(secret), "base64"),
            (STANDARD.encode(format!("Bearer {secret}")), "base64 at 1"),
            (STANDARD.encode(format!("ab{secret}xyz")), "base64 at 2"),
            (URL_SAFE.encode(format!("abc{secret}")), "base64 at 0"),
        ] {
            let seen = shown(format!("you sent: {echo} ok").as_bytes(), secret);
            assert!(seen.contains(MASK), "{what}: {seen}");
            assert!(!seen.contains("s3cr"), "{what}: {seen}");
            assert!(seen.starts_with("you sent: ") && seen.ends_with(" ok"), "{what}: {seen}");
        }
    }

    // C13
    #[test]
    fn c13_a_credential_cut_off_at_the_end_is_masked_too() {
        let mask = Mask::new(["topsecret"]);
        assert_eq!(excerpt(b"key=topsec", true, &mask).as_deref(), Some("key=•••"));
        assert_eq!(excerpt(b"key=topsec", false, &mask).as_deref(), Some("key=topsec"));
    }

    #[test]
    fn what_is_kept_is_bounded_after_escaping() {
        let body = vec![0x07_u8; RESPONSE_EXCERPT_BYTES];
        let kept = excerpt(&body, true, &Mask::default()).unwrap();
        assert!(kept.len() <= RESPONSE_EXCERPT_BYTES && kept.len() > RESPONSE_EXCERPT_BYTES - 8);
    }

    #[test]
    fn a_cause_is_one_short_line() {
        let mask = Mask::new(["topsecret"]);
        assert_eq!(cause("a\nb topsecret", &mask, 100), "a b •••");
        assert_eq!(cause("ééééé", &mask, 3), "ééé…");
    }
}
