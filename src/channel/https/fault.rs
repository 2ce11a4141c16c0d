//! Why no answer came, read from the types of the errors along the chain of causes, never from
//! their text.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use super::excerpt::{self, Mask};
use crate::channel::egress::{EgressDenied, LookupError};
use crate::channel::tls;
use crate::channel::trace::{Reached, Trace};
use crate::domain::limits::FAULT_DETAIL_CHARS;
use crate::domain::outcome::{Fault, FaultKind};

/// What is known of the attempt when it fails.
pub(super) struct Circumstances<'a> {
    pub(super) trace: &'a Trace,
    pub(super) timeout: Duration,
    /// The proxy's host and port, if it goes through one.
    pub(super) proxy: Option<&'a str>,
    pub(super) mask: &'a Mask,
}

impl Circumstances<'_> {
    /// The deadline has passed.
    pub(super) fn out_of_time(&self) -> Fault {
        let within = words_for(self.timeout);
        let place = self.place();
        let (kind, detail) = match (self.trace.reached(), self.proxy) {
            (Reached::Resolving, None) => {
                (FaultKind::NameLookup, format!("the name servers did not answer within {within}"))
            }
            (Reached::Resolving | Reached::Connecting, Some(proxy)) => {
                (FaultKind::Proxy, format!("no connection through proxy {proxy} within {within}"))
            }
            (Reached::Connecting, None) => (
                FaultKind::Timeout,
                format!(
                    "connecting{place}: no answer within {within}; a firewall may be dropping packets"
                ),
            ),
            (Reached::Handshake, _) => (
                FaultKind::Timeout,
                format!("TLS handshake{place}: stalled, not finished within {within}"),
            ),
            (Reached::Connected, _) => (
                FaultKind::Timeout,
                format!("connected{place}, but no complete response head within {within}"),
            ),
        };
        self.fault(kind, &detail)
    }

    /// The client gave an error.
    pub(super) fn failed(&self, error: &reqwest::Error) -> Fault {
        let chain = Chain::of(error);
        // TLS behind a proxy speaks of the destination again.
        let (kind, detail) = self.classify(error, &chain);
        match self.proxy {
            Some(proxy)
                if kind.may_be_the_proxys() && self.trace.reached() != Reached::Connected =>
            {
                let detail = format!("{proxy}: {}", chain.innermost());
                self.fault(FaultKind::Proxy, &detail)
            }
            Some(_) | None => self.fault(kind, &detail),
        }
    }

    fn classify(&self, error: &reqwest::Error, chain: &Chain<'_>) -> (FaultKind, String) {
        let place = self.place();
        let innermost = chain.innermost();
        if let Some(denied) = chain.find::<EgressDenied>() {
            return (FaultKind::EgressDenied, denied.to_string());
        }
        if let Some(lookup) = chain.find::<LookupError>() {
            return (lookup_kind(lookup), lookup.to_string());
        }
        if let Some(error) = chain.find::<rustls::Error>() {
            return (FaultKind::Tls, tls::words(error));
        }
        if let Some(error) = chain.find::<hyper::Error>() {
            if error.is_parse() {
                return (FaultKind::BadResponse, format!("no HTTP response: {innermost}"));
            }
            if error.is_timeout() {
                let detail = format!("connected{place}, but the connection went silent");
                return (FaultKind::Timeout, detail);
            }
        }
        let reached = self.trace.reached();
        if let Some(error) = chain.find::<io::Error>() {
            return match (error.kind(), reached) {
                (io::ErrorKind::ConnectionRefused, _) => {
                    (FaultKind::Refused, format!("nothing listens{place}"))
                }
                (io::ErrorKind::TimedOut, _) => (FaultKind::Timeout, self.out_of_time().detail),
                (_, Reached::Handshake) => {
                    (FaultKind::Tls, format!("the connection ended in the TLS handshake{place}"))
                }
                (_, Reached::Connected) => (FaultKind::Reset, innermost),
                (_, Reached::Resolving | Reached::Connecting) => {
                    (FaultKind::Connect, format!("{innermost}{place}"))
                }
            };
        }
        if error.is_builder() {
            return (FaultKind::Internal, innermost);
        }
        match reached {
            Reached::Connected => (FaultKind::Reset, innermost),
            Reached::Resolving | Reached::Connecting | Reached::Handshake if error.is_timeout() => {
                let fault = self.out_of_time();
                (fault.kind, fault.detail)
            }
            Reached::Resolving | Reached::Connecting | Reached::Handshake => {
                (FaultKind::Connect, innermost)
            }
        }
    }

    /// A fault whose detail holds nothing that must not be seen.
    pub(super) fn fault(&self, kind: FaultKind, detail: &str) -> Fault {
        Fault { kind, detail: excerpt::cause(detail, self.mask, FAULT_DETAIL_CHARS) }
    }

    /// ` at 10.0.0.1:443`, or nothing where that is not known.
    fn place(&self) -> String {
        if let Some(proxy) = self.proxy {
            return format!(" by proxy {proxy}");
        }
        let addresses: Vec<String> =
            self.trace.addresses().iter().map(ToString::to_string).collect();
        match addresses.is_empty() {
            true => String::new(),
            false => format!(" at {}", addresses.join(", ")),
        }
    }
}

pub(in crate::channel) fn lookup_kind(error: &LookupError) -> FaultKind {
    match error {
        LookupError::NotFound(_) | LookupError::NoAddress(_) => FaultKind::NameNotFound,
        LookupError::Silent(_) | LookupError::Failed { .. } | LookupError::Busy(_) => {
            FaultKind::NameLookup
        }
    }
}

/// `5 s`, or `250 ms`.
pub(in crate::channel) fn words_for(span: Duration) -> String {
    let millis = span.as_millis();
    if millis.is_multiple_of(1000) {
        format!("{} s", millis / 1000)
    } else {
        format!("{millis} ms")
    }
}

impl FaultKind {
    /// Whether such a fault, met before there was a connection, speaks of the proxy in between.
    fn may_be_the_proxys(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::NameNotFound
                | Self::NameLookup
                | Self::Refused
                | Self::Connect
                | Self::Reset
                | Self::BadResponse
        )
    }
}

/// The causes of an error, outermost first.
struct Chain<'a>(Vec<&'a (dyn StdError + 'static)>);

impl<'a> Chain<'a> {
    fn of(error: &'a (dyn StdError + 'static)) -> Self {
        let mut links = Vec::new();
        let mut next = Some(error);
        // No library nests deeper; a chain that bites its own tail must not hang the attempt.
        while let Some(link) = next.filter(|_| links.len() < 32) {
            links.push(link);
            // An I/O error's `source` passes over the error that it was made from.
            let wrapped = link.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = match wrapped {
                Some(inner) => Some(inner),
                None => link.source(),
            };
        }
        Self(links)
    }

    fn find<E: StdError + 'static>(&self) -> Option<&'a E> {
        // The innermost of a kind is the cause of the others.
        self.0.iter().rev().find_map(|link| link.downcast_ref::<E>())
    }

    /// The text of the first cause. The outermost one is the client's, which shows the whole URL.
    fn innermost(&self) -> String {
        match self.0.as_slice() {
            [] | [_] => "the HTTP client could not send it".to_owned(),
            [.., last] => last.to_string(),
        }
    }
}
