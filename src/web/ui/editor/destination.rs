//! A destination as it stands in the editor's form: as it was typed, right or wrong.

use serde_json::{Map, Value, json};

use super::credential::{Credential, Desk};
use super::rows::Group;
use crate::domain::id::IntegrationId;
use crate::domain::integration::{Integration, Kind, SlackUrl};
use crate::engine::ports::VaultError;
use crate::web::api::integration_out::Settings;
use crate::web::ui::form::Form;

/// A destination in the form. Fields that its kind has no use for stay as they are in a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// Which integration it is; a new one has no id yet.
    pub(super) id: Option<String>,
    /// What its typed credential is bound to.
    pub(super) key: IntegrationId,
    pub(super) kind: Kind,
    pub(super) stage: Stage,
    pub(super) name: String,
    /// A Slack channel's as it may be shown: what is typed is its credential. Of mail the addresses, one in
    /// a line.
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
    /// What its messages say; empty for the default.
    pub(super) title: String,
    pub(super) text: String,
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

impl Stage {
    const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::New => "new",
        }
    }
}

impl Destination {
    /// A new one, with all its fields open.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            id: None,
            key: IntegrationId(uuid::Uuid::new_v4()),
            kind,
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
            title: String::new(),
            text: String::new(),
            condition: Group::default(),
        }
    }

    /// A saved one.
    pub(super) fn of(integration: &Integration) -> Self {
        let settings = Settings::of(integration);
        let typed = |text: Option<String>| text.unwrap_or_default();
        Self {
            id: Some(settings.id),
            key: integration.id,
            kind: integration.target.kind(),
            stage: Stage::Closed,
            name: settings.name,
            url: settings.to.map_or_else(|| typed(settings.url), |to| to.join("\n")),
            method: settings.auth.as_ref().map_or("none", |auth| auth.method).to_owned(),
            header_name: typed(settings.auth.and_then(|auth| auth.header_name)),
            credential: if integration.credential_set {
                Credential::Saved
            } else {
                Credential::Absent
            },
            signing: settings.signing.unwrap_or(false),
            http1_only: settings.http1_only.unwrap_or(false),
            title: typed(settings.template.as_ref().and_then(|each| each.title.clone())),
            text: typed(settings.template.and_then(|each| each.text)),
            ordering: settings.ordering.to_owned(),
            max_in_flight: typed(settings.max_in_flight.map(|count| count.to_string())),
            rate_limit: typed(settings.rate_limit.map(|count| count.to_string())),
            retry: settings.retry.map_or_else(Retry::default, |retry| Retry {
                base: typed(retry.base),
                factor: typed(retry.factor.map(|factor| factor.to_string())),
                cap: typed(retry.cap),
                horizon: typed(retry.horizon),
                jitter: typed(retry.jitter.map(|jitter| jitter.to_string())),
            }),
            condition: Group::of(settings.condition.as_ref()),
        }
    }

    /// A copy for another automation. A credential is not copied: who copies may not know it.
    pub(super) fn copied(mut self) -> Self {
        self.id = None;
        self.key = IntegrationId(uuid::Uuid::new_v4());
        self.credential = Credential::Absent;
        if self.kind == Kind::Slack {
            self.url = String::new();
        }
        self
    }

    /// Reads what a form says of the destination at `at`; nothing where it says nothing. A credential that was
    /// typed is sealed at once.
    ///
    /// # Errors
    /// The vault can't seal.
    pub(super) fn read(form: &Form, at: &str, desk: &Desk<'_>) -> Result<Option<Self>, VaultError> {
        let text = |part: &str| form.text(&format!("{at}/{part}")).trim().to_owned();
        let part = |part: &str| form.text(&format!("{at}:{part}"));
        let (Ok(key), Some(kind)) =
            (part("key").parse::<IntegrationId>(), Kind::from_word(part("kind")))
        else {
            return Ok(None);
        };
        let field = match kind {
            Kind::Webhook => format!("{at}/auth/credential"),
            Kind::Slack => format!("{at}/url"),
            // It has none.
            Kind::Email => String::new(),
        };
        let typed = form.secret(&field);
        let url = match kind {
            Kind::Webhook => text("url"),
            Kind::Email => text("to").replace("\r\n", "\n"),
            Kind::Slack if typed.expose().trim().is_empty() => part("shown").to_owned(),
            // What can't be used is told when it is looked at as a whole.
            Kind::Slack => SlackUrl::parse(typed.expose().to_owned())
                .map(|url| url.masked().to_owned())
                .unwrap_or_default(),
        };
        let credential = Credential::read(form, at, &field, key.0, desk)?;
        Ok(Some(Self {
            id: Some(text("id")).filter(|id| !id.is_empty()),
            key,
            kind,
            stage: match part("stage") {
                "open" => Stage::Open,
                "new" => Stage::New,
                _ => Stage::Closed,
            },
            name: text("name"),
            url,
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
            title: text("template/title"),
            text: form.text(&format!("{at}/template/text")).trim_end().replace("\r\n", "\n"),
            condition: Group::read(form, &format!("{at}/condition")),
        }))
    }

    /// The fields of a form that [`Destination::read`] reads as this one.
    pub(super) fn fields(&self, at: &str, into: &mut Vec<(String, String)>) {
        self.given(at, into);
        let mut add = |name: &str, text: &str| into.push((format!("{at}/{name}"), text.to_owned()));
        add("name", &self.name);
        match self.kind {
            Kind::Webhook => {
                add("url", &self.url);
                add("auth/method", &self.method);
                add("auth/header_name", &self.header_name);
            }
            Kind::Slack | Kind::Email => {
                if self.kind == Kind::Email {
                    add("to", &self.url);
                }
                add("template/title", &self.title);
                add("template/text", &self.text);
            }
        }
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
        add("kind", self.kind.word());
        if self.kind == Kind::Slack {
            add("shown", &self.url);
        }
        add("stage", self.stage.word());
        self.credential.given(at, into);
    }

    /// Whether nothing was typed yet.
    pub(super) fn is_untouched(&self) -> bool {
        let untouched = Self { key: self.key, ..Self::new(self.kind) };
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
        let mut all = match self.kind {
            Kind::Webhook => self.webhook_json(desk),
            Kind::Slack => self.slack_json(desk),
            Kind::Email => self.email_json(at, places),
        };
        let mut set = |name: &str, value: Option<Value>| {
            if let (Some(all), Some(value)) = (all.as_object_mut(), value) {
                all.insert(name.to_owned(), value);
            }
        };
        let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
        set("kind", Some(self.kind.word().into()));
        set("ordering", text(&self.ordering));
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

    fn webhook_json(&self, desk: &Desk<'_>) -> Value {
        let auth = self.credential.auth(&self.method, &self.header_name, self.key.0, desk);
        json!({
            "url": self.url,
            "auth": auth,
            "signing": self.signing,
            "http1_only": self.http1_only,
        })
    }

    fn slack_json(&self, desk: &Desk<'_>) -> Value {
        let mut all = Map::new();
        match &self.credential {
            Credential::Typed(sealed) => {
                if let Some(typed) = desk.open(self.key.0, sealed) {
                    all.insert("url".to_owned(), typed.expose().into());
                }
            }
            Credential::Saved | Credential::Replacing => {
                all.insert("url".to_owned(), self.url.as_str().into());
            }
            Credential::Absent | Credential::Removed => {}
        }
        all.extend(self.template_json());
        Value::Object(all)
    }

    /// However the addresses are parted, each fault is shown at the one field that has them all.
    fn email_json(&self, at: &str, places: &mut Vec<(String, String)>) -> Value {
        let to = self.url.split(['\n', ',', ';']).map(str::trim).filter(|part| !part.is_empty());
        let to: Vec<&str> = to.collect();
        for index in 0..to.len() {
            places.push((format!("{at}/to/{index}"), format!("{at}/to")));
        }
        let mut all = Map::new();
        all.insert("to".to_owned(), json!(to));
        all.extend(self.template_json());
        Value::Object(all)
    }

    /// What its messages say, where anything is said of it.
    pub(super) fn template_json(&self) -> Option<(String, Value)> {
        let parts = [("title", &self.title), ("text", &self.text)];
        let template: Map<String, Value> = parts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), Value::from(text.as_str())))
            .collect();
        (!template.is_empty()).then(|| ("template".to_owned(), Value::Object(template)))
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

impl Destination {
    /// Whether something is set that most destinations leave as it is.
    pub(super) fn has_advanced(&self) -> bool {
        let plain = Self::new(self.kind);
        self.ordering != plain.ordering
            || self.signing
            || self.http1_only
            || !self.max_in_flight.is_empty()
            || !self.rate_limit.is_empty()
            || self.retry != plain.retry
            || self.condition != plain.condition
    }
}
