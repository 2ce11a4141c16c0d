//! What pages are told of deliveries: names, the newest attempt, and a part of a long history.

use rusqlite::Connection;
use uuid::Uuid;

use crate::domain::id::{AutomationId, DeliveryId, IntegrationId};
use crate::store::history::{choices, history, log};
use crate::store::open::{Manner, open_database};
use crate::store::queries::{AttemptRow, DeliveryFilter};

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Automations 1 to 3, named c, B and a, each with two integrations; the third is deleted with its own, and
/// so is the second integration of the first. Delivery 1 has attempts 1 to 5, delivery 2 has none.
fn furnished() -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().expect("a directory");
    let manner = Manner { max_pages: None, synced: false };
    let connection = open_database(&dir.path().join("some.db"), manner).expect("a database");
    for (number, name, deleted) in [(1, "c", None), (2, "B", None), (3, "a", Some(7))] {
        let id = *uuid(number).as_bytes();
        connection
            .execute(
                "INSERT INTO automations (id, name, active, version, created_at, deleted_at)
                 VALUES (?1, ?2, 1, 1, 0, ?3)",
                (id, name, deleted),
            )
            .expect("an automation");
        for place in 0..2_u128 {
            let gone = deleted.or_else(|| (number == 1 && place == 1).then_some(7));
            connection
                .execute(
                    "INSERT INTO integrations (id, automation_id, place, kind, name, url, auth_method,
                       signing, http1_only, ordering, status, created_at, deleted_at)
                     VALUES (?1, ?2, ?3, 'webhook', ?4, 'https://a.example/', 'none', 0, 0, 'due',
                       'active', 0, ?5)",
                    (
                        *uuid(10 * number + place).as_bytes(),
                        id,
                        i64::try_from(place).expect("small"),
                        format!("{name}{place}"),
                        gone,
                    ),
                )
                .expect("an integration");
        }
    }
    for (delivery, integration) in [(1, 10), (2, 31)] {
        connection
            .execute_batch(&format!(
                "INSERT INTO alerts (id, automation_id, record_id, org_id, escalated_at, digest, body)
                 VALUES ({delivery}, (SELECT automation_id FROM integrations
                   WHERE hex(id) LIKE '%{integration:02X}'), 'r', 'acme', 0, zeroblob(32), x'7b7d');
                 INSERT INTO deliveries (id, alert_id, integration_id, state, queue_at, due_at,
                   expires_at, created_at)
                 SELECT {delivery}, {delivery}, id, 'pending', 0, 0, 0, 0 FROM integrations
                   WHERE hex(id) LIKE '%{integration:02X}';"
            ))
            .expect("a delivery");
    }
    connection
        .execute_batch(
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5)
             INSERT INTO attempts (delivery_id, n, started_at, took_us, status)
             SELECT 1, x, x, 1, 500 + x FROM n;",
        )
        .expect("attempts");
    (dir, connection)
}

fn numbers(attempts: &[AttemptRow]) -> Vec<u32> {
    attempts.iter().map(|each| each.number).collect()
}

#[test]
fn the_log_has_names_and_the_newest_attempt() {
    let (_dir, connection) = furnished();
    let logged = log(&connection, &DeliveryFilter::default(), None, 10).expect("a log");
    let shown: Vec<_> = logged
        .iter()
        .map(|each| {
            let way = &each.way;
            let names = (way.automation.as_str(), way.integration.as_str());
            let deleted = (way.automation_deleted, way.integration_deleted);
            (each.row.id.0, names, deleted, each.last.as_ref().map(|last| last.number))
        })
        .collect();
    assert_eq!(
        shown,
        [(2, ("a", "a1"), (true, true), None), (1, ("c", "c0"), (false, false), Some(5))]
    );
}

#[test]
fn a_history_is_told_a_part_at_a_time() {
    let (_dir, connection) = furnished();
    let part = |before, limit, number| {
        history(&connection, DeliveryId(1), before, limit, number).expect("a history")
    };
    let newest = part(None, 2, None);
    assert_eq!((newest.count, numbers(&newest.attempts)), (5, vec![5, 4]));
    assert_eq!(newest.chosen.map(|each| each.number), Some(5));
    let older = part(Some(4), 2, Some(1));
    assert_eq!(numbers(&older.attempts), [3, 2]);
    assert_eq!(older.chosen.map(|each| each.number), Some(1));
    let none = part(Some(1), 2, Some(99));
    assert!(none.attempts.is_empty() && none.chosen.is_none());
    assert!(history(&connection, DeliveryId(3), None, 2, None).is_err());
}

#[test]
fn what_is_chosen_is_offered_first_even_if_it_is_deleted() {
    let (_dir, connection) = furnished();
    let offered = |automation: Option<u128>, integration: Option<u128>, most| {
        let automation = automation.map(|number| AutomationId(uuid(number)));
        let integration = integration.map(|number| IntegrationId(uuid(number)));
        let choices = choices(&connection, automation, integration, most).expect("choices");
        let names = choices.into_iter().map(|each| {
            let own: Vec<_> = each.integrations.into_iter().map(|(_, name)| name).collect();
            format!("{}: {}", each.name, own.join(" "))
        });
        names.collect::<Vec<_>>()
    };
    assert_eq!(offered(None, None, 9), ["B: B0 B1", "c: c0"]);
    assert_eq!(offered(Some(3), None, 9), ["a: ", "B: B0 B1", "c: c0"]);
    assert_eq!(offered(None, Some(11), 9), ["c: c1 c0", "B: B0 B1"]);
    assert_eq!(offered(Some(2), None, 1), ["B: B0"]);
    assert_eq!(offered(None, None, 2), ["B: B0 B1", "c: "]);
}
