//! What the overview shows beside the plots: destinations in trouble, and how far the service has been set
//! up. What is configured is looked through; of what grows with traffic, a place in an index for each.

use rusqlite::{Connection, params};

use super::configured;
use super::error::SqlResult;
use super::queries::{self, IntegrationState};
use super::reader::Reader;
use super::row::uuid;
use crate::domain::id::IntegrationId;
use crate::domain::integration::Integration;
use crate::engine::ports::{Promise, StoreError};

/// A destination in trouble.
#[derive(Debug, Clone, PartialEq)]
pub struct Troubled {
    /// Which.
    pub integration: Integration,
    /// What its automation is called.
    pub automation_name: String,
    /// How it stands.
    pub state: IntegrationState,
}

/// How far the service has been set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Begun {
    /// Whether there is an automation.
    pub automation: bool,
    /// Whether there is an integration.
    pub integration: bool,
    /// Whether an alert was made, and is remembered.
    pub alert: bool,
}

impl Reader {
    /// Destinations in trouble, worst first: the disabled ones, those whose circuit is open, those with dead
    /// deliveries, and those that fail now; at most `most`. A paused one is left in peace, unless
    /// it has dead ones. Those of `also` that are there come first.
    pub fn troubled(
        &self,
        also: Vec<IntegrationId>,
        most: usize,
    ) -> Promise<Result<Vec<Troubled>, StoreError>> {
        self.query(move |connection| troubled(connection, also, most))
    }

    /// How far the service has been set up.
    pub fn begun(&self) -> Promise<Result<Begun, StoreError>> {
        self.query(begun)
    }
}

fn troubled(
    connection: &Connection,
    also: Vec<IntegrationId>,
    most: usize,
) -> SqlResult<Vec<Troubled>> {
    let mut statement = connection.prepare_cached(
        "SELECT id,
           EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_given_up
             WHERE integration_id = integrations.id AND state = 'dead') AS has_dead,
           status = 'active' AND circuit_since IS NOT NULL AS is_open,
           status = 'active' AND failures > 0 AS fails
         FROM integrations
         WHERE deleted_at IS NULL AND (status = 'disabled' OR is_open OR has_dead OR fails)
         ORDER BY status = 'disabled' DESC, is_open DESC, has_dead DESC, last_failure_at DESC, id LIMIT ?1",
    )?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let worst: Vec<IntegrationId> = statement
        .query_map(params![limit], |found| uuid(found, "id").map(IntegrationId))?
        .collect::<rusqlite::Result<_>>()?;
    let mut ids = also;
    for id in worst {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.truncate(most);
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        match troubled_one(connection, id) {
            Ok(each) => found.push(each),
            // It was deleted between the readings.
            Err(error) if error.is_nothing() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn troubled_one(connection: &Connection, id: IntegrationId) -> SqlResult<Troubled> {
    let integration = configured::destination(connection, id)?.integration;
    let automation_name = connection
        .prepare_cached("SELECT name FROM automations WHERE id = ?1")?
        .query_row([integration.automation_id.0.as_bytes()], |found| found.get("name"))?;
    let state = queries::state(connection, id)?;
    Ok(Troubled { integration, automation_name, state })
}

fn begun(connection: &Connection) -> SqlResult<Begun> {
    let begun = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM automations WHERE deleted_at IS NULL) AS automation,
               EXISTS (SELECT 1 FROM integrations WHERE deleted_at IS NULL) AS integration,
               (SELECT max(id) FROM alerts) IS NOT NULL AS alert",
        )?
        .query_row([], |found| {
            Ok(Begun {
                automation: found.get("automation")?,
                integration: found.get("integration")?,
                alert: found.get("alert")?,
            })
        })?;
    Ok(begun)
}
