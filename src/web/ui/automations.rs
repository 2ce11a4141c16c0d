//! The list of automations.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::frame::{Frame, Place};
use super::health::Health;
use super::html;
use crate::domain::id::AutomationId;
use crate::domain::limits::PAGE_DEFAULT;
use crate::web::WebState;
use crate::web::api::plan::Fresh;
use crate::web::api::query::Query;
use crate::web::api::view::{self, AutomationView};
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;

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
    pending: u64,
    dead: u64,
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
    let rows = views.iter().map(|view| Row::of(view, &state)).collect();
    let frame = Frame::of(&caller, &request, Place::Automations, "Automations");
    html(&Automations { frame, rows, next: next.map(|id| id.to_string()), is_first })
}

impl Row {
    fn of(view: &AutomationView, state: &WebState) -> Self {
        let shown = view.integrations(state, &Fresh::new());
        let states = || shown.iter().filter_map(|each| each.state.as_ref());
        Self {
            id: view.automation.id.to_string(),
            name: view.automation.name.clone(),
            active: view.automation.active,
            pending: states().map(|each| each.pending.saturating_add(each.in_flight)).sum(),
            dead: states().map(|each| each.dead).sum(),
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
