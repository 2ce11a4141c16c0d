//! One attempt, in a task of its own: it outlives its destination's actor, and whatever goes wrong in
//! it ends as a report.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::ports::{Attempt, DamagedAlert, Destination, StoreError};
use super::shared::{Lane, Shared};
use super::station::Station;
use crate::domain::alert::Alert;
use crate::domain::delivery::{Phases, Report};
use crate::domain::id::AlertId;
use crate::domain::integration::Kind;
use crate::domain::limits::SMTP_ATTEMPT;
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::queue::Send;
use crate::domain::recipient::{Fate, Recipient};
use crate::domain::time::Timestamp;

/// Starts the attempt on the caller's thread. A destination's only attempt goes at once; one beside
/// others waits its turn among those of all destinations, so that no number of hanging ones can keep
/// a healthy one from its first.
pub(super) fn launch(
    shared: &Arc<Shared>,
    lane: &Lane,
    station: &Arc<Station>,
    destination: &Arc<Destination>,
    send: Send,
    beside_others: bool,
) {
    let (shared, station) = (Arc::clone(shared), Arc::clone(station));
    let (destination, sender) = (Arc::clone(destination), Arc::clone(&lane.sender));
    let kind = destination.integration.target.kind();
    actix::spawn(async move {
        let _turn = if beside_others { shared.turns.acquire().await.ok() } else { None };
        let started_at = shared.clock.now();
        let attempt = async {
            let alert = match find(&shared, send.waiting.alert).await {
                Ok(alert) => alert,
                Err(fault) => return unsent(started_at, fault),
            };
            let settled = match settled(&shared, &destination, &send).await {
                Ok(settled) => settled,
                Err(fault) => return unsent(started_at, fault),
            };
            let attempt = Attempt {
                destination,
                delivery: Some(send.waiting.id),
                number: send.attempt,
                alert,
                settled,
                started_at,
            };
            sender.send(attempt).await
        };
        // The sender keeps its own deadline; this one holds even if it does not.
        let limit = match kind {
            // Its time is a setting of its own, which may be another one by now.
            Kind::Email => shared.attempt_limit.max(SMTP_ATTEMPT),
            Kind::Webhook | Kind::Slack => shared.attempt_limit,
        };
        let bounded = tokio::time::timeout(limit, AssertUnwindSafe(attempt).catch_unwind());
        let report = match bounded.await {
            Ok(Ok(report)) => report,
            Ok(Err(_panic)) => unsent(started_at, internal("the attempt panicked")),
            Err(_late) => unsent(started_at, internal("the attempt did not end in its time")),
        };
        if station.ended(send.waiting.id, report) {
            shared.board.wake(station.id);
        }
    });
}

async fn find(shared: &Shared, id: AlertId) -> Result<Arc<Alert>, Fault> {
    if let Some(alert) = shared.board.bodies().find(id) {
        return Ok(alert);
    }
    match shared.store.alert(id).await {
        Ok(Ok(alert)) => Ok(Arc::new(alert)),
        Ok(Err(DamagedAlert)) => Err(Fault { kind: FaultKind::BodyDamaged, detail: String::new() }),
        Err(error) => Err(unreadable(&error)),
    }
}

/// The addresses that the delivery is through with. A first attempt has none, and other kinds never do.
async fn settled(
    shared: &Shared,
    destination: &Destination,
    send: &Send,
) -> Result<Vec<Recipient>, Fault> {
    if send.attempt == 1 || destination.integration.target.kind() != Kind::Email {
        return Ok(Vec::new());
    }
    let mut known = shared.store.recipients(send.waiting.id).await.map_err(|error| {
        internal(&format!("what is known of its addresses could not be read: {error}"))
    })?;
    known.retain(|each| each.fate != Fate::Waiting);
    Ok(known)
}

fn unreadable(error: &StoreError) -> Fault {
    internal(&format!("the alert could not be read: {error}"))
}

fn internal(detail: &str) -> Fault {
    Fault { kind: FaultKind::Internal, detail: detail.to_owned() }
}

fn unsent(started_at: Timestamp, fault: Fault) -> Report {
    Report {
        started_at,
        took: Duration::ZERO,
        outcome: Outcome::Failed(fault),
        phases: Phases::default(),
        excerpt: None,
        remote: None,
        revision: None,
        recipients: Vec::new(),
    }
}
