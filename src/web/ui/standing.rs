//! How a delivery stands, in a badge and in a sentence that says what comes next.

use super::words::{When, span};
use crate::domain::circuit::Circuit;
use crate::domain::delivery::{DeadReason, DiscardReason, State};
use crate::domain::integration::Status;
use crate::domain::limits::CRASHES_A_DELIVERY;
use crate::domain::time::Timestamp;
use crate::store::queries::DeliveryRow;

/// A state's word and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Badge {
    pub(super) word: &'static str,
    /// `good`, `warn`, `bad`, or nothing.
    pub(super) tone: &'static str,
}

/// The destination that a delivery goes to, as far as it decides what comes next.
pub(super) enum Receiver<'a> {
    Deleted,
    Known { status: &'a Status, circuit: &'a Circuit },
}

impl Badge {
    /// The badge of a delivery; one that waits because it failed is told from one that was not tried yet.
    pub(super) const fn of(state: State, attempts: u32) -> Self {
        let (word, tone) = match state {
            State::Pending if attempts > 0 => ("pending", "warn"),
            State::Pending => ("pending", ""),
            State::InFlight => ("in flight", "warn"),
            State::Delivered => ("delivered", "good"),
            State::Dead => ("dead", "bad"),
            State::Discarded => ("discarded", ""),
        };
        Self { word, tone }
    }
}

/// What comes next, or why nothing does.
pub(super) fn words(row: &DeliveryRow, receiver: &Receiver<'_>, now: Timestamp) -> String {
    let after = |at: Option<Timestamp>| {
        at.map(|at| format!(", {} after it was accepted", span(at.since(row.created_at))))
    };
    match row.state {
        State::Pending => waiting(row, receiver, now),
        State::InFlight => format!("Attempt {} is on its way.", row.attempts.saturating_add(1)),
        State::Delivered => format!(
            "The receiver took it{}{}.",
            match row.attempts {
                0 | 1 => String::new(),
                many => format!(" at attempt {many}"),
            },
            after(row.finished_at).unwrap_or_default()
        ),
        State::Dead => given_up(row),
        State::Discarded => not_sent(row),
    }
}

fn waiting(row: &DeliveryRow, receiver: &Receiver<'_>, now: Timestamp) -> String {
    let due = When::of(row.due_at, now).ago;
    match receiver {
        Receiver::Deleted => "It waits, but its destination is deleted.".to_owned(),
        Receiver::Known { status: Status::Paused, .. } => {
            "It waits: its destination is paused. Resume the destination to have it sent."
                .to_owned()
        }
        Receiver::Known { status: Status::Disabled { .. }, .. } => {
            "It waits: its destination is switched off. Enable the destination to have it sent."
                .to_owned()
        }
        Receiver::Known { circuit: Circuit::Open { failures, probe_at, .. }, .. } => {
            let probe = match When::of(*probe_at, now).ago {
                later if later.starts_with("in ") => format!("the next one goes out {later}"),
                _ => "one goes out now".to_owned(),
            };
            format!(
                "It waits: its destination failed {failures} times in a row, so only one probe at a time \
                 is sent; {probe}."
            )
        }
        Receiver::Known { status: Status::Active, circuit: Circuit::Closed { .. } } => {
            let which = if row.attempts == 0 { "first" } else { "next" };
            if row.due_at > now {
                format!("It waits; the {which} attempt is due {due}.")
            } else {
                format!("The {which} attempt is due now, or on its way.")
            }
        }
    }
}

fn given_up(row: &DeliveryRow) -> String {
    match row.reason.as_deref().and_then(DeadReason::from_word) {
        Some(DeadReason::Expired) => format!(
            "Given up after {}: its time for retries was over, and the last one failed. It is kept, and \
             can be retried.",
            if row.attempts == 1 {
                "1 attempt".to_owned()
            } else {
                format!("{} attempts", row.attempts)
            }
        ),
        Some(DeadReason::CrashedWorker) => format!(
            "Given up because the service crashed {CRASHES_A_DELIVERY} times over it; the log says why. It \
             is kept, and can be retried."
        ),
        Some(DeadReason::BodyDamaged) => {
            "Given up because its body was damaged on disk: it must not be \
                                          sent. Send the record again under another id."
                .to_owned()
        }
        Some(DeadReason::Refused) => {
            "Given up because everybody whom it was for was refused for good. It is kept, and can be retried."
                .to_owned()
        }
        None => "Given up. It is kept, and can be retried.".to_owned(),
    }
}

fn not_sent(row: &DeliveryRow) -> String {
    let why = match row.reason.as_deref().and_then(DiscardReason::from_word) {
        Some(DiscardReason::Operator) | None => "Somebody discarded it",
        Some(DiscardReason::IntegrationDeleted) => "Its destination was deleted",
        Some(DiscardReason::AutomationDeleted) => "Its automation was deleted",
    };
    format!("{why}: it will not be sent.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::domain::alert::Origin;
    use crate::domain::id::{AlertId, AutomationId, DeliveryId, IntegrationId};

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn row(state: State, attempts: u32, reason: Option<&str>) -> DeliveryRow {
        let accepted = NOW.minus(Duration::from_hours(80));
        DeliveryRow {
            id: DeliveryId(1),
            alert_id: AlertId(1),
            automation_id: AutomationId(Uuid::nil()),
            integration_id: IntegrationId(Uuid::nil()),
            origin: Origin::Fired(AutomationId(uuid::Uuid::nil())),
            record_id: "r".to_owned(),
            state,
            reason: reason.map(str::to_owned),
            attempts,
            in_doubt: 0,
            due_at: NOW.plus(Duration::from_secs(300)),
            expires_at: accepted.plus(Duration::from_hours(72)),
            created_at: accepted,
            finished_at: Some(accepted.plus(Duration::from_secs(12))),
        }
    }

    fn said(row: &DeliveryRow, status: &Status, circuit: Circuit) -> String {
        words(row, &Receiver::Known { status, circuit: &circuit }, NOW)
    }

    fn plain(row: &DeliveryRow) -> String {
        said(row, &Status::Active, Circuit::default())
    }

    #[test]
    fn what_waits_says_for_what() {
        let fresh = row(State::Pending, 0, None);
        assert_eq!(plain(&fresh), "It waits; the first attempt is due in 5 min.");
        let failed = row(State::Pending, 2, None);
        assert_eq!(plain(&failed), "It waits; the next attempt is due in 5 min.");
        let due = DeliveryRow { due_at: NOW, ..failed.clone() };
        assert_eq!(plain(&due), "The next attempt is due now, or on its way.");
        let closed = Circuit::default();
        assert!(said(&failed, &Status::Paused, closed).contains("Resume"));
        let off = Status::Disabled { reason: "410".to_owned() };
        assert!(said(&failed, &off, closed).contains("Enable"));
        let open = Circuit::Open {
            failures: 7,
            since: NOW,
            round: 1,
            probe_at: NOW.plus(Duration::from_secs(40)),
        };
        let words = said(&failed, &Status::Active, open);
        assert!(words.contains("7 times") && words.ends_with("goes out in 40 s."), "{words}");
    }

    #[test]
    fn what_is_over_says_why() {
        let first = row(State::Delivered, 1, None);
        assert_eq!(plain(&first), "The receiver took it, 12 s after it was accepted.");
        let third = row(State::Delivered, 3, None);
        assert_eq!(plain(&third), "The receiver took it at attempt 3, 12 s after it was accepted.");
        assert_eq!(plain(&row(State::InFlight, 3, None)), "Attempt 4 is on its way.");
        let dead = plain(&row(State::Dead, 40, Some("expired")));
        assert!(dead.contains("40 attempts"), "{dead}");
        assert!(!plain(&row(State::Dead, 1, Some("body_damaged"))).contains("retried"));
        let deleted = row(State::Discarded, 0, Some("integration_deleted"));
        assert_eq!(plain(&deleted), "Its destination was deleted: it will not be sent.");
    }
}
