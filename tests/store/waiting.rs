//! Records that wait for a classifier: kept once, bounded, and gone with what they came to.

use belfry::domain::limits::WAITING_RECORDS;
use belfry::engine::ports::{
    NewAlert, NewWaiting, Store as _, Taking, WaitingId, WaitingRecord, WaitingRoom as _,
};

use crate::fixture::*;

const FOUND: &str = "what was found";

fn waiting(number: usize) -> NewWaiting {
    let mut told_by = [0; 32];
    told_by[..8].copy_from_slice(&number.to_le_bytes());
    NewWaiting {
        told_by,
        record: format!("{{\"id\": \"r-{number}\"}}"),
        found: FOUND.to_owned(),
        taken_at: at(number as u64),
    }
}

fn only(waiting: Vec<NewWaiting>) -> Taking {
    Taking { waiting, ..Taking::default() }
}

async fn all(room: &Room) -> Vec<WaitingRecord> {
    room.store.waiting(WaitingId(0), usize::MAX).await.unwrap()
}

#[tokio::test]
async fn what_waits_is_read_back_in_order_and_once() {
    let room = Room::new().await;
    room.store.take(only(vec![waiting(2), waiting(1)])).await.unwrap();
    room.store.take(only(vec![waiting(1), waiting(3)])).await.unwrap();
    let found = all(&room).await;
    let records: Vec<_> = found.iter().map(|each| each.record.as_str()).collect();
    assert_eq!(records, ["{\"id\": \"r-2\"}", "{\"id\": \"r-1\"}", "{\"id\": \"r-3\"}"]);
    let first = &found[0];
    assert_eq!((first.found.as_str(), first.taken_at), (FOUND, at(2)));
    let behind = room.store.waiting(first.id, 1).await.unwrap();
    assert_eq!(behind[0].record, "{\"id\": \"r-1\"}");
    assert_eq!(room.store.reader().depths().await.unwrap().records_waiting, 3);
    room.check();
}

#[tokio::test]
async fn a_call_is_stored_as_a_whole_and_a_record_goes_with_its_alerts() {
    let room = Room::new().await;
    let taking = Taking { alerts: vec![alert("r-0", &[FIRST])], ..only(vec![waiting(1)]) };
    let accepted = room.store.take(taking).await.unwrap().unwrap();
    assert!(accepted[0].as_ref().unwrap().fresh);
    let id = all(&room).await[0].id;
    let new = NewAlert { found: Some(FOUND.to_owned()), ..alert("r-1", &[FIRST, SECOND]) };
    let judged = room.store.judged(id, vec![new]).await.unwrap();
    assert_eq!(judged[0].as_ref().unwrap().deliveries.len(), 2);
    let kept = room.store.reader().alert(judged[0].as_ref().unwrap().alert).await.unwrap();
    assert_eq!(kept.found.as_deref(), Some(FOUND));
    assert!(all(&room).await.is_empty());
    // The same judged twice, as after a commit whose answer was lost, makes no second alert.
    let again = room.store.judged(id, vec![alert("r-1", &[FIRST, SECOND])]).await.unwrap();
    assert!(!again[0].as_ref().unwrap().fresh);
    // What comes later is never taken for one that is gone.
    room.store.take(only(vec![waiting(1)])).await.unwrap();
    assert!(all(&room).await[0].id > id);
    room.check();
}

#[tokio::test]
async fn a_full_room_takes_nothing_of_a_call_and_takes_again_once_there_is_room() {
    let room = Room::new().await;
    let many = (0..WAITING_RECORDS).map(waiting).collect();
    room.store.take(only(many)).await.unwrap();
    let refused =
        Taking { alerts: vec![alert("r-a", &[FIRST])], ..only(vec![waiting(WAITING_RECORDS + 1)]) };
    assert_eq!(room.store.take(refused.clone()).await.unwrap(), None);
    let known = vec![(AUTOMATION, "r-a".to_owned())];
    assert_eq!(room.store.known_alerts(known).await.unwrap(), [None]);
    // One that waits already takes no room.
    assert_eq!(room.store.take(only(vec![waiting(5)])).await.unwrap(), Some(Vec::new()));
    let first = room.store.waiting(WaitingId(0), 1).await.unwrap().remove(0);
    room.store.judged(first.id, Vec::new()).await.unwrap();
    let accepted = room.store.take(refused).await.unwrap().unwrap();
    assert!(accepted[0].as_ref().unwrap().fresh);
    room.check();
}
