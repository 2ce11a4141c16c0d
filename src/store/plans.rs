//! How SQLite goes about our statements: each is found in the sources of this room and explained over
//! an empty database, so that a new one is looked at too. Nothing may walk through a whole table that
//! grows with traffic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rusqlite::Connection;

use super::open::{self, Manner};
use super::queries;

const SOURCES: &[(&str, &str)] = &[
    ("accept", include_str!("accept.rs")),
    ("act", include_str!("act.rs")),
    ("configured", include_str!("configured.rs")),
    ("edit", include_str!("edit.rs")),
    ("queries", include_str!("queries.rs")),
    ("queue", include_str!("queue.rs")),
    ("retention", include_str!("retention.rs")),
    ("row", include_str!("row.rs")),
    ("settle", include_str!("settle.rs")),
    ("tokens", include_str!("tokens.rs")),
];

/// Tables that grow with traffic.
const GROWING: [&str; 3] = ["alerts", "deliveries", "attempts"];

fn database() -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let connection =
        open::open_database(&open::database(dir.path()), Manner { max_pages: None, synced: true })
            .unwrap();
    (dir, connection)
}

/// The plan's lines that walk through all of a growing table, under its name or our short one.
fn walks(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    // Parameters that are not bound are NULL.
    let mut rows = statement.raw_query();
    let mut walks = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let line: String = row.get("detail").unwrap();
        let walked = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        if walked.is_some_and(|name| GROWING.contains(&name) || name == "a" || name == "d") {
            walks.push(line);
        }
    }
    walks
}

/// Texts in a source that begin like a statement.
fn statements(source: &str) -> Vec<String> {
    let begins = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];
    let texts = source.split('"').filter(|text| begins.iter().any(|word| text.starts_with(word)));
    // Pieces that are put together at run time, with something of their kind in the place.
    let filled = |text: &str| {
        text.replace("{which}", "integration_id = ?1")
            .replace("{these}", "status = 'active'")
            .replace("{state}", "pending")
            .replace("{}", "pending")
    };
    texts.map(filled).collect()
}

#[test]
fn no_statement_walks_through_a_table_that_grows() {
    let (_dir, connection) = database();
    // The list of deliveries is the end of other statements; those are looked at below, and the work
    // of finding what it shows is counted in `tests/steps.rs`. Claimed
    // attempts are walked through once, at a start, by the index that holds nothing else; retention
    // looks for the first alerts that are young, and stops there.
    let known = [
        ("queue", "SCAN deliveries USING INDEX deliveries_in_flight"),
        ("retention", "SCAN alerts"),
    ];
    let mut seen = 0;
    for (file, source) in SOURCES {
        for sql in statements(source) {
            if sql.starts_with("SELECT d.*") {
                continue;
            }
            seen += 1;
            let walks = walks(&connection, &sql);
            assert!(
                walks.iter().all(|line| known.contains(&(*file, line.as_str()))),
                "{file}: {walks:?}\n{sql}"
            );
        }
    }
    assert!(seen > 40, "the statements are not found any more: {seen}");
}

#[test]
fn the_queue_is_read_from_its_index_in_its_order() {
    let (_dir, connection) = database();
    let source = include_str!("queue.rs");
    let load = statements(source).into_iter().find(|sql| sql.contains("(queue_at, id) >")).unwrap();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {load}")).unwrap();
    let mut rows = statement.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get::<_, String>("detail").unwrap());
    }
    let [only] = plan.as_slice() else { panic!("sorted by hand: {plan:?}") };
    assert!(only.starts_with("SEARCH deliveries USING INDEX deliveries_pending"), "{only}");
    assert!(only.contains("(queue_at,id)>(?,?)") || only.contains("queue_at>?"), "{only}");
}

#[test]
fn single_deliveries_and_alerts_are_found_by_indexes() {
    let (_dir, connection) = database();
    for end in [" WHERE d.id = ?1", " WHERE d.alert_id = ?1 ORDER BY d.id"] {
        let walks = walks(&connection, &format!("{}{end}", queries::DELIVERY));
        assert!(walks.is_empty(), "{end}: {walks:?}");
    }
}
