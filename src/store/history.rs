//! Deliveries as pages show them: with the names that people know, with what came of the last attempt, and
//! of a long history a bounded part at a time.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::queries::{AttemptRow, DELIVERY, DeliveryFilter, DeliveryRow, attempt, delivery, list};
use super::reader::{Reader, at_one_moment};
use super::recipients;
use super::row::uuid;
use crate::domain::id::{AutomationId, DeliveryId, IntegrationId};
use crate::domain::recipient::Recipient;
use crate::engine::ports::{Promise, StoreError};

/// Where a delivery comes from and goes to, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What people call the automation.
    pub automation: String,
    /// What people call the integration.
    pub integration: String,
    /// Whether the automation is deleted.
    pub automation_deleted: bool,
    /// Whether the integration is deleted.
    pub integration_deleted: bool,
}

/// A delivery of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The delivery.
    pub row: DeliveryRow,
    /// Its names.
    pub way: Way,
    /// Its newest attempt, where one was made.
    pub last: Option<AttemptRow>,
}

/// A delivery with a part of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The delivery.
    pub row: DeliveryRow,
    /// Its names.
    pub way: Way,
    /// Attempts of its history in all.
    pub count: u64,
    /// A part of them, newest first.
    pub attempts: Vec<AttemptRow>,
    /// The one asked for, or the newest.
    pub chosen: Option<AttemptRow>,
    /// What is known of its addresses, where it has several.
    pub recipients: Vec<Recipient>,
}

/// An automation that a list can be narrowed to, with its integrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub id: AutomationId,
    /// What people call it.
    pub name: String,
    /// Its integrations, in their order.
    pub integrations: Vec<(IntegrationId, String)>,
}

impl Reader {
    /// The log of deliveries, newest first, behind the one named.
    pub fn log(
        &self,
        filter: DeliveryFilter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Promise<Result<Vec<Logged>, StoreError>> {
        self.query(move |connection| log(connection, &filter, before, limit))
    }

    /// These deliveries, with what the log shows of them.
    pub fn logged(&self, rows: Vec<DeliveryRow>) -> Promise<Result<Vec<Logged>, StoreError>> {
        self.query(move |connection| {
            let logged = rows.into_iter().map(|row| logged(connection, row));
            Ok(logged.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// One delivery with up to `limit` attempts, those numbered below `before` where it is given, and the
    /// attempt of that number, or the newest.
    pub fn history(
        &self,
        id: DeliveryId,
        before: Option<u32>,
        limit: usize,
        number: Option<u32>,
    ) -> Promise<Result<History, StoreError>> {
        self.query(move |connection| {
            at_one_moment(connection, |snapshot| history(snapshot, id, before, limit, number))
        })
    }

    /// Up to so many automations in the order of their names, with up to so many integrations in all. The
    /// one named, or that of the integration named, comes first, deleted or not.
    pub fn choices(
        &self,
        automation: Option<AutomationId>,
        integration: Option<IntegrationId>,
        most: usize,
    ) -> Promise<Result<Vec<Choice>, StoreError>> {
        self.query(move |connection| {
            at_one_moment(connection, |snapshot| choices(snapshot, automation, integration, most))
        })
    }
}

pub(super) fn log(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
    limit: usize,
) -> SqlResult<Vec<Logged>> {
    let rows = list(connection, filter, before, limit)?;
    let logged = rows.into_iter().map(|row| logged(connection, row));
    Ok(logged.collect::<rusqlite::Result<_>>()?)
}

fn logged(connection: &Connection, row: DeliveryRow) -> rusqlite::Result<Logged> {
    let way = way(connection, row.integration_id)?;
    let last = newest(connection, row.id, None)?;
    Ok(Logged { row, way, last })
}

fn way(connection: &Connection, id: IntegrationId) -> rusqlite::Result<Way> {
    connection
        .prepare_cached(
            "SELECT i.name AS integration, i.deleted_at IS NOT NULL AS integration_deleted,
               au.name AS automation, au.deleted_at IS NOT NULL AS automation_deleted
             FROM integrations i JOIN automations au ON au.id = i.automation_id WHERE i.id = ?1",
        )?
        .query_row([id.0.as_bytes()], |found| {
            Ok(Way {
                automation: found.get("automation")?,
                integration: found.get("integration")?,
                automation_deleted: found.get("automation_deleted")?,
                integration_deleted: found.get("integration_deleted")?,
            })
        })
}

/// The attempt of that number, or the newest.
fn newest(
    connection: &Connection,
    id: DeliveryId,
    number: Option<u32>,
) -> rusqlite::Result<Option<AttemptRow>> {
    connection
        .prepare_cached(
            "SELECT * FROM attempts WHERE delivery_id = ?1 AND n = ifnull(?2, (SELECT max(n)
               FROM attempts WHERE delivery_id = ?1))",
        )?
        .query_row(params![id.0, number], attempt)
        .optional()
}

pub(super) fn history(
    connection: &Connection,
    id: DeliveryId,
    before: Option<u32>,
    limit: usize,
    number: Option<u32>,
) -> SqlResult<History> {
    let row = connection
        .prepare_cached(&format!("{DELIVERY} WHERE d.id = ?1"))?
        .query_row([id.0], delivery)?;
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM attempts WHERE delivery_id = ?1")?
        .query_row([id.0], |found| found.get(0))?;
    let before = before.map_or(i64::MAX, i64::from);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let attempts = connection
        .prepare_cached(
            "SELECT * FROM attempts WHERE delivery_id = ?1 AND n < ?2 ORDER BY n DESC LIMIT ?3",
        )?
        .query_map(params![id.0, before, limit], attempt)?
        .collect::<rusqlite::Result<_>>()?;
    let chosen = newest(connection, id, number)?;
    let way = way(connection, row.integration_id)?;
    let recipients = recipients::of(connection, id)?;
    let count = u64::try_from(count).unwrap_or(0);
    Ok(History { row, way, count, attempts, chosen, recipients })
}

pub(super) fn choices(
    connection: &Connection,
    automation: Option<AutomationId>,
    integration: Option<IntegrationId>,
    most: usize,
) -> SqlResult<Vec<Choice>> {
    let bytes = |id: Option<uuid::Uuid>| id.map(|id| id.as_bytes().to_vec());
    let integration = bytes(integration.map(|id| id.0));
    let chosen: Option<Vec<u8>> = match (automation, &integration) {
        (Some(automation), _) => bytes(Some(automation.0)),
        (None, Some(integration)) => connection
            .prepare_cached("SELECT automation_id FROM integrations WHERE id = ?1")?
            .query_row([integration], |found| found.get(0))
            .optional()?,
        (None, None) => None,
    };
    let limit = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let named = |found: &Row<'_>| Ok((uuid(found, "id")?, found.get::<_, String>("name")?));
    let automations: Vec<(uuid::Uuid, String)> = connection
        .prepare_cached(
            "SELECT id, name FROM automations WHERE deleted_at IS NULL OR id IS ?1
             ORDER BY id IS ?1 DESC, name COLLATE NOCASE, id LIMIT ?2",
        )?
        .query_map(params![chosen, limit(most)], named)?
        .collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT id, name FROM integrations WHERE automation_id = ?1
           AND (deleted_at IS NULL OR id IS ?2) ORDER BY id IS ?2 DESC, place LIMIT ?3",
    )?;
    let mut left = most;
    let mut choices = Vec::with_capacity(automations.len());
    for (id, name) in automations {
        let integrations: Vec<_> = statement
            .query_map(params![id.as_bytes(), integration, limit(left)], |found| {
                named(found).map(|(id, name)| (IntegrationId(id), name))
            })?
            .collect::<rusqlite::Result<_>>()?;
        left = left.saturating_sub(integrations.len());
        choices.push(Choice { id: AutomationId(id), name, integrations });
    }
    Ok(choices)
}
