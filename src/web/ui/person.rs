//! One person: name and role, a new password, and removing.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::form::Form;
use super::frame::{Frame, Place};
use super::new_password::{self, Errors};
use super::people::{ShownPage, open_sign_ins, own_id};
use super::rights::{self, Choice};
use super::words::When;
use super::{audit, html, see_other};
use crate::domain::id::UserId;
use crate::store::UserRow;
use crate::web::WebState;
use crate::web::api::users::{self, Draft};
use crate::web::api::{id, view};
use crate::web::auth::{Admin, Caller};
use crate::web::error::{Code, Problem};
use crate::web::password::user_name;
use crate::web::token::Right;

const WHAT: &str = "person";

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    frame: Frame,
    id: String,
    /// As it is; what was typed stands in `typed`.
    name: String,
    role: &'static str,
    is_own: bool,
    created: When,
    last_sign_in: Option<When>,
    password_changed: When,
    open: u64,
    /// Where their acts are listed.
    acts: String,
    typed: String,
    roles: Vec<Choice>,
    is_made: bool,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "person_remove.html")]
struct RemovePage {
    frame: Frame,
    id: String,
    name: String,
    is_own: bool,
    open: u64,
    refused: Option<String>,
}

/// What was typed into one of the forms of the page.
struct Typed {
    name: String,
    role: String,
    is_made: bool,
    errors: Errors,
}

pub(super) async fn show(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let user = find(&state, &path).await?;
    let typed = Typed {
        name: user.name.clone(),
        role: user.role.clone(),
        is_made: true,
        errors: Vec::new(),
    };
    page(&caller, &state, &request, user, typed).await
}

async fn page(
    caller: &Caller<Admin>,
    state: &WebState,
    request: &HttpRequest,
    user: UserRow,
    typed: Typed,
) -> Result<HttpResponse, Problem> {
    let open = open_sign_ins(state, vec![user.id]).await?.first().copied().unwrap_or(0);
    let now = state.engine.now();
    html(&PersonPage {
        frame: Frame::of(caller, request, Place::People, user.name.as_str()),
        id: user.id.to_string(),
        is_own: own_id(caller) == Some(user.id),
        role: Right::from_word(&user.role).map_or("", rights::name),
        acts: audit::acts_of(&user.name),
        name: user.name,
        created: When::of(user.created_at, now),
        last_sign_in: user.last_sign_in_at.map(|at| When::of(at, now)),
        password_changed: When::of(user.password_changed_at, now),
        open,
        typed: typed.name,
        roles: rights::roles(&typed.role),
        is_made: typed.is_made,
        errors: typed.errors,
    })
}

/// Changes name and role.
pub(super) async fn change(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let user = find(&state, &path).await?;
    let mut errors = Errors::new();
    let name = user_name(form.text("name")).map_err(|why| errors.push(("name", why))).ok();
    let role = users::role(form.text("role")).map_err(|why| errors.push(("role", why))).ok();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let (Some(name), Some(role)) = (name, role) {
        let renamed = name != user.name;
        let moved = role.word() != user.role;
        let word = if moved { "person-changed" } else { "person-renamed" };
        if !renamed && !moved {
            return Ok(see_other(&format!("/people/{}", user.id)));
        }
        let draft =
            Draft { name: renamed.then_some(name), role: moved.then_some(role), password: None };
        match users::change(&state, caller.actor(), user.id, draft).await {
            Ok(_) => return Ok(see_other(&format!("/people/{}?notice={word}", user.id))),
            Err(problem) if problem.code() == Code::Conflict => {
                status = problem.code().status();
                errors.push(if moved {
                    ("", problem.detail().to_owned())
                } else {
                    ("name", "is taken: choose another one".to_owned())
                });
            }
            Err(problem) => return Err(problem),
        }
    }
    let typed = Typed {
        name: form.text("name").to_owned(),
        role: form.text("role").to_owned(),
        is_made: true,
        errors,
    };
    let mut answer = page(&caller, &state, &request, user, typed).await?;
    *answer.status_mut() = status;
    Ok(answer)
}

/// Sets a new password for somebody who lost theirs.
pub(super) async fn set_password(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let user = find(&state, &path).await?;
    let mut errors = Errors::new();
    let new = new_password::read(&form, &mut errors)?.filter(|_| errors.is_empty());
    let Some(new) = new else {
        let typed = Typed {
            name: user.name.clone(),
            role: user.role.clone(),
            is_made: new_password::is_made(&form),
            errors,
        };
        let mut answer = page(&caller, &state, &request, user, typed).await?;
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(answer);
    };
    let draft = Draft { password: Some(new.password), ..Draft::default() };
    let UserRow { id, name, .. } = users::change(&state, caller.actor(), user.id, draft).await?;
    if new.made.is_none() {
        return Ok(see_other(&format!("/people/{id}?notice=password-set")));
    }
    let frame = Frame::of(&caller, &request, Place::People, format!("Password of {name}"));
    html(&ShownPage { frame, id: id.to_string(), name, password: new.made, is_new: false })
}

/// Asks whether it is really meant, and says what happens then.
pub(super) async fn ask_remove(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let user = find(&state, &path).await?;
    remove_page(&caller, &state, &request, user, None).await
}

async fn remove_page(
    caller: &Caller<Admin>,
    state: &WebState,
    request: &HttpRequest,
    user: UserRow,
    refused: Option<String>,
) -> Result<HttpResponse, Problem> {
    let open = open_sign_ins(state, vec![user.id]).await?.first().copied().unwrap_or(0);
    let title = format!("Remove {}?", user.name);
    html(&RemovePage {
        frame: Frame::of(caller, request, Place::People, title),
        id: user.id.to_string(),
        is_own: own_id(caller) == Some(user.id),
        name: user.name,
        open,
        refused,
    })
}

pub(super) async fn remove(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let user = find(&state, &path).await?;
    match users::remove(&state, caller.actor(), user.id).await {
        Ok(()) => Ok(see_other("/people?notice=person-removed")),
        Err(problem) if problem.code() == Code::Conflict => {
            let words = Some(problem.detail().to_owned());
            let mut answer = remove_page(&caller, &state, &request, user, words).await?;
            *answer.status_mut() = problem.code().status();
            Ok(answer)
        }
        Err(problem) => Err(problem),
    }
}

async fn find(state: &WebState, path: &str) -> Result<UserRow, Problem> {
    let id: UserId = id(path, WHAT)?;
    let user = state.reader.user(id).await.map_err(|error| view::missing(error, WHAT))?;
    user.ok_or_else(|| Problem::not_found(WHAT))
}

impl PersonPage {
    fn error(&self, field: &str) -> Option<&str> {
        new_password::find(&self.errors, field)
    }
}
