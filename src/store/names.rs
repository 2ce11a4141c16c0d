//! What things are called now, for a list of what was done to them: what is not there any more has no name.

use rusqlite::{Connection, OptionalExtension as _, ToSql};

use super::error::SqlResult;
use super::reader::{Reader, at_one_moment};
use crate::domain::id::{AutomationId, DeliveryId, InboundId, IntegrationId, UserId};
use crate::engine::ports::{Promise, StoreError};

/// A thing that something was done to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An automation.
    Automation(AutomationId),
    /// An integration.
    Integration(IntegrationId),
    /// A delivery, which is called what its record is called.
    Delivery(DeliveryId),
    /// A person.
    User(UserId),
    /// A token.
    Token(String),
    /// An inbound integration.
    Inbound(InboundId),
    /// The phrases of an organisation, which have no other name.
    Phrases(String),
}

impl Reader {
    /// What each of these is called now, in the same order; nothing where it is not there any more.
    pub fn names(
        &self,
        subjects: Vec<Subject>,
    ) -> Promise<Result<Vec<Option<String>>, StoreError>> {
        self.query(move |connection| {
            at_one_moment(connection, |snapshot| {
                subjects.iter().map(|subject| name(snapshot, subject)).collect()
            })
        })
    }
}

fn name(connection: &Connection, subject: &Subject) -> SqlResult<Option<String>> {
    let of = |sql: &str, id: &dyn ToSql| -> SqlResult<Option<String>> {
        Ok(connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
    };
    match subject {
        Subject::Automation(id) => {
            of("SELECT name FROM automations WHERE id = ?1 AND deleted_at IS NULL", id.0.as_bytes())
        }
        Subject::Integration(id) => of(
            "SELECT name FROM integrations WHERE id = ?1 AND deleted_at IS NULL",
            id.0.as_bytes(),
        ),
        Subject::Delivery(id) => of(
            "SELECT a.record_id FROM deliveries d JOIN alerts a ON a.id = d.alert_id WHERE d.id = ?1",
            &id.0,
        ),
        Subject::User(id) => of("SELECT name FROM users WHERE id = ?1", id.0.as_bytes()),
        Subject::Token(id) => of("SELECT name FROM tokens WHERE id = ?1", id),
        Subject::Phrases(org_id) => of("SELECT org_id FROM phrases WHERE org_id = ?1", org_id),
        Subject::Inbound(id) => of("SELECT name FROM inbounds WHERE id = ?1", id.0.as_bytes()),
    }
}
