//! The list of automations.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::frame::{Frame, Place};
use super::health::Health;
use super::html;
use super::words::count;
use crate::domain::id::AutomationId;
use crate::domain::limits::{COUNTED, PAGE_DEFAULT};
use crate::store::AutomationCounts;
use crate::web::WebState;
use crate::web::api::plan::Fresh;
use crate::web::api::query::Query;
use crate::web::api::view::{self, AutomationView};
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;

/// What "today" is, wherever the reader is.
const DAY: Duration = Duration::from_hours(24);

#[derive(Template)]
#[template(path = "automations.html")]
struct Automations {
    frame: Frame,
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Option<String>,
    is_first: bool,
}

struct Row {
    id: String,
    name: String,
    active: bool,
    destinations: Vec<Destination>,
    /// In the last 24 hours.
    alerts: String,
    pending: String,
    dead: String,
}

struct Destination {
    id: String,
    name: String,
    health: Health,
}

pub(super) async fn list(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let _shown_by_the_frame = query.given("notice");
    let after = query.parsed::<AutomationId>("cursor", "is not a cursor that a list gave");
    let after = query.end(after)?;
    let is_first = after.is_none();
    let (views, next) = view::automations(&state, after, PAGE_DEFAULT).await?;
    let ids = views.iter().map(|view| view.automation.id).collect();
    let since = state.engine.now().minus(DAY);
    let counts = state.reader.automation_counts(ids, since).await?;
    let rows = views.iter().zip(&counts);
    let rows = rows.map(|(view, counts)| Row::of(view, counts, &state)).collect();
    let frame = Frame::of(&caller, &request, Place::Automations, "Automations");
    html(&Automations { frame, rows, next: next.map(|id| id.to_string()), is_first })
}

/// A number that was counted up to a bound.
fn counted(number: usize) -> String {
    let text = count(u64::try_from(number).unwrap_or(u64::MAX));
    if number >= COUNTED { format!("{text}+") } else { text }
}

impl Row {
    fn of(view: &AutomationView, counts: &AutomationCounts, state: &WebState) -> Self {
        let shown = view.integrations(state, &Fresh::new());
        Self {
            id: view.automation.id.to_string(),
            name: view.automation.name.clone(),
            active: view.automation.active,
            alerts: counted(counts.alerts),
            pending: counted(counts.waiting),
            dead: counted(counts.dead),
            destinations: shown
                .iter()
                .map(|each| Destination {
                    id: each.settings.id.clone(),
                    name: each.settings.name.clone(),
                    health: Health::of(each),
                })
                .collect(),
        }
    }
}
