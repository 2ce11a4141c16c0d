//! What all of the engine's parts hold in common.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use actix::ArbiterHandle;
use tokio::sync::Semaphore;

use super::board::Board;
use super::classify::Classified;
use super::models::Models;
use super::ports::{Clock, Sealer, Sender, Store};
use super::recent::Recent;
use crate::domain::automation::Automation;
use crate::domain::id::{DeliveryId, IntegrationId};
use crate::domain::integration::Policy;
use crate::domain::queue::Note;
use crate::domain::time::Timestamp;

/// A thread that destinations run on, with the sender whose connections live there.
#[derive(Clone)]
pub struct Lane {
    /// The thread.
    pub arbiter: ArbiterHandle,
    /// Its sender.
    pub sender: Arc<dyn Sender>,
}

/// Sees what the machines decide: for the log, for metrics, for tests that tell the story.
pub trait Witness: Send + Sync {
    /// This was decided. It must not block.
    fn noted(&self, integration: IntegrationId, at: Timestamp, note: &Note);

    /// An actor died and is started again, or parked until then.
    fn died(&self, integration: IntegrationId, at: Timestamp, parked_until: Option<Timestamp>);

    /// A delivery is dead because it killed its actor too often.
    fn gave_up(&self, integration: IntegrationId, delivery: DeliveryId) {
        let _ = (integration, delivery);
    }

    /// A record that waited for the classifier was judged, and what it came to is on disk.
    fn classified(&self, told: &Classified<'_>) {
        let _ = told;
    }

    /// An actor is about to handle this delivery. Where a test wants it to die, it panics here.
    fn about_to_handle(&self, delivery: DeliveryId) {
        let _ = delivery;
    }
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sealer: Arc<dyn Sealer>,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) board: Arc<Board>,
    pub(super) lanes: Vec<Lane>,
    /// The service's settings; integrations lay their own over them.
    pub(super) policy: Policy,
    /// What an attempt may take at the very most.
    pub(super) attempt_limit: Duration,
    /// Attempts under way beside another of their destination, over all destinations.
    pub(super) turns: Semaphore,
    pub(super) dashboard_url: String,
    /// The classifier failed too often, and is not asked.
    pub(super) classifier_left_alone: AtomicBool,
    /// Find levels where none came.
    pub(super) models: Models,
    pub(super) rules: RwLock<Arc<Vec<Automation>>>,
    /// When destinations that had deliveries waiting at the start may begin.
    pub(super) herd: Mutex<BTreeMap<IntegrationId, Timestamp>>,
    /// What came in last, in memory alone.
    pub(super) recent: Recent,
    pub(super) draining: AtomicBool,
    /// Ends the process: what failed can't be mended inside.
    pub(super) fatal: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Shared {
    pub(super) fn start_of(&self, id: IntegrationId) -> Timestamp {
        let mut herd = self.herd.lock().unwrap_or_else(PoisonError::into_inner);
        herd.remove(&id).unwrap_or(Timestamp::from_millis(i64::MIN))
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(super) fn rules(&self) -> Arc<Vec<Automation>> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn about_to_handle(&self, delivery: DeliveryId) {
        self.witness.about_to_handle(delivery);
    }
}
