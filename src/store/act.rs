//! An operator's acts on deliveries: each refuses the states in which it makes no sense.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::audit::audit;
use super::configured;
use super::error::SqlResult;
use super::minutes;
use super::row::word;
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Act, Actor, StoreError, refusal};

pub(super) fn act(connection: &Connection, act: &Act, by: &Actor, at: Timestamp) -> SqlResult<u64> {
    match act {
        Act::Retry { delivery, expires_at } => {
            let state = state_of(connection, *delivery)?;
            if !state.can_be_retried() {
                return Err(refusal("retried", state).into());
            }
            match state {
                State::Dead => {
                    let revived = revive(connection, "id = ?1", &delivery.0, *expires_at, at)?;
                    if revived == 0 {
                        let why = "its integration was deleted: there is nowhere to send it";
                        return Err(StoreError::Refused(why.to_owned()).into());
                    }
                    revived
                }
                State::Pending => hurry(connection, *delivery, at)?,
                State::InFlight | State::Delivered | State::Discarded => 0,
            };
            let change = json!({ "before": state.word(), "after": "pending" });
            audit(connection, by, at, "delivery.retry", delivery, &change)?;
            Ok(1)
        }
        Act::RetryDead { integration, expires_at } => {
            let id = integration.0.as_bytes();
            configured::destination(connection, *integration)?;
            let count = revive(connection, "integration_id = ?1", id, *expires_at, at)?;
            let change = json!({ "deliveries": count });
            audit(connection, by, at, "integration.retry_dead", integration, &change)?;
            Ok(count)
        }
        Act::Discard { delivery, reason } => {
            let state = state_of(connection, *delivery)?;
            if !state.can_be_discarded() {
                return Err(refusal("discarded", state).into());
            }
            connection.execute(
                "UPDATE deliveries SET state = 'discarded', reason = ?2, finished_at = ?3
                 WHERE id = ?1 AND state = ?4",
                params![delivery.0, reason.word(), at.as_millis(), state.word()],
            )?;
            minutes::discarded(connection, at, 1)?;
            let change = json!({ "before": state.word(), "after": "discarded" });
            audit(connection, by, at, "delivery.discard", delivery, &change)?;
            Ok(1)
        }
    }
}

fn state_of(connection: &Connection, id: DeliveryId) -> SqlResult<State> {
    let state = connection
        .query_row("SELECT state FROM deliveries WHERE id = ?1", [id.0], |row| {
            word(row, "state", State::from_word)
        })
        .optional()?;
    Ok(state.ok_or(StoreError::NotFound)?)
}

/// Dead deliveries become pending and due now, with a new horizon. Their attempts go on behind those in
/// the history: one may have ended after its delivery was given up. To an integration that is deleted
/// nothing goes any more: there they stay dead, or they would wait for ever. Addresses that were refused
/// are tried again: somebody has seen to it.
fn revive(
    connection: &Connection,
    which: &str,
    id: &dyn rusqlite::ToSql,
    expires_at: Timestamp,
    at: Timestamp,
) -> SqlResult<u64> {
    connection.execute(
        &format!(
            "UPDATE recipients SET fate = 'waiting' WHERE fate = 'refused' AND delivery_id IN (
               SELECT id FROM deliveries WHERE {which} AND state = 'dead')"
        ),
        [id],
    )?;
    let count = connection.execute(
        &format!(
            "UPDATE deliveries SET state = 'pending', reason = NULL, finished_at = NULL, crashes = 0, is_put_off = 0,
               attempts = max(attempts, (SELECT ifnull(max(n), 0) FROM attempts
                 WHERE delivery_id = deliveries.id)),
               due_at = ?2, expires_at = ?3, queue_at = iif((SELECT ordering FROM integrations
                 WHERE integrations.id = deliveries.integration_id) = 'fifo', 0, ?2)
             WHERE {which} AND state = 'dead' AND EXISTS (SELECT 1 FROM integrations
               WHERE integrations.id = deliveries.integration_id AND deleted_at IS NULL)"
        ),
        params![id, at.as_millis(), expires_at.as_millis()],
    )?;
    Ok(count as u64)
}

/// A pending delivery is due now.
fn hurry(connection: &Connection, id: DeliveryId, at: Timestamp) -> SqlResult<u64> {
    let count = connection.execute(
        "UPDATE deliveries SET due_at = min(due_at, ?2), queue_at = min(queue_at, ?2), is_put_off = 0
         WHERE id = ?1 AND state = 'pending'",
        params![id.0, at.as_millis()],
    )?;
    Ok(count as u64)
}
