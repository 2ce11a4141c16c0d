//! One destination: where its state machines stand, what waits for it, how it has been doing, and what
//! can be done.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::advice::advice;
use super::editor::words::{kind_title, method_words, sentence};
use super::form::Form;
use super::frame::{Frame, Place};
use super::health::Health;
use super::plot::{self, Plot};
use super::table::Numbers;
use super::words::{When, count, span};
use super::{html, machine, see_other};
use crate::domain::circuit::Circuit;
use crate::domain::id::IntegrationId;
use crate::domain::integration::Status;
use crate::domain::limits::{RECENT_ERRORS, STATUS_CHANGES};
use crate::domain::outcome::Verdict;
use crate::domain::recent::{RecentAttempt, Successes, last_errors};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::Tested;
use crate::engine::ports::{Shown, StoreError};
use crate::store::{AuditFilter, AuditRow};
use crate::web::WebState;
use crate::web::api::id;
use crate::web::api::integration_out::{IntegrationOut, Settings};
use crate::web::api::operate::{self, Switch};
use crate::web::api::view::{self, IntegrationView, missing};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::{Code, Problem};

const WHAT: &str = "integration";

#[derive(Template)]
#[template(path = "integration.html")]
struct Page {
    frame: Frame,
    id: String,
    automation_id: String,
    automation_name: String,
    settings: Settings,
    kind: &'static str,
    condition: Option<String>,
    health: Health,
    acts: Acts,
    status: StatusShown,
    circuit: CircuitShown,
    parked_until: Option<When>,
    pending: String,
    in_flight: String,
    dead: String,
    has_dead: bool,
    oldest: Option<When>,
    next: Option<When>,
    recent: Option<Recent>,
    refusal: Option<String>,
    tested: Option<TestShown>,
    rotated: Option<Rotated>,
}

/// Which buttons make sense in the present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Acts {
    pause: bool,
    resume: bool,
    enable: bool,
    disable: bool,
}

struct StatusShown {
    picture: String,
    word: &'static str,
    reason: Option<String>,
    since: Option<When>,
}

struct CircuitShown {
    picture: String,
    word: &'static str,
    failures: u32,
    since: Option<When>,
    last_success: Option<When>,
    last_failure: Option<When>,
    last_error: Option<String>,
}

/// What the last attempts say.
struct Recent {
    attempts: usize,
    percent: usize,
    plot: Plot,
    numbers: Numbers,
    errors: Vec<ErrorShown>,
}

struct ErrorShown {
    words: String,
    advice: Option<&'static str>,
    times: usize,
    at: When,
    delivery_id: String,
}

/// A test alert: what was sent, and what came back.
struct TestShown {
    delivered: bool,
    words: String,
    advice: Option<&'static str>,
    took: String,
    remote: Option<String>,
    shown: Shown,
    excerpt: Option<String>,
}

/// A new signing secret, shown this once. It has no `Debug`.
struct Rotated {
    secret: Secret,
    old_until: When,
}

#[derive(Template)]
#[template(path = "integration_retry.html")]
struct RetryPage {
    frame: Frame,
    id: String,
    name: String,
    dead: u64,
    is_stopped: bool,
}

pub(super) async fn show(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    html(&page(&caller, &state, id(&path, WHAT)?, &request).await?)
}

/// Reads all that the page shows.
async fn page<R>(
    caller: &Caller<R>,
    state: &Data<WebState>,
    id: IntegrationId,
    request: &HttpRequest,
) -> Result<Page, Problem> {
    let view = view::integration(state, id).await?;
    let automation_id = view.integration.automation_id;
    let named = |error: StoreError| missing(error, WHAT);
    let automation = state.reader.automation(automation_id).await.map_err(named)?;
    let attempts = state.reader.recent_attempts(id).await?;
    let of_it = AuditFilter { subject: Some(id.to_string()), ..AuditFilter::default() };
    let changes = state.reader.audit(of_it, None, STATUS_CHANGES).await?;
    let now = state.engine.now();
    let shown = view.shown(state);
    let health = Health::of(&shown);
    let IntegrationOut { settings, state: live, .. } = shown;
    let live = live.ok_or_else(Problem::internal)?;
    let read = |text: &Option<String>| When::read(text.as_deref()?, now);
    Ok(Page {
        frame: Frame::of(caller, request, Place::Automations, settings.name.as_str()),
        id: settings.id.clone(),
        automation_id: settings.automation_id.clone(),
        automation_name: automation.name,
        kind: kind_title(&view.integration.target.kind()),
        condition: settings.condition.as_ref().map(sentence),
        health,
        acts: Acts::of(&view.state.status, live.parked_until.is_some()),
        status: StatusShown {
            picture: machine::status(live.status),
            word: live.status,
            reason: live.reason,
            since: since(&changes, &view.state.status).map(|at| When::of(at, now)),
        },
        circuit: circuit(&view, live.circuit, state.policy.circuit_failures, now),
        parked_until: read(&live.parked_until),
        pending: count(live.pending),
        in_flight: count(live.in_flight),
        dead: count(live.dead),
        has_dead: live.dead > 0,
        oldest: view.state.oldest_pending_at.map(|at| When::of(at, now)),
        next: read(&live.next_attempt_at),
        recent: recent(&attempts, now),
        settings,
        refusal: None,
        tested: None,
        rotated: None,
    })
}

impl Acts {
    /// Whatever stands still can be set going; one that is parked, too.
    fn of(status: &Status, parked: bool) -> Self {
        match status {
            Status::Active => {
                Self { pause: true, disable: true, resume: parked, ..Self::default() }
            }
            Status::Paused => Self { resume: true, disable: true, ..Self::default() },
            Status::Disabled { .. } => Self { enable: true, ..Self::default() },
        }
    }
}

/// Since when the status is what it is, by the audit log, whose lines are given newest first.
fn since(changes: &[AuditRow], status: &Status) -> Option<Timestamp> {
    let of_status = |row: &&AuditRow| {
        matches!(
            row.action.as_str(),
            "integration.pause"
                | "integration.resume"
                | "integration.enable"
                | "integration.disable"
        )
    };
    let last = changes.iter().find(of_status)?;
    let leads_here = match (status, last.action.as_str()) {
        (Status::Active, action) => matches!(action, "integration.resume" | "integration.enable"),
        (Status::Paused, action) => action == "integration.pause",
        (Status::Disabled { .. }, action) => action == "integration.disable",
    };
    leads_here.then_some(last.at)
}

fn circuit(
    view: &IntegrationView,
    word: &'static str,
    most_failures: u32,
    now: Timestamp,
) -> CircuitShown {
    let health = &view.state.health;
    let when = |at: Option<Timestamp>| at.map(|at| When::of(at, now));
    CircuitShown {
        picture: machine::circuit(word, most_failures),
        word,
        failures: health.circuit.failures(),
        since: match health.circuit {
            Circuit::Closed { .. } => None,
            Circuit::Open { since, .. } => Some(When::of(since, now)),
        },
        last_success: when(health.last_success_at),
        last_failure: when(health.last_failure_at),
        last_error: health.last_error.clone().filter(|_| health.circuit.failures() > 0),
    }
}

fn recent(attempts: &[RecentAttempt], now: Timestamp) -> Option<Recent> {
    let all = Successes::of(attempts);
    let shown = |each: crate::domain::recent::LastError| ErrorShown {
        advice: advice(&each.outcome),
        words: each.words,
        times: each.times,
        at: When::of(each.at, now),
        delivery_id: each.delivery_id.to_string(),
    };
    Some(Recent {
        percent: all.percent()?,
        attempts: all.attempts,
        plot: plot::attempts(attempts),
        numbers: Numbers::of(plot::of_attempts(attempts), now),
        errors: last_errors(attempts, RECENT_ERRORS).into_iter().map(shown).collect(),
    })
}

/// Pauses it, or what else its address names, and shows what came of it.
async fn switched(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
    (wanted, notice): (Switch, &str),
) -> Result<HttpResponse, Problem> {
    let id: IntegrationId = id(&path, WHAT)?;
    Form::read(&request, payload).await?;
    match operate::switch(&state, id, wanted, caller.actor()).await {
        Ok(()) => Ok(see_other(&format!("/integrations/{id}?notice={notice}"))),
        Err(problem) => refused(&caller, &state, id, &request, problem).await,
    }
}

/// The page as it is now, with why something was not done; somebody else was faster.
async fn refused(
    caller: &Caller<Editor>,
    state: &Data<WebState>,
    id: IntegrationId,
    request: &HttpRequest,
    problem: Problem,
) -> Result<HttpResponse, Problem> {
    if problem.code() != Code::Conflict {
        return Err(problem);
    }
    let refusal = Some(problem.detail().to_owned());
    let mut answer = html(&Page { refusal, ..page(caller, state, id, request).await? })?;
    *answer.status_mut() = StatusCode::CONFLICT;
    Ok(answer)
}

macro_rules! switches {
    ($($name:ident: $wanted:ident, $notice:literal;)*) => {$(
        pub(super) async fn $name(
            caller: Caller<Editor>,
            state: Data<WebState>,
            path: Path<String>,
            request: HttpRequest,
            payload: Payload,
        ) -> Result<HttpResponse, Problem> {
            switched(caller, state, path, request, payload, (Switch::$wanted, $notice)).await
        }
    )*};
}

switches! {
    pause: Pause, "paused";
    resume: Resume, "resumed";
    enable: Enable, "enabled";
    disable: Disable, "disabled";
}

/// Sends a test alert, and shows at once what was sent and what came back.
pub(super) async fn test(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: IntegrationId = id(&path, WHAT)?;
    Form::read(&request, payload).await?;
    let tested = Some(TestShown::of(operate::test(&state, id).await?));
    html(&Page { tested, ..page(&caller, &state, id, &request).await? })
}

impl TestShown {
    fn of(tested: Tested) -> Self {
        let Tested { shown, report } = tested;
        let advice = advice(&report.outcome);
        Self {
            delivered: report.outcome.verdict() == Verdict::Delivered,
            words: report.outcome.words(),
            advice,
            took: span(report.took),
            remote: report.remote,
            shown,
            excerpt: report.excerpt.filter(|excerpt| !excerpt.is_empty()),
        }
    }
}

/// A new signing secret, which is in this answer and nowhere else.
pub(super) async fn rotate(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: IntegrationId = id(&path, WHAT)?;
    Form::read(&request, payload).await?;
    let (secret, until) = match operate::rotate_signing_secret(&state, id, caller.actor()).await {
        Ok(rotated) => rotated,
        Err(problem) => return refused(&caller, &state, id, &request, problem).await,
    };
    let rotated = Some(Rotated { secret, old_until: When::of(until, state.engine.now()) });
    html(&Page { rotated, ..page(&caller, &state, id, &request).await? })
}

/// Asks whether all dead deliveries shall be tried again, and says how many.
pub(super) async fn ask_retry_dead(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let view = view::integration(&state, id(&path, WHAT)?).await?;
    let title = format!("Retry the dead deliveries of {}?", view.integration.name);
    html(&RetryPage {
        frame: Frame::of(&caller, &request, Place::Automations, title),
        id: view.integration.id.to_string(),
        name: view.integration.name,
        dead: view.state.dead,
        is_stopped: view.state.status != Status::Active,
    })
}

pub(super) async fn retry_dead(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: IntegrationId = id(&path, WHAT)?;
    Form::read(&request, payload).await?;
    operate::retry_dead(&state, id, caller.actor()).await?;
    Ok(see_other(&format!("/integrations/{id}?notice=retried-dead")))
}

/// An act's address in a browser's history: it leads back to the page, and does nothing.
pub(super) async fn back(
    _caller: Caller<Viewer>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: IntegrationId = id(&path, WHAT)?;
    Ok(see_other(&format!("/integrations/{id}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::engine::ports::{Actor, ActorKind};

    fn line(at: i64, action: &str) -> AuditRow {
        AuditRow {
            id: at,
            at: Timestamp::from_millis(at),
            by: Actor { kind: ActorKind::Cli, name: "ada".to_owned(), address: None },
            action: format!("integration.{action}"),
            subject: String::new(),
            change: serde_json::Value::Null,
        }
    }

    #[test]
    fn buttons_are_there_where_they_change_something() {
        let disabled = Status::Disabled { reason: "410".to_owned() };
        let shown = |status: &Status, parked| {
            let Acts { pause, resume, enable, disable } = Acts::of(status, parked);
            [pause, resume, enable, disable]
        };
        assert_eq!(shown(&Status::Active, false), [true, false, false, true]);
        assert_eq!(shown(&Status::Active, true), [true, true, false, true]);
        assert_eq!(shown(&Status::Paused, false), [false, true, false, true]);
        assert_eq!(shown(&disabled, false), [false, false, true, false]);
    }

    #[test]
    fn the_last_change_of_the_status_tells_since_when() {
        let changes = [line(9, "retry_dead"), line(8, "pause"), line(5, "resume")];
        assert_eq!(since(&changes, &Status::Paused), Some(Timestamp::from_millis(8)));
        // A change that came between the two readings is of another status.
        assert_eq!(since(&changes, &Status::Active), None);
        assert_eq!(since(&changes[2..], &Status::Active), Some(Timestamp::from_millis(5)));
        assert_eq!(since(&changes[..1], &Status::Active), None);
    }
}
