//! Alerts: what is sent, and where it goes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::deliveries::DeliveryOut;
use super::evidence_out::DetectedOut;
use super::id;
use crate::detect::external::Finding;
use crate::domain::alert::Alert;
use crate::domain::id::AlertId;
use crate::engine::ports::{DamagedAlert, StoreError};
use crate::web::WebState;
use crate::web::auth::{Caller, Viewer};
use crate::web::error::{Code, Problem};

const WHAT: &str = "alert";

/// An alert: one automation fired for one record.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Alert")]
pub(super) struct AlertOut<'a> {
    /// As in `alr_7`.
    id: String,
    /// The automation that fired.
    automation_id: String,
    /// The record that it fired for.
    record_id: &'a str,
    /// The organisation.
    org_id: &'a str,
    /// When it fired.
    escalated_at: String,
    /// The very body that is sent.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    body: &'a RawValue,
    /// What the levels follow from, where the record came without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    detected: Option<DetectedOut>,
    /// Where it goes.
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
        // What is damaged of it is left out: the alert is whole without it.
        detected: row
            .found
            .as_deref()
            .and_then(|found| Finding::from_stored(found).ok())
            .map(|found| DetectedOut::of(&found)),
        deliveries: row.deliveries.iter().map(DeliveryOut::of).collect(),
    }))
}

fn damaged() -> Problem {
    Problem::new(
        Code::Internal,
        "The alert's body was damaged on disk, and is not sent: send the record again under another id.",
    )
}
