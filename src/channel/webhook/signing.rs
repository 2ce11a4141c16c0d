//! Standard Webhooks signatures: HMAC-SHA256 over id, time and body, one for each secret in force.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::domain::secret::Secret;

const PREFIX: &str = "whsec_";
/// Bytes of a secret that we make; the standard asks for 24 to 64.
const FRESH_BYTES: usize = 32;

/// A signing secret, ready for use.
pub struct SigningKey(hmac::Key);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// Why a text is no signing secret. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// It does not have the form.
    #[error("a signing secret is `whsec_` and 24 to 64 bytes in base64")]
    Form,
    /// The machine gave no randomness.
    #[error("the machine gave no randomness")]
    NoRandomness,
}

impl SigningKey {
    /// Reads a secret.
    pub fn parse(secret: &Secret) -> Result<Self, SigningError> {
        let text = secret.expose().strip_prefix(PREFIX).ok_or(SigningError::Form)?;
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| SigningError::Form)?);
        if !(24..=64).contains(&bytes.len()) {
            return Err(SigningError::Form);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A new secret, as text that receivers' libraries take.
    pub fn fresh() -> Result<Secret, SigningError> {
        let mut bytes = Zeroizing::new([0_u8; FRESH_BYTES]);
        SystemRandom::new().fill(bytes.as_mut()).map_err(|_| SigningError::NoRandomness)?;
        Ok(Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes.as_ref()))))
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(id.as_bytes());
        context.update(b".");
        context.update(seconds.to_string().as_bytes());
        context.update(b".");
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// The value of `webhook-signature`: a signature by each secret, parted by spaces. A receiver takes
/// any one that it knows, so that a secret can be rotated without a gap.
pub fn signatures(keys: &[SigningKey], id: &str, seconds: i64, body: &[u8]) -> String {
    let all: Vec<String> = keys.iter().map(|key| key.sign(id, seconds, body)).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own documentation.
    #[test]
    fn signs_as_the_standard_says() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let key = SigningKey::parse(&secret).unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            signatures(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for bad in ["", "whsec_", "whsec_!!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA"] {
            let parsed = SigningKey::parse(&Secret::new(bad.to_owned()));
            assert_eq!(parsed.map(|_| ()), Err(SigningError::Form), "{bad}");
        }
        assert!(SigningKey::parse(&SigningKey::fresh().unwrap()).is_ok());
    }
}
