//! What is configured, read back into domain types.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::error::SqlResult;
use super::row::{self, bad, maybe_millis, maybe_time, uuid};
use super::target::{kind, target};
use super::trigger::trigger;
use crate::domain::automation::Automation;
use crate::domain::circuit::Circuit;
use crate::domain::condition::Condition;
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::{DeliverySettings, Health, Integration, Ordering, Status};
use crate::domain::schedule::RetryOverrides;
use crate::domain::secret::Sealed;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Destination, SigningSecret};

pub(super) fn automations(connection: &Connection) -> SqlResult<Vec<Automation>> {
    let mut by_automation: BTreeMap<AutomationId, Vec<Integration>> = BTreeMap::new();
    let mut statement = connection.prepare(
        "SELECT * FROM integrations WHERE deleted_at IS NULL ORDER BY automation_id, place",
    )?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        let integration = integration(found)?;
        by_automation.entry(integration.automation_id).or_default().push(integration);
    }
    let mut statement = connection
        .prepare("SELECT * FROM automations WHERE deleted_at IS NULL ORDER BY created_at, id")?;
    let found = statement.query_map([], |found| {
        let integrations =
            by_automation.remove(&AutomationId(uuid(found, "id")?)).unwrap_or_default();
        automation(found, integrations)
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// One automation with its integrations; `QueryReturnedNoRows` where there is none.
pub(super) fn find(connection: &Connection, id: AutomationId) -> rusqlite::Result<Automation> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM integrations WHERE automation_id = ?1 AND deleted_at IS NULL ORDER BY place",
    )?;
    let integrations = statement
        .query_map([id.0.as_bytes()], integration)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    connection
        .prepare_cached("SELECT * FROM automations WHERE id = ?1 AND deleted_at IS NULL")?
        .query_row([id.0.as_bytes()], |found| automation(found, integrations.clone()))
}

/// All automations with their versions, in the order of their ids.
pub(super) fn versions(connection: &Connection) -> SqlResult<Vec<(AutomationId, i64)>> {
    let mut statement = connection
        .prepare("SELECT id, version FROM automations WHERE deleted_at IS NULL ORDER BY id")?;
    let found = statement
        .query_map([], |found| Ok((AutomationId(uuid(found, "id")?), found.get("version")?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn destination(connection: &Connection, id: IntegrationId) -> SqlResult<Destination> {
    let mut destination = connection
        .prepare_cached(
            "SELECT integrations.*, automations.name AS automation FROM integrations
             JOIN automations ON automations.id = automation_id
             WHERE integrations.id = ?1 AND integrations.deleted_at IS NULL",
        )?
        .query_row([id.0.as_bytes()], |found| {
            Ok(Destination {
                integration: integration(found)?,
                automation: found.get("automation")?,
                status: status(found)?,
                health: health(found)?,
                revision: found.get("revision")?,
                credential: found.get::<_, Option<Vec<u8>>>("credential")?.map(Sealed),
                signing_secrets: Vec::new(),
            })
        })?;
    let mut statement = connection.prepare_cached(
        "SELECT sealed, until FROM signing_secrets WHERE integration_id = ?1 ORDER BY id DESC",
    )?;
    destination.signing_secrets = statement
        .query_map([id.0.as_bytes()], |found| {
            Ok(SigningSecret {
                sealed: Sealed(found.get("sealed")?),
                until: maybe_time(found, "until")?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(destination)
}

/// The integration with its settings as they were at each of these revisions, deleted or not.
pub(super) fn revisions(
    connection: &Connection,
    id: IntegrationId,
    revisions: &[u32],
) -> SqlResult<Vec<(u32, Integration)>> {
    let now = connection
        .prepare_cached("SELECT * FROM integrations WHERE id = ?1")?
        .query_row([id.0.as_bytes()], integration)?;
    // What it is never changes.
    let kind = now.target.kind();
    let mut statement = connection
        .prepare_cached("SELECT * FROM revisions WHERE integration_id = ?1 AND revision = ?2")?;
    let mut found = Vec::new();
    for revision in revisions {
        let then = statement
            .query_row(rusqlite::params![id.0.as_bytes(), revision], |found| target(found, kind))
            .optional()?;
        if let Some(target) = then {
            found.push((*revision, Integration { target, ..now.clone() }));
        }
    }
    Ok(found)
}

fn automation(found: &Row<'_>, integrations: Vec<Integration>) -> rusqlite::Result<Automation> {
    Ok(Automation {
        id: AutomationId(uuid(found, "id")?),
        name: found.get("name")?,
        active: found.get("active")?,
        trigger: trigger(found)?,
        integrations,
        version: found.get("version")?,
    })
}

pub(super) fn integration(found: &Row<'_>) -> rusqlite::Result<Integration> {
    Ok(Integration {
        id: IntegrationId(uuid(found, "id")?),
        automation_id: AutomationId(uuid(found, "automation_id")?),
        name: found.get("name")?,
        target: target(found, kind(found)?)?,
        condition: condition(found, "condition")?,
        delivery: DeliverySettings {
            max_in_flight: found.get("max_in_flight")?,
            ordering: row::word(found, "ordering", |word| match word {
                "due" => Some(Ordering::Due),
                "fifo" => Some(Ordering::Fifo),
                _ => None,
            })?,
            rate_limit: found.get("rate_limit")?,
            retry: RetryOverrides {
                base: maybe_millis(found, "retry_base_ms")?,
                factor: found.get("retry_factor")?,
                cap: maybe_millis(found, "retry_cap_ms")?,
                horizon: maybe_millis(found, "retry_horizon_ms")?,
                jitter: found.get("retry_jitter")?,
            },
        },
        credential_set: found.get::<_, Option<Vec<u8>>>("credential")?.is_some(),
    })
}

pub(super) fn status(found: &Row<'_>) -> rusqlite::Result<Status> {
    let reason: Option<String> = found.get("status_reason")?;
    row::word(found, "status", |word| match word {
        "active" => Some(Status::Active),
        "paused" => Some(Status::Paused),
        "disabled" => Some(Status::Disabled { reason: reason.clone().unwrap_or_default() }),
        _ => None,
    })
}

pub(super) fn health(found: &Row<'_>) -> rusqlite::Result<Health> {
    let failures = found.get("failures")?;
    let circuit = match maybe_time(found, "circuit_since")? {
        None => Circuit::Closed { failures },
        Some(since) => Circuit::Open {
            failures,
            since,
            round: found.get("circuit_round")?,
            probe_at: maybe_time(found, "probe_at")?.unwrap_or(Timestamp::from_millis(0)),
        },
    };
    Ok(Health {
        circuit,
        last_success_at: maybe_time(found, "last_success_at")?,
        last_failure_at: maybe_time(found, "last_failure_at")?,
        last_error: found.get("last_error")?,
    })
}

pub(super) fn condition(found: &Row<'_>, column: &str) -> rusqlite::Result<Option<Condition>> {
    let Some(text) = found.get::<_, Option<String>>(column)? else { return Ok(None) };
    let json = serde_json::from_str(&text).map_err(|error| bad(column, error))?;
    Condition::restore(&json).map(Some).map_err(|error| bad(column, error))
}
