//! Cool-downs: what went out last of each key, and what was held back since, counted and listed. All of it is
//! decided in the transaction that stores the alert, so that of two calls at once one goes out.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::reader::Reader;
use super::row::{time, word};
use crate::domain::hygiene::holds_back;
use crate::domain::id::AutomationId;
use crate::domain::levels::Level;
use crate::domain::notice::HeldBack;
use crate::domain::time::Timestamp;
use crate::engine::ports::{NewAlert, Promise, StoreError};

/// What becomes of an alert.
pub(super) enum Judged {
    /// It goes out, and tells of what was held back before it.
    GoesOut(Option<HeldBack>),
    /// It is counted, and nothing else.
    HeldBack,
}

/// An alert that was held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBackRow {
    /// Its place in the list.
    pub id: i64,
    /// The record that it would have been for.
    pub record_id: String,
    /// The record's organisation.
    pub org_id: String,
    /// How bad it was.
    pub escalation_level: Level,
    /// When it would have gone out.
    pub at: Timestamp,
}

pub(super) fn judge(connection: &Connection, new: &NewAlert) -> SqlResult<Judged> {
    let Some(cooling) = new.cool_down else { return Ok(Judged::GoesOut(new.aside.held_back)) };
    let automation = new.automation_id.0.as_bytes();
    let now = new.escalated_at;
    let last = connection
        .prepare_cached(
            "SELECT alert_at, level, held_count, held_since FROM cool_downs
             WHERE automation_id = ?1 AND key = ?2",
        )?
        .query_row(params![automation, cooling.key], |found| {
            let since = super::row::maybe_time(found, "held_since")?;
            let count: i64 = found.get("held_count")?;
            let held =
                since.map(|since| HeldBack { count: u64::try_from(count).unwrap_or(0), since });
            Ok((time(found, "alert_at")?, level(found)?, held))
        })
        .optional()?;
    if let Some((alert_at, level, _)) = &last
        // After a step back of the clock an alert may seem to come: it held nothing back yet.
        && *alert_at <= now
        && holds_back(cooling.span, now.since(*alert_at), *level, cooling.level)
    {
        let fresh = connection
            .prepare_cached(
                "INSERT INTO held_back (automation_id, record_id, org_id, level, at)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (automation_id, record_id) DO NOTHING",
            )?
            .execute(params![
                automation,
                new.told_by,
                new.org_id,
                cooling.level.word(),
                now.as_millis()
            ])?;
        connection
            .prepare_cached(
                "UPDATE cool_downs SET held_count = held_count + ?3,
                   held_since = ifnull(held_since, iif(?3 > 0, ?4, NULL))
                 WHERE automation_id = ?1 AND key = ?2",
            )?
            .execute(params![automation, cooling.key, i64::from(fresh > 0), now.as_millis()])?;
        return Ok(Judged::HeldBack);
    }
    connection
        .prepare_cached(
            "INSERT INTO cool_downs (automation_id, key, alert_at, level) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (automation_id, key) DO UPDATE
               SET alert_at = ?3, level = ?4, held_count = 0, held_since = NULL",
        )?
        .execute(params![automation, cooling.key, now.as_millis(), cooling.level.word()])?;
    Ok(Judged::GoesOut(last.and_then(|(_, _, held)| held)))
}

fn level(found: &Row<'_>) -> rusqlite::Result<Level> {
    word(found, "level", |word| word.parse().ok())
}

/// Removes what is from before `cutoff`, a few at a time; returns how many.
pub(super) fn sweep(connection: &Connection, cutoff: Timestamp, most: usize) -> SqlResult<u64> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let listed = connection
        .prepare_cached(
            "DELETE FROM held_back WHERE id IN
               (SELECT id FROM held_back WHERE at < ?1 ORDER BY at LIMIT ?2)",
        )?
        .execute(params![cutoff.as_millis(), most])?;
    let cooled = connection
        .prepare_cached(
            "DELETE FROM cool_downs WHERE (automation_id, key) IN
               (SELECT automation_id, key FROM cool_downs WHERE alert_at < ?1 ORDER BY alert_at LIMIT ?2)",
        )?
        .execute(params![cutoff.as_millis(), most])?;
    Ok((listed + cooled) as u64)
}

impl Reader {
    /// What was held back of an automation's alerts, newest first, behind the one named.
    pub fn held_back(
        &self,
        automation: AutomationId,
        before: Option<i64>,
        limit: usize,
    ) -> Promise<Result<Vec<HeldBackRow>, StoreError>> {
        self.query(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, record_id, org_id, level, at FROM held_back
                 WHERE automation_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let before = before.unwrap_or(i64::MAX);
            let rows =
                statement.query_map(params![automation.0.as_bytes(), before, limit], |found| {
                    Ok(HeldBackRow {
                        id: found.get("id")?,
                        record_id: found.get("record_id")?,
                        org_id: found.get("org_id")?,
                        escalation_level: level(found)?,
                        at: time(found, "at")?,
                    })
                })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many alerts of an automation are listed as held back.
    pub fn count_held_back(&self, automation: AutomationId) -> Promise<Result<u64, StoreError>> {
        self.query(move |connection| {
            let count: i64 = connection
                .prepare_cached("SELECT count(*) FROM held_back WHERE automation_id = ?1")?
                .query_row([automation.0.as_bytes()], |found| found.get(0))?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }
}
