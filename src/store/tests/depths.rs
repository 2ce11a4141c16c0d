//! How queues stand, told from what lies on disk.

use rusqlite::Connection;
use uuid::Uuid;

use crate::domain::id::IntegrationId;
use crate::domain::limits::{METRICS_DEEPEST, METRICS_OPEN};
use crate::domain::time::Timestamp;
use crate::store::depths::{Depth, Depths, depths};
use crate::store::open::{Manner, open_database};

/// A database with so many integrations; what else is done to it stands in SQL.
fn told(integrations: usize, sql: &str) -> Depths {
    let dir = tempfile::tempdir().expect("a directory");
    let manner = Manner { max_pages: None, synced: false };
    let connection = open_database(&dir.path().join("some.db"), manner).expect("a database");
    connection
        .execute_batch(&format!(
            "INSERT INTO automations (id, name, active, version, created_at)
               VALUES (zeroblob(16), 'a', 1, 1, 0);
             WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {integrations})
             INSERT INTO integrations (id, automation_id, place, kind, name, url, auth_method, signing,
               http1_only, ordering, status, created_at)
             SELECT CAST(printf('%016d', x) AS BLOB), zeroblob(16), x, 'webhook', 'i',
               'https://a.example/', 'none', 0, 0, 'due', 'active', 0 FROM n;
             INSERT INTO alerts (id, automation_id, record_id, org_id, escalated_at, digest, body)
               VALUES (1, zeroblob(16), 'r', 'acme', 0, zeroblob(32), x'7b7d');"
        ))
        .expect("rows");
    connection.execute_batch(sql).expect("what is told of");
    depths(&connection as &Connection).expect("depths")
}

fn id(number: usize) -> IntegrationId {
    let bytes: [u8; 16] = format!("{number:016}").into_bytes().try_into().expect("16 bytes");
    IntegrationId(Uuid::from_bytes(bytes))
}

/// Deliveries 1, 2, … of the integrations that are named, each accepted at ten times its number.
fn deliveries(of: &str, state: &str, many: usize) -> String {
    let reason = if ["dead", "discarded"].contains(&state) { "'x'" } else { "NULL" };
    format!(
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {many})
         INSERT INTO deliveries (id, alert_id, integration_id, state, reason, queue_at, due_at,
           expires_at, created_at)
         SELECT y, 1, id, '{state}', {reason}, -y, 0, 0, 10 * y FROM (
           SELECT id, row_number() OVER () + (SELECT ifnull(max(id), 0) FROM deliveries) AS y
           FROM integrations, n WHERE {of});"
    )
}

#[test]
fn each_is_told_with_what_belongs_to_it() {
    let sql = [
        deliveries("place = 1", "delivered", 3),
        deliveries("place = 2", "in_flight", 2),
        deliveries("place = 2", "pending", 3),
        deliveries("place = 3", "dead", 4),
        deliveries("place = 3", "discarded", 5),
        // One that is deleted keeps what it has left.
        deliveries("place = 4", "in_flight", 1),
        deliveries("place = 4", "dead", 1),
        "UPDATE integrations SET circuit_since = 1 WHERE place = 2;
         UPDATE integrations SET status = 'disabled', status_reason = 'gone' WHERE place = 3;
         UPDATE integrations SET deleted_at = 1 WHERE place = 4;"
            .to_owned(),
    ];
    let closed = Depth { closed: 1, ..Depth::default() };
    let at = |number: i64| Some(Timestamp::from_millis(10 * number));
    let expected = Depths {
        named: vec![
            (id(1), closed),
            (id(2), Depth { waiting: 5, oldest_at: at(4), open: 1, ..Depth::default() }),
            (id(3), Depth { dead: 4, ..closed }),
        ],
        others: Depth { waiting: 1, oldest_at: at(18), dead: 1, open: 0, closed: 0 },
        active: 2,
        paused: 0,
        disabled: 1,
        discarded: 5,
        records_waiting: 0,
    };
    assert_eq!(told(4, &sql.concat()), expected);
}

/// Matrix G6: the deepest queues have names, and so have open circuits beside them; all else is summed.
#[test]
fn g6_few_have_names_and_none_is_left_out() {
    let many = METRICS_DEEPEST + METRICS_OPEN + 50;
    let last = many - 10;
    let sql = [
        deliveries("1", "pending", 1),
        deliveries(&format!("place > {last}"), "pending", 1),
        // The first half hundred would be named for their places in the order anyway.
        format!("UPDATE integrations SET circuit_since = 1 WHERE place > 50 AND place <= {last};"),
    ];
    let told = told(many, &sql.concat());
    assert_eq!(told.named.len(), METRICS_DEEPEST + METRICS_OPEN);
    for number in last + 1..=many {
        let found = told.named.iter().find(|(each, _)| *each == id(number));
        assert_eq!(found.expect("it has a name").1.waiting, 2, "{number}");
    }
    let sum = |number: &dyn Fn(&Depth) -> u64| {
        told.named.iter().map(|(_, depth)| number(depth)).sum::<u64>() + number(&told.others)
    };
    let many = u64::try_from(many).expect("few");
    assert_eq!(sum(&|depth| depth.waiting), many + 10);
    assert_eq!(sum(&|depth| depth.open), many - 60);
    assert_eq!(sum(&|depth| depth.open + depth.closed), many);
    assert!(told.others.open > 0 && told.others.oldest_at.is_some(), "{:?}", told.others);
}
