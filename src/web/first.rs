//! The code by which the first admin sets a password: 256 random bits, of which the store keeps a digest.

use super::token::{self, NoRandomness};
use crate::domain::limits::FIRST_CODE_LIFE;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::store::NewFirstCode;

/// 43 characters out of 62 hold 256 bits.
const CHARS: usize = 43;
/// The page that asks for the password.
pub const PAGE: &str = "/welcome";

/// A code, as it was made or as somebody presents it.
#[derive(Debug)]
pub struct FirstCode(Secret);

impl FirstCode {
    /// A new one.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn fresh() -> Result<Self, NoRandomness> {
        Ok(Self(Secret::new(token::random_text(CHARS)?.as_str().to_owned())))
    }

    /// Reads one; nothing where it is cut short, or no code at all.
    pub fn given(text: &str) -> Option<Self> {
        let formed = text.len() == CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        formed.then(|| Self(Secret::new(text.to_owned())))
    }

    /// What the store knows it by.
    pub fn digest(&self) -> [u8; 32] {
        token::digest(self.0.expose()).0
    }

    /// What is stored of a new one.
    pub fn stored(&self, now: Timestamp) -> NewFirstCode {
        NewFirstCode {
            digest: self.digest(),
            created_at: now,
            expires_at: now.plus(FIRST_CODE_LIFE),
        }
    }

    /// The link to the page on a service. The code is its fragment, which a browser keeps to itself: no
    /// log of a server or a proxy, and no `Referer`, ever holds it.
    pub fn link(&self, service: &str) -> Secret {
        Secret::new(format!("{}{PAGE}#{}", service.trim_end_matches('/'), self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_again_and_shown_by_its_link_alone() {
        let code = FirstCode::fresh().unwrap();
        let link = code.link("https://belfry.example.com/");
        let text = link.expose().strip_prefix("https://belfry.example.com/welcome#").unwrap();
        assert_eq!(FirstCode::given(text).unwrap().digest(), code.digest());
        assert!(!format!("{code:?} {link:?}").contains(text));
        assert_ne!(FirstCode::fresh().unwrap().digest(), code.digest());
        for other in ["", &text[1..], &format!("{text}x"), &format!("{}-", &text[1..])] {
            assert!(FirstCode::given(other).is_none(), "{other}");
        }
    }
}
