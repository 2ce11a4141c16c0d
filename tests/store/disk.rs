//! A full disk, a damaged body, a long log, and a store whose thread ends.

use std::sync::Arc;

use belfry::domain::alert::Body;
use belfry::engine::ports::{
    AfterAccept, DamagedAlert, FreshDelivery, NewAlert, Store as _, StoreError,
};
use belfry::store::Sqlite;

use crate::fixture::{Ends, FIRST, Room, SECOND, alert, at, check, number, settings, until};

fn big(record: &str, bytes: usize) -> NewAlert {
    let body = Body::new(vec![b'x'; bytes].into());
    NewAlert { body, ..alert(record, &[FIRST, SECOND]) }
}

/// Accepts calls of three until the store is full and says of itself that it can't write; returns how
/// many calls it took.
async fn fill(room: &Room, round: usize) -> usize {
    let mut calls = 0;
    // When nothing has come for a while the store tries to write, and what is small may find room:
    // then it is asked again.
    for _ in 0..1000 {
        let names = (0..3).map(|n| format!("record-{round}-{calls}-{n}"));
        match room.store.accept(names.map(|name| big(&name, 20_000)).collect()).await {
            Ok(accepted) => {
                assert!(accepted.iter().flatten().all(|each| each.fresh));
                calls += 1;
            }
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                if !room.store.writable() {
                    return calls;
                }
            }
        }
    }
    panic!("it is never full");
}

// A11★
#[tokio::test]
async fn a11_a_full_store_says_so_and_keeps_nothing_half() {
    let room = Room::new().await;
    let pages = u32::try_from(number(&room.sql(), "PRAGMA page_count")).unwrap();
    let room = room.reopen(Some(pages + 60)).await;
    assert!(room.store.writable());

    let calls = fill(&room, 0).await;
    assert!(calls > 0, "there was room at first");
    let sql = room.sql();
    assert_eq!(number(&sql, "SELECT count(*) FROM alerts"), 3 * i64::try_from(calls).unwrap());
    assert_eq!(number(&sql, "SELECT count(*) FROM deliveries"), 6 * i64::try_from(calls).unwrap());
    assert_eq!(room.heard.0.lock().unwrap().len(), 6 * calls, "what failed is told to nobody");
    assert!(room.ends.lock().unwrap().is_empty(), "a full disk ends nothing");
    drop(sql);
    room.check();

    // With more room all goes on, and what had failed is taken as new.
    let room = room.reopen(Some(pages + 400)).await;
    assert!(room.store.writable());
    let name = format!("record-0-{calls}-0");
    assert!(room.accept(big(&name, 20_000)).await.fresh);
    assert!(!room.accept(big("record-0-0-0", 20_000)).await.fresh);
    room.check();
}

// A11★
#[tokio::test]
async fn a11_it_recovers_without_a_restart() {
    let room = Room::new().await;
    let pages = u32::try_from(number(&room.sql(), "PRAGMA page_count")).unwrap();
    let room = room.reopen(Some(pages + 120)).await;
    // Finished at once, for they have no delivery: the sweep may take them.
    for n in 0..10 {
        room.accept(NewAlert { deliveries: Vec::new(), ..big(&format!("old-{n}"), 20_000) }).await;
    }
    fill(&room, 0).await;
    assert_eq!(room.sweep(at(1)).await, 10);
    until("it can write again", || room.store.writable());
    assert!(fill(&room, 1).await > 0, "the room of what went is used again");
    room.check();
}

// A11★
#[tokio::test]
async fn a11_a_command_beside_one_without_room_fails_whole() {
    let room = Room::new().await;
    let pages = u32::try_from(number(&room.sql(), "PRAGMA page_count")).unwrap();
    let room = room.reopen(Some(pages + 30)).await;
    let small = room.store.accept(vec![alert("small", &[FIRST])]);
    let much = room.store.accept((0..50).map(|n| big(&format!("b-{n}"), 60_000)).collect());
    let small = small.await;
    assert_eq!(much.await, Err(StoreError::Full));
    // Whether they shared a commit is up to the scheduler; each answer must tell the truth.
    let stored = number(&room.sql(), "SELECT count(*) FROM alerts");
    match small {
        Ok(accepted) => assert!(accepted.iter().flatten().all(|each| each.fresh) && stored == 1),
        Err(error) => assert!(error == StoreError::Full && stored == 0, "{error}"),
    }
    room.check();
}

// A15★
#[tokio::test]
async fn a15_a_body_that_changed_on_disk_is_never_handed_out() {
    let room = Room::new().await;
    let (damaged, _) = room.one("record-1").await;
    let (whole, _) = room.one("record-2").await;
    let sql = room.sql();
    for change in [
        "UPDATE alerts SET body = CAST(replace(CAST(body AS TEXT), 'record', 'recorD') AS BLOB)",
        "UPDATE alerts SET body = x''",
        "UPDATE alerts SET digest = zeroblob(32)",
    ] {
        sql.execute_batch(&format!("SAVEPOINT before; {change} WHERE id = {};", damaged.0))
            .unwrap();
        sql.execute_batch("RELEASE before").unwrap();
        assert_eq!(room.store.alert(damaged).await.unwrap(), Err(DamagedAlert), "{change}");
        assert_eq!(room.store.reader().alert(damaged).await.unwrap().alert, Err(DamagedAlert));
        let body = room.store.alert(whole).await.unwrap().unwrap().body;
        assert_eq!(body.bytes().as_ref(), br#"{"record":"record-2"}"#);
    }
    assert!(room.ends.lock().unwrap().is_empty(), "one damaged body ends nothing");
}

// A22★
#[tokio::test]
async fn a22_the_log_is_made_short_once_nobody_reads() {
    const LIMIT: u64 = belfry::domain::limits::STORE_LOG_BYTES;
    let room = Room::new().await;
    let log = || std::fs::metadata(room.dir.path().join("belfry.db-wal")).unwrap().len();
    let reader = room.sql();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(number(&reader, "SELECT count(*) FROM alerts"), 0);

    let mut call = 0;
    while log() <= LIMIT {
        let names = (0..40).map(|n| format!("record-{call}-{n}"));
        room.store.accept(names.map(|name| big(&name, 60_000)).collect()).await.unwrap();
        call += 1;
    }
    assert_eq!(number(&reader, "SELECT count(*) FROM alerts"), 0, "a reader has its snapshot");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(number(&reader, "SELECT count(*) FROM alerts"), 40 * call);

    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while log() > LIMIT {
        assert!(std::time::Instant::now() < deadline, "the log stays at {} bytes", log());
        room.store.probe().await.unwrap();
    }
    room.check();
}

struct Panics;

impl AfterAccept for Panics {
    fn accepted(&self, _: Vec<FreshDelivery>) {
        panic!("a test made the store's thread fail");
    }
}

// A24★
#[tokio::test]
async fn a24_a_store_whose_thread_fails_ends_the_process_and_loses_nothing() {
    let room = Room::new().await;
    room.one("before").await;
    room.store.close().await;
    let Room { dir, store, .. } = room;
    drop(store);

    let ends = Ends::default();
    let store = Sqlite::open(dir.path(), settings(Arc::new(Panics), &ends)).unwrap();
    let answer = store.accept(vec![alert("record", &[FIRST])]).await;
    assert_eq!(answer, Err(StoreError::Stopped), "nobody is told that it was stored");
    store.close().await;
    let told = ends.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, 70);
    assert!(!store.writable());
    assert_eq!(store.probe().await, Err(StoreError::Stopped));
    assert_eq!(store.accept(vec![alert("later", &[FIRST])]).await, Err(StoreError::Full));
    drop(store);

    let room = Room::over(dir, None);
    assert!(!room.accept(alert("before", &[FIRST])).await.fresh);
    assert!(!room.accept(alert("record", &[FIRST])).await.fresh, "it was on disk already");
    assert!(room.accept(alert("later", &[FIRST])).await.fresh);
    check(room.dir.path());
}

// A13★
/// Damage that is met at work ends the process: nothing is sent or taken on top of it.
#[tokio::test]
async fn a13_damage_met_at_work_ends_the_process() {
    let room = Room::new().await;
    for n in 0..300 {
        room.one(&format!("record-{n}")).await;
    }
    // Opened while it was whole; then something writes over what its pages hold.
    let room = room.reopen(None).await;
    let file = room.dir.path().join("belfry.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4 * 4096..].fill(0xA5);
    std::fs::write(&file, &bytes).unwrap();
    let answer = room.store.load(FIRST, None, 500).await;
    assert!(matches!(answer, Err(StoreError::Failed(_))), "{answer:?}");
    let ends = room.ends.lock().unwrap().clone();
    assert_eq!(ends.first().map(|(status, _)| *status), Some(65), "{ends:?}");
}
