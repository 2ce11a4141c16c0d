//! What answers are compared by: names for what is random, and the lines that differ.

use std::fmt::Write as _;

use regex::Regex;

/// Names for what is random, in the order in which it was first shown.
#[derive(Default)]
pub(crate) struct Names {
    known: Vec<(String, String)>,
}

impl Names {
    /// Replaces what is random by names.
    pub(crate) fn hide(&mut self, text: &str) -> String {
        let kinds = [
            ("uuid", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
            ("secret", "whsec_[A-Za-z0-9+/]{43}="),
            ("token", "bfy_[a-z]+_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9a-f]{8}"),
            ("key", "bfi_[0-9A-Za-z]{43}"),
            ("cookie", "belfry=[0-9A-Za-z]{43}"),
            ("id", "\"id\": \"[0-9A-Za-z]{8}\""),
            ("etag", "[0-9a-f]{32}"),
        ];
        for (kind, pattern) in kinds {
            for found in Regex::new(pattern).unwrap().find_iter(text) {
                let found = found.as_str();
                // What stands around it is no part of it.
                let found = found.strip_prefix("belfry=").unwrap_or(found);
                let found = found.strip_prefix("\"id\": \"").unwrap_or(found).trim_end_matches('"');
                if !self.known.iter().any(|(_, value)| value == found) {
                    let start = format!("{kind}_");
                    let number =
                        self.known.iter().filter(|(name, _)| name.starts_with(&start)).count() + 1;
                    self.known.push((format!("{kind}_{number}"), found.to_owned()));
                }
            }
        }
        let known = self.known.iter();
        known.fold(text.to_owned(), |text, (name, value)| {
            text.replace(value, &format!("{{{{{name}}}}}"))
        })
    }

    /// Puts back what the names stand for.
    pub(crate) fn show(&self, text: &str) -> String {
        let known = self.known.iter();
        known.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        })
    }
}

/// The lines that differ.
pub(crate) fn difference(told: &str, went: &str) -> String {
    let (told, went): (Vec<_>, Vec<_>) = (told.lines().collect(), went.lines().collect());
    let mut text = String::new();
    for index in 0..told.len().max(went.len()) {
        let (told, went) = (told.get(index), went.get(index));
        if told != went {
            writeln!(text, "  {}: told {told:?}\n  {}: went {went:?}", index + 1, index + 1)
                .unwrap();
            if text.lines().count() > 20 {
                break;
            }
        }
    }
    text
}
