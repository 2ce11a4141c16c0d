//! Which deliveries a filter means, newest first, found through an index whatever it restricts. The
//! cost is that of what is shown, not of what is stored.

use rusqlite::{Connection, OptionalExtension as _, ToSql, params_from_iter};

use super::error::SqlResult;
use super::queries::DeliveryFilter;
use super::row::uuid;
use crate::domain::delivery::State;
use crate::domain::id::{AutomationId, DeliveryId, IntegrationId};
use crate::domain::limits;
use crate::domain::time::Timestamp;

/// The ids of up to `limit` deliveries before the one named.
pub(super) fn ids(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
    limit: usize,
) -> SqlResult<Vec<DeliveryId>> {
    let span = span(connection, filter, before)?;
    let search = Search { filter, span, limit };
    let run = |sql| run(connection, &sql);
    if let Some(record_id) = &filter.record_id {
        return run(search.record_sql(record_id));
    }
    match (filter.integration_id, filter.automation_id) {
        (Some(integration), automation) => {
            let own = match automation {
                Some(automation) => of_automation(connection, automation)?.contains(&integration),
                None => true,
            };
            if own { run(search.integration_sql(integration)) } else { Ok(Vec::new()) }
        }
        (None, Some(automation)) => {
            let mut ids = Vec::new();
            for integration in of_automation(connection, automation)? {
                ids.extend(run(search.integration_sql(integration))?);
            }
            ids.sort_unstable_by(|a, b| b.cmp(a));
            ids.truncate(limit);
            Ok(ids)
        }
        (None, None) => run(search.all_sql()),
    }
}

/// All integrations that an automation has or had.
fn of_automation(
    connection: &Connection,
    automation: AutomationId,
) -> SqlResult<Vec<IntegrationId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM integrations WHERE automation_id = ?1")?;
    let ids = statement
        .query_map([automation.0.as_bytes()], |row| uuid(row, "id").map(IntegrationId))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(ids)
}

/// Ids from the first to before the second.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: i64,
    before: i64,
}

/// The ids that a span of time can have: they rise with time, see [`limits::STRAGGLERS`].
fn span(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
) -> SqlResult<Span> {
    let mut span = Span { from: i64::MIN, before: before.map_or(i64::MAX, |id| id.0) };
    if let Some(since) = filter.since {
        span.from = first_at(connection, since)?.saturating_sub(limits::STRAGGLERS);
    }
    if let Some(until) = filter.until {
        let end = first_at(connection, until)?.saturating_add(limits::STRAGGLERS);
        span.before = span.before.min(end);
    }
    Ok(span)
}

/// Where in the order of ids that time begins: found by halving.
fn first_at(connection: &Connection, at: Timestamp) -> SqlResult<i64> {
    let mut statement = connection.prepare_cached(
        "SELECT created_at >= ?2 FROM deliveries WHERE id >= ?1 ORDER BY id LIMIT 1",
    )?;
    let (mut low, mut high): (i64, i64) = connection
        .prepare_cached("SELECT ifnull((SELECT min(id) FROM deliveries), 0), ifnull((SELECT max(id) FROM deliveries), 0) + 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    while low < high {
        let middle = low + (high - low) / 2;
        let reached: Option<bool> =
            statement.query_row((middle, at.as_millis()), |row| row.get(0)).optional()?;
        if reached.unwrap_or(true) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

fn run(connection: &Connection, sql: &Sql) -> SqlResult<Vec<DeliveryId>> {
    let mut statement = connection.prepare_cached(&sql.text)?;
    let ids = statement
        .query_map(params_from_iter(sql.values.iter()), |row| row.get(0).map(DeliveryId))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(ids)
}

/// The statements that a filter comes to, to be explained.
#[cfg(test)]
pub(super) fn statements(filter: &DeliveryFilter) -> Vec<String> {
    let span = Span { from: 1, before: 2 };
    let search = Search { filter, span, limit: 1 };
    let sql = match (&filter.record_id, filter.integration_id, filter.automation_id) {
        (Some(record_id), _, _) => search.record_sql(record_id),
        (None, Some(integration), _) => search.integration_sql(integration),
        (None, None, Some(automation)) => search.integration_sql(IntegrationId(automation.0)),
        (None, None, None) => search.all_sql(),
    };
    vec![sql.text]
}

struct Search<'a> {
    filter: &'a DeliveryFilter,
    span: Span,
    limit: usize,
}

impl Search<'_> {
    /// A record has one alert for each automation that fired.
    fn record_sql(&self, record_id: &str) -> Sql {
        let mut sql =
            Sql::new("SELECT d.id FROM alerts a CROSS JOIN deliveries d ON d.alert_id = a.id");
        sql.and("a.record_id = ?", record_id.to_owned());
        if let Some(automation) = self.filter.automation_id {
            sql.and("a.automation_id = ?", *automation.0.as_bytes());
        }
        if let Some(integration) = self.filter.integration_id {
            sql.and("d.integration_id = ?", *integration.0.as_bytes());
        }
        self.narrowed(sql)
    }

    /// An integration's history is an index; those that wait are in the order of their queue.
    fn integration_sql(&self, integration: IntegrationId) -> Sql {
        let index = match self.filter.state {
            Some(State::Pending) => "deliveries_pending",
            Some(State::InFlight) => "deliveries_in_flight",
            Some(State::Dead | State::Discarded) => "deliveries_given_up",
            Some(State::Delivered) | None => "deliveries_of_integration",
        };
        let mut sql = Sql::new(&format!("SELECT d.id FROM deliveries d INDEXED BY {index}"));
        sql.and("d.integration_id = ?", *integration.0.as_bytes());
        self.narrowed(sql)
    }

    /// Few are in any state but delivered, or they are what one looks for: their index is read whole.
    fn all_sql(&self) -> Sql {
        let index = match self.filter.state {
            Some(State::Pending) => "INDEXED BY deliveries_pending",
            Some(State::InFlight) => "INDEXED BY deliveries_in_flight",
            Some(State::Dead | State::Discarded) => "INDEXED BY deliveries_given_up",
            Some(State::Delivered) | None => "NOT INDEXED",
        };
        self.narrowed(Sql::new(&format!("SELECT d.id FROM deliveries d {index}")))
    }

    /// What all filters have in common, and the order.
    fn narrowed(&self, mut sql: Sql) -> Sql {
        // Written out, so that the partial indexes of the states can be used.
        if let Some(state) = self.filter.state {
            sql.and_just(&format!("d.state = '{}'", state.word()));
        }
        if self.span.from > i64::MIN {
            sql.and("d.id >= ?", self.span.from);
        }
        if self.span.before < i64::MAX {
            sql.and("d.id < ?", self.span.before);
        }
        if let Some(since) = self.filter.since {
            sql.and("d.created_at >= ?", since.as_millis());
        }
        if let Some(until) = self.filter.until {
            sql.and("d.created_at < ?", until.as_millis());
        }
        sql.text.push_str(" ORDER BY d.id DESC LIMIT ?");
        sql.values.push(Box::new(i64::try_from(self.limit).unwrap_or(i64::MAX)));
        sql
    }
}

/// A statement with its values, in the order in which it names them.
struct Sql {
    text: String,
    values: Vec<Box<dyn ToSql>>,
    joiner: &'static str,
}

impl Sql {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new(), joiner: " WHERE " }
    }

    fn and(&mut self, condition: &str, value: impl ToSql + 'static) {
        self.and_just(condition);
        self.values.push(Box::new(value));
    }

    fn and_just(&mut self, condition: &str) {
        self.text.push_str(self.joiner);
        self.text.push_str(condition);
        self.joiner = " AND ";
    }
}
