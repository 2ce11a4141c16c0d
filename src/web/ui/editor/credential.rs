//! Credentials that were typed and are not saved yet. Nothing is stored before it is saved, so that the page itself
//! carries them from step to step: sealed, so that no page ever shows one, for the one who typed it, and for a
//! while.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::limits::DRAFT_LIFE;
use crate::domain::secret::{Sealed, Secret};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Purpose, Sealer, VaultError};

/// Who types, when, and with what it is sealed.
pub(super) struct Desk<'a> {
    pub(super) sealer: &'a dyn Sealer,
    /// What tells this person from all others.
    pub(super) who: String,
    pub(super) now: Timestamp,
}

impl Desk<'_> {
    /// Seals what was typed for the part of the form of that key.
    ///
    /// # Errors
    /// What the vault says.
    pub(super) fn seal(&self, key: Uuid, typed: &Secret) -> Result<String, VaultError> {
        let until = self.now.plus(DRAFT_LIFE).as_millis();
        // No name of somebody holds a line break: it is a kind and an id.
        let text = Zeroizing::new(format!("{}\n{until}\n{}", self.who, typed.expose()));
        let sealed = self.sealer.seal(Purpose::Draft, key, &Secret::new(text.to_string()))?;
        Ok(BASE64.encode(sealed.0))
    }

    /// What was typed; nothing where somebody else typed it, for another part of the form, too long ago, or under a
    /// master key that was replaced meanwhile.
    pub(super) fn open(&self, key: Uuid, sealed: &str) -> Option<Secret> {
        let sealed = Sealed(BASE64.decode(sealed).ok()?);
        let opened = self.sealer.open(Purpose::Draft, key, &sealed).ok()?;
        let mut parts = opened.expose().splitn(3, '\n');
        let (who, until, typed) = (parts.next()?, parts.next()?, parts.next()?);
        let until = Timestamp::from_millis(until.parse().ok()?);
        (who == self.who && self.now < until).then(|| Secret::new(typed.to_owned()))
    }
}
