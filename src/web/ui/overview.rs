//! The first page: what went out and what waits, destinations in trouble first, and, before all that is
//! there, what is to be done first.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::frame::{Frame, Place};
use super::health::Health;
use super::html;
use super::plot::{self, Plot};
use super::table::Numbers;
use super::words::{When, count, span as span_words};
use crate::domain::latency::Histogram;
use crate::domain::limits::{MINUTE_WRITTEN_IN, TROUBLED};
use crate::domain::minutes::Span;
use crate::domain::time::Timestamp;
use crate::store::{Begun, Troubled};
use crate::web::WebState;
use crate::web::api::query::Query;
use crate::web::api::view;
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    spans: Vec<Choice>,
    span: &'static str,
    steps: Vec<Step>,
    /// Whether anything was ever sent.
    has_alerts: bool,
    /// Whether there is anything that could be in trouble.
    has_destinations: bool,
    figures: Vec<Figure>,
    trouble: Vec<Trouble>,
    more_trouble: bool,
    pictures: Vec<Picture>,
    numbers: Numbers,
}

/// One of the spans that can be looked at.
struct Choice {
    word: &'static str,
    words: &'static str,
    here: bool,
}

/// What a fresh service needs, and whether it has it.
struct Step {
    done: bool,
    words: &'static str,
    path: &'static str,
    hint: &'static str,
}

/// A plot with its heading.
struct Picture {
    title: &'static str,
    plot: Plot,
}

/// A number at the top.
struct Figure {
    words: &'static str,
    value: String,
}

struct Trouble {
    id: String,
    name: String,
    automation_id: String,
    automation_name: String,
    health: Health,
    error: Option<String>,
    waiting: String,
    dead: u64,
    next: Option<When>,
}

pub(super) async fn overview(
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
    let begun = state.reader.begun().await?;
    let series = state.reader.series(span, now).await?;
    let levels = state.reader.levels().await?;
    // One more than is shown tells whether there are more.
    let troubled = state.reader.troubled(state.engine.parked(), TROUBLED.saturating_add(1)).await?;
    let more_trouble = troubled.len() > TROUBLED;
    // The figures go up to now: what just happened is in them, though no plot has its minute yet.
    let written = state.reader.series(span, now.plus(MINUTE_WRITTEN_IN)).await?;
    let mut total = written.total();
    total.add(&(state.since_full_minute)());
    let figures = [
        ("Delivered", count(total.delivered)),
        ("Failed attempts", count(total.failed)),
        ("Given up", count(total.dead)),
        ("Latency, p50", quantile(&total.latency, 500)),
        ("Latency, p99", quantile(&total.latency, 990)),
        ("On their way now", count(levels.waiting)),
        ("Dead now", count(levels.dead)),
    ];
    html(&Overview {
        frame: Frame::of(&caller, &request, Place::Overview, "Overview"),
        spans: Span::ALL
            .into_iter()
            .map(|each| Choice { word: each.word(), words: words(each), here: each == span })
            .collect(),
        span: span.word(),
        steps: steps(begun),
        has_alerts: begun.alert,
        has_destinations: begun.integration,
        figures: figures.into_iter().map(|(words, value)| Figure { words, value }).collect(),
        trouble: worst_first(&troubled, &state, now),
        more_trouble,
        pictures: vec![
            Picture { title: deliveries_title(span), plot: plot::deliveries(&series) },
            Picture { title: "Queue depth", plot: plot::queue_depth(&series) },
            Picture { title: "From accepted to delivered", plot: plot::latency(&series) },
        ],
        numbers: Numbers::of(plot::of_series(&series), now),
    })
}

const fn words(span: Span) -> &'static str {
    match span {
        Span::Hour => "Last hour",
        Span::Day => "Last day",
        Span::Week => "Last week",
    }
}

const fn deliveries_title(span: Span) -> &'static str {
    match span {
        Span::Hour => "Deliveries a minute by outcome",
        Span::Day => "Deliveries in 15 minutes by outcome",
        Span::Week => "Deliveries in 2 hours by outcome",
    }
}

fn quantile(latency: &Histogram, thousandths: u32) -> String {
    latency.quantile(thousandths).map_or_else(|| "–".to_owned(), short)
}

/// As short as fits: below ten seconds, tenths count.
fn short(span: Duration) -> String {
    let ms = span.as_millis();
    if (1_000..10_000).contains(&ms) {
        format!("{}.{} s", ms / 1_000, ms / 100 % 10)
    } else {
        span_words(span)
    }
}

/// The way to the first alert; nothing is left of it once there was one.
fn steps(begun: Begun) -> Vec<Step> {
    if begun.automation && begun.integration && begun.alert {
        return Vec::new();
    }
    vec![
        Step {
            done: begun.automation,
            words: "Make an automation",
            path: "/automations/new",
            hint: "It says which records are watched, and what counts as an escalation.",
        },
        Step {
            done: begun.integration,
            words: "Add a webhook to it",
            path: if begun.automation { "/automations" } else { "/automations/new" },
            hint: "Open the automation, Edit, and in its section Alerts: Add webhook.",
        },
        Step {
            done: begun.alert,
            words: "Send a record",
            path: "/records",
            hint: "Paste one, see what would happen, and send it: its alert shows here.",
        },
    ]
}

fn worst_first(troubled: &[Troubled], state: &WebState, now: Timestamp) -> Vec<Trouble> {
    let mut all: Vec<Trouble> = troubled
        .iter()
        .map(|each| {
            let shown = view::shown(&each.integration, &each.state, state);
            let live = shown.state.as_ref();
            let error = live.filter(|live| live.consecutive_failures > 0);
            let reason = live.and_then(|live| live.reason.clone());
            Trouble {
                health: Health::of(&shown),
                error: reason.or_else(|| error.and_then(|live| live.last_error.clone())),
                waiting: count(live.map_or(0, |live| live.pending.saturating_add(live.in_flight))),
                dead: live.map_or(0, |live| live.dead),
                next: live.and_then(|live| When::read(live.next_attempt_at.as_deref()?, now)),
                id: shown.settings.id,
                name: shown.settings.name,
                automation_id: shown.settings.automation_id,
                automation_name: each.automation_name.clone(),
            }
        })
        .collect();
    all.sort_by_key(|each| each.health.rank);
    all.truncate(TROUBLED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_tick_themselves_off_and_go() {
        let done = |automation, integration, alert| {
            let steps = steps(Begun { automation, integration, alert });
            steps.iter().map(|step| step.done).collect::<Vec<_>>()
        };
        assert_eq!(done(false, false, false), [false, false, false]);
        assert_eq!(done(true, false, false), [true, false, false]);
        assert_eq!(done(true, true, false), [true, true, false]);
        assert!(done(true, true, true).is_empty());
    }

    #[test]
    fn latencies_are_short() {
        for (ms, words) in [(80, "80 ms"), (2_340, "2.3 s"), (11_000, "11 s"), (180_000, "3 min")] {
            assert_eq!(short(Duration::from_millis(ms)), words);
        }
        assert_eq!(quantile(&Histogram::default(), 500), "–");
    }
}
