//! `GET /v1/automations/{id}/held-back`: alerts that a cool-down held back.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;

use super::query::Query;
use super::{Page, id, view};
use crate::domain::id::AutomationId;
use crate::store::HeldBackRow;
use crate::web::WebState;
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;

/// An alert that was held back.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HeldBack")]
pub(super) struct HeldBackOut {
    /// The record that it would have been for.
    record_id: String,
    /// The record's organisation.
    org_id: String,
    /// How bad it was.
    escalation_level: &'static str,
    /// When it would have gone out.
    at: String,
}

impl HeldBackOut {
    fn of(row: &HeldBackRow) -> Self {
        Self {
            record_id: row.record_id.clone(),
            org_id: row.org_id.clone(),
            escalation_level: row.escalation_level.word(),
            at: row.at.to_string(),
        }
    }
}

pub(super) async fn list(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit();
    let before = query.parsed::<i64>("cursor", "is not a cursor that a list gave");
    let before = query.end(before)?;
    let id: AutomationId = id(&path, "automation")?;
    // 404 where there is no such automation.
    view::automation(&state, id).await?;
    let rows = state.reader.held_back(id, before, limit.saturating_add(1)).await?;
    let next = |last: &HeldBackRow| last.id.to_string();
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, HeldBackOut::of, next)))
}
