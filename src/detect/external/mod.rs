//! A classifier of the customer's own: what it is asked, what its answer means, when it is asked at all, and
//! who has judged. All of it is a function of its arguments, as the detector is.

mod breaker;
mod protocol;

pub use breaker::{Breaker, Leave};
pub use protocol::{BadAnswer, Opinion, Protocol, answer, request};

use super::Assessment;
use crate::domain::levels::Levels;

/// What was found about a record that came without levels, and by whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The levels that the record goes by.
    pub levels: Levels,
    /// What the built-in detector found: it judges each record, and has the last word where nobody else has.
    pub assessment: Assessment,
    /// Who judged.
    pub judged_by: JudgedBy,
}

/// Who judged a record.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Which kind of trouble.
    pub reason: Reason,
    /// One line that an operator can act on, without secrets and without words of a record.
    pub detail: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// Why a classifier did not judge a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            Self::CircuitOpen | Self::Waited | Self::NotConfigured => false,
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
        Self { levels: assessment.levels, assessment, judged_by: JudgedBy::BuiltIn }
    }

    /// With what the classifier said, or why it said nothing.
    pub fn asked(self, said: Result<Opinion, Unanswered>) -> Self {
        let (levels, judged_by) = judged(self.assessment.levels, said);
        Self { levels, judged_by, ..self }
    }
}

/// The levels that a record goes by, and who judged: the built-in detector has the last word where nobody else
/// has.
pub fn judged(detected: Levels, said: Result<Opinion, Unanswered>) -> (Levels, JudgedBy) {
    match said {
        Ok(opinion) => {
            (opinion.levels(detected.sentiment_shift), JudgedBy::Classifier(opinion.words))
        }
        Err(unanswered) => (detected, JudgedBy::InPlace(unanswered)),
    }
}
