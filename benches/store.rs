//! What the store alone can do: whole life cycles of deliveries (accepted, then settled with an attempt
//! in the history) a second, in commits of so many. `cargo bench --bench store`

#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a measurement that fails ends by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use belfry::domain::alert::{Aside, Body, Origin};
use belfry::domain::automation::{Automation, Trigger, Watch};
use belfry::domain::delivery::{NewDelivery, Phases, Report};
use belfry::domain::id::{AutomationId, IntegrationId};
use belfry::domain::integration::{
    AuthMethod, DeliverySettings, HttpsUrl, Integration, Target, Webhook,
};
use belfry::domain::outcome::Outcome;
use belfry::domain::queue::{Change, Next};
use belfry::domain::time::Timestamp;
use belfry::engine::ports::{
    Actor, ActorKind, AfterAccept, Edit, FreshDelivery, NewAlert, Store as _,
};
use belfry::store::{Settings, Sqlite};

struct Nobody;

impl AfterAccept for Nobody {
    fn accepted(&self, _: Vec<FreshDelivery>) {}
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for batch in [1, 16, 128] {
        let rate = runtime.block_on(life_cycles(batch, if batch == 1 { 2_000 } else { 60_000 }));
        println!("{rate:.0} life cycles/s in commits of {batch}");
    }
}

async fn life_cycles(batch: usize, count: usize) -> f64 {
    let data = tempfile::tempdir().expect("a directory");
    let settings = Settings {
        after_accept: Arc::new(Nobody),
        fatal: Arc::new(|_, what| panic!("{what}")),
        readers: 1,
        max_pages: None,
    };
    let store = Sqlite::open(data.path(), settings).expect("a store");
    let now = Timestamp::from_millis(1_800_000_000_000);
    let automation = automation();
    let (automation_id, integration) =
        (automation.id, automation.integrations.first().expect("one").id);
    let by = Actor { kind: ActorKind::System, name: "bench".to_owned(), address: None };
    let edit = Edit::CreateAutomation { automation, seals: Vec::new(), inbound: None, once: None };
    store.change(edit, by, now).await.expect("an automation");
    let body = Body::new(vec![b'x'; 700].into());
    let began = Instant::now();
    for round in 0..count / batch {
        let alert = |number: usize| NewAlert {
            automation_id,
            origin: Origin::Fired(automation_id),
            record_id: format!("record-{round}-{number}"),
            told_by: format!("record-{round}-{number}"),
            org_id: "acme".to_owned(),
            body: body.clone(),
            aside: Aside::default(),
            found: None,
            cool_down: None,
            escalated_at: now,
            deliveries: vec![NewDelivery {
                integration,
                queue_at: now,
                due_at: now,
                expires_at: now.plus(Duration::from_secs(3600)),
                put_off: false,
            }],
        };
        let accepted = store.accept((0..batch).map(alert).collect()).await.expect("accepted");
        let settle = |id| Change::Settle {
            delivery: id,
            attempt: 1,
            report: Report {
                started_at: now,
                took: Duration::from_millis(1),
                outcome: Outcome::Answered { status: 200, retry_after: None },
                phases: Phases::default(),
                excerpt: None,
                remote: Some("127.0.0.1:443".to_owned()),
                revision: None,
                recipients: Vec::new(),
            },
            next: Next::Delivered,
        };
        let changes =
            accepted.into_iter().flatten().flat_map(|each| each.deliveries).map(settle).collect();
        let applied = store.apply(integration, changes).await.expect("applied");
        assert!(applied.lost.is_empty(), "nobody else decides here");
    }
    count as f64 / began.elapsed().as_secs_f64()
}

fn automation() -> Automation {
    let automation_id = AutomationId(uuid::Uuid::from_u128(1));
    let integration = Integration {
        id: IntegrationId(uuid::Uuid::from_u128(2)),
        automation_id,
        name: "receiver".to_owned(),
        target: Target::Webhook(Webhook {
            url: HttpsUrl::parse("https://receiver.example.com/hook").expect("a URL"),
            auth: AuthMethod::None,
            signing: false,
            http1_only: false,
        }),
        condition: None,
        delivery: DeliverySettings::default(),
        credential_set: false,
    };
    Automation {
        id: automation_id,
        name: "all".to_owned(),
        active: true,
        trigger: Trigger::Records(Watch::default()),
        integrations: vec![integration],
        version: 1,
    }
}
