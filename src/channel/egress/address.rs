//! What kind of place an address is: the table of special addresses, and nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressClass {
    /// Reachable by everybody.
    Public,
    /// A company's own network: RFC 1918 and unique local IPv6.
    Private,
    /// A cloud's metadata service, which hands out the machine's own credentials.
    Metadata,
    /// No address, or this host.
    Unspecified,
    /// This host.
    Loopback,
    /// This link.
    LinkLocal,
    /// Behind a carrier's address translation (RFC 6598).
    Cgnat,
    /// A group of hosts.
    Multicast,
    /// An IPv6 address that stands for an IPv4 address: compatible, NAT64, 6to4, Teredo.
    Embedded,
    /// Set aside by a standard, or not given to anybody.
    Reserved,
}

impl AddressClass {
    /// All classes.
    pub const ALL: &'static [Self] = &[
        Self::Public,
        Self::Private,
        Self::Metadata,
        Self::Unspecified,
        Self::Loopback,
        Self::LinkLocal,
        Self::Cgnat,
        Self::Multicast,
        Self::Embedded,
        Self::Reserved,
    ];

    /// The class of an address. A mapped address (`::ffff:a.b.c.d`) is the IPv4 address inside it:
    /// that is where a connection to it goes.
    pub fn of(address: IpAddr) -> Self {
        match canonical(address) {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// Whether it is reached without an entry in `egress.allow`.
    pub const fn allowed_by_default(self) -> bool {
        matches!(self, Self::Public | Self::Private)
    }

    /// The word in configuration errors, `belfry check` and fixtures.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Metadata => "cloud metadata",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Cgnat => "carrier-grade NAT",
            Self::Multicast => "multicast",
            Self::Embedded => "IPv4 embedded in IPv6",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The address that a connection really goes to: a mapped address as IPv4, all others as they are.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

/// The IPv4 address for which an embedding IPv6 address stands, where its place is fixed. A gateway
/// would connect to it, so that rules for it must count whichever way it is written.
pub(super) fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    let bits = u128::from(v6);
    let word = |shift: u32| {
        let low = u32::try_from((bits >> shift) & 0xffff_ffff).unwrap_or(0);
        IpAddr::V4(Ipv4Addr::from(low))
    };
    if inside(v6, "64:ff9b::", 96) || inside(v6, "64:ff9b:1::", 48) {
        Some(word(0))
    } else if inside(v6, "2002::", 16) {
        Some(word(80))
    } else if inside(v6, "2001::", 32) {
        // Teredo writes the client's address with every bit turned round.
        let low = u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
        Some(IpAddr::V4(Ipv4Addr::from(!low)))
    } else if inside(v6, "::", 96) && bits > 1 {
        Some(word(0))
    } else {
        None
    }
}

fn of_v4(address: Ipv4Addr) -> AddressClass {
    const METADATA: &[Ipv4Addr] = &[
        Ipv4Addr::new(169, 254, 169, 254),
        Ipv4Addr::new(169, 254, 170, 2),
        Ipv4Addr::new(169, 254, 170, 23),
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    if METADATA.contains(&address) {
        return AddressClass::Metadata;
    }
    match address.octets() {
        [0, ..] => AddressClass::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [100, 64..=127, ..] => AddressClass::Cgnat,
        [127, ..] => AddressClass::Loopback,
        [169, 254, ..] => AddressClass::LinkLocal,
        // The two anycast addresses of 192.0.0.0/24 that the registry calls globally reachable.
        [192, 0, 0, 9 | 10] => AddressClass::Public,
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressClass::Reserved,
        [224..=239, ..] => AddressClass::Multicast,
        _ => AddressClass::Public,
    }
}

/// Only 2000::/3 with exceptions and fc00::/7 can be reached; the order of the rows is the order of
/// match, and what no row names has not been given to anybody.
fn of_v6(address: Ipv6Addr) -> AddressClass {
    const ROWS: &[(&str, u32, AddressClass)] = &[
        ("fd00:ec2::", 32, AddressClass::Metadata),
        ("fd20:ce::254", 128, AddressClass::Metadata),
        ("::", 128, AddressClass::Unspecified),
        ("::1", 128, AddressClass::Loopback),
        ("::", 96, AddressClass::Embedded),
        ("64:ff9b::", 96, AddressClass::Embedded),
        ("64:ff9b:1::", 48, AddressClass::Embedded),
        ("2001::", 32, AddressClass::Embedded),
        ("2002::", 16, AddressClass::Embedded),
        ("2001::", 23, AddressClass::Reserved),
        ("2001:db8::", 32, AddressClass::Reserved),
        ("3fff::", 20, AddressClass::Reserved),
        ("100::", 64, AddressClass::Reserved),
        ("5f00::", 16, AddressClass::Reserved),
        ("fec0::", 10, AddressClass::Reserved),
        ("fc00::", 7, AddressClass::Private),
        ("fe80::", 10, AddressClass::LinkLocal),
        ("ff00::", 8, AddressClass::Multicast),
        ("2000::", 3, AddressClass::Public),
    ];
    ROWS.iter()
        .find(|(network, length, _)| inside(address, network, *length))
        .map_or(AddressClass::Reserved, |(_, _, class)| *class)
}

/// A network that does not parse holds nothing, which can only refuse more; a test reads every row.
fn inside(address: Ipv6Addr, network: &str, length: u32) -> bool {
    let Ok(network) = network.parse::<Ipv6Addr>() else { return false };
    let shift = 128_u32.saturating_sub(length);
    u128::from(address).checked_shr(shift) == u128::from(network).checked_shr(shift)
}
