//! Signing in and out, the first password, and the own one.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::form::Form;
use super::frame::{Frame, Place};
use super::{assets, html, see_other};
use crate::web::WebState;
use crate::web::auth::{Anybody, Caller};
use crate::web::error::{Code, Problem};
use crate::web::password::Password;
use crate::web::sign_in::{self, Visitor};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    assets: &'a str,
    title: &'static str,
    name: &'a str,
    next: &'a str,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    assets: &'a str,
    title: &'static str,
    name: &'a str,
    /// What is wrong, by field; under the empty name what is wrong with all of it.
    errors: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    errors: Vec<(&'static str, String)>,
}

const AGAIN: &str = "differs from the one above: type the same password twice";

pub(super) async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let query = Form::of(request.query_string().as_bytes())?;
    html(&SignInPage {
        assets: assets::VERSION.as_str(),
        title: "Sign in",
        name: "",
        next: next(query.text("next")),
        error: None,
    })
}

/// A place of ours to go on to; anything else is where one begins.
fn next(asked: &str) -> &str {
    let ours = asked.starts_with('/')
        && !asked.starts_with("//")
        && !asked.starts_with("/sign-")
        && !asked.contains('\\')
        && !asked.chars().any(char::is_control);
    if ours { asked } else { "/" }
}

pub(super) async fn sign_in(
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let visitor = Visitor::of(&request, &state)?;
    let form = Form::read(&request, payload).await?;
    let (name, next) = (form.text("name").trim(), next(form.text("next")));
    match sign_in::sign_in(&state, &visitor, name, &form.secret("password")).await {
        Ok(signed_in) => {
            let mut answer = see_other(next);
            answer.headers_mut().insert(header::SET_COOKIE, signed_in.cookie);
            Ok(answer)
        }
        Err(problem) if is_for_the_form(&problem) => {
            let mut answer = html(&SignInPage {
                assets: assets::VERSION.as_str(),
                title: "Sign in",
                name,
                next,
                error: Some(problem.detail().to_owned()),
            })?;
            refuse(&mut answer, &problem);
            Ok(answer)
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn sign_out(
    caller: Caller<Anybody>,
    state: Data<WebState>,
) -> Result<HttpResponse, Problem> {
    let gone = sign_in::sign_out(&state, &caller).await?;
    let mut answer = see_other("/sign-in");
    answer.headers_mut().insert(header::SET_COOKIE, gone);
    Ok(answer)
}

pub(super) async fn welcome() -> Result<HttpResponse, Problem> {
    html(&WelcomePage {
        assets: assets::VERSION.as_str(),
        title: "Welcome",
        name: "admin",
        errors: Vec::new(),
    })
}

/// The first password: the link's code makes an admin, who is signed in at once.
pub(super) async fn first(
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let visitor = Visitor::of(&request, &state)?;
    let form = Form::read(&request, payload).await?;
    let name = form.text("name").trim();
    let mut errors = Vec::new();
    if name.is_empty() {
        errors.push(("name", "is empty: choose a name to sign in with".to_owned()));
    }
    let password = new_password(&form, &mut errors);
    let mut refused = None;
    if let (Some(password), true) = (password, errors.is_empty()) {
        let done =
            sign_in::first(&state, &visitor, &form.secret("code"), name.to_owned(), password).await;
        match done {
            Ok(signed_in) => {
                let mut answer = see_other("/?notice=welcome");
                answer.headers_mut().insert(header::SET_COOKIE, signed_in.cookie);
                return Ok(answer);
            }
            Err(problem) if is_for_the_form(&problem) => {
                let field =
                    problem.errors().first().map_or("", |each| match each.pointer.as_str() {
                        "/code" => "code",
                        "/name" => "name",
                        _ => "",
                    });
                let words = problem.errors().first().map_or(problem.detail(), |each| &each.detail);
                errors.push((field, words.to_owned()));
                refused = Some(problem);
            }
            Err(problem) => return Err(problem),
        }
    }
    let mut answer =
        html(&WelcomePage { assets: assets::VERSION.as_str(), title: "Welcome", name, errors })?;
    match refused {
        Some(problem) => refuse(&mut answer, &problem),
        None => *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY,
    }
    Ok(answer)
}

/// A new password, typed twice.
fn new_password(form: &Form, errors: &mut Vec<(&'static str, String)>) -> Option<Password> {
    let typed = form.secret("password");
    if typed.expose() != form.secret("again").expose() {
        errors.push(("again", AGAIN.to_owned()));
    }
    Password::parse(typed.expose()).map_err(|why| errors.push(("password", why))).ok()
}

pub(super) async fn password(
    caller: Caller<Anybody>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&caller, &request, Place::Elsewhere, "Change password");
    html(&PasswordPage { frame, errors: Vec::new() })
}

pub(super) async fn change_password(
    caller: Caller<Anybody>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let mut errors = Vec::new();
    let mut refused = None;
    if let (Some(new), true) = (new_password(&form, &mut errors), errors.is_empty()) {
        match sign_in::change_password(&state, &caller, &form.secret("present"), new).await {
            Ok(()) => return Ok(see_other("/password?notice=password-changed")),
            Err(problem) if is_for_the_form(&problem) => {
                let words = problem.errors().first().map_or(problem.detail(), |each| &each.detail);
                let field = if problem.errors().is_empty() { "" } else { "present" };
                errors.push((field, words.to_owned()));
                refused = Some(problem);
            }
            Err(problem) => return Err(problem),
        }
    }
    let frame = Frame::of(&caller, &request, Place::Elsewhere, "Change password");
    let mut answer = html(&PasswordPage { frame, errors })?;
    match refused {
        Some(problem) => refuse(&mut answer, &problem),
        None => *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY,
    }
    Ok(answer)
}

/// Whether a refusal is told beside what was typed, and not on a page of its own.
fn is_for_the_form(problem: &Problem) -> bool {
    matches!(
        problem.code(),
        Code::WrongCredentials | Code::TooManyRequests | Code::Invalid | Code::Conflict
    )
}

/// Gives a page the status and the waiting time of a refusal.
fn refuse(answer: &mut HttpResponse, problem: &Problem) {
    use actix_web::ResponseError as _;
    let told = problem.error_response();
    // A page for people carries no challenge for programs, which a 401 would have to.
    *answer.status_mut() = if problem.code() == Code::WrongCredentials {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        problem.code().status()
    };
    if let Some(wait) = told.headers().get(header::RETRY_AFTER) {
        answer.headers_mut().insert(header::RETRY_AFTER, wait.clone());
    }
}

impl WelcomePage<'_> {
    fn error(&self, field: &str) -> Option<&str> {
        find(&self.errors, field)
    }
}

impl PasswordPage {
    fn error(&self, field: &str) -> Option<&str> {
        find(&self.errors, field)
    }
}

fn find<'a>(errors: &'a [(&'static str, String)], field: &str) -> Option<&'a str> {
    errors.iter().find(|(each, _)| *each == field).map(|(_, words)| words.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_after_signing_in() {
        assert_eq!(next("/automations?cursor=1"), "/automations?cursor=1");
        for foreign in
            ["", "https://evil.test/", "//evil.test", "/\\evil.test", "/sign-out", "/a\n"]
        {
            assert_eq!(next(foreign), "/", "{foreign}");
        }
    }
}
