//! Creations that name a key of their own: the same call again makes no second thing.

use std::fmt::Display;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Once, StoreError};

/// Takes the key for what is about to be made in the same transaction.
///
/// # Errors
/// `Repeated` with what was made where the very same call was carried out before; `KeyReused` where it
/// was another one. Nothing is made then.
pub(super) fn claim(
    connection: &Connection,
    once: Option<&Once>,
    subject: &dyn Display,
    at: Timestamp,
) -> SqlResult<()> {
    let Some(Once { scope, key, fingerprint }) = once else { return Ok(()) };
    let before: Option<([u8; 32], String)> = connection
        .query_row(
            "SELECT fingerprint, subject FROM creations WHERE scope = ?1 AND key = ?2",
            params![scope, key],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    match before {
        Some((same, subject)) if same == *fingerprint => {
            Err(StoreError::Repeated { subject }.into())
        }
        Some(_) => Err(StoreError::KeyReused.into()),
        None => {
            connection.execute(
                "INSERT INTO creations (scope, key, fingerprint, subject, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![scope, key, fingerprint, subject.to_string(), at.as_millis()],
            )?;
            Ok(())
        }
    }
}
