//! Copies each new line of the audit log to the log, for those who gather logs elsewhere. It reads what
//! is committed: what was undone is never told, and what the command line did on the machine is, too.

use std::time::Duration;

use crate::domain::limits::AUDIT_LINES;
use crate::store::{AuditRow, Reader};

/// How soon after a change its line is in the log.
const LOOK: Duration = Duration::from_millis(500);

/// Follows the audit log behind that line, for as long as the process lives.
pub(super) async fn follow(reader: Reader, mut last: i64) {
    loop {
        match reader.audit_after(last, AUDIT_LINES).await {
            Ok(rows) => {
                last = rows.last().map_or(last, |row| row.id);
                rows.iter().for_each(tell);
            }
            Err(error) => {
                tracing::warn!(%error, "the audit log could not be read: its lines come later")
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn tell(row: &AuditRow) {
    tracing::info!(
        target: "belfry::audit",
        id = row.id,
        at = %row.at,
        actor_kind = row.by.kind.word(),
        actor = row.by.name,
        address = row.by.address,
        action = row.action,
        subject = row.subject,
        change = %row.change,
        "audit"
    );
}
