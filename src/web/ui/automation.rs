//! One automation: what it watches, where its alerts go, and how those places are doing.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::editor::words::{method_words, sentence};
use super::form::Form;
use super::frame::{Frame, Place};
use super::health::Health;
use super::words::{When, count};
use super::{html, see_other};
use crate::domain::automation::{Automation, Trigger};
use crate::domain::hygiene::{Hygiene, Per};
use crate::domain::id::AutomationId;
use crate::domain::levels::MinimumLevels;
use crate::domain::limits::STALE_TRIES;
use crate::engine::ports::{Edit, StoreError};
use crate::web::WebState;
use crate::web::api::integration_out::{Auth, IntegrationOut, duration};
use crate::web::api::plan::Fresh;
use crate::web::api::view::{self, missing};
use crate::web::api::{change, id};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::Problem;
use crate::web::site::Site;

const WHAT: &str = "automation";

#[derive(Template)]
#[template(path = "automation.html")]
struct Page {
    frame: Frame,
    id: String,
    active: bool,
    listens: Listens,
    /// Quiet hours and cool-down, where they are set.
    hygiene: Vec<(&'static str, String)>,
    has_cool_down: bool,
    /// The newest alerts that were held back, and how many there are in all.
    held_back: Vec<HeldBack>,
    held_back_words: String,
    destinations: Vec<Destination>,
    version: i64,
}

/// What it listens to.
enum Listens {
    /// Records that pass the filter and reach the levels.
    Records { filter: Option<String>, levels: Vec<(&'static str, &'static str)> },
    /// Alerts that another system posts to that address.
    Relay { url: String, auth: String, credential_set: bool },
}

struct HeldBack {
    record: String,
    org: String,
    level: &'static str,
    at: When,
}

struct Destination {
    id: String,
    name: String,
    url: String,
    auth: String,
    condition: Option<String>,
    health: Health,
    pending: String,
    dead: u64,
    last_success: Option<When>,
    last_error: Option<String>,
}

#[derive(Template)]
#[template(path = "automation_delete.html")]
struct DeletePage {
    frame: Frame,
    id: String,
    name: String,
    version: i64,
    destinations: usize,
    waiting: String,
    dead: String,
}

pub(super) async fn show(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let view = view::automation(&state, id(&path, WHAT)?).await?;
    let now = state.engine.now();
    let automation = &view.automation;
    let frame = Frame::of(&caller, &request, Place::Automations, automation.name.as_str());
    let shown = view.integrations(&state, &Fresh::new());
    let set = match &automation.trigger {
        Trigger::Records(watch) => watch.hygiene.clone(),
        Trigger::Relay(_) => Hygiene::default(),
    };
    let (rows, all) = match set.cool_down {
        Some(_) => (
            state.reader.held_back(automation.id, None, HELD_BACK_SHOWN).await?,
            state.reader.count_held_back(automation.id).await?,
        ),
        None => (Vec::new(), 0),
    };
    html(&Page {
        frame,
        id: automation.id.to_string(),
        active: automation.active,
        listens: Listens::of(automation, &state.site),
        hygiene: hygiene(&set),
        has_cool_down: set.cool_down.is_some(),
        held_back_words: match all {
            1 => "1 alert was held back".to_owned(),
            all => format!("{} alerts were held back; the newest of them", count(all)),
        },
        held_back: rows
            .into_iter()
            .map(|row| HeldBack {
                level: row.escalation_level.word(),
                at: When::of(row.at, now),
                record: row.record_id,
                org: row.org_id,
            })
            .collect(),
        destinations: shown
            .into_iter()
            .map(|each| {
                let health = Health::of(&each);
                let IntegrationOut { settings, state, .. } = each;
                let state = state.as_ref();
                Destination {
                    health,
                    auth: match (&settings.auth, &settings.to) {
                        (Some(auth), _) => auth_words(auth),
                        (None, Some(_)) => "by the mail server".to_owned(),
                        (None, None) => "by its URL".to_owned(),
                    },
                    pending: count(state.map_or(0, |state| state.pending + state.in_flight)),
                    dead: state.map_or(0, |state| state.dead),
                    last_success: state
                        .and_then(|state| When::read(state.last_success_at.as_deref()?, now)),
                    last_error: state
                        .filter(|state| state.consecutive_failures > 0)
                        .and_then(|state| state.last_error.clone()),
                    condition: settings.condition.as_ref().map(sentence),
                    id: settings.id,
                    name: settings.name,
                    url: match settings.to {
                        Some(to) => to.join(", "),
                        None => settings.url.unwrap_or_default(),
                    },
                }
            })
            .collect(),
        version: automation.version,
    })
}

impl Listens {
    fn of(automation: &Automation, site: &Site) -> Self {
        match &automation.trigger {
            Trigger::Records(watch) => Self::Records {
                filter: watch.filter.as_ref().map(|filter| sentence(&filter.to_json())),
                levels: levels(&watch.minimum_levels),
            },
            Trigger::Relay(auth) => Self::Relay {
                url: site.inbound_url(automation.id),
                auth: auth_words(&Auth::of(&auth.method, auth.credential_set)),
                credential_set: auth.credential_set,
            },
        }
    }
}

/// Held-back alerts that the page lists; the API has the rest.
const HELD_BACK_SHOWN: usize = 10;

/// Both as sentences.
fn hygiene(set: &Hygiene) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Some(cool_down) = &set.cool_down {
        let per = match &cool_down.per {
            Per::Conversation => "conversation".to_owned(),
            Per::Metadata(name) => format!("account, by the metadata {name}"),
        };
        all.push((
            "Cool-down",
            format!("one alert in {} for each {per}", duration(cool_down.span)),
        ));
    }
    if let Some(quiet) = &set.quiet_hours {
        let windows: Vec<String> = quiet.windows().iter().map(ToString::to_string).collect();
        let except = quiet.except_from.map_or(String::new(), |level| {
            format!("; from {} on alerts go out all the same", level.word())
        });
        all.push(("Quiet hours", format!("{} ({}){except}", windows.join("; "), quiet.zone())));
    }
    all
}

fn auth_words(auth: &Auth) -> String {
    match &auth.header_name {
        None => method_words(auth.method).to_owned(),
        Some(name) => format!("{}: {name}", method_words(auth.method)),
    }
}

fn levels(least: &MinimumLevels) -> Vec<(&'static str, &'static str)> {
    [
        ("Escalation level", least.escalation.map(|level| level.word())),
        ("Emotional intensity", least.emotional_intensity.map(|level| level.word())),
        ("Sentiment shift", least.sentiment_shift.map(|shift| shift.word())),
    ]
    .into_iter()
    .filter_map(|(axis, word)| Some((axis, word?)))
    .collect()
}

/// Switches an automation on or off; nothing else of it changes, whoever edits it meanwhile.
pub(super) async fn switch(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: AutomationId = id(&path, WHAT)?;
    let form = Form::read(&request, payload).await?;
    let active = form.text("active") == "true";
    let mut tries = 0;
    loop {
        tries += 1;
        let old = view::automation(&state, id).await?.automation;
        let expected = Some(old.version);
        let automation = Automation { active, ..old };
        let edit =
            Edit::ReplaceAutomation { automation, seals: Vec::new(), inbound: None, expected };
        match change(&state, edit, caller.actor()).await {
            Ok(_) => break,
            Err(StoreError::Stale { .. }) if tries < STALE_TRIES => {}
            Err(error) => return Err(missing(error, WHAT)),
        }
    }
    let word = if active { "switched-on" } else { "switched-off" };
    let to = if form.text("from") == "list" { String::new() } else { format!("/{id}") };
    Ok(see_other(&format!("/automations{to}?notice={word}")))
}

/// Asks whether it is really meant, and says what goes with it.
pub(super) async fn ask_delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let view = view::automation(&state, id(&path, WHAT)?).await?;
    let shown = view.integrations(&state, &Fresh::new());
    let states = || shown.iter().filter_map(|each| each.state.as_ref());
    let automation = view.automation;
    let title = format!("Delete {}?", automation.name);
    html(&DeletePage {
        frame: Frame::of(&caller, &request, Place::Automations, title),
        id: automation.id.to_string(),
        name: automation.name,
        version: automation.version,
        destinations: automation.integrations.len(),
        waiting: count(states().map(|state| state.pending.saturating_add(state.in_flight)).sum()),
        dead: count(states().map(|state| state.dead).sum()),
    })
}

pub(super) async fn delete(
    caller: Caller<Editor>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: AutomationId = id(&path, WHAT)?;
    let form = Form::read(&request, payload).await?;
    let expected = form.text("version").parse().ok();
    let deleted = change(&state, Edit::DeleteAutomation { id, expected }, caller.actor()).await;
    match deleted {
        Ok(_) => Ok(see_other("/automations?notice=deleted")),
        // It was changed meanwhile: whoever deletes it should see what it is now.
        Err(StoreError::Stale { .. }) => Ok(see_other(&format!("/automations/{id}/delete"))),
        Err(error) => Err(missing(error, WHAT)),
    }
}
