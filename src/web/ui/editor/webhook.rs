//! A webhook as it stands in the editor's form: as it was typed, right or wrong.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::credential::Desk;
use super::rows::Group;
use crate::domain::id::IntegrationId;
use crate::domain::integration::Integration;
use crate::engine::ports::VaultError;
use crate::web::api::integration_out::Settings;
use crate::web::ui::form::Form;

/// A webhook in the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Webhook {
    /// Which integration it is; a new one has no id yet.
    pub(super) id: Option<String>,
    /// What its typed credential is bound to.
    pub(super) key: IntegrationId,
    pub(super) stage: Stage,
    pub(super) name: String,
    pub(super) url: String,
    /// As in JSON.
    pub(super) method: String,
    pub(super) header_name: String,
    pub(super) credential: Credential,
    pub(super) signing: bool,
    pub(super) http1_only: bool,
    /// As in JSON.
    pub(super) ordering: String,
    pub(super) max_in_flight: String,
    pub(super) rate_limit: String,
    pub(super) retry: Retry,
    pub(super) condition: Group,
}

/// Where the schedule differs from the service's, as typed; empty where it does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Retry {
    pub(super) base: String,
    pub(super) factor: String,
    pub(super) cap: String,
    pub(super) horizon: String,
    pub(super) jitter: String,
}

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// As a card.
    Closed,
    /// With all its fields, and it was in the list before.
    Open,
    /// With all its fields, and not in the list yet.
    New,
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
    /// Reads what a form says of the credential of the part at `at`, whose authentication is at `auth`. One
    /// that was typed is sealed at once.
    ///
    /// # Errors
    /// The vault can't seal.
    pub(super) fn read(
        form: &Form,
        at: &str,
        auth: &str,
        key: Uuid,
        desk: &Desk<'_>,
    ) -> Result<Self, VaultError> {
        let typed = form.secret(&format!("{auth}/credential"));
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

impl Stage {
    const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::New => "new",
        }
    }
}

impl Webhook {
    /// A new one, with all its fields open.
    pub(super) fn new() -> Self {
        Self {
            id: None,
            key: IntegrationId(uuid::Uuid::new_v4()),
            stage: Stage::New,
            name: String::new(),
            url: String::new(),
            method: "none".to_owned(),
            header_name: String::new(),
            credential: Credential::Absent,
            signing: false,
            http1_only: false,
            ordering: "due".to_owned(),
            max_in_flight: String::new(),
            rate_limit: String::new(),
            retry: Retry::default(),
            condition: Group::default(),
        }
    }

    /// A saved one.
    pub(super) fn of(integration: &Integration) -> Self {
        let settings = Settings::of(integration);
        let number = |number: Option<String>| number.unwrap_or_default();
        Self {
            id: Some(settings.id),
            key: integration.id,
            stage: Stage::Closed,
            name: settings.name,
            url: settings.url,
            method: settings.auth.method.to_owned(),
            header_name: settings.auth.header_name.unwrap_or_default(),
            credential: if settings.auth.credential_set {
                Credential::Saved
            } else {
                Credential::Absent
            },
            signing: settings.signing,
            http1_only: settings.http1_only,
            ordering: settings.ordering.to_owned(),
            max_in_flight: number(settings.max_in_flight.map(|count| count.to_string())),
            rate_limit: number(settings.rate_limit.map(|count| count.to_string())),
            retry: settings.retry.map_or_else(Retry::default, |retry| Retry {
                base: number(retry.base),
                factor: number(retry.factor.map(|factor| factor.to_string())),
                cap: number(retry.cap),
                horizon: number(retry.horizon),
                jitter: number(retry.jitter.map(|jitter| jitter.to_string())),
            }),
            condition: Group::of(settings.condition.as_ref()),
        }
    }

    /// A copy for another automation. A credential is not copied: who copies may not know it.
    pub(super) fn copied(mut self) -> Self {
        self.id = None;
        self.key = IntegrationId(uuid::Uuid::new_v4());
        self.credential = Credential::Absent;
        self
    }

    /// Reads what a form says of the webhook at `at`; nothing where it says nothing. A credential that was
    /// typed is sealed at once.
    ///
    /// # Errors
    /// The vault can't seal.
    pub(super) fn read(form: &Form, at: &str, desk: &Desk<'_>) -> Result<Option<Self>, VaultError> {
        let text = |part: &str| form.text(&format!("{at}/{part}")).trim().to_owned();
        let part = |part: &str| form.text(&format!("{at}:{part}"));
        let Ok(key) = part("key").parse::<IntegrationId>() else { return Ok(None) };
        let credential = Credential::read(form, at, &format!("{at}/auth"), key.0, desk)?;
        Ok(Some(Self {
            id: Some(text("id")).filter(|id| !id.is_empty()),
            key,
            stage: match part("stage") {
                "open" => Stage::Open,
                "new" => Stage::New,
                _ => Stage::Closed,
            },
            name: text("name"),
            url: text("url"),
            method: text("auth/method"),
            header_name: text("auth/header_name"),
            credential,
            signing: form.has(&format!("{at}/signing")),
            http1_only: form.has(&format!("{at}/http1_only")),
            ordering: text("ordering"),
            max_in_flight: text("max_in_flight"),
            rate_limit: text("rate_limit"),
            retry: Retry {
                base: text("retry/base"),
                factor: text("retry/factor"),
                cap: text("retry/cap"),
                horizon: text("retry/horizon"),
                jitter: text("retry/jitter"),
            },
            condition: Group::read(form, &format!("{at}/condition")),
        }))
    }

    /// The fields of a form that [`Webhook::read`] reads as this one.
    pub(super) fn fields(&self, at: &str, into: &mut Vec<(String, String)>) {
        self.given(at, into);
        let mut add = |name: &str, text: &str| into.push((format!("{at}/{name}"), text.to_owned()));
        add("name", &self.name);
        add("url", &self.url);
        add("auth/method", &self.method);
        add("auth/header_name", &self.header_name);
        for (name, is_on) in [("signing", self.signing), ("http1_only", self.http1_only)] {
            if is_on {
                add(name, "on");
            }
        }
        add("ordering", &self.ordering);
        add("max_in_flight", &self.max_in_flight);
        add("rate_limit", &self.rate_limit);
        let Retry { base, factor, cap, horizon, jitter } = &self.retry;
        for (name, text) in [
            ("base", base),
            ("factor", factor),
            ("cap", cap),
            ("horizon", horizon),
            ("jitter", jitter),
        ] {
            add(&format!("retry/{name}"), text);
        }
        self.condition.fields(&format!("{at}/condition"), into);
    }

    /// Those of its fields that nobody types.
    pub(super) fn given(&self, at: &str, into: &mut Vec<(String, String)>) {
        if let Some(id) = &self.id {
            into.push((format!("{at}/id"), id.clone()));
        }
        let mut add = |name: &str, text: &str| into.push((format!("{at}:{name}"), text.to_owned()));
        add("key", &self.key.to_string());
        add("stage", self.stage.word());
        self.credential.given(at, into);
    }

    /// Whether nothing was typed yet.
    pub(super) fn is_untouched(&self) -> bool {
        let untouched = Self { key: self.key, ..Self::new() };
        *self == untouched
    }

    /// Whether a method is chosen that sends a credential.
    pub(super) fn sends_credential(&self) -> bool {
        self.method != "none"
    }

    /// The integration as the API takes it.
    pub(super) fn json(
        &self,
        at: &str,
        desk: &Desk<'_>,
        places: &mut Vec<(String, String)>,
    ) -> Value {
        let auth = self.credential.auth(&self.method, &self.header_name, self.key.0, desk);
        let mut all = json!({
            "kind": "webhook",
            "url": self.url,
            "auth": auth,
            "signing": self.signing,
            "http1_only": self.http1_only,
            "ordering": self.ordering,
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let (Some(all), Some(value)) = (all.as_object_mut(), value) {
                all.insert(name.to_owned(), value);
            }
        };
        let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
        set("id", self.id.as_deref().and_then(text));
        set("name", text(&self.name));
        set("max_in_flight", number(&self.max_in_flight));
        set("rate_limit", number(&self.rate_limit));
        let condition = format!("{at}/condition");
        set("condition", self.condition.json(&condition, &condition, places));
        let Retry { base, factor, cap, horizon, jitter } = &self.retry;
        let retry: Map<String, Value> = [
            ("base", text(base)),
            ("factor", number(factor)),
            ("cap", text(cap)),
            ("horizon", text(horizon)),
            ("jitter", number(jitter)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        set("retry", (!retry.is_empty()).then_some(Value::Object(retry)));
        all
    }
}

/// A number where it is one; what else was typed is refused by who reads it.
fn number(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    let whole = text.parse::<u64>().ok().map(Value::from);
    let number = whole.or_else(|| text.parse::<f64>().ok().map(Value::from));
    Some(number.unwrap_or_else(|| Value::from(text)))
}

impl Webhook {
    /// Whether something is set that most webhooks leave as it is.
    pub(super) fn has_advanced(&self) -> bool {
        let plain = Self::new();
        self.ordering != plain.ordering
            || self.signing
            || self.http1_only
            || !self.max_in_flight.is_empty()
            || !self.rate_limit.is_empty()
            || self.retry != plain.retry
            || self.condition != plain.condition
    }
}
