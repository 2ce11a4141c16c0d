//! Phrases of organisations: which there are, and one organisation's, to be changed and tried on the records
//! that came in last. Each press of a button sends the whole form and gets it back changed; only **Save
//! changes** stores anything.

mod draft;
mod page;
mod previewed;
mod words;

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::form::Form;
use super::frame::{Frame, Place};
use super::words::When;
use super::{html, see_other};
use crate::detect::Additions;
use crate::domain::limits::PAGE_DEFAULT;
use crate::domain::record::check_id;
use crate::engine::ports::PhraseEdit;
use crate::web::WebState;
use crate::web::api::phrases::{self, PhrasesOut};
use crate::web::api::phrases_in;
use crate::web::api::query::Query;
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::{Code, Problem};
use crate::web::json::Faults;
use draft::{Act, Draft};
use page::{Conflict, DeletePage, ListPage, Page, Row};
use previewed::Previewed;

/// Where an organisation's phrases are shown.
pub(super) fn path(org_id: &str) -> String {
    of("/phrases/organisation", org_id, None)
}

fn of(path: &str, org_id: &str, notice: Option<&str>) -> String {
    let pairs = [("org_id", org_id)].into_iter().chain(notice.map(|notice| ("notice", notice)));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.extend_pairs(pairs).finish())
}

/// The organisation that an address or a form names.
fn organisation(query: &str) -> Result<String, Problem> {
    let mut query = Query::of(query);
    let _shown_by_the_frame = query.given("notice");
    let org_id = query.given("org_id").unwrap_or_default();
    let org_id = query.end(org_id)?;
    check(&org_id)?;
    Ok(org_id)
}

fn check(org_id: &str) -> Result<(), Problem> {
    check_id("/org_id", org_id).map_err(|error| Problem::field(&error.pointer, error.message))
}

pub(super) async fn list(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let _shown_by_the_frame = query.given("notice");
    let behind = query.given("cursor").unwrap_or_default();
    let behind = query.end(behind)?;
    html(&listed(&caller, &state, &request, behind).await?)
}

async fn listed<R>(
    caller: &Caller<R>,
    state: &WebState,
    request: &HttpRequest,
    behind: String,
) -> Result<ListPage, Problem> {
    let is_first = behind.is_empty();
    let (found, next) = phrases::page(state, behind, PAGE_DEFAULT).await?;
    let now = state.engine.now();
    let row = |each: PhrasesOut| Row {
        path: path(&each.org_id),
        added: each.add.len(),
        excluded: each.exclude.len(),
        is_configured: each.configured.is_some(),
        is_unusable: each.problem.is_some(),
        updated: each.updated_at.and_then(|at| When::read(&at, now)),
        org_id: each.org_id,
    };
    let recent = state.engine.recent();
    let seen: BTreeSet<&str> = recent.iter().map(|seen| seen.record.org_id.as_str()).collect();
    let next = next.map(|next| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("/phrases?{}", query.append_pair("cursor", &next).finish())
    });
    Ok(ListPage {
        frame: Frame::of(caller, request, Place::Phrases, "Phrases"),
        rows: found.into_iter().map(row).collect(),
        next,
        is_first,
        seen: seen.into_iter().map(str::to_owned).collect(),
        asked: String::new(),
        error: None,
    })
}

pub(super) async fn show(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let org_id = match organisation(request.query_string()) {
        Ok(org_id) => org_id,
        Err(problem) => {
            let first = problem.errors().first();
            let error = first.map(|first| format!("Organisation {}.", first.detail));
            let page = listed(&caller, &state, &request, String::new()).await?;
            let mut query = url::form_urlencoded::parse(request.query_string().as_bytes());
            let asked = query.find(|(name, _)| name == "org_id");
            let asked = asked.map(|(_, asked)| asked.into_owned()).unwrap_or_default();
            let mut answer = html(&ListPage { error, asked, ..page })?;
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(answer);
        }
    };
    let stored = phrases::find(&state, org_id).await?;
    html(&Page::of(&caller, &request, Draft::of(&stored), stored, &state))
}

pub(super) async fn post(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let act = Act::of(form.text("do"));
    let mut draft = Draft::read(&form);
    check(&draft.org_id)?;
    let focus = draft.carry_out(act);
    let stored = phrases::find(&state, draft.org_id.clone()).await?;
    let visit = Visit { caller: &caller, state: &state, request: &request, stored };
    match act {
        Act::Add | Act::Drop(_) | Act::Refresh => html(&Page { focus, ..visit.page(draft) }),
        Act::Save => match read(&draft) {
            Ok(additions) => visit.save(draft, additions).await,
            Err(problem) => visit.wrong(draft, problem, StatusCode::UNPROCESSABLE_ENTITY),
        },
        // Part of a page is exchanged where there is a script, and only for an answer that is no refusal.
        Act::Preview => match read(&draft) {
            Ok(additions) => visit.preview(draft, additions).await,
            Err(problem) => visit.wrong(draft, problem, StatusCode::OK),
        },
    }
}

fn read(draft: &Draft) -> Result<Additions, Problem> {
    let mut faults = Faults::default();
    let read = phrases_in::read(draft.json(), &mut faults);
    faults.none_or(read)
}

/// One request to the form.
struct Visit<'a> {
    caller: &'a Caller<Editor>,
    state: &'a Data<WebState>,
    request: &'a HttpRequest,
    stored: PhrasesOut,
}

impl Visit<'_> {
    fn page(&self, draft: Draft) -> Page {
        let page = Page::of(self.caller, self.request, draft, self.stored.clone(), self.state);
        Page { is_dirty: true, ..page }
    }

    /// What is wrong is told at the fields that say it; what is wrong beside them is no page.
    fn wrong(
        &self,
        draft: Draft,
        problem: Problem,
        status: StatusCode,
    ) -> Result<HttpResponse, Problem> {
        let errors = if problem.code() == Code::Invalid {
            draft.in_form(problem.errors())
        } else if problem.code() == Code::Conflict {
            vec![(String::new(), problem.detail().to_owned())]
        } else {
            return Err(problem);
        };
        let focus = errors.first().map(|(field, _)| field.clone());
        let mut answer = html(&Page { errors, focus, ..self.page(draft) })?;
        *answer.status_mut() = status;
        Ok(answer)
    }

    async fn preview(&self, draft: Draft, additions: Additions) -> Result<HttpResponse, Problem> {
        let org_id = draft.org_id.clone();
        let preview = self.state.engine.preview_phrases(org_id, additions).await;
        let preview = preview.map_err(phrases::refused)?;
        let previewed = Some(Previewed::of(&preview, self.state.engine.now()));
        html(&Page { previewed, ..self.page(draft) })
    }

    async fn save(&self, draft: Draft, additions: Additions) -> Result<HttpResponse, Problem> {
        let org_id = draft.org_id.clone();
        let expected = Some(draft.version);
        let edit = PhraseEdit { org_id: org_id.clone(), becomes: Some(additions), expected };
        match phrases::put(self.state, self.caller.actor(), edit).await {
            Ok(_) => Ok(see_other(&of("/phrases/organisation", &org_id, Some("phrases-saved")))),
            Err(problem) if problem.code() == Code::Stale => self.conflict(draft).await,
            Err(problem) => self.wrong(draft, problem, StatusCode::CONFLICT),
        }
    }

    /// Somebody else has saved meanwhile: both versions side by side, and nothing lost.
    async fn conflict(&self, draft: Draft) -> Result<HttpResponse, Problem> {
        let current = phrases::find(self.state, draft.org_id.clone()).await?;
        let rows = draft.beside(&Draft::of(&current));
        let title = format!("The phrases of {} were changed meanwhile", draft.org_id);
        let mut answer = html(&Conflict {
            frame: Frame::of(self.caller, self.request, Place::Phrases, title),
            back: path(&draft.org_id),
            rows,
            fields: Draft { version: current.version, ..draft }.fields(),
        })?;
        *answer.status_mut() = StatusCode::CONFLICT;
        Ok(answer)
    }
}

/// Asks whether it is really meant.
pub(super) async fn ask_delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let stored = phrases::find(&state, organisation(request.query_string())?).await?;
    if stored.version == 0 {
        return Ok(see_other("/phrases"));
    }
    let title = format!("Delete the phrases of {}?", stored.org_id);
    let frame = Frame::of(&caller, &request, Place::Phrases, title);
    html(&DeletePage { frame, back: path(&stored.org_id), stored })
}

pub(super) async fn delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let org_id = form.text("org_id").to_owned();
    check(&org_id)?;
    // What was shown is what is deleted: what somebody else has changed meanwhile is asked about again.
    let expected = Some(form.text("version").parse().unwrap_or(0));
    let edit = PhraseEdit { org_id: org_id.clone(), becomes: None, expected };
    match phrases::put(&state, caller.actor(), edit).await {
        Ok(_) => Ok(see_other("/phrases?notice=phrases-deleted")),
        Err(problem) if problem.code() == Code::Stale => {
            Ok(see_other(&of("/phrases/delete", &org_id, None)))
        }
        Err(problem) => Err(problem),
    }
}
