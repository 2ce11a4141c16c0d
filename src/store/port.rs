//! The engine's port: each method is a function over a connection, run by whatever runs it.

use rusqlite::Connection;

use super::error::SqlResult;
use super::turn::Door;
use super::{
    Sqlite, accept, act, configured, conversations, edit, phrases, queue, reader, recipients, row,
    settle,
};
use crate::domain::alert::Alert;
use crate::domain::automation::Automation;
use crate::domain::delivery::QueueKey;
use crate::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};
use crate::domain::limits::PHRASED_ORGANISATIONS;
use crate::domain::recipient::Recipient;
use crate::domain::time::Timestamp;
use crate::engine::ports::{
    Accepted, Act, Actor, Applied, Change, ConversationKey, DamagedAlert, Destination, Edit,
    FreshDelivery, Loaded, MessageScore, NewAlert, PhraseEdit, Promise, Store, StoreError,
    StoredPhrases,
};

/// Whatever runs these functions in transactions: threads, or the caller itself.
pub(super) trait Run {
    fn write<T: Send + 'static>(
        &self,
        door: Door,
        rows: usize,
        run: impl FnMut(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>>;

    fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>>;

    fn is_writable(&self) -> bool;
}

impl Run for Sqlite {
    fn write<T: Send + 'static>(
        &self,
        door: Door,
        rows: usize,
        run: impl FnMut(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        self.writer.submit(door, rows, run)
    }

    fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        self.reader.query(run)
    }

    fn is_writable(&self) -> bool {
        self.writer.is_writable()
    }
}

impl<R: Run + Send + Sync> Store for R {
    fn accept(&self, alerts: Vec<NewAlert>) -> Promise<Result<Vec<Option<Accepted>>, StoreError>> {
        let rows = alerts.iter().map(|alert| 1 + alert.deliveries.len()).sum();
        self.write(Door::Intake, rows, move |connection, fresh| {
            accept::accept(connection, &alerts, fresh)
        })
    }

    fn apply(
        &self,
        integration: IntegrationId,
        changes: Vec<Change>,
    ) -> Promise<Result<Applied, StoreError>> {
        self.write(Door::Command, 2 * changes.len(), move |connection, _| {
            settle::apply(connection, integration, &changes)
        })
    }

    fn load(
        &self,
        integration: IntegrationId,
        after: Option<QueueKey>,
        limit: usize,
    ) -> Promise<Result<Loaded, StoreError>> {
        self.read(move |connection| queue::load(connection, integration, after, limit))
    }

    fn destination(&self, id: IntegrationId) -> Promise<Result<Destination, StoreError>> {
        self.read(move |connection| {
            reader::at_one_moment(connection, |snapshot| configured::destination(snapshot, id))
        })
    }

    fn alert(&self, id: AlertId) -> Promise<Result<Result<Alert, DamagedAlert>, StoreError>> {
        self.read(move |connection| accept::alert(connection, id))
    }

    fn alerts(&self, ids: Vec<AlertId>) -> Promise<Result<Vec<Alert>, StoreError>> {
        self.read(move |connection| accept::alerts(connection, &ids))
    }

    fn known_alerts(
        &self,
        of: Vec<(AutomationId, String)>,
    ) -> Promise<Result<Vec<Option<AlertId>>, StoreError>> {
        self.read(move |connection| accept::known_alerts(connection, &of))
    }

    fn conversations(
        &self,
        of: Vec<ConversationKey>,
    ) -> Promise<Result<Vec<Vec<MessageScore>>, StoreError>> {
        self.read(move |connection| conversations::of(connection, &of))
    }

    fn remember(
        &self,
        scores: Vec<(ConversationKey, MessageScore)>,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Intake, scores.len(), move |connection, _| {
            conversations::remember(connection, &scores, at)
        })
    }

    fn recipients(&self, delivery: DeliveryId) -> Promise<Result<Vec<Recipient>, StoreError>> {
        self.read(move |connection| recipients::of(connection, delivery))
    }

    fn waiting_destinations(&self) -> Promise<Result<Vec<IntegrationId>, StoreError>> {
        self.read(queue::waiting_destinations)
    }

    fn record_crash(
        &self,
        delivery: DeliveryId,
        limit: u32,
        at: Timestamp,
    ) -> Promise<Result<bool, StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            settle::record_crash(connection, delivery, limit, at)
        })
    }

    fn recover(&self, now: Timestamp, due_at: Timestamp) -> Promise<Result<u64, StoreError>> {
        self.write(Door::Command, 1, move |connection, _| queue::recover(connection, now, due_at))
    }

    fn automations(&self) -> Promise<Result<Vec<Automation>, StoreError>> {
        self.read(|connection| reader::at_one_moment(connection, configured::automations))
    }

    fn change(&self, edit: Edit, by: Actor, at: Timestamp) -> Promise<Result<i64, StoreError>> {
        self.write(Door::Command, 1, move |connection, _| edit::change(connection, &edit, &by, at))
    }

    fn phrases(&self) -> Promise<Result<Vec<StoredPhrases>, StoreError>> {
        self.read(|connection| phrases::behind(connection, "", PHRASED_ORGANISATIONS))
    }

    fn change_phrases(
        &self,
        edit: PhraseEdit,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<i64, StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            phrases::change(connection, &edit, &by, at)
        })
    }

    fn act(&self, act: Act, by: Actor, at: Timestamp) -> Promise<Result<u64, StoreError>> {
        self.write(Door::Command, 1, move |connection, _| act::act(connection, &act, &by, at))
    }

    fn probe(&self) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, |connection, _| row::probe(connection))
    }

    fn writable(&self) -> bool {
        self.is_writable()
    }
}
