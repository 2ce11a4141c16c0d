//! What an automation listens to, as it stands in the editor's form; and of a relay, how its sender must
//! prove who it is.

use serde_json::Value;
use uuid::Uuid;

use super::credential::{Credential, Desk};
use crate::domain::automation::{InboundAuth, Trigger};
use crate::domain::condition::Subject;
use crate::engine::ports::VaultError;
use crate::web::api::integration_out::Auth;
use crate::web::ui::form::Form;

/// Where it stands in the form and in JSON.
pub(super) const AT: &str = "/inbound_auth";

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Listening {
    #[default]
    Records,
    Relay,
}

impl Listening {
    pub(super) const fn of(trigger: &Trigger) -> Self {
        match trigger {
            Trigger::Records(_) => Self::Records,
            Trigger::Relay(_) => Self::Relay,
        }
    }

    pub(super) fn read(word: &str) -> Self {
        if word == "relay" { Self::Relay } else { Self::Records }
    }

    /// As in JSON.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Relay => "relay",
        }
    }

    /// What the conditions of its webhooks are asked of.
    pub(super) const fn subject(self) -> Subject {
        match self {
            Self::Records => Subject::Record,
            Self::Relay => Subject::Alert,
        }
    }
}

/// How the sender must prove who it is, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inbound {
    /// What its typed credential is bound to.
    key: Uuid,
    /// As in JSON.
    pub(super) method: String,
    pub(super) header_name: String,
    pub(super) credential: Credential,
}

impl Inbound {
    /// Nothing was chosen yet: a relay that everybody can post to should be somebody's own choice.
    pub(super) fn new() -> Self {
        Self {
            key: Uuid::new_v4(),
            method: "bearer".to_owned(),
            header_name: String::new(),
            credential: Credential::Absent,
        }
    }

    /// A saved one.
    pub(super) fn of(auth: &InboundAuth) -> Self {
        let shown = Auth::of(&auth.method, auth.credential_set);
        let saved = auth.credential_set;
        Self {
            method: shown.method.to_owned(),
            header_name: shown.header_name.unwrap_or_default(),
            credential: if saved { Credential::Saved } else { Credential::Absent },
            ..Self::new()
        }
    }

    /// A copy for another automation. A credential is not copied: who copies may not know it.
    pub(super) fn copied(self) -> Self {
        Self { key: Uuid::new_v4(), credential: Credential::Absent, ..self }
    }

    /// Reads what a form says of it.
    ///
    /// # Errors
    /// The vault can't seal.
    pub(super) fn read(form: &Form, desk: &Desk<'_>) -> Result<Self, VaultError> {
        let Ok(key) = form.text(&format!("{AT}:key")).parse() else { return Ok(Self::new()) };
        Ok(Self {
            key,
            method: form.text(&format!("{AT}/method")).trim().to_owned(),
            header_name: form.text(&format!("{AT}/header_name")).trim().to_owned(),
            credential: Credential::read(form, AT, &format!("{AT}/credential"), key, desk)?,
        })
    }

    /// The fields of a form that [`Inbound::read`] reads as this one.
    pub(super) fn fields(&self, into: &mut Vec<(String, String)>) {
        into.extend(self.given());
        into.push((format!("{AT}/method"), self.method.clone()));
        into.push((format!("{AT}/header_name"), self.header_name.clone()));
    }

    /// Those of its fields that nobody types.
    pub(super) fn given(&self) -> Vec<(String, String)> {
        let mut fields = vec![(format!("{AT}:key"), self.key.to_string())];
        self.credential.given(AT, &mut fields);
        fields
    }

    /// As the API takes it.
    pub(super) fn json(&self, desk: &Desk<'_>) -> Value {
        Value::Object(self.credential.auth(&self.method, &self.header_name, self.key, desk))
    }
}
