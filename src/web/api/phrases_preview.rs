//! `POST /v1/phrases/{id}/preview`: what other phrases would make of the organisation's records that came
//! in last. Nothing is stored or sent.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;

use super::evidence_out::{EvidenceOut, LevelsOut};
use super::phrases::{additions, organisation, refused};
use crate::domain::id::AutomationId;
use crate::engine::{PhrasePreview, PreviewedRecord};
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;
use crate::web::{WebState, body};

/// What the phrases would make of the records that came in last.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PhrasesPreview")]
pub(super) struct PreviewOut {
    /// Records that were judged anew: each alone, without what was said earlier in its conversation.
    looked_at: usize,
    /// Records of the organisation that came with levels, which no phrase changes.
    came_with_levels: usize,
    /// Older records, which a preview does not reach.
    not_reached: usize,
    /// Those that would be judged otherwise, or for other reasons; newest first.
    records: Vec<RecordOut>,
}

/// A record that would be judged otherwise.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PreviewedRecord")]
struct RecordOut {
    /// The record.
    record_id: String,
    /// When it came in.
    at: String,
    /// The levels by the phrases in force now.
    before: LevelsOut,
    /// The levels by those of this call.
    after: LevelsOut,
    /// Reasons that are new.
    came: Vec<EvidenceOut>,
    /// Reasons that count no more, such as what an exclusion takes away.
    went: Vec<EvidenceOut>,
    /// Automations that would fire and don't now.
    fires: Vec<NamedOut>,
    /// Automations that fire now and would not.
    falls_silent: Vec<NamedOut>,
}

/// An automation by its name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NamedAutomation")]
struct NamedOut {
    /// The automation.
    automation_id: String,
    /// What people call it.
    name: String,
}

pub(super) async fn show(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let org_id = organisation(path)?;
    let additions = additions(&body::json(&request, payload).await?)?;
    let preview = state.engine.preview_phrases(org_id, additions).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(PreviewOut::of(&preview)))
}

impl PreviewOut {
    fn of(preview: &PhrasePreview) -> Self {
        Self {
            looked_at: preview.looked_at,
            came_with_levels: preview.came_with_levels,
            not_reached: preview.not_reached,
            records: preview.records.iter().map(RecordOut::of).collect(),
        }
    }
}

impl RecordOut {
    fn of(previewed: &PreviewedRecord) -> Self {
        let PreviewedRecord { seen, comparison, fires, falls_silent } = previewed;
        let named = |all: &[(AutomationId, String)]| {
            let each = |(id, name): &(AutomationId, String)| NamedOut {
                automation_id: id.to_string(),
                name: name.clone(),
            };
            all.iter().map(each).collect()
        };
        Self {
            record_id: seen.record.id.clone(),
            at: seen.at.to_string(),
            before: LevelsOut::of(&comparison.before),
            after: LevelsOut::of(&comparison.after),
            came: comparison.came.iter().map(EvidenceOut::of).collect(),
            went: comparison.went.iter().map(EvidenceOut::of).collect(),
            fires: named(fires),
            falls_silent: named(falls_silent),
        }
    }
}
