//! Alerts: stored with their deliveries, once for an automation and a record or a relayed alert, and read
//! back for sending.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::{hygiene, minutes, row};
use crate::domain::alert::{Alert, Aside, Body, Origin};
use crate::domain::delivery::{DiscardReason, NewDelivery, State, Waiting};
use crate::domain::id::{AlertId, AutomationId, DeliveryId};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Accepted, DamagedAlert, FreshDelivery, NewAlert, StoreError};

const KNOWN: &str =
    "SELECT id FROM alerts WHERE ifnull(told_by, record_id) = ?1 AND automation_id = ?2";

pub(super) fn accept(
    connection: &Connection,
    alerts: &[NewAlert],
    fresh: &mut Vec<FreshDelivery>,
) -> SqlResult<Vec<Option<Accepted>>> {
    alerts.iter().map(|alert| accept_one(connection, alert, fresh)).collect()
}

fn accept_one(
    connection: &Connection,
    new: &NewAlert,
    fresh: &mut Vec<FreshDelivery>,
) -> SqlResult<Option<Accepted>> {
    // What is known was told before, whatever cools down now.
    if new.cool_down.is_some()
        && let Some(known) = known(connection, new)?
    {
        return Ok(Some(known));
    }
    let held = match hygiene::judge(connection, new)? {
        hygiene::Judged::HeldBack => return Ok(None),
        hygiene::Judged::GoesOut(held) => held,
    };
    let inserted = connection
        .prepare_cached(
            "INSERT INTO alerts (automation_id, record_id, org_id, escalated_at, digest, body, origin,
               told_by, thread, held_count, held_since, found)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, ?2), ?9, ?10, ?11, ?12)
             ON CONFLICT (ifnull(told_by, record_id), automation_id) DO NOTHING",
        )?
        .execute(params![
            new.automation_id.0.as_bytes(),
            new.record_id,
            new.org_id,
            new.escalated_at.as_millis(),
            new.body.digest(),
            new.body.bytes().as_ref(),
            match &new.origin {
                Origin::Fired(_) => None,
                Origin::Relayed(automation) => Some(automation),
            },
            new.told_by,
            new.aside.thread,
            held.map_or(0, |held| i64::try_from(held.count).unwrap_or(i64::MAX)),
            held.map(|held| held.since.as_millis()),
            new.found,
        ])?;
    if inserted == 0 {
        return known(connection, new);
    }
    let id = AlertId(connection.last_insert_rowid());
    let alert = Arc::new(Alert {
        id,
        automation_id: new.automation_id,
        origin: new.origin.clone(),
        record_id: new.record_id.clone(),
        body: new.body.clone(),
        aside: Aside { held_back: held, ..new.aside.clone() },
    });
    let mut accepted = Accepted { alert: id, deliveries: Vec::new(), fresh: true };
    for delivery in &new.deliveries {
        let (delivery_id, state) = insert(connection, id, new.escalated_at, delivery)?;
        accepted.deliveries.push(delivery_id);
        if state == State::Pending {
            let waiting = Waiting {
                id: delivery_id,
                alert: id,
                queue_at: delivery.queue_at,
                due_at: delivery.due_at,
                expires_at: delivery.expires_at,
                accepted_at: if delivery.put_off { new.escalated_at } else { delivery.due_at },
                attempts: 0,
                put_off: delivery.put_off,
            };
            let alert = Arc::clone(&alert);
            fresh.push(FreshDelivery { integration: delivery.integration, waiting, alert });
        }
    }
    Ok(Some(accepted))
}

/// To an integration that was deleted since the automation fired, nothing goes any more.
fn insert(
    connection: &Connection,
    alert: AlertId,
    escalated_at: Timestamp,
    delivery: &NewDelivery,
) -> SqlResult<(DeliveryId, State)> {
    let deleted: bool = connection
        .prepare_cached("SELECT deleted_at IS NOT NULL FROM integrations WHERE id = ?1")?
        .query_row([delivery.integration.0.as_bytes()], |row| row.get(0))?;
    let state = if deleted { State::Discarded } else { State::Pending };
    let created_at = if delivery.put_off { escalated_at } else { delivery.due_at };
    connection
        .prepare_cached(
            "INSERT INTO deliveries (alert_id, integration_id, state, reason, queue_at, due_at,
               expires_at, created_at, finished_at, is_put_off)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?9, ?8, ?10)",
        )?
        .execute(params![
            alert.0,
            delivery.integration.0.as_bytes(),
            state.word(),
            deleted.then_some(DiscardReason::IntegrationDeleted.word()),
            delivery.queue_at.as_millis(),
            delivery.due_at.as_millis(),
            delivery.expires_at.as_millis(),
            deleted.then_some(created_at.as_millis()),
            created_at.as_millis(),
            delivery.put_off,
        ])?;
    // The id of the delivery, before another row is written.
    let id = DeliveryId(connection.last_insert_rowid());
    minutes::discarded(connection, created_at, usize::from(deleted))?;
    Ok((id, state))
}

fn known(connection: &Connection, new: &NewAlert) -> SqlResult<Option<Accepted>> {
    let alert: Option<i64> = connection
        .prepare_cached(KNOWN)?
        .query_row(params![new.told_by, new.automation_id.0.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(alert) = alert else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT id FROM deliveries WHERE alert_id = ?1 ORDER BY id")?;
    let deliveries = statement
        .query_map([alert], |row| row.get(0).map(DeliveryId))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(Accepted { alert: AlertId(alert), deliveries, fresh: false }))
}

/// The alerts that are stored for these automations, by what repeats are told by, each in its place.
pub(super) fn known_alerts(
    connection: &Connection,
    of: &[(AutomationId, String)],
) -> SqlResult<Vec<Option<AlertId>>> {
    let mut statement = connection.prepare_cached(KNOWN)?;
    let known = of.iter().map(|(automation, told_by)| {
        let named = params![told_by, automation.0.as_bytes()];
        statement.query_row(named, |row| row.get(0).map(AlertId)).optional()
    });
    Ok(known.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn alerts(connection: &Connection, ids: &[AlertId]) -> SqlResult<Vec<Alert>> {
    let mut alerts = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(Ok(alert)) = find(connection, *id)? {
            alerts.push(alert);
        }
    }
    Ok(alerts)
}

pub(super) fn alert(
    connection: &Connection,
    id: AlertId,
) -> SqlResult<Result<Alert, DamagedAlert>> {
    Ok(find(connection, id)?.ok_or(StoreError::NotFound)?)
}

fn find(connection: &Connection, id: AlertId) -> SqlResult<Option<Result<Alert, DamagedAlert>>> {
    let found = connection
        .prepare_cached(
            "SELECT automation_id, origin, record_id, body, digest, thread, held_count, held_since
             FROM alerts WHERE id = ?1",
        )?
        .query_row([id.0], |found| {
            let body: Vec<u8> = found.get("body")?;
            Ok((
                AutomationId(row::uuid(found, "automation_id")?),
                row::origin(found)?,
                found.get::<_, String>("record_id")?,
                Bytes::from(body),
                found.get::<_, [u8; 32]>("digest")?,
                row::aside(found)?,
            ))
        })
        .optional()?;
    Ok(found.map(|(automation_id, origin, record_id, bytes, digest, aside)| {
        Body::restore(bytes, digest)
            .map(|body| Alert { id, automation_id, origin, record_id, body, aside })
            .map_err(|_| DamagedAlert)
    }))
}
