//! An integration as a caller sends it: every field checked, all faults told at once.

use std::time::Duration;

use serde_json::Value;

use super::integration_out;
use super::target_in::{self, SettledTarget, TargetDraft};
use crate::domain::condition::{Condition, Subject};
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::{DeliverySettings, HttpsUrl, Integration, Ordering};
use crate::domain::limits;
use crate::domain::schedule::RetryOverrides;
use crate::domain::secret::Secret;
use crate::web::json::{Faults, Fields};

/// What a caller wants an integration to be.
#[derive(Debug)]
pub(in crate::web) struct Draft {
    /// Which integration is meant, where a set of them is replaced.
    pub(in crate::web) id: Option<IntegrationId>,
    /// The pointer to it.
    pub(in crate::web) at: String,
    pub(in crate::web) name: String,
    target: TargetDraft,
    condition: Option<Condition>,
    delivery: DeliverySettings,
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
    let target = target_in::read(&mut fields, faults);
    let name = match fields.value("name") {
        // People who add a destination need not name it.
        None => target.as_ref().map(TargetDraft::own_name),
        Some(value) => super::name(&value, &fields.pointer("name"), faults),
    };
    let condition = super::condition(&mut fields, "condition", subject, faults);
    let delivery = delivery(&mut fields, faults);
    fields.end(faults);
    Some(Draft { id, at: at.to_owned(), name: name?, target: target?, condition, delivery })
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
        let SettledTarget { target, credential } = self.target.settle(&self.at, old, gate, faults);
        let first_signing = target.signs() && !old.is_some_and(|old| old.target.signs());
        let was_set = old.is_some_and(|old| old.credential_set);
        let credential_set = credential.as_ref().map_or(was_set, Option::is_some);
        let integration = Integration {
            id: old.map_or_else(|| IntegrationId(uuid::Uuid::new_v4()), |old| old.id),
            automation_id,
            name: self.name,
            target,
            condition: self.condition,
            delivery: self.delivery,
            credential_set,
        };
        Settled { integration, credential, first_signing }
    }
}
