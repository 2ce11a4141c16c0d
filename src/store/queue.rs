//! The queues on disk: read in stretches, and put in order after a stop.

use rusqlite::{Connection, Row, params};

use super::error::SqlResult;
use super::{row, settle};
use crate::domain::delivery::{Phases, QueueKey, Report, Waiting};
use crate::domain::id::{AlertId, DeliveryId, IntegrationId};
use crate::domain::limits;
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::time::Timestamp;
use crate::engine::ports::Loaded;

pub(super) fn load(
    connection: &Connection,
    integration: IntegrationId,
    after: Option<QueueKey>,
    limit: usize,
) -> SqlResult<Loaded> {
    // Both readings see the same snapshot.
    let snapshot = connection.unchecked_transaction()?;
    let (queue_at, id) =
        after.map_or((i64::MIN, i64::MIN), |key| (key.queue_at.as_millis(), key.id.0));
    let mut statement = snapshot.prepare_cached(
        "SELECT id, alert_id, queue_at, due_at, expires_at, created_at, attempts, is_put_off FROM deliveries
         WHERE integration_id = ?1 AND state = 'pending' AND (queue_at, id) > (?2, ?3)
         ORDER BY queue_at, id LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![integration.0.as_bytes(), queue_at, id, limit], waiting)?
        .collect::<rusqlite::Result<_>>()?;
    let newest = snapshot
        .prepare_cached("SELECT ifnull(max(id), 0) FROM deliveries")?
        .query_row([], |row| row.get(0))?;
    Ok(Loaded { rows, newest })
}

fn waiting(found: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        id: DeliveryId(found.get("id")?),
        alert: AlertId(found.get("alert_id")?),
        queue_at: row::time(found, "queue_at")?,
        due_at: row::time(found, "due_at")?,
        expires_at: row::time(found, "expires_at")?,
        accepted_at: row::time(found, "created_at")?,
        attempts: found.get("attempts")?,
        put_off: found.get("is_put_off")?,
    })
}

pub(super) fn waiting_destinations(connection: &Connection) -> SqlResult<Vec<IntegrationId>> {
    destinations(connection, "status = 'active' AND deleted_at IS NULL")
}

/// Those of them that have waiting deliveries. One look into the queue's index for each: cheap however
/// long the queues are.
fn destinations(connection: &Connection, these: &str) -> SqlResult<Vec<IntegrationId>> {
    let mut statement = connection.prepare(&format!(
        "SELECT id FROM integrations
         WHERE {these} AND EXISTS (
           SELECT 1 FROM deliveries
           WHERE deliveries.integration_id = integrations.id AND state = 'pending')
         ORDER BY id"
    ))?;
    let ids = statement
        .query_map([], |found| row::uuid(found, "id").map(IntegrationId))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(ids)
}

/// See [`crate::engine::ports::Store::recover`]. First attempts are sent without being claimed: after a
/// stop that was not orderly, the head of each queue is marked as possibly tried.
pub(super) fn recover(
    connection: &Connection,
    now: Timestamp,
    due_at: Timestamp,
) -> SqlResult<u64> {
    let (clean, _) = row::begin_run(connection, now)?;
    let mut statement = connection
        .prepare("SELECT id, attempts, integration_id FROM deliveries WHERE state = 'in_flight'")?;
    let claimed: Vec<(i64, u32, IntegrationId)> = statement
        .query_map([], |found| {
            let integration = IntegrationId(row::uuid(found, "integration_id")?);
            Ok((found.get(0)?, found.get(1)?, integration))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (id, attempts, integration) in &claimed {
        let report = Report {
            started_at: now,
            took: std::time::Duration::ZERO,
            outcome: Outcome::Failed(Fault { kind: FaultKind::Interrupted, detail: String::new() }),
            phases: Phases::default(),
            excerpt: None,
            remote: None,
            revision: None,
            recipients: Vec::new(),
        };
        settle::record(connection, *integration, DeliveryId(*id), attempts + 1, &report)?;
        connection.execute(
            "UPDATE deliveries SET state = 'pending', attempts = attempts + 1, in_doubt = in_doubt + 1,
               due_at = ?2, queue_at = iif(queue_at = 0, 0, ?2)
             WHERE id = ?1 AND state = 'in_flight'",
            params![id, due_at.as_millis()],
        )?;
    }
    if !clean {
        mark_heads(connection)?;
    }
    Ok(claimed.len() as u64)
}

/// Each destination's attempts that may have been on the wire, whatever became of its status since.
fn mark_heads(connection: &Connection) -> SqlResult<()> {
    let outstanding = i64::try_from(limits::OUTSTANDING).unwrap_or(i64::MAX);
    for id in destinations(connection, "1")? {
        // Later attempts may stand before first ones; a claim tells of those. The look is bounded.
        connection
            .prepare_cached(
                "UPDATE deliveries SET in_doubt = in_doubt + 1 WHERE id IN (
                   SELECT id FROM (
                     SELECT id, attempts FROM deliveries
                     WHERE integration_id = ?1 AND state = 'pending'
                     ORDER BY queue_at, id LIMIT 8 * ?2)
                   WHERE attempts = 0 LIMIT ?2)",
            )?
            .execute(params![id.0.as_bytes(), outstanding])?;
    }
    Ok(())
}
