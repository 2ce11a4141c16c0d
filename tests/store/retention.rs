//! What is old and finished goes; what waits stays however old it is; no id is given twice.

use belfry::domain::delivery::{DeadReason, DiscardReason, State};
use belfry::domain::queue::Next;
use belfry::engine::ports::{Act, NewAlert, Store as _, StoreError};

use crate::fixture::{FIRST, Room, SECOND, alert, at, number, operator, settle};

#[tokio::test]
async fn old_and_finished_goes_and_what_waits_stays() {
    let room = Room::new().await;
    let delivered = room.one("delivered").await;
    assert!(!room.is_lost(settle(delivered.1, 1, Next::Delivered)).await);
    let dead = room.one("dead").await;
    assert!(!room.is_lost(settle(dead.1, 1, Next::Dead(DeadReason::Expired))).await);
    let discarded = room.one("discarded").await;
    let discard = Act::Discard { delivery: discarded.1, reason: DiscardReason::Operator };
    room.store.act(discard, operator(), at(1)).await.unwrap();
    let waiting = room.one("waiting").await;
    let half = room.accept(alert("half", &[FIRST, SECOND])).await;
    assert!(!room.is_lost(settle(half.deliveries[0], 1, Next::Delivered)).await);
    let young = room.accept(NewAlert { escalated_at: at(500), ..alert("young", &[FIRST]) }).await;
    assert!(!room.is_lost(settle(young.deliveries[0], 1, Next::Delivered)).await);
    // A clock that was set back leaves an old one behind a young one.
    let behind = room.one("behind").await;
    assert!(!room.is_lost(settle(behind.1, 1, Next::Delivered)).await);
    let newest = room.one("newest").await;
    assert!(!room.is_lost(settle(newest.1, 1, Next::Delivered)).await);

    assert_eq!(room.sweep(at(100)).await, 4);
    let reader = room.store.reader();
    for (alert, delivery) in [delivered, dead, discarded] {
        assert_eq!(reader.alert(alert).await.err(), Some(StoreError::NotFound));
        assert_eq!(reader.delivery(delivery).await.err(), Some(StoreError::NotFound));
    }
    for alert in [waiting.0, half.alert, young.alert, newest.0] {
        assert!(reader.alert(alert).await.unwrap().alert.is_ok());
    }
    assert_eq!(room.delivery(waiting.1).await.0.state, State::Pending);
    assert_eq!(room.delivery(half.deliveries[0]).await.1.len(), 1, "its history with it");
    assert_eq!(reader.alert(behind.0).await.err(), Some(StoreError::NotFound));
    assert_eq!(room.sweep(at(1000)).await, 1, "the young one, now that it is old");
    assert!(reader.alert(newest.0).await.is_ok(), "the newest stays");
    room.check();
}

#[tokio::test]
async fn no_id_is_given_twice() {
    let room = Room::new().await;
    for n in 0..5 {
        let (_, id) = room.one(&format!("record-{n}")).await;
        assert!(!room.is_lost(settle(id, 1, Next::Delivered)).await);
    }
    let before = room.one("last").await;
    assert!(!room.is_lost(settle(before.1, 1, Next::Delivered)).await);
    // Behind it an alert without deliveries: the newest delivery is not the newest alert's.
    room.accept(alert("nobody cares", &[])).await;
    room.sweep(at(1000)).await;
    let room = room.reopen(None).await;
    let after = room.one("new").await;
    assert!(after.0 > before.0 && after.1 > before.1, "{after:?} after {before:?}");
}

#[tokio::test]
async fn a_sweep_goes_in_steps_until_nothing_is_left() {
    let room = Room::new().await;
    for call in 0..13 {
        let names = (0..100).map(|n| alert(&format!("record-{call}-{n}"), &[FIRST])).collect();
        let accepted = room.store.accept(names).await.unwrap();
        let ids =
            accepted.iter().flatten().map(|each| settle(each.deliveries[0], 1, Next::Delivered));
        assert!(room.store.apply(FIRST, ids.collect()).await.unwrap().lost.is_empty());
    }
    let first = room.store.sweep(at(1000), None).await.unwrap();
    assert!(first.removed > 0 && first.next.is_some(), "{first:?}");
    assert_eq!(first.removed + room.sweep(at(1000)).await, 1299);
    let sql = room.sql();
    for table in ["alerts", "deliveries", "attempts"] {
        assert_eq!(number(&sql, &format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
    room.check();
}

#[tokio::test]
async fn a_few_young_ones_do_not_hide_the_old_ones_behind_them() {
    let room = Room::new().await;
    // For a moment the clock was wrong by far.
    let wrong =
        |n: usize| NewAlert { escalated_at: at(1_000_000), ..alert(&format!("wrong-{n}"), &[]) };
    room.store.accept((0..900).map(wrong).collect()).await.unwrap();
    room.store.accept((0..10).map(|n| alert(&format!("{n}"), &[])).collect()).await.unwrap();
    assert_eq!(room.sweep(at(1000)).await, 9, "all but the newest");
    assert_eq!(number(&room.sql(), "SELECT count(*) FROM alerts"), 901);
}

/// What waits however old it is holds up nothing behind it, and is not looked at again in each step.
#[tokio::test]
async fn what_stays_is_passed_by() {
    let room = Room::new().await;
    let waiting = (0..2500).map(|n| alert(&format!("waiting-{n}"), &[FIRST])).collect();
    room.store.accept(waiting).await.unwrap();
    room.store.accept((0..10).map(|n| alert(&format!("{n}"), &[])).collect()).await.unwrap();
    assert_eq!(room.sweep(at(1000)).await, 9, "all but the newest");
    assert_eq!(number(&room.sql(), "SELECT count(*) FROM alerts"), 2501);
}
