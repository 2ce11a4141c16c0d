//! What a good receiver checks of a webhook request (contract, section 2): each finding is one
//! sentence for a person. The signature is computed here anew, by none of the sender's code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::wire::Request;
use crate::domain::secret::Secret;

/// How the sender has to say who it is.
pub enum Auth {
    /// `Authorization: Bearer <credential>`
    Bearer(Secret),
    /// `X-API-Key: <credential>`
    ApiKey(Secret),
    /// `<name>: <credential>`
    Header(HeaderName, Secret),
}

/// A Standard Webhooks signing secret.
pub struct SigningSecret(Vec<u8>);

/// The text is no signing secret.
#[derive(Debug, thiserror::Error)]
#[error("a signing secret is `whsec_` and 24 to 64 bytes in base64")]
pub struct BadSigningSecret;

impl SigningSecret {
    /// Reads `whsec_` and base64.
    pub fn parse(text: &str) -> Result<Self, BadSigningSecret> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(BadSigningSecret)?;
        let key = BASE64.decode(encoded).map_err(|_| BadSigningSecret)?;
        if (24..=64).contains(&key.len()) { Ok(Self(key)) } else { Err(BadSigningSecret) }
    }
}

/// What is expected of every request beyond the contract's fixed parts.
#[derive(Default)]
pub struct Expected {
    /// The authentication; none means that it is not looked at.
    pub auth: Option<Auth>,
    /// The signing secret; none means that signatures are not looked at.
    pub signing_secret: Option<SigningSecret>,
}

/// How old or new a signed timestamp may be: what the Standard Webhooks libraries allow.
const SIGNED_WITHIN_S: i64 = 5 * 60;

/// Whether the right credential came, where one is expected.
pub(super) fn auth(expected: &Auth, headers: &HeaderMap) -> Result<(), String> {
    let (name, prefix, secret) = match expected {
        Auth::Bearer(secret) => (http::header::AUTHORIZATION, "Bearer ", secret),
        Auth::ApiKey(secret) => (HeaderName::from_static("x-api-key"), "", secret),
        Auth::Header(name, secret) => (name.clone(), "", secret),
    };
    let mut values = headers.get_all(&name).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Err(format!("{name} is missing")),
        (Some(_), Some(_)) => return Err(format!("{name} came twice")),
        (Some(value), None) => value.as_bytes(),
    };
    match value.strip_prefix(prefix.as_bytes()) {
        Some(came) if bool::from(came.ct_eq(secret.expose().as_bytes())) => Ok(()),
        Some(_) => Err(format!("{name} carries another credential")),
        None => Err(format!("{name} does not begin with `{}`", prefix.trim_end())),
    }
}

/// Whether one of the signatures is right, as Standard Webhooks has it.
pub(super) fn signature(
    secret: &SigningSecret,
    request: &Request,
    now_s: i64,
) -> Result<(), String> {
    let field = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| format!("{name} is missing"))
    };
    let (id, at, signatures) =
        (field("webhook-id")?, field("webhook-timestamp")?, field("webhook-signature")?);
    let at_s: i64 = at.parse().map_err(|_| "webhook-timestamp is not a number".to_owned())?;
    if now_s.abs_diff(at_s) > SIGNED_WITHIN_S.unsigned_abs() {
        return Err("webhook-timestamp is more than 5 minutes off".to_owned());
    }
    let right = hmac_sha256(&secret.0, &[id.as_bytes(), b".", at.as_bytes(), b".", &request.body]);
    let matches = |one: &str| {
        one.strip_prefix("v1,")
            .and_then(|encoded| BASE64.decode(encoded).ok())
            .is_some_and(|came| bool::from(came.as_slice().ct_eq(&right)))
    };
    if signatures.split(' ').any(matches) {
        Ok(())
    } else {
        Err("webhook-signature holds no right signature".to_owned())
    }
}

/// HMAC as RFC 2104 defines it.
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // The key is at most one block long: see `SigningSecret::parse`.
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        block
    };
    let mut inner = Sha256::new_with_prefix(pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    let outer = Sha256::new_with_prefix(pad(0x5c)).chain_update(inner.finalize());
    outer.finalize().into()
}

/// What the fixed headers get wrong.
pub(super) fn headers(headers: &HeaderMap, problems: &mut Vec<String>) {
    for (name, right) in [
        (http::header::CONTENT_TYPE, "application/json"),
        (http::header::USER_AGENT, "SupportEscalationAutomation/1.0"),
    ] {
        match headers.get(&name) {
            Some(value) if value.as_bytes() == right.as_bytes() => {}
            Some(value) => problems.push(format!(
                "{name} is `{}` instead of `{right}`",
                value.as_bytes().escape_ascii()
            )),
            None => problems.push(format!("{name} is missing")),
        }
    }
}

/// What the Idempotency-Key gets wrong, by itself and against the body that it stands for.
pub(super) fn key(key: Option<&str>, ids: Option<(&str, &str)>, problems: &mut Vec<String>) {
    let Some(key) = key else {
        problems.push("Idempotency-Key is missing, or not in visible ASCII".to_owned());
        return;
    };
    let mut parts = key.splitn(3, ':');
    let (automation, integration, record) = match (parts.next(), parts.next(), parts.next()) {
        (Some(a), Some(i), Some(r)) if !a.is_empty() && !i.is_empty() && !r.is_empty() => (a, i, r),
        _ => {
            problems.push(
                "Idempotency-Key is not <automation_id>:<integration_id>:<record_id>".to_owned(),
            );
            return;
        }
    };
    if uuid::Uuid::try_parse(integration).is_err() {
        problems.push("the integration's id in Idempotency-Key is not a UUID".to_owned());
    }
    if let Some((automation_id, record_id)) = ids {
        if decoded(automation) != automation_id.as_bytes() {
            problems.push("Idempotency-Key names another automation than the body".to_owned());
        }
        if decoded(record) != record_id.as_bytes() {
            problems.push("Idempotency-Key names another record than the body".to_owned());
        }
    }
}

/// Percent-encoded text as the bytes that it stands for.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    bytes
}
