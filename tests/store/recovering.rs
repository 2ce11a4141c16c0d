//! After a stop, orderly or not: what was claimed waits again, what may have been sent is marked.

use belfry::domain::delivery::{NewDelivery, State};
use belfry::domain::id::DeliveryId;
use belfry::domain::integration::Status;
use belfry::domain::limits;
use belfry::domain::outcome::{FaultKind, Outcome};
use belfry::domain::queue::{Change, Next};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{Edit, NewAlert, Store as _};

use crate::fixture::{FIRST, Room, SECOND, alert, at, operator, settle};

/// One claimed for its second attempt, and one that was never tried as far as the rows know.
async fn midway(room: &Room) -> (DeliveryId, DeliveryId) {
    room.store.recover(at(0), at(0)).await.unwrap();
    let (_, claimed) = room.one("claimed").await;
    let (_, waiting) = room.one("waiting").await;
    let later = Next::Wait { queue_at: at(9), due_at: at(9) };
    assert!(!room.is_lost(settle(claimed, 1, later)).await);
    assert!(!room.is_lost(Change::Claim { delivery: claimed, attempt: 2 }).await);
    (claimed, waiting)
}

#[tokio::test]
async fn a_claimed_attempt_is_interrupted_and_waits_again() {
    let before = Room::new().await;
    let (claimed, waiting) = midway(&before).await;
    let room = Room::over(before.crash(), None);
    assert_eq!(room.store.recover(at(100), at(105)).await.unwrap(), 1);

    let (row, attempts) = room.delivery(claimed).await;
    assert_eq!((row.state, row.attempts, row.in_doubt), (State::Pending, 2, 1));
    assert_eq!(row.due_at, at(105));
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[1].started_at, at(100));
    let Outcome::Failed(fault) = &attempts[1].outcome else { panic!("{attempts:?}") };
    assert_eq!(fault.kind, FaultKind::Interrupted);
    // A first attempt is sent without being claimed: this one may have been on its way.
    let (row, attempts) = room.delivery(waiting).await;
    assert_eq!((row.state, row.attempts, row.in_doubt), (State::Pending, 0, 1));
    assert!(attempts.is_empty());
    let rows = room.store.load(FIRST, None, 9).await.unwrap().rows;
    assert_eq!(rows.iter().map(|each| each.id).collect::<Vec<_>>(), [waiting, claimed]);
    // A result of the process that died decides nothing any more.
    assert!(room.is_lost(settle(claimed, 2, Next::Delivered)).await);
    room.check();
}

#[tokio::test]
async fn an_orderly_stop_leaves_nothing_in_doubt() {
    let room = Room::new().await;
    room.store.recover(at(0), at(0)).await.unwrap();
    let (_, waiting) = room.one("waiting").await;
    let room = room.reopen(None).await;
    assert_eq!(room.store.recover(at(100), at(105)).await.unwrap(), 0);
    assert_eq!(room.delivery(waiting).await.0.in_doubt, 0);
    // That start has not ended: the next one finds it so.
    let room = Room::over(room.crash(), None);
    assert_eq!(room.store.recover(at(200), at(205)).await.unwrap(), 0);
    assert_eq!(room.delivery(waiting).await.0.in_doubt, 1);
}

#[tokio::test]
async fn recovering_twice_is_recovering_once() {
    let before = Room::new().await;
    let (claimed, _) = midway(&before).await;
    let room = Room::over(before.crash(), None);
    assert_eq!(room.store.recover(at(100), at(105)).await.unwrap(), 1);
    let once = room.delivery(claimed).await;
    assert_eq!(room.store.recover(at(101), at(106)).await.unwrap(), 0);
    assert_eq!(room.delivery(claimed).await, once);
}

#[tokio::test]
async fn a_strict_queue_keeps_its_order_over_a_stop() {
    let before = Room::new().await;
    let first_place = Timestamp::from_millis(0);
    let mut ids = Vec::new();
    for n in 0..3 {
        let delivery = NewDelivery {
            integration: FIRST,
            queue_at: first_place,
            due_at: at(n),
            expires_at: at(900),
            put_off: false,
        };
        let new = alert(&format!("record-{n}"), &[]);
        let accepted = before.accept(NewAlert { deliveries: vec![delivery], ..new }).await;
        ids.push(accepted.deliveries[0]);
    }
    let later = Next::Wait { queue_at: first_place, due_at: at(9) };
    assert!(!before.is_lost(settle(ids[0], 1, later)).await);
    assert!(!before.is_lost(Change::Claim { delivery: ids[0], attempt: 2 }).await);
    let room = Room::over(before.crash(), None);
    room.store.recover(at(100), at(105)).await.unwrap();
    let rows = room.store.load(FIRST, None, 9).await.unwrap().rows;
    assert_eq!(rows.iter().map(|each| each.id).collect::<Vec<_>>(), ids);
}

/// Only the head of a queue can have been tried, whatever its destination may do since then. What was
/// tried before stands there too, but its claims tell of it.
#[tokio::test]
async fn the_heads_of_queues_are_in_doubt() {
    let before = Room::new().await;
    before.store.recover(at(0), at(0)).await.unwrap();
    let head = limits::OUTSTANDING;
    let alerts = (0..head + 10).map(|n| alert(&format!("record-{n}"), &[FIRST, SECOND])).collect();
    let accepted = before.store.accept(alerts).await.unwrap();
    let accepted: Vec<_> = accepted.into_iter().flatten().collect();
    let first_place = Timestamp::from_millis(0);
    let again = Next::Wait { queue_at: first_place, due_at: first_place };
    assert!(!before.is_lost(settle(accepted[0].deliveries[0], 1, again)).await);
    let pause = Edit::SetStatus { id: SECOND, status: Status::Paused };
    before.store.change(pause, operator(), at(1)).await.unwrap();

    let room = Room::over(before.crash(), None);
    room.store.recover(at(100), at(105)).await.unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for each in &accepted {
        first.push(room.delivery(each.deliveries[0]).await.0.in_doubt);
        second.push(room.delivery(each.deliveries[1]).await.0.in_doubt);
    }
    let marked = |count: usize| [vec![1; count], vec![0; head + 10 - count]].concat();
    assert_eq!(second, marked(head));
    assert_eq!(first[1..], marked(head)[..head + 9]);
    assert_eq!(first[0], 0);
}
