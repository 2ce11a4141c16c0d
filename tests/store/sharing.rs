//! Those who wait share a transaction, and nobody pays for another's command but by waiting.

use belfry::domain::id::IntegrationId;
use belfry::domain::limits;
use belfry::engine::ports::{Accepted, Promise, Store as _, StoreError};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::fixture::{FIRST, Room, alert, number, until};

type Answer = Result<Vec<Option<Accepted>>, StoreError>;

fn ask(room: &Room, record: &str) -> Promise<Answer> {
    room.store.accept(vec![alert(record, &[FIRST])])
}

#[tokio::test]
async fn those_who_wait_share_a_commit() {
    let room = Room::new().await;
    let before = room.store.statistics();
    let asked: Vec<_> = (0..200).map(|n| ask(&room, &format!("record-{n}"))).collect();
    assert!(join_all(asked).await.iter().all(Result::is_ok));
    let after = room.store.statistics();
    assert_eq!(after.commands - before.commands, 200);
    assert!(after.commits - before.commits < 200, "{after:?}");
    assert!(after.largest_batch > 1 && after.largest_batch <= limits::STORE_BATCH as u64);
}

#[tokio::test]
async fn a_bad_command_spoils_no_other() {
    let room = Room::new().await;
    let nowhere = IntegrationId(Uuid::from_u128(99));
    let asked: Vec<_> = (0..20)
        .map(|n| {
            let to = if n % 3 == 0 { nowhere } else { FIRST };
            // The first alert of each call is fine; where the second goes nowhere, neither is kept.
            let calls = vec![alert(&format!("a-{n}"), &[FIRST]), alert(&format!("b-{n}"), &[to])];
            room.store.accept(calls)
        })
        .collect();
    for (n, answer) in join_all(asked).await.into_iter().enumerate() {
        if n % 3 == 0 {
            assert_eq!(answer, Err(StoreError::NotFound), "{n}");
            assert!(room.accept(alert(&format!("a-{n}"), &[FIRST])).await.fresh, "{n}");
        } else {
            assert!(answer.unwrap().iter().flatten().all(|each| each.fresh), "{n}");
        }
    }
    assert_eq!(room.heard.0.lock().unwrap().len(), 13 * 2 + 7, "what was undone is told to nobody");
    room.check();
}

/// More callers than may wait are told to come again, and every place is given back.
#[tokio::test]
async fn intake_is_bounded_and_its_places_come_back() {
    let room = Room::new().await;
    // While another holds the database nothing is committed, and everybody waits.
    let other = room.sql();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let many = limits::STORE_INTAKE + limits::STORE_BATCH + 100;
    let asked: Vec<_> = (0..many).map(|n| ask(&room, &format!("record-{n}"))).collect();
    other.execute_batch("COMMIT").unwrap();
    let answers = join_all(asked).await;
    for answer in &answers {
        assert!(matches!(answer, Ok(_) | Err(StoreError::Busy)), "{answer:?}");
    }
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((limits::STORE_INTAKE..many).contains(&kept), "{kept} of {many}");
    assert_eq!(number(&other, "SELECT count(*) FROM alerts"), i64::try_from(kept).unwrap());
    for round in 0..3 {
        let asked: Vec<_> = (0..limits::STORE_INTAKE / 2)
            .map(|n| ask(&room, &format!("again-{round}-{n}")))
            .collect();
        assert!(join_all(asked).await.iter().all(Result::is_ok), "there is room again");
    }
}

/// A lock that another holds for too long is like a full disk: nothing is taken or sent until it is
/// gone, and no place among those who wait is lost by what was refused.
#[tokio::test]
async fn a_database_held_by_another_is_recovered_from() {
    let room = Room::new().await;
    let other = room.sql();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked: Vec<_> = (0..10).map(|n| ask(&room, &format!("record-{n}"))).collect();
    assert!(join_all(asked).await.iter().all(|answer| *answer == Err(StoreError::Busy)));
    assert!(!room.store.writable());
    assert_eq!(ask(&room, "record-0").await, Err(StoreError::Full), "nothing is taken meanwhile");
    other.execute_batch("COMMIT").unwrap();
    until("it can write again", || room.store.writable());
    assert!(room.accept(alert("record-0", &[FIRST])).await.fresh);
    assert!(room.ends.lock().unwrap().is_empty());
}
