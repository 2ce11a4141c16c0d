//! A row for each minute in which the service ran: added to, read in spans, and removed when it is old.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::reader::Reader;
use super::row::{bad, time};
use crate::domain::latency::{BUCKETS, Histogram};
use crate::domain::limits;
use crate::domain::minutes::{Counts, Levels, Minute, Series, Span, minute_of};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Promise, StoreError};

/// Bytes of one bucket's count.
const COUNT_BYTES: usize = 4;

impl Reader {
    /// The history of a span that ends now.
    pub fn series(&self, span: Span, now: Timestamp) -> Promise<Result<Series, StoreError>> {
        self.query(move |connection| series(connection, span, now))
    }

    /// How many deliveries stand where now. Its cost is that of what waits and what was given up.
    pub fn levels(&self) -> Promise<Result<Levels, StoreError>> {
        self.query(levels)
    }
}

/// What is there is read and put together with what comes: one transaction, and nobody else writes.
pub(super) fn add(connection: &Connection, minute: &Minute) -> SqlResult<()> {
    let known: Option<Histogram> = connection
        .prepare_cached("SELECT latency FROM minutes WHERE at = ?1")?
        .query_row([minute.at.as_millis()], latency)
        .optional()?;
    let mut latency = minute.counts.latency.clone();
    if let Some(known) = known {
        latency.add(&known);
    }
    let Counts { accepted, delivered, failed, dead, discarded, latency: _ } = minute.counts;
    connection
        .prepare_cached(
            "INSERT INTO minutes (at, accepted, delivered, failed, dead, discarded, waiting_level,
               dead_level, latency) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (at) DO UPDATE SET accepted = accepted + excluded.accepted,
               delivered = delivered + excluded.delivered, failed = failed + excluded.failed,
               dead = dead + excluded.dead, discarded = discarded + excluded.discarded,
               waiting_level = ifnull(excluded.waiting_level, waiting_level),
               dead_level = ifnull(excluded.dead_level, dead_level), latency = excluded.latency",
        )?
        .execute(params![
            minute.at.as_millis(),
            number(accepted),
            number(delivered),
            number(failed),
            number(dead),
            number(discarded),
            minute.levels.map(|levels| number(levels.waiting)),
            minute.levels.map(|levels| number(levels.dead)),
            bytes(&latency),
        ])?;
    Ok(())
}

/// So many were discarded: written with what discarded them, so that it is neither lost nor told twice.
pub(super) fn discarded(connection: &Connection, at: Timestamp, many: usize) -> SqlResult<()> {
    if many == 0 {
        return Ok(());
    }
    let counts = Counts { discarded: many as u64, ..Counts::default() };
    add(connection, &Minute { at: minute_of(at), counts, levels: None })
}

/// Removes the oldest from before `cutoff`; returns how many.
pub(super) fn sweep(connection: &Connection, cutoff: Timestamp, most: usize) -> SqlResult<u64> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let removed = connection
        .prepare_cached(
            "DELETE FROM minutes WHERE at IN (
               SELECT at FROM minutes WHERE at < ?1 ORDER BY at LIMIT ?2)",
        )?
        .execute(params![cutoff.as_millis(), most])?;
    Ok(removed as u64)
}

pub(super) fn series(connection: &Connection, span: Span, now: Timestamp) -> SqlResult<Series> {
    let (from, until) = span.bounds(now);
    let mut series = Series::empty(span, now);
    let most = limits::MINUTES_KEPT.as_secs() / 60;
    // No index is needed: the beginning of a minute is the key.
    let mut statement = connection
        .prepare_cached("SELECT * FROM minutes WHERE at >= ?1 AND at < ?2 ORDER BY at LIMIT ?3")?;
    let rows = params![from.as_millis(), until.as_millis(), number(most)];
    let mut rows = statement.query(rows)?;
    while let Some(found) = rows.next()? {
        series.add(&minute(found)?);
    }
    Ok(series)
}

pub(super) fn levels(connection: &Connection) -> SqlResult<Levels> {
    let snapshot = connection.unchecked_transaction()?;
    let count = |sql: &str| -> rusqlite::Result<u64> {
        snapshot.prepare_cached(sql)?.query_row([], |row| unsigned(row, 0))
    };
    let pending = count(
        "SELECT count(*) FROM deliveries INDEXED BY deliveries_pending WHERE state = 'pending'",
    )?;
    let claimed = count(
        "SELECT count(*) FROM deliveries INDEXED BY deliveries_in_flight WHERE state = 'in_flight'",
    )?;
    let dead = count(
        "SELECT count(*) FROM deliveries INDEXED BY deliveries_given_up WHERE state = 'dead'",
    )?;
    Ok(Levels { waiting: pending + claimed, dead })
}

fn minute(found: &Row<'_>) -> rusqlite::Result<Minute> {
    let count = |column: &str| unsigned(found, column);
    let level = |column: &str| -> rusqlite::Result<Option<u64>> {
        let level: Option<i64> = found.get(column)?;
        Ok(level.map(|level| u64::try_from(level).unwrap_or(0)))
    };
    Ok(Minute {
        at: time(found, "at")?,
        counts: Counts {
            accepted: count("accepted")?,
            delivered: count("delivered")?,
            failed: count("failed")?,
            dead: count("dead")?,
            discarded: count("discarded")?,
            latency: latency(found)?,
        },
        levels: level("waiting_level")?
            .zip(level("dead_level")?)
            .map(|(waiting, dead)| Levels { waiting, dead }),
    })
}

fn unsigned(found: &Row<'_>, column: impl rusqlite::RowIndex) -> rusqlite::Result<u64> {
    Ok(u64::try_from(found.get::<_, i64>(column)?).unwrap_or(0))
}

/// As the column holds it; what does not fit would be a clock's mistake of centuries.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn bytes(histogram: &Histogram) -> Vec<u8> {
    if histogram.total() == 0 {
        return Vec::new();
    }
    let counts = histogram.counts().iter();
    counts.flat_map(|count| u32::try_from(*count).unwrap_or(u32::MAX).to_le_bytes()).collect()
}

fn latency(found: &Row<'_>) -> rusqlite::Result<Histogram> {
    let bytes: Vec<u8> = found.get("latency")?;
    let mut counts = [0; BUCKETS];
    if bytes.is_empty() {
        return Ok(Histogram::from_counts(counts));
    }
    if bytes.len() != BUCKETS * COUNT_BYTES {
        return Err(bad("latency", format!("{} bytes", bytes.len())));
    }
    let (parts, _) = bytes.as_chunks::<COUNT_BYTES>();
    for (count, part) in counts.iter_mut().zip(parts) {
        *count = u64::from(u32::from_le_bytes(*part));
    }
    Ok(Histogram::from_counts(counts))
}
