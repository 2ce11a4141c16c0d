//! Changes to what is configured, each with its line in the audit log in the same transaction.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::audit::audit;
use super::error::SqlResult;
use super::minutes;
use super::row::millis;
use super::shown::{shown, shown_integration};
use super::target::TargetColumns;
use super::trigger::Columns;
use super::{configured, once};
use crate::domain::automation::Automation;
use crate::domain::condition::Condition;
use crate::domain::delivery::DiscardReason;
use crate::domain::id::{AutomationId, IntegrationId};
use crate::domain::integration::{Integration, Ordering, Status};
use crate::domain::secret::Sealed;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, Edit, SealChange, Seals, StoreError};

/// Carries an edit out; returns the automation's new version.
pub(super) fn change(
    connection: &Connection,
    edit: &Edit,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<i64> {
    match edit {
        Edit::CreateAutomation { automation, seals, inbound, once } => {
            once::claim(connection, once.as_ref(), &automation.id, at)?;
            insert_automation(connection, automation, at)?;
            for (place, integration) in automation.integrations.iter().enumerate() {
                put_integration(connection, integration, place, at)?;
            }
            put_seals(connection, seals)?;
            put_inbound(connection, automation.id, inbound)?;
            let change = json!({ "after": shown(automation) });
            audit(connection, by, at, "automation.create", &automation.id, &change)?;
            Ok(automation.version)
        }
        Edit::ReplaceAutomation { automation, seals, inbound, expected } => {
            let before = expect(connection, automation.id, *expected)?;
            replace_automation(connection, &before, automation, seals, inbound, at)?;
            let mut change = json!({ "before": shown(&before), "after": shown(automation),
                                     "credentials_changed": changed(seals) });
            if let (Some(change), Some(_)) = (change.as_object_mut(), inbound) {
                change.insert("inbound_credential_changed".to_owned(), true.into());
            }
            audit(connection, by, at, "automation.change", &automation.id, &change)?;
            Ok(before.version + 1)
        }
        Edit::DeleteAutomation { id, expected } => {
            let before = expect(connection, *id, *expected)?;
            for integration in &before.integrations {
                remove_integration(
                    connection,
                    integration.id,
                    DiscardReason::AutomationDeleted,
                    at,
                )?;
            }
            connection.execute(
                "UPDATE automations SET deleted_at = ?2, version = version + 1, inbound_credential = NULL
                 WHERE id = ?1",
                params![id.0.as_bytes(), at.as_millis()],
            )?;
            let change = json!({ "before": shown(&before) });
            audit(connection, by, at, "automation.delete", id, &change)?;
            Ok(before.version + 1)
        }
        Edit::CreateIntegration { integration, seals, once } => {
            once::claim(connection, once.as_ref(), &integration.id, at)?;
            let before = expect(connection, integration.automation_id, None)?;
            put_integration(connection, integration, before.integrations.len(), at)?;
            put_seals(connection, std::slice::from_ref(seals))?;
            let change = json!({ "after": shown_integration(integration) });
            audit(connection, by, at, "integration.create", &integration.id, &change)?;
            bump(connection, integration.automation_id)
        }
        Edit::ReplaceIntegration { integration, seals, expected } => {
            let before = expect(connection, integration.automation_id, *expected)?;
            let old = before.integrations.iter().position(|each| each.id == integration.id);
            let (place, old) = old
                .and_then(|place| before.integrations.get(place).map(|old| (place, old)))
                .ok_or(StoreError::NotFound)?;
            put_integration(connection, integration, place, at)?;
            put_seals(connection, seals.as_slice())?;
            let change = json!({ "before": shown_integration(old),
                "after": shown_integration(integration), "credential_changed": changes(seals.as_ref()) });
            audit(connection, by, at, "integration.change", &integration.id, &change)?;
            bump(connection, integration.automation_id)
        }
        Edit::DeleteIntegration { id, expected } => {
            let automation_id = automation_of(connection, *id)?;
            let before = expect(connection, automation_id, *expected)?;
            let old = before.integrations.iter().find(|each| each.id == *id);
            remove_integration(connection, *id, DiscardReason::IntegrationDeleted, at)?;
            let change = json!({ "before": old.map(shown_integration) });
            audit(connection, by, at, "integration.delete", id, &change)?;
            bump(connection, automation_id)
        }
        Edit::SetStatus { id, status } => set_status(connection, *id, status, by, at),
        Edit::RotateSigningSecret { id, sealed, old_until } => {
            let automation_id = automation_of(connection, *id)?;
            // Two are valid at once, never three.
            connection.execute(
                "DELETE FROM signing_secrets WHERE integration_id = ?1 AND until IS NOT NULL",
                [id.0.as_bytes()],
            )?;
            connection.execute(
                "UPDATE signing_secrets SET until = ?2 WHERE integration_id = ?1 AND until IS NULL",
                params![id.0.as_bytes(), old_until.as_millis()],
            )?;
            put_signing_secret(connection, *id, sealed)?;
            audit(connection, by, at, "integration.rotate_signing_secret", id, &json!({}))?;
            bump(connection, automation_id)
        }
        Edit::Together { seen, edits } => {
            // Only the set and its versions as a whole can be stale: there is no one version to name.
            if configured::versions(connection)? != *seen {
                return Err(StoreError::Stale { current: 0 }.into());
            }
            for edit in edits {
                change(connection, edit, by, at)?;
            }
            Ok(0)
        }
    }
}

fn replace_automation(
    connection: &Connection,
    before: &Automation,
    automation: &Automation,
    seals: &[Seals],
    inbound: &SealChange,
    at: Timestamp,
) -> SqlResult<()> {
    if before.trigger.word() != automation.trigger.word() {
        let why = "what an automation listens to can't be changed";
        return Err(StoreError::Refused(why.to_owned()).into());
    }
    for old in &before.integrations {
        if automation.integrations.iter().all(|new| new.id != old.id) {
            remove_integration(connection, old.id, DiscardReason::IntegrationDeleted, at)?;
        }
    }
    for (place, integration) in automation.integrations.iter().enumerate() {
        put_integration(connection, integration, place, at)?;
    }
    put_seals(connection, seals)?;
    let columns = Columns::of(&automation.trigger);
    connection.execute(
        "UPDATE automations SET name = ?2, active = ?3, filter = ?4, min_escalation = ?5,
           min_intensity = ?6, min_shift = ?7, inbound_method = ?8, inbound_header = ?9, version = ?10,
           cool_down = ?11, quiet_hours = ?12
         WHERE id = ?1",
        params![
            automation.id.0.as_bytes(),
            automation.name,
            automation.active,
            columns.filter,
            columns.min_escalation,
            columns.min_intensity,
            columns.min_shift,
            columns.inbound_method,
            columns.inbound_header,
            before.version + 1,
            columns.cool_down,
            columns.quiet_hours,
        ],
    )?;
    put_inbound(connection, automation.id, inbound)
}

/// The integrations whose credentials change.
fn changed(seals: &[Seals]) -> Vec<String> {
    let changed = seals.iter().filter(|each| changes(Some(*each)));
    changed.map(|each| each.integration.to_string()).collect()
}

fn put_inbound(
    connection: &Connection,
    id: AutomationId,
    credential: &SealChange,
) -> SqlResult<()> {
    if let Some(credential) = credential {
        connection.execute(
            "UPDATE automations SET inbound_credential = ?2 WHERE id = ?1",
            params![id.0.as_bytes(), credential.as_ref().map(|sealed| sealed.0.as_slice())],
        )?;
    }
    Ok(())
}

/// The automation as it is, unless somebody changed it since the caller looked.
fn expect(
    connection: &Connection,
    id: AutomationId,
    expected: Option<i64>,
) -> SqlResult<Automation> {
    let automation = configured::find(connection, id)?;
    match expected {
        Some(version) if version != automation.version => {
            Err(StoreError::Stale { current: automation.version }.into())
        }
        Some(_) | None => Ok(automation),
    }
}

fn automation_of(connection: &Connection, id: IntegrationId) -> SqlResult<AutomationId> {
    let found = connection
        .query_row(
            "SELECT automation_id FROM integrations WHERE id = ?1 AND deleted_at IS NULL",
            [id.0.as_bytes()],
            |row| super::row::uuid(row, "automation_id").map(AutomationId),
        )
        .optional()?;
    Ok(found.ok_or(StoreError::NotFound)?)
}

fn bump(connection: &Connection, id: AutomationId) -> SqlResult<i64> {
    Ok(connection.query_row(
        "UPDATE automations SET version = version + 1 WHERE id = ?1 RETURNING version",
        [id.0.as_bytes()],
        |row| row.get(0),
    )?)
}

fn insert_automation(
    connection: &Connection,
    automation: &Automation,
    at: Timestamp,
) -> SqlResult<()> {
    let columns = Columns::of(&automation.trigger);
    connection.execute(
        "INSERT INTO automations (id, name, active, trigger, filter, min_escalation, min_intensity,
           min_shift, inbound_method, inbound_header, version, created_at, cool_down, quiet_hours)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            automation.id.0.as_bytes(),
            automation.name,
            automation.active,
            automation.trigger.word(),
            columns.filter,
            columns.min_escalation,
            columns.min_intensity,
            columns.min_shift,
            columns.inbound_method,
            columns.inbound_header,
            automation.version,
            at.as_millis(),
            columns.cool_down,
            columns.quiet_hours,
        ],
    )?;
    Ok(())
}

/// Inserts an integration, or replaces its settings; what its queue and circuit have is kept.
fn put_integration(
    connection: &Connection,
    integration: &Integration,
    place: usize,
    at: Timestamp,
) -> SqlResult<()> {
    let columns = TargetColumns::of(&integration.target);
    let settings = &integration.delivery;
    let ordering = match settings.ordering {
        Ordering::Due => "due",
        Ordering::Fifo => "fifo",
    };
    let was: Option<String> = connection
        .query_row(
            "SELECT ordering FROM integrations WHERE id = ?1",
            [integration.id.0.as_bytes()],
            |row| row.get(0),
        )
        .optional()?;
    let put = connection.execute(
        "INSERT INTO integrations (id, automation_id, place, name, url, auth_method, auth_header,
           signing, http1_only, condition, max_in_flight, ordering, rate_limit, retry_base_ms,
           retry_factor, retry_cap_ms, retry_horizon_ms, retry_jitter, status, created_at, kind, title,
           text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
           ?18, 'active', ?19, ?20, ?21, ?22)
         ON CONFLICT (id) DO UPDATE SET place = ?3, name = ?4, url = ?5, auth_method = ?6,
           auth_header = ?7, signing = ?8, http1_only = ?9, condition = ?10, max_in_flight = ?11,
           ordering = ?12, rate_limit = ?13, retry_base_ms = ?14, retry_factor = ?15,
           retry_cap_ms = ?16, retry_horizon_ms = ?17, retry_jitter = ?18, title = ?21, text = ?22
         WHERE automation_id = ?2 AND kind = ?20 AND deleted_at IS NULL",
        params![
            integration.id.0.as_bytes(),
            integration.automation_id.0.as_bytes(),
            i64::try_from(place).unwrap_or(i64::MAX),
            integration.name,
            columns.url,
            columns.auth_method,
            columns.auth_header,
            columns.signing,
            columns.http1_only,
            integration.condition.as_ref().map(text_of),
            settings.max_in_flight,
            ordering,
            settings.rate_limit,
            settings.retry.base.map(millis),
            settings.retry.factor,
            settings.retry.cap.map(millis),
            settings.retry.horizon.map(millis),
            settings.retry.jitter,
            at.as_millis(),
            integration.target.kind().word(),
            columns.title,
            columns.text,
        ],
    )?;
    if put == 0 {
        let why =
            "that integration belongs to another automation, is of another kind or was deleted";
        return Err(StoreError::Refused(why.to_owned()).into());
    }
    note_revision(connection, integration.id)?;
    if !columns.signing {
        // Turning it on again makes a new one: what may have leaked meanwhile must not count.
        connection.execute(
            "DELETE FROM signing_secrets WHERE integration_id = ?1",
            [integration.id.0.as_bytes()],
        )?;
    }
    if was.is_some_and(|was| was != ordering) {
        // The queue's order on disk follows the setting.
        connection.execute(
            "UPDATE deliveries SET queue_at = iif(?2 = 'fifo', 0, due_at)
             WHERE integration_id = ?1 AND state IN ('pending', 'in_flight')",
            params![integration.id.0.as_bytes(), ordering],
        )?;
    }
    Ok(())
}

/// Keeps how the integration is spoken to from now on, where that differs from before.
fn note_revision(connection: &Connection, id: IntegrationId) -> SqlResult<()> {
    let id = id.0.as_bytes();
    let known: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM integrations i JOIN revisions r
           ON r.integration_id = i.id AND r.revision = i.revision
           WHERE i.id = ?1 AND r.url = i.url AND r.auth_method = i.auth_method
             AND r.auth_header IS i.auth_header AND r.signing = i.signing
             AND r.http1_only = i.http1_only AND r.title IS i.title AND r.text IS i.text)",
        [id],
        |row| row.get(0),
    )?;
    if known {
        return Ok(());
    }
    connection.execute(
        "UPDATE integrations SET revision = 1 + (SELECT ifnull(max(revision), 0) FROM revisions
           WHERE integration_id = ?1) WHERE id = ?1",
        [id],
    )?;
    connection.execute(
        "INSERT INTO revisions (integration_id, revision, url, auth_method, auth_header, signing,
           http1_only, title, text)
         SELECT id, revision, url, auth_method, auth_header, signing, http1_only, title, text
         FROM integrations WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

fn put_seals(connection: &Connection, seals: &[Seals]) -> SqlResult<()> {
    for each in seals {
        if let Some(credential) = &each.credential {
            connection.execute(
                "UPDATE integrations SET credential = ?2 WHERE id = ?1",
                params![
                    each.integration.0.as_bytes(),
                    credential.as_ref().map(|sealed| sealed.0.as_slice())
                ],
            )?;
        }
        if let Some(secret) = &each.signing_secret {
            put_signing_secret(connection, each.integration, secret)?;
        }
    }
    Ok(())
}

fn put_signing_secret(
    connection: &Connection,
    integration: IntegrationId,
    sealed: &Sealed,
) -> SqlResult<()> {
    connection.execute(
        "INSERT INTO signing_secrets (integration_id, sealed) VALUES (?1, ?2)",
        params![integration.0.as_bytes(), sealed.0],
    )?;
    Ok(())
}

/// Marks it deleted, forgets its secrets, and discards what waits for it. A running attempt is still
/// written into the history.
fn remove_integration(
    connection: &Connection,
    id: IntegrationId,
    reason: DiscardReason,
    at: Timestamp,
) -> SqlResult<()> {
    connection.execute(
        "UPDATE integrations SET deleted_at = ?2, credential = NULL
         WHERE id = ?1 AND deleted_at IS NULL",
        params![id.0.as_bytes(), at.as_millis()],
    )?;
    connection
        .execute("DELETE FROM signing_secrets WHERE integration_id = ?1", [id.0.as_bytes()])?;
    let mut discarded = 0;
    for state in ["pending", "in_flight"] {
        discarded += connection.execute(
            &format!(
                "UPDATE deliveries SET state = 'discarded', reason = ?2, finished_at = ?3
                 WHERE integration_id = ?1 AND state = '{state}'"
            ),
            params![id.0.as_bytes(), reason.word(), at.as_millis()],
        )?;
    }
    minutes::discarded(connection, at, discarded)
}

fn set_status(
    connection: &Connection,
    id: IntegrationId,
    status: &Status,
    by: &Actor,
    at: Timestamp,
) -> SqlResult<i64> {
    let automation_id = automation_of(connection, id)?;
    let (was, _): (String, Option<String>) = connection.query_row(
        "SELECT status, status_reason FROM integrations WHERE id = ?1",
        [id.0.as_bytes()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let reason = match status {
        Status::Active | Status::Paused => None,
        Status::Disabled { reason } => Some(reason.as_str()),
    };
    connection.execute(
        "UPDATE integrations SET status = ?2, status_reason = ?3 WHERE id = ?1",
        params![id.0.as_bytes(), status.word(), reason],
    )?;
    if was == "disabled" && *status == Status::Active {
        connection.execute(
            "UPDATE integrations SET failures = 0, circuit_since = NULL, circuit_round = NULL,
               probe_at = NULL WHERE id = ?1",
            [id.0.as_bytes()],
        )?;
    }
    let change = json!({ "before": { "status": was },
                         "after": { "status": status.word(), "reason": reason } });
    let action = match status {
        Status::Active if was == "disabled" => "integration.enable",
        Status::Active => "integration.resume",
        Status::Paused => "integration.pause",
        Status::Disabled { .. } => "integration.disable",
    };
    audit(connection, by, at, action, &id, &change)?;
    Ok(configured::find(connection, automation_id)?.version)
}

fn changes(seals: Option<&Seals>) -> bool {
    seals.is_some_and(|each| each.credential.is_some())
}

fn text_of(condition: &Condition) -> String {
    condition.to_json().to_string()
}
