//! What is old and finished goes, a little at a time.

use rusqlite::{Connection, params};

use super::error::SqlResult;
use crate::domain::id::AlertId;
use crate::domain::limits;
use crate::domain::time::Timestamp;

/// What one step of removing took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Alerts that are gone.
    pub removed: u64,
    /// Behind which alert to go on; nothing where there is nothing old any more.
    pub next: Option<AlertId>,
}

/// Removes alerts from before `cutoff` whose deliveries are all finished, with their history. The
/// newest of all stay, so that no id is given twice.
///
/// Alerts are in order of time, but where a clock was set back: it ends at a whole step of alerts that
/// are not old.
pub(super) fn sweep(
    connection: &Connection,
    cutoff: Timestamp,
    after: Option<AlertId>,
) -> SqlResult<Swept> {
    let mut statement = connection.prepare_cached(
        "SELECT id, escalated_at < ?2 FROM alerts
         WHERE id > ?1 AND id < (SELECT max(id) FROM alerts) ORDER BY id LIMIT ?3",
    )?;
    let limit = i64::try_from(limits::STORE_SWEEP_ALERTS).unwrap_or(i64::MAX);
    let after = after.map_or(i64::MIN, |id| id.0);
    let looked_at: Vec<(i64, bool)> = statement
        .query_map(params![after, cutoff.as_millis(), limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut swept = Swept { removed: 0, next: None };
    if looked_at.iter().all(|(_, old)| !old) {
        return Ok(swept);
    }
    let mut rows = 0;
    for (alert, old) in looked_at {
        if old && is_finished(connection, alert)? {
            rows += remove(connection, alert)?;
            swept.removed += 1;
        }
        swept.next = Some(AlertId(alert));
        if rows >= limits::STORE_SWEEP_ROWS {
            break;
        }
    }
    Ok(swept)
}

fn is_finished(connection: &Connection, alert: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT NOT EXISTS (SELECT 1 FROM deliveries WHERE alert_id = ?1
               AND (state IN ('pending', 'in_flight') OR id = (SELECT max(id) FROM deliveries)))",
        )?
        .query_row([alert], |row| row.get(0))
}

fn remove(connection: &Connection, alert: i64) -> rusqlite::Result<usize> {
    let mut rows = 0;
    for sql in [
        "DELETE FROM recipients WHERE delivery_id IN (SELECT id FROM deliveries WHERE alert_id = ?1)",
        "DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE alert_id = ?1)",
        "DELETE FROM deliveries WHERE alert_id = ?1",
        "DELETE FROM alerts WHERE id = ?1",
    ] {
        rows += connection.prepare_cached(sql)?.execute([alert])?;
    }
    Ok(rows)
}
