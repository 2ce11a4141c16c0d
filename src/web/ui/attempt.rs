//! One attempt: as a line of the history, and with all that is known of it.

use std::time::Duration;

use actix_web::web::Data;

use super::advice;
use super::alert::Content;
use super::curl::Curl;
use super::phases::{self, Bar};
use super::words::When;
use crate::domain::integration::Integration;
use crate::domain::outcome::{Outcome, Verdict};
use crate::domain::time::Timestamp;
use crate::store::history::History;
use crate::store::queries::AttemptRow;
use crate::web::WebState;
use crate::web::api::attempt_out::RequestOut;
use crate::web::api::deliveries::{self, Told};
use crate::web::error::Problem;

/// An attempt as a line of the history.
pub(super) struct AttemptLine {
    pub(super) number: u32,
    pub(super) started: When,
    pub(super) delivered: bool,
    pub(super) words: String,
    pub(super) took: String,
    pub(super) bar: Bar,
    pub(super) chosen: bool,
}

/// The attempt that is shown with all that is known of it.
pub(super) struct Chosen {
    pub(super) number: u32,
    pub(super) started: When,
    pub(super) delivered: bool,
    pub(super) words: String,
    pub(super) advice: Option<&'static str>,
    pub(super) asked_to_wait: Option<String>,
    pub(super) took: String,
    pub(super) bar: Bar,
    pub(super) remote: Option<String>,
    pub(super) answered: bool,
    pub(super) excerpt: Option<String>,
    pub(super) request: Option<RequestOut>,
    pub(super) curl: Option<Curl>,
}

/// The attempt that the history names, with the request as it was made then.
pub(super) async fn chosen(
    state: &Data<WebState>,
    history: &History,
    content: Option<&Content>,
) -> Result<Option<Chosen>, Problem> {
    let Some(attempt) = &history.chosen else { return Ok(None) };
    let row = &history.row;
    let revisions = attempt.revision.into_iter().collect();
    let known = state.reader.revisions(row.integration_id, revisions).await?;
    let integration = known.first().map(|(_, integration)| integration);
    let request = match (integration, content) {
        (Some(integration), content) => {
            let told = told(history, content);
            Some(deliveries::request(state, integration, row, &told, attempt.started_at)?)
        }
        (None, _) => None,
    };
    let curl = match (&request, integration, content) {
        (Some(request), Some(integration), Some(content)) => curl(request, integration, content),
        (None, _, _) | (_, None, _) | (_, _, None) => None,
    };
    Ok(Some(Chosen::of(attempt, request, curl, state.engine.now())))
}

/// What a message of this delivery tells.
pub(super) fn told(history: &History, content: Option<&Content>) -> Told {
    Told {
        automation: history.way.automation.clone(),
        body: content.map(|content| content.body.clone().into()).unwrap_or_default(),
        aside: content.map(|content| content.aside.clone()).unwrap_or_default(),
    }
}

/// A line that repeats a request made with the settings of that integration. Where the URL is the
/// credential there is none: it would stand in the line.
pub(super) fn curl(
    request: &RequestOut,
    integration: &Integration,
    content: &Content,
) -> Option<Curl> {
    let webhook = integration.target.webhook()?;
    Some(Curl::of(request, webhook, &content.body))
}

impl AttemptLine {
    pub(super) fn of(
        attempt: &AttemptRow,
        longest: Duration,
        chosen: Option<u32>,
        now: Timestamp,
    ) -> Self {
        Self {
            number: attempt.number,
            started: When::of(attempt.started_at, now),
            delivered: is_delivered(&attempt.outcome),
            words: match &attempt.outcome {
                Outcome::Answered { status, .. } => format!("answered {status}"),
                Outcome::Judged(judged) => format!("answered {}", judged.code),
                Outcome::Failed(fault) => fault.kind.words().to_owned(),
            },
            took: phases::time(attempt.took),
            bar: Bar::of(attempt, longest),
            chosen: chosen == Some(attempt.number),
        }
    }
}

impl Chosen {
    fn of(
        attempt: &AttemptRow,
        request: Option<RequestOut>,
        curl: Option<Curl>,
        now: Timestamp,
    ) -> Self {
        Self {
            number: attempt.number,
            started: When::of(attempt.started_at, now),
            delivered: is_delivered(&attempt.outcome),
            words: attempt.outcome.words(),
            advice: advice::advice(&attempt.outcome),
            asked_to_wait: advice::asked_to_wait(&attempt.outcome),
            took: phases::time(attempt.took),
            bar: Bar::of(attempt, attempt.took),
            remote: attempt.remote.clone(),
            answered: !matches!(attempt.outcome, Outcome::Failed(_)),
            excerpt: attempt.excerpt.clone().filter(|excerpt| !excerpt.is_empty()),
            request,
            curl,
        }
    }
}

fn is_delivered(outcome: &Outcome) -> bool {
    outcome.verdict() == Verdict::Delivered
}
