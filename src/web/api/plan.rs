//! From what a caller wants to what the store is asked: ids are given, secrets are sealed, and first
//! signing secrets are made.

use std::collections::BTreeMap;

use super::automation_in::{AutomationDraft, TriggerDraft};
use super::integration_in::{Draft, Settled};
use crate::domain::automation::{Automation, InboundAuth, Trigger};
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::Integration;
use crate::domain::secret::Secret;
use crate::engine::ports::{Edit, Once, Purpose, SealChange, Seals};
use crate::web::WebState;
use crate::web::error::Problem;
use crate::web::json::{Faults, below};

/// What changes, with its secrets in the clear still.
#[derive(Debug)]
pub(in crate::web) struct Plan {
    pub(in crate::web) automation: Automation,
    pub(in crate::web) settled: Vec<Settled>,
    /// What becomes of a relay's inbound credential: `None` keeps, `Some(None)` removes it.
    pub(in crate::web) inbound: Option<Option<Secret>>,
}

/// The same with its secrets sealed.
#[derive(Debug)]
pub(in crate::web) struct Ready {
    pub(in crate::web) automation: Automation,
    seals: Vec<Seals>,
    inbound: SealChange,
}

/// Secrets that this call made, to be shown once.
pub(in crate::web) type Fresh = BTreeMap<IntegrationId, Secret>;

/// An automation made of what a caller wants, on top of what it was, if it was.
pub(in crate::web) fn plan(
    draft: AutomationDraft,
    old: Option<&Automation>,
    state: &WebState,
    faults: &mut Faults,
) -> Plan {
    let id = old.map_or_else(|| AutomationId(uuid::Uuid::new_v4()), |old| old.id);
    let (trigger, inbound) =
        listening(draft.trigger, old.map(|old| &old.trigger), &draft.at, faults);
    let mut settled = Vec::new();
    for each in draft.integrations {
        let before = before(&each, old, faults);
        settled.push(each.settle(id, before, &*state.gate, faults));
    }
    let automation = Automation {
        id,
        name: draft.name,
        active: draft.active,
        trigger,
        integrations: settled.iter().map(|each| each.integration.clone()).collect(),
        version: old.map_or(1, |old| old.version),
    };
    Plan { automation, settled, inbound }
}

/// What it listens to, and what becomes of the credential that it asks for.
fn listening(
    draft: TriggerDraft,
    old: Option<&Trigger>,
    at: &str,
    faults: &mut Faults,
) -> (Trigger, Option<Option<Secret>>) {
    let was_set = match old {
        Some(Trigger::Relay(old)) => old.credential_set,
        Some(Trigger::Records(_)) | None => false,
    };
    let (trigger, credential) = match draft {
        TriggerDraft::Records(watch) => (Trigger::Records(watch), None),
        TriggerDraft::Relay { method, credential } => {
            let at = below(&below(at, "inbound_auth"), "credential");
            let credential = credential.settle(&method, was_set, &at, faults);
            let credential_set = credential.as_ref().map_or(was_set, Option::is_some);
            (Trigger::Relay(InboundAuth { method, credential_set }), credential)
        }
    };
    if let Some(old) = old.filter(|old| old.word() != trigger.word()) {
        let words = format!("is {} and can't be changed: make a new automation", old.word());
        faults.add(below(at, "trigger"), words);
    }
    (trigger, credential)
}

/// What the integration was. Ids are Belfry's to give: in a new automation one that was copied from
/// another means nothing, in an old one it must be its own.
fn before<'a>(
    draft: &Draft,
    old: Option<&'a Automation>,
    faults: &mut Faults,
) -> Option<&'a Integration> {
    let (id, old) = (draft.id?, old?);
    let before = old.integrations.iter().find(|each| each.id == id);
    if before.is_none() {
        let words = "is no integration of this automation: leave the id out to add a new one";
        faults.add(below(&draft.at, "id"), words);
    }
    before
}

impl Plan {
    /// Seals what is secret.
    pub(in crate::web) fn seal(self, state: &WebState) -> Result<(Ready, Fresh), Problem> {
        let mut seals = Vec::new();
        let mut fresh = Fresh::new();
        for each in self.settled {
            let (sealed, secret) = seal(&each, state)?;
            if let Some(secret) = secret {
                fresh.insert(each.integration.id, secret);
            }
            seals.push(sealed);
        }
        let id = self.automation.id.0;
        let seal = |secret| state.engine.sealer().seal(Purpose::InboundCredential, id, secret);
        let inbound = match &self.inbound {
            None => None,
            Some(None) => Some(None),
            Some(Some(secret)) => Some(Some(seal(secret)?)),
        };
        Ok((Ready { automation: self.automation, seals, inbound }, fresh))
    }
}

impl Ready {
    /// It is made.
    pub(in crate::web) fn create(self, once: Option<Once>) -> Edit {
        let Self { automation, seals, inbound } = self;
        Edit::CreateAutomation { automation, seals, inbound, once }
    }

    /// It takes the place of what it was.
    pub(in crate::web) fn replace(self, expected: Option<i64>) -> Edit {
        let Self { automation, seals, inbound } = self;
        Edit::ReplaceAutomation { automation, seals, inbound, expected }
    }
}

/// Seals what is secret of one integration.
pub(in crate::web) fn seal(
    settled: &Settled,
    state: &WebState,
) -> Result<(Seals, Option<Secret>), Problem> {
    let integration = settled.integration.id;
    let sealer = state.engine.sealer();
    let credential = match &settled.credential {
        None => None,
        Some(None) => Some(None),
        Some(Some(secret)) => {
            Some(Some(sealer.seal(Purpose::Credential, integration.0, secret)?))
        }
    };
    let (signing_secret, fresh) = if settled.first_signing {
        let secret = fresh_secret(state)?;
        (Some(sealer.seal(Purpose::SigningSecret, integration.0, &secret)?), Some(secret))
    } else {
        (None, None)
    };
    Ok((Seals { integration, credential, signing_secret }, fresh))
}

/// A new signing secret.
pub(in crate::web) fn fresh_secret(state: &WebState) -> Result<Secret, Problem> {
    (state.signing_secret)().map_err(|why| {
        tracing::error!(why, "a signing secret can't be made");
        Problem::internal()
    })
}
