//! Changes to what is configured.

use super::{SealChange, Seals};
use crate::domain::automation::Automation;
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::{Integration, Status};
use crate::domain::secret::Sealed;
use crate::domain::time::Timestamp;

/// A creation that names itself: the same call again, under the same key, makes no second thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Whose key it is, and of which call.
    pub scope: String,
    /// The key that the caller gave.
    pub key: String,
    /// Of the call as a whole, to tell another one under the same key.
    pub fingerprint: [u8; 32],
}

/// A change to what is configured.
#[derive(Debug)]
pub enum Edit {
    /// A new automation with its integrations.
    CreateAutomation {
        /// The whole of it.
        automation: Automation,
        /// The credentials and first signing secrets of its integrations.
        seals: Vec<Seals>,
        /// The credential that a relay's sender must give.
        inbound: SealChange,
        /// The key of the call, where it has one.
        once: Option<Once>,
    },
    /// Replaces an automation and the set of its integrations: those missing are deleted.
    ReplaceAutomation {
        /// The whole of it.
        automation: Automation,
        /// Credentials that change; those not named are kept.
        seals: Vec<Seals>,
        /// What changes of the credential that a relay's sender must give.
        inbound: SealChange,
        /// The version that the caller has seen, where it says.
        expected: Option<i64>,
    },
    /// Deletes an automation; its waiting deliveries are discarded, and kept.
    DeleteAutomation {
        /// Which.
        id: AutomationId,
        /// The version that the caller has seen, where it says.
        expected: Option<i64>,
    },
    /// Adds an integration to its automation.
    CreateIntegration {
        /// The whole of it.
        integration: Integration,
        /// Its credential and first signing secret.
        seals: Seals,
        /// The key of the call, where it has one.
        once: Option<Once>,
    },
    /// Replaces an integration's settings.
    ReplaceIntegration {
        /// The whole of it.
        integration: Integration,
        /// What changes of its credential.
        seals: Option<Seals>,
        /// The automation's version that the caller has seen, where it says.
        expected: Option<i64>,
    },
    /// Deletes an integration; its waiting deliveries are discarded, and kept.
    DeleteIntegration {
        /// Which.
        id: IntegrationId,
        /// The automation's version that the caller has seen, where it says.
        expected: Option<i64>,
    },
    /// Pause, resume, disable, enable. Enabling also closes the circuit.
    SetStatus {
        /// Which integration.
        id: IntegrationId,
        /// What it becomes.
        status: Status,
    },
    /// A new signing secret; the one before stays valid until `old_until`.
    RotateSigningSecret {
        /// Which integration.
        id: IntegrationId,
        /// The new one.
        sealed: Sealed,
        /// How long the old one is still sent beside it.
        old_until: Timestamp,
    },
    /// Several changes, all or none.
    Together {
        /// All automations with the versions that the caller has seen: if there are others by now,
        /// nothing is changed.
        seen: Vec<(AutomationId, i64)>,
        /// The changes, in their order.
        edits: Vec<Edit>,
    },
}
