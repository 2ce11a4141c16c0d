//! Credentials that were typed and are not saved yet. Nothing is stored before it is saved, so that the page itself
//! carries them from step to step: sealed, so that no page ever shows one, for the one who typed it, and for a
//! while.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Map, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::limits::DRAFT_LIFE;
use crate::domain::secret::{Sealed, Secret};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Purpose, Sealer, VaultError};
use crate::web::ui::form::Form;

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

/// What is to become of its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// There is none.
    Absent,
    /// One is saved, and stays.
    Saved,
    /// One is saved, and another one is being typed.
    Replacing,
    /// One was typed: here it is, sealed.
    Typed(String),
    /// The saved one goes.
    Removed,
}

impl Credential {
    /// Reads what a form says of the credential of the part at `at`, which is typed into `field`. One that was
    /// typed is sealed at once.
    ///
    /// # Errors
    /// The vault can't seal.
    pub(super) fn read(
        form: &Form,
        at: &str,
        field: &str,
        key: Uuid,
        desk: &Desk<'_>,
    ) -> Result<Self, VaultError> {
        let typed = form.secret(field);
        if !typed.expose().is_empty() {
            return Ok(Self::Typed(desk.seal(key, &typed)?));
        }
        Ok(match form.text(&format!("{at}:credential")) {
            "saved" => Self::Saved,
            "replacing" => Self::Replacing,
            "removed" => Self::Removed,
            "typed" => Self::Typed(form.text(&format!("{at}:sealed")).to_owned()),
            _ => Self::Absent,
        })
    }

    /// The fields of a form that [`Credential::read`] reads as this one.
    pub(super) fn given(&self, at: &str, into: &mut Vec<(String, String)>) {
        into.push((format!("{at}:credential"), self.word().to_owned()));
        if let Self::Typed(sealed) = self {
            into.push((format!("{at}:sealed"), sealed.clone()));
        }
    }

    /// The authentication as the API takes it. A credential that can't be opened any more is left out, so
    /// that it is asked for again.
    pub(super) fn auth(
        &self,
        method: &str,
        header_name: &str,
        key: Uuid,
        desk: &Desk<'_>,
    ) -> Map<String, Value> {
        let mut auth = Map::new();
        auth.insert("method".to_owned(), method.into());
        if method == "custom_header" {
            auth.insert("header_name".to_owned(), header_name.into());
        }
        match self {
            Self::Removed => {
                auth.insert("credential".to_owned(), Value::Null);
            }
            Self::Typed(sealed) if method != "none" => {
                if let Some(typed) = desk.open(key, sealed) {
                    auth.insert("credential".to_owned(), typed.expose().into());
                }
            }
            Self::Typed(_) | Self::Absent | Self::Saved | Self::Replacing => {}
        }
        auth
    }

    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Saved => "saved",
            Self::Replacing => "replacing",
            Self::Typed(_) => "typed",
            Self::Removed => "removed",
        }
    }
}
