//! Tokens of programs. The secret part is not here: only its digest.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use serde_json::json;

use super::audit::audit;
use super::error::SqlResult;
use super::once;
use super::row::{maybe_time, time};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Once, StoreError};

/// A token to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The part of the token by which it is found.
    pub id: String,
    /// SHA-256 of its secret part.
    pub digest: [u8; 32],
    /// What people call it.
    pub name: String,
    /// `ingest`, `viewer`, `editor` or `admin`.
    pub role: &'static str,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends to be valid.
    pub expires_at: Option<Timestamp>,
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The part of the token by which it is found.
    pub id: String,
    /// SHA-256 of its secret part.
    pub digest: [u8; 32],
    /// What people call it.
    pub name: String,
    /// `ingest`, `viewer`, `editor` or `admin`.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends to be valid.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// Stores a token that is made together with the data directory: nobody asked for it.
pub(super) fn insert(connection: &Connection, token: &NewToken) -> SqlResult<()> {
    connection.execute(
        "INSERT INTO tokens (id, digest, name, role, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            token.id,
            token.digest,
            token.name,
            token.role,
            token.created_at.as_millis(),
            token.expires_at.map(Timestamp::as_millis),
        ],
    )?;
    Ok(())
}

/// Stores a token that somebody asked for.
pub(super) fn add(
    connection: &Connection,
    token: &NewToken,
    key: Option<&Once>,
    by: &Actor,
) -> SqlResult<()> {
    once::claim(connection, key, &token.id, token.created_at)?;
    insert(connection, token)?;
    let change = json!({ "after": {
        "name": token.name,
        "role": token.role,
        "expires_at": token.expires_at.map(|at| at.to_string()),
    } });
    audit(connection, by, token.created_at, "token.create", &token.id, &change)
}

/// Revokes a token; one that is revoked already stays as it is.
pub(super) fn revoke(
    connection: &Connection,
    id: &str,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    let token = find(connection, id)?.ok_or(StoreError::NotFound)?;
    if token.revoked_at.is_some() {
        return Ok(());
    }
    connection.execute(
        "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
        params![id, at.as_millis()],
    )?;
    let change = json!({ "before": { "name": token.name, "role": token.role } });
    audit(connection, by, at, "token.revoke", &id, &change)
}

/// Notes that tokens were used.
pub(super) fn used(connection: &Connection, used: &[(String, Timestamp)]) -> SqlResult<()> {
    for (id, at) in used {
        connection
            .prepare_cached(
                "UPDATE tokens SET last_used_at = max(ifnull(last_used_at, ?2), ?2) WHERE id = ?1",
            )?
            .execute(params![id, at.as_millis()])?;
    }
    Ok(())
}

pub(super) fn find(connection: &Connection, id: &str) -> SqlResult<Option<TokenRow>> {
    Ok(connection
        .prepare_cached("SELECT * FROM tokens WHERE id = ?1")?
        .query_row([id], token)
        .optional()?)
}

/// Tokens in the order in which they were made, behind the one named.
pub(super) fn list(
    connection: &Connection,
    behind: Option<(Timestamp, String)>,
    limit: usize,
) -> SqlResult<Vec<TokenRow>> {
    let (at, id) = behind.map_or((i64::MIN, String::new()), |(at, id)| (at.as_millis(), id));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT * FROM tokens WHERE (created_at, id) > (?1, ?2) ORDER BY created_at, id LIMIT ?3",
    )?;
    let rows = statement.query_map(params![at, id, limit], token)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn token(found: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: found.get("id")?,
        digest: found.get("digest")?,
        name: found.get("name")?,
        role: found.get("role")?,
        created_at: time(found, "created_at")?,
        expires_at: maybe_time(found, "expires_at")?,
        revoked_at: maybe_time(found, "revoked_at")?,
        last_used_at: maybe_time(found, "last_used_at")?,
    })
}
