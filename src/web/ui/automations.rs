//! The list of automations.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::frame::{Frame, Place};
use super::health::Health;
use super::html;
use super::words::count;
use crate::domain::automation::Trigger;
use crate::domain::id::AutomationId;
use crate::domain::limits::{COUNTED, PAGE_DEFAULT};
use crate::web::WebState;
use crate::web::api::plan::Fresh;
use crate::web::api::query::Query;
use crate::web::api::view::{self, AutomationView};
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;

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
    is_relay: bool,
    destinations: Vec<Destination>,
    /// Alerts of the last 24 hours; `10,000+` where they are too many to be counted.
    alerts: String,
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
    let ids = views.iter().map(|view| view.automation.id).collect();
    let counts = state.reader.automation_counts(ids, state.engine.now().minus(DAY)).await?;
    let both = views.iter().zip(counts);
    let rows = both.map(|(view, counts)| Row::of(view, counts.alerts, &state)).collect();
    let frame = Frame::of(&caller, &request, Place::Automations, "Automations");
    html(&Automations { frame, rows, next: next.map(|id| id.to_string()), is_first })
}

impl Row {
    fn of(view: &AutomationView, alerts: usize, state: &WebState) -> Self {
        let shown = view.integrations(state, &Fresh::new());
        let states = || shown.iter().filter_map(|each| each.state.as_ref());
        Self {
            id: view.automation.id.to_string(),
            name: view.automation.name.clone(),
            active: view.automation.active,
            is_relay: matches!(view.automation.trigger, Trigger::Relay(_)),
            alerts: counted(alerts),
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

/// A number that is counted up to [`COUNTED`] only.
fn counted(number: usize) -> String {
    let more = if number >= COUNTED { "+" } else { "" };
    format!("{}{more}", count(u64::try_from(number).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_to_its_end_says_so() {
        assert_eq!(counted(0), "0");
        assert_eq!(counted(9_999), "9,999");
        assert_eq!(counted(COUNTED), "10,000+");
    }
}
