//! How SQLite goes about our statements: each is found in the sources of this room and explained over
//! an empty database, so that a new one is looked at too. Nothing may walk through a whole table that
//! grows with traffic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rusqlite::Connection;

use super::audit::{self, AuditFilter};
use super::list;
use super::open::{self, Manner};
use super::queries::{self, DeliveryFilter};
use crate::domain::delivery::State;
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::time::Timestamp;

const SOURCES: &[(&str, &str)] = &[
    ("accept", include_str!("accept.rs")),
    ("act", include_str!("act.rs")),
    ("audit", include_str!("audit.rs")),
    ("configured", include_str!("configured.rs")),
    ("conversations", include_str!("conversations.rs")),
    ("depths", include_str!("depths.rs")),
    ("edit", include_str!("edit.rs")),
    ("minutes", include_str!("minutes.rs")),
    ("history", include_str!("history.rs")),
    ("inbounds", include_str!("inbounds.rs")),
    ("names", include_str!("names.rs")),
    ("once", include_str!("once.rs")),
    ("overview", include_str!("overview.rs")),
    ("people", include_str!("people.rs")),
    ("phrases", include_str!("phrases.rs")),
    ("queries", include_str!("queries.rs")),
    ("queue", include_str!("queue.rs")),
    ("recent", include_str!("recent.rs")),
    ("reseal", include_str!("reseal.rs")),
    ("retention", include_str!("retention.rs")),
    ("row", include_str!("row.rs")),
    ("settle", include_str!("settle.rs")),
    ("tokens", include_str!("tokens.rs")),
    ("waiting", include_str!("waiting.rs")),
    ("trigger", include_str!("trigger.rs")),
];

/// Tables that grow with traffic.
const GROWING: [&str; 9] = [
    "alerts",
    "deliveries",
    "attempts",
    "audit",
    "sessions",
    "creations",
    "revisions",
    "minutes",
    "conversation_scores",
];

fn database() -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let connection =
        open::open_database(&open::database(dir.path()), Manner { max_pages: None, synced: true })
            .unwrap();
    (dir, connection)
}

/// How SQLite goes about it, a line each.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    // Parameters that are not bound are NULL.
    let mut rows = statement.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get::<_, String>("detail").unwrap());
    }
    plan
}

/// The plan's lines that walk through all of a growing table, under its name or our short one.
fn walks(connection: &Connection, sql: &str) -> Vec<String> {
    let mut walks = Vec::new();
    for line in plan(connection, sql) {
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
            .replace("{index}", "audit_by_time")
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
    // looks for the first alerts that are young, and stops there. The statements of the list of the audit
    // log are looked at below, each with its filter. The metrics count what waits and what was given up in
    // the indexes that hold nothing else.
    let known = [
        ("depths", "SCAN deliveries USING COVERING INDEX deliveries_pending"),
        ("depths", "SCAN deliveries USING COVERING INDEX deliveries_in_flight"),
        ("depths", "SCAN deliveries USING COVERING INDEX deliveries_given_up"),
        ("minutes", "SCAN deliveries USING COVERING INDEX deliveries_pending"),
        ("minutes", "SCAN deliveries USING COVERING INDEX deliveries_in_flight"),
        ("minutes", "SCAN deliveries USING COVERING INDEX deliveries_given_up"),
        ("queue", "SCAN deliveries USING INDEX deliveries_in_flight"),
        ("retention", "SCAN alerts"),
        ("audit", "SCAN audit USING INDEX audit_by_time"),
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
    let plan = plan(&connection, &load);
    let [only] = plan.as_slice() else { panic!("sorted by hand: {plan:?}") };
    assert!(only.starts_with("SEARCH deliveries USING INDEX deliveries_pending"), "{only}");
    assert!(only.contains("(queue_at,id)>(?,?)") || only.contains("queue_at>?"), "{only}");
}

/// Whatever the audit log is filtered by, an index finds the lines and gives their order.
#[test]
fn the_audit_log_is_listed_by_indexes() {
    let (_dir, connection) = database();
    for bits in 0..64_u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let word = |bit| on(bit).then(|| "x".to_owned());
        let time = |bit| on(bit).then(|| Timestamp::from_millis(0));
        let filter = AuditFilter {
            actor: word(0),
            action: word(1),
            subject: word(2),
            since: time(3),
            until: time(4),
        };
        let plan = plan(&connection, &audit::statement(&filter, on(5)));
        let [only] = plan.as_slice() else { panic!("sorted by hand: {plan:?}") };
        // Without any filter the newest lines are walked through, and no more than are shown.
        let by = if bits == 0 { "SCAN audit USING INDEX" } else { "SEARCH audit USING INDEX" };
        assert!(only.starts_with(by), "{filter:?}: {only}");
    }
}

/// People, tokens and automations are listed in the order of an index.
#[test]
fn lists_of_few_things_are_listed_by_indexes() {
    let (_dir, connection) = database();
    let all = [
        ("users", include_str!("people.rs")),
        ("tokens", include_str!("tokens.rs")),
        ("inbounds", include_str!("inbounds.rs")),
        ("automations", include_str!("queries.rs")),
    ];
    for (table, source) in all {
        let found = statements(source);
        let list = found
            .iter()
            .find(|sql| sql.contains(&format!("FROM {table} ")) && sql.contains("LIMIT"));
        let plan = plan(&connection, list.unwrap_or_else(|| panic!("{table} are not listed")));
        let [only] = plan.as_slice() else { panic!("sorted by hand: {plan:?}") };
        assert!(only.starts_with(&format!("SEARCH {table} USING")), "{only}");
    }
}

/// Whatever deliveries are filtered by, an index finds them, or they are walked through newest first.
#[test]
fn deliveries_are_listed_by_indexes() {
    let (_dir, connection) = database();
    let states = [
        None,
        Some(State::Pending),
        Some(State::InFlight),
        Some(State::Delivered),
        Some(State::Dead),
        Some(State::Discarded),
    ];
    for state in states {
        for bits in 0..32_u32 {
            let on = |bit: u32| bits & (1 << bit) != 0;
            let id = |bit| on(bit).then(|| uuid::Uuid::from_u128(1));
            let time = |bit| on(bit).then(|| Timestamp::from_millis(0));
            let filter = DeliveryFilter {
                automation_id: id(0).map(AutomationId),
                integration_id: id(1).map(IntegrationId),
                state,
                record_id: on(2).then(|| "r".to_owned()),
                since: time(3),
                until: time(4),
            };
            for sql in list::statements(&filter) {
                for line in plan(&connection, &sql) {
                    let newest_first = line == "SCAN d"
                        && filter.record_id.is_none()
                        && id(1).is_none()
                        && matches!(state, None | Some(State::Delivered));
                    let by_index = line.contains(" USING ") || line.starts_with("USE TEMP B-TREE");
                    assert!(by_index || newest_first, "{filter:?}: {line}\n{sql}");
                }
            }
        }
    }
}

#[test]
fn single_deliveries_and_alerts_are_found_by_indexes() {
    let (_dir, connection) = database();
    for end in [" WHERE d.id = ?1", " WHERE d.alert_id = ?1 ORDER BY d.id"] {
        let walks = walks(&connection, &format!("{}{end}", queries::DELIVERY));
        assert!(walks.is_empty(), "{end}: {walks:?}");
    }
}

/// The pages of plots: a span of minutes is a stretch of a key, and an integration's last attempts and an
/// automation's alerts are stretches of an index, in its order.
#[test]
fn what_is_drawn_is_read_from_one_stretch() {
    let (_dir, connection) = database();
    for (source, part, expected) in [
        (
            include_str!("minutes.rs"),
            "FROM minutes WHERE at >= ?1",
            "SEARCH minutes USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        ),
        (
            include_str!("recent.rs"),
            "FROM attempts",
            "SEARCH attempts USING INDEX attempts_of_integration (integration_id=?)",
        ),
        (
            include_str!("recent.rs"),
            "FROM alerts",
            "SEARCH alerts USING COVERING INDEX alerts_of_automation (automation_id=? AND escalated_at>?)",
        ),
    ] {
        let found = statements(source).into_iter().find(|sql| sql.contains(part)).unwrap();
        let plan = plan(&connection, &found);
        let read: Vec<&String> = plan.iter().filter(|line| line.starts_with("SE")).collect();
        assert_eq!(read, [expected], "{found}");
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "sorted by hand: {plan:?}");
    }
}

/// Destinations in trouble are found in what is configured, with one look into an index for each: neither
/// what waits nor what was given up is walked through.
#[test]
fn trouble_is_found_without_a_walk_through_what_grows() {
    let (_dir, connection) = database();
    let found = statements(include_str!("overview.rs"));
    let sql = found.iter().find(|sql| sql.contains("has_dead")).unwrap();
    let plan = plan(&connection, sql);
    let dead =
        "SEARCH deliveries USING COVERING INDEX deliveries_given_up (integration_id=? AND state=?)";
    assert!(plan.iter().any(|line| line == dead), "{plan:?}");
    let other = plan.iter().filter(|line| line.contains("deliveries") && *line != dead).count();
    assert_eq!(other, 0, "{plan:?}");
}
