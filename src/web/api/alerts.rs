//! Alerts: what is sent, and where it goes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Serialize;
use serde_json::value::RawValue;

use super::deliveries::DeliveryOut;
use super::id;
use crate::domain::alert::Alert;
use crate::domain::id::AlertId;
use crate::engine::ports::{DamagedAlert, StoreError};
use crate::web::WebState;
use crate::web::auth::{Caller, Viewer};
use crate::web::error::{Code, Problem};

const WHAT: &str = "alert";

#[derive(Debug, Serialize)]
struct AlertOut<'a> {
    id: String,
    automation_id: String,
    record_id: &'a str,
    org_id: &'a str,
    escalated_at: String,
    /// The very bytes that are sent.
    body: &'a RawValue,
    deliveries: Vec<DeliveryOut>,
}

pub(super) async fn read(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: AlertId = id(&path, WHAT)?;
    let row = match state.reader.alert(id).await {
        Err(StoreError::NotFound) => return Err(Problem::not_found(WHAT)),
        found => found?,
    };
    let alert = row.alert.as_ref().map_err(|DamagedAlert| damaged())?;
    let body: &RawValue = serde_json::from_slice(alert.body.bytes()).map_err(|_| damaged())?;
    let Alert { automation_id, record_id, .. } = alert;
    Ok(HttpResponse::Ok().json(AlertOut {
        id: id.to_string(),
        automation_id: automation_id.to_string(),
        record_id,
        org_id: &row.org_id,
        escalated_at: row.escalated_at.to_string(),
        body,
        deliveries: row.deliveries.iter().map(DeliveryOut::of).collect(),
    }))
}

fn damaged() -> Problem {
    Problem::new(
        Code::Internal,
        "The alert's body was damaged on disk, and is not sent: send the record again under another id.",
    )
}
