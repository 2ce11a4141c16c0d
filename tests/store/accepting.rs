//! What comes in: once, all or nothing, told in the order of commits, and read back in its order.

use belfry::domain::alert::Origin;
use belfry::domain::automation::Automation;
use belfry::domain::delivery::{NewDelivery, State};
use belfry::domain::id::{AutomationId, IntegrationId};
use belfry::engine::ports::{Edit, NewAlert, Store as _};
use belfry::store::queries::DeliveryFilter;
use uuid::Uuid;

use crate::fixture::{
    AUTOMATION, FIRST, Room, SECOND, alert, at, automation, integration, number, operator,
};

// B13
#[tokio::test]
async fn b13_the_same_record_gives_the_same_alert() {
    let room = Room::new().await;
    let first = room.accept(alert("record", &[FIRST, SECOND])).await;
    assert!(first.fresh);
    let again = room.accept(alert("record", &[FIRST, SECOND])).await;
    assert!(!again.fresh);
    assert_eq!((again.alert, again.deliveries), (first.alert, first.deliveries));
    // Also within one call, and with another content: the first one stands.
    let twice = vec![alert("other", &[FIRST]), alert("other", &[FIRST, SECOND])];
    let twice = room.store.accept(twice).await.unwrap();
    let twice: Vec<_> = twice.into_iter().flatten().collect();
    assert!(twice[0].fresh && !twice[1].fresh);
    assert_eq!(twice[0].deliveries, twice[1].deliveries);
    assert_eq!(room.heard.0.lock().unwrap().len(), 3, "what was known is not told again");
    room.check();
}

// B13
#[tokio::test]
async fn b13_fifty_at_once_make_one_alert() {
    let room = Room::new().await;
    let asked: Vec<_> =
        (0..50).map(|_| room.store.accept(vec![alert("record", &[FIRST])])).collect();
    let mut fresh = 0;
    let mut ids = std::collections::BTreeSet::new();
    for each in asked {
        let accepted = each.await.unwrap().remove(0).unwrap();
        fresh += usize::from(accepted.fresh);
        ids.insert((accepted.alert, accepted.deliveries));
    }
    assert_eq!((fresh, ids.len()), (1, 1));
    assert_eq!(number(&room.sql(), "SELECT count(*) FROM deliveries"), 1);
}

// B13
#[tokio::test]
async fn b13_another_automation_makes_another_alert() {
    let room = Room::new().await;
    let other = AutomationId(Uuid::from_u128(10));
    let edit = Edit::CreateAutomation {
        automation: Automation { id: other, integrations: Vec::new(), ..automation() },
        seals: Vec::new(),
        inbound: None,
        once: None,
    };
    room.store.change(edit, operator(), at(0)).await.unwrap();
    let first = room.accept(alert("record", &[])).await;
    let second = room.accept(NewAlert { automation_id: other, ..alert("record", &[]) }).await;
    assert!(first.fresh && second.fresh);
    assert_ne!(first.alert, second.alert);
}

#[tokio::test]
async fn a_call_is_stored_whole_or_not_at_all() {
    let room = Room::new().await;
    let nowhere = IntegrationId(Uuid::from_u128(99));
    let calls = vec![alert("good", &[FIRST]), alert("bad", &[nowhere])];
    // Beside it, and in the same commit: another call that is not touched.
    let (failed, other) =
        (room.store.accept(calls), room.store.accept(vec![alert("other", &[FIRST])]));
    assert!(failed.await.is_err());
    assert!(other.await.unwrap().iter().flatten().all(|each| each.fresh));
    let sql = room.sql();
    assert_eq!(number(&sql, "SELECT count(*) FROM alerts"), 1);
    assert_eq!(number(&sql, "SELECT count(*) FROM deliveries"), 1);
    let heard = room.heard.0.lock().unwrap();
    assert_eq!(heard.len(), 1, "only what is on disk is told");
    assert_eq!(heard[0].alert.record_id, "other");
}

#[tokio::test]
async fn what_was_told_is_what_is_read_back_in_the_order_of_commits() {
    let room = Room::new().await;
    let asked: Vec<_> = (0..200)
        .map(|n| room.store.accept(vec![alert(&format!("record-{n}"), &[FIRST])]))
        .collect();
    for each in asked {
        each.await.unwrap();
    }
    let told: Vec<_> = {
        let heard = room.heard.0.lock().unwrap();
        heard.iter().map(|fresh| fresh.waiting).collect()
    };
    assert!(told.is_sorted_by_key(|waiting| waiting.id));
    let read = room.store.load(FIRST, None, 1000).await.unwrap();
    assert_eq!(read.rows, told);
    assert_eq!(Some(read.newest), told.last().map(|waiting| waiting.id.0));
}

#[tokio::test]
async fn a_delivery_to_a_deleted_integration_is_discarded_at_once() {
    let room = Room::new().await;
    let edit = Edit::DeleteIntegration { id: SECOND, expected: None };
    room.store.change(edit, operator(), at(1)).await.unwrap();
    let accepted = room.accept(alert("record", &[FIRST, SECOND])).await;
    let (row, _) = room.delivery(accepted.deliveries[1]).await;
    assert_eq!((row.state, row.reason.as_deref()), (State::Discarded, Some("integration_deleted")));
    assert_eq!(room.heard.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_of_a_queue_neither_skip_nor_repeat_equal_places() {
    let room = Room::new().await;
    // Three due times among forty deliveries, so that most places differ by their id alone.
    for n in 0..40_u64 {
        let due_at = at(n % 3);
        let delivery = NewDelivery {
            integration: FIRST,
            queue_at: due_at,
            due_at,
            expires_at: at(3600),
            put_off: false,
        };
        let other = NewDelivery { integration: SECOND, ..delivery };
        let deliveries = vec![delivery, other];
        room.accept(NewAlert { deliveries, ..alert(&format!("record-{n}"), &[]) }).await;
    }
    let whole = room.store.load(FIRST, None, 100).await.unwrap().rows;
    assert_eq!(whole.len(), 40);
    assert!(whole.is_sorted_by_key(|waiting| waiting.key()));
    for size in [1, 7, 39, 40, 41] {
        let mut pages = Vec::new();
        loop {
            let after = pages.last().map(belfry::domain::delivery::Waiting::key);
            let page = room.store.load(FIRST, after, size).await.unwrap().rows;
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(pages, whole, "in pages of {size}");
    }
}

#[tokio::test]
async fn only_active_destinations_with_waiting_deliveries_are_named() {
    use belfry::domain::integration::Status;
    let room = Room::new().await;
    assert!(room.store.waiting_destinations().await.unwrap().is_empty());
    room.accept(alert("record", &[FIRST, SECOND])).await;
    assert_eq!(room.store.waiting_destinations().await.unwrap(), [FIRST, SECOND]);
    let pause = Edit::SetStatus { id: FIRST, status: Status::Paused };
    room.store.change(pause, operator(), at(1)).await.unwrap();
    assert_eq!(room.store.waiting_destinations().await.unwrap(), [SECOND]);
    let third = IntegrationId(Uuid::from_u128(4));
    let seals =
        belfry::engine::ports::Seals { integration: third, credential: None, signing_secret: None };
    let create = Edit::CreateIntegration { integration: integration(third), seals, once: None };
    room.store.change(create, operator(), at(2)).await.unwrap();
    assert_eq!(room.store.waiting_destinations().await.unwrap(), [SECOND]);
    assert_eq!(room.store.automations().await.unwrap()[0].id, AUTOMATION);
}

/// What a relay tells repeats by is not the record: two systems may speak of one record, and one may say the
/// same twice. All of a record are still found by it.
#[tokio::test]
async fn b13_relayed_alerts_are_told_by_what_their_sender_says() {
    let room = Room::new().await;
    let posted = |told_by: &str, origin: &str| NewAlert {
        origin: Origin::Relayed(origin.to_owned()),
        told_by: told_by.to_owned(),
        ..alert("record", &[FIRST])
    };
    let first = room.accept(posted("key:1", "a:b")).await;
    let second = room.accept(posted("key:2", "c")).await;
    assert!(first.fresh && second.fresh && !room.accept(posted("key:1", "c")).await.fresh);
    let back = room.store.alert(first.alert).await.unwrap().unwrap();
    assert_eq!(back.origin, Origin::Relayed("a:b".to_owned()));
    let filter = DeliveryFilter { record_id: Some("record".to_owned()), ..Default::default() };
    let rows = room.store.reader().deliveries(filter, None, 9).await.unwrap();
    let origins: Vec<_> = rows.into_iter().map(|row| row.origin).collect();
    assert_eq!(origins, [Origin::Relayed("c".to_owned()), Origin::Relayed("a:b".to_owned())]);
    let names = vec![(AUTOMATION, "key:2".to_owned()), (AUTOMATION, "record".to_owned())];
    assert_eq!(room.store.known_alerts(names).await.unwrap(), [Some(second.alert), None]);
    room.check();
}
