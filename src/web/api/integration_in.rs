//! An integration as a caller sends it: every field checked, all faults told at once.

use std::time::Duration;

use serde_json::Value;

use super::integration_out;
use crate::domain::condition::{Condition, Subject};
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::{
    AuthMethod, Credential, DeliverySettings, HeaderName, HttpsUrl, Integration, Ordering, Target,
    Webhook,
};
use crate::domain::limits;
use crate::domain::schedule::RetryOverrides;
use crate::domain::secret::Secret;
use crate::web::json::{Faults, Fields, below};

/// What a caller wants an integration to be.
#[derive(Debug)]
pub(in crate::web) struct Draft {
    /// Which integration is meant, where a set of them is replaced.
    pub(in crate::web) id: Option<IntegrationId>,
    /// The pointer to it.
    pub(in crate::web) at: String,
    pub(in crate::web) name: String,
    target: Target,
    condition: Option<Condition>,
    delivery: DeliverySettings,
    credential: Wish,
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

/// What an integration becomes, and what of it must be sealed.
#[derive(Debug)]
pub(in crate::web) struct Settled {
    pub(in crate::web) integration: Integration,
    /// `None` keeps, `Some(None)` removes, `Some(Some(_))` replaces the credential.
    pub(in crate::web) credential: Option<Option<Secret>>,
    /// Whether signing was just turned on, so that a first secret is needed.
    pub(in crate::web) first_signing: bool,
}

/// Whether an address that is written in a URL as a number may be connected to; if not, why.
pub(in crate::web) type Gate<'a> = &'a dyn Fn(&HttpsUrl) -> Result<(), String>;

/// Reads one integration; what is wrong is added to `faults`.
pub(in crate::web) fn read(
    value: Value,
    at: &str,
    subject: Subject,
    faults: &mut Faults,
) -> Option<Draft> {
    let mut fields = Fields::of(value, at, faults)?;
    fields.read_only(&["automation_id", "state", "signing_secret"]);
    let id = fields.text("id", faults).and_then(|text| {
        let id = text.parse().ok();
        if id.is_none() {
            faults.add(fields.pointer("id"), "is not the id of an integration");
        }
        id
    });
    kind(&mut fields, faults);
    let url = url(&mut fields, faults);
    let name = match fields.value("name") {
        // People who add a webhook are asked for its address only.
        None => url.as_ref().map(|url| url.as_url().host_str().unwrap_or_default().to_owned()),
        Some(value) => super::name(&value, &fields.pointer("name"), faults),
    };
    let (auth, credential) = auth(&mut fields, "auth", faults);
    let condition = super::condition(&mut fields, "condition", subject, faults);
    let delivery = delivery(&mut fields, faults);
    let signing = fields.flag("signing", faults).unwrap_or(false);
    let http1_only = fields.flag("http1_only", faults).unwrap_or(false);
    fields.end(faults);
    let target = Target::Webhook(Webhook { url: url?, auth: auth?, signing, http1_only });
    Some(Draft { id, at: at.to_owned(), name: name?, target, condition, delivery, credential })
}

fn kind(fields: &mut Fields, faults: &mut Faults) {
    match fields.value("kind") {
        Some(Value::String(kind)) if kind == "webhook" => {}
        Some(_) | None => faults.add(fields.pointer("kind"), "must be \"webhook\""),
    }
}

fn url(fields: &mut Fields, faults: &mut Faults) -> Option<HttpsUrl> {
    let parsed = match fields.value("url") {
        None => Err("is missing: give the https:// URL to post alerts to".to_owned()),
        Some(Value::String(text)) => HttpsUrl::parse(&text).map_err(|error| error.to_string()),
        Some(_) => Err("must be text".to_owned()),
    };
    parsed.map_err(|why| faults.add(fields.pointer("url"), why)).ok()
}

/// An authentication method with what is wanted of its credential: the same words for what is sent and for
/// what is asked for.
pub(super) fn auth(
    fields: &mut Fields,
    name: &'static str,
    faults: &mut Faults,
) -> (Option<AuthMethod>, Wish) {
    let Some(value) = fields.value(name) else {
        return (Some(AuthMethod::None), Wish::Keep);
    };
    let Some(mut auth) = Fields::of(value, &fields.pointer(name), faults) else {
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

fn delivery(fields: &mut Fields, faults: &mut Faults) -> DeliverySettings {
    let most = u64::from(limits::MAX_IN_FLIGHT);
    let max_in_flight = fields.count("max_in_flight", (1, most), faults);
    let rate_limit = fields.count("rate_limit", (1, u64::from(limits::RATE_LIMIT)), faults);
    let ordering = match fields.text("ordering", faults).as_deref() {
        None | Some("due") => Ordering::Due,
        Some("fifo") => Ordering::Fifo,
        Some(_) => {
            faults.add(fields.pointer("ordering"), "must be one of due, fifo");
            Ordering::Due
        }
    };
    let retry = match fields.object("retry", faults) {
        Some(retry) => overrides(retry, faults),
        None => RetryOverrides::default(),
    };
    DeliverySettings {
        // Both bounds fit their types.
        max_in_flight: max_in_flight.and_then(|count| u16::try_from(count).ok()),
        ordering,
        rate_limit: rate_limit.and_then(|count| u32::try_from(count).ok()),
        retry,
    }
}

fn overrides(mut fields: Fields, faults: &mut Faults) -> RetryOverrides {
    let retry = RetryOverrides {
        base: span(&mut fields, "base", faults),
        factor: fields.number("factor", (1.0, limits::RETRY_FACTOR), faults),
        cap: span(&mut fields, "cap", faults),
        horizon: span(&mut fields, "horizon", faults),
        jitter: fields.number("jitter", (0.0, 1.0), faults),
    };
    fields.end(faults);
    retry
}

fn span(fields: &mut Fields, name: &'static str, faults: &mut Faults) -> Option<Duration> {
    let text = fields.text(name, faults)?;
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    let (least, most) = (limits::RETRY_BASE, limits::RETRY_SPAN);
    let read = span.filter(|span| (least..=most).contains(span));
    if read.is_none() {
        let (least, most) = (integration_out::duration(least), integration_out::duration(most));
        let words = format!("must be a duration from {least} to {most}, as in \"30s\" or \"2h\"");
        faults.add(fields.pointer(name), words);
    }
    read
}

impl Draft {
    /// Makes an integration of it, on top of what it was, if it was. What is wrong is added to `faults`.
    pub(in crate::web) fn settle(
        self,
        automation_id: AutomationId,
        old: Option<&Integration>,
        gate: Gate<'_>,
        faults: &mut Faults,
    ) -> Settled {
        let Target::Webhook(webhook) = &self.target;
        let before = old.map(|old| {
            let Target::Webhook(webhook) = &old.target;
            webhook
        });
        // What was saved under an older policy can be edited still; each attempt asks the policy anyway.
        if before.is_none_or(|before| before.url != webhook.url)
            && let Err(why) = gate(&webhook.url)
        {
            faults.add(below(&self.at, "url"), why);
        }
        let at = below(&below(&self.at, "auth"), "credential");
        let was_set = old.is_some_and(|old| old.credential_set);
        let credential = self.credential.settle(&webhook.auth, was_set, &at, faults);
        let first_signing = webhook.signing && !before.is_some_and(|before| before.signing);
        let credential_set = credential.as_ref().map_or(was_set, Option::is_some);
        let integration = Integration {
            id: old.map_or_else(|| IntegrationId(uuid::Uuid::new_v4()), |old| old.id),
            automation_id,
            name: self.name,
            target: self.target,
            condition: self.condition,
            delivery: self.delivery,
            credential_set,
        };
        Settled { integration, credential, first_signing }
    }
}
