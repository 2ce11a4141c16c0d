//! Where the service is, seen from outside: which site it is, whether it is reached over TLS, and from
//! which address somebody really comes.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header;
use ipnet::IpNet;
use url::Url;

use super::error::{Code, Problem};
use crate::domain::id::AutomationId;

/// What the service knows of how it is reached.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// How people reach it, where that differs from where it listens.
    pub public_url: Option<Url>,
    /// Whether it speaks TLS itself.
    pub tls: bool,
    /// Those in front of it whose word about a caller's address counts.
    pub trusted_proxies: Vec<IpNet>,
}

impl Site {
    /// Whether browsers reach it over TLS, by itself or by a proxy.
    pub fn is_secure(&self) -> bool {
        self.tls || self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// Where other systems post alerts to a relay: an address where it is known how the service is reached,
    /// else the path.
    pub(super) fn inbound_url(&self, id: AutomationId) -> String {
        self.reached_at(&format!("/relay/{id}"))
    }

    /// Where feeders post feedback to, in the same way.
    pub(super) fn feedback_url(&self) -> String {
        self.reached_at("/webhook/custom/all")
    }

    fn reached_at(&self, path: &str) -> String {
        let before = self.public_url.as_ref().map(Url::as_str).unwrap_or_default();
        format!("{}{path}", before.trim_end_matches('/'))
    }

    /// From which address the caller comes: the connection's, or what trusted proxies say.
    pub(super) fn address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        let mut told: Vec<&str> = request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        Some(self.farthest(peer, &mut told))
    }

    /// Goes back from proxy to proxy for as long as they are trusted: what one adds stands at the end.
    fn farthest(&self, peer: IpAddr, told: &mut Vec<&str>) -> IpAddr {
        let mut here = peer;
        while self.trusted_proxies.iter().any(|net| net.contains(&here)) {
            let Some(before) = told.pop().and_then(|text| parse(text.trim())) else { break };
            here = before.to_canonical();
        }
        here
    }

    /// Refuses what a browser sends for another site's sake (OWASP; Fetch Metadata). `absent` is what a
    /// request counts as whose sender says nothing of where it comes from.
    ///
    /// # Errors
    /// 403.
    pub(super) fn refuse_foreign(
        &self,
        request: &HttpRequest,
        absent: Absent,
    ) -> Result<(), Problem> {
        let text =
            |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or(""));
        let ours = match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
            (Some(site), _) => matches!(site, "same-origin" | "none"),
            (None, Some(origin)) => self.is_own(origin, request),
            (None, None) => matches!(absent, Absent::Program),
        };
        if ours {
            return Ok(());
        }
        let words = "A change with a session's cookie must come from Belfry's own pages: Sec-Fetch-Site \
                     or Origin says otherwise, or is missing. Programs send a token instead.";
        Err(Problem::new(Code::ForeignSite, words))
    }

    fn is_own(&self, origin: &str, request: &HttpRequest) -> bool {
        let Ok(origin) = Url::parse(origin) else { return false };
        if let Some(own) = &self.public_url
            && own.origin() == origin.origin()
        {
            return true;
        }
        let scheme = if self.tls { "https" } else { "http" };
        let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        let here = host.and_then(|host| Url::parse(&format!("{scheme}://{host}/")).ok());
        here.is_some_and(|here| here.origin() == origin.origin())
    }
}

/// What a request is taken for that says nothing of where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// An old browser's, which may be on another site.
    Browser,
    /// A program's, which no site can steer.
    Program,
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    text.parse()
        .ok()
        .or_else(|| bare.and_then(|bare| bare.parse().ok()))
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|addr| addr.ip()))
}

/// What wrong passwords from an address are counted by: one host, or what one host of IPv6 has at least.
pub(super) fn bucket(address: Option<IpAddr>) -> String {
    match address {
        None => String::new(),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let site = Site {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..Site::default()
        };
        for (peer, told, expected) in [
            ("192.0.2.1", vec!["203.0.113.7"], "192.0.2.1"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", vec!["1.1.1.1", " 203.0.113.7", "10.9.9.9"], "203.0.113.7"),
            ("10.0.0.1", vec!["203.0.113.7", "nonsense"], "10.0.0.1"),
            ("10.0.0.1", vec!["[2001:db8::7]:4711"], "2001:db8::7"),
            ("::1", vec!["203.0.113.7:80"], "203.0.113.7"),
        ] {
            let mut told = told;
            let found = site.farthest(peer.parse().unwrap(), &mut told);
            assert_eq!(found.to_string(), expected, "{peer}");
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_guesser() {
        let bucket = |text: &str| bucket(text.parse().ok());
        assert_eq!(bucket("2001:db8:1:2:3::4"), bucket("2001:db8:1:2:ffff::1"));
        assert_ne!(bucket("2001:db8:1:2:3::4"), bucket("2001:db8:1:3:3::4"));
        assert_ne!(bucket("10.0.0.1"), bucket("10.0.0.2"));
    }
}
