//! The parameters of a query: each known, each once, each of its form; all faults told at once.

use std::fmt::Display;
use std::str::FromStr;

use super::super::error::Problem;
use super::super::json::Faults;
use crate::domain::limits::{PAGE, PAGE_DEFAULT};
use crate::domain::time::Timestamp;

/// Where a list that is in order of time goes on: behind the thing of that time and id.
pub(in crate::web) fn cursor(at: Timestamp, id: &dyn Display) -> String {
    format!("{}-{id}", at.as_millis())
}

/// The parameters of a query, taken one by one. What nobody took is refused.
pub(in crate::web) struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    faults: Faults,
}

impl Query {
    /// Reads the part of the address behind the `?`.
    pub(in crate::web) fn of(text: &str) -> Self {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let mut faults = Faults::default();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                faults.add(format!("?{name}"), "is given twice");
            }
        }
        Self { pairs, known: Vec::new(), faults }
    }

    /// A parameter as text; an empty one is as good as absent.
    pub(in crate::web) fn text(&mut self, name: &'static str) -> Option<String> {
        self.given(name).filter(|text| !text.is_empty())
    }

    /// A parameter as it was given, empty or not.
    pub(in crate::web) fn given(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let index = self.pairs.iter().position(|(each, _)| each == name)?;
        Some(self.pairs.remove(index).1)
    }

    /// A parameter in a form of its own; `words` say which.
    pub(in crate::web) fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        words: &str,
    ) -> Option<T> {
        let text = self.given(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.refuse(name, words);
        }
        parsed
    }

    /// A point in time.
    pub(in crate::web) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let at: jiff::Timestamp =
            self.parsed(name, "must be a time as in 2026-06-27T12:00:00Z (RFC 3339)")?;
        Some(Timestamp::from_millis(at.as_millisecond()))
    }

    /// A place in a list that is in order of time, as [`cursor`] wrote it.
    pub(in crate::web) fn place<T: FromStr>(&mut self) -> Option<(Timestamp, T)> {
        let text = self.given("cursor")?;
        let read = text.split_once('-').and_then(|(at, id)| {
            Some((Timestamp::from_millis(at.parse().ok()?), id.parse().ok()?))
        });
        if read.is_none() {
            self.refuse("cursor", "is not a cursor that a list gave");
        }
        read
    }

    /// A switch.
    pub(in crate::web) fn flag(&mut self, name: &'static str) -> bool {
        self.parsed(name, "must be true or false").unwrap_or(false)
    }

    /// How many things a page shall have.
    pub(in crate::web) fn limit(&mut self) -> usize {
        let words = format!("must be a whole number from 1 to {PAGE}");
        let Some(limit) = self.parsed::<usize>("limit", &words) else { return PAGE_DEFAULT };
        if !(1..=PAGE).contains(&limit) {
            self.refuse("limit", words);
        }
        limit
    }

    /// Says that a parameter is wrong.
    pub(in crate::web) fn refuse(&mut self, name: &str, words: impl Display) {
        self.faults.add(format!("?{name}"), words.to_string());
    }

    /// What was made of the query, unless something in it is wrong.
    pub(in crate::web) fn end<T>(mut self, read: T) -> Result<T, Problem> {
        let known = |name: &String| self.known.iter().any(|each| each == name);
        for (name, _) in self.pairs.iter().filter(|(name, _)| !known(name)) {
            let known = self.known.join(", ");
            self.faults.add(format!("?{name}"), format!("is not known here; known are {known}"));
        }
        self.faults.none_or(Some(read))
    }
}
