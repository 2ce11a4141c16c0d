//! What a destination's queue decided. Each change names the state that it expects; where a row is in
//! another, somebody else decided before, and that stands.

use rusqlite::{Connection, params};

use super::error::SqlResult;
use super::recipients;
use super::row::{micros, word};
use crate::domain::circuit::Circuit;
use crate::domain::delivery::{DeadReason, Report, State};
use crate::domain::id::{DeliveryId, IntegrationId};
use crate::domain::integration::Health;
use crate::domain::outcome::{Judged, Outcome};
use crate::domain::schedule::RetryAfter;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, ActorKind, Applied, Change, Next};

pub(super) fn apply(
    connection: &Connection,
    integration: IntegrationId,
    changes: &[Change],
) -> SqlResult<Applied> {
    let mut applied = Applied::default();
    for change in changes {
        match change {
            Change::Claim { delivery, attempt } => {
                let changed = connection
                    .prepare_cached(
                        "UPDATE deliveries SET state = 'in_flight'
                         WHERE id = ?1 AND state = 'pending' AND attempts = ?2 - 1",
                    )?
                    .execute(params![delivery.0, attempt])?;
                note_lost(&mut applied, *delivery, changed);
            }
            Change::Unclaim { delivery } => {
                let changed = connection
                    .prepare_cached(
                        "UPDATE deliveries SET state = 'pending' WHERE id = ?1 AND state = 'in_flight'",
                    )?
                    .execute([delivery.0])?;
                note_lost(&mut applied, *delivery, changed);
            }
            Change::Settle { delivery, attempt, report, next } => {
                let ended_at = report.started_at.plus(report.took);
                let changed = settle(connection, *delivery, *attempt, *next, ended_at)?;
                // One that was discarded meanwhile may be removed by now: there is no history to
                // enter, and the other results must not fail with this one.
                if changed > 0 || exists(connection, *delivery)? {
                    record(connection, integration, *delivery, *attempt, report)?;
                    recipients::keep(connection, *delivery, *attempt, &report.recipients)?;
                }
                note_lost(&mut applied, *delivery, changed);
            }
            Change::Health(health) => write_health(connection, integration, health)?,
            Change::SwitchOff { reason, at } => switch_off(connection, integration, reason, *at)?,
        }
    }
    Ok(applied)
}

fn note_lost(applied: &mut Applied, delivery: DeliveryId, changed: usize) {
    if changed == 0 {
        applied.lost.push(delivery);
    }
}

fn exists(connection: &Connection, delivery: DeliveryId) -> SqlResult<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM deliveries WHERE id = ?1)")?
        .query_row([delivery.0], |row| row.get(0))?)
}

fn settle(
    connection: &Connection,
    delivery: DeliveryId,
    attempt: u32,
    next: Next,
    ended_at: Timestamp,
) -> SqlResult<usize> {
    let changed = match next {
        Next::Delivered => connection
            .prepare_cached(
                "UPDATE deliveries SET state = 'delivered', attempts = ?2, finished_at = ?3
                 WHERE id = ?1 AND attempts = ?2 - 1 AND state IN ('pending', 'in_flight')",
            )?
            .execute(params![delivery.0, attempt, ended_at.as_millis()])?,
        Next::Wait { queue_at, due_at } => connection
            .prepare_cached(
                "UPDATE deliveries SET state = 'pending', attempts = ?2, queue_at = ?3, due_at = ?4
                 WHERE id = ?1 AND attempts = ?2 - 1 AND state IN ('pending', 'in_flight')",
            )?
            .execute(params![delivery.0, attempt, queue_at.as_millis(), due_at.as_millis()])?,
        Next::Dead(reason) => connection
            .prepare_cached(
                "UPDATE deliveries SET state = 'dead', attempts = ?2, finished_at = ?3, reason = ?4
                 WHERE id = ?1 AND attempts = ?2 - 1 AND state IN ('pending', 'in_flight')",
            )?
            .execute(params![delivery.0, attempt, ended_at.as_millis(), reason.word()])?,
    };
    Ok(changed)
}

/// An attempt enters the history once, whatever becomes of its delivery.
pub(super) fn record(
    connection: &Connection,
    integration: IntegrationId,
    delivery: DeliveryId,
    attempt: u32,
    report: &Report,
) -> SqlResult<()> {
    let (status, meaning, fault, detail, retry_after) = match &report.outcome {
        Outcome::Answered { status, retry_after } => {
            (Some(*status), None, None, None, *retry_after)
        }
        Outcome::Judged(Judged { code, meaning, retry_after, words }) => {
            (Some(*code), Some(meaning.word()), None, Some(words), *retry_after)
        }
        Outcome::Failed(fault) => (None, None, Some(fault.kind.code()), Some(&fault.detail), None),
    };
    let retry_after_s = retry_after.map(|asked| match asked {
        RetryAfter::Delay(delay) => i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
        RetryAfter::At(at) => {
            i64::try_from(at.since(report.started_at).as_secs()).unwrap_or(i64::MAX)
        }
    });
    connection
        .prepare_cached(
            "INSERT INTO attempts (delivery_id, n, started_at, took_us, status, fault, detail,
               retry_after_s, resolve_us, connect_us, tls_us, first_byte_us, remote, excerpt, revision,
               integration_id, meaning)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT (delivery_id, n) DO NOTHING",
        )?
        .execute(params![
            delivery.0,
            attempt,
            report.started_at.as_millis(),
            micros(report.took),
            status,
            fault,
            detail,
            retry_after_s,
            report.phases.resolve.map(micros),
            report.phases.connect.map(micros),
            report.phases.tls.map(micros),
            report.phases.first_byte.map(micros),
            report.remote,
            report.excerpt,
            report.revision,
            integration.0.as_bytes(),
            meaning,
        ])?;
    Ok(())
}

pub(super) fn write_health(
    connection: &Connection,
    integration: IntegrationId,
    health: &Health,
) -> SqlResult<()> {
    let (since, round, probe_at) = match health.circuit {
        Circuit::Closed { .. } => (None, None, None),
        Circuit::Open { since, round, probe_at, .. } => {
            (Some(since.as_millis()), Some(round), Some(probe_at.as_millis()))
        }
    };
    connection
        .prepare_cached(
            "UPDATE integrations SET failures = ?2, circuit_since = ?3, circuit_round = ?4,
               probe_at = ?5, last_success_at = ?6, last_failure_at = ?7, last_error = ?8
             WHERE id = ?1",
        )?
        .execute(params![
            integration.0.as_bytes(),
            health.circuit.failures(),
            since,
            round,
            probe_at,
            health.last_success_at.map(Timestamp::as_millis),
            health.last_failure_at.map(Timestamp::as_millis),
            health.last_error,
        ])?;
    Ok(())
}

fn switch_off(
    connection: &Connection,
    integration: IntegrationId,
    reason: &str,
    at: Timestamp,
) -> SqlResult<()> {
    let changed = connection
        .prepare_cached(
            "UPDATE integrations SET status = 'disabled', status_reason = ?2
             WHERE id = ?1 AND status <> 'disabled' AND deleted_at IS NULL",
        )?
        .execute(params![integration.0.as_bytes(), reason])?;
    if changed > 0 {
        let system = Actor { kind: ActorKind::System, name: "system".to_owned(), address: None };
        let change = serde_json::json!({ "after": { "status": "disabled", "reason": reason } });
        super::audit::audit(connection, &system, at, "integration.disable", &integration, &change)?;
    }
    Ok(())
}

pub(super) fn record_crash(
    connection: &Connection,
    delivery: DeliveryId,
    limit: u32,
    at: Timestamp,
) -> SqlResult<bool> {
    connection.execute(
        "UPDATE deliveries SET crashes = crashes + 1,
           state = iif(crashes + 1 >= ?2, 'dead', state),
           reason = iif(crashes + 1 >= ?2, ?3, reason),
           finished_at = iif(crashes + 1 >= ?2, ?4, finished_at)
         WHERE id = ?1 AND state IN ('pending', 'in_flight')",
        params![delivery.0, limit, DeadReason::CrashedWorker.word(), at.as_millis()],
    )?;
    let state = connection.query_row(
        "SELECT state FROM deliveries WHERE id = ?1",
        [delivery.0],
        |row| word(row, "state", State::from_word),
    )?;
    Ok(state == State::Dead)
}
