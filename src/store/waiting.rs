//! Records that wait for a classifier: kept with what their call brought beside them, and gone with what they came to.

use rusqlite::{Connection, Row, params};

use super::error::SqlResult;
use super::port::Run;
use super::row::{bad, time, word};
use super::turn::Door;
use super::{accept, conversations};
use crate::domain::levels::Levels;
use crate::domain::limits::{WAITING_BYTES, WAITING_RECORDS};
use crate::engine::ports::{
    Accepted, FreshDelivery, NewAlert, NewWaiting, Promise, StoreError, Taking, WaitingId,
    WaitingRecord, WaitingRoom,
};
use crate::failpoint;

impl<R: Run + Send + Sync> WaitingRoom for R {
    fn take(&self, taking: Taking) -> Promise<Result<Vec<Option<Accepted>>, StoreError>> {
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
) -> SqlResult<Vec<Option<Accepted>>> {
    if let Some(first) = taking.waiting.first() {
        wait(connection, &taking.waiting)?;
        conversations::remember(connection, &taking.scores, first.taken_at)?;
    }
    accept::accept(connection, &taking.alerts, fresh)
}

/// Where there is no room, all of the command is undone.
fn wait(connection: &Connection, records: &[NewWaiting]) -> SqlResult<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO waiting_records (told_by, record, language, escalation, emotional_intensity,
           sentiment_shift, taken_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (told_by) DO NOTHING",
    )?;
    let mut more = 0;
    for each in records {
        more += insert.execute(params![
            each.told_by,
            each.record,
            each.language,
            each.detected.escalation.word(),
            each.detected.emotional_intensity.word(),
            each.detected.sentiment_shift.map(|shift| shift.word()),
            each.taken_at.as_millis(),
        ])?;
    }
    let fits: bool = connection
        .prepare_cached("SELECT records <= ?1 AND bytes <= ?2 FROM waiting_room")?
        .query_row(params![number(WAITING_RECORDS), number(WAITING_BYTES)], |row| row.get(0))?;
    // One that waits already takes no room.
    if more > 0 && !fits {
        return Err(StoreError::Busy.into());
    }
    Ok(())
}

fn waiting(
    connection: &Connection,
    after: WaitingId,
    limit: usize,
) -> SqlResult<Vec<WaitingRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, record, language, escalation, emotional_intensity, sentiment_shift, taken_at
         FROM waiting_records WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let found = statement.query_map(params![after.0, number(limit)], record)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn record(found: &Row<'_>) -> rusqlite::Result<WaitingRecord> {
    let shift: Option<String> = found.get("sentiment_shift")?;
    let shift = shift.map(|text| text.parse().map_err(|error| bad("sentiment_shift", error)));
    Ok(WaitingRecord {
        id: WaitingId(found.get("id")?),
        record: found.get("record")?,
        language: found.get("language")?,
        detected: Levels {
            escalation: word(found, "escalation", |text| text.parse().ok())?,
            emotional_intensity: word(found, "emotional_intensity", |text| text.parse().ok())?,
            sentiment_shift: shift.transpose()?,
        },
        taken_at: time(found, "taken_at")?,
    })
}

fn judged(
    connection: &Connection,
    id: WaitingId,
    alerts: &[NewAlert],
    fresh: &mut Vec<FreshDelivery>,
) -> SqlResult<Vec<Option<Accepted>>> {
    failpoint::reach("waiting.judged");
    let accepted = accept::accept(connection, alerts, fresh)?;
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
