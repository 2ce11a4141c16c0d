//! What the wire did, and what that means: the one place that tells success from failure.

use super::delivery::DeadReason;
use super::schedule::RetryAfter;

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The head of a response arrived in time. Whatever its body did afterwards does not matter.
    Answered {
        /// The status code, as sent: 100 to 999.
        status: u16,
        /// The `Retry-After` header, if it can be read.
        retry_after: Option<RetryAfter>,
    },
    /// A destination answered that has more to say than a status: what it said was judged by the rules
    /// of its kind.
    Judged(Judged),
    /// No head of a response arrived.
    Failed(Fault),
}

/// An answer with what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The status or the code that was answered: 100 to 999.
    pub code: u16,
    /// What it means for the delivery.
    pub meaning: Meaning,
    /// What the destination asked for.
    pub retry_after: Option<RetryAfter>,
    /// What happened, and what to do about it where something can be done: a sentence for an operator,
    /// without secrets.
    pub words: String,
}

/// What an answer means for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meaning {
    /// The alert has arrived.
    Arrived,
    /// It has not, and that speaks of the destination.
    Unwell,
    /// It has not, and that speaks of this one alert.
    Unwanted,
    /// Nothing will arrive there until somebody acts.
    Gone,
    /// It never will: everybody whom it was for was refused for good.
    Refused,
}

impl Meaning {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Arrived, Self::Unwell, Self::Unwanted, Self::Gone, Self::Refused];

    /// The word in rows and scenario fixtures.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Unwell => "unwell",
            Self::Unwanted => "unwanted",
            Self::Gone => "gone",
            Self::Refused => "refused",
        }
    }

    /// What that word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.word() == word)
    }
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind of trouble.
    pub kind: FaultKind,
    /// One line that an operator can act on, without secrets. May be empty where the kind says all.
    pub detail: String,
}

macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        /// Which kind of trouble kept an answer from coming.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind { $($(#[$doc])* $name,)* }

        impl FaultKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in rows, API, logs and scenario fixtures.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What to tell an operator.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// The kind of that code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|each| each.code() == code)
            }
        }
    };
}

fault_kinds! {
    /// The time of the attempt ran out before the response's head was there.
    Timeout = "timeout", "no answer in time";
    /// The name has no address.
    NameNotFound = "name_not_found", "the host's name was not found";
    /// The name servers did not answer, or not usefully.
    NameLookup = "name_lookup", "the host's name could not be looked up";
    /// Every address is refused by the address policy.
    EgressDenied = "egress_denied", "the address policy refuses the host's address";
    /// Nothing listens there.
    Refused = "refused", "connection refused";
    /// The connection could not be made for another reason.
    Connect = "connect", "could not connect";
    /// No TLS session could be agreed on; the detail says why.
    Tls = "tls", "TLS failed";
    /// The connection ended before the head of the response.
    Reset = "reset", "the connection was closed before an answer came";
    /// What came back is no HTTP response.
    BadResponse = "bad_response", "the answer was not understood";
    /// The configured proxy failed or refused.
    Proxy = "proxy", "the proxy failed";
    /// The server refused us before it heard of an alert: the login, or who it comes from.
    Rejected = "rejected", "the server refused us";
    /// The way to such destinations is not configured.
    NotConfigured = "not_configured", "the way there is not configured";
    /// The sealed credential can't be opened with the key in use.
    CredentialUnreadable = "credential_unreadable", "the credential can't be read";
    /// The stored body does not match its digest; it was not sent.
    BodyDamaged = "body_damaged", "the stored body is damaged";
    /// The service stopped while the attempt may have been on its way.
    Interrupted = "interrupted", "the service stopped during the attempt: it may have arrived";
    /// Our own fault; the detail names it.
    Internal = "internal", "internal error";
}

/// What an attempt means for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The alert has arrived.
    Delivered,
    /// It has not; try again.
    Retry {
        /// Whether the circuit counts it: whether it speaks of the destination, not of this one alert.
        blames_destination: bool,
        /// What the receiver asked for.
        not_before: Option<RetryAfter>,
    },
    /// The receiver says that it is gone: switch the integration off; the delivery waits.
    SwitchOff,
    /// It must not be tried again.
    Dead(DeadReason),
}

impl Outcome {
    /// What the attempt means (contract, sections 3.2, 3.3 and 3.6).
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Answered { status: 200..=299, .. } => Verdict::Delivered,
            Self::Answered { status: 410, .. } => Verdict::SwitchOff,
            Self::Answered { status: 400 | 413 | 415 | 422, .. } => {
                Verdict::Retry { blames_destination: false, not_before: None }
            }
            Self::Answered { status: 429 | 503, retry_after } => {
                Verdict::Retry { blames_destination: true, not_before: *retry_after }
            }
            Self::Answered { .. } => Verdict::Retry { blames_destination: true, not_before: None },
            Self::Judged(judged) => match judged.meaning {
                Meaning::Arrived => Verdict::Delivered,
                Meaning::Unwell => {
                    Verdict::Retry { blames_destination: true, not_before: judged.retry_after }
                }
                Meaning::Unwanted => {
                    Verdict::Retry { blames_destination: false, not_before: judged.retry_after }
                }
                Meaning::Gone => Verdict::SwitchOff,
                Meaning::Refused => Verdict::Dead(DeadReason::Refused),
            },
            Self::Failed(fault) => fault.kind.verdict(),
        }
    }

    /// One line for an operator: `503`, or `connection refused: …`.
    pub fn words(&self) -> String {
        match self {
            Self::Answered { status, .. } => format!("answered {status}"),
            Self::Judged(judged) => judged.words.clone(),
            Self::Failed(fault) if fault.detail.is_empty() => fault.kind.words().to_owned(),
            Self::Failed(fault) => format!("{}: {}", fault.kind.words(), fault.detail),
        }
    }
}

impl Outcome {
    /// Why the integration is switched off by it, where it is.
    pub fn switch_off_reason(&self) -> String {
        match self {
            Self::Judged(judged) => judged.words.clone(),
            Self::Answered { .. } | Self::Failed(_) => "the receiver answered 410 Gone".to_owned(),
        }
    }
}

impl FaultKind {
    fn verdict(self) -> Verdict {
        match self {
            Self::BodyDamaged => Verdict::Dead(DeadReason::BodyDamaged),
            // Neither says anything of the destination: our side stopped or broke.
            Self::Interrupted | Self::Internal => {
                Verdict::Retry { blames_destination: false, not_before: None }
            }
            Self::Timeout
            | Self::NameNotFound
            | Self::NameLookup
            | Self::EgressDenied
            | Self::Refused
            | Self::Connect
            | Self::Tls
            | Self::Reset
            | Self::BadResponse
            | Self::Proxy
            | Self::Rejected
            | Self::NotConfigured
            | Self::CredentialUnreadable => {
                Verdict::Retry { blames_destination: true, not_before: None }
            }
        }
    }
}
