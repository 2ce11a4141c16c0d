//! The actors: they carry out what `domain` decides, and decide nothing.
//!
//! One actor for each destination with work, a supervisor that brings them back, and the doors through
//! which records, changes and operators come in. It knows its surroundings through `ports` only.

mod alerts;
mod asking;
mod attempt;
mod board;
mod classify;
mod destination;
mod intake;
mod judge;
mod models;
mod operate;
mod phrase_preview;
pub mod ports;
mod recent;
mod shared;
mod sorting;
mod station;
mod supervisor;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use actix::{Actor as _, Addr};
use tokio::sync::Semaphore;

pub use board::Board;
pub use classify::{Classified, Classifying};
pub use intake::{DryRunError, Fired, Intake, RelayError};
pub use judge::Judgement;
pub use models::{ConfiguredPhrases, PhrasesError};
pub use operate::{Actors, Operation, Tested};
pub use phrase_preview::{PhrasePreview, PreviewedRecord};
pub use shared::{Lane, Witness};

use crate::domain::id::IntegrationId;
use crate::domain::integration::Policy;
use crate::domain::restart::herd_delay;
use classify::Classifiers;
use destination::jitter_key;
use models::Models;
use ports::{Clock, Sealer, Store, StoreError};
use recent::Recent;
use shared::Shared;
use supervisor::Supervisor;

/// What an engine is made of.
pub struct Parts {
    /// Keeps everything. It tells `board` of what it accepted.
    pub store: Arc<dyn Store>,
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
    /// Seals credentials.
    pub sealer: Arc<dyn Sealer>,
    /// Sees what is decided.
    pub witness: Arc<dyn Witness>,
    /// Made for as many lanes as there are.
    pub board: Arc<Board>,
    /// The threads that destinations run on; at least one.
    pub lanes: Vec<Lane>,
    /// The service's settings for delivery.
    pub policy: Policy,
    /// From the start of name resolution to the end of the response's head.
    pub attempt_timeout: Duration,
    /// Attempts under way beside another of their destination, over all destinations.
    pub max_in_flight_total: usize,
    /// Where the dashboard shows records: the start of `record.url`.
    pub dashboard_url: String,
    /// Judges in the detector's place, where it is configured.
    pub classifying: Option<Classifying>,
    /// By what levels are found where none came.
    pub phrases: ConfiguredPhrases,
    /// Ends the process, with one sentence for the log.
    pub fatal: Arc<dyn Fn(&str) + Send + Sync>,
}

/// The running engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    supervisor: Addr<Supervisor>,
    classifying: Option<Classifiers>,
}

impl Engine {
    /// Recovers what the last run left, and starts destinations that have deliveries waiting. Call it
    /// on an actix system: the supervisor runs on the caller's thread.
    ///
    /// # Errors
    /// What the store says; nothing runs then.
    pub async fn start(parts: Parts) -> Result<Self, StoreError> {
        let now = parts.clock.now();
        // A receiver that still works on an interrupted attempt gets the time to finish.
        let recovered = parts.store.recover(now, now.plus(parts.attempt_timeout)).await?;
        let rules = parts.store.automations().await?;
        let waiting = parts.store.waiting_destinations().await?;
        let phrases = parts.store.phrases().await?;
        tracing::info!(
            interrupted = recovered,
            destinations = waiting.len(),
            "recovered what was waiting"
        );
        let herd: BTreeMap<_, _> = waiting
            .iter()
            .map(|id| (*id, now.plus(herd_delay(jitter_key(*id), waiting.len()))))
            .collect();
        let shared = Arc::new(Shared {
            store: parts.store,
            clock: parts.clock,
            sealer: parts.sealer,
            witness: parts.witness,
            board: parts.board,
            lanes: parts.lanes,
            policy: parts.policy,
            attempt_limit: parts.attempt_timeout + GRACE,
            turns: Semaphore::new(parts.max_in_flight_total.clamp(1, Semaphore::MAX_PERMITS)),
            dashboard_url: parts.dashboard_url,
            classifier_left_alone: AtomicBool::new(false),
            models: Models::new(parts.phrases, phrases),
            rules: RwLock::new(Arc::new(rules)),
            herd: Mutex::new(herd),
            recent: Recent::default(),
            draining: AtomicBool::new(false),
            fatal: parts.fatal,
        });
        let supervisor = Supervisor::new(Arc::clone(&shared)).start();
        shared.board.supervised_by(supervisor.clone());
        let classifying =
            parts.classifying.map(|each| Classifiers::start(Arc::clone(&shared), each));
        let engine = Self { shared, supervisor, classifying };
        for id in waiting {
            engine.begin(id);
        }
        Ok(engine)
    }

    /// Has a destination look for work on disk.
    fn begin(&self, id: IntegrationId) {
        let station = self.shared.board.station(id);
        if station.arrive(|arrived| arrived.missed = true) {
            self.shared.board.wake(id);
        }
    }
}

/// What an attempt may take beyond its own deadline before it is given up from outside.
const GRACE: Duration = Duration::from_secs(2);
