//! Tokens of programs: each is shown once, in the answer to the form that makes it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::form::Form;
use super::frame::{Frame, Place};
use super::new_password::{self, Errors};
use super::rights::{self, Choice};
use super::words::When;
use super::{html, once, see_other};
use crate::domain::limits::PAGE_DEFAULT;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::store::TokenRow;
use crate::web::WebState;
use crate::web::api::query::{Query, cursor};
use crate::web::api::tokens::{self, Draft, Made};
use crate::web::api::{name_of, users};
use crate::web::auth::{Admin, Caller, Who};
use crate::web::error::{Code, Problem};
use crate::web::token::Right;

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Option<String>,
    is_first: bool,
}

struct Row {
    id: String,
    name: String,
    right: &'static str,
    /// Whether this page was asked for with it.
    is_own: bool,
    created: When,
    expires: Option<When>,
    revoked: Option<When>,
    last_used: Option<When>,
    is_over: bool,
}

#[derive(Template)]
#[template(path = "token_new.html")]
struct NewPage {
    frame: Frame,
    once: String,
    name: String,
    rights: Vec<Choice>,
    lives: Vec<Life>,
    day: String,
    errors: Errors,
}

/// For how long a token may count.
struct Life {
    value: &'static str,
    words: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "token_shown.html")]
struct ShownPage {
    frame: Frame,
    row: Row,
    /// The token; nothing where it was shown before.
    token: Option<Secret>,
}

#[derive(Template)]
#[template(path = "token_revoke.html")]
struct RevokePage {
    frame: Frame,
    row: Row,
}

/// Spans that a token may count for, and what an address or a form calls them.
const LIVES: [(&str, &str, Option<Duration>); 5] = [
    ("30d", "In 30 days", Some(days(30))),
    ("90d", "In 90 days", Some(days(90))),
    ("1y", "In a year", Some(days(365))),
    ("day", "On a day that I choose", None),
    ("never", "Never", None),
];

const fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

impl Row {
    fn of(token: TokenRow, caller: &Caller<Admin>, now: Timestamp) -> Self {
        let is_own = matches!(caller.who(), Who::Token { id, .. } if *id == token.id);
        let when = |at: Option<Timestamp>| at.map(|at| When::of(at, now));
        Self {
            is_own,
            is_over: token.revoked_at.is_some() || token.expires_at.is_some_and(|end| end <= now),
            right: Right::from_word(&token.role).map_or("", rights::name),
            created: When::of(token.created_at, now),
            expires: when(token.expires_at),
            revoked: when(token.revoked_at),
            last_used: when(token.last_used_at),
            id: token.id,
            name: token.name,
        }
    }
}

pub(super) async fn list(
    caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let _shown_by_the_frame = query.given("notice");
    let behind = query.place::<String>();
    let behind = query.end(behind)?;
    let is_first = behind.is_none();
    state.callers.write_down(&state.store).await;
    let mut found = state.reader.tokens(behind, PAGE_DEFAULT + 1).await?;
    let more = found.len() > PAGE_DEFAULT;
    found.truncate(PAGE_DEFAULT);
    let next = found.last().filter(|_| more).map(|last| cursor(last.created_at, &last.id));
    let now = state.engine.now();
    let rows = found.into_iter().map(|token| Row::of(token, &caller, now)).collect();
    let frame = Frame::of(&caller, &request, Place::Tokens, "Tokens");
    html(&TokensPage { frame, rows, next, is_first })
}

pub(super) async fn new(
    caller: Caller<Admin>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    html(&NewPage {
        frame: Frame::of(&caller, &request, Place::Tokens, "Make token"),
        once: once::fresh()?,
        name: String::new(),
        rights: rights::rights("ingest"),
        lives: lives("1y"),
        day: String::new(),
        errors: Vec::new(),
    })
}

fn lives(chosen: &str) -> Vec<Life> {
    let life = |(value, words, _)| Life { value, words, chosen: value == chosen };
    LIVES.map(life).into()
}

pub(super) async fn make(
    caller: Caller<Admin>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let now = state.engine.now();
    let mut errors = Errors::new();
    let draft = draft(&form, now, &mut errors);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(draft) = draft.filter(|_| errors.is_empty()) {
        let asked = ["name", "role", "life", "day"].map(|field| form.text(field));
        let key = once::of(&request, &form, &asked, &caller, &state);
        match tokens::make(&state, caller.actor(), draft, key).await {
            Ok(made) => {
                let (row, token) = match made {
                    Made::New(row, text) => (row, Some(text)),
                    Made::Before(row) => (row, None),
                };
                let frame = Frame::of(&caller, &request, Place::Tokens, "Token made");
                return html(&ShownPage { frame, row: Row::of(row, &caller, now), token });
            }
            Err(problem) if problem.code() == Code::KeyReused => {
                status = problem.code().status();
                let words = "This form was sent before with other values, and made a token then. Send it \
                             again to make another one.";
                errors.push(("", words.to_owned()));
            }
            Err(problem) => return Err(problem),
        }
    }
    let mut answer = html(&NewPage {
        frame: Frame::of(&caller, &request, Place::Tokens, "Make token"),
        once: once::fresh()?,
        name: form.text("name").to_owned(),
        rights: rights::rights(form.text("role")),
        lives: lives(form.text("life")),
        day: form.text("day").to_owned(),
        errors,
    })?;
    *answer.status_mut() = status;
    Ok(answer)
}

fn draft(form: &Form, now: Timestamp, errors: &mut Errors) -> Option<Draft> {
    let name = name_of(form.text("name").trim()).map_err(|why| errors.push(("name", why))).ok();
    let role = Right::from_word(form.text("role"));
    if role.is_none() {
        errors.push(("role", "must be chosen".to_owned()));
    }
    let (field, expires_at) = expiry(form.text("life"), form.text("day"), now);
    let expires_at = expires_at.map_err(|why| errors.push((field, why))).ok();
    Some(Draft { name: name?, role: role?, expires_at: expires_at? })
}

/// When the token shall end, and the field that says so.
fn expiry(
    life: &str,
    day: &str,
    now: Timestamp,
) -> (&'static str, Result<Option<Timestamp>, String>) {
    let Some((word, _, span)) = LIVES.into_iter().find(|(word, _, _)| *word == life) else {
        return ("life", Err("must be chosen".to_owned()));
    };
    if word != "day" {
        return ("life", Ok(span.map(|span| now.plus(span))));
    }
    let read = || {
        let day: jiff::civil::Date = day.parse().ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    };
    let at = read().ok_or_else(|| "must be a day as in 2027-06-27".to_owned());
    let at = at.and_then(|at| users::later(Timestamp::from_millis(at.as_millisecond()), now));
    ("day", at.map(Some))
}

/// Asks whether it is really meant, and says what happens then.
pub(super) async fn ask_revoke(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    state.callers.write_down(&state.store).await;
    let token = tokens::find(&state, &path).await?;
    if token.revoked_at.is_some() {
        return Ok(see_other("/tokens"));
    }
    let title = format!("Revoke {}?", token.name);
    let row = Row::of(token, &caller, state.engine.now());
    html(&RevokePage { frame: Frame::of(&caller, &request, Place::Tokens, title), row })
}

pub(super) async fn revoke(
    caller: Caller<Admin>,
    state: Data<WebState>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    tokens::revoke(&state, caller.actor(), path.into_inner()).await?;
    Ok(see_other("/tokens?notice=token-revoked"))
}

impl NewPage {
    fn error(&self, field: &str) -> Option<&str> {
        new_password::find(&self.errors, field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_when_the_form_says() {
        let now = Timestamp::from_millis(1_782_561_600_000);
        let ends = |life, day| expiry(life, day, now);
        assert_eq!(ends("never", "2020-01-01"), ("life", Ok(None)));
        assert_eq!(ends("30d", ""), ("life", Ok(Some(now.plus(days(30))))));
        let (field, at) = ends("day", "2027-06-27");
        assert_eq!(
            (field, at.unwrap().unwrap().to_string().as_str()),
            ("day", "2027-06-27T00:00:00Z")
        );
        for (life, day, field) in [
            ("", "", "life"),
            ("ever", "", "life"),
            ("day", "", "day"),
            ("day", "2020-01-01", "day"),
        ] {
            let (told, refused) = ends(life, day);
            assert_eq!(told, field, "{life} {day}");
            assert!(refused.is_err(), "{life} {day}");
        }
    }
}
