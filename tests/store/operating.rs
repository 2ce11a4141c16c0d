//! What operators do: to what is configured, and to deliveries.

use belfry::domain::delivery::{DeadReason, DiscardReason, State};
use belfry::domain::id::DeliveryId;
use belfry::domain::integration::{DeliverySettings, Integration, Ordering};
use belfry::domain::queue::{Change, Next};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{Act, Edit, Store as _, StoreError};
use belfry::store::queries::DeliveryFilter;

use crate::fixture::{
    AUTOMATION, FIRST, Room, SECOND, alert, at, automation, integration, number, operator, settle,
};

/// A delivery in each state, in the order of the states.
async fn one_of_each(room: &Room) -> Vec<(DeliveryId, State)> {
    let mut all = Vec::new();
    for state in State::ALL {
        let (_, id) = room.one(state.word()).await;
        let change = match state {
            State::Pending | State::Discarded => None,
            State::InFlight => Some(Change::Claim { delivery: id, attempt: 1 }),
            State::Delivered => Some(settle(id, 1, Next::Delivered)),
            State::Dead => Some(settle(id, 1, Next::Dead(DeadReason::Expired))),
        };
        if let Some(change) = change {
            assert!(!room.is_lost(change).await);
        }
        if *state == State::Discarded {
            let discard = Act::Discard { delivery: id, reason: DiscardReason::Operator };
            room.store.act(discard, operator(), at(1)).await.unwrap();
        }
        assert_eq!(room.delivery(id).await.0.state, *state);
        all.push((id, *state));
    }
    all
}

#[tokio::test]
async fn deleting_an_integration_discards_what_waits_and_keeps_it_visible() {
    let room = Room::new().await;
    let all = one_of_each(&room).await;
    let other = room.accept(alert("other", &[SECOND])).await.deliveries[0];
    let edit = Edit::DeleteIntegration { id: FIRST, expected: None };
    room.store.change(edit, operator(), at(50)).await.unwrap();
    for (id, before) in &all {
        let row = room.delivery(*id).await.0;
        match before {
            State::Pending | State::InFlight => {
                assert_eq!(row.state, State::Discarded);
                assert_eq!(row.reason.as_deref(), Some("integration_deleted"));
                assert_eq!(row.finished_at, Some(at(50)));
            }
            State::Delivered | State::Dead | State::Discarded => assert_eq!(row.state, *before),
        }
    }
    assert_eq!(room.delivery(other).await.0.state, State::Pending);
    let filter = DeliveryFilter { integration_id: Some(FIRST), ..DeliveryFilter::default() };
    let listed = room.store.reader().deliveries(filter, None, 100).await.unwrap();
    assert_eq!(listed.len(), all.len(), "what was delivered stays to be seen");
    assert_eq!(room.store.destination(FIRST).await.err(), Some(StoreError::NotFound));
    assert_eq!(room.store.waiting_destinations().await.unwrap(), [SECOND]);
    room.check();
}

#[tokio::test]
async fn deleting_an_automation_discards_what_waits_and_keeps_it_visible() {
    let room = Room::new().await;
    let accepted = room.accept(alert("record", &[FIRST, SECOND])).await;
    let edit = Edit::DeleteAutomation { id: AUTOMATION, expected: Some(1) };
    assert_eq!(room.store.change(edit, operator(), at(50)).await, Ok(2));
    for id in &accepted.deliveries {
        let row = room.delivery(*id).await.0;
        assert_eq!(row.state, State::Discarded);
        assert_eq!(row.reason.as_deref(), Some("automation_deleted"));
    }
    let seen = room.store.reader().alert(accepted.alert).await.unwrap();
    assert_eq!(seen.deliveries.len(), 2);
    assert!(seen.alert.is_ok());
    assert!(room.store.automations().await.unwrap().is_empty());
    let again = Edit::DeleteAutomation { id: AUTOMATION, expected: None };
    assert_eq!(room.store.change(again, operator(), at(51)).await, Err(StoreError::NotFound));
}

#[tokio::test]
async fn an_integration_left_out_of_a_replacement_is_deleted() {
    let room = Room::new().await;
    let accepted = room.accept(alert("record", &[FIRST, SECOND])).await;
    let mut new = automation();
    new.integrations.truncate(1);
    let edit = |automation, expected| Edit::ReplaceAutomation {
        automation,
        seals: Vec::new(),
        inbound: None,
        expected: Some(expected),
    };
    let stale = room.store.change(edit(new.clone(), 7), operator(), at(1)).await;
    assert_eq!(stale, Err(StoreError::Stale { current: 1 }));
    assert_eq!(room.delivery(accepted.deliveries[1]).await.0.state, State::Pending);
    assert_eq!(room.store.change(edit(new, 1), operator(), at(2)).await, Ok(2));
    assert_eq!(room.delivery(accepted.deliveries[0]).await.0.state, State::Pending);
    assert_eq!(room.delivery(accepted.deliveries[1]).await.0.state, State::Discarded);
}

#[tokio::test]
async fn retry_refuses_the_states_in_which_it_makes_no_sense() {
    let room = Room::new().await;
    for (id, before) in one_of_each(&room).await {
        let retry = Act::Retry { delivery: id, expires_at: at(9000) };
        let done = room.store.act(retry, operator(), at(100)).await;
        let row = room.delivery(id).await.0;
        match before {
            State::Pending => {
                assert_eq!(done, Ok(1));
                assert_eq!((row.state, row.due_at, row.expires_at), (before, at(0), at(3600)));
            }
            State::Dead => {
                assert_eq!(done, Ok(1));
                assert_eq!((row.state, row.reason, row.finished_at), (State::Pending, None, None));
                assert_eq!((row.due_at, row.expires_at, row.attempts), (at(100), at(9000), 1));
            }
            State::InFlight | State::Delivered | State::Discarded => {
                assert!(matches!(done, Err(StoreError::Refused(_))), "{before:?}: {done:?}");
                assert_eq!(row.state, before);
            }
        }
    }
    let retry = Act::Retry { delivery: DeliveryId(12345), expires_at: at(9000) };
    assert_eq!(room.store.act(retry, operator(), at(1)).await, Err(StoreError::NotFound));
}

#[tokio::test]
async fn discard_refuses_the_states_in_which_it_makes_no_sense() {
    let room = Room::new().await;
    for (id, before) in one_of_each(&room).await {
        let discard = Act::Discard { delivery: id, reason: DiscardReason::Operator };
        let done = room.store.act(discard, operator(), at(100)).await;
        let row = room.delivery(id).await.0;
        match before {
            State::Pending | State::InFlight | State::Dead => {
                assert_eq!(done, Ok(1));
                assert_eq!(
                    (row.state, row.reason.as_deref()),
                    (State::Discarded, Some("operator"))
                );
            }
            State::Delivered | State::Discarded => {
                assert!(matches!(done, Err(StoreError::Refused(_))), "{before:?}: {done:?}");
                assert_eq!(row.state, before);
            }
        }
    }
}

#[tokio::test]
async fn all_dead_of_one_integration_are_retried_at_once() {
    let room = Room::new().await;
    let all = one_of_each(&room).await;
    let other = room.accept(alert("other", &[SECOND])).await.deliveries[0];
    let dead = settle(other, 1, Next::Dead(DeadReason::Expired));
    room.store.apply(SECOND, vec![dead]).await.unwrap();
    let retry = Act::RetryDead { integration: FIRST, expires_at: at(9000) };
    assert_eq!(room.store.act(retry, operator(), at(100)).await, Ok(1));
    for (id, before) in all {
        let now = room.delivery(id).await.0.state;
        assert_eq!(now, if before == State::Dead { State::Pending } else { before });
    }
    assert_eq!(room.delivery(other).await.0.state, State::Dead);
}

#[tokio::test]
async fn what_is_dead_at_a_deleted_integration_cannot_be_retried() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    assert!(!room.is_lost(settle(id, 1, Next::Dead(DeadReason::Expired))).await);
    let edit = Edit::DeleteIntegration { id: FIRST, expected: None };
    room.store.change(edit, operator(), at(50)).await.unwrap();
    let one = Act::Retry { delivery: id, expires_at: at(9000) };
    let done = room.store.act(one, operator(), at(100)).await;
    assert!(matches!(done, Err(StoreError::Refused(_))), "it would wait for ever: {done:?}");
    let every = Act::RetryDead { integration: FIRST, expires_at: at(9000) };
    assert_eq!(room.store.act(every, operator(), at(100)).await, Err(StoreError::NotFound));
    assert_eq!(room.delivery(id).await.0.state, State::Dead);
}

#[tokio::test]
async fn the_queue_follows_a_change_of_its_ordering() {
    let room = Room::new().await;
    let (_, first) = room.one("first").await;
    let (_, second) = room.one("second").await;
    let later = Next::Wait { queue_at: at(60), due_at: at(60) };
    assert!(!room.is_lost(settle(first, 1, later)).await);
    let places = async || {
        let rows = room.store.load(FIRST, None, 9).await.unwrap().rows;
        rows.iter().map(|each| (each.id, each.queue_at)).collect::<Vec<_>>()
    };
    let order = |ordering| Edit::ReplaceIntegration {
        integration: Integration {
            delivery: DeliverySettings { ordering, ..DeliverySettings::default() },
            ..integration(FIRST)
        },
        seals: None,
        expected: None,
    };
    let front = Timestamp::from_millis(0);
    assert_eq!(places().await, [(second, at(0)), (first, at(60))]);
    room.store.change(order(Ordering::Fifo), operator(), at(1)).await.unwrap();
    assert_eq!(places().await, [(first, front), (second, front)]);
    assert_eq!(room.store.destination(FIRST).await.unwrap().integration.delivery.ordering, {
        Ordering::Fifo
    });
    room.store.change(order(Ordering::Due), operator(), at(2)).await.unwrap();
    assert_eq!(places().await, [(second, at(0)), (first, at(60))]);
    assert_eq!(number(&room.sql(), "SELECT count(*) FROM audit"), 3);
}
