//! `POST /v1/integrations/preview`: what an alert looks like at a destination of some kind. Nothing is stored or
//! sent.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::attempt_out::{HeaderOut, headers_out};
use super::record_json::parse_record;
use super::target_in;
use crate::domain::integration::{
    Addresses, AuthMethod, Email, HttpsUrl, Kind, Slack, Target, Webhook,
};
use crate::domain::notice::Notice;
use crate::domain::record::Record;
use crate::domain::sample;
use crate::domain::template::Dress;
use crate::domain::wording::{Templates, Wording};
use crate::engine::ports::Shown;
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;
use crate::web::json::{self, Faults, Fields};
use crate::web::{WebState, body};

/// What an alert looks like there.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Preview")]
pub(super) struct PreviewOut {
    /// The title of the message.
    title: String,
    /// What a template made in the place of the feedback's excerpt.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What went wrong with a template, so that the default stands in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The headers that it is sent with.
    headers: Vec<HeaderOut>,
    /// What is sent: JSON, or text.
    body: Value,
    /// The same as a page, where that is sent, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

/// A message as people read it, and as it is sent.
pub(in crate::web) struct Preview {
    pub(in crate::web) notice: Notice,
    pub(in crate::web) wording: Wording,
    pub(in crate::web) shown: Shown,
}

/// What an alert for that record looks like; for a sample record, where there is none.
///
/// # Errors
/// 503 where the service is stopping.
pub(in crate::web) fn preview(
    state: &WebState,
    target: Target,
    automation: &str,
    record: Option<&Record>,
) -> Result<Preview, Problem> {
    let templates = target.templates().cloned().unwrap_or_default();
    let sample = sample::record();
    let record = record.unwrap_or(&sample);
    // Without levels of its own it is shown with those of the sample.
    let levels = record.levels.unwrap_or_else(sample::levels);
    let (alert, shown) = state.engine.preview(target, automation, record, &levels)?;
    let notice = Notice::read(alert.body.bytes()).named(automation);
    let wording = Wording::of(&notice, &templates, Dress::Plain);
    Ok(Preview { notice, wording, shown })
}

pub(super) async fn show(
    _caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json(&request, payload).await?;
    let mut faults = Faults::default();
    let asked = read(json::parse(&body)?, &mut faults);
    let Asked { target, automation, record } = faults.none_or(asked)?;
    let Preview { wording, shown, .. } = preview(&state, target, &automation, record.as_ref())?;
    let Shown { headers, body, html, .. } = shown;
    Ok(HttpResponse::Ok().json(PreviewOut {
        title: wording.title,
        text: wording.text,
        note: wording.note,
        headers: headers_out(headers),
        body: serde_json::from_str(&body).unwrap_or(Value::String(body)),
        html,
    }))
}

struct Asked {
    target: Target,
    automation: String,
    record: Option<Record>,
}

fn read(value: Value, faults: &mut Faults) -> Option<Asked> {
    let mut fields = Fields::of(value, "", faults)?;
    let kind = target_in::kind(&mut fields, faults);
    let template = fields.value("template");
    if kind == Some(Kind::Webhook) && template.is_some() {
        faults.add("/template", "is not for the kind webhook: leave it out");
    }
    let templates = target_in::templates(template, "/template", faults);
    let automation = fields.text("automation_name", faults);
    let record = fields.value("record").and_then(|record| {
        let parsed = parse_record(&record.to_string());
        parsed.map_err(|wrong| faults.add(format!("/record{}", wrong.pointer), wrong.message)).ok()
    });
    fields.end(faults);
    Some(Asked {
        target: stand_in(kind?, templates?)?,
        automation: automation.unwrap_or_else(|| "Enterprise escalations".to_owned()),
        record,
    })
}

/// A destination that nothing is sent to.
pub(in crate::web) fn stand_in(kind: Kind, templates: Templates) -> Option<Target> {
    Some(match kind {
        Kind::Webhook => Target::Webhook(Webhook {
            url: HttpsUrl::parse("https://receiver.example/").ok()?,
            auth: AuthMethod::None,
            signing: false,
            http1_only: false,
        }),
        Kind::Slack => {
            let shown = "https://hooks.slack.com/services/…".to_owned();
            Target::Slack(Slack { shown, templates })
        }
        Kind::Email => {
            let to = Addresses::parse("on-call@example.com").ok()?;
            Target::Email(Email { to, templates })
        }
    })
}
