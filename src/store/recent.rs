//! What pages of integrations and of automations show beside them: the last attempts, and how much there
//! is of what. Each is a stretch of an index with an end, however long the history is.

use rusqlite::{Connection, Row, params};

use super::error::SqlResult;
use super::queries::outcome;
use super::reader::{Reader, at_one_moment};
use super::row::{maybe_micros, time, uuid};
use crate::domain::id::{AutomationId, DeliveryId, IntegrationId};
use crate::domain::limits;
use crate::domain::recent::RecentAttempt;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Promise, StoreError};

/// How much there is of an automation. Each number is counted up to [`limits::COUNTED`], and means so
/// many or more there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AutomationCounts {
    /// Alerts since the time that was asked for.
    pub alerts: usize,
    /// Deliveries on their way: waiting, or claimed for an attempt.
    pub waiting: usize,
    /// Deliveries that were given up, and are kept; those of deleted integrations, too.
    pub dead: usize,
}

impl Reader {
    /// The last attempts of an integration, newest first, at most [`limits::RECENT_ATTEMPTS`]. Where the
    /// clock was set back, those from before stand in front of the newest until it has caught up.
    pub fn recent_attempts(
        &self,
        id: IntegrationId,
    ) -> Promise<Result<Vec<RecentAttempt>, StoreError>> {
        self.query(move |connection| attempts(connection, id, limits::RECENT_ATTEMPTS))
    }

    /// How much there is of each of these automations, in their order.
    pub fn automation_counts(
        &self,
        ids: Vec<AutomationId>,
        since: Timestamp,
    ) -> Promise<Result<Vec<AutomationCounts>, StoreError>> {
        self.query(move |connection| {
            at_one_moment(connection, |snapshot| {
                ids.iter().map(|id| counts(snapshot, *id, since, limits::COUNTED)).collect()
            })
        })
    }
}

pub(super) fn attempts(
    connection: &Connection,
    id: IntegrationId,
    limit: usize,
) -> SqlResult<Vec<RecentAttempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT delivery_id, n, started_at, took_us, status, meaning, fault, detail, retry_after_s
         FROM attempts INDEXED BY attempts_of_integration
         WHERE integration_id = ?1 ORDER BY started_at DESC, delivery_id DESC, n DESC LIMIT ?2",
    )?;
    let attempts = statement
        .query_map(params![id.0.as_bytes(), number(limit)], attempt)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(attempts)
}

pub(super) fn counts(
    connection: &Connection,
    id: AutomationId,
    since: Timestamp,
    most: usize,
) -> SqlResult<AutomationCounts> {
    let alerts = connection
        .prepare_cached(
            "SELECT count(*) FROM (
               SELECT 1 FROM alerts WHERE automation_id = ?1 AND escalated_at >= ?2 LIMIT ?3)",
        )?
        .query_row(params![id.0.as_bytes(), since.as_millis(), number(most)], many)?;
    let mut statement =
        connection.prepare_cached("SELECT id FROM integrations WHERE automation_id = ?1")?;
    let integrations: Vec<IntegrationId> = statement
        .query_map([id.0.as_bytes()], |found| uuid(found, "id").map(IntegrationId))?
        .collect::<rusqlite::Result<_>>()?;
    // Of all its integrations together no more is counted than of one.
    let count = |sql: &str| -> rusqlite::Result<usize> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut sum = 0;
        for each in &integrations {
            let left = most.saturating_sub(sum);
            sum += statement.query_row(params![each.0.as_bytes(), number(left)], many)?;
        }
        Ok(sum)
    };
    let pending = count(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_pending
           WHERE integration_id = ?1 AND state = 'pending' LIMIT ?2)",
    )?;
    let claimed = count(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_in_flight
           WHERE integration_id = ?1 AND state = 'in_flight' LIMIT ?2)",
    )?;
    let dead = count(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_given_up
           WHERE integration_id = ?1 AND state = 'dead' LIMIT ?2)",
    )?;
    Ok(AutomationCounts { alerts, waiting: (pending + claimed).min(most), dead })
}

fn attempt(found: &Row<'_>) -> rusqlite::Result<RecentAttempt> {
    Ok(RecentAttempt {
        delivery_id: DeliveryId(found.get("delivery_id")?),
        number: found.get("n")?,
        started_at: time(found, "started_at")?,
        took: maybe_micros(found, "took_us")?.unwrap_or_default(),
        outcome: outcome(found)?,
    })
}

fn many(found: &Row<'_>) -> rusqlite::Result<usize> {
    Ok(usize::try_from(found.get::<_, i64>(0)?).unwrap_or(0))
}

fn number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
