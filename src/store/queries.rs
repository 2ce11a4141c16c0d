//! What people and programs look at. Lists page by key: they stay correct while rows are added.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::audit::{self, AuditFilter, AuditPlace, AuditRow};
use super::error::SqlResult;
use super::health::StoreHealth;
use super::people::{self, SessionRow, UserRow};
use super::reader::{Reader, at_one_moment};
use super::recipients;
use super::row::{maybe_micros, maybe_time, time, uuid, word};
use super::tokens::{self, TokenRow};
use super::{accept, configured, first, health, list, row, trigger};
use crate::domain::alert::{Alert, Origin};
use crate::domain::automation::Automation;
use crate::domain::delivery::{Phases, State};
use crate::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId, UserId};
use crate::domain::integration::{Health, Integration, Status};
use crate::domain::outcome::{Fault, FaultKind, Judged, Meaning, Outcome};
use crate::domain::recipient::Recipient;
use crate::domain::schedule::RetryAfter;
use crate::domain::time::Timestamp;
use crate::engine::ports::{DamagedAlert, Promise, RelayAuth, StoreError};

/// Which deliveries are meant; what is absent does not restrict.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each is the field of the same name of a delivery")]
pub struct DeliveryFilter {
    pub automation_id: Option<AutomationId>,
    pub integration_id: Option<IntegrationId>,
    pub state: Option<State>,
    pub record_id: Option<String>,
    /// Accepted at or after this.
    pub since: Option<Timestamp>,
    /// Accepted before this.
    pub until: Option<Timestamp>,
}

/// One delivery of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// Its alert.
    pub alert_id: AlertId,
    /// The automation that fired, or passed the alert on.
    pub automation_id: AutomationId,
    /// Who found what the alert tells of.
    pub origin: Origin,
    /// Where it goes.
    pub integration_id: IntegrationId,
    /// The record that it is about.
    pub record_id: String,
    /// Where it stands.
    pub state: State,
    /// Why, where it is dead or discarded.
    pub reason: Option<String>,
    /// Attempts made and written down.
    pub attempts: u32,
    /// Stops of the service at which it may have been on its way.
    pub in_doubt: u32,
    /// When the next attempt is due, where it waits.
    pub due_at: Timestamp,
    /// Until when failed attempts are made again.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it became what it is, where that is final.
    pub finished_at: Option<Timestamp>,
}

/// One attempt of a delivery's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its number, from 1.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
    /// How the time was spent.
    pub phases: Phases,
    /// The address that was connected to.
    pub remote: Option<String>,
    /// The start of the response's body.
    pub excerpt: Option<String>,
    /// Which settings of the integration's request it was made with, where that is known.
    pub revision: Option<u32>,
}

/// How an integration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationState {
    /// Whether it may send.
    pub status: Status,
    /// How it has been doing.
    pub health: Health,
    /// Deliveries that wait.
    pub pending: u64,
    /// Deliveries whose later attempt is claimed.
    pub claimed: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// When the first waiting one is due.
    pub next_due_at: Option<Timestamp>,
    /// When the one waiting longest was accepted.
    pub oldest_pending_at: Option<Timestamp>,
}

/// An alert with its deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// The organisation's slug.
    pub org_id: String,
    /// When it fired.
    pub escalated_at: Timestamp,
    /// What is sent; an error where the bytes on disk are damaged.
    pub alert: Result<Alert, DamagedAlert>,
    /// What its levels follow from, as it is kept, where they were found here.
    pub found: Option<String>,
    /// Where it goes.
    pub deliveries: Vec<DeliveryRow>,
}

/// A delivery with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeDelivery {
    /// The delivery.
    pub row: DeliveryRow,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptRow>,
    /// What is known of its addresses, where it has several.
    pub recipients: Vec<Recipient>,
}

pub(super) const DELIVERY: &str =
    "SELECT d.*, a.automation_id AS automation_id, a.record_id AS record_id, a.origin AS origin
    FROM deliveries d JOIN alerts a ON a.id = d.alert_id";

impl Reader {
    /// Deliveries, newest first, behind the one named.
    pub fn deliveries(
        &self,
        filter: DeliveryFilter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Promise<Result<Vec<DeliveryRow>, StoreError>> {
        self.query(move |connection| list(connection, &filter, before, limit))
    }

    /// One delivery with its attempts, first attempt first, and with what is known of its addresses.
    pub fn delivery(&self, id: DeliveryId) -> Promise<Result<WholeDelivery, StoreError>> {
        self.query(move |connection| {
            let snapshot = connection.unchecked_transaction()?;
            let row = snapshot
                .prepare_cached(&format!("{DELIVERY} WHERE d.id = ?1"))?
                .query_row([id.0], delivery)?;
            let mut statement = snapshot
                .prepare_cached("SELECT * FROM attempts WHERE delivery_id = ?1 ORDER BY n")?;
            let attempts =
                statement.query_map([id.0], attempt)?.collect::<rusqlite::Result<_>>()?;
            Ok(WholeDelivery { row, attempts, recipients: recipients::of(&snapshot, id)? })
        })
    }

    /// One alert with its deliveries.
    pub fn alert(&self, id: AlertId) -> Promise<Result<AlertRow, StoreError>> {
        self.query(move |connection| {
            let snapshot = connection.unchecked_transaction()?;
            let alert = accept::alert(&snapshot, id)?;
            let (org_id, escalated_at, found) = snapshot.query_row(
                "SELECT org_id, escalated_at, found FROM alerts WHERE id = ?1",
                [id.0],
                |row| Ok((row.get(0)?, time(row, "escalated_at")?, row.get("found")?)),
            )?;
            let mut statement = snapshot
                .prepare_cached(&format!("{DELIVERY} WHERE d.alert_id = ?1 ORDER BY d.id"))?;
            let deliveries =
                statement.query_map([id.0], delivery)?.collect::<rusqlite::Result<_>>()?;
            Ok(AlertRow { org_id, escalated_at, alert, found, deliveries })
        })
    }

    /// One automation with its integrations.
    pub fn automation(&self, id: AutomationId) -> Promise<Result<Automation, StoreError>> {
        self.query(move |connection| {
            at_one_moment(connection, |snapshot| Ok(configured::find(snapshot, id)?))
        })
    }

    /// Automations in the order of their ids, behind the one named.
    pub fn automations(
        &self,
        after: Option<AutomationId>,
        limit: usize,
    ) -> Promise<Result<Vec<Automation>, StoreError>> {
        self.query(move |connection| {
            let after = after.map_or([0; 16], |id| *id.0.as_bytes());
            let mut statement = connection.prepare_cached(
                "SELECT id FROM automations WHERE deleted_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let ids: Vec<AutomationId> = statement
                .query_map(params![after, limit], |row| uuid(row, "id").map(AutomationId))?
                .collect::<rusqlite::Result<_>>()?;
            at_one_moment(connection, |snapshot| {
                let found = ids.into_iter().map(|id| configured::find(snapshot, id));
                // One that was deleted between the two readings is left out.
                let found = found.filter(|each| !matches!(each, Err(rusqlite::Error::QueryReturnedNoRows)));
                Ok(found.collect::<rusqlite::Result<_>>()?)
            })
        })
    }

    /// How the sender of a relay must prove who it is; `NotFound` for any other automation.
    pub fn relay_auth(&self, id: AutomationId) -> Promise<Result<RelayAuth, StoreError>> {
        self.query(move |connection| Ok(trigger::relay_auth(connection, id)?))
    }

    /// One integration.
    pub fn integration(&self, id: IntegrationId) -> Promise<Result<Integration, StoreError>> {
        self.query(move |connection| Ok(configured::destination(connection, id)?.integration))
    }

    /// An integration with its sealed secrets.
    pub fn destination(
        &self,
        id: IntegrationId,
    ) -> Promise<Result<crate::engine::ports::Destination, StoreError>> {
        self.query(move |connection| {
            at_one_moment(connection, |snapshot| configured::destination(snapshot, id))
        })
    }

    /// How an integration stands.
    pub fn integration_state(
        &self,
        id: IntegrationId,
    ) -> Promise<Result<IntegrationState, StoreError>> {
        self.query(move |connection| state(connection, id))
    }

    /// The token of that id, if there is one.
    pub fn token(&self, id: String) -> Promise<Result<Option<TokenRow>, StoreError>> {
        self.query(move |connection| tokens::find(connection, &id))
    }

    /// Tokens in the order in which they were made, behind the one named.
    pub fn tokens(
        &self,
        behind: Option<(Timestamp, String)>,
        limit: usize,
    ) -> Promise<Result<Vec<TokenRow>, StoreError>> {
        self.query(move |connection| tokens::list(connection, behind, limit))
    }

    /// The person of that id, if there is one.
    pub fn user(&self, id: UserId) -> Promise<Result<Option<UserRow>, StoreError>> {
        self.query(move |connection| people::find(connection, id))
    }

    /// The person of that name as names are compared, if there is one.
    pub fn user_named(&self, folded: String) -> Promise<Result<Option<UserRow>, StoreError>> {
        self.query(move |connection| people::named(connection, &folded))
    }

    /// People in the order in which they were added, behind the one named.
    pub fn users(
        &self,
        behind: Option<(Timestamp, UserId)>,
        limit: usize,
    ) -> Promise<Result<Vec<UserRow>, StoreError>> {
        self.query(move |connection| people::list(connection, behind, limit))
    }

    /// How many sessions of each of these people still count: begun after `begun`, and used after `used`.
    pub fn open_sessions(
        &self,
        users: Vec<UserId>,
        begun: Timestamp,
        used: Timestamp,
    ) -> Promise<Result<Vec<u64>, StoreError>> {
        self.query(move |connection| people::open_sessions(connection, &users, begun, used))
    }

    /// How the database is: its size, its schema, its last backup.
    pub fn health(&self) -> Promise<Result<StoreHealth, StoreError>> {
        self.query(|connection| at_one_moment(connection, health::health))
    }

    /// Whether that code of the first password counts: as [`super::Sqlite::redeem_first_code`] says.
    pub fn check_first_code(
        &self,
        code: [u8; 32],
        now: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.query(move |connection| first::check(connection, &code, now))
    }

    /// Whether the first password is still to be set, and there is a code for it that counts.
    pub fn awaits_first_password(&self, now: Timestamp) -> Promise<Result<bool, StoreError>> {
        self.query(move |connection| first::is_open(connection, now))
    }

    /// The session of that digest, if there is one.
    pub fn session(&self, digest: [u8; 32]) -> Promise<Result<Option<SessionRow>, StoreError>> {
        self.query(move |connection| people::session(connection, &digest))
    }

    /// Lines of the audit log, newest first, behind the place named.
    pub fn audit(
        &self,
        filter: AuditFilter,
        behind: Option<AuditPlace>,
        limit: usize,
    ) -> Promise<Result<Vec<AuditRow>, StoreError>> {
        self.query(move |connection| audit::list(connection, &filter, behind, limit))
    }

    /// The number of the newest line of the audit log; 0 where there is none.
    pub fn newest_audit(&self) -> Promise<Result<i64, StoreError>> {
        self.query(audit::newest)
    }

    /// Lines of the audit log in the order of commits, behind the one named.
    pub fn audit_after(
        &self,
        after: i64,
        limit: usize,
    ) -> Promise<Result<Vec<AuditRow>, StoreError>> {
        self.query(move |connection| audit::follow(connection, after, limit))
    }

    /// How many deliveries a filter means, counted up to `most`.
    pub fn count_deliveries(
        &self,
        filter: DeliveryFilter,
        most: usize,
    ) -> Promise<Result<usize, StoreError>> {
        self.query(move |connection| {
            let snapshot = connection.unchecked_transaction()?;
            Ok(list::ids(&snapshot, &filter, None, most)?.len())
        })
    }

    /// How an integration was spoken to under each of these revisions, deleted or not.
    pub fn revisions(
        &self,
        id: IntegrationId,
        revisions: Vec<u32>,
    ) -> Promise<Result<Vec<(u32, Integration)>, StoreError>> {
        self.query(move |connection| {
            at_one_moment(connection, |snapshot| configured::revisions(snapshot, id, &revisions))
        })
    }
}

pub(super) fn list(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
    limit: usize,
) -> SqlResult<Vec<DeliveryRow>> {
    // One snapshot for all of it.
    let snapshot = connection.unchecked_transaction()?;
    let ids = list::ids(&snapshot, filter, before, limit)?;
    let mut statement = snapshot.prepare_cached(&format!("{DELIVERY} WHERE d.id = ?1"))?;
    let rows = ids.iter().map(|id| statement.query_row([id.0], delivery));
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn state(connection: &Connection, id: IntegrationId) -> SqlResult<IntegrationState> {
    // One snapshot for all of it.
    let snapshot = connection.unchecked_transaction()?;
    let (status, health) = snapshot
        .prepare_cached("SELECT * FROM integrations WHERE id = ?1 AND deleted_at IS NULL")?
        .query_row([id.0.as_bytes()], |found| {
            Ok((configured::status(found)?, configured::health(found)?))
        })?;
    let count = |state: State| -> rusqlite::Result<u64> {
        let sql = format!(
            "SELECT count(*) FROM deliveries WHERE integration_id = ?1 AND state = '{}'",
            state.word()
        );
        let count: i64 =
            snapshot.prepare_cached(&sql)?.query_row([id.0.as_bytes()], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    let next_due_at = snapshot
        .prepare_cached(
            "SELECT due_at FROM deliveries WHERE integration_id = ?1 AND state = 'pending'
             ORDER BY queue_at, id LIMIT 1",
        )?
        .query_row([id.0.as_bytes()], |found| time(found, "due_at"))
        .optional()?;
    let oldest_pending_at = snapshot
        .prepare_cached(
            "SELECT created_at FROM deliveries WHERE id = (
               SELECT min(id) FROM deliveries INDEXED BY deliveries_pending
               WHERE integration_id = ?1 AND state = 'pending')",
        )?
        .query_row([id.0.as_bytes()], |found| time(found, "created_at"))
        .optional()?;
    Ok(IntegrationState {
        status,
        health,
        pending: count(State::Pending)?,
        claimed: count(State::InFlight)?,
        dead: count(State::Dead)?,
        next_due_at,
        oldest_pending_at,
    })
}

pub(super) fn delivery(found: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        id: DeliveryId(found.get("id")?),
        alert_id: AlertId(found.get("alert_id")?),
        automation_id: AutomationId(uuid(found, "automation_id")?),
        origin: row::origin(found)?,
        integration_id: IntegrationId(uuid(found, "integration_id")?),
        record_id: found.get("record_id")?,
        state: word(found, "state", State::from_word)?,
        reason: found.get("reason")?,
        attempts: found.get("attempts")?,
        in_doubt: found.get("in_doubt")?,
        due_at: time(found, "due_at")?,
        expires_at: time(found, "expires_at")?,
        created_at: time(found, "created_at")?,
        finished_at: maybe_time(found, "finished_at")?,
    })
}

/// What came of an attempt, out of its row.
pub(super) fn outcome(found: &Row<'_>) -> rusqlite::Result<Outcome> {
    let status: Option<u16> = found.get("status")?;
    let retry_after: Option<i64> = found.get("retry_after_s")?;
    let retry_after =
        retry_after.map(|s| RetryAfter::Delay(Duration::from_secs(u64::try_from(s).unwrap_or(0))));
    let meaning: Option<String> = found.get("meaning")?;
    Ok(match (status, meaning) {
        (Some(status), None) => Outcome::Answered { status, retry_after },
        (Some(code), Some(_)) => Outcome::Judged(Judged {
            code,
            meaning: word(found, "meaning", Meaning::from_word)?,
            retry_after,
            words: found.get::<_, Option<String>>("detail")?.unwrap_or_default(),
        }),
        (None, _) => Outcome::Failed(Fault {
            kind: word(found, "fault", FaultKind::from_code)?,
            detail: found.get::<_, Option<String>>("detail")?.unwrap_or_default(),
        }),
    })
}

pub(super) fn attempt(found: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    let outcome = outcome(found)?;
    Ok(AttemptRow {
        number: found.get("n")?,
        started_at: time(found, "started_at")?,
        took: maybe_micros(found, "took_us")?.unwrap_or_default(),
        outcome,
        phases: Phases {
            resolve: maybe_micros(found, "resolve_us")?,
            connect: maybe_micros(found, "connect_us")?,
            tls: maybe_micros(found, "tls_us")?,
            first_byte: maybe_micros(found, "first_byte_us")?,
        },
        remote: found.get("remote")?,
        excerpt: found.get("excerpt")?,
        revision: found.get("revision")?,
    })
}
