//! The request of one attempt, as headers: pure, so that what is sent can be shown and tested
//! without sending it.

use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::signing::{SigningKey, signatures};
use crate::domain::integration::{AuthMethod, Webhook};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// What receivers know the product by; filters and firewalls may go by it.
pub const AGENT: &str = "SupportEscalationAutomation/1.0";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Why a request can't be made. None of the texts holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The method of authentication needs a credential.
    #[error("no credential is set, and the method of authentication needs one")]
    NoCredential,
    /// The credential can't travel in a header.
    #[error("the credential can't be sent in a header: set it again")]
    BadCredential,
    /// The header's name can't be used.
    #[error("the header's name can't be used: set it again")]
    BadHeaderName,
    /// Signing is on without a secret.
    #[error("signing is on, but there is no signing secret: rotate it to get one")]
    NoSigningSecret,
    /// The key of the delivery can't travel in a header.
    #[error("the Idempotency-Key can't be sent in a header")]
    BadKey,
}

/// All headers of one attempt but those that the connection adds itself.
pub fn headers(
    webhook: &Webhook,
    key: &str,
    credential: Option<&Secret>,
    signing: &[SigningKey],
    at: Timestamp,
    body: &[u8],
) -> Result<HeaderMap, RequestError> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(IDEMPOTENCY_KEY, key.parse().map_err(|_| RequestError::BadKey)?);
    if let Some((name, value)) = authentication(&webhook.auth, credential)? {
        headers.insert(name, value);
    }
    if webhook.signing {
        if signing.is_empty() {
            return Err(RequestError::NoSigningSecret);
        }
        let id = message_id(key);
        let seconds = at.as_millis().div_euclid(1000);
        let signed = signatures(signing, &id, seconds, body);
        headers.insert(WEBHOOK_ID, id.parse().map_err(|_| RequestError::BadKey)?);
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(seconds));
        headers.insert(WEBHOOK_SIGNATURE, signed.parse().map_err(|_| RequestError::BadKey)?);
    }
    Ok(headers)
}

fn authentication(
    method: &AuthMethod,
    credential: Option<&Secret>,
) -> Result<Option<(HeaderName, HeaderValue)>, RequestError> {
    let secret = || credential.map(Secret::expose).ok_or(RequestError::NoCredential);
    let (name, text) = match method {
        AuthMethod::None => return Ok(None),
        AuthMethod::Bearer => (AUTHORIZATION, format!("Bearer {}", secret()?)),
        AuthMethod::ApiKey => (X_API_KEY, secret()?.to_owned()),
        AuthMethod::CustomHeader(name) => (
            HeaderName::from_bytes(name.as_str().as_bytes())
                .map_err(|_| RequestError::BadHeaderName)?,
            secret()?.to_owned(),
        ),
    };
    let text = zeroize::Zeroizing::new(text);
    let mut value = HeaderValue::from_str(&text).map_err(|_| RequestError::BadCredential)?;
    // Not shown by Debug, and not put into the table of HTTP/2's header compression.
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// The message's id in the Standard Webhooks sense: the same on every attempt, and another one for
/// every delivery. It is a digest, since the signed text joins its parts by full stops, which a
/// record's id may hold.
pub fn message_id(key: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(key.as_bytes());
    let mut id = String::with_capacity(36);
    id.push_str("msg_");
    for byte in digest.iter().take(16) {
        // Writing into a String can't fail.
        let _infallible = write!(id, "{byte:02x}");
    }
    id
}

/// A request as it may be shown: the credential as `***`, the URL without the values of its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Always `POST`.
    pub method: &'static str,
    /// The URL, as far as it may be shown.
    pub url: String,
    /// The headers, in the order in which they are made.
    pub headers: Vec<(String, String)>,
}

impl AttemptView {
    /// What an attempt made at `at` would send. Signatures are left out: they are shown as `***` too.
    pub fn new(webhook: &Webhook, key: &str, at: Timestamp) -> Self {
        let hidden = "***";
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("User-Agent".to_owned(), AGENT.to_owned()),
            ("Idempotency-Key".to_owned(), key.to_owned()),
        ];
        match &webhook.auth {
            AuthMethod::None => {}
            AuthMethod::Bearer => {
                headers.push(("Authorization".to_owned(), format!("Bearer {hidden}")));
            }
            AuthMethod::ApiKey => headers.push(("X-API-Key".to_owned(), hidden.to_owned())),
            AuthMethod::CustomHeader(name) => {
                headers.push((name.as_str().to_owned(), hidden.to_owned()));
            }
        }
        if webhook.signing {
            let seconds = at.as_millis().div_euclid(1000).to_string();
            headers.push(("webhook-id".to_owned(), message_id(key)));
            headers.push(("webhook-timestamp".to_owned(), seconds));
            headers.push(("webhook-signature".to_owned(), format!("v1,{hidden}")));
        }
        Self { method: "POST", url: webhook.url.masked(), headers }
    }
}
