//! Where alerts shall go, as a caller sends it: the fields of one kind. Those of the others are refused.

use serde_json::Value;

use super::integration_in::Gate;
use crate::domain::integration::{
    Addresses, AuthMethod, Credential, Email, HeaderName, HttpsUrl, Integration, Kind, Slack,
    SlackUrl, Target, Webhook,
};
use crate::domain::recipient::EmailAddress;
use crate::domain::secret::Secret;
use crate::domain::template::Template;
use crate::domain::wording::Templates;
use crate::web::json::{Faults, Fields, below};

/// Where a caller wants alerts to go.
#[derive(Debug)]
pub(super) enum TargetDraft {
    Webhook { webhook: Webhook, credential: Wish },
    Slack { url: SlackWish, templates: Templates },
    Email(Email),
}

/// What a caller wants of a credential.
#[derive(Debug)]
pub(super) enum Wish {
    /// It was not spoken of.
    Keep,
    /// `null`: it is to go.
    Remove,
    /// It is to be this.
    Set(Secret),
}

impl Wish {
    /// What becomes of the stored credential under that method: `None` keeps it, `Some(None)` removes it.
    pub(super) fn settle(
        self,
        method: &AuthMethod,
        was_set: bool,
        at: &str,
        faults: &mut Faults,
    ) -> Option<Option<Secret>> {
        match (self, method) {
            (Self::Set(_), AuthMethod::None) => {
                faults.add(at, "is not sent by the method none: leave it out");
                None
            }
            (Self::Keep | Self::Remove, AuthMethod::None) => was_set.then_some(None),
            (Self::Set(secret), _) => Some(Some(secret)),
            (Self::Keep, _) if was_set => None,
            (Self::Keep | Self::Remove, _) => {
                faults.add(at, "is missing: this method sends a credential");
                None
            }
        }
    }
}

/// What a caller wants of a Slack channel's URL.
#[derive(Debug)]
pub(super) enum SlackWish {
    /// It came as it is shown: the one that is stored stays.
    Keep(String),
    /// It is to be this.
    Set(SlackUrl),
}

/// Where alerts go from now on, and what of it must be sealed.
#[derive(Debug)]
pub(super) struct SettledTarget {
    pub(super) target: Target,
    /// `None` keeps, `Some(None)` removes, `Some(Some(_))` replaces the credential.
    pub(super) credential: Option<Option<Secret>>,
}

/// Reads the fields of its kind.
pub(super) fn read(fields: &mut Fields, faults: &mut Faults) -> Option<TargetDraft> {
    let kind = kind(fields, faults);
    let url = fields.value("url");
    let auth = fields.value("auth");
    let signing = fields.flag("signing", faults);
    let http1_only = fields.flag("http1_only", faults);
    let template = fields.value("template");
    let to = fields.value("to");
    let given = [
        ("url", url.is_some(), &[Kind::Webhook, Kind::Slack][..]),
        ("auth", auth.is_some(), &[Kind::Webhook]),
        ("signing", signing.is_some(), &[Kind::Webhook]),
        ("http1_only", http1_only.is_some(), &[Kind::Webhook]),
        ("template", template.is_some(), &[Kind::Slack, Kind::Email]),
        ("to", to.is_some(), &[Kind::Email]),
    ];
    for (name, is_given, kinds) in given {
        if let Some(kind) = kind.filter(|kind| is_given && !kinds.contains(kind)) {
            let words = format!("is not for the kind {}: leave it out", kind.word());
            faults.add(fields.pointer(name), words);
        }
    }
    // Where nobody can say what is meant, the rest is looked at as if it were the usual kind.
    match kind.unwrap_or(Kind::Webhook) {
        Kind::Webhook => {
            let url = https(url, &fields.pointer("url"), faults);
            let (auth, credential) = read_auth(auth, &fields.pointer("auth"), faults);
            let webhook = Webhook {
                url: url?,
                auth: auth?,
                signing: signing.unwrap_or(false),
                http1_only: http1_only.unwrap_or(false),
            };
            kind.map(|_| TargetDraft::Webhook { webhook, credential })
        }
        Kind::Slack => {
            let url = slack(url, &fields.pointer("url"), faults);
            let templates = templates(template, &fields.pointer("template"), faults);
            Some(TargetDraft::Slack { url: url?, templates: templates? })
        }
        Kind::Email => {
            let to = addresses(to, &fields.pointer("to"), faults);
            let templates = templates(template, &fields.pointer("template"), faults);
            Some(TargetDraft::Email(Email { to: to?, templates: templates? }))
        }
    }
}

/// What kind of integration is meant.
pub(super) fn kind(fields: &mut Fields, faults: &mut Faults) -> Option<Kind> {
    let kind = fields.value("kind").as_ref().and_then(Value::as_str).and_then(Kind::from_word);
    if kind.is_none() {
        let words = Kind::ALL.map(Kind::word).join(", ");
        faults.add(fields.pointer("kind"), format!("must be one of {words}"));
    }
    kind
}

fn https(value: Option<Value>, at: &str, faults: &mut Faults) -> Option<HttpsUrl> {
    let parsed = match value {
        None => Err("is missing: give the https:// URL to post alerts to".to_owned()),
        Some(Value::String(text)) => HttpsUrl::parse(&text).map_err(|error| error.to_string()),
        Some(_) => Err("must be text".to_owned()),
    };
    parsed.map_err(|why| faults.add(at, why)).ok()
}

fn slack(value: Option<Value>, at: &str, faults: &mut Faults) -> Option<SlackWish> {
    let parsed = match value {
        None => Err("is missing: give the webhook URL that Slack shows".to_owned()),
        // None of Slack's own has it: it is what was read here.
        Some(Value::String(text)) if text.ends_with('…') => Ok(SlackWish::Keep(text)),
        Some(Value::String(text)) => {
            SlackUrl::parse(text).map(SlackWish::Set).map_err(|error| error.to_string())
        }
        Some(_) => Err("must be text".to_owned()),
    };
    parsed.map_err(|why| faults.add(at, why)).ok()
}

fn addresses(value: Option<Value>, at: &str, faults: &mut Faults) -> Option<Addresses> {
    let Some(Value::Array(all)) = value else {
        let words = match value {
            None => "is missing: give the addresses that alerts are mailed to",
            Some(_) => "must be a list of mail addresses",
        };
        faults.add(at, words);
        return None;
    };
    let mut parsed = Vec::with_capacity(all.len());
    let mut whole = true;
    for (index, each) in all.iter().enumerate() {
        let address = match each {
            Value::String(text) => EmailAddress::parse(text).map_err(|error| error.to_string()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Err("must be text".to_owned()),
        };
        match address {
            Ok(address) => parsed.push(address),
            Err(why) => {
                whole = false;
                faults.add(format!("{at}/{index}"), why);
            }
        }
    }
    if !whole {
        return None;
    }
    Addresses::new(parsed).map_err(|error| faults.add(at, error.to_string())).ok()
}

/// Templates; a name that is not there has the default.
pub(in crate::web) fn templates(
    value: Option<Value>,
    at: &str,
    faults: &mut Faults,
) -> Option<Templates> {
    let Some(value) = value else { return Some(Templates::default()) };
    let mut fields = Fields::of(value, at, faults)?;
    let mut part = |name: &'static str, faults: &mut Faults| {
        let text = fields.text(name, faults).filter(|text| !text.trim().is_empty())?;
        let parsed = Template::parse(&text);
        parsed.map_err(|error| faults.add(fields.pointer(name), error.to_string())).ok()
    };
    let templates = Templates { title: part("title", faults), text: part("text", faults) };
    fields.end(faults);
    Some(templates)
}

/// An authentication method with what is wanted of its credential: the same words for what is sent and for
/// what is asked for.
pub(super) fn read_auth(
    value: Option<Value>,
    at: &str,
    faults: &mut Faults,
) -> (Option<AuthMethod>, Wish) {
    let Some(value) = value else {
        return (Some(AuthMethod::None), Wish::Keep);
    };
    let Some(mut auth) = Fields::of(value, at, faults) else {
        return (None, Wish::Keep);
    };
    auth.read_only(&["credential_set"]);
    let header_name = auth.value("header_name");
    let pointer = auth.pointer("header_name");
    let method = match auth.value("method").as_ref().and_then(Value::as_str) {
        Some("none") => Some(AuthMethod::None),
        Some("bearer") => Some(AuthMethod::Bearer),
        Some("api_key") => Some(AuthMethod::ApiKey),
        Some("custom_header") => {
            let name = custom_header(header_name.as_ref());
            name.map_err(|why| faults.add(&pointer, why)).ok().map(AuthMethod::CustomHeader)
        }
        Some(_) | None => {
            let words = "must be one of none, bearer, api_key, custom_header";
            faults.add(auth.pointer("method"), words);
            None
        }
    };
    if matches!(method, Some(AuthMethod::None | AuthMethod::Bearer | AuthMethod::ApiKey))
        && header_name.is_some()
    {
        faults.add(pointer, "is for the method custom_header only: leave it out");
    }
    let credential = credential(auth.raw("credential"), &auth.pointer("credential"), faults);
    auth.end(faults);
    (method, credential)
}

fn custom_header(value: Option<&Value>) -> Result<HeaderName, String> {
    match value.map(Value::as_str) {
        None => Err("is missing: name the header that carries the credential".to_owned()),
        Some(None) => Err("must be text".to_owned()),
        Some(Some(text)) => HeaderName::parse(text).map_err(|error| error.to_string()),
    }
}

fn credential(value: Option<Value>, at: &str, faults: &mut Faults) -> Wish {
    match value {
        None => Wish::Keep,
        Some(Value::Null) => Wish::Remove,
        Some(Value::String(text)) => {
            let parsed = Credential::parse(text).map_err(|error| faults.add(at, error.to_string()));
            // Whatever was meant, that one is missing is not to be said beside it.
            Wish::Set(parsed.unwrap_or_else(|()| Secret::new(String::new())))
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            faults.add(at, "must be text");
            Wish::Set(Secret::new(String::new()))
        }
    }
}

impl TargetDraft {
    const fn kind(&self) -> Kind {
        match self {
            Self::Webhook { .. } => Kind::Webhook,
            Self::Slack { .. } => Kind::Slack,
            Self::Email(_) => Kind::Email,
        }
    }

    /// What it is called where nobody says.
    pub(super) fn own_name(&self) -> String {
        match self {
            Self::Webhook { webhook, .. } => {
                webhook.url.as_url().host_str().unwrap_or_default().to_owned()
            }
            Self::Slack { .. } => "Slack".to_owned(),
            Self::Email(_) => "Email".to_owned(),
        }
    }

    /// Makes a target of it, on top of what the integration was, if it was. What is wrong is added to
    /// `faults`.
    pub(super) fn settle(
        self,
        at: &str,
        old: Option<&Integration>,
        gate: Gate<'_>,
        faults: &mut Faults,
    ) -> SettledTarget {
        if old.is_some_and(|old| old.target.kind() != self.kind()) {
            let words = "can't be changed: add another integration, and delete this one";
            faults.add(below(at, "kind"), words);
        }
        match self {
            Self::Webhook { webhook, credential } => {
                settle_webhook(webhook, credential, at, old, gate, faults)
            }
            Self::Slack { url, templates } => settle_slack(url, templates, at, old, gate, faults),
            Self::Email(email) => SettledTarget { target: Target::Email(email), credential: None },
        }
    }
}

fn settle_webhook(
    webhook: Webhook,
    wish: Wish,
    at: &str,
    old: Option<&Integration>,
    gate: Gate<'_>,
    faults: &mut Faults,
) -> SettledTarget {
    let before = old.and_then(|old| old.target.webhook());
    // What was saved under an older policy can be edited still; each attempt asks the policy anyway.
    if before.is_none_or(|before| before.url != webhook.url)
        && let Err(why) = gate(&webhook.url)
    {
        faults.add(below(at, "url"), why);
    }
    let at = below(&below(at, "auth"), "credential");
    let was_set = old.is_some_and(|old| old.credential_set);
    let credential = wish.settle(&webhook.auth, was_set, &at, faults);
    SettledTarget { target: Target::Webhook(webhook), credential }
}

fn settle_slack(
    url: SlackWish,
    templates: Templates,
    at: &str,
    old: Option<&Integration>,
    gate: Gate<'_>,
    faults: &mut Faults,
) -> SettledTarget {
    let at = below(at, "url");
    let (shown, credential) = match url {
        SlackWish::Keep(shown) => {
            let same = old.is_some_and(|old| old.credential_set && old.target.address() == shown);
            if !same {
                faults.add(at, "is only what is shown of a URL: give the whole one");
            }
            (shown, None)
        }
        SlackWish::Set(url) => {
            let allowed = url.as_https().map_err(|error| error.to_string());
            if let Err(why) = allowed.and_then(|url| gate(&url)) {
                faults.add(at, why);
            }
            (url.masked().to_owned(), Some(Some(url.into_secret())))
        }
    };
    SettledTarget { target: Target::Slack(Slack { shown, templates }), credential }
}
