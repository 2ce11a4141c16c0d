//! What an operator can do about an attempt that failed.

use super::words::span;
use crate::domain::outcome::{FaultKind, Meaning, Outcome};
use crate::domain::schedule::RetryAfter;

/// One or two sentences; none where it succeeded.
pub(super) fn advice(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Answered { status, .. } => for_status(*status),
        Outcome::Judged(judged) => for_meaning(judged.meaning),
        Outcome::Failed(fault) => Some(for_fault(fault.kind)),
    }
}

/// How long the receiver asked to be left alone.
pub(super) fn asked_to_wait(outcome: &Outcome) -> Option<String> {
    let asked = match outcome {
        Outcome::Answered { retry_after, .. } => retry_after.as_ref(),
        Outcome::Judged(judged) => judged.retry_after.as_ref(),
        Outcome::Failed(_) => None,
    };
    match asked? {
        RetryAfter::Delay(delay) => Some(span(*delay)),
        RetryAfter::At(_) => None,
    }
}

/// What happened is said by the attempt itself: this is what becomes of it.
const fn for_meaning(meaning: Meaning) -> Option<&'static str> {
    match meaning {
        Meaning::Arrived => None,
        Meaning::Unwell => Some("It is tried again."),
        Meaning::Unwanted => {
            Some("This alert is tried again; the destination's other alerts go on meanwhile.")
        }
        Meaning::Refused => Some(
            "Nobody of the addresses takes mail. Correct them in the integration, then retry the delivery.",
        ),
        Meaning::Gone => Some(
            "The destination was switched off. Mend what the answer speaks of, then enable it.",
        ),
    }
}

fn for_status(status: u16) -> Option<&'static str> {
    let words = match status {
        200..=299 => return None,
        300..=399 => {
            "The receiver redirects, and redirects are never followed: enter the address that it \
             redirects to as the URL."
        }
        400 | 415 | 422 => {
            "The receiver does not take this alert; its answer may say why. The destination's other \
             alerts go on."
        }
        401 | 403 => "The credential does not match: replace it with one that the receiver takes.",
        404 | 405 => {
            "The receiver takes no alerts at this address: check the path of the URL, and that it \
             takes POST."
        }
        410 => {
            "The receiver says that this address is gone for good, so the destination was switched \
             off. Correct its URL, then enable it."
        }
        413 => "The receiver takes only shorter requests: raise its limit.",
        429 => "The receiver asks for fewer requests: give the destination a rate limit.",
        500..=599 => "The receiver failed: its own log says why.",
        _ => "Only an answer from 200 to 299 says that the alert has arrived.",
    };
    Some(words)
}

const fn for_fault(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Timeout => {
            "The receiver must answer in time: have it answer first, and work afterwards. Where not even \
             the connection was made, look at the firewalls in between."
        }
        FaultKind::NameNotFound => {
            "If the name is right, have the name servers of this machine know it."
        }
        FaultKind::NameLookup => "Check the name servers that this machine uses.",
        FaultKind::EgressDenied => {
            "If the destination is meant to be there, allow its address under egress in belfry.toml; \
             belfry check with the URL says which rule decides."
        }
        FaultKind::Refused => "Check that the receiver runs, and the port in the URL.",
        FaultKind::Connect => "Check the network and the firewalls between here and the receiver.",
        FaultKind::Tls => {
            "Check the receiver's certificate. If your company signs its own, name its authority under \
             egress.ca_files in belfry.toml."
        }
        FaultKind::Reset => {
            "The receiver, or something before it, closed the connection: its log may say why. The alert \
             may have arrived."
        }
        FaultKind::BadResponse => {
            "Check host and port of the URL: what answers there speaks no HTTP."
        }
        FaultKind::Proxy => "Check the proxy, and egress.proxy in belfry.toml.",
        FaultKind::Rejected => {
            "The mail server refuses this service: check smtp in belfry.toml, and what the server lets in."
        }
        FaultKind::NotConfigured => {
            "Name the mail server under smtp in belfry.toml, and reload the service."
        }
        FaultKind::CredentialUnreadable => "Set the destination's credential again.",
        FaultKind::BodyDamaged => {
            "The disk gave back other bytes than were stored, so they are not sent. Check the disk, and \
             send the record again under another id."
        }
        FaultKind::Interrupted => {
            "Nothing needs to be done: it is tried again, and the receiver tells a repeat by the \
             Idempotency-Key."
        }
        FaultKind::Internal => "The service's log says more.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::{Fault, Judged};

    #[test]
    fn whatever_fails_has_advice_and_nothing_else_has() {
        for status in 100..=999 {
            let outcome = Outcome::Answered { status, retry_after: None };
            assert_eq!(advice(&outcome).is_none(), (200..300).contains(&status), "{status}");
        }
        for meaning in Meaning::ALL {
            let judged = Judged { code: 404, meaning, retry_after: None, words: String::new() };
            let arrived = meaning == Meaning::Arrived;
            assert_eq!(advice(&Outcome::Judged(judged)).is_none(), arrived, "{meaning:?}");
        }
        for kind in FaultKind::ALL {
            let outcome = Outcome::Failed(Fault { kind: *kind, detail: String::new() });
            assert!(advice(&outcome).is_some_and(|words| words.ends_with('.')), "{kind:?}");
        }
    }
}
