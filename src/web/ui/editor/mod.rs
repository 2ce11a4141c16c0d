//! The editor of automations. Each press of a button sends the whole form and gets it back changed; only
//! **Save changes** stores anything. The rules are the API's: what a form says is made into what the API takes.

mod conflict;
mod credential;
mod destination;
mod draft;
mod hygiene;
mod inbound;
mod page;
mod rows;
#[cfg(test)]
mod tests;
pub(super) mod words;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::form::Form;
use super::frame::{Frame, Place};
use super::{html, see_other};
use crate::domain::automation::Automation;
use crate::domain::condition::{Suggested, suggestions};
use crate::domain::id::AutomationId;
use crate::engine::ports::StoreError;
use crate::web::WebState;
use crate::web::api::plan::{Fresh, Plan, plan};
use crate::web::api::preview::{preview, stand_in};
use crate::web::api::query::Query;
use crate::web::api::view::{self, missing};
use crate::web::api::{automation_in, change, id, target_in};
use crate::web::auth::{Caller, Editor};
use crate::web::error::{Code, Problem};
use crate::web::json::Faults;
use credential::Desk;
use destination::Stage;
use draft::{Act, Draft, at, in_form};
use inbound::Listening;
use page::{Message, Page, Tried, TriedRow};
use rows::METADATA;

const WHAT: &str = "automation";
/// Stands for a name where the rest is looked at; it is never stored.
const STAND_IN: &str = "?";

/// One request to the editor.
struct Visit<'a> {
    caller: &'a Caller<Editor>,
    state: &'a Data<WebState>,
    request: &'a HttpRequest,
    /// The automation that is edited; none where a new one is made.
    id: Option<AutomationId>,
}

pub(super) async fn new(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let from = query.parsed::<AutomationId>("from", "is not the id of an automation");
    let draft = match query.end(from)? {
        None => Draft::new(),
        Some(id) => Draft::copy_of(&view::automation(&state, id).await?.automation),
    };
    let visit = Visit { caller: &caller, state: &state, request: &request, id: None };
    html(&visit.page(draft, false).await)
}

pub(super) async fn edit(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = id(&path, WHAT)?;
    let automation = view::automation(&state, id).await?.automation;
    let visit = Visit { caller: &caller, state: &state, request: &request, id: Some(id) };
    html(&visit.page(Draft::of(&automation), false).await)
}

pub(super) async fn post_new(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let visit = Visit { caller: &caller, state: &state, request: &request, id: None };
    visit.post(payload).await
}

pub(super) async fn post(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id = Some(id(&path, WHAT)?);
    Visit { caller: &caller, state: &state, request: &request, id }.post(payload).await
}

impl Visit<'_> {
    async fn post(&self, payload: Payload) -> Result<HttpResponse, Problem> {
        let form = Form::read(self.request, payload).await?;
        let mut draft = Draft::read(&form, &self.desk())?;
        let act = Act::of(form.text("do"));
        draft.carry_out(&act);
        match act {
            Act::Save => self.save(draft).await,
            Act::Apply(index) => self.apply(draft, index).await,
            Act::Try => self.try_out(draft).await,
            Act::Preview(index) => self.preview(draft, index).await,
            Act::Add(_) => {
                let last = draft.destinations.len().saturating_sub(1);
                self.shown(draft, Some(format!("{}/url", at(last)))).await
            }
            Act::Open(index) => self.shown(draft, Some(format!("{}/url", at(index)))).await,
            Act::Replace(index) => {
                self.shown(draft, Some(format!("{}/auth/credential", at(index)))).await
            }
            Act::ReplaceInbound => {
                self.shown(draft, Some(format!("{}/credential", inbound::AT))).await
            }
            Act::ForgetInbound => self.shown(draft, Some(format!("{}/method", inbound::AT))).await,
            Act::Remove(_) => self.shown(draft, Some("add".to_owned())).await,
            Act::Forget(index) => {
                self.shown(draft, Some(format!("{}/auth/method", at(index)))).await
            }
            Act::AddRow(_) | Act::AddGroup(_) | Act::Drop(_) => {
                let focus = draft.after(&act);
                self.shown(draft, focus).await
            }
            Act::Refresh => self.shown(draft, None).await,
        }
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            sealer: self.state.engine.sealer(),
            who: self.caller.identity(),
            now: self.state.engine.now(),
        }
    }

    fn path(&self) -> String {
        self.id
            .map_or_else(|| "/automations/new".to_owned(), |id| format!("/automations/{id}/edit"))
    }

    async fn page(&self, draft: Draft, dirty: bool) -> Page {
        let title = match self.id {
            None => "New automation".to_owned(),
            Some(_) if draft.name.is_empty() => "Edit".to_owned(),
            Some(_) => format!("Edit {}", draft.name),
        };
        Page {
            frame: Frame::of(self.caller, self.request, Place::Automations, title),
            path: self.path(),
            back: self
                .id
                .map_or_else(|| "/automations".to_owned(), |id| format!("/automations/{id}")),
            inbound_url: self.id.map(|id| self.state.site.inbound_url(id)),
            draft,
            dirty,
            errors: Vec::new(),
            focus: None,
            suggestions: self.suggestions(),
            tried: None,
            previewed: None,
        }
    }

    async fn shown(&self, draft: Draft, focus: Option<String>) -> Result<HttpResponse, Problem> {
        html(&Page { focus, ..self.page(draft, true).await })
    }

    /// What the draft comes to, or what is wrong with it, by the fields of the form.
    fn planned(
        &self,
        draft: &Draft,
        old: Option<&Automation>,
    ) -> Result<Result<Plan, Vec<(String, String)>>, Problem> {
        // Without a name nothing else would be looked at: what is wrong there is told beside it.
        let unnamed = draft.name.is_empty();
        let named = Draft { name: STAND_IN.to_owned(), ..draft.clone() };
        let (value, places) = if unnamed { &named } else { draft }.json(&self.desk());
        let mut faults = Faults::default();
        if unnamed {
            faults.add("/name", "is empty: give it a name");
        }
        let read = automation_in::read(value, "", &mut faults);
        let planned = read.map(|read| plan(read, old, self.state, &mut faults));
        match faults.none_or(planned) {
            Ok(plan) => Ok(Ok(plan)),
            Err(problem) if problem.code() == Code::Invalid => {
                Ok(Err(in_form(problem.errors(), &places)))
            }
            Err(problem) => Err(problem),
        }
    }

    async fn old(&self) -> Result<Option<Automation>, Problem> {
        match self.id {
            None => Ok(None),
            Some(id) => Ok(Some(view::automation(self.state, id).await?.automation)),
        }
    }

    /// **Add webhook** in the fields of a webhook, and the like: into the list with it, if nothing in it is wrong.
    async fn apply(&self, mut draft: Draft, index: usize) -> Result<HttpResponse, Problem> {
        let old = self.old().await?;
        let place = format!("{}/", at(index));
        let errors: Vec<_> = match self.planned(&draft, old.as_ref())? {
            Ok(_) => Vec::new(),
            Err(all) => all.into_iter().filter(|(field, _)| field.starts_with(&place)).collect(),
        };
        if errors.is_empty() {
            if let Some(destination) = draft.destinations.get_mut(index) {
                destination.stage = Stage::Closed;
            }
            return self.shown(draft, Some(at(index))).await;
        }
        let focus = errors.first().map(|(field, _)| field.clone());
        html(&Page { errors, focus, ..self.page(draft, true).await })
    }

    /// **Preview message**: what an alert looks like there.
    async fn preview(&self, draft: Draft, index: usize) -> Result<HttpResponse, Problem> {
        let Some(destination) = draft.destinations.get(index) else {
            return self.shown(draft, None).await;
        };
        let place = format!("{}/template", at(index));
        let mut faults = Faults::default();
        let template = destination.template_json().map(|(_, template)| template);
        let templates = target_in::templates(template, &place, &mut faults);
        let target = templates.and_then(|templates| stand_in(destination.kind, templates));
        let target = match faults.none_or(target) {
            Ok(target) => target,
            Err(problem) => {
                let errors = in_form(problem.errors(), &[]);
                let focus = errors.first().map(|(field, _)| field.clone());
                return html(&Page { errors, focus, ..self.page(draft, true).await });
            }
        };
        let name = if draft.name.is_empty() { STAND_IN } else { &draft.name };
        let message = Message::of(preview(self.state, target, name, None)?);
        html(&Page { previewed: Some((index, message)), ..self.page(draft, true).await })
    }

    async fn save(&self, mut draft: Draft) -> Result<HttpResponse, Problem> {
        // Fields that were opened and never touched are no destination.
        draft.destinations.retain(|each| !each.is_untouched());
        let old = self.old().await?;
        if let (Some(old), Some(version)) = (&old, draft.version)
            && old.version != version
        {
            return self.conflict(draft, old);
        }
        let plan = match self.planned(&draft, old.as_ref())? {
            Ok(plan) => plan,
            Err(errors) => {
                let focus = errors.first().map(|(field, _)| field.clone());
                let mut refused = html(&Page { errors, focus, ..self.page(draft, true).await })?;
                *refused.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
                return Ok(refused);
            }
        };
        let (ready, fresh) = plan.seal(self.state)?;
        let (id, listening) = (ready.automation.id, draft.listening);
        let edit = match old {
            None => ready.create(None),
            Some(_) => ready.replace(draft.version),
        };
        match change(self.state, edit, self.caller.actor()).await {
            Ok(_) => self.saved(id, listening, &fresh).await,
            Err(StoreError::Stale { .. }) => {
                let current = view::automation(self.state, id).await?.automation;
                self.conflict(draft, &current)
            }
            Err(error) => Err(missing(error, WHAT)),
        }
    }

    async fn saved(
        &self,
        id: AutomationId,
        listening: Listening,
        fresh: &Fresh,
    ) -> Result<HttpResponse, Problem> {
        if fresh.is_empty() {
            let word = match (self.id, listening) {
                (Some(_), _) => "saved",
                (None, Listening::Records) => "created",
                (None, Listening::Relay) => "created-relay",
            };
            return Ok(see_other(&format!("/automations/{id}?notice={word}")));
        }
        let automation = view::automation(self.state, id).await?.automation;
        let frame = Frame::of(self.caller, self.request, Place::Automations, "Signing secrets");
        html(&conflict::Secrets::of(frame, &automation, fresh))
    }

    fn conflict(&self, draft: Draft, current: &Automation) -> Result<HttpResponse, Problem> {
        let frame = Frame::of(
            self.caller,
            self.request,
            Place::Automations,
            format!("{} was changed meanwhile", current.name),
        );
        let mine = draft.json(&self.desk()).0;
        let mut answer = html(&conflict::Conflict::of(
            frame,
            self.path(),
            draft,
            &mine,
            current,
            &self.state.site,
        ))?;
        *answer.status_mut() = StatusCode::CONFLICT;
        Ok(answer)
    }

    /// What recent records have in the fields that take any text.
    fn suggestions(&self) -> Vec<(String, Vec<String>)> {
        let recent = self.state.engine.recent();
        let suggested = suggestions(recent.iter().map(|seen| (&seen.record, &seen.levels)));
        let metadata = suggested
            .iter()
            .filter_map(|each| each.field.strip_prefix("metadata.").map(str::to_owned))
            .collect();
        let values = |each: &Suggested| -> Vec<String> {
            each.values
                .iter()
                .map(|each| {
                    let text = each.value.as_str().map(str::to_owned);
                    text.unwrap_or_else(|| each.value.to_string())
                })
                .collect()
        };
        let mut all: Vec<_> =
            suggested.iter().map(|each| (each.field.clone(), values(each))).collect();
        all.push((METADATA.to_owned(), metadata));
        all.retain(|(_, values)| !values.is_empty());
        all
    }

    /// **Try the filter**: which of the records that came in last would have fired.
    async fn try_out(&self, draft: Draft) -> Result<HttpResponse, Problem> {
        // Where alerts go does not matter for that, and must not stand in its way.
        let alone = Draft {
            name: STAND_IN.to_owned(),
            destinations: Vec::new(),
            active: true,
            listening: Listening::Records,
            ..draft.clone()
        };
        let plan = match self.planned(&alone, None)? {
            Ok(plan) => plan,
            Err(errors) => {
                let focus = errors.first().map(|(field, _)| field.clone());
                return html(&Page { errors, focus, ..self.page(draft, true).await });
            }
        };
        let recent = self.state.engine.recent();
        let now = self.state.engine.now();
        let tried = plan
            .automation
            .draft()
            .map_or_else(Vec::new, |draft| draft.try_on(recent.iter().map(AsRef::as_ref)));
        let rows: Vec<_> = tried.iter().rev().map(|each| TriedRow::of(each, now)).collect();
        let fired = rows.iter().filter(|row| row.fires).count();
        let tried = Some(Tried { fired, rows });
        html(&Page { tried, ..self.page(draft, true).await })
    }
}
