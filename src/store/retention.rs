//! What is old and finished goes, a little at a time.

use rusqlite::{Connection, params};

use super::error::SqlResult;
use crate::domain::time::Timestamp;

/// Alerts that go in one transaction: it must stay short, for others wait for it.
const SLICE: i64 = 500;
/// Alerts too young to go that are passed by. Ids follow the clock but for the times at which it was
/// set back; past so many there is nothing old, and looking on would read millions of rows.
const YOUNG: i64 = 1_000;

/// Removes some alerts from before `cutoff` whose deliveries are all finished, with their history.
/// Returns how many; 0 when none is left. The newest of all stay, so that no id is given twice.
pub(super) fn sweep(connection: &Connection, cutoff: Timestamp) -> SqlResult<u64> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM alerts a
         WHERE escalated_at < ?1 AND id < ifnull(
             (SELECT id FROM alerts WHERE escalated_at >= ?1 ORDER BY id LIMIT 1 OFFSET ?3),
             (SELECT max(id) FROM alerts))
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = a.id
             AND (d.state IN ('pending', 'in_flight') OR d.id = (SELECT max(id) FROM deliveries)))
         ORDER BY id LIMIT ?2",
    )?;
    let old: Vec<i64> = statement
        .query_map(params![cutoff.as_millis(), SLICE, YOUNG], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for alert in &old {
        for sql in [
            "DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE alert_id = ?1)",
            "DELETE FROM deliveries WHERE alert_id = ?1",
            "DELETE FROM alerts WHERE id = ?1",
        ] {
            connection.prepare_cached(sql)?.execute([alert])?;
        }
    }
    Ok(old.len() as u64)
}
