//! API tokens: `bfy_<right>_<id>_<secret>_<checksum>`.
//!
//! The prefix lets secret scanners find a token that leaked, the checksum tells a mistyped one without
//! asking the store. The store keeps the id and a digest of the secret: 256 random bits need no slow hash.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;

const PREFIX: &str = "bfy";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_CHARS: usize = 8;
/// 43 characters out of 62 hold 256 bits.
const SECRET_CHARS: usize = 43;

/// What a token lets its bearer do: one of three roles, or handing records in and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Hand records in; nothing else.
    Ingest,
    /// Look.
    Viewer,
    /// Automations, integrations, retries.
    Editor,
    /// People, tokens, keys.
    Admin,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Viewer, Self::Editor, Self::Admin];

    /// The word in rows, API, tokens and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// What that word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.word() == word)
    }
}

/// The machine gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the machine gave no randomness")]
pub struct NoRandomness;

/// SHA-256 of a token's secret, as it is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest(pub [u8; 32]);

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

/// A token that was just made. Its text is shown once and kept nowhere.
#[derive(Debug)]
pub struct Minted {
    /// What its bearer presents.
    pub text: Secret,
    /// What it is called in lists, and looked up by.
    pub id: String,
    /// What is stored.
    pub digest: TokenDigest,
}

/// Makes a token.
///
/// # Errors
/// Where there is no randomness.
pub fn mint(right: Right) -> Result<Minted, NoRandomness> {
    let id = random_text(ID_CHARS)?;
    let secret = random_text(SECRET_CHARS)?;
    let unchecked =
        Zeroizing::new(format!("{PREFIX}_{}_{}_{}", right.word(), id.as_str(), secret.as_str()));
    let text =
        Secret::new(format!("{}_{:08x}", unchecked.as_str(), checksum(unchecked.as_bytes())));
    Ok(Minted { text, id: id.as_str().to_owned(), digest: digest(&secret) })
}

/// A token as somebody presents it: well formed, and not yet known to be one of ours.
#[derive(Debug)]
pub struct Presented {
    /// What to look it up by.
    pub id: String,
    digest: TokenDigest,
}

impl Presented {
    /// Reads a token; nothing where it is mistyped, cut short, or no token at all.
    pub fn parse(text: &str) -> Option<Self> {
        let (unchecked, sum) = text.rsplit_once('_')?;
        let fits =
            sum.len() == 8 && u32::from_str_radix(sum, 16) == Ok(checksum(unchecked.as_bytes()));
        let mut parts = unchecked.split('_');
        let (prefix, right) = (parts.next()?, parts.next()?);
        let (id, secret) = (parts.next()?, parts.next()?);
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let formed = prefix == PREFIX
            && Right::from_word(right).is_some()
            && id.len() == ID_CHARS
            && secret.len() == SECRET_CHARS
            && plain(id)
            && plain(secret)
            && parts.next().is_none();
        (fits && formed).then(|| Self { id: id.to_owned(), digest: digest(secret) })
    }

    /// Whether it is the token of that digest. It takes the same time wherever they differ.
    pub fn is(&self, stored: &TokenDigest) -> bool {
        self.digest.0.ct_eq(&stored.0).into()
    }
}

/// SHA-256, as it is stored of a text of much randomness.
pub(super) fn digest(secret: &str) -> TokenDigest {
    TokenDigest(Sha256::digest(secret.as_bytes()).into())
}

/// So many random letters and digits.
pub(in crate::web) fn random_text(chars: usize) -> Result<Zeroizing<String>, NoRandomness> {
    let random = SystemRandom::new();
    let mut text = Zeroizing::new(String::with_capacity(chars));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < chars {
        random.fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
        // 248 is the largest multiple of 62 below 256: what is above would favour some letters.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let letters = fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        let missing = chars - text.len();
        text.extend(letters.take(missing).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

/// CRC-32 (ISO-HDLC), bit by bit: a token has some 70 bytes.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let low = sum & 1;
            sum = (sum >> 1) ^ (0xEDB8_8320 * low);
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_token_is_known_again_and_no_other_is() {
        let (one, other) = (mint(Right::Ingest).unwrap(), mint(Right::Admin).unwrap());
        assert!(one.text.expose().starts_with(&format!("bfy_ingest_{}_", one.id)));
        let presented = Presented::parse(one.text.expose()).unwrap();
        assert_eq!(presented.id, one.id);
        assert!(presented.is(&one.digest));
        assert!(!presented.is(&other.digest));
    }

    #[test]
    fn f6_what_is_no_token_is_told_without_the_store() {
        let text = mint(Right::Viewer).unwrap().text;
        let text = text.expose();
        for end in 0..text.len() {
            assert!(Presented::parse(&text[..end]).is_none(), "cut at {end}");
        }
        for (index, byte) in text.bytes().enumerate() {
            let other = if byte == b'x' { 'y' } else { 'x' };
            let mut changed = text.to_owned();
            changed.replace_range(index..=index, &other.to_string());
            assert!(Presented::parse(&changed).is_none(), "changed at {index}");
        }
        for wrong in ["", "_", "____", "bfy_admin_a_b_00000000", "Bearer x", "bfy_admin_é"] {
            assert!(Presented::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let minted = mint(Right::Editor).unwrap();
        let shown = format!("{minted:?} {:?}", Presented::parse(minted.text.expose()));
        let secret = minted.text.expose().split('_').nth(3).unwrap();
        assert!(!shown.contains(secret));
    }
}
