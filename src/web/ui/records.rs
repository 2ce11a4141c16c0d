//! Records by hand: what would happen to one, and then sending it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value, json};

use super::form::Form;
use super::frame::{Frame, Place};
use super::html;
use super::why::Why;
use super::words::miss_words;
use crate::detect::external::Finding;
use crate::domain::dry_run::{DryRun, Duplicate, Fate, Outlook};
use crate::domain::levels::Levels;
use crate::domain::record::Record;
use crate::engine::{Fired, Intake};
use crate::web::WebState;
use crate::web::api::dry_run::refused;
use crate::web::api::records::{Judged, judge, take};
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::{Code, Problem};

#[derive(Template)]
#[template(path = "records.html")]
struct Page {
    frame: Frame,
    /// What was typed.
    text: String,
    error: Option<String>,
    /// Records that are wrong, by their place, and what to change.
    rejected: Vec<(usize, String)>,
    runs: Vec<Run>,
    sent: Option<Vec<Sent>>,
    accepted: usize,
    /// Alerts that cool-downs held back.
    held_back: usize,
    /// Records that wait for the classifier.
    waiting: usize,
}

/// What would become of one record.
struct Run {
    record: String,
    levels: Vec<(&'static str, &'static str)>,
    /// What each of them follows from, where the record came without any.
    why: Option<Why>,
    automations: Vec<AutomationRun>,
}

struct AutomationRun {
    id: String,
    name: String,
    fires: bool,
    why: String,
    duplicate: Option<String>,
    ways: Vec<Way>,
    body: String,
}

struct Way {
    id: String,
    name: String,
    goes: bool,
    key: String,
}

/// What was made of one that was sent.
struct Sent {
    record: String,
    automation: String,
    alert: String,
    is_new: bool,
    deliveries: Vec<String>,
}

/// What the page begins with: a record that most automations fire for.
const SAMPLE: &str = r#"{
  "id": "sample-1",
  "org_id": "acme",
  "source": "zendesk",
  "content": "This is the third time I ask. If it is not solved today, I will call my lawyer.",
  "created_at": "2026-06-27T12:00:00Z",
  "segment": "enterprise",
  "channel": "email",
  "tags": ["billing"],
  "metadata": {"arr": 120000}
}"#;

impl Page {
    fn of<R>(caller: &Caller<R>, request: &HttpRequest, text: String) -> Self {
        Self {
            frame: Frame::of(caller, request, Place::Records, "Records"),
            text,
            error: None,
            rejected: Vec::new(),
            runs: Vec::new(),
            sent: None,
            accepted: 0,
            held_back: 0,
            waiting: 0,
        }
    }

    fn refused(self, problem: &Problem) -> Result<HttpResponse, Problem> {
        let error = match problem.errors().first() {
            Some(first) if !first.pointer.is_empty() => {
                format!("{} {}.", first.pointer, first.detail)
            }
            Some(_) | None => problem.detail().to_owned(),
        };
        let mut answer = html(&Self { error: Some(error), ..self })?;
        *answer.status_mut() = problem.code().status();
        Ok(answer)
    }
}

pub(super) async fn page(
    caller: Caller<Viewer>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    html(&Page::of(&caller, &request, SAMPLE.to_owned()))
}

pub(super) async fn dry_run(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let page = Page::of(&caller, &request, form.text("records").to_owned());
    let Judged { taken, rejected } = match judged(&page.text, &state).await {
        Ok(judged) => judged,
        Err(problem) => return page.refused(&problem),
    };
    let taken = state.engine.consult(taken).await;
    match state.engine.dry_run(&taken.records).await.map_err(refused) {
        Ok(runs) => {
            let judged = runs.iter().zip(&taken.records).zip(&taken.findings);
            let runs = judged
                .map(|((run, (record, _)), found)| Run::of(run, record, found.as_ref()))
                .collect();
            html(&Page { runs, rejected, ..page })
        }
        Err(problem) if problem.code() == Code::TooLarge => page.refused(&problem),
        Err(problem) => Err(problem),
    }
}

pub(super) async fn send(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let page = Page::of(&caller, &request, form.text("records").to_owned());
    let Judged { taken, rejected } = match judged(&page.text, &state).await {
        Ok(judged) => judged,
        Err(problem) => return page.refused(&problem),
    };
    let accepted = taken.records.len();
    let Intake { fired, held_back, waiting } = take(&state, taken, rejected.len()).await?;
    let mut sent = Vec::with_capacity(fired.len());
    for each in &fired {
        sent.push(Sent::of(each, &state).await?);
    }
    let status = if accepted == 0 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut answer =
        html(&Page { sent: Some(sent), rejected, accepted, held_back, waiting, ..page })?;
    *answer.status_mut() = status;
    Ok(answer)
}

async fn judged(text: &str, state: &WebState) -> Result<Judged, Problem> {
    judge(call(text).as_bytes(), state).await
}

/// Records as people paste them: one, a list of them, or a whole call.
fn call(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(records)) => json!({ "records": records }).to_string(),
        Ok(Value::Object(record)) if !record.contains_key("records") => {
            json!({ "records": [record] }).to_string()
        }
        // Whatever it is, the reader says what is wrong with it.
        Ok(_) | Err(_) => text.to_owned(),
    }
}

impl Run {
    fn of(run: &DryRun, record: &Record, found: Option<&Finding>) -> Self {
        Self {
            record: run.record_id.clone(),
            levels: level_words(&run.levels),
            why: found.map(|found| Why::with(found, record)),
            automations: run.automations.iter().map(AutomationRun::of).collect(),
        }
    }
}

fn level_words(levels: &Levels) -> Vec<(&'static str, &'static str)> {
    vec![
        ("Escalation level", levels.escalation.word()),
        ("Emotional intensity", levels.emotional_intensity.word()),
        ("Sentiment shift", levels.sentiment_shift.map_or("not known", |shift| shift.word())),
    ]
}

impl AutomationRun {
    fn of(outlook: &Outlook) -> Self {
        let mut shown = Self {
            id: outlook.automation_id.to_string(),
            name: outlook.name.clone(),
            fires: false,
            why: String::new(),
            duplicate: None,
            ways: Vec::new(),
            body: String::new(),
        };
        match &outlook.fate {
            Fate::Misses(misses) => {
                shown.why = misses.iter().map(miss_words).collect::<Vec<_>>().join("; ");
            }
            Fate::Fires(prospect) => {
                shown.fires = true;
                shown.duplicate = prospect.duplicate.map(|duplicate| match duplicate {
                    Duplicate::Stored(id) => format!("Alert {id} was made for it before."),
                    Duplicate::SameCall => "An earlier record here has the same id.".to_owned(),
                });
                shown.body = String::from_utf8_lossy(prospect.body.bytes()).into_owned();
                shown.ways = prospect
                    .ways
                    .iter()
                    .map(|way| Way {
                        id: way.integration_id.to_string(),
                        name: way.name.clone(),
                        goes: way.goes,
                        key: way.idempotency_key.clone(),
                    })
                    .collect();
            }
        }
        shown
    }
}

impl Sent {
    async fn of(fired: &Fired, state: &WebState) -> Result<Self, Problem> {
        let automation = state.reader.automation(fired.automation_id).await;
        Ok(Self {
            record: fired.record_id.clone(),
            // It may have been deleted since.
            automation: automation
                .map_or_else(|_| fired.automation_id.to_string(), |automation| automation.name),
            alert: fired.alert.to_string(),
            is_new: fired.fresh,
            deliveries: fired.deliveries.iter().map(ToString::to_string).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::api::record_json::parse_records;

    #[test]
    fn one_record_a_list_and_a_call_are_taken() {
        for text in
            [SAMPLE.to_owned(), format!("[{SAMPLE}]"), format!("{{\"records\": [{SAMPLE}]}}")]
        {
            let records = parse_records(call(&text).as_bytes()).unwrap();
            assert_eq!(records.len(), 1, "{text}");
            assert!(records.iter().all(Result::is_ok), "{text}");
        }
        for text in ["", "nonsense", "7", "{\"records\": 7}"] {
            assert!(parse_records(call(text).as_bytes()).is_err(), "{text}");
        }
    }
}
