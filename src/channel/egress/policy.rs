//! Which addresses may be connected to, and which rule says so.
//!
//! The order is: our own door, `deny`, metadata, `allow`, the default of the address's class. An entry
//! opens or shuts what it names and nothing else; metadata opens only to an entry that names the very
//! address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use super::address::{AddressClass, canonical, embedded};

/// The lists of `egress`, parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EgressPolicy {
    allow: Vec<Entry>,
    deny: Vec<Entry>,
    own: Vec<SocketAddr>,
}

/// One entry of a list: addresses, and a port where it is for one port only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    net: IpNet,
    port: Option<u16>,
}

/// An entry that can't be used; the text says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` in egress.{list}: {problem}")]
pub struct EntryError {
    /// `allow` or `deny`.
    pub list: &'static str,
    /// Its place in the list, from 0.
    pub index: usize,
    /// The entry as it was written.
    pub entry: String,
    /// What is wrong with it and what is allowed.
    pub problem: String,
}

/// Whether an address may be connected to, and which rule decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The address that was asked about, as a connection sees it.
    pub address: IpAddr,
    /// The port that was asked about.
    pub port: u16,
    /// What kind of place it is.
    pub class: AddressClass,
    /// Whether it may be connected to.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: Rule,
}

/// The rule that decided about an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// It is the address that this service itself listens on.
    OwnAddress,
    /// An entry of `egress.deny`.
    Deny(Entry),
    /// Metadata, which no entry names exactly.
    Metadata,
    /// An entry of `egress.allow`.
    Allow(Entry),
    /// The default for its class.
    ClassDefault,
}

impl EgressPolicy {
    /// Parses both lists, and tells every problem at once. `own` are the addresses that this service
    /// listens on: a delivery to them would come straight back.
    pub fn parse(
        allow: &[String],
        deny: &[String],
        own: &[SocketAddr],
    ) -> Result<Self, Vec<EntryError>> {
        let mut problems = Vec::new();
        let mut list = |name: &'static str, texts: &[String]| -> Vec<Entry> {
            let mut entries = Vec::with_capacity(texts.len());
            for (index, text) in texts.iter().enumerate() {
                match Entry::parse(text) {
                    Ok(entry) => entries.push(entry),
                    Err(problem) => problems.push(EntryError {
                        list: name,
                        index,
                        entry: text.clone(),
                        problem,
                    }),
                }
            }
            entries
        };
        let policy =
            Self { allow: list("allow", allow), deny: list("deny", deny), own: own.to_vec() };
        if problems.is_empty() { Ok(policy) } else { Err(problems) }
    }

    /// The entries of `egress.allow`.
    pub fn allow(&self) -> &[Entry] {
        &self.allow
    }

    /// The entries of `egress.deny`.
    pub fn deny(&self) -> &[Entry] {
        &self.deny
    }

    /// The addresses that this service listens on.
    pub fn own(&self) -> &[SocketAddr] {
        &self.own
    }

    /// Decides about one address and port.
    pub fn explain(&self, address: IpAddr, port: u16) -> Decision {
        let address = canonical(address);
        let inner = embedded(address);
        let mut class = AddressClass::of(address);
        if inner.is_some_and(|v4| AddressClass::of(v4) == AddressClass::Metadata) {
            // A translated metadata address leads to the same place.
            class = AddressClass::Metadata;
        }
        let (allowed, rule) = self.decide(address, inner, port, class);
        Decision { address, port, class, allowed, rule }
    }

    fn decide(
        &self,
        address: IpAddr,
        inner: Option<IpAddr>,
        port: u16,
        class: AddressClass,
    ) -> (bool, Rule) {
        if self.is_own(address, port) {
            return (false, Rule::OwnAddress);
        }
        let denied = |entry: &&Entry| {
            entry.covers(address, port) || inner.is_some_and(|v4| entry.covers(v4, port))
        };
        if let Some(entry) = self.deny.iter().find(denied) {
            return (false, Rule::Deny(entry.clone()));
        }
        if class == AddressClass::Metadata {
            let named = |entry: &&Entry| entry.covers(address, port) && entry.is_exact();
            return match self.allow.iter().find(named) {
                Some(entry) => (true, Rule::Allow(entry.clone())),
                None => (false, Rule::Metadata),
            };
        }
        match self.allow.iter().find(|entry| entry.covers(address, port)) {
            Some(entry) => (true, Rule::Allow(entry.clone())),
            None => (class.allowed_by_default(), Rule::ClassDefault),
        }
    }

    fn is_own(&self, address: IpAddr, port: u16) -> bool {
        self.own.iter().any(|own| {
            let ip = canonical(own.ip());
            // Listening on every address includes loopback in both families; which others this
            // machine has, only the operator knows, who can name them in `egress.deny`.
            let here = address.is_loopback() || address.is_unspecified();
            own.port() == port && (ip == address || (ip.is_unspecified() && here))
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "write an address or a network, with a port where it is for one port \
             only: `10.1.2.3`, `10.2.0.0/16`, `10.2.0.0/16:443`, `fd12::/16`, `[fd12::1]:443`";
        let text = text.trim();
        let (network, port) = split_port(text).ok_or(ALLOWED)?;
        let port = match port {
            None => None,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                Ok(_) | Err(_) => {
                    return Err(format!("`{digits}` is no port: write 1 to 65535"));
                }
            },
        };
        let net = match network.parse::<IpNet>() {
            Ok(net) => net,
            Err(_) => IpNet::from(network.parse::<IpAddr>().map_err(|_| ALLOWED)?),
        };
        if net.trunc() != net {
            let meant = net.trunc();
            return Err(format!("the address has bits behind its prefix: did you mean `{meant}`?"));
        }
        Ok(Self { net: plain(net), port })
    }

    fn covers(&self, address: IpAddr, port: u16) -> bool {
        self.net.contains(&address) && self.port.is_none_or(|only| only == port)
    }

    fn is_exact(&self) -> bool {
        self.net.prefix_len() == self.net.max_prefix_len()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.net) {
            (None, net) => net.fmt(f),
            (Some(port), IpNet::V4(net)) => write!(f, "{net}:{port}"),
            (Some(port), IpNet::V6(net)) => write!(f, "[{net}]:{port}"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, class, rule, .. } = self;
        let verdict = if self.allowed { "allowed" } else { "refused" };
        write!(f, "{address} ({class}) is {verdict}: ")?;
        match rule {
            Rule::OwnAddress => f.write_str("this service itself listens there"),
            Rule::Deny(entry) => write!(f, "`{entry}` in egress.deny"),
            Rule::Metadata => f.write_str(
                "only an entry of egress.allow that names this very address opens cloud metadata",
            ),
            Rule::Allow(entry) => write!(f, "`{entry}` in egress.allow"),
            Rule::ClassDefault if self.allowed => write!(f, "the default for {class} addresses"),
            Rule::ClassDefault => {
                write!(f, "the default for {class} addresses; egress.allow can open it")
            }
        }
    }
}

/// Splits `10.0.0.0/8:443`, `[fd00::/8]:443`, `fd00::/8:443` into network and port. A bare IPv6
/// address is never taken for one with a port.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (network, tail) = rest.split_once(']')?;
        return match tail {
            "" => Some((network, None)),
            _ => tail.strip_prefix(':').map(|port| (network, Some(port))),
        };
    }
    let colons = text.bytes().filter(|byte| *byte == b':').count();
    let behind_prefix = text.split_once('/').is_some_and(|(_, tail)| tail.contains(':'));
    if colons == 1 || behind_prefix {
        return text.rsplit_once(':').map(|(network, port)| (network, Some(port)));
    }
    Some((text, None))
}

/// A network of mapped addresses as the IPv4 network that it stands for, since addresses are judged so.
fn plain(net: IpNet) -> IpNet {
    let mapped = |v6: Ipv6Addr| v6.to_ipv4_mapped();
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match mapped(v6.addr()) {
            Some(v4) => {
                IpNet::new(IpAddr::V4(v4), v6.prefix_len().saturating_sub(96)).unwrap_or(net)
            }
            None => net,
        },
        IpNet::V6(_) | IpNet::V4(_) => net,
    }
}
