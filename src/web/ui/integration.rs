//! One destination: its state machine, its queue, how its last attempts went, and the buttons that mend it.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::advice::advice;
use super::editor::words::{method_words, sentence};
use super::form::Form;
use super::frame::{Frame, Place};
use super::health::Health;
use super::plot::{self, Plot};
use super::plotted::Numbers;
use super::words::{When, count, span};
use super::{html, see_other};
use crate::domain::circuit::Circuit;
use crate::domain::id::IntegrationId;
use crate::domain::integration::Status;
use crate::domain::limits::{AUDIT_LINES, RECENT_ERRORS};
use crate::domain::recent::{self, LastError, RecentAttempt, Successes};
use crate::domain::time::Timestamp;
use crate::store::AuditFilter;
use crate::web::WebState;
use crate::web::api::attempt_out::{AttemptOut, HeaderOut, headers_out};
use crate::web::api::id;
use crate::web::api::integration_out::{IntegrationOut, Settings};
use crate::web::api::integrations::{Turn, retry_all_dead, rotate, turn};
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
    automation: String,
    url: String,
    auth: String,
    condition: Option<String>,
    signing: bool,
    health: Health,
    machine: Machine,
    buttons: Buttons,
    pending: String,
    in_flight: String,
    dead: u64,
    oldest: Option<When>,
    percent: Option<usize>,
    attempts: usize,
    plot: Plot,
    numbers: Numbers,
    errors: Vec<ErrorLine>,
    tested: Option<Tested>,
    /// A new signing secret, and until when the old one is sent beside it.
    secret: Option<(String, When)>,
    refused: Option<String>,
}

/// The two machines, and where they are.
struct Machine {
    /// `active`, `paused` or `disabled`.
    status: &'static str,
    status_since: Option<When>,
    reason: Option<String>,
    /// `closed`, `open` or `half_open`.
    circuit: &'static str,
    circuit_since: Option<When>,
    failures: u32,
    next: Option<When>,
    parked: Option<When>,
    last_success: Option<When>,
    last_failure: Option<When>,
}

/// Which buttons make sense now.
struct Buttons {
    pause: bool,
    resume: bool,
    enable: bool,
    disable: bool,
}

struct ErrorLine {
    words: String,
    advice: Option<&'static str>,
    at: When,
    times: usize,
    delivery: String,
}

/// A test alert: what was sent, and what came of it.
struct Tested {
    headers: Vec<HeaderOut>,
    body: String,
    attempt: AttemptOut,
    advice: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "retry_dead.html")]
struct RetryPage {
    frame: Frame,
    id: String,
    name: String,
    dead: u64,
    words: String,
}

pub(super) async fn show(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    html(&page(&caller, &state, id(&path, WHAT)?, &request).await?)
}

async fn page<R>(
    caller: &Caller<R>,
    state: &Data<WebState>,
    id: IntegrationId,
    request: &HttpRequest,
) -> Result<Page, Problem> {
    let view = view::integration(state, id).await?;
    let automation = state.reader.automation(view.integration.automation_id).await;
    let automation = automation.map_err(|error| missing(error, WHAT))?;
    let attempts = state.reader.recent_attempts(id).await?;
    let since = status_since(state, id).await?;
    let now = state.engine.now();
    let shown = view.shown(state);
    let health = Health::of(&shown);
    let machine = Machine::of(&view, &shown, since, now);
    let IntegrationOut { settings, state: counts, .. } = shown;
    let counts = counts.as_ref();
    let successes = Successes::of(&attempts);
    let Settings { auth, condition, .. } = &settings;
    Ok(Page {
        frame: Frame::of(caller, request, Place::Automations, settings.name.as_str()),
        id: id.to_string(),
        automation_id: automation.id.to_string(),
        automation: automation.name,
        auth: match (&auth.header_name, auth.credential_set) {
            (None, false) => method_words(auth.method).to_owned(),
            (None, true) => format!("{}, credential set", method_words(auth.method)),
            (Some(name), _) => format!("{}: {name}, credential set", method_words(auth.method)),
        },
        condition: condition.as_ref().map(sentence),
        signing: settings.signing,
        url: settings.url,
        health,
        buttons: Buttons::of(&view.state.status),
        pending: count(counts.map_or(0, |counts| counts.pending)),
        in_flight: count(counts.map_or(0, |counts| counts.in_flight)),
        dead: counts.map_or(0, |counts| counts.dead),
        oldest: view.state.oldest_pending_at.map(|at| When::of(at, now)),
        percent: successes.percent(),
        attempts: successes.attempts,
        plot: plot::attempts(&attempts),
        numbers: Numbers::of(plot::of_attempts(&attempts), now),
        errors: recent::last_errors(&attempts, RECENT_ERRORS)
            .into_iter()
            .map(|error| ErrorLine::of(error, &attempts, now))
            .collect(),
        machine,
        tested: None,
        secret: None,
        refused: None,
    })
}

/// Since when an integration may send or not: the audit log has written it down, for as long as it remembers.
async fn status_since(state: &WebState, id: IntegrationId) -> Result<Option<Timestamp>, Problem> {
    const TURNS: [&str; 4] =
        ["integration.pause", "integration.resume", "integration.enable", "integration.disable"];
    let filter = AuditFilter { subject: Some(id.to_string()), ..AuditFilter::default() };
    let lines = state.reader.audit(filter, None, AUDIT_LINES).await?;
    let turned = lines.iter().find(|line| TURNS.contains(&line.action.as_str()));
    Ok(turned.map(|line| line.at))
}

impl Machine {
    fn of(
        view: &IntegrationView,
        shown: &IntegrationOut,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let health = &view.state.health;
        let state = shown.state.as_ref();
        let read = |text: Option<&String>| text.and_then(|text| When::read(text, now));
        Self {
            status: view.state.status.word(),
            status_since: since.map(|at| When::of(at, now)),
            reason: state.and_then(|state| state.reason.clone()),
            circuit: state.map_or("closed", |state| state.circuit),
            circuit_since: match &health.circuit {
                Circuit::Closed { .. } => None,
                Circuit::Open { since, .. } => Some(When::of(*since, now)),
            },
            failures: health.circuit.failures(),
            next: read(state.and_then(|state| state.next_attempt_at.as_ref())),
            parked: read(state.and_then(|state| state.parked_until.as_ref())),
            last_success: health.last_success_at.map(|at| When::of(at, now)),
            last_failure: health.last_failure_at.map(|at| When::of(at, now)),
        }
    }

    /// The same in words.
    fn words(&self) -> String {
        let circuit = match self.circuit {
            "closed" => "The circuit is closed: deliveries go out.",
            "open" => "The circuit is open: deliveries wait, and one probe at a time goes out.",
            _ => "The circuit is half open: a probe is on its way.",
        };
        format!("The destination is {}. {circuit}", self.status)
    }
}

impl Buttons {
    const fn of(status: &Status) -> Self {
        let (pause, resume, enable) = match status {
            Status::Active => (true, false, false),
            Status::Paused => (false, true, false),
            Status::Disabled { .. } => (false, false, true),
        };
        Self { pause, resume, enable, disable: !enable }
    }
}

impl ErrorLine {
    fn of(error: LastError, attempts: &[RecentAttempt], now: Timestamp) -> Self {
        let made = attempts.iter().find(|attempt| {
            attempt.delivery_id == error.delivery_id && attempt.outcome.words() == error.words
        });
        Self {
            advice: made.and_then(|attempt| advice(&attempt.outcome)),
            at: When::of(error.at, now),
            times: error.times,
            delivery: error.delivery_id.to_string(),
            words: error.words,
        }
    }
}

/// Sends a test alert, and shows at once what was sent and what came of it. Nothing of it is kept.
pub(super) async fn test(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Form::read(&request, payload).await?;
    let id = id(&path, WHAT)?;
    let tested = state.engine.test(id).await.map_err(|error| missing(error, WHAT))?;
    let attempt = AttemptOut::of(1, &tested.report);
    let tested = Tested {
        headers: headers_out(tested.headers),
        body: String::from_utf8_lossy(tested.alert.body.bytes()).into_owned(),
        advice: advice(&tested.report.outcome),
        attempt,
    };
    html(&Page { tested: Some(tested), ..page(&caller, &state, id, &request).await? })
}

pub(super) async fn act(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<(String, String)>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Form::read(&request, payload).await?;
    let (id_text, word) = path.into_inner();
    let id: IntegrationId = id(&id_text, WHAT)?;
    let (act, notice) = match word.as_str() {
        "pause" => (Turn::Pause, "paused"),
        "resume" => (Turn::Resume, "resumed"),
        "enable" => (Turn::Enable, "enabled"),
        "disable" => (Turn::Disable, "disabled"),
        _ => return Err(super::nothing_here(&request)),
    };
    match turn(&state, id, act, caller.actor()).await {
        Ok(()) => Ok(see_other(&format!("/integrations/{id}?notice={notice}"))),
        Err(problem) => refused(&caller, &state, id, &request, problem).await,
    }
}

/// A refusal that the page itself tells.
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
    let refused = Some(problem.detail().to_owned());
    let mut answer = html(&Page { refused, ..page(caller, state, id, request).await? })?;
    *answer.status_mut() = problem.code().status();
    Ok(answer)
}

pub(super) async fn ask_retry_dead(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let view = view::integration(&state, id(&path, WHAT)?).await?;
    let dead = view.state.dead;
    let words = if dead == 1 {
        "Retry the dead delivery".to_owned()
    } else {
        format!("Retry {} dead deliveries", count(dead))
    };
    html(&RetryPage {
        frame: Frame::of(&caller, &request, Place::Automations, format!("{words}?")),
        id: view.integration.id.to_string(),
        name: view.integration.name,
        dead,
        words,
    })
}

pub(super) async fn retry_dead(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Form::read(&request, payload).await?;
    let id = id(&path, WHAT)?;
    retry_all_dead(&state, id, caller.actor()).await?;
    Ok(see_other(&format!("/integrations/{id}?notice=retried-dead")))
}

/// Makes a new signing secret and shows it this once.
pub(super) async fn rotate_signing_secret(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Form::read(&request, payload).await?;
    let id = id(&path, WHAT)?;
    match rotate(&state, id, caller.actor()).await {
        Ok((secret, until)) => {
            let until = When::of(until, state.engine.now());
            let secret = Some((secret.expose().to_owned(), until));
            html(&Page { secret, ..page(&caller, &state, id, &request).await? })
        }
        Err(problem) => refused(&caller, &state, id, &request, problem).await,
    }
}

impl Page {
    fn plural<'a>(&self, count: impl ToString, one: &'a str, many: &'a str) -> &'a str {
        if count.to_string() == "1" { one } else { many }
    }
}

impl Tested {
    fn took(&self) -> String {
        span(std::time::Duration::from_millis(self.attempt.took_ms))
    }
}
