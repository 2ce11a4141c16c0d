//! A classifier of the customer's own: what it is asked, what its answer means, when it is asked at all, and
//! who has judged. All of it is a function of its arguments, as the detector is.

mod breaker;
mod protocol;
mod stored;

use serde::{Deserialize, Serialize};

pub use breaker::{Breaker, Leave};
pub use protocol::{BadAnswer, Opinion, Protocol, answer, request};

pub use stored::NoFinding;

use super::{Assessment, Evidence, Language};
use crate::domain::levels::Levels;

/// What was found about a record that came without levels, by whom, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The levels that the record goes by.
    pub levels: Levels,
    /// Those that the built-in detector found: it judges each record, and has the last word where nobody else has.
    pub detected: Levels,
    /// The language that it found.
    pub language: Option<Language>,
    /// What moved its levels.
    pub evidence: Vec<Evidence>,
    /// Who judged.
    pub judged_by: JudgedBy,
}

/// Who judged a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgedBy {
    /// The built-in detector: it is the one there is.
    BuiltIn,
    /// The built-in detector, in place of the classifier.
    InPlace(Unanswered),
    /// The classifier, with its own words where it gave some.
    Classifier(Option<String>),
}

impl JudgedBy {
    /// The word in API and log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::BuiltIn | Self::InPlace(_) => "built_in",
            Self::Classifier(_) => "classifier",
        }
    }
}

/// Why the classifier did not judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// Which kind of trouble.
    pub reason: Reason,
    /// One line that an operator can act on, without secrets and without words of a record.
    pub detail: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// Why a classifier did not judge a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in API, log and metrics.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

reasons! {
    /// It did not answer within its time.
    Timeout = "timeout";
    /// The address policy refuses its address.
    EgressDenied = "egress_denied";
    /// No answer came for another reason: its name, the connection, TLS.
    Unreachable = "unreachable";
    /// It answered with another status than 2xx. Redirects are such: they are not followed.
    Status = "status";
    /// Its answer is longer than is read.
    TooLong = "too_long";
    /// Its answer can't be understood.
    BadAnswer = "bad_answer";
    /// It failed too often just now, and was not asked.
    CircuitOpen = "circuit_open";
    /// The record waited too long for its turn, and it was not asked.
    Waited = "waited";
    /// Too many records waited for it, and it was not asked.
    Crowded = "crowded";
    /// It is not configured any more.
    NotConfigured = "not_configured";
}

impl Reason {
    /// Whether it speaks of the classifier's health.
    pub const fn blames(self) -> bool {
        match self {
            Self::Timeout
            | Self::EgressDenied
            | Self::Unreachable
            | Self::Status
            | Self::TooLong
            | Self::BadAnswer => true,
            Self::CircuitOpen | Self::Waited | Self::Crowded | Self::NotConfigured => false,
        }
    }
}

impl Unanswered {
    /// Of that kind, in these words.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl Finding {
    /// What the built-in detector found, where nobody else is asked.
    pub fn built_in(assessment: Assessment) -> Self {
        let Assessment { levels, language, evidence, .. } = assessment;
        Self { levels, detected: levels, language, evidence, judged_by: JudgedBy::BuiltIn }
    }

    /// With what the classifier said, or why it said nothing.
    pub fn asked(self, said: Result<Opinion, Unanswered>) -> Self {
        match said {
            Ok(opinion) => Self {
                levels: opinion.levels(self.detected.sentiment_shift),
                judged_by: JudgedBy::Classifier(opinion.words),
                ..self
            },
            Err(unanswered) => {
                Self { levels: self.detected, judged_by: JudgedBy::InPlace(unanswered), ..self }
            }
        }
    }
}
