//! Records that wait for a classifier: kept with what their call brought beside them, and gone with what they came to.

use rusqlite::{Connection, params};

use super::error::SqlResult;
use super::port::Run;
use super::row::time;
use super::turn::Door;
use super::{accept, conversations};
use crate::domain::limits::{WAITING_BYTES, WAITING_RECORDS};
use crate::engine::ports::{
    Accepted, FreshDelivery, NewAlert, NewWaiting, Promise, StoreError, Taking, WaitingId,
    WaitingRecord, WaitingRoom,
};
use crate::failpoint;

impl<R: Run + Send + Sync> WaitingRoom for R {
    fn take(&self, taking: Taking) -> Promise<Result<Option<Vec<Option<Accepted>>>, StoreError>> {
        let rows = rows(&taking.alerts) + taking.scores.len() + taking.waiting.len();
        self.write(Door::Intake, rows, move |connection, fresh| take(connection, &taking, fresh))
    }

    fn waiting(
        &self,
        after: WaitingId,
        limit: usize,
    ) -> Promise<Result<Vec<WaitingRecord>, StoreError>> {
        self.read(move |connection| waiting(connection, after, limit))
    }

    fn judged(
        &self,
        id: WaitingId,
        alerts: Vec<NewAlert>,
    ) -> Promise<Result<Vec<Option<Accepted>>, StoreError>> {
        self.write(Door::Intake, 1 + rows(&alerts), move |connection, fresh| {
            judged(connection, id, &alerts, fresh)
        })
    }
}

fn rows(alerts: &[NewAlert]) -> usize {
    alerts.iter().map(|alert| 1 + alert.deliveries.len()).sum()
}

fn take(
    connection: &Connection,
    taking: &Taking,
    fresh: &mut Vec<FreshDelivery>,
) -> SqlResult<Option<Vec<Option<Accepted>>>> {
    if let Some(first) = taking.waiting.first() {
        let new = unknown(connection, &taking.waiting)?;
        if !fits(connection, &new)? {
            return Ok(None);
        }
        wait(connection, &new)?;
        failpoint::reach("waiting.kept");
        conversations::remember(connection, &taking.scores, first.taken_at)?;
    }
    accept::accept(connection, &taking.alerts, fresh).map(Some)
}

/// Those that do not wait already: they take no room.
fn unknown<'a>(
    connection: &Connection,
    records: &'a [NewWaiting],
) -> SqlResult<Vec<&'a NewWaiting>> {
    let mut known = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM waiting_records WHERE told_by = ?1)")?;
    let mut new = Vec::with_capacity(records.len());
    for each in records {
        let is_known: bool = known.query_row([each.told_by], |found| found.get(0))?;
        if !is_known {
            new.push(each);
        }
    }
    Ok(new)
}

fn fits(connection: &Connection, new: &[&NewWaiting]) -> SqlResult<bool> {
    let bytes = new.iter().map(|each| each.record.len() + each.found.len()).sum();
    let fits = connection
        .prepare_cached("SELECT records + ?1 <= ?2 AND bytes + ?3 <= ?4 FROM waiting_room")?
        .query_row(
            params![
                number(new.len()),
                number(WAITING_RECORDS),
                number(bytes),
                number(WAITING_BYTES)
            ],
            |found| found.get(0),
        )?;
    // One that waits already takes no room.
    Ok(new.is_empty() || fits)
}

fn wait(connection: &Connection, new: &[&NewWaiting]) -> SqlResult<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO waiting_records (told_by, record, found, taken_at)
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT (told_by) DO NOTHING",
    )?;
    for each in new {
        let at = each.taken_at.as_millis();
        insert.execute(params![each.told_by, each.record, each.found, at])?;
    }
    Ok(())
}

fn waiting(
    connection: &Connection,
    after: WaitingId,
    limit: usize,
) -> SqlResult<Vec<WaitingRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, record, found, taken_at FROM waiting_records WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let found = statement.query_map(params![after.0, number(limit)], |found| {
        Ok(WaitingRecord {
            id: WaitingId(found.get("id")?),
            record: found.get("record")?,
            found: found.get("found")?,
            taken_at: time(found, "taken_at")?,
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn judged(
    connection: &Connection,
    id: WaitingId,
    alerts: &[NewAlert],
    fresh: &mut Vec<FreshDelivery>,
) -> SqlResult<Vec<Option<Accepted>>> {
    let accepted = accept::accept(connection, alerts, fresh)?;
    failpoint::reach("waiting.judged");
    connection.prepare_cached("DELETE FROM waiting_records WHERE id = ?1")?.execute([id.0])?;
    Ok(accepted)
}

/// How many there are.
pub(super) fn count(connection: &Connection) -> SqlResult<u64> {
    let count: i64 = connection
        .prepare_cached("SELECT records FROM waiting_room")?
        .query_row([], |found| found.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn number(bound: usize) -> i64 {
    i64::try_from(bound).unwrap_or(i64::MAX)
}
