//! The fields that a condition can ask for, and what is found there.

use std::cmp::Ordering;

use super::{Bound, Operand};
use crate::domain::levels::{Level, Levels, SentimentShift};
use crate::domain::record::{MetadataValue, Record};
use crate::domain::relay::Posted;
use crate::domain::time;

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

/// What a condition is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A record and its levels.
    Record,
    /// An alert that another system posted.
    Alert,
}

const RECORD: &[Subject] = &[Subject::Record];
const ALERT: &[Subject] = &[Subject::Alert];
const BOTH: &[Subject] = &[Subject::Record, Subject::Alert];

macro_rules! fields {
    ($($name:ident = $text:literal: $kind:expr, $of:expr;)*) => {
        /// A field that every record, or every alert, can have.
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

            const fn subjects(self) -> &'static [Subject] {
                match self { $(Self::$name => $of,)* }
            }
        }
    };
}

fields! {
    Segment = "segment": Kind::Text, RECORD;
    ProductArea = "product_area": Kind::Text, RECORD;
    Channel = "channel": Kind::Text, RECORD;
    Source = "source": Kind::Text, RECORD;
    Tags = "tags": Kind::Text, RECORD;
    Type = "type": Kind::Text, RECORD;
    Content = "content": Kind::Text, RECORD;
    EscalationLevel = "levels.escalation_level": Kind::Words(Axis::Level), BOTH;
    EmotionalIntensityLevel = "levels.emotional_intensity_level": Kind::Words(Axis::Level), BOTH;
    SentimentShift = "levels.sentiment_shift": Kind::Words(Axis::Shift), BOTH;
    CreatedAt = "created_at": Kind::Time, RECORD;
    Id = "id": Kind::Text, RECORD;
    OrgId = "org_id": Kind::Text, BOTH;
    SourceUrl = "source_url": Kind::Text, RECORD;
    ConversationId = "conversation_id": Kind::Text, RECORD;
    AutomationId = "automation_id": Kind::Text, ALERT;
    EscalatedAt = "escalated_at": Kind::Time, ALERT;
    RecordSource = "record.source": Kind::Text, ALERT;
    RecordContentExcerpt = "record.content_excerpt": Kind::Text, ALERT;
    RecordId = "record.id": Kind::Text, ALERT;
    RecordUrl = "record.url": Kind::Text, ALERT;
    RecordSourceUrl = "record.source_url": Kind::Text, ALERT;
    RecordCreatedAt = "record.created_at": Kind::Time, ALERT;
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

impl Named {
    /// Those that things of this kind can have.
    pub(super) fn of(subject: Subject) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |each| each.is_of(subject))
    }

    fn is_of(self, subject: Subject) -> bool {
        self.subjects().contains(&subject)
    }
}

impl Field {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("metadata.") {
            return (!name.is_empty()).then(|| Self::Metadata(name.to_owned()));
        }
        Named::ALL.iter().copied().find(|each| each.text() == text).map(Self::Named)
    }

    /// Whether things of this kind can have it.
    pub(super) fn is_of(&self, subject: Subject) -> bool {
        match self {
            Self::Named(named) => named.is_of(subject),
            Self::Metadata(_) => subject == Subject::Record,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Named(named) => named.text().to_owned(),
            Self::Metadata(name) => format!("metadata.{name}"),
        }
    }

    /// Whether it is one of the three levels.
    pub(super) const fn is_level(&self) -> bool {
        matches!(
            self,
            Self::Named(
                Named::EscalationLevel | Named::EmotionalIntensityLevel | Named::SentimentShift
            )
        )
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
            Named::AutomationId
            | Named::EscalatedAt
            | Named::RecordSource
            | Named::RecordContentExcerpt
            | Named::RecordId
            | Named::RecordUrl
            | Named::RecordSourceUrl
            | Named::RecordCreatedAt => Found::Absent,
        }
    }

    /// What stands there in an alert's body. The other system decides what it writes: what is not of the
    /// kind that the field holds is as good as absent.
    pub(super) fn of_alert<'a>(&self, alert: &'a Posted) -> Found<'a> {
        let Self::Named(named) = self else { return Found::Absent };
        let Some(text) = alert.text(named.text()) else { return Found::Absent };
        match named.kind() {
            Kind::Text | Kind::Words(_) | Kind::Any => Found::Text(text),
            Kind::Time => time::parse_rfc3339(text).map_or(Found::Absent, Found::Time),
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
