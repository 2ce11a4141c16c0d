//! The parts of a request that a person configures. Each exists only when it is valid.

use std::fmt;

use url::Url;

use crate::domain::limits::{CREDENTIAL_BYTES, HEADER_NAME_BYTES, URL_BYTES};
use crate::domain::secret::Secret;

/// Why a part is not valid: one sentence that says what to change. It never repeats a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PartError(pub String);

fn refused<T>(why: impl Into<String>) -> Result<T, PartError> {
    Err(PartError(why.into()))
}

/// An absolute https URL without userinfo and fragment, normalised as browsers do it: a host that is
/// an address in disguise (`0x7f.1`, `①②⑦.⓪.⓪.①`) is that address from here on.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsUrl(Url);

impl HttpsUrl {
    /// Parses and normalises.
    ///
    /// # Errors
    /// What to change, without repeating the URL: it may hold a token.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return refused("is empty: give the https:// URL to post alerts to");
        }
        if text.len() > URL_BYTES {
            return refused(format!("is longer than {URL_BYTES} bytes"));
        }
        if text.chars().any(char::is_control) {
            return refused("holds a line break, a tab or another control character: remove it");
        }
        let rest = match text.get(.."https://".len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case("https://") => text.get(scheme.len()..),
            Some(_) | None => return refused("must begin with https://"),
        };
        let rest = rest.unwrap_or_default();
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.starts_with(':') {
            return refused("has no host: write it after https://");
        }
        // The parser drops an empty userinfo silently, and an HTTP library would send a full one as
        // an Authorization header of its own.
        if authority.contains('@') {
            return refused(
                "must not hold a user name or password before the host: use an authentication method",
            );
        }
        let url = Url::parse(text).or_else(|error| refused(format!("is not a URL: {error}")))?;
        if url.fragment().is_some() {
            return refused("must not hold a fragment (# and what follows): it is never sent");
        }
        if url.port() == Some(0) {
            return refused("names port 0, which nothing can listen on");
        }
        if let Some(host) = url.domain() {
            check_name(host)?;
        }
        if url.as_str().len() > URL_BYTES {
            return refused(format!("is longer than {URL_BYTES} bytes once it is percent-encoded"));
        }
        Ok(Self(url))
    }

    /// The normalised URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The URL as it may be shown: without the values of its query, where people put tokens.
    pub fn masked(&self) -> String {
        let Some(query) = self.0.query() else { return self.0.to_string() };
        let whole = self.0.as_str();
        let before = whole.split_once('?').map_or(whole, |(before, _)| before);
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) => format!("{name}=***"),
                // What has no name may be a token itself.
                None => "***".to_owned(),
            })
            .collect();
        format!("{before}?{}", pairs.join("&"))
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpsUrl({})", self.masked())
    }
}

/// What the parser lets through and no name server could answer (RFC 1035, section 2.3.4).
fn check_name(host: &str) -> Result<(), PartError> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.len() > 253 {
        return refused("has a host name longer than 253 bytes");
    }
    if name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return refused("has a host name with an empty part, or one longer than 63 bytes");
    }
    Ok(())
}

/// Names that the request, the connection or a proxy on its way uses. A name that ends in `*` stands
/// for all that begin so. `authorization`, `cookie` and `x-api-key` are credentials, and allowed.
const RESERVED: [&str; 23] = [
    "host",
    "content-*",
    "transfer-encoding",
    "te",
    "trailer",
    "connection",
    "keep-alive",
    "upgrade",
    "expect",
    "proxy-*",
    "user-agent",
    "accept",
    "accept-encoding",
    "idempotency-key",
    "webhook-*",
    "date",
    "via",
    "forwarded",
    "x-forwarded-*",
    "cookie2",
    "sec-*",
    // Not in the list of the specification, and used by the connection all the same.
    "http2-settings",
    "alt-used",
];

/// A header name that the request and the connection don't use themselves; lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// Parses; letters become lower case.
    ///
    /// # Errors
    /// What to change.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        if text.is_empty() {
            return refused("is empty: give the header's name");
        }
        if text.len() > HEADER_NAME_BYTES {
            return refused(format!("is longer than {HEADER_NAME_BYTES} bytes"));
        }
        if !text.bytes().all(is_token) {
            return refused(
                "may hold letters, digits and ! # $ % & ' * + - . ^ _ ` | ~ only: no space, no colon",
            );
        }
        let name = text.to_ascii_lowercase();
        let reserved = RESERVED.iter().any(|each| match each.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *each,
        });
        if reserved {
            return refused(format!("{name} is used by the request itself: choose another name"));
        }
        Ok(Self(name))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 9110, section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.')
        || matches!(byte, b'^'..=b'`' | b'|' | b'~')
}

/// A credential that can travel in a header.
#[derive(Debug)]
pub struct Credential;

impl Credential {
    /// Takes the text over: visible ASCII with spaces and tabs inside.
    ///
    /// # Errors
    /// What to change, without repeating any of the text.
    pub fn parse(text: String) -> Result<Secret, PartError> {
        // From here on the text is zeroed wherever this returns.
        let secret = Secret::new(text);
        Self::check(secret.expose())?;
        Ok(secret)
    }

    fn check(text: &str) -> Result<(), PartError> {
        if text.is_empty() {
            return refused("is empty: give the credential, or choose None as the method");
        }
        if text.len() > CREDENTIAL_BYTES {
            return refused(format!("is longer than {CREDENTIAL_BYTES} bytes"));
        }
        if text.contains(['\r', '\n']) {
            return refused("holds a line break: remove it (was it pasted with one?)");
        }
        let blank = |c: char| matches!(c, ' ' | '\t');
        if text.starts_with(blank) || text.ends_with(blank) {
            return refused("begins or ends with a space: remove it");
        }
        if !text.is_ascii() {
            return refused(
                "holds a character outside ASCII, which receivers read in different ways",
            );
        }
        if text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return refused("holds a control character: remove it");
        }
        Ok(())
    }
}
