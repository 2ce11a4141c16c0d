//! The cookie of somebody who is signed in: 256 random bits, of which the store keeps a digest.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};

use super::site::Site;
use super::token::{self, NoRandomness};
use crate::domain::limits::SESSION_LIFE;
use crate::domain::secret::Secret;

/// 43 characters out of 62 hold 256 bits.
const CHARS: usize = 43;

/// A session's cookie as a browser presents it: well formed, and not yet known to be one of ours.
#[derive(Debug)]
pub(super) struct Presented(Secret);

impl Presented {
    /// What the store knows it by.
    pub(super) fn digest(&self) -> [u8; 32] {
        token::digest(self.0.expose()).0
    }
}

/// A new cookie's value.
pub(super) fn fresh() -> Result<Presented, NoRandomness> {
    Ok(Presented(Secret::new(token::random_text(CHARS)?.as_str().to_owned())))
}

/// Over TLS the name has a prefix by which browsers keep other hosts from setting it (RFC 6265bis).
fn name(site: &Site) -> &'static str {
    if site.is_secure() { "__Host-belfry" } else { "belfry" }
}

/// The cookie of a request; nothing where there is none, or two.
pub(super) fn presented(request: &HttpRequest, site: &Site) -> Option<Presented> {
    let mut found = request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(each, _)| *each == name(site))
        .map(|(_, value)| value);
    let value = found.next().filter(|_| found.next().is_none())?;
    let formed = value.len() == CHARS && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    formed.then(|| Presented(Secret::new(value.to_owned())))
}

/// The header that gives a browser its cookie. No script reads it, and no other site's page sends it.
pub(super) fn set(presented: &Presented, site: &Site) -> Option<HeaderValue> {
    header(site, presented.0.expose(), SESSION_LIFE.as_secs())
}

/// The header that takes it away.
pub(super) fn clear(site: &Site) -> Option<HeaderValue> {
    header(site, "", 0)
}

fn header(site: &Site, value: &str, seconds: u64) -> Option<HeaderValue> {
    let secure = if site.is_secure() { "; Secure" } else { "" };
    let name = name(site);
    let text = zeroize::Zeroizing::new(format!(
        "{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    ));
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_cookie_is_for_our_pages_alone() {
        let plain = Site::default();
        let made = fresh().unwrap();
        let text = set(&made, &plain).unwrap().to_str().unwrap().to_owned();
        assert!(text.starts_with("belfry="), "{text}");
        assert!(text.contains("; HttpOnly; SameSite=Strict;") && !text.contains("Secure"));
        let secure = Site { tls: true, ..Site::default() };
        let text = set(&made, &secure).unwrap().to_str().unwrap().to_owned();
        assert!(text.starts_with("__Host-belfry=") && text.ends_with("; Secure"), "{text}");
        assert!(!format!("{made:?}").contains(made.0.expose()));
    }

    #[test]
    fn what_is_no_cookie_of_ours_is_none() {
        let site = Site::default();
        let made = fresh().unwrap();
        let value = made.0.expose();
        let asked = |cookie: &str| {
            let request =
                TestRequest::default().insert_header(("cookie", cookie)).to_http_request();
            presented(&request, &site).map(|presented| presented.digest())
        };
        assert_eq!(asked(&format!("a=b; belfry={value}; c=d")), Some(made.digest()));
        for other in [
            String::new(),
            "belfry=".to_owned(),
            format!("belfry={value}x"),
            format!("belfri={value}"),
            format!("__Host-belfry={value}"),
            format!("belfry={value}; belfry={value}"),
            format!("belfry={}", "é".repeat(43)),
        ] {
            assert_eq!(asked(&other), None, "{other}");
        }
    }
}
