//! The audit log: who did what to what, when, and from where.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Page;
use super::query::{Query, cursor};
use crate::store::{AuditFilter, AuditPlace, AuditRow};
use crate::web::WebState;
use crate::web::auth::{Admin, Caller};
use crate::web::error::Problem;

/// One line of the audit log.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditLine")]
pub(super) struct LineOut {
    /// Its number, in the order of changes.
    id: i64,
    /// When.
    at: String,
    actor: ActorOut,
    /// What was done, as in `automation.change`.
    action: String,
    /// To what: an id.
    subject: String,
    /// What it was before and what it became, without secrets.
    change: Value,
}

/// Who did it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditActor")]
struct ActorOut {
    /// `token`, `user`, `cli` or `system`.
    kind: &'static str,
    /// The name of the token or of the person.
    name: String,
    /// From which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl LineOut {
    fn of(row: &AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at.to_string(),
            actor: ActorOut {
                kind: row.by.kind.word(),
                name: row.by.name.clone(),
                address: row.by.address.clone(),
            },
            action: row.action.clone(),
            subject: row.subject.clone(),
            change: row.change.clone(),
        }
    }
}

pub(super) async fn list(
    _caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let filter = filter(&mut query);
    let limit = query.limit();
    let behind = place(&mut query);
    let (filter, behind) = query.end((filter, behind))?;
    let rows = state.reader.audit(filter, behind, limit.saturating_add(1)).await?;
    let next = |last: &AuditRow| cursor(last.at, &last.id);
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, LineOut::of, next)))
}

/// Which lines a query means.
pub(in crate::web) fn filter(query: &mut Query) -> AuditFilter {
    AuditFilter {
        actor: query.text("actor"),
        action: query.text("action"),
        subject: query.text("subject"),
        since: query.time("since"),
        until: query.time("until"),
    }
}

/// Behind which line it begins.
pub(in crate::web) fn place(query: &mut Query) -> Option<AuditPlace> {
    query.place::<i64>().map(|(at, id)| AuditPlace { at, id })
}
