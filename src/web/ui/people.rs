//! People: who may sign in and as what, and adding somebody.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::form::Form;
use super::frame::{Frame, Place};
use super::new_password::{self, Errors, NewPassword};
use super::rights::{self, Choice};
use super::words::When;
use super::{html, once, see_other};
use crate::domain::id::UserId;
use crate::domain::limits::{PAGE_DEFAULT, SESSION_IDLE, SESSION_LIFE};
use crate::domain::secret::Secret;
use crate::store::UserRow;
use crate::web::WebState;
use crate::web::api::query::{Query, cursor};
use crate::web::api::users::{self, Added};
use crate::web::auth::{Admin, Caller, Who};
use crate::web::error::{Code, Problem};
use crate::web::password::user_name;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Option<String>,
    is_first: bool,
}

struct Row {
    id: String,
    name: String,
    role: String,
    /// Whether it is who looks.
    is_own: bool,
    created: When,
    last_sign_in: Option<When>,
    open: u64,
}

#[derive(Template)]
#[template(path = "person_new.html")]
struct NewPage {
    frame: Frame,
    once: String,
    name: String,
    roles: Vec<Choice>,
    is_made: bool,
    errors: Errors,
}

/// The page that shows a password once.
#[derive(Template)]
#[template(path = "password_shown.html")]
pub(super) struct ShownPage {
    pub(super) frame: Frame,
    pub(super) id: String,
    pub(super) name: String,
    /// The password; nothing where it was shown before.
    pub(super) password: Option<Secret>,
    pub(super) is_new: bool,
}

pub(super) async fn list(
    caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let _shown_by_the_frame = query.given("notice");
    let behind = query.place::<UserId>();
    let behind = query.end(behind)?;
    let is_first = behind.is_none();
    let mut people = state.reader.users(behind, PAGE_DEFAULT + 1).await?;
    let more = people.len() > PAGE_DEFAULT;
    people.truncate(PAGE_DEFAULT);
    let last = people.last().filter(|_| more);
    let next = last.map(|last| cursor(last.created_at, &last.id));
    let open = open_sign_ins(&state, people.iter().map(|each| each.id).collect()).await?;
    let own = own_id(&caller);
    let now = state.engine.now();
    let rows = people.into_iter().zip(open).map(|(each, open)| Row {
        is_own: own == Some(each.id),
        id: each.id.to_string(),
        name: each.name,
        role: each.role,
        created: When::of(each.created_at, now),
        last_sign_in: each.last_sign_in_at.map(|at| When::of(at, now)),
        open,
    });
    let rows = rows.collect();
    let frame = Frame::of(&caller, &request, Place::People, "People");
    html(&PeoplePage { frame, rows, next, is_first })
}

/// How many sign-ins of each of these people still count.
pub(super) async fn open_sign_ins(
    state: &WebState,
    people: Vec<UserId>,
) -> Result<Vec<u64>, Problem> {
    // What was used in the last minute may not be written down yet.
    state.callers.write_down(&state.store).await;
    let now = state.engine.now();
    let (begun, used) = (now.minus(SESSION_LIFE), now.minus(SESSION_IDLE));
    Ok(state.reader.open_sessions(people, begun, used).await?)
}

/// The caller's own id, where it is a person.
pub(super) fn own_id<R>(caller: &Caller<R>) -> Option<UserId> {
    match caller.who() {
        Who::User { user, .. } => Some(user.id),
        Who::Token { .. } => None,
    }
}

pub(super) async fn new(
    caller: Caller<Admin>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    html(&NewPage {
        frame: Frame::of(&caller, &request, Place::People, "Add person"),
        once: once::fresh()?,
        name: String::new(),
        roles: rights::roles("viewer"),
        is_made: true,
        errors: Vec::new(),
    })
}

pub(super) async fn add(
    caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let mut errors = Errors::new();
    let name = user_name(form.text("name")).map_err(|why| errors.push(("name", why))).ok();
    let role = users::role(form.text("role")).map_err(|why| errors.push(("role", why))).ok();
    let password = new_password::read(&form, &mut errors)?;
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let (Some(name), Some(role), Some(NewPassword { password, made }), true) =
        (name, role, password, errors.is_empty())
    {
        let typed = form.secret("password");
        let typed = if made.is_none() { typed.expose() } else { "" };
        let asked = [name.as_str(), role.word(), form.text("how"), typed];
        let key = once::of(&request, &form, &asked, &caller, &state);
        match users::add(&state, caller.actor(), (name, role, password), key).await {
            Ok(added) => return added_page(&caller, &request, added, made),
            Err(problem) => {
                status = problem.code().status();
                errors.push(refused(problem)?);
            }
        }
    }
    let mut answer = html(&NewPage {
        frame: Frame::of(&caller, &request, Place::People, "Add person"),
        once: once::fresh()?,
        name: form.text("name").to_owned(),
        roles: rights::roles(form.text("role")),
        is_made: new_password::is_made(&form),
        errors,
    })?;
    *answer.status_mut() = status;
    Ok(answer)
}

fn added_page(
    caller: &Caller<Admin>,
    request: &HttpRequest,
    added: Added,
    made: Option<Secret>,
) -> Result<HttpResponse, Problem> {
    let (row, is_new) = match added {
        Added::New(row) => (row, true),
        Added::Before(Some(row)) => (row, false),
        // Sent again after the person was removed: the list tells what is there.
        Added::Before(None) => return Ok(see_other("/people")),
    };
    if made.is_none() {
        return Ok(see_other("/people?notice=person-added"));
    }
    let UserRow { id, name, .. } = row;
    let frame = Frame::of(caller, request, Place::People, format!("Password of {name}"));
    html(&ShownPage { frame, id: id.to_string(), name, password: made.filter(|_| is_new), is_new })
}

/// What the form is told of a refusal, and at which field.
fn refused(problem: Problem) -> Result<(&'static str, String), Problem> {
    if problem.code() == Code::Conflict {
        Ok(("name", "is taken: choose another one".to_owned()))
    } else if problem.code() == Code::KeyReused {
        let words = "This form was sent before with other values, and added a person then. Send it again \
                     to add another one.";
        Ok(("", words.to_owned()))
    } else {
        Err(problem)
    }
}

impl NewPage {
    fn error(&self, field: &str) -> Option<&str> {
        new_password::find(&self.errors, field)
    }
}

impl PeoplePage {
    fn role(&self, word: &str) -> &'static str {
        crate::web::token::Right::from_word(word).map_or("", rights::name)
    }
}
