//! The address of an incoming webhook. Whoever has it can post: it is a credential, and treated as
//! one.

use url::{Host, Url};

use super::parts::{HttpsUrl, PartError};
use crate::domain::limits::URL_BYTES;
use crate::domain::secret::Secret;

/// An https address of an incoming webhook. It has no `Display` and no `Clone`, and `Debug` masks it.
///
/// On Slack's own hosts, `hooks.slack.com` and `hooks.slack-gov.com`, the path must be one of an
/// incoming webhook (`/services/…`), or of a workflow that begins with a webhook (`/workflows/…`,
/// `/triggers/…`). Any other host may have any path: proxies and stand-ins choose their own.
#[derive(Debug)]
pub struct SlackUrl {
    whole: Secret,
    masked: String,
}

const HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];
const PATHS: [&str; 3] = ["services", "workflows", "triggers"];

impl SlackUrl {
    /// Takes the text over; from here on it is zeroed wherever this returns.
    ///
    /// # Errors
    /// What to change, without any of the text.
    pub fn parse(text: String) -> Result<Self, PartError> {
        let text = Secret::new(text);
        let url = checked(text.expose())?;
        let masked = masked(&url);
        // The parser's own copy is handed over, not copied again.
        Ok(Self { whole: Secret::new(url.into()), masked })
    }

    /// The address in the clear, parsed: to be looked at by the address policy, and never shown.
    ///
    /// # Errors
    /// What to change, without any of the text.
    pub fn as_https(&self) -> Result<HttpsUrl, PartError> {
        HttpsUrl::parse(self.whole.expose())
    }

    /// The address in the clear, to be sealed.
    pub fn into_secret(self) -> Secret {
        self.whole
    }

    /// The address as it may be shown: `https://hooks.slack.com/services/…`.
    pub fn masked(&self) -> &str {
        &self.masked
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, PartError> {
    Err(PartError(why.into()))
}

fn checked(text: &str) -> Result<Url, PartError> {
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return refused(
            "is empty: give the webhook URL that Slack shows under Incoming Webhooks of your app",
        );
    }
    if text.len() > URL_BYTES {
        return refused(format!("is longer than {URL_BYTES} bytes"));
    }
    if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return refused("holds a space, a line break or a control character: remove it");
    }
    let scheme = text.get(.."https://".len()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("https://") {
        return refused("must begin with https://");
    }
    let rest = text.get(scheme.len()..).unwrap_or_default();
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.starts_with(':') {
        return refused("has no host: write it after https://");
    }
    if authority.contains('@') {
        return refused("must not hold a user name or password before the host");
    }
    // The parser's errors name kinds of trouble, never the text.
    let url = Url::parse(text).or_else(|error| refused(format!("is not a URL: {error}")))?;
    if url.fragment().is_some() {
        return refused("must not hold a fragment (# and what follows): it is never sent");
    }
    if url.port() == Some(0) {
        return refused("names port 0, which nothing can listen on");
    }
    if is_slack(&url) {
        check_slack(&url)?;
    }
    if url.as_str().len() > URL_BYTES {
        return refused(format!("is longer than {URL_BYTES} bytes once it is percent-encoded"));
    }
    Ok(url)
}

fn is_slack(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => HOSTS.contains(&name.trim_end_matches('.')),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => false,
    }
}

fn check_slack(url: &Url) -> Result<(), PartError> {
    if url.port().is_some() {
        return refused("must not name a port: Slack has the usual one");
    }
    let mut parts = url.path().trim_start_matches('/').splitn(2, '/');
    let kind = parts.next().unwrap_or_default();
    let secret = parts.next().unwrap_or_default().trim_matches('/');
    if !PATHS.contains(&kind) {
        return refused(
            "is no webhook of Slack's: it must look like https://hooks.slack.com/services/T…/B…/…",
        );
    }
    let least = if kind == "services" { 3 } else { 1 };
    if secret.split('/').filter(|part| !part.is_empty()).count() < least {
        return refused("is cut off: copy the whole webhook URL from Slack");
    }
    Ok(())
}

fn masked(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let kind = url.path_segments().and_then(|mut parts| parts.next()).unwrap_or_default();
    // Elsewhere the first part of the path may already be the secret.
    match PATHS.iter().find(|known| **known == kind && is_slack(url)) {
        Some(kind) => format!("https://{host}{port}/{kind}/…"),
        None => format!("https://{host}{port}/…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_taken_and_masked() {
        for (text, shown) in [
            ("https://hooks.slack.com/services/T0/B0/s3cr3t", "https://hooks.slack.com/services/…"),
            (
                " https://HOOKS.slack-gov.com/services/T0/B0/s3cr3t ",
                "https://hooks.slack-gov.com/services/…",
            ),
            ("https://hooks.slack.com/triggers/T0/1/s3cr3t", "https://hooks.slack.com/triggers/…"),
            ("https://127.0.0.1:8443/s3cr3t?x=s3cr3t", "https://127.0.0.1:8443/…"),
            ("https://proxy.test/services/s3cr3t", "https://proxy.test/…"),
        ] {
            let url = SlackUrl::parse(text.to_owned()).map_err(|error| error.0).unwrap();
            assert_eq!(url.masked(), shown);
            assert!(!url.masked().contains("s3cr3t") && url.as_https().is_ok());
            assert!(url.into_secret().expose().contains("s3cr3t"));
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for (text, why) in [
            ("", "is empty"),
            ("http://hooks.slack.com/services/T0/B0/s3cr3t", "https://"),
            ("https://s3cr3t@hooks.slack.com/services/T0/B0/x", "user name"),
            ("https://hooks.slack.com/services/T0/s3cr3t", "cut off"),
            ("https://hooks.slack.com/services/T0//s3cr3t/", "cut off"),
            ("https://hooks.slack.com/s3cr3t", "no webhook"),
            ("https://hooks.slack.com:444/services/T0/B0/s3cr3t", "port"),
            ("https://hooks.slack.com/services/T0/B0/s3cr3t#x", "fragment"),
            ("https://hooks.slack.com/services/T0/B0/s3\ncr3t", "line break"),
            ("https:///s3cr3t", "no host"),
            ("https://[s3cr3t/services", "not a URL"),
            ("https://a.test:0/s3cr3t", "port 0"),
        ] {
            let Err(error) = SlackUrl::parse(text.to_owned()) else { panic!("{text}") };
            assert!(error.0.contains(why), "{text}: {error}");
            assert!(!error.0.contains("s3cr3t"), "{error}");
        }
        assert!(SlackUrl::parse(format!("https://a.test/{}", "é".repeat(900))).is_err());
    }
}
