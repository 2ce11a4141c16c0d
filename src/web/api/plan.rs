//! From what a caller wants to what the store is asked: ids are given, secrets are sealed, and first
//! signing secrets are made.

use std::collections::BTreeMap;

use super::automation_in::AutomationDraft;
use super::integration_in::{Draft, Settled};
use crate::domain::automation::Automation;
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::Integration;
use crate::domain::secret::Secret;
use crate::engine::ports::{Purpose, Seals};
use crate::web::WebState;
use crate::web::error::Problem;
use crate::web::json::{Faults, below};

/// What changes, with its secrets in the clear still.
#[derive(Debug)]
pub(in crate::web) struct Plan {
    pub(in crate::web) automation: Automation,
    pub(in crate::web) settled: Vec<Settled>,
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
    let mut settled = Vec::new();
    for each in draft.integrations {
        let before = before(&each, old, faults);
        settled.push(each.settle(id, before, &*state.gate, faults));
    }
    let automation = Automation {
        id,
        name: draft.name,
        active: draft.active,
        filter: draft.filter,
        minimum_levels: draft.minimum_levels,
        integrations: settled.iter().map(|each| each.integration.clone()).collect(),
        version: old.map_or(1, |old| old.version),
    };
    Plan { automation, settled }
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
    pub(in crate::web) fn seal(
        self,
        state: &WebState,
    ) -> Result<(Automation, Vec<Seals>, Fresh), Problem> {
        let mut seals = Vec::new();
        let mut fresh = Fresh::new();
        for each in self.settled {
            let (sealed, secret) = seal(&each, state)?;
            if let Some(secret) = secret {
                fresh.insert(each.integration.id, secret);
            }
            seals.push(sealed);
        }
        Ok((self.automation, seals, fresh))
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
        Some(Some(secret)) => Some(Some(sealer.seal(Purpose::Credential, integration, secret)?)),
    };
    let (signing_secret, fresh) = if settled.first_signing {
        let secret = fresh_secret(state)?;
        (Some(sealer.seal(Purpose::SigningSecret, integration, &secret)?), Some(secret))
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
