//! Copies each new line of the audit log to the log, for those who gather logs elsewhere. It reads what
//! is committed: what was undone is never told, and what the command line did on the machine is, too.

use std::time::Duration;

use crate::domain::limits::AUDIT_LINES;
use crate::store::{AuditRow, Reader};

/// How soon after a change its line is in the log.
const LOOK: Duration = Duration::from_millis(500);

/// Follows the audit log for as long as the process lives.
pub(super) async fn follow(reader: Reader) {
    let mut last = None;
    loop {
        match reader.audit_after(last, AUDIT_LINES).await {
            Ok(rows) => {
                // The newest of the lines that are there at the start was told by the run before.
                let known = last.is_none();
                last = rows.last().map(|row| row.id).or(last).or(Some(0));
                if !known {
                    rows.iter().for_each(tell);
                }
            }
            Err(error) => tracing::debug!(%error, "the audit log could not be read"),
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
