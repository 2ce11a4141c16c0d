//! The resolver that the HTTP client asks: it looks the name up, drops what the policy refuses, and
//! fails when nothing is left. The client connects to what it gets and looks nothing up again, so an
//! answer that changes between check and connection does not exist.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::policy::{Decision, EgressPolicy};
use crate::channel::trace;
use crate::domain::limits::ADDRESSES_A_CONNECTION;

/// Looks names up. It answers with every address it finds; what may be used is not its business.
pub trait Lookup: Send + Sync {
    /// All addresses of a name; never an empty list.
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, LookupError>>;
}

/// Why a name has no address for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no such name.
    #[error("`{0}` does not exist: check the URL for a typing error")]
    NotFound(String),
    /// The name is there, without an address.
    #[error("`{0}` exists, but has no address")]
    NoAddress(String),
    /// The name servers did not answer.
    #[error("no answer from the name servers for `{0}`")]
    Silent(String),
    /// The name servers answered with an error, or could not be asked.
    #[error("looking up `{host}` failed: {cause}")]
    Failed {
        /// The name.
        host: String,
        /// What went wrong.
        cause: String,
    },
    /// Too many lookups of the operating system's resolver are under way.
    #[error("{0} lookups wait for the system's resolver already: are its name servers reachable?")]
    Busy(usize),
}

/// Every address is refused. Found along an error's sources by its type, never by its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct EgressDenied {
    /// What was decided about each address; never empty.
    pub decisions: Vec<Decision>,
}

impl EgressDenied {
    fn words(&self) -> String {
        let mut lines: Vec<String> =
            self.decisions.iter().take(3).map(Decision::to_string).collect();
        let more = self.decisions.len().saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("and {more} more addresses"));
        }
        lines.join("; ")
    }
}

/// Keeps what the policy allows, families in turn, at most [`ADDRESSES_A_CONNECTION`]: the time to
/// connect is divided among the addresses, and a poisoned answer must not eat it up.
pub fn allowed_addresses(
    policy: &EgressPolicy,
    found: &[IpAddr],
    port: u16,
) -> Result<Vec<SocketAddr>, EgressDenied> {
    let mut refused = Vec::new();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in found {
        let decision = policy.explain(*address, port);
        if !decision.allowed {
            refused.push(decision);
        } else if decision.address.is_ipv4() {
            v4.push(SocketAddr::new(decision.address, port));
        } else {
            v6.push(SocketAddr::new(decision.address, port));
        }
    }
    if v4.is_empty() && v6.is_empty() {
        return Err(EgressDenied { decisions: refused });
    }
    let (mut v4, mut v6) = (v4.into_iter(), v6.into_iter());
    let mut chosen = Vec::with_capacity(ADDRESSES_A_CONNECTION);
    loop {
        let before = chosen.len();
        chosen.extend(v4.next());
        chosen.extend(v6.next());
        if chosen.len() == before || chosen.len() >= ADDRESSES_A_CONNECTION {
            chosen.truncate(ADDRESSES_A_CONNECTION);
            return Ok(chosen);
        }
    }
}

/// For connections straight to a destination: what the policy refuses is dropped.
pub(crate) struct GuardedNames {
    pub(crate) policy: EgressPolicy,
    pub(crate) names: Arc<dyn Lookup>,
}

/// For connections to the configured proxy only: the operator named its address.
pub(crate) struct ProxyNames {
    pub(crate) names: Arc<dyn Lookup>,
}

impl reqwest::dns::Resolve for GuardedNames {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (policy, names) = (self.policy.clone(), Arc::clone(&self.names));
        Box::pin(async move {
            // Entries may name a port, and only the attempt knows it: without one nothing is opened.
            let trace = trace::current().ok_or("the name is asked for by no attempt")?;
            trace.resolving();
            let found = names.lookup(name.as_str()).await?;
            let addresses = allowed_addresses(&policy, &found, trace.port())?;
            trace.resolved(&addresses);
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

impl reqwest::dns::Resolve for ProxyNames {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let names = Arc::clone(&self.names);
        Box::pin(async move {
            let trace = trace::current();
            if let Some(trace) = &trace {
                trace.resolving();
            }
            let found = names.lookup(name.as_str()).await?;
            // Port 0 stands for the port of the proxy's URL, which the client puts in.
            let addresses: Vec<SocketAddr> = found
                .into_iter()
                .take(ADDRESSES_A_CONNECTION)
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if let Some(trace) = &trace {
                trace.resolved(&addresses);
            }
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}
