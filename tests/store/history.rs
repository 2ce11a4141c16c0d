//! What plots and lists are made of: minutes are added up and never lost, discarded ones are counted with
//! what discards them, and an integration's last attempts are its own, newest first.

use std::time::Duration;

use belfry::domain::automation::Automation;
use belfry::domain::delivery::{DeadReason, DiscardReason, Report};
use belfry::domain::id::{AutomationId, DeliveryId, IntegrationId};
use belfry::domain::latency::Histogram;
use belfry::domain::limits::{COUNTED, RECENT_ATTEMPTS};
use belfry::domain::minutes::{Counts, Levels, Minute, Span, Step, minute_of};
use belfry::domain::queue::{Change, Next};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{Act, Edit, NewAlert, Store as _};
use belfry::store::{AutomationCounts, Begun};
use uuid::Uuid;

use crate::fixture::{
    AUTOMATION, FIRST, Room, SECOND, alert, at, number, operator, report, settle,
};

fn minute(seconds: u64, delivered: u64, levels: Option<Levels>) -> Minute {
    let mut latency = Histogram::default();
    for _ in 0..delivered {
        latency.observe(Duration::from_millis(80));
    }
    let counts = Counts { accepted: 1, delivered, failed: 2, dead: 3, discarded: 0, latency };
    Minute { at: minute_of(at(seconds)), counts, levels }
}

/// The steps of a span in which the service ran.
async fn told(room: &Room, span: Span, now: Timestamp) -> Vec<Step> {
    let series = room.store.reader().series(span, now).await.unwrap();
    assert_eq!(series.steps.len(), span.steps());
    series.steps.into_iter().filter(|step| step.minutes > 0).collect()
}

#[tokio::test]
async fn a_minute_is_added_to() {
    let room = Room::new().await;
    let levels = |waiting| Some(Levels { waiting, dead: 1 });
    room.store.add_minute(minute(0, 4, levels(9))).await.unwrap();
    room.store.add_minute(minute(5, 6, levels(7))).await.unwrap();
    // Levels that could not be read leave those that were.
    room.store.add_minute(minute(6, 0, None)).await.unwrap();
    room.store.add_minute(minute(60, 0, None)).await.unwrap();
    let room = room.reopen(None).await;
    let steps = told(&room, Span::Hour, at(200)).await;
    let [first, second] = steps.as_slice() else { panic!("two minutes: {steps:?}") };
    let counts = &first.counts;
    let told = (counts.accepted, counts.delivered, counts.failed, counts.dead);
    assert_eq!(told, (3, 10, 6, 9));
    assert_eq!((first.waiting, first.dead), (Some(7), Some(1)));
    assert_eq!(counts.latency.total(), 10);
    let p50 = counts.latency.quantile(500).unwrap();
    assert!(p50 > Duration::from_millis(68) && p50 <= Duration::from_millis(100), "{p50:?}");
    assert_eq!((second.waiting, second.counts.delivered), (None, 0));
    room.check();
}

#[tokio::test]
async fn spans_are_summed_and_old_minutes_go() {
    let room = Room::new().await;
    let week = 7 * 24 * 3600;
    for seconds in [7200, 7260, 7320, week - 3600, week] {
        room.store.add_minute(minute(seconds, 1, None)).await.unwrap();
    }
    let now = at(week + 70);
    let counted = |steps: Vec<Step>| -> Vec<(u32, u64)> {
        steps.iter().map(|step| (step.minutes, step.counts.delivered)).collect()
    };
    assert_eq!(counted(told(&room, Span::Hour, now).await), [(1, 1)]);
    assert_eq!(counted(told(&room, Span::Day, now).await), [(1, 1), (1, 1)]);
    let steps = told(&room, Span::Week, now).await;
    assert_eq!(steps.iter().map(|step| step.minutes).sum::<u32>(), 5, "{steps:?}");
    assert_eq!(room.store.sweep_minutes(at(7261)).await, Ok(2));
    assert_eq!(room.store.sweep_minutes(at(7261)).await, Ok(0));
    assert_eq!(number(&room.sql(), "SELECT count(*) FROM minutes"), 3);
}

#[tokio::test]
async fn many_old_minutes_go_a_few_at_a_time() {
    let room = Room::new().await;
    room.sql()
        .execute_batch(
            "WITH RECURSIVE n (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < 1199)
             INSERT INTO minutes (at) SELECT 60000 * x FROM n",
        )
        .unwrap();
    for expected in [500, 500, 200, 0] {
        assert_eq!(room.store.sweep_minutes(at(0)).await, Ok(expected));
    }
}

#[tokio::test]
async fn discarded_ones_are_counted_with_what_discards_them() {
    let room = Room::new().await;
    let (_, by_hand) = room.one("by hand").await;
    room.accept(alert("with its integration", &[FIRST, SECOND])).await;
    room.accept(alert("with its integration, too", &[SECOND])).await;
    let discard = Act::Discard { delivery: by_hand, reason: DiscardReason::Operator };
    room.store.act(discard.clone(), operator(), at(61)).await.unwrap();
    room.store.act(discard, operator(), at(62)).await.unwrap_err();
    let delete = Edit::DeleteIntegration { id: SECOND, expected: None };
    room.store.change(delete, operator(), at(121)).await.unwrap();
    // It fired before the integration was deleted.
    room.accept(alert("late", &[SECOND])).await;
    let steps = told(&room, Span::Hour, at(300)).await;
    let counts: Vec<_> = steps.iter().map(|step| (step.at, step.counts.discarded)).collect();
    let expected =
        [(0, 1), (61, 1), (121, 2)].map(|(seconds, many)| (minute_of(at(seconds)), many));
    assert_eq!(counts, expected);
    // They are no more lost than anything else of the minute.
    room.store.add_minute(minute(61, 5, None)).await.unwrap();
    let steps = told(&room, Span::Hour, at(300)).await;
    assert_eq!((steps[1].counts.discarded, steps[1].counts.delivered), (1, 5));
}

#[tokio::test]
async fn levels_are_those_on_disk() {
    let room = Room::new().await;
    for (record, change) in [("a", None), ("b", Some(Next::Delivered)), ("c", Some(dead()))] {
        let (_, id) = room.one(record).await;
        if let Some(next) = change {
            assert!(!room.is_lost(settle(id, 1, next)).await);
        }
    }
    let (_, claimed) = room.one("d").await;
    let wait = Next::Wait { queue_at: at(9), due_at: at(9) };
    assert!(!room.is_lost(settle(claimed, 1, wait)).await);
    assert!(!room.is_lost(Change::Claim { delivery: claimed, attempt: 2 }).await);
    let levels = room.store.reader().levels().await.unwrap();
    assert_eq!(levels, Levels { waiting: 2, dead: 1 });
}

fn dead() -> Next {
    Next::Dead(DeadReason::Expired)
}

fn attempted(delivery: DeliveryId, attempt: u32, started: u64, next: Next) -> Change {
    let status = if next == Next::Delivered { 200 } else { 503 };
    let report = Report { started_at: at(started), ..report(status) };
    Change::Settle { delivery, attempt, report, next }
}

#[tokio::test]
async fn the_last_attempts_are_those_of_one_integration() {
    let room = Room::new().await;
    let wait = |seconds| Next::Wait { queue_at: at(seconds), due_at: at(seconds) };
    let (_, old) = room.one("old").await;
    assert!(!room.is_lost(attempted(old, 1, 1, wait(50))).await);
    let both = room.accept(alert("both", &[FIRST, SECOND])).await.deliveries;
    assert!(!room.is_lost(attempted(both[0], 1, 2, Next::Delivered)).await);
    let theirs = vec![attempted(both[1], 1, 3, dead())];
    assert!(room.store.apply(SECOND, theirs).await.unwrap().lost.is_empty());
    // The oldest delivery has the newest attempt.
    assert!(!room.is_lost(attempted(old, 2, 50, dead())).await);
    let (_, interrupted) = room.one("interrupted").await;
    assert!(!room.is_lost(attempted(interrupted, 1, 60, wait(60))).await);
    assert!(!room.is_lost(Change::Claim { delivery: interrupted, attempt: 2 }).await);
    room.store.recover(at(70), at(71)).await.unwrap();
    let told = room.store.reader().recent_attempts(FIRST).await.unwrap();
    let shown: Vec<_> =
        told.iter().map(|each| (each.delivery_id, each.number, each.delivered())).collect();
    let expected = [
        (interrupted, 2, false),
        (interrupted, 1, false),
        (old, 2, false),
        (both[0], 1, true),
        (old, 1, false),
    ];
    assert_eq!(shown, expected);
    assert_eq!(told[2].outcome.words(), "answered 503");
    assert_eq!((told[2].started_at, told[2].took), (at(50), Duration::from_secs(2)));
    assert_eq!(room.store.reader().recent_attempts(SECOND).await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_more_attempts_are_read_than_are_shown() {
    let room = Room::new().await;
    let (_, id) = room.one("stubborn").await;
    for n in 1..=210_u32 {
        let wait = Next::Wait { queue_at: at(0), due_at: at(0) };
        assert!(!room.is_lost(attempted(id, n, u64::from(n), wait)).await);
    }
    let told = room.store.reader().recent_attempts(FIRST).await.unwrap();
    assert_eq!(told.len(), RECENT_ATTEMPTS);
    assert_eq!(told.first().map(|each| each.number), Some(210));
}

#[tokio::test]
async fn what_there_is_of_automations_is_counted_to_a_bound() {
    let room = Room::new().await;
    let other = AutomationId(Uuid::from_u128(9));
    let automation =
        Automation { id: other, integrations: Vec::new(), ..crate::fixture::automation() };
    let edit = Edit::CreateAutomation { automation, seals: Vec::new(), inbound: None, once: None };
    room.store.change(edit, operator(), at(0)).await.unwrap();
    let early = NewAlert { escalated_at: at(5), ..alert("early", &[FIRST, SECOND]) };
    let accepted = room.accept(early).await;
    assert!(!room.is_lost(settle(accepted.deliveries[0], 1, dead())).await);
    room.accept(NewAlert { escalated_at: at(50), ..alert("late", &[FIRST, SECOND]) }).await;
    room.accept(NewAlert { escalated_at: at(51), ..alert("nobody's", &[]) }).await;
    let reader = room.store.reader();
    let ids = vec![other, AUTOMATION, AutomationId(Uuid::from_u128(77))];
    let counts = reader.automation_counts(ids, at(50)).await.unwrap();
    let told = AutomationCounts { alerts: 2, waiting: 3, dead: 1 };
    assert_eq!(counts, [AutomationCounts::default(), told, AutomationCounts::default()]);
    room.sql()
        .execute_batch(
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10100)
             INSERT INTO alerts (id, automation_id, record_id, org_id, escalated_at, digest, body)
               SELECT 1000 + x, (SELECT id FROM automations WHERE name = 'all'
               ORDER BY id LIMIT 1), 'r' || x, 'acme', 1800000060000, zeroblob(32), x'7b7d' FROM n;
             INSERT INTO deliveries (alert_id, integration_id, state, queue_at, due_at, expires_at,
               created_at) SELECT a.id, i.id, 'pending', 0, 0, 0, 0
               FROM alerts a, integrations i WHERE a.id > 1000;",
        )
        .unwrap();
    let counts = reader.automation_counts(vec![AUTOMATION], at(50)).await.unwrap();
    assert_eq!(counts, [AutomationCounts { alerts: COUNTED, waiting: COUNTED, dead: 1 }]);
}

/// Worst first, no more than asked for, and one that somebody paused is left in peace.
#[tokio::test]
async fn destinations_in_trouble_are_found() {
    let room = Room::new().await;
    let reader = room.store.reader();
    let told = async |also: &[IntegrationId], most: usize| {
        let found = reader.troubled(also.to_vec(), most).await.unwrap();
        found.into_iter().map(|each| each.integration.id).collect::<Vec<_>>()
    };
    assert_eq!(told(&[], 9).await, []);
    assert_eq!(told(&[SECOND], 9).await, [SECOND], "a parked one is known to the engine alone");
    let change = |set: &str, id: IntegrationId| {
        let sql = format!("UPDATE integrations SET {set} WHERE id = ?1");
        assert_eq!(room.sql().execute(&sql, [id.0.as_bytes()]).unwrap(), 1);
    };
    change("failures = 2", FIRST);
    change("failures = 9, circuit_since = 1, circuit_round = 1, probe_at = 2", SECOND);
    assert_eq!(told(&[], 9).await, [SECOND, FIRST]);
    assert_eq!(told(&[], 1).await, [SECOND]);
    change("status = 'disabled', status_reason = 'gone'", FIRST);
    assert_eq!(told(&[], 9).await, [FIRST, SECOND]);
    change("status = 'paused'", SECOND);
    assert_eq!(told(&[], 9).await, [FIRST]);
    let (_, delivery) = room.one("r").await;
    let dead =
        "UPDATE deliveries SET state = 'dead', reason = 'expired', finished_at = 1 WHERE id = ?1";
    room.sql().execute(dead, [delivery.0]).unwrap();
    let found = reader.troubled(Vec::new(), 9).await.unwrap();
    assert!(found.iter().any(|each| each.state.dead == 1), "{found:?}");
}

#[tokio::test]
async fn how_far_it_was_set_up_is_known() {
    let room = Room::new().await;
    let begun = room.store.reader().begun().await.unwrap();
    assert_eq!(begun, Begun { automation: true, integration: true, alert: false });
    room.one("r").await;
    assert!(room.store.reader().begun().await.unwrap().alert);
}
