//! Each query's work is that of what it shows, not of what is stored: SQLite's own steps are counted, in
//! a database and in one five times as large, both longer than the margin for a clock set back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use uuid::Uuid;

use crate::domain::delivery::State;
use crate::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};
use crate::domain::minutes::Span;
use crate::domain::time::Timestamp;
use crate::store::error::SqlResult;
use crate::store::open::{Manner, open_database};
use crate::store::queries::{self, DeliveryFilter};
use crate::store::{accept, configured, history, list, minutes, queue, recent, retention, settle};

const INTEGRATIONS: u128 = 5;

/// A database with so many alerts, each for every integration, most of them delivered, some waiting.
fn furnished(path: &std::path::Path, alerts: i64) -> Connection {
    let manner = Manner { max_pages: None, synced: false };
    let connection = open_database(path, manner).expect("a database");
    connection
        .execute(
            "INSERT INTO automations (id, name, active, version, created_at) VALUES (?1, 'a', 1, 1, 0)",
            [automation().0.as_bytes()],
        )
        .expect("an automation");
    for number in 0..INTEGRATIONS {
        connection
            .execute(
                "INSERT INTO integrations (id, automation_id, place, kind, name, url, auth_method,
                   signing, http1_only, ordering, status, created_at)
                 VALUES (?1, ?2, 0, 'webhook', 'i', 'https://a.example/', 'none', 0, 0, 'due', 'active', 0)",
                [integration(number).0.as_bytes(), automation().0.as_bytes()],
            )
            .expect("an integration");
    }
    connection
        .execute_batch(&format!(
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {alerts})
             INSERT INTO alerts (id, automation_id, record_id, org_id, escalated_at, digest, body)
               SELECT x, (SELECT id FROM automations), 'r' || x, 'acme', x,
               zeroblob(32), zeroblob(600) FROM n;
             INSERT INTO deliveries (alert_id, integration_id, state, queue_at, due_at, expires_at,
               created_at) SELECT a.id, i.id, 'delivered', a.id, a.id, a.id, a.id
               FROM alerts a, integrations i ORDER BY a.id, i.id;
             INSERT INTO attempts (delivery_id, n, started_at, took_us, status, integration_id)
               SELECT id, 1, created_at, 9, 200, integration_id FROM deliveries;
             INSERT INTO minutes (at) SELECT 60000 * id FROM alerts;
             UPDATE deliveries SET state = 'pending' WHERE id % 10 = 3;
             UPDATE deliveries SET state = 'in_flight' WHERE id IN (7, 77, 377);
             UPDATE deliveries SET state = 'dead', reason = 'expired' WHERE id IN (9, 99, 399);
             UPDATE deliveries SET state = 'discarded', reason = 'operator' WHERE id IN (6, 66, 366);"
        ))
        .expect("rows");
    connection
}

fn automation() -> AutomationId {
    AutomationId(Uuid::from_u128(1000))
}

fn integration(number: u128) -> IntegrationId {
    IntegrationId(Uuid::from_u128(number))
}

type Query = (&'static str, Box<dyn Fn(&Connection)>);

fn query<T>(name: &'static str, run: impl Fn(&Connection) -> SqlResult<T> + 'static) -> Query {
    (name, Box::new(move |connection| drop(run(connection).expect(name))))
}

fn listed(name: &'static str, filter: DeliveryFilter) -> Query {
    query(name, move |connection| list::ids(connection, &filter, None, 20))
}

fn of(state: State) -> DeliveryFilter {
    DeliveryFilter { state: Some(state), ..DeliveryFilter::default() }
}

/// Those whose work must not grow with the database.
fn queries() -> Vec<Query> {
    let mine =
        || DeliveryFilter { integration_id: Some(integration(0)), ..DeliveryFilter::default() };
    let ours = || DeliveryFilter { automation_id: Some(automation()), ..DeliveryFilter::default() };
    let record = Some("r50".to_owned());
    let (since, until) = (Some(Timestamp::from_millis(20)), Some(Timestamp::from_millis(30)));
    let change = |connection: &Connection, delivery| {
        settle::apply(
            connection,
            integration(0),
            &[crate::engine::ports::Change::Claim { delivery: DeliveryId(delivery), attempt: 1 }],
        )
    };
    vec![
        query("load", |c| queue::load(c, integration(0), None, 20)),
        query("waiting", queue::waiting_destinations),
        query("recover", |c| {
            c.execute("UPDATE deliveries SET state = 'in_flight' WHERE id IN (7, 77, 377)", [])?;
            queue::recover(c, Timestamp::from_millis(1), Timestamp::from_millis(2))
        }),
        query("claim", move |c| change(c, 3)),
        query("alert", |c| accept::alert(c, AlertId(50))),
        query("destination", |c| configured::destination(c, integration(0))),
        query("crash", |c| settle::record_crash(c, DeliveryId(13), 99, Timestamp::from_millis(1))),
        query("nothing old", |c| retention::sweep(c, Timestamp::from_millis(-1), None)),
        query("attempts", |c| recent::attempts(c, integration(0), 20)),
        query("counts", |c| recent::counts(c, automation(), Timestamp::from_millis(0), 20)),
        query("hour", |c| minutes::series(c, Span::Hour, Timestamp::from_millis(60_000_000))),
        query("old minutes", |c| minutes::sweep(c, Timestamp::from_millis(60_000_000), 0)),
        query("page", |c| queries::list(c, &DeliveryFilter::default(), None, 20)),
        query("log", |c| history::log(c, &DeliveryFilter::default(), None, 20)),
        query("history", |c| history::history(c, DeliveryId(9), None, 20, None)),
        listed("all", DeliveryFilter::default()),
        listed("delivered", of(State::Delivered)),
        listed("in flight", of(State::InFlight)),
        listed("dead", of(State::Dead)),
        listed("discarded", of(State::Discarded)),
        listed("record", DeliveryFilter { record_id: record, ..DeliveryFilter::default() }),
        listed("integration", mine()),
        listed("integration, dead", DeliveryFilter { state: Some(State::Dead), ..mine() }),
        listed("integration, claimed", DeliveryFilter { state: Some(State::InFlight), ..mine() }),
        listed("automation", ours()),
        listed("automation, dead", DeliveryFilter { state: Some(State::Dead), ..ours() }),
        listed("span of time", DeliveryFilter { since, until, ..DeliveryFilter::default() }),
        listed("integration, until", DeliveryFilter { until, ..mine() }),
    ]
}

fn steps(connection: &mut Connection, query: &dyn Fn(&Connection)) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&count);
    let counting = move || {
        theirs.fetch_add(1, Ordering::Relaxed);
        false
    };
    // Once before, so that preparing the statement is not counted.
    query(connection);
    connection.progress_handler(1, Some(counting)).expect("counted");
    query(connection);
    connection.progress_handler(0, None::<fn() -> bool>).expect("not counted");
    count.load(Ordering::Relaxed)
}

#[test]
fn no_query_looks_at_all_there_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut small = furnished(&dir.path().join("small.db"), 4_400);
    let mut large = furnished(&dir.path().join("large.db"), 22_000);
    for (name, query) in queries() {
        let (few, many) = (steps(&mut small, &*query), steps(&mut large, &*query));
        // Halving takes a step more for each doubling; nothing else may grow.
        assert!(many < few + few / 2 + 400, "{name}: {few} steps, then {many}");
    }
}

/// The plan of each statement that is made by the service, as far as SQLite tells it.
#[test]
fn waiting_ones_are_listed_from_their_index_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let connection = furnished(&dir.path().join("small.db"), 400);
    let plan = |sql: &str| -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
        let lines = statement.query_map([], |row| row.get::<_, String>("detail")).expect("a plan");
        lines.collect::<Result<Vec<_>, _>>().expect("lines").join("; ")
    };
    for (sql, expected) in [
        (
            "SELECT id FROM deliveries d INDEXED BY deliveries_pending
             WHERE state = 'pending' ORDER BY id DESC LIMIT 20",
            "SCAN d USING COVERING INDEX deliveries_pending",
        ),
        (
            "SELECT id, queue_at FROM deliveries WHERE integration_id = x'00' AND state = 'pending'
             AND (queue_at, id) > (1, 2) ORDER BY queue_at, id LIMIT 20",
            "SEARCH deliveries USING COVERING INDEX deliveries_pending",
        ),
        (
            "SELECT count(*) FROM deliveries WHERE integration_id = x'00' AND state = 'pending'",
            "SEARCH deliveries USING COVERING INDEX deliveries_pending",
        ),
        (
            "SELECT count(*) FROM deliveries WHERE integration_id = x'00' AND state = 'dead'",
            "SEARCH deliveries USING COVERING INDEX deliveries_given_up",
        ),
        (
            "SELECT id FROM deliveries WHERE state = 'in_flight'",
            "SCAN deliveries USING COVERING INDEX deliveries_in_flight",
        ),
    ] {
        let told = plan(sql);
        assert!(told.contains(expected), "{sql}: {told}");
    }
}
