//! Where a reader of JSON stands when something is wrong. It costs nothing while all is well: the
//! pointer is put together on the way out.

use std::cell::RefCell;
use std::fmt::Display;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::domain::limits::REPEATED_BYTES;
use crate::domain::record::RecordError;

/// The fault that was met, if any, with the pointer as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Trail(RefCell<Option<RecordError>>);

impl Trail {
    /// Notes that the error happened inside this member or item.
    pub(super) fn inside<E: Display>(&self, segment: &dyn Display, error: E) -> E {
        let mut fault = self.0.borrow_mut();
        let fault = fault.get_or_insert_with(|| RecordError::new("", told(&error)));
        let segment = shortened(&segment.to_string()).replace('~', "~0").replace('/', "~1");
        fault.pointer = format!("/{segment}{}", fault.pointer);
        error
    }

    /// An error of our own, at this member.
    pub(super) fn refuse<E: Error>(&self, segment: &dyn Display, message: impl Display) -> E {
        self.inside(segment, E::custom(message))
    }

    /// What was met.
    pub(super) fn into_fault(self) -> Option<RecordError> {
        self.0.into_inner()
    }
}

/// The members of an object while they are read: each is known, and comes once.
pub(super) struct Members<'t, A> {
    map: A,
    trail: &'t Trail,
    known: &'static [&'static str],
    seen: u32,
}

impl<'t, 'de, A: MapAccess<'de>> Members<'t, A> {
    pub(super) fn new(map: A, trail: &'t Trail, known: &'static [&'static str]) -> Self {
        Self { map, trail, known, seen: 0 }
    }

    /// The next member's name.
    pub(super) fn next(&mut self) -> Result<Option<&'static str>, A::Error> {
        let Some(key) = self.map.next_key_seed(Key(self.known))? else { return Ok(None) };
        let (index, name) = match key {
            Ok(found) => found,
            Err(unknown) => {
                let message = format!("is not known here; known are {}", self.known.join(", "));
                return Err(self.trail.refuse(&unknown, message));
            }
        };
        let bit = 1 << index;
        if self.seen & bit != 0 {
            return Err(self.trail.refuse(&name, "is given twice"));
        }
        self.seen |= bit;
        Ok(Some(name))
    }

    /// The member's value.
    pub(super) fn value<T: Deserialize<'de>>(&mut self, name: &'static str) -> Result<T, A::Error> {
        self.map.next_value().map_err(|error| self.trail.inside(&name, error))
    }

    /// The same, read by a seed.
    pub(super) fn seed<S: DeserializeSeed<'de>>(
        &mut self,
        name: &'static str,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed).map_err(|error| self.trail.inside(&name, error))
    }

    /// An error of our own, at the member.
    pub(super) fn refuse<T>(&self, name: &'static str, why: impl Display) -> Result<T, A::Error> {
        Err(self.trail.refuse(&name, why))
    }

    /// What must have been there.
    pub(super) fn required<T>(&self, name: &'static str, found: Option<T>) -> Result<T, A::Error> {
        found.map_or_else(|| self.refuse(name, "is missing"), Ok)
    }
}

/// Finds a key among the known ones without making a text of it.
struct Key(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Result<(usize, &'static str), String>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Result<(usize, &'static str), String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let found = self.0.iter().enumerate().find(|(_, known)| **known == key);
        Ok(found.map(|(index, known)| (index, *known)).ok_or_else(|| shortened(key)))
    }
}

/// A reader's error as a sentence after the pointer, without lines and columns, which count inside the
/// record, and without the value, which may be long.
pub(super) fn told(error: &impl Display) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(before, _)| before);
    if text.ends_with("hex escape") {
        return "holds a broken \\u escape, like half of a surrogate pair".to_owned();
    }
    let Some(types) = text.strip_prefix("invalid type: ") else { return text.to_owned() };
    let Some((found, expected)) = types.rsplit_once(", expected ") else { return text.to_owned() };
    let expected = if expected == "a string" { "text" } else { expected };
    let found = match found.split([' ', '`']).next().unwrap_or_default() {
        "string" => "text",
        "integer" | "floating" | "number" => "a number",
        "boolean" => "true or false",
        "map" => "an object",
        "sequence" => "a list",
        "null" => "null",
        other => other,
    };
    format!("must be {expected}, not {found}")
}

fn shortened(text: &str) -> String {
    if text.len() <= REPEATED_BYTES {
        return text.to_owned();
    }
    let kept = text.get(..text.floor_char_boundary(REPEATED_BYTES)).unwrap_or_default();
    format!("{kept}…")
}
