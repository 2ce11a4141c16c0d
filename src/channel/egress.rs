//! Where deliveries may go. Every attempt is judged by the address that is really connected to; there
//! is no path around it, and no error that opens it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use url::Host;

use crate::domain::integration::HttpsUrl;

mod address;
mod names;
mod policy;
mod resolver;

pub use address::AddressClass;
pub use names::{DnsNames, SystemNames};
pub use policy::{Decision, EgressPolicy, Entry, EntryError, Rule};
pub use resolver::{EgressDenied, Lookup, LookupError, allowed_addresses};
pub(crate) use resolver::{GuardedNames, ProxyNames};

/// The policy together with the way in which names are looked up.
#[derive(Clone)]
pub struct Egress {
    policy: EgressPolicy,
    names: Arc<dyn Lookup>,
}

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAddress {
    #[error(transparent)]
    Denied(#[from] EgressDenied),
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

/// What `belfry check URL` tells of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The host as it was understood.
    pub host: String,
    /// The port that is connected to.
    pub port: u16,
    /// What is decided about each address that it has now, or why it has none.
    pub addresses: Result<Vec<Decision>, LookupError>,
}

impl Explanation {
    /// Whether an attempt made now would find an address that it may connect to.
    pub fn reachable(&self) -> bool {
        matches!(&self.addresses, Ok(decisions) if decisions.iter().any(|each| each.allowed))
    }
}

impl Egress {
    /// Puts both together.
    pub fn new(policy: EgressPolicy, names: Arc<dyn Lookup>) -> Self {
        Self { policy, names }
    }

    /// The policy.
    pub fn policy(&self) -> &EgressPolicy {
        &self.policy
    }

    /// Refuses a URL whose host is a refused address written out. The client asks no resolver for
    /// those, so this is asked before every attempt, and when an integration is saved.
    pub fn check_url(&self, url: &HttpsUrl) -> Result<(), EgressDenied> {
        self.policy.check_url(url)
    }

    /// What is decided about a URL's addresses, as they are now.
    pub async fn explain(&self, url: &HttpsUrl) -> Explanation {
        let port = port_of(url);
        let host = url.as_url().host_str().unwrap_or_default().to_owned();
        let addresses = match literal(url) {
            Some(address) => Ok(vec![address]),
            None => self.names.lookup(&host).await,
        };
        let addresses = addresses
            .map(|found| found.into_iter().map(|ip| self.policy.explain(ip, port)).collect());
        Explanation { host, port, addresses }
    }

    /// For a destination behind a proxy, which looks the name up itself: what the name says here and
    /// now. One refused address refuses it, for nobody knows which one the proxy takes. A name that
    /// only the proxy can look up passes: from there on the policy is the proxy's.
    pub(crate) async fn check_before_proxy(&self, url: &HttpsUrl) -> Result<(), EgressDenied> {
        let explanation = self.explain(url).await;
        let Ok(decisions) = explanation.addresses else { return Ok(()) };
        let decisions: Vec<Decision> =
            decisions.into_iter().filter(|decision| !decision.allowed).collect();
        if decisions.is_empty() { Ok(()) } else { Err(EgressDenied { decisions }) }
    }

    /// The addresses of a host that may be connected to, for what is no URL. They are the ones to connect
    /// to: nothing may look the name up again.
    pub(crate) async fn addresses(
        &self,
        host: &Host,
        port: u16,
    ) -> Result<Vec<SocketAddr>, NoAddress> {
        let found = match host {
            Host::Ipv4(v4) => vec![IpAddr::V4(*v4)],
            Host::Ipv6(v6) => vec![IpAddr::V6(*v6)],
            Host::Domain(name) => self.names.lookup(name).await?,
        };
        Ok(allowed_addresses(&self.policy, &found, port)?)
    }

    pub(crate) fn guarded_names(&self) -> GuardedNames {
        GuardedNames { policy: self.policy.clone(), names: Arc::clone(&self.names) }
    }

    pub(crate) fn proxy_names(&self) -> ProxyNames {
        ProxyNames { names: Arc::clone(&self.names) }
    }
}

impl EgressPolicy {
    /// See [`Egress::check_url`]; names pass, they are judged when they are looked up.
    pub fn check_url(&self, url: &HttpsUrl) -> Result<(), EgressDenied> {
        let Some(address) = literal(url) else { return Ok(()) };
        let decision = self.explain(address, port_of(url));
        if decision.allowed { Ok(()) } else { Err(EgressDenied { decisions: vec![decision] }) }
    }
}

/// The port that a URL's connection goes to.
pub(crate) fn port_of(url: &HttpsUrl) -> u16 {
    url.as_url().port_or_known_default().unwrap_or(443)
}

/// The parser has already turned every spelling of an IPv4 address into the address.
fn literal(url: &HttpsUrl) -> Option<IpAddr> {
    match url.as_url().host()? {
        Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
        Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
        Host::Domain(_) => None,
    }
}
