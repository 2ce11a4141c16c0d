//! Cool-downs and put-off first attempts on disk: decided in the transaction that stores the alert.

use std::time::Duration;

use belfry::domain::levels::Level;
use belfry::domain::notice::HeldBack;
use belfry::engine::ports::{CoolingDown, NewAlert, Store as _};
use futures_util::future::join_all;

use crate::fixture::*;

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

fn cooling(record: &str, key: u8, level: Level, seconds: u64) -> NewAlert {
    let cool_down = CoolingDown { key: [key; 32], span: HALF_AN_HOUR, level };
    NewAlert { cool_down: Some(cool_down), escalated_at: at(seconds), ..alert(record, &[FIRST]) }
}

async fn goes_out(room: &Room, new: NewAlert) -> bool {
    room.store.accept(vec![new]).await.unwrap().remove(0).is_some()
}

#[tokio::test]
async fn what_is_held_back_is_counted_listed_and_told_with_the_next() {
    let room = Room::new().await;
    assert!(goes_out(&room, cooling("r-1", 1, Level::High, 0)).await);
    assert!(!goes_out(&room, cooling("r-2", 1, Level::High, 60)).await);
    assert!(!goes_out(&room, cooling("r-3", 1, Level::Low, 120)).await);
    // Sent again it is no second one, and of another key it goes out.
    assert!(!goes_out(&room, cooling("r-2", 1, Level::High, 180)).await);
    assert!(goes_out(&room, cooling("r-4", 2, Level::High, 200)).await);
    // What made an alert already is told as known, whatever cools down.
    let again = room.store.accept(vec![cooling("r-1", 1, Level::High, 210)]).await.unwrap();
    assert!(!again[0].as_ref().unwrap().fresh);
    let listed = room.store.reader().held_back(AUTOMATION, None, 10).await.unwrap();
    let records: Vec<_> = listed.iter().map(|each| each.record_id.as_str()).collect();
    assert_eq!(records, ["r-3", "r-2"]);
    // A worse one goes out all the same, and tells of both.
    let worse = room.accept(cooling("r-5", 1, Level::Extreme, 240)).await;
    let told = room.store.alert(worse.alert).await.unwrap().unwrap();
    assert_eq!(told.aside.held_back, Some(HeldBack { count: 2, since: at(60) }));
    // From there on the span begins anew.
    assert!(!goes_out(&room, cooling("r-6", 1, Level::Extreme, 240 + 1799)).await);
    let later = room.accept(cooling("r-6", 1, Level::Extreme, 240 + 1800)).await;
    let told = room.store.alert(later.alert).await.unwrap().unwrap();
    assert_eq!(told.aside.held_back, Some(HeldBack { count: 1, since: at(240 + 1799) }));
    room.check();
}

#[tokio::test]
async fn of_many_at_once_one_goes_out() {
    let room = Room::new().await;
    let asked: Vec<_> = (0..40)
        .map(|n| room.store.accept(vec![cooling(&format!("r-{n}"), 1, Level::High, 5)]))
        .collect();
    let answers = join_all(asked).await;
    let out = answers.into_iter().filter(|each| each.as_ref().unwrap()[0].is_some()).count();
    assert_eq!(out, 1);
    assert_eq!(room.store.reader().count_held_back(AUTOMATION).await.unwrap(), 39);
    // What is old goes, a few at a time.
    while room.store.sweep_hygiene(at(100)).await.unwrap() > 0 {}
    assert_eq!(room.store.reader().count_held_back(AUTOMATION).await.unwrap(), 0);
    assert!(goes_out(&room, cooling("r-1", 1, Level::High, 6)).await);
    room.check();
}

#[tokio::test]
async fn what_quiet_hours_put_off_says_so_until_somebody_hurries_it() {
    let room = Room::new().await;
    let mut new = alert("r-1", &[FIRST]);
    for delivery in &mut new.deliveries {
        (delivery.due_at, delivery.queue_at, delivery.put_off) = (at(900), at(900), true);
    }
    let id = room.accept(new).await.deliveries[0];
    let waiting = room.store.load(FIRST, None, 10).await.unwrap().rows[0];
    assert!(waiting.put_off && !waiting.is_at_once());
    assert_eq!((waiting.accepted_at, waiting.due_at), (at(0), at(900)));
    let retry = belfry::engine::ports::Act::Retry { delivery: id, expires_at: at(5000) };
    room.store.act(retry, operator(), at(30)).await.unwrap();
    let hurried = room.store.load(FIRST, None, 10).await.unwrap().rows[0];
    assert!(hurried.is_at_once());
    room.check();
}
