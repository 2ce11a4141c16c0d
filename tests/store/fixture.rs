//! A data directory with one automation of two integrations, and the store over it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use belfry::domain::alert::{Aside, Body, Origin};
use belfry::domain::automation::{Automation, Trigger, Watch};
use belfry::domain::delivery::{NewDelivery, Phases, Report};
use belfry::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};
use belfry::domain::integration::{
    AuthMethod, DeliverySettings, HttpsUrl, Integration, Target, Webhook,
};
use belfry::domain::outcome::Outcome;
use belfry::domain::queue::{Change, Next};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{
    Accepted, Actor, ActorKind, AfterAccept, Edit, FreshDelivery, NewAlert, Store,
};
use belfry::store::queries::{AttemptRow, DeliveryRow};
use belfry::store::{Settings, Sqlite};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const AUTOMATION: AutomationId = AutomationId(Uuid::from_u128(1));
pub(crate) const FIRST: IntegrationId = IntegrationId(Uuid::from_u128(2));
pub(crate) const SECOND: IntegrationId = IntegrationId(Uuid::from_u128(3));

/// So many seconds after the moment at which all of these stories begin.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(seconds))
}

/// Remembers what it is told.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<FreshDelivery>>);

impl AfterAccept for Heard {
    fn accepted(&self, fresh: Vec<FreshDelivery>) {
        self.0.lock().unwrap().extend(fresh);
    }
}

/// What the store said when it could not go on.
pub(crate) type Ends = Arc<Mutex<Vec<(i32, String)>>>;

pub(crate) fn settings(after_accept: Arc<dyn AfterAccept>, ends: &Ends) -> Settings {
    let ends = Arc::clone(ends);
    Settings {
        after_accept,
        fatal: Arc::new(move |status, why| ends.lock().unwrap().push((status, why.to_owned()))),
        readers: 1,
        max_pages: None,
    }
}

/// A store over a directory of its own.
pub(crate) struct Room {
    pub(crate) dir: TempDir,
    pub(crate) store: Sqlite,
    pub(crate) heard: Arc<Heard>,
    pub(crate) ends: Ends,
}

impl Room {
    /// A new directory with the automation of these tests.
    pub(crate) async fn new() -> Self {
        let room = Self::over(tempfile::tempdir().unwrap(), None);
        let edit = Edit::CreateAutomation {
            automation: automation(),
            seals: Vec::new(),
            inbound: None,
            once: None,
        };
        room.store.change(edit, operator(), at(0)).await.unwrap();
        room
    }

    /// The store over a directory that is there already.
    pub(crate) fn over(dir: TempDir, max_pages: Option<u32>) -> Self {
        let heard = Arc::new(Heard::default());
        let ends = Ends::default();
        let settings = Settings { max_pages, ..settings(heard.clone(), &ends) };
        let store = Sqlite::open(dir.path(), settings).unwrap();
        Self { dir, store, heard, ends }
    }

    /// An orderly stop and a new start.
    pub(crate) async fn reopen(self, max_pages: Option<u32>) -> Self {
        self.store.close().await;
        let Self { dir, store, .. } = self;
        drop(store);
        Self::over(dir, max_pages)
    }

    /// The process is gone: what it left on disk, in a directory of its own.
    pub(crate) fn crash(&self) -> TempDir {
        let image = tempfile::tempdir().unwrap();
        for file in ["belfry.db", "belfry.db-wal"] {
            std::fs::copy(self.dir.path().join(file), image.path().join(file)).unwrap();
        }
        image
    }

    /// Removes what is old and finished, until nothing is left of it; returns how many alerts.
    pub(crate) async fn sweep(&self, cutoff: Timestamp) -> u64 {
        let (mut removed, mut after) = (0, None);
        loop {
            let swept = self.store.sweep(cutoff, after).await.unwrap();
            assert!(swept.removed <= 500, "a step is short: {swept:?}");
            removed += swept.removed;
            after = swept.next;
            if after.is_none() {
                return removed;
            }
        }
    }

    pub(crate) async fn accept(&self, alert: NewAlert) -> Accepted {
        self.store.accept(vec![alert]).await.unwrap().remove(0).expect("nothing holds it back")
    }

    /// Accepts an alert for the first integration; returns it with its delivery.
    pub(crate) async fn one(&self, record: &str) -> (AlertId, DeliveryId) {
        let accepted = self.accept(alert(record, &[FIRST])).await;
        (accepted.alert, accepted.deliveries[0])
    }

    /// Applies one change to the first integration; whether it was lost.
    pub(crate) async fn is_lost(&self, change: Change) -> bool {
        !self.store.apply(FIRST, vec![change]).await.unwrap().lost.is_empty()
    }

    pub(crate) async fn delivery(&self, id: DeliveryId) -> (DeliveryRow, Vec<AttemptRow>) {
        let whole = self.store.reader().delivery(id).await.unwrap();
        (whole.row, whole.attempts)
    }

    /// The database, as nobody but a test opens it.
    pub(crate) fn sql(&self) -> Connection {
        Connection::open(self.dir.path().join("belfry.db")).unwrap()
    }

    pub(crate) fn check(&self) {
        check(self.dir.path());
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

/// SQLite finds nothing wrong, and nothing refers to what isn't there.
pub(crate) fn check(dir: &Path) {
    let connection = Connection::open(dir.join("belfry.db")).unwrap();
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    let mut statement = connection.prepare("PRAGMA foreign_key_check").unwrap();
    assert!(statement.query([]).unwrap().next().unwrap().is_none(), "a reference leads nowhere");
}

pub(crate) fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

pub(crate) fn operator() -> Actor {
    Actor { kind: ActorKind::User, name: "ada".to_owned(), address: Some("127.0.0.1".to_owned()) }
}

/// An alert about that record with a delivery to each of these, due at once.
pub(crate) fn alert(record: &str, to: &[IntegrationId]) -> NewAlert {
    let delivery = |integration| NewDelivery {
        integration,
        queue_at: at(0),
        due_at: at(0),
        expires_at: at(3600),
        put_off: false,
    };
    NewAlert {
        automation_id: AUTOMATION,
        origin: Origin::Fired(AUTOMATION),
        record_id: record.to_owned(),
        told_by: record.to_owned(),
        org_id: "acme".to_owned(),
        body: Body::new(format!("{{\"record\":\"{record}\"}}").into_bytes().into()),
        aside: Aside::default(),
        found: None,
        cool_down: None,
        escalated_at: at(0),
        deliveries: to.iter().copied().map(delivery).collect(),
    }
}

pub(crate) fn report(status: u16) -> Report {
    Report {
        started_at: at(1),
        took: Duration::from_secs(2),
        outcome: Outcome::Answered { status, retry_after: None },
        phases: Phases::default(),
        excerpt: Some("ok".to_owned()),
        remote: Some("127.0.0.1:443".to_owned()),
        revision: None,
        recipients: Vec::new(),
    }
}

pub(crate) fn settle(delivery: DeliveryId, attempt: u32, next: Next) -> Change {
    Change::Settle { delivery, attempt, report: report(200), next }
}

pub(crate) fn integration(id: IntegrationId) -> Integration {
    Integration {
        id,
        automation_id: AUTOMATION,
        name: format!("receiver {id}"),
        target: Target::Webhook(Webhook {
            url: HttpsUrl::parse("https://receiver.example.com/hook").unwrap(),
            auth: AuthMethod::None,
            signing: false,
            http1_only: false,
        }),
        condition: None,
        delivery: DeliverySettings::default(),
        credential_set: false,
    }
}

pub(crate) fn automation() -> Automation {
    Automation {
        id: AUTOMATION,
        name: "all".to_owned(),
        active: true,
        trigger: Trigger::Records(Watch::default()),
        integrations: vec![integration(FIRST), integration(SECOND)],
        version: 1,
    }
}
