//! What organisations add to the detector's phrases, and what they exclude: replaced whole, and tried on
//! the records that came in last.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::query::Query;
use super::version::{Seen, etag, seen};
use super::view::missing;
use super::{Page, phrases_in};
use crate::detect::Additions;
use crate::domain::record::check_id;
use crate::engine::PhrasesError;
use crate::engine::ports::{Actor, PhraseEdit, StoreError, StoredPhrases};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::Problem;
use crate::web::json::{self, Faults};
use crate::web::{WebState, body};

const WHAT: &str = "organisation with phrases of its own";

/// The phrases of an organisation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Phrases")]
pub(in crate::web) struct PhrasesOut {
    /// The organisation, as the `org_id` of its records.
    pub(in crate::web) org_id: String,
    /// Phrases to look for.
    pub(in crate::web) add: Vec<AdditionOut>,
    /// Phrases that mean nothing; what is found within them does not count.
    pub(in crate::web) exclude: Vec<String>,
    /// The version, as in the ETag; 0 where none are stored.
    pub(in crate::web) version: i64,
    /// When they were last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) updated_at: Option<String>,
    /// What the configuration gives the organisation. It counts beside what is stored, and is changed there
    /// alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) configured: Option<AdditionsOut>,
    /// Why what is stored can't be used. Its records are judged without it until it is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) problem: Option<String>,
}

/// Phrases that are added, and phrases that are excluded.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Additions")]
pub(in crate::web) struct AdditionsOut {
    /// Phrases to look for.
    #[serde(default)]
    pub(in crate::web) add: Vec<AdditionOut>,
    /// Phrases that mean nothing.
    #[serde(default)]
    pub(in crate::web) exclude: Vec<String>,
}

/// A phrase to look for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Addition")]
pub(in crate::web) struct AdditionOut {
    /// What it tells, as in the evidence of a dry run: `legal`, say.
    pub(in crate::web) family: String,
    /// How much it tells, above 0 and up to 1.
    pub(in crate::web) weight: f64,
    /// The words.
    pub(in crate::web) phrase: String,
}

impl AdditionsOut {
    fn of(additions: Additions) -> Self {
        let add = additions.add.into_iter().map(|each| AdditionOut {
            family: each.family.word().to_owned(),
            weight: each.weight,
            phrase: each.phrase,
        });
        Self { add: add.collect(), exclude: additions.exclude }
    }
}

impl PhrasesOut {
    fn of(org_id: String, stored: Option<StoredPhrases>, state: &WebState) -> Self {
        let configured = state.engine.configured_phrases(&org_id).map(AdditionsOut::of);
        let problem = state.engine.unusable_phrases(&org_id);
        let Some(stored) = stored else {
            let (add, exclude) = (Vec::new(), Vec::new());
            return Self {
                org_id,
                add,
                exclude,
                version: 0,
                updated_at: None,
                configured,
                problem,
            };
        };
        // What another version wrote is shown as far as it is of this form; the engine says what is wrong.
        let AdditionsOut { add, exclude } =
            serde_json::from_str(&stored.additions).unwrap_or_default();
        let (version, updated_at) = (stored.version, Some(stored.updated_at.to_string()));
        Self { org_id, add, exclude, version, updated_at, configured, problem }
    }

    /// Whether there are any, wherever they come from.
    fn is_there(&self) -> bool {
        self.version > 0 || self.configured.is_some()
    }
}

pub(super) async fn list(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit();
    let behind = query.given("cursor").unwrap_or_default();
    let behind = query.end(behind)?;
    let (data, next) = page(&state, behind, limit).await?;
    Ok(HttpResponse::Ok().json(Page { data, next_cursor: next }))
}

/// Organisations with phrases of their own, behind that one, and the one that the next page begins behind.
///
/// # Errors
/// What the store says.
pub(in crate::web) async fn page(
    state: &WebState,
    behind: String,
    limit: usize,
) -> Result<(Vec<PhrasesOut>, Option<String>), Problem> {
    let limit = limit.saturating_add(1);
    let names = state.engine.configured_organisations(&behind, limit);
    let mut stored = state.reader.phrases_behind(behind, limit).await?;
    let mut all: Vec<(String, Option<StoredPhrases>)> =
        names.into_iter().map(|org_id| (org_id, None)).collect();
    all.retain(|(org_id, _)| stored.iter().all(|each| each.org_id != *org_id));
    all.extend(stored.drain(..).map(|each| (each.org_id.clone(), Some(each))));
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let more = all.len() >= limit;
    all.truncate(limit.saturating_sub(1));
    let next = all.last().filter(|_| more).map(|(org_id, _)| org_id.clone());
    let shown = all.into_iter().map(|(org_id, stored)| PhrasesOut::of(org_id, stored, state));
    Ok((shown.collect(), next))
}

pub(super) async fn read(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = find(&state, organisation(path)?).await?;
    if !found.is_there() {
        return Err(Problem::not_found(WHAT));
    }
    Ok(HttpResponse::Ok().insert_header(etag(found.version)).json(found))
}

pub(super) async fn replace(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let org_id = organisation(path)?;
    let said = seen(&request)?;
    let additions = additions(&body::json(&request, payload).await?)?;
    let before = find(&state, org_id.clone()).await?;
    let expected = match said {
        // Nobody's phrases are there to be overwritten.
        Seen::Unsaid if before.version == 0 => Some(0),
        Seen::Unsaid | Seen::Version(_) => said.required()?,
        Seen::Any if before.version == 0 => return Err(stale(before)),
        Seen::Any => None,
    };
    if expected.is_some_and(|expected| expected != before.version) {
        return Err(stale(before));
    }
    let edit = PhraseEdit { org_id, becomes: Some(additions), expected };
    let after = put(&state, caller.actor(), edit).await?;
    let status = if before.version == 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).insert_header(etag(after.version)).json(after))
}

pub(super) async fn delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let org_id = organisation(path)?;
    let expected = seen(&request)?.expected();
    put(&state, caller.actor(), PhraseEdit { org_id, becomes: None, expected }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a body says that the phrases shall be.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn additions(body: &[u8]) -> Result<Additions, Problem> {
    let mut faults = Faults::default();
    let read = phrases_in::read(json::parse(body)?, &mut faults);
    faults.none_or(read)
}

/// Carries a change out, to its end: a caller who hangs up midway must not leave the engine with phrases
/// that the store no longer has.
///
/// # Errors
/// 412 with what is there now, where that is not what the caller has seen; what the store says.
pub(in crate::web) async fn put(
    state: &WebState,
    by: Actor,
    edit: PhraseEdit,
) -> Result<PhrasesOut, Problem> {
    let (engine, org_id) = (state.engine.clone(), edit.org_id.clone());
    let changing = actix_web::rt::spawn(async move { engine.change_phrases(edit, by).await });
    match changing.await.unwrap_or(Err(StoreError::Stopped.into())) {
        Ok(_) => find(state, org_id).await,
        Err(PhrasesError::Store(StoreError::Stale { .. })) => {
            Err(stale(find(state, org_id).await?))
        }
        Err(error) => Err(refused(error)),
    }
}

/// The refusal for what the engine says.
pub(in crate::web) fn refused(error: PhrasesError) -> Problem {
    match error {
        PhrasesError::Store(error) => missing(error, WHAT),
        PhrasesError::Additions(error) => Problem::field(&error.pointer, error.problem),
    }
}

/// The refusal of a change that is based on an old version, with the present one.
fn stale(current: PhrasesOut) -> Problem {
    let problem = Problem::stale(current.version);
    problem.with_current(serde_json::to_value(current).unwrap_or_default())
}

/// The phrases of an organisation; none stored and none configured are phrases, too.
///
/// # Errors
/// What the store says.
pub(in crate::web) async fn find(state: &WebState, org_id: String) -> Result<PhrasesOut, Problem> {
    let stored = state.reader.phrases_of(org_id.clone()).await?;
    Ok(PhrasesOut::of(org_id, stored, state))
}

/// The organisation in an address. What can be no record's `org_id` names nothing.
///
/// # Errors
/// 404.
pub(super) fn organisation(path: Path<String>) -> Result<String, Problem> {
    let org_id = path.into_inner();
    check_id("", &org_id).map_err(|_| Problem::not_found(WHAT))?;
    Ok(org_id)
}
