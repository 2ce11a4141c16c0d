//! The log of deliveries: what is on its way, what arrived and what did not, newest first.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::advice;
use super::frame::{Frame, Place};
use super::log_filter::{Asked, SPANS};
use super::phases;
use super::standing::Badge;
use super::words::{When, count};
use super::{html, is_live};
use crate::domain::delivery::State;
use crate::domain::limits::{CHOICES, LOG_ROWS};
use crate::domain::time::Timestamp;
use crate::store::history::{Choice, Logged};
use crate::store::queries::DeliveryFilter;
use crate::web::WebState;
use crate::web::api::delivery_acts::{Many, act_on_many};
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Deliveries {
    frame: Frame,
    asked: Asked,
    form: Form,
    rows: Vec<Row>,
    acts: Vec<ManyLink>,
    /// What was just done to many.
    done: Option<Done>,
    /// This page's own address, for its live part.
    here: String,
    /// Where the next page begins.
    next: Option<String>,
}

/// A delivery as a row of a table.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) badge: Badge,
    pub(super) record_id: String,
    pub(super) automation: Named,
    pub(super) integration: Named,
    pub(super) attempts: String,
    pub(super) created: When,
    pub(super) then: Then,
    /// What came of the newest attempt.
    pub(super) last: Option<String>,
}

/// What comes next, or when it was over.
pub(super) enum Then {
    Due(When),
    DueNow,
    OnItsWay,
    Finished(When),
}

/// A thing with its name; one that is deleted has no page.
pub(super) struct Named {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) deleted: bool,
}

/// The form of the filters.
struct Form {
    states: Vec<Pick>,
    automations: Vec<Pick>,
    /// Each automation with its integrations.
    integrations: Vec<(String, Vec<Pick>)>,
    spans: Vec<Pick>,
    since: Option<When>,
    until: Option<When>,
    /// Whether there are more automations or integrations than are offered.
    some_left_out: bool,
}

/// One of several that can be chosen.
struct Pick {
    value: String,
    words: String,
    chosen: bool,
}

/// A link to an act on all deliveries that the filters mean.
struct ManyLink {
    words: String,
    path: String,
    danger: bool,
}

/// What was just done to many.
struct Done {
    words: String,
    /// Where to go on, where there were more.
    rest: Option<String>,
    /// Where the outcome shows.
    show: Option<String>,
}

pub(super) async fn list(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let now = state.engine.now();
    let asked = Asked::of(request.query_string(), now);
    let frame = Frame::of(&caller, &request, Place::Deliveries, "Deliveries");
    let is_refused = !asked.errors.is_empty();
    let mut logged = if is_refused {
        Vec::new()
    } else {
        // One more than is shown tells whether there is a next page.
        state.reader.log(asked.filter.clone(), asked.before, LOG_ROWS + 1).await?
    };
    let more = logged.len() > LOG_ROWS;
    logged.truncate(LOG_ROWS);
    let next = logged.last().filter(|_| more).map(|last| last.row.id.to_string());
    let next = next.map(|next| asked.address("/deliveries", &[("cursor", &next)]));
    // What stands around the live part is made only where it is shown.
    let is_part = is_live(&request);
    let choices = if is_part {
        Vec::new()
    } else {
        let DeliveryFilter { automation_id, integration_id, .. } = asked.filter;
        state.reader.choices(automation_id, integration_id, CHOICES).await?
    };
    let acts = if is_part || is_refused || !frame.can_edit() {
        Vec::new()
    } else {
        acts(&caller, &state, &asked).await?
    };
    let page = Deliveries {
        form: Form::of(&asked, &choices, now),
        rows: logged.iter().map(|each| Row::of(each, now)).collect(),
        done: Done::of(&asked),
        here: asked.address("/deliveries", &[]),
        next,
        acts,
        asked,
        frame,
    };
    let mut response = html(&page)?;
    if is_refused {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// What can be done to all that the filters mean. Dead ones are counted even where no state is chosen:
/// they are what somebody has to see to.
async fn acts(
    caller: &Caller<Viewer>,
    state: &Data<WebState>,
    asked: &Asked,
) -> Result<Vec<ManyLink>, Problem> {
    let mut links = Vec::new();
    let of = asked.filter.state;
    if of.is_none_or(|of| Many::Retry.allows(of).is_ok()) {
        let filter = DeliveryFilter { state: Some(State::Dead), ..asked.filter.clone() };
        let found = act_on_many(Many::Retry, state, filter, true, caller.actor()).await?;
        if found.matched > 0 {
            links.push(ManyLink {
                words: format!("Retry {}", amount(found.matched, found.more, State::Dead)),
                path: asked.address("/deliveries/retry", &[("state", State::Dead.word())]),
                danger: false,
            });
        }
    }
    if let Some(of) = of.filter(|of| Many::Discard.allows(*of).is_ok()) {
        links.push(ManyLink {
            words: format!("Discard all {}…", Badge::of(of, 0).word),
            path: asked.address("/deliveries/discard", &[]),
            danger: true,
        });
    }
    Ok(links)
}

/// `1,204 dead deliveries`.
pub(super) fn amount(matched: usize, more: bool, state: State) -> String {
    let number = count(u64::try_from(matched).unwrap_or(u64::MAX));
    let word = Badge::of(state, 0).word;
    match (matched, more) {
        (_, true) => format!("more than {number} {word} deliveries"),
        (1, false) => format!("1 {word} delivery"),
        (_, false) => format!("{number} {word} deliveries"),
    }
}

impl Done {
    fn of(asked: &Asked) -> Option<Self> {
        let (number, words, path) = match (asked.retried, asked.discarded) {
            (Some(number), _) => {
                (number, "tried again; what comes of it shows here", "/deliveries/retry")
            }
            (None, Some(number)) => {
                (number, "discarded and will not be sent", "/deliveries/discard")
            }
            (None, None) => return None,
        };
        let (what, are) = if number == 1 { ("delivery", "is") } else { ("deliveries", "are") };
        Some(Self {
            words: format!("{} {what} {are} {words}.", count(number)),
            rest: asked.more.then(|| asked.address(path, &[])),
            show: (!asked.text("state").is_empty())
                .then(|| asked.address("/deliveries", &[("state", "")])),
        })
    }
}

impl Row {
    /// A row, seen from `now`.
    pub(super) fn of(logged: &Logged, now: Timestamp) -> Self {
        let Logged { row, way, last } = logged;
        let then = match row.state {
            State::Pending if row.due_at > now => Then::Due(When::of(row.due_at, now)),
            State::Pending => Then::DueNow,
            State::InFlight => Then::OnItsWay,
            State::Delivered | State::Dead | State::Discarded => {
                Then::Finished(When::of(row.finished_at.unwrap_or(row.created_at), now))
            }
        };
        let last = last.as_ref().map(|last| {
            let words = last.outcome.words();
            match advice::advice(&last.outcome) {
                None => format!("{words} in {}", phases::time(last.took)),
                Some(_) => short(&words),
            }
        });
        Self {
            id: row.id.to_string(),
            badge: Badge::of(row.state, row.attempts),
            record_id: row.record_id.clone(),
            automation: Named {
                id: row.automation_id.to_string(),
                name: way.automation.clone(),
                deleted: way.automation_deleted,
            },
            integration: Named {
                id: row.integration_id.to_string(),
                name: way.integration.clone(),
                deleted: way.integration_deleted,
            },
            attempts: count(row.attempts.into()),
            created: When::of(row.created_at, now),
            then,
            last,
        }
    }
}

/// As much of a sentence as belongs into a table.
fn short(words: &str) -> String {
    const CHARS: usize = 90;
    let mut text: String = words.chars().take(CHARS).collect();
    if words.chars().count() > CHARS {
        text.push('…');
    }
    text
}

impl Form {
    fn of(asked: &Asked, choices: &[Choice], now: Timestamp) -> Self {
        let chosen = |name: &str, value: &str, words: &str| Pick {
            value: value.to_owned(),
            words: words.to_owned(),
            chosen: asked.text(name) == value,
        };
        let states =
            State::ALL.iter().map(|each| chosen("state", each.word(), Badge::of(*each, 0).word));
        let automations =
            choices.iter().map(|each| chosen("automation_id", &each.id.to_string(), &each.name));
        let automation = asked.text("automation_id");
        let mine = |each: &&Choice| automation.is_empty() || each.id.to_string() == automation;
        let of = |each: &Choice| {
            let all = each.integrations.iter();
            let all = all.map(|(id, name)| chosen("integration_id", &id.to_string(), name));
            (each.name.clone(), all.collect())
        };
        let integrations: usize = choices.iter().map(|each| each.integrations.len()).sum();
        let spans = SPANS.iter().map(|(value, words, _)| chosen("within", value, words));
        let typed = |name: &str| !asked.text(name).is_empty();
        let DeliveryFilter { since, until, .. } = asked.filter;
        Self {
            states: states.collect(),
            automations: automations.collect(),
            integrations: choices.iter().filter(mine).map(of).collect(),
            spans: spans.collect(),
            since: since.filter(|_| typed("since")).map(|at| When::of(at, now)),
            until: until.filter(|_| typed("until")).map(|at| When::of(at, now)),
            some_left_out: choices.len() >= CHOICES || integrations >= CHOICES,
        }
    }
}
