//! The audit log: a row for each change, in the transaction of the change. Triggers keep it as it was
//! written; retention alone takes rows away, from the old end.

use rusqlite::{Connection, Row, params, params_from_iter};
use serde_json::Value;

use super::error::SqlResult;
use super::row::{bad, time, word};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, ActorKind};

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its place in the order of commits.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who, and from which address.
    pub by: Actor,
    /// What was done: `automation.change`.
    pub action: String,
    /// To what: an id.
    pub subject: String,
    /// Before and after, without secrets.
    pub change: Value,
}

/// Which lines are meant; what is absent does not restrict.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// By the name of who did it.
    pub actor: Option<String>,
    /// By what was done.
    pub action: Option<String>,
    /// By the id of what it was done to.
    pub subject: Option<String>,
    /// Done at or after this.
    pub since: Option<Timestamp>,
    /// Done before this.
    pub until: Option<Timestamp>,
}

/// A place in the list, which is in order of time: behind it are older lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPlace {
    /// The line's time.
    pub at: Timestamp,
    /// Its id, among those of the same time.
    pub id: i64,
}

/// Writes one line. `change` holds no secret: it is made of domain types, which have none.
pub(super) fn audit(
    connection: &Connection,
    by: &Actor,
    at: Timestamp,
    action: &str,
    subject: &dyn std::fmt::Display,
    change: &Value,
) -> SqlResult<()> {
    connection.execute(
        "INSERT INTO audit (at, kind, actor, address, action, subject, change)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            at.as_millis(),
            by.kind.word(),
            by.name,
            by.address,
            action,
            subject.to_string(),
            change.to_string()
        ],
    )?;
    Ok(())
}

/// The statement for a filter: one index leads it, and gives the order.
pub(super) fn statement(filter: &AuditFilter, behind: bool) -> String {
    // The narrowest that is there: a thing has few lines, a person more, an action the most.
    let index = match (&filter.subject, &filter.actor, &filter.action) {
        (Some(_), _, _) => "audit_by_subject",
        (None, Some(_), _) => "audit_by_actor",
        (None, None, Some(_)) => "audit_by_action",
        (None, None, None) => "audit_by_time",
    };
    let mut text = format!("SELECT * FROM audit INDEXED BY {index}");
    let mut joiner = " WHERE ";
    let mut and = |condition: &str| {
        text.push_str(joiner);
        text.push_str(condition);
        joiner = " AND ";
    };
    for (is_there, condition) in [
        (filter.subject.is_some(), "subject = ?"),
        (filter.actor.is_some(), "actor = ?"),
        (filter.action.is_some(), "action = ?"),
        (filter.since.is_some(), "at >= ?"),
        (filter.until.is_some(), "at < ?"),
        (behind, "(at, id) < (?, ?)"),
    ] {
        if is_there {
            and(condition);
        }
    }
    text.push_str(" ORDER BY at DESC, id DESC LIMIT ?");
    text
}

pub(super) fn list(
    connection: &Connection,
    filter: &AuditFilter,
    behind: Option<AuditPlace>,
    limit: usize,
) -> SqlResult<Vec<AuditRow>> {
    let mut values: Vec<rusqlite::types::Value> = Vec::new();
    let texts = [&filter.subject, &filter.actor, &filter.action];
    values.extend(texts.into_iter().flatten().map(|text| text.clone().into()));
    let times = [filter.since, filter.until];
    values.extend(times.into_iter().flatten().map(|at| at.as_millis().into()));
    if let Some(place) = behind {
        values.extend([place.at.as_millis().into(), place.id.into()]);
    }
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let mut statement = connection.prepare_cached(&statement(filter, behind.is_some()))?;
    let rows = statement.query_map(params_from_iter(values), line)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Lines behind the one named in the order of commits, oldest first.
pub(super) fn follow(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> SqlResult<Vec<AuditRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement =
        connection.prepare_cached("SELECT * FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let rows = statement.query_map(params![after, limit], line)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The number of the newest line; 0 where there is none.
pub(super) fn newest(connection: &Connection) -> SqlResult<i64> {
    Ok(connection.query_row("SELECT ifnull(max(id), 0) FROM audit", [], |row| row.get(0))?)
}

/// Removes some lines from before `cutoff`, and never the newest of all. Returns how many.
pub(super) fn sweep(connection: &Connection, cutoff: Timestamp, limit: usize) -> SqlResult<u64> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let floor: Option<i64> = connection.query_row(
        "SELECT max(id) FROM (SELECT id, at FROM audit
           WHERE id < (SELECT max(id) FROM audit) ORDER BY id LIMIT ?1) WHERE at < ?2",
        params![limit, cutoff.as_millis()],
        |row| row.get(0),
    )?;
    let Some(floor) = floor else { return Ok(0) };
    connection.execute("UPDATE audit_floor SET id = ?1 WHERE id < ?1", [floor])?;
    let removed = connection.execute(
        "DELETE FROM audit WHERE id <= ?1 AND at < ?2",
        params![floor, cutoff.as_millis()],
    )?;
    Ok(removed as u64)
}

fn line(found: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let change: String = found.get("change")?;
    Ok(AuditRow {
        id: found.get("id")?,
        at: time(found, "at")?,
        by: Actor {
            kind: word(found, "kind", ActorKind::from_word)?,
            name: found.get("actor")?,
            address: found.get("address")?,
        },
        action: found.get("action")?,
        subject: found.get("subject")?,
        change: serde_json::from_str(&change).map_err(|error| bad("change", error))?,
    })
}
