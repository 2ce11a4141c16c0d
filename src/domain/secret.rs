//! Text that must never be seen: it is zeroed on drop and shows as `•••` wherever it is printed.

use std::fmt;

use zeroize::Zeroizing;

/// A credential, a signing secret or a token in the clear. It has no `Display`, no `Serialize` and no
/// `Clone`; whoever needs the text asks for it by [`Secret::expose`], which is easy to search for.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text in the clear. It belongs into a header or a key, never into a log, an error or a row.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// A secret as it lies on disk: sealed by the vault, readable only with the master key.
/// Layout: version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
