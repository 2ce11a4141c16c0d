//! Tokens of programs. The secret part is not here: only its digest.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::row::{maybe_time, time};
use crate::domain::time::Timestamp;
use crate::engine::ports::StoreError;

/// A token to be stored.
#[derive(Debug, Clone)]
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

pub(super) fn revoke(connection: &Connection, id: &str, at: Timestamp) -> SqlResult<()> {
    let changed = connection.execute(
        "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
        params![id, at.as_millis()],
    )?;
    if changed == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
}

pub(super) fn used(connection: &Connection, id: &str, at: Timestamp) -> SqlResult<()> {
    connection.execute(
        "UPDATE tokens SET last_used_at = max(ifnull(last_used_at, ?2), ?2) WHERE id = ?1",
        params![id, at.as_millis()],
    )?;
    Ok(())
}

pub(super) fn find(connection: &Connection, id: &str) -> SqlResult<Option<TokenRow>> {
    Ok(connection
        .prepare_cached("SELECT * FROM tokens WHERE id = ?1")?
        .query_row([id], token)
        .optional()?)
}

/// All of them, oldest first; people make few.
pub(super) fn all(connection: &Connection) -> SqlResult<Vec<TokenRow>> {
    let mut statement = connection.prepare("SELECT * FROM tokens ORDER BY created_at, id")?;
    Ok(statement.query_map([], token)?.collect::<rusqlite::Result<_>>()?)
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
