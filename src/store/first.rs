//! The first person: whoever has the code of the link that `belfry init` prints becomes the admin, once,
//! and only while there is none.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::people::{self, NewUser};
use super::row::{maybe_time, time};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, StoreError};

/// A code to be stored, which is known by its digest alone.
#[derive(Clone)]
pub struct NewFirstCode {
    /// What is stored of it.
    pub digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Stores the code in the place of the one before.
pub(super) fn offer(connection: &Connection, code: &NewFirstCode) -> SqlResult<()> {
    connection.execute(
        "INSERT OR REPLACE INTO first_codes (one, digest, created_at, expires_at)
         VALUES (1, ?1, ?2, ?3)",
        params![code.digest, code.created_at.as_millis(), code.expires_at.as_millis()],
    )?;
    Ok(())
}

/// Whether there is a code that still counts, whoever has it.
pub(super) fn is_open(connection: &Connection, now: Timestamp) -> SqlResult<bool> {
    let open: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM first_codes WHERE used_at IS NULL AND expires_at > ?1)",
        [now.as_millis()],
        |row| row.get(0),
    )?;
    Ok(open && !has_admin(connection)?)
}

/// Whether this code counts. Who does not have it learns nothing.
///
/// # Errors
/// `NotFound` for another code; `Refused` where it does not count any more, and why.
pub(super) fn check(connection: &Connection, digest: &[u8; 32], now: Timestamp) -> SqlResult<()> {
    let found = connection
        .query_row(
            "SELECT expires_at, used_at FROM first_codes WHERE digest = ?1",
            [digest],
            |row| Ok((time(row, "expires_at")?, maybe_time(row, "used_at")?)),
        )
        .optional()?;
    let (expires_at, used_at) = found.ok_or(StoreError::NotFound)?;
    let why = if used_at.is_some() {
        "this link was used: sign in with the password that was set then"
    } else if has_admin(connection)? {
        "there is an admin already, and so this link counts no more: sign in, or ask that person"
    } else if now >= expires_at {
        "this link is too old: `belfry user add NAME --role admin` on the machine itself adds the first person"
    } else {
        return Ok(());
    };
    Err(StoreError::Refused(why.to_owned()).into())
}

/// Adds the first admin, uses the code up, and signs the person in.
pub(super) fn redeem(
    connection: &Connection,
    digest: &[u8; 32],
    user: &NewUser,
    session: &[u8; 32],
    by: &Actor,
    at: Timestamp,
) -> SqlResult<()> {
    check(connection, digest, at)?;
    people::add(connection, user, None, by, at)?;
    connection.execute("UPDATE first_codes SET used_at = ?1", [at.as_millis()])?;
    let row = find(connection, user.id)?;
    people::sign_in(connection, &row, session, by, at)
}

fn find(connection: &Connection, id: UserId) -> SqlResult<people::UserRow> {
    Ok(people::find(connection, id)?.ok_or(StoreError::NotFound)?)
}

fn has_admin(connection: &Connection) -> SqlResult<bool> {
    let there = "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin')";
    Ok(connection.query_row(there, [], |row| row.get(0))?)
}
