//! The fields that a condition can ask for, and what is found there.

use std::cmp::Ordering;

use super::{Bound, Operand};
use crate::domain::levels::{Level, Levels, SentimentShift};
use crate::domain::record::{MetadataValue, Record};

/// A field by its name in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Named(Named),
    /// `metadata.<name>`
    Metadata(String),
}

/// Which words a field holds that have an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Level,
    Shift,
}

/// What a field holds, which decides what it can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Time,
    Words(Axis),
    /// Text, number, bool or texts: each record decides.
    Any,
}

macro_rules! fields {
    ($($name:ident = $text:literal: $kind:expr,)*) => {
        /// A field that every record can have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Named { $($name,)* }

        impl Named {
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub(super) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            const fn kind(self) -> Kind {
                match self { $(Self::$name => $kind,)* }
            }
        }
    };
}

fields! {
    Segment = "segment": Kind::Text,
    ProductArea = "product_area": Kind::Text,
    Channel = "channel": Kind::Text,
    Source = "source": Kind::Text,
    Tags = "tags": Kind::Text,
    Type = "type": Kind::Text,
    Content = "content": Kind::Text,
    EscalationLevel = "levels.escalation_level": Kind::Words(Axis::Level),
    EmotionalIntensityLevel = "levels.emotional_intensity_level": Kind::Words(Axis::Level),
    SentimentShift = "levels.sentiment_shift": Kind::Words(Axis::Shift),
    CreatedAt = "created_at": Kind::Time,
    Id = "id": Kind::Text,
    OrgId = "org_id": Kind::Text,
    SourceUrl = "source_url": Kind::Text,
    ConversationId = "conversation_id": Kind::Text,
}

/// What is found in a field of a record.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Absent,
    Text(&'a str),
    Texts(&'a [String]),
    Number(f64),
    Bool(bool),
    Time(jiff::Timestamp),
}

impl Field {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("metadata.") {
            return (!name.is_empty()).then(|| Self::Metadata(name.to_owned()));
        }
        Named::ALL.iter().copied().find(|each| each.text() == text).map(Self::Named)
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Named(named) => named.text().to_owned(),
            Self::Metadata(name) => format!("metadata.{name}"),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Named(named) => named.kind(),
            Self::Metadata(_) => Kind::Any,
        }
    }

    pub(super) fn of_record<'a>(&self, record: &'a Record, levels: &Levels) -> Found<'a> {
        let optional =
            |text: &'a Option<String>| text.as_deref().map_or(Found::Absent, Found::Text);
        let named = match self {
            Self::Named(named) => named,
            Self::Metadata(name) => return record.metadata.get(name).map_or(Found::Absent, value),
        };
        match named {
            Named::Segment => optional(&record.segment),
            Named::ProductArea => optional(&record.product_area),
            Named::Channel => optional(&record.channel),
            Named::Source => Found::Text(&record.source),
            Named::Tags => texts(&record.tags),
            Named::Type => optional(&record.kind),
            Named::Content => Found::Text(&record.content),
            Named::EscalationLevel => Found::Text(levels.escalation.word()),
            Named::EmotionalIntensityLevel => Found::Text(levels.emotional_intensity.word()),
            Named::SentimentShift => {
                levels.sentiment_shift.map_or(Found::Absent, |shift| Found::Text(shift.word()))
            }
            Named::CreatedAt => record.created_at.map_or(Found::Absent, Found::Time),
            Named::Id => Found::Text(&record.id),
            Named::OrgId => Found::Text(&record.org_id),
            Named::SourceUrl => optional(&record.source_url),
            Named::ConversationId => optional(&record.conversation_id),
        }
    }
}

pub(super) fn value(value: &MetadataValue) -> Found<'_> {
    match value {
        MetadataValue::Text(text) => Found::Text(text),
        MetadataValue::Number(number) => Found::Number(*number),
        MetadataValue::Bool(flag) => Found::Bool(*flag),
        MetadataValue::Texts(list) => texts(list),
    }
}

fn texts(list: &[String]) -> Found<'_> {
    if list.is_empty() { Found::Absent } else { Found::Texts(list) }
}

impl Axis {
    /// The words that have a place in the order, lowest first.
    pub(super) fn words(self) -> Vec<&'static str> {
        match self {
            Self::Level => Level::ALL.map(Level::word).to_vec(),
            Self::Shift => SentimentShift::ALL.map(SentimentShift::word).to_vec(),
        }
    }

    /// The place of a word; a word that is in no order has none.
    fn rank(self, word: &str) -> Option<usize> {
        match self {
            Self::Level => Level::ALL.iter().position(|each| each.word() == word),
            Self::Shift => SentimentShift::ALL.iter().position(|each| each.word() == word),
        }
    }
}

impl Found<'_> {
    pub(super) const fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Whether it is this value, in type and in content.
    pub(super) fn is(&self, operand: &Operand) -> bool {
        match operand {
            Operand::Text(wanted) => self.any_text(|text| text == wanted),
            Operand::Number(wanted) => matches!(self, Self::Number(number) if number == wanted),
            Operand::Bool(wanted) => matches!(self, Self::Bool(flag) if flag == wanted),
            Operand::Time(wanted) => matches!(self, Self::Time(at) if at == wanted),
        }
    }

    /// Whether one of its texts passes; what is no text passes nothing.
    pub(super) fn any_text(&self, passes: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Text(text) => passes(text),
            Self::Texts(list) => list.iter().any(|text| passes(text)),
            Self::Absent | Self::Number(_) | Self::Bool(_) | Self::Time(_) => false,
        }
    }

    /// How it stands to the bound, where the two have an order.
    pub(super) fn compared(&self, bound: &Bound) -> Option<Ordering> {
        match (bound, self) {
            (Bound::Number(limit), Self::Number(number)) => number.partial_cmp(limit),
            (Bound::Time(limit), Self::Time(at)) => Some(at.cmp(limit)),
            (Bound::Word(axis, limit), Self::Text(word)) => {
                Some(axis.rank(word)?.cmp(&axis.rank(limit)?))
            }
            (Bound::Number(_) | Bound::Time(_) | Bound::Word(..), _) => None,
        }
    }
}
