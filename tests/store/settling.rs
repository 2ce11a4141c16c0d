//! What a destination's queue decided: written where the row is as it expected, lost where somebody
//! else decided before. What an attempt left behind is kept once, whatever becomes of its delivery.

use std::time::Duration;

use belfry::domain::circuit::Circuit;
use belfry::domain::delivery::{DeadReason, DiscardReason, State};
use belfry::domain::id::DeliveryId;
use belfry::domain::integration::{Health, Status};
use belfry::domain::outcome::Outcome;
use belfry::domain::queue::{Change, Next};
use belfry::engine::ports::{Act, NewAlert, Store as _};

use crate::fixture::{FIRST, Room, alert, at, number, operator, report, settle};

const LATER: Next = Next::Wait { queue_at: at_later(), due_at: at_later() };

const fn at_later() -> belfry::domain::time::Timestamp {
    belfry::domain::time::Timestamp::from_millis(1_800_000_060_000)
}

// E7★
#[tokio::test]
async fn e7_a_life_of_attempts_is_written_as_it_was() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    assert!(!room.is_lost(settle(id, 1, LATER)).await);
    let (row, _) = room.delivery(id).await;
    assert_eq!((row.state, row.attempts, row.due_at), (State::Pending, 1, at_later()));
    assert!(!room.is_lost(Change::Claim { delivery: id, attempt: 2 }).await);
    assert_eq!(room.delivery(id).await.0.state, State::InFlight);
    assert!(room.store.load(FIRST, None, 9).await.unwrap().rows.is_empty());
    assert!(!room.is_lost(Change::Unclaim { delivery: id }).await);
    assert_eq!(room.store.load(FIRST, None, 9).await.unwrap().rows.len(), 1);
    assert!(!room.is_lost(Change::Claim { delivery: id, attempt: 2 }).await);
    assert!(!room.is_lost(settle(id, 2, Next::Delivered)).await);
    let (row, attempts) = room.delivery(id).await;
    assert_eq!((row.state, row.attempts, row.finished_at), (State::Delivered, 2, Some(at(3))));
    assert_eq!(attempts.iter().map(|each| each.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(attempts[0].outcome, Outcome::Answered { status: 200, retry_after: None });
    assert_eq!(attempts[0].took, Duration::from_secs(2));
}

// E7★
#[tokio::test]
async fn e7_a_change_for_another_attempt_is_lost() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    assert!(!room.is_lost(settle(id, 1, LATER)).await);
    let before = room.delivery(id).await.0;
    for stale in [
        settle(id, 1, Next::Delivered),
        settle(id, 3, Next::Dead(DeadReason::Expired)),
        Change::Claim { delivery: id, attempt: 1 },
        Change::Claim { delivery: id, attempt: 3 },
        Change::Unclaim { delivery: id },
    ] {
        assert!(room.is_lost(stale.clone()).await, "{stale:?}");
        assert_eq!(room.delivery(id).await.0, before, "{stale:?}");
    }
}

// E7★
#[tokio::test]
async fn e7_a_change_for_a_finished_delivery_is_lost() {
    let room = Room::new().await;
    let delivered = room.one("delivered").await.1;
    assert!(!room.is_lost(settle(delivered, 1, Next::Delivered)).await);
    let dead = room.one("dead").await.1;
    assert!(!room.is_lost(settle(dead, 1, Next::Dead(DeadReason::Expired))).await);
    let discarded = room.one("discarded").await.1;
    let discard = Act::Discard { delivery: discarded, reason: DiscardReason::Operator };
    room.store.act(discard, operator(), at(1)).await.unwrap();
    for id in [delivered, dead, discarded] {
        let before = room.delivery(id).await.0;
        let attempt = before.attempts + 1;
        for next in [Next::Delivered, LATER, Next::Dead(DeadReason::Expired)] {
            assert!(room.is_lost(settle(id, attempt, next)).await);
        }
        assert!(room.is_lost(Change::Claim { delivery: id, attempt }).await);
        assert_eq!(room.delivery(id).await.0, before);
    }
    // The attempt that was on its way when it was discarded is in the history nevertheless, once.
    assert_eq!(room.delivery(discarded).await.1.len(), 1);
    room.check();
}

// E7★
#[tokio::test]
async fn e7_the_history_keeps_the_first_report_of_an_attempt() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    assert!(!room.is_lost(settle(id, 1, LATER)).await);
    let other = Change::Settle {
        delivery: id,
        attempt: 1,
        report: report(503),
        next: Next::Dead(DeadReason::Expired),
    };
    assert!(room.is_lost(other).await);
    let (row, attempts) = room.delivery(id).await;
    assert_eq!(row.state, State::Pending);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].outcome, Outcome::Answered { status: 200, retry_after: None });
}

// E7★
#[tokio::test]
async fn e7_a_result_for_a_delivery_that_is_gone_is_lost_and_holds_up_nothing() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    let gone = DeliveryId(id.0 + 100);
    let changes = vec![settle(gone, 1, Next::Delivered), settle(id, 1, Next::Delivered)];
    assert_eq!(room.store.apply(FIRST, changes).await.unwrap().lost, [gone]);
    assert_eq!(room.delivery(id).await.0.state, State::Delivered);
    assert_eq!(number(&room.sql(), "SELECT count(*) FROM attempts"), 1);
}

// E7★
#[tokio::test]
async fn e7_fifty_results_of_one_attempt_settle_it_once() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    let asked: Vec<_> =
        (0..50).map(|_| room.store.apply(FIRST, vec![settle(id, 1, LATER)])).collect();
    let mut settled = 0;
    for each in asked {
        settled += usize::from(each.await.unwrap().lost.is_empty());
    }
    assert_eq!(settled, 1);
    let (row, attempts) = room.delivery(id).await;
    assert_eq!((row.attempts, attempts.len()), (1, 1));
}

#[tokio::test]
async fn a_crash_is_counted_and_the_last_one_makes_it_dead() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    assert!(!room.store.record_crash(id, 3, at(1)).await.unwrap());
    assert!(!room.store.record_crash(id, 3, at(2)).await.unwrap());
    assert!(room.store.record_crash(id, 3, at(3)).await.unwrap());
    let row = room.delivery(id).await.0;
    assert_eq!((row.state, row.reason.as_deref()), (State::Dead, Some("crashed_worker")));
    assert_eq!(row.finished_at, Some(at(3)));
    // A finished delivery stays what it is.
    let done = room.accept(NewAlert { ..alert("done", &[FIRST]) }).await.deliveries[0];
    assert!(!room.is_lost(settle(done, 1, Next::Delivered)).await);
    assert!(!room.store.record_crash(done, 1, at(4)).await.unwrap());
    assert_eq!(room.delivery(done).await.0.state, State::Delivered);
}

#[tokio::test]
async fn health_and_a_switch_off_are_read_back_as_written() {
    let room = Room::new().await;
    let health = Health {
        circuit: Circuit::Open { failures: 7, since: at(1), round: 2, probe_at: at(9) },
        last_success_at: Some(at(0)),
        last_failure_at: Some(at(1)),
        last_error: Some("503".to_owned()),
    };
    assert!(!room.is_lost(Change::Health(health.clone())).await);
    assert!(!room.is_lost(Change::SwitchOff { reason: "410".to_owned(), at: at(2) }).await);
    assert!(!room.is_lost(Change::SwitchOff { reason: "again".to_owned(), at: at(3) }).await);
    let destination = room.store.destination(FIRST).await.unwrap();
    assert_eq!(destination.health, health);
    assert_eq!(destination.status, Status::Disabled { reason: "410".to_owned() });
    let told = "SELECT count(*) FROM audit WHERE action = 'integration.disable'";
    assert_eq!(number(&room.sql(), told), 1);
}

// E7★
/// An answer never revives what was given up; it is in the history, and a retry counts on behind it.
#[tokio::test]
async fn e7_a_retry_counts_on_behind_a_late_answer() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    assert!(room.store.record_crash(id, 1, at(1)).await.unwrap());
    assert!(room.is_lost(settle(id, 1, LATER)).await);
    let (row, attempts) = room.delivery(id).await;
    assert_eq!((row.state, attempts.len()), (State::Dead, 1));
    let retry = Act::Retry { delivery: id, expires_at: at(900) };
    assert_eq!(room.store.act(retry, operator(), at(2)).await, Ok(1));
    assert!(!room.is_lost(Change::Claim { delivery: id, attempt: 2 }).await);
    assert!(!room.is_lost(settle(id, 2, Next::Delivered)).await);
    let (row, attempts) = room.delivery(id).await;
    assert_eq!((row.state, row.attempts), (State::Delivered, 2));
    assert_eq!(attempts.iter().map(|each| each.number).collect::<Vec<_>>(), [1, 2]);
}
