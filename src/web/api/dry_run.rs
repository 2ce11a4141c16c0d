//! `POST /v1/records/dry-run`: what records would do, without their doing it.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;

use super::evidence_out::{DetectedOut, LevelsOut};
use super::records::{self, Judged};
use crate::detect::external::Finding;
use crate::domain::dry_run::{DryRun, Duplicate, Fate, Outlook, Prospect, Way};
use crate::domain::levels::{Level, SentimentShift};
use crate::domain::verdict::Miss;
use crate::engine::DryRunError;
use crate::web::WebState;
use crate::web::auth::{Caller, Viewer};
use crate::web::body;
use crate::web::error::{Code, Problem};

/// What would become of the records of a call.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DryRuns")]
pub(super) struct DryRunsOut {
    /// The records that would be taken.
    records: Vec<DryRunOut>,
    /// Records that are wrong.
    rejected: Vec<RejectedOut>,
}

/// A record that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Rejected")]
struct RejectedOut {
    /// The place in the call, from 0.
    index: usize,
    /// What to change.
    error: String,
}

/// What would become of one record.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DryRun")]
struct DryRunOut {
    /// The place in the call, from 0.
    index: usize,
    /// The record.
    record_id: String,
    /// The levels that it goes by.
    levels: LevelsOut,
    /// What the levels follow from, where the record came without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    detected: Option<DetectedOut>,
    /// What each automation makes of it, by their names.
    automations: Vec<OutlookOut>,
}

/// What one automation makes of a record.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Outlook")]
struct OutlookOut {
    /// The automation.
    automation_id: String,
    /// What people call it.
    name: String,
    /// Whether it fires.
    fires: bool,
    /// Why it does not fire; empty where it does.
    misses: Vec<MissOut>,
    /// The alert, where it fires.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<ProspectOut>,
}

/// One reason for which an automation does not fire.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Miss")]
struct MissOut {
    /// `inactive`; `filter`, where the record is none of those that the automation watches; or the level
    /// that is below its minimum: `escalation_level`, `emotional_intensity_level` or `sentiment_shift`.
    reason: &'static str,
    /// The minimum of that level.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<&'static str>,
    /// What the record has there, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'static str>,
}

/// The alert that would be made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Prospect")]
struct ProspectOut {
    /// Whether there would be no new alert, because this automation has one for this record already: in
    /// the store, or by an earlier record of the same call.
    duplicate: bool,
    /// The alert that is stored already.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_id: Option<String>,
    /// The body as text, byte for byte; `escalated_at` in it is the time of the dry run.
    body: String,
    /// The automation's integrations.
    integrations: Vec<WayOut>,
}

/// One integration of an automation that fires.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Way")]
struct WayOut {
    /// The integration.
    integration_id: String,
    /// What people call it.
    name: String,
    /// Whether the alert goes there: false where the integration's condition says otherwise.
    goes: bool,
    /// The Idempotency-Key of each request.
    idempotency_key: String,
}

/// Says what these records would do.
pub(super) async fn read(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json(&request, payload).await?;
    told(&body, &state).await
}

/// What the records of a call would do.
///
/// # Errors
/// What is wrong with the call as a whole, or what the store says.
pub(super) async fn told(body: &[u8], state: &WebState) -> Result<HttpResponse, Problem> {
    let Judged { taken, rejected } = records::judge(body, state).await?;
    let taken = state.engine.consult(taken).await;
    let runs = state.engine.dry_run(&taken.records).await.map_err(refused)?;
    let is_rejected = |index: &usize| rejected.iter().any(|(each, _)| each == index);
    let places = (0..).filter(|index| !is_rejected(index));
    let judged = runs.iter().zip(&taken.findings);
    let records = places
        .zip(judged)
        .map(|(index, (run, found))| DryRunOut::of(index, run, found.as_ref()))
        .collect();
    let rejected =
        rejected.into_iter().map(|(index, error)| RejectedOut { index, error }).collect();
    Ok(HttpResponse::Ok().json(DryRunsOut { records, rejected }))
}

impl DryRunOut {
    fn of(index: usize, run: &DryRun, found: Option<&Finding>) -> Self {
        Self {
            index,
            record_id: run.record_id.clone(),
            levels: LevelsOut::of(&run.levels),
            detected: found.map(DetectedOut::of),
            automations: run.automations.iter().map(OutlookOut::of).collect(),
        }
    }
}

impl OutlookOut {
    fn of(outlook: &Outlook) -> Self {
        let (misses, alert) = match &outlook.fate {
            Fate::Misses(misses) => (misses.iter().map(MissOut::of).collect(), None),
            Fate::Fires(prospect) => (Vec::new(), Some(ProspectOut::of(prospect))),
        };
        Self {
            automation_id: outlook.automation_id.to_string(),
            name: outlook.name.clone(),
            fires: alert.is_some(),
            misses,
            alert,
        }
    }
}

impl MissOut {
    fn of(miss: &Miss) -> Self {
        let level = |reason, least: &Level, found: &Level| Self {
            reason,
            minimum: Some(least.word()),
            found: Some(found.word()),
        };
        match miss {
            Miss::Inactive => Self { reason: "inactive", minimum: None, found: None },
            Miss::Filter => Self { reason: "filter", minimum: None, found: None },
            Miss::Escalation { least, found } => level("escalation_level", least, found),
            Miss::EmotionalIntensity { least, found } => {
                level("emotional_intensity_level", least, found)
            }
            Miss::SentimentShift { least, found } => Self {
                reason: "sentiment_shift",
                minimum: Some(least.word()),
                found: found.map(SentimentShift::word),
            },
        }
    }
}

impl ProspectOut {
    fn of(prospect: &Prospect) -> Self {
        let alert_id = match prospect.duplicate {
            Some(Duplicate::Stored(id)) => Some(id.to_string()),
            Some(Duplicate::SameCall) | None => None,
        };
        let way = |way: &Way| WayOut {
            integration_id: way.integration_id.to_string(),
            name: way.name.clone(),
            goes: way.goes,
            idempotency_key: way.idempotency_key.clone(),
        };
        Self {
            duplicate: prospect.duplicate.is_some(),
            alert_id,
            // It is JSON, and so it is text.
            body: String::from_utf8_lossy(prospect.body.bytes()).into_owned(),
            integrations: prospect.ways.iter().map(way).collect(),
        }
    }
}

/// The refusal for what the engine says.
pub(in crate::web) fn refused(error: DryRunError) -> Problem {
    match error {
        DryRunError::Store(error) => Problem::from(error),
        DryRunError::TooMuch(error) => {
            Problem::new(Code::TooLarge, format!("Send fewer records at once: {error}."))
        }
    }
}
