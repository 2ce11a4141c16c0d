//! Destinations in trouble, for the first page: the worst first, and a bounded number of them.

use rusqlite::Connection;

use super::error::SqlResult;
use super::reader::{Reader, at_one_moment};
use super::row::uuid;
use crate::domain::id::IntegrationId;
use crate::engine::ports::{Promise, StoreError};

/// What there is, as far as the first page asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// Automations.
    pub automations: u64,
    /// Integrations.
    pub integrations: u64,
    /// Whether a delivery was ever made, as far back as retention remembers.
    pub has_deliveries: bool,
    /// Integrations in trouble, the worst first: disabled, circuit open, dead deliveries, paused, failing
    /// at the moment. At most as many as were asked for.
    pub troubled: Vec<IntegrationId>,
    /// How many are in trouble altogether.
    pub troubles: u64,
}

impl Reader {
    /// What there is, and up to `most` destinations in trouble.
    pub fn survey(&self, most: usize) -> Promise<Result<Survey, StoreError>> {
        self.query(move |connection| at_one_moment(connection, |snapshot| survey(snapshot, most)))
    }
}

fn survey(connection: &Connection, most: usize) -> SqlResult<Survey> {
    let count = |sql: &str| -> rusqlite::Result<u64> {
        let many: i64 = connection.prepare_cached(sql)?.query_row([], |found| found.get(0))?;
        Ok(u64::try_from(many).unwrap_or(0))
    };
    let mut survey = Survey {
        automations: count("SELECT count(*) FROM automations WHERE deleted_at IS NULL")?,
        integrations: count("SELECT count(*) FROM integrations WHERE deleted_at IS NULL")?,
        has_deliveries: count("SELECT EXISTS (SELECT 1 FROM deliveries)")? > 0,
        ..Survey::default()
    };
    let mut statement = connection.prepare_cached(
        "SELECT id,
           CASE WHEN status = 'disabled' THEN 0 WHEN circuit_since IS NOT NULL THEN 1
                WHEN dead THEN 2 WHEN status = 'paused' THEN 3 ELSE 4 END AS rank
         FROM (SELECT id, status, circuit_since, failures, last_failure_at,
                 EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_given_up
                         WHERE integration_id = integrations.id AND state = 'dead') AS dead
               FROM integrations WHERE deleted_at IS NULL)
         WHERE status <> 'active' OR circuit_since IS NOT NULL OR dead OR failures > 0
         ORDER BY rank, last_failure_at DESC, id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        survey.troubles += 1;
        if survey.troubled.len() < most {
            survey.troubled.push(IntegrationId(uuid(found, "id")?));
        }
    }
    Ok(survey)
}
