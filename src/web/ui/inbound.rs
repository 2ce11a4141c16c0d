//! Inbound integrations: where other programs' feedback comes in. A key is shown once, in the answer to the form
//! that makes it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use super::form::Form;
use super::frame::{Frame, Place};
use super::words::When;
use super::{html, once, see_other};
use crate::domain::id::InboundId;
use crate::domain::limits::PAGE_DEFAULT;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::store::InboundRow;
use crate::web::WebState;
use crate::web::api::id;
use crate::web::api::inbound::{self, Made, WHAT};
use crate::web::api::query::{Query, cursor};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::{Code, FieldProblem, Problem};

#[derive(Template)]
#[template(path = "inbound.html")]
struct ListPage {
    frame: Frame,
    /// Where feeders post to.
    url: String,
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Option<String>,
    is_first: bool,
}

struct Row {
    id: String,
    name: String,
    org_id: String,
    link_field: Option<String>,
    created: When,
}

#[derive(Template)]
#[template(path = "inbound_new.html")]
struct NewPage {
    frame: Frame,
    once: String,
    name: String,
    org_id: String,
    link_field: String,
    /// What is wrong, by the field's pointer in JSON.
    errors: Vec<FieldProblem>,
}

#[derive(Template)]
#[template(path = "inbound_shown.html")]
struct ShownPage {
    frame: Frame,
    url: String,
    row: Row,
    /// The key; nothing where it was shown before.
    key: Option<Secret>,
}

#[derive(Template)]
#[template(path = "inbound_delete.html")]
struct DeletePage {
    frame: Frame,
    row: Row,
}

impl Row {
    fn of(row: InboundRow, now: Timestamp) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.feed.name,
            org_id: row.feed.org_id,
            link_field: row.feed.link_field,
            created: When::of(row.created_at, now),
        }
    }
}

pub(super) async fn list(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let _shown_by_the_frame = query.given("notice");
    let behind = query.place::<InboundId>();
    let behind = query.end(behind)?;
    let is_first = behind.is_none();
    let mut found = state.reader.inbounds(behind, PAGE_DEFAULT + 1).await?;
    let more = found.len() > PAGE_DEFAULT;
    found.truncate(PAGE_DEFAULT);
    let next = found.last().filter(|_| more).map(|last| cursor(last.created_at, &last.id));
    let now = state.engine.now();
    let rows = found.into_iter().map(|row| Row::of(row, now)).collect();
    let frame = Frame::of(&caller, &request, Place::Inbound, "Inbound");
    html(&ListPage { frame, url: state.site.feedback_url(), rows, next, is_first })
}

pub(super) async fn new(
    caller: Caller<Editor>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    html(&NewPage {
        frame: Frame::of(&caller, &request, Place::Inbound, "Make inbound integration"),
        once: once::fresh()?,
        name: String::new(),
        org_id: String::new(),
        link_field: String::new(),
        errors: Vec::new(),
    })
}

pub(super) async fn make(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let asked = ["name", "org_id", "link_field"].map(|field| form.text(field).trim());
    let [name, org_id, link_field] = asked;
    let link = Some(link_field).filter(|text| !text.is_empty());
    let call = json!({"name": name, "org_id": org_id, "link_field": link});
    let made = match inbound::draft(call) {
        Ok(feed) => {
            let key = once::of(&request, &form, &asked, &caller, &state);
            inbound::make(&state, caller.actor(), feed, key).await
        }
        Err(problem) => Err(problem),
    };
    let problem = match made {
        Ok(made) => {
            let (row, key) = match made {
                Made::New(row, key) => (row, Some(key)),
                Made::Before(row) => (row, None),
            };
            let frame = Frame::of(&caller, &request, Place::Inbound, "Inbound integration made");
            let (url, row) = (state.site.feedback_url(), Row::of(row, state.engine.now()));
            return html(&ShownPage { frame, url, row, key });
        }
        Err(problem) => problem,
    };
    let errors = if problem.code() == Code::Invalid {
        problem.errors().to_vec()
    } else if problem.code() == Code::KeyReused {
        let words = "This form was sent before with other values, and made one then. Send it again to \
                     make another one.";
        vec![FieldProblem::new("", words)]
    } else {
        return Err(problem);
    };
    let mut answer = html(&NewPage {
        frame: Frame::of(&caller, &request, Place::Inbound, "Make inbound integration"),
        once: once::fresh()?,
        name: name.to_owned(),
        org_id: org_id.to_owned(),
        link_field: link_field.to_owned(),
        errors,
    })?;
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(answer)
}

/// Asks whether it is really meant.
pub(super) async fn ask_delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let row = Row::of(inbound::find(&state, id(&path, WHAT)?).await?, state.engine.now());
    let title = format!("Delete {}?", row.name);
    html(&DeletePage { frame: Frame::of(&caller, &request, Place::Inbound, title), row })
}

pub(super) async fn delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Form::read(&request, payload).await?;
    inbound::remove(&state, caller.actor(), id(&path, WHAT)?).await?;
    Ok(see_other("/inbound?notice=inbound-deleted"))
}

impl NewPage {
    fn error(&self, pointer: &str) -> Option<&str> {
        let found = self.errors.iter().find(|each| each.pointer == pointer);
        found.map(|each| each.detail.as_str())
    }
}
