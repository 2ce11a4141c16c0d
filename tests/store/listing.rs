//! What people look at: every filter shows exactly what fits, every count is what is there.

use belfry::domain::automation::Automation;
use belfry::domain::delivery::{DeadReason, DiscardReason, State};
use belfry::domain::id::{AutomationId, DeliveryId, IntegrationId};
use belfry::domain::integration::Integration;
use belfry::domain::queue::{Change, Next};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{Act, Edit, NewAlert, Store as _, StoreError};
use belfry::store::NewToken;
use belfry::store::queries::{DeliveryFilter, DeliveryRow};
use uuid::Uuid;

use crate::fixture::{
    AUTOMATION, FIRST, Room, SECOND, alert, at, automation, integration, operator, settle,
};

const OTHER: AutomationId = AutomationId(Uuid::from_u128(10));
const THIRD: IntegrationId = IntegrationId(Uuid::from_u128(11));
const NOWHERE: Uuid = Uuid::from_u128(99);

/// Deliveries in every state, of two automations, under a clock that was once set back.
async fn furnished() -> Room {
    let room = Room::new().await;
    let third = Integration { automation_id: OTHER, ..integration(THIRD) };
    let other = Automation { id: OTHER, integrations: vec![third], ..automation() };
    let edit =
        Edit::CreateAutomation { automation: other, seals: Vec::new(), inbound: None, once: None };
    room.store.change(edit, operator(), at(0)).await.unwrap();
    for n in 0..60_u64 {
        let now = if (30..40).contains(&n) { at(n).minus_seconds(500) } else { at(n) };
        let (automation_id, to): (_, &[_]) =
            if n % 4 == 3 { (OTHER, &[THIRD]) } else { (AUTOMATION, &[FIRST, SECOND]) };
        let mut new = alert(&format!("record-{}", n / 8), to);
        (new.automation_id, new.escalated_at) = (automation_id, now);
        for each in &mut new.deliveries {
            (each.queue_at, each.due_at) = (now, now);
        }
        if n % 8 < 3 || automation_id == OTHER {
            new.record_id.push_str(["", "-b", "-c", "-d"][usize::try_from(n % 4).unwrap()]);
        } else {
            new.record_id.push_str(&format!("-{n}"));
        }
        new.told_by.clone_from(&new.record_id);
        let accepted = room.accept(new).await;
        for (place, id) in accepted.deliveries.iter().enumerate() {
            let how = (usize::try_from(n).unwrap() + place) % 7;
            if accepted.fresh {
                bring(&room, to[place], *id, how).await;
            }
        }
    }
    room
}

/// A moment so many seconds earlier.
trait Earlier {
    fn minus_seconds(self, seconds: u64) -> Self;
}

impl Earlier for Timestamp {
    fn minus_seconds(self, seconds: u64) -> Self {
        self.minus(std::time::Duration::from_secs(seconds))
    }
}

async fn bring(room: &Room, integration: IntegrationId, id: DeliveryId, how: usize) {
    let again = Next::Wait { queue_at: at(99), due_at: at(99) };
    let changes = match how {
        0 => return,
        1 => vec![settle(id, 1, again)],
        2 => vec![settle(id, 1, again), Change::Claim { delivery: id, attempt: 2 }],
        3 => vec![settle(id, 1, Next::Dead(DeadReason::Expired))],
        4 => {
            let act = Act::Discard { delivery: id, reason: DiscardReason::Operator };
            room.store.act(act, operator(), at(0)).await.unwrap();
            return;
        }
        _ => vec![settle(id, 1, Next::Delivered)],
    };
    assert!(room.store.apply(integration, changes).await.unwrap().lost.is_empty());
}

fn fits(row: &DeliveryRow, filter: &DeliveryFilter) -> bool {
    filter.automation_id.is_none_or(|id| id == row.automation_id)
        && filter.integration_id.is_none_or(|id| id == row.integration_id)
        && filter.state.is_none_or(|state| state == row.state)
        && filter.record_id.as_ref().is_none_or(|id| *id == row.record_id)
        && filter.since.is_none_or(|since| row.created_at >= since)
        && filter.until.is_none_or(|until| row.created_at < until)
}

async fn pages(room: &Room, filter: &DeliveryFilter, limit: usize) -> Vec<DeliveryRow> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = room.store.reader().deliveries(filter.clone(), before, limit).await.unwrap();
        assert!(page.len() <= limit);
        let Some(last) = page.last() else { return all };
        before = Some(last.id);
        all.extend(page);
    }
}

/// All filters that can be made of these parts.
fn filters() -> Vec<DeliveryFilter> {
    let mut filters = vec![DeliveryFilter::default()];
    let mut each = |change: &dyn Fn(&DeliveryFilter) -> Vec<DeliveryFilter>| {
        filters =
            filters.iter().flat_map(|old| [vec![old.clone()], change(old)].concat()).collect();
    };
    each(&|old| {
        let ids = [AUTOMATION, OTHER, AutomationId(NOWHERE)];
        ids.map(|id| DeliveryFilter { automation_id: Some(id), ..old.clone() }).to_vec()
    });
    each(&|old| {
        let ids = [FIRST, THIRD, IntegrationId(NOWHERE)];
        ids.map(|id| DeliveryFilter { integration_id: Some(id), ..old.clone() }).to_vec()
    });
    each(&|old| {
        let with = |state: &State| DeliveryFilter { state: Some(*state), ..old.clone() };
        State::ALL.iter().map(with).collect()
    });
    each(&|old| {
        let names = ["record-0", "record-5-d", "no such record"];
        let with = |name: &str| DeliveryFilter { record_id: Some(name.to_owned()), ..old.clone() };
        names.map(with).to_vec()
    });
    each(&|old| {
        let spans = [
            (Some(at(12)), None),
            (None, Some(at(40))),
            (Some(at(0).minus_seconds(480)), Some(at(25))),
        ];
        spans.map(|(since, until)| DeliveryFilter { since, until, ..old.clone() }).to_vec()
    });
    filters
}

#[tokio::test]
async fn every_filter_shows_exactly_what_fits() {
    let room = furnished().await;
    let all = pages(&room, &DeliveryFilter::default(), 200).await;
    assert!(all.is_sorted_by(|a, b| a.id > b.id), "newest first");
    let (filters, mut shown) = (filters(), 0);
    assert_eq!(filters.len(), 4 * 4 * 6 * 4 * 4);
    for filter in filters {
        let expected: Vec<_> = all.iter().filter(|row| fits(row, &filter)).cloned().collect();
        let found = pages(&room, &filter, 7).await;
        assert_eq!(found, expected, "{filter:?}");
        shown += found.len();
    }
    assert!(shown > 1000, "{shown}");
}

#[tokio::test]
async fn an_integration_counts_what_it_has() {
    let room = furnished().await;
    let all = pages(&room, &DeliveryFilter::default(), 200).await;
    let reader = room.store.reader();
    for id in [FIRST, SECOND, THIRD] {
        let found = reader.integration_state(id).await.unwrap();
        let mine =
            |state| all.iter().filter(move |row| row.integration_id == id && row.state == state);
        assert_eq!(found.pending, mine(State::Pending).count() as u64);
        assert_eq!(found.claimed, mine(State::InFlight).count() as u64);
        assert_eq!(found.dead, mine(State::Dead).count() as u64);
        assert_eq!(found.next_due_at, mine(State::Pending).map(|row| row.due_at).min());
        let oldest = mine(State::Pending).min_by_key(|row| row.id).map(|row| row.created_at);
        assert_eq!(found.oldest_pending_at, oldest);
    }
    let nowhere = reader.integration_state(IntegrationId(NOWHERE)).await;
    assert_eq!(nowhere.err(), Some(StoreError::NotFound));
}

#[tokio::test]
async fn an_alert_shows_its_deliveries() {
    let room = Room::new().await;
    let new = NewAlert { escalated_at: at(7), ..alert("record", &[FIRST, SECOND]) };
    let accepted = room.accept(new).await;
    let row = room.store.reader().alert(accepted.alert).await.unwrap();
    assert_eq!((row.org_id.as_str(), row.escalated_at), ("acme", at(7)));
    let shown: Vec<_> = row.deliveries.iter().map(|each| (each.id, each.integration_id)).collect();
    assert_eq!(shown, [(accepted.deliveries[0], FIRST), (accepted.deliveries[1], SECOND)]);
}

#[tokio::test]
async fn tokens_are_kept_found_used_and_revoked() {
    let room = Room::new().await;
    let token = |id: &str, created| NewToken {
        id: id.to_owned(),
        digest: [7; 32],
        name: format!("{id} of somebody"),
        role: "editor",
        created_at: at(created),
        expires_at: Some(at(900)),
    };
    room.store.insert_token(token("second", 2)).await.unwrap();
    room.store.insert_token(token("first", 1)).await.unwrap();
    room.store.insert_token(token("first", 3)).await.expect_err("ids are given once");
    let reader = room.store.reader();
    let find = async |id: &str| reader.token(id.to_owned()).await.unwrap();
    let found = find("first").await.unwrap();
    assert_eq!((found.digest, found.role.as_str(), found.revoked_at), ([7; 32], "editor", None));
    assert_eq!((found.expires_at, found.last_used_at), (Some(at(900)), None));
    let used = |seconds| room.store.used(vec![("first".to_owned(), at(seconds))], Vec::new());
    used(60).await.unwrap();
    used(30).await.unwrap();
    assert_eq!(find("first").await.unwrap().last_used_at, Some(at(60)));
    let revoke = |id: &str, at| room.store.revoke_token(id.to_owned(), operator(), at);
    revoke("first", at(70)).await.unwrap();
    assert_eq!(find("first").await.unwrap().revoked_at, Some(at(70)));
    revoke("first", at(80)).await.expect("twice is as good as once");
    assert_eq!(find("first").await.unwrap().revoked_at, Some(at(70)), "and changes nothing");
    assert_eq!(revoke("nobody", at(80)).await, Err(StoreError::NotFound));
    assert_eq!(find("nobody").await, None);
    let ids = async |behind, limit| {
        let page = reader.tokens(behind, limit).await.unwrap();
        page.into_iter().map(|each| each.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 10).await, ["first", "second"]);
    assert_eq!(ids(None, 1).await, ["first"]);
    assert_eq!(ids(Some((at(1), "first".to_owned())), 10).await, ["second"]);
}
