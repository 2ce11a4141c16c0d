//! What became of each address of a delivery: kept in the transaction of the attempt that found it out.

use rusqlite::{Connection, params};

use super::error::SqlResult;
use super::row::word;
use crate::domain::id::DeliveryId;
use crate::domain::recipient::{Fate, Recipient};

/// All that is known, in the order of the addresses.
pub(super) fn of(connection: &Connection, delivery: DeliveryId) -> SqlResult<Vec<Recipient>> {
    let mut statement = connection.prepare_cached(
        "SELECT address, fate, code, words FROM recipients WHERE delivery_id = ?1 ORDER BY address",
    )?;
    let known = statement.query_map([delivery.0], |found| {
        Ok(Recipient {
            address: found.get("address")?,
            fate: word(found, "fate", Fate::from_word)?,
            code: found.get("code")?,
            words: found.get("words")?,
        })
    })?;
    Ok(known.collect::<rusqlite::Result<_>>()?)
}

/// Keeps what an attempt found. What was accepted stays so, whatever an attempt beside it says.
pub(super) fn keep(
    connection: &Connection,
    delivery: DeliveryId,
    attempt: u32,
    found: &[Recipient],
) -> SqlResult<()> {
    for each in found {
        connection
            .prepare_cached(
                "INSERT INTO recipients (delivery_id, address, fate, code, words, attempt)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (delivery_id, address) DO UPDATE
                   SET fate = ?3, code = ?4, words = ?5, attempt = ?6 WHERE fate <> 'accepted'",
            )?
            .execute(params![
                delivery.0,
                each.address,
                each.fate.word(),
                each.code,
                each.words,
                attempt,
            ])?;
    }
    Ok(())
}
