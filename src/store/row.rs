//! Between rows and domain types: the words and numbers of columns.

use std::str::FromStr;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::error::SqlResult;
use crate::domain::alert::{Aside, Origin};
use crate::domain::id::AutomationId;
use crate::domain::limits;
use crate::domain::notice::HeldBack;
use crate::domain::time::Timestamp;

/// A column that holds what the schema does not allow: damage, or a bug of ours.
pub(super) fn bad(column: &str, what: impl std::fmt::Display) -> rusqlite::Error {
    let text = format!("column {column}: {what}");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, text.into())
}

pub(super) fn uuid(row: &Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(Uuid::from_bytes(bytes))
}

pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

pub(super) fn maybe_time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

pub(super) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn maybe_micros(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Duration>> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(|each| Duration::from_micros(u64::try_from(each).unwrap_or(0))))
}

pub(super) fn maybe_millis(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Duration>> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(|each| Duration::from_millis(u64::try_from(each).unwrap_or(0))))
}

/// A word that a domain type stands for.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: &str,
    known: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    known(&text).ok_or_else(|| bad(column, format!("unknown word {text}")))
}

/// The same for a column that may be empty and a type that parses.
pub(super) fn maybe_parsed<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|_| bad(column, format!("unknown word {text}"))))
        .transpose()
}

/// Writes something and removes it, each on its own, to see whether writing works. What is removed
/// before its commit would never have needed room.
pub(super) fn probe(connection: &Connection) -> SqlResult<()> {
    connection.execute(
        "INSERT OR REPLACE INTO probes (one, filler) VALUES (1, zeroblob(?1))",
        [limits::STORE_PROBE_BYTES],
    )?;
    connection.execute("DELETE FROM probes", [])?;
    Ok(())
}

/// Who found what an alert tells of, from a row that has its automation and its origin.
pub(super) fn origin(row: &Row<'_>) -> rusqlite::Result<Origin> {
    match row.get::<_, Option<String>>("origin")? {
        Some(automation) => Ok(Origin::Relayed(automation)),
        None => Ok(Origin::Fired(AutomationId(uuid(row, "automation_id")?))),
    }
}

/// What stands beside an alert, from its row.
pub(super) fn aside(row: &Row<'_>) -> rusqlite::Result<Aside> {
    let since = maybe_time(row, "held_since")?;
    let count: i64 = row.get("held_count")?;
    let count = u64::try_from(count).unwrap_or(0);
    let held_back = since.map(|since| HeldBack { count, since });
    Ok(Aside { thread: row.get("thread")?, held_back })
}

/// A run begins. Returns whether the one before ended orderly, and when it began.
pub(super) fn begin_run(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<(bool, Timestamp)> {
    let before = connection.query_row("SELECT clean, started_at FROM runs", [], |row| {
        Ok((row.get::<_, i64>(0)? == 1, Timestamp::from_millis(row.get(1)?)))
    })?;
    connection.execute(
        "UPDATE runs SET clean = 0, number = number + 1, started_at = ?1",
        [now.as_millis()],
    )?;
    Ok(before)
}

/// The run ends orderly.
pub(super) fn mark_run_clean(connection: &Connection) -> SqlResult<()> {
    connection.execute("UPDATE runs SET clean = 1", [])?;
    Ok(())
}
