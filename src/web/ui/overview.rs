//! The first page: destinations in trouble first, then how deliveries went over the last hour, day or week.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::frame::{Frame, Place};
use super::health::Health;
use super::html;
use super::plot::{self, Plot};
use super::plotted::Numbers;
use super::words::{When, count, span};
use crate::domain::latency::Histogram;
use crate::domain::limits::TROUBLED;
use crate::domain::minutes::Span;
use crate::engine::ports::StoreError;
use crate::store::troubled::Survey;
use crate::web::WebState;
use crate::web::api::query::Query;
use crate::web::api::view::{self, IntegrationView};
use crate::web::auth::{Caller, Viewer};
use crate::web::error::{Code, Problem};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    span: &'static str,
    spans: Vec<(&'static str, &'static str)>,
    /// What is done of the first steps; nothing once all of them are.
    steps: Option<Survey>,
    troubled: Vec<Trouble>,
    /// Destinations in trouble that are not in the list.
    more: u64,
    destinations: u64,
    numbers: Vec<(&'static str, String)>,
    plots: Vec<Drawn>,
    table: Numbers,
    not_ready: Option<&'static str>,
}

struct Trouble {
    id: String,
    name: String,
    automation: String,
    automation_id: String,
    health: Health,
    pending: String,
    dead: String,
    last_error: Option<String>,
    next: Option<When>,
    since: Option<When>,
}

/// A plot with its heading.
struct Drawn {
    id: &'static str,
    title: String,
    plot: Plot,
}

pub(super) async fn show(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let _shown_by_the_frame = query.given("notice");
    let asked = query.text("span");
    let span = asked.as_deref().map_or(Some(Span::Hour), Span::from_word);
    if span.is_none() {
        query.refuse("span", "must be hour, day or week");
    }
    let span = query.end(span)?.unwrap_or(Span::Hour);
    let now = state.engine.now();
    let series = state.reader.series(span, now).await?;
    let levels = state.reader.levels().await?;
    let survey = state.reader.survey(TROUBLED).await?;
    let mut troubled = Vec::with_capacity(survey.troubled.len());
    for id in &survey.troubled {
        match view::integration(&state, *id).await {
            Ok(view) => troubled.push(Trouble::of(&view, &state).await?),
            // It was deleted between the two readings.
            Err(problem) if problem.code() == Code::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    let total = series.total();
    let numbers = vec![
        ("Delivered", count(total.delivered)),
        ("Failed attempts", count(total.failed)),
        ("Dead", count(total.dead)),
        ("p50 latency", quantile(&total.latency, 500)),
        ("p99 latency", quantile(&total.latency, 990)),
        ("Queue now", count(levels.waiting)),
    ];
    let plots = vec![
        Drawn {
            id: "deliveries",
            title: format!("Deliveries by outcome, {}", step_words(span)),
            plot: plot::deliveries(&series),
        },
        Drawn { id: "depth", title: "Queue depth".to_owned(), plot: plot::queue_depth(&series) },
        Drawn {
            id: "latency",
            title: "From accepted to delivered".to_owned(),
            plot: plot::latency(&series),
        },
    ];
    let done = survey.automations > 0 && survey.integrations > 0 && survey.has_deliveries;
    let in_list = u64::try_from(troubled.len()).unwrap_or(0);
    html(&Page {
        frame: Frame::of(&caller, &request, Place::Overview, "Overview"),
        span: span.word(),
        spans: Span::ALL.map(|each| (each.word(), words(each))).to_vec(),
        more: survey.troubles.saturating_sub(in_list),
        destinations: survey.integrations,
        steps: (!done).then_some(survey),
        troubled,
        numbers,
        plots,
        table: Numbers::of(plot::of_series(&series), now),
        not_ready: state.engine.ready().err(),
    })
}

const fn words(span: Span) -> &'static str {
    match span {
        Span::Hour => "Last hour",
        Span::Day => "Last day",
        Span::Week => "Last week",
    }
}

const fn step_words(span: Span) -> &'static str {
    match span {
        Span::Hour => "a minute",
        Span::Day => "each 15 minutes",
        Span::Week => "each 2 hours",
    }
}

fn quantile(latency: &Histogram, thousandths: u32) -> String {
    latency.quantile(thousandths).map_or_else(|| "—".to_owned(), span)
}

impl Trouble {
    async fn of(view: &IntegrationView, state: &WebState) -> Result<Self, Problem> {
        let now = state.engine.now();
        let id = view.integration.automation_id;
        let automation = match state.reader.automation(id).await {
            Ok(automation) => automation.name,
            Err(StoreError::NotFound) => String::new(),
            Err(error) => return Err(error.into()),
        };
        let shown = view.shown(state);
        let counts = shown.state.as_ref();
        Ok(Self {
            id: view.integration.id.to_string(),
            name: view.integration.name.clone(),
            automation,
            automation_id: id.to_string(),
            health: Health::of(&shown),
            pending: count(counts.map_or(0, |each| each.pending.saturating_add(each.in_flight))),
            dead: count(counts.map_or(0, |each| each.dead)),
            last_error: counts
                .and_then(|each| each.reason.clone().or_else(|| each.last_error.clone())),
            next: counts.and_then(|each| When::read(each.next_attempt_at.as_deref()?, now)),
            since: view.state.health.last_failure_at.map(|at| When::of(at, now)),
        })
    }
}

impl Page {
    fn is_span(&self, word: &str) -> bool {
        self.span == word
    }
}
