//! Where a program inside the customer's network is asked: over https, or, where an operator says so, over http.

use std::fmt;

use url::Url;

use super::integration::{HttpsUrl, PartError};

/// An http or https URL that passed the checks of [`HttpsUrl`].
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The same place as if it were https: host, port and path are its own.
    place: HttpsUrl,
    plain: bool,
}

impl Endpoint {
    /// Parses and normalises.
    ///
    /// # Errors
    /// What to change, without repeating the URL: it may hold a token.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let Some(rest) = text.strip_prefix("http://") else {
            return Ok(Self { place: HttpsUrl::parse(text)?, plain: false });
        };
        // Everything but the port means the same under both schemes.
        let checked = HttpsUrl::parse(&format!("https://{rest}"))?;
        let port = Url::parse(text).ok().and_then(|url| url.port_or_known_default());
        let mut place = checked.as_url().clone();
        // An https URL has a host, and takes any port.
        let _taken = place.set_port(port);
        Ok(Self { place: HttpsUrl::parse(place.as_str())?, plain: true })
    }

    /// Its host, port and path, for who judges addresses.
    pub fn place(&self) -> &HttpsUrl {
        &self.place
    }

    /// Whether everybody on the way can read what is said.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// The URL that is asked.
    pub fn to_url(&self) -> Url {
        let mut url = self.place.as_url().clone();
        if self.plain {
            let port = url.port_or_known_default();
            // Both are schemes of the web, between which a URL may change.
            let _changed = url.set_scheme("http");
            let _taken = url.set_port(port);
        }
        url
    }

    /// The URL as it may be shown: without the values of its query.
    pub fn masked(&self) -> String {
        let masked = self.place.masked();
        if !self.plain {
            return masked;
        }
        let (place, url) = (self.place.as_url(), self.to_url());
        let before = place.as_str().split('?').next().unwrap_or_default();
        let shown = url.as_str().split('?').next().unwrap_or_default();
        masked.replacen(before, shown, 1)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_has_the_port_that_is_connected_to() {
        for (text, port, masked) in [
            ("https://models.test/v1?key=a", 443, "https://models.test/v1?key=***"),
            ("http://models.test/v1?key=a", 80, "http://models.test/v1?key=***"),
            ("http://models.test:443/v1", 443, "http://models.test:443/v1"),
            ("http://127.0.0.1:8000/v1", 8000, "http://127.0.0.1:8000/v1"),
            ("http://[::1]:80/", 80, "http://[::1]/"),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            let place = endpoint.place().as_url();
            assert_eq!((place.scheme(), place.port_or_known_default()), ("https", Some(port)));
            assert_eq!(endpoint.to_url().as_str(), text.replace(":80/", "/"), "{text}");
            assert_eq!(endpoint.masked(), masked);
            assert_eq!(endpoint.is_plain(), text.starts_with("http://"));
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        for text in ["", "models.test", "ftp://models.test/", "http://", "http://a:b@models.test/"]
        {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        assert!(Endpoint::parse("http://models.test/#x").is_err());
    }
}
