//! A store with its faults and its slowness, for the real engine on paused time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belfry::domain::alert::Alert;
use belfry::domain::automation::Automation;
use belfry::domain::delivery::QueueKey;
use belfry::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};
use belfry::domain::queue::{Change, Loaded};
use belfry::domain::recipient::Recipient;
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{
    Accepted, Act, Actor, Applied, ConversationKey, DamagedAlert, Destination, Edit, MessageScore,
    NewAlert, PhraseEdit, Promise, Store, StoreError, StoredPhrases,
};

use crate::faults::Faults;
use crate::lang::Latency;

/// The payload of every panic that a scenario asks for.
pub(crate) const SCRIPTED: &str = "a scripted panic";

/// See the module.
pub(crate) struct Faulty {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) latency: Latency,
    /// Whether the alerts accepted last were new.
    pub(crate) fresh: Arc<Mutex<Vec<bool>>>,
}

/// Sleeps only where there is something to wait for: a timer would end in the next millisecond.
async fn sleep(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

impl Faulty {
    fn slow<T: Send + 'static>(
        &self,
        run: impl FnOnce(&dyn Store) -> Promise<Result<T, StoreError>> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        let Latency { commit_ms, told_ms, .. } = self.latency;
        if commit_ms + told_ms == 0 {
            return run(self.store.as_ref());
        }
        let store = Arc::clone(&self.store);
        // What was handed over is carried out, whoever still waits for it.
        let running = tokio::spawn(async move {
            sleep(commit_ms).await;
            let result = run(store.as_ref()).await;
            sleep(told_ms).await;
            result
        });
        Box::pin(async move { running.await.unwrap_or(Err(StoreError::Stopped)) })
    }
}

impl Store for Faulty {
    fn accept(&self, alerts: Vec<NewAlert>) -> Promise<Result<Vec<Option<Accepted>>, StoreError>> {
        let accepting = self.store.accept(alerts);
        let fresh = Arc::clone(&self.fresh);
        Box::pin(async move {
            let accepted = accepting.await;
            if let Ok(accepted) = &accepted {
                let mut fresh = fresh.lock().unwrap_or_else(PoisonError::into_inner);
                *fresh = accepted.iter().flatten().map(|each| each.fresh).collect();
            }
            accepted
        })
    }

    fn apply(
        &self,
        integration: IntegrationId,
        changes: Vec<Change>,
    ) -> Promise<Result<Applied, StoreError>> {
        self.slow(move |store| store.apply(integration, changes))
    }

    fn load(
        &self,
        integration: IntegrationId,
        after: Option<QueueKey>,
        limit: usize,
    ) -> Promise<Result<Loaded, StoreError>> {
        let loading = self.store.load(integration, after, limit);
        let wait = self.latency.load_ms;
        Box::pin(async move {
            let loaded = loading.await;
            sleep(wait).await;
            loaded
        })
    }

    fn destination(&self, id: IntegrationId) -> Promise<Result<Destination, StoreError>> {
        if self.faults.take_doom(id) {
            std::panic::panic_any(SCRIPTED);
        }
        self.store.destination(id)
    }

    fn alert(&self, id: AlertId) -> Promise<Result<Result<Alert, DamagedAlert>, StoreError>> {
        self.store.alert(id)
    }

    fn alerts(&self, ids: Vec<AlertId>) -> Promise<Result<Vec<Alert>, StoreError>> {
        self.store.alerts(ids)
    }

    fn recipients(&self, delivery: DeliveryId) -> Promise<Result<Vec<Recipient>, StoreError>> {
        self.store.recipients(delivery)
    }

    fn known_alerts(
        &self,
        of: Vec<(AutomationId, String)>,
    ) -> Promise<Result<Vec<Option<AlertId>>, StoreError>> {
        self.store.known_alerts(of)
    }

    fn conversations(
        &self,
        of: Vec<ConversationKey>,
    ) -> Promise<Result<Vec<Vec<MessageScore>>, StoreError>> {
        self.store.conversations(of)
    }

    fn remember(
        &self,
        scores: Vec<(ConversationKey, MessageScore)>,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.store.remember(scores, at)
    }

    fn waiting_destinations(&self) -> Promise<Result<Vec<IntegrationId>, StoreError>> {
        self.store.waiting_destinations()
    }

    fn record_crash(
        &self,
        delivery: DeliveryId,
        limit: u32,
        at: Timestamp,
    ) -> Promise<Result<bool, StoreError>> {
        self.slow(move |store| store.record_crash(delivery, limit, at))
    }

    fn recover(&self, now: Timestamp, due_at: Timestamp) -> Promise<Result<u64, StoreError>> {
        self.store.recover(now, due_at)
    }

    fn automations(&self) -> Promise<Result<Vec<Automation>, StoreError>> {
        self.store.automations()
    }

    fn change(&self, edit: Edit, by: Actor, at: Timestamp) -> Promise<Result<i64, StoreError>> {
        self.store.change(edit, by, at)
    }

    fn phrases(&self) -> Promise<Result<Vec<StoredPhrases>, StoreError>> {
        self.store.phrases()
    }

    fn change_phrases(
        &self,
        edit: PhraseEdit,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<i64, StoreError>> {
        self.store.change_phrases(edit, by, at)
    }

    fn act(&self, act: Act, by: Actor, at: Timestamp) -> Promise<Result<u64, StoreError>> {
        self.store.act(act, by, at)
    }

    fn probe(&self) -> Promise<Result<(), StoreError>> {
        self.store.probe()
    }

    fn writable(&self) -> bool {
        self.faults.writable()
    }
}
