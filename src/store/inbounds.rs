//! Inbound integrations: where other programs' feedback comes in. A key is not here: only its digest.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use super::audit::audit;
use super::error::SqlResult;
use super::once;
use super::reader::Reader;
use super::row::{time, uuid};
use super::turn::Door;
use super::{Run as _, Sqlite};
use crate::domain::feedback::Feed;
use crate::domain::id::InboundId;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Once, Promise, StoreError};

/// An inbound integration as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundRow {
    /// Its id.
    pub id: InboundId,
    /// What is known of its feedback.
    pub feed: Feed,
    /// SHA-256 of its key.
    pub digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
}

impl Reader {
    /// The inbound integration whose key has that digest, if there is one.
    pub fn inbound_by_key(
        &self,
        digest: [u8; 32],
    ) -> Promise<Result<Option<InboundRow>, StoreError>> {
        self.query(move |connection| {
            Ok(connection
                .prepare_cached("SELECT * FROM inbounds WHERE digest = ?1")?
                .query_row([digest], inbound)
                .optional()?)
        })
    }

    /// The inbound integration of that id; `NotFound` where there is none.
    pub fn inbound(&self, id: InboundId) -> Promise<Result<InboundRow, StoreError>> {
        self.query(move |connection| find(connection, id))
    }

    /// Inbound integrations in the order in which they were made, behind the one named.
    pub fn inbounds(
        &self,
        behind: Option<(Timestamp, InboundId)>,
        limit: usize,
    ) -> Promise<Result<Vec<InboundRow>, StoreError>> {
        self.query(move |connection| {
            let (at, id) =
                behind.map_or((i64::MIN, [0; 16]), |(at, id)| (at.as_millis(), *id.0.as_bytes()));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(
                "SELECT * FROM inbounds WHERE (created_at, id) > (?1, ?2) ORDER BY created_at, id LIMIT ?3",
            )?;
            let rows = statement.query_map(params![at, id, limit], inbound)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Sqlite {
    /// Adds an inbound integration.
    pub fn add_inbound(
        &self,
        new: InboundRow,
        once: Option<Once>,
        by: Actor,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            once::claim(connection, once.as_ref(), &new.id, new.created_at)?;
            let Feed { name, org_id, link_field } = &new.feed;
            connection.execute(
                "INSERT INTO inbounds (id, name, org_id, link_field, digest, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    new.id.0.as_bytes(),
                    name,
                    org_id,
                    link_field,
                    new.digest,
                    new.created_at.as_millis(),
                ],
            )?;
            let change = json!({ "after": shown(&new.feed) });
            audit(connection, &by, new.created_at, "inbound.create", &new.id, &change)
        })
    }

    /// Changes what is known of its feedback; `NotFound` where there is none of that id.
    pub fn change_inbound(
        &self,
        id: InboundId,
        feed: Feed,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            let before = find(connection, id)?;
            connection.execute(
                "UPDATE inbounds SET name = ?2, org_id = ?3, link_field = ?4 WHERE id = ?1",
                params![id.0.as_bytes(), feed.name, feed.org_id, feed.link_field],
            )?;
            let change = json!({ "before": shown(&before.feed), "after": shown(&feed) });
            audit(connection, &by, at, "inbound.change", &id, &change)
        })
    }

    /// Deletes it: its key ends at once.
    pub fn delete_inbound(
        &self,
        id: InboundId,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            let before = find(connection, id)?;
            connection.execute("DELETE FROM inbounds WHERE id = ?1", [id.0.as_bytes()])?;
            let change = json!({ "before": shown(&before.feed) });
            audit(connection, &by, at, "inbound.delete", &id, &change)
        })
    }
}

fn find(connection: &Connection, id: InboundId) -> SqlResult<InboundRow> {
    let found = connection
        .prepare_cached("SELECT * FROM inbounds WHERE id = ?1")?
        .query_row([id.0.as_bytes()], inbound)
        .optional()?;
    Ok(found.ok_or(StoreError::NotFound)?)
}

fn inbound(found: &Row<'_>) -> rusqlite::Result<InboundRow> {
    Ok(InboundRow {
        id: InboundId(uuid(found, "id")?),
        feed: Feed {
            name: found.get("name")?,
            org_id: found.get("org_id")?,
            link_field: found.get("link_field")?,
        },
        digest: found.get("digest")?,
        created_at: time(found, "created_at")?,
    })
}

fn shown(feed: &Feed) -> Value {
    json!({ "name": feed.name, "org_id": feed.org_id, "link_field": feed.link_field })
}
