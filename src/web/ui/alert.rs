//! One alert: what is sent, and where it goes.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value;

use super::deliveries::{Named, Row, Then};
use super::frame::{Frame, Place};
use super::html;
use super::why::Why;
use super::words::{When, bytes};
use crate::detect::external::Finding;
use crate::domain::alert::Aside;
use crate::domain::id::AlertId;
use crate::domain::limits::CURL_BODY_BYTES;
use crate::engine::ports::StoreError;
use crate::store::queries::AlertRow;
use crate::web::WebState;
use crate::web::api::id;
use crate::web::auth::{Caller, Viewer};
use crate::web::error::Problem;

const WHAT: &str = "alert";

/// An alert's body, as it is and in parts.
pub(super) struct Content {
    /// What is sent, byte for byte.
    pub(super) body: String,
    /// What stands beside it, for messages.
    pub(super) aside: Aside,
    /// What its levels follow from, where they were found here.
    pub(super) why: Option<Why>,
    pub(super) size: String,
    /// The same with line breaks, where that is worth its room.
    pub(super) spread: Option<String>,
    pub(super) levels: Vec<(&'static str, String)>,
    pub(super) source: Option<String>,
    pub(super) excerpt: Option<String>,
    /// The record in the dashboard, and where it comes from; only what a browser opens as a page.
    pub(super) url: Option<String>,
    pub(super) source_url: Option<String>,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct Alert {
    frame: Frame,
    id: String,
    record_id: String,
    org_id: String,
    escalated: When,
    automation: Option<Named>,
    rows: Vec<Row>,
    content: Option<Content>,
    why: Option<Why>,
}

pub(super) async fn show(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: AlertId = id(&path, WHAT)?;
    let found = read(&state, id).await?.ok_or_else(|| Problem::not_found(WHAT))?;
    let AlertRow { org_id, escalated_at, alert, found, deliveries } = found;
    let logged = state.reader.logged(deliveries).await?;
    let now = state.engine.now();
    let rows: Vec<_> = logged.iter().map(|each| Row::of(each, now)).collect();
    let record_id = match &alert {
        Ok(alert) => alert.record_id.clone(),
        Err(_) => logged.first().map_or_else(String::new, |each| each.row.record_id.clone()),
    };
    let automation = logged.first().map(|each| Named {
        id: each.row.automation_id.to_string(),
        name: each.way.automation.clone(),
        deleted: each.way.automation_deleted,
    });
    let frame = Frame::of(&caller, &request, Place::Deliveries, format!("Alert for {record_id}"));
    html(&Alert {
        frame,
        id: id.to_string(),
        record_id,
        org_id,
        escalated: When::of(escalated_at, now),
        automation,
        rows,
        content: alert.ok().map(|alert| Content::of(alert.body.bytes())),
        why: why(found.as_deref()),
    })
}

async fn read(state: &Data<WebState>, id: AlertId) -> Result<Option<AlertRow>, Problem> {
    match state.reader.alert(id).await {
        Err(StoreError::NotFound) => Ok(None),
        found => Ok(Some(found?)),
    }
}

/// What levels follow from; nothing where they were not found here, or what is kept of it is damaged.
fn why(found: Option<&str>) -> Option<Why> {
    Finding::from_stored(found?).ok().map(|found| Why::of(&found))
}

impl Content {
    /// The body of an alert; nothing where it is damaged.
    pub(super) async fn read(state: &Data<WebState>, id: AlertId) -> Result<Option<Self>, Problem> {
        let found = read(state, id).await?;
        Ok(found.and_then(|row| {
            let alert = row.alert.ok()?;
            let why = why(row.found.as_deref());
            Some(Self { aside: alert.aside, why, ..Self::of(alert.body.bytes()) })
        }))
    }

    fn of(body: &[u8]) -> Self {
        let parsed: Result<Value, _> = serde_json::from_slice(body);
        let is_json = parsed.is_ok() && body.len() <= CURL_BODY_BYTES;
        let parsed = parsed.unwrap_or_default();
        let whole = String::from_utf8_lossy(body).into_owned();
        let text = |at: &str| parsed.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let levels = [
            ("Escalation", "/levels/escalation_level"),
            ("Emotional intensity", "/levels/emotional_intensity_level"),
            ("Sentiment", "/levels/sentiment_shift"),
        ];
        Self {
            size: bytes(u64::try_from(body.len()).unwrap_or(u64::MAX)),
            spread: is_json.then(|| spread(&whole)),
            body: whole,
            aside: Aside::default(),
            why: None,
            levels: levels.into_iter().filter_map(|(word, at)| Some((word, text(at)?))).collect(),
            source: text("/record/source"),
            excerpt: text("/record/content_excerpt").filter(|text| !text.is_empty()),
            url: text("/record/url").and_then(|url| web_link(&url)),
            source_url: text("/record/source_url").and_then(|url| web_link(&url)),
        }
    }
}

/// JSON with a line for each value. The text itself is spread and not what it means, so that its order,
/// its numbers and its escapes stay those that are sent.
pub(super) fn spread(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        // Nobody reads what stands further to the right.
        text.extend(std::iter::repeat_n("  ", depth.min(8)));
    };
    for c in json.chars() {
        if in_string {
            text.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            '{' | '[' => {
                depth += 1;
                text.push(c);
                line(&mut text, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                in_string = c == '"';
                text.push(c);
            }
        }
    }
    text
}

/// An address that a stranger gave, if a browser opens it as a page and as nothing else.
fn web_link(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_linked() {
        assert_eq!(web_link("https://a.example/x?y").as_deref(), Some("https://a.example/x?y"));
        for text in
            ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x", "/x", "//x", ""]
        {
            assert_eq!(web_link(text), None, "{text}");
        }
    }

    #[test]
    fn json_is_spread_without_a_change_to_what_it_says() {
        let json = r#"{"b":[1.50,"a,b:{}[]\"\\"],"a":"\u0041 \n"}"#;
        let spread = spread(json);
        assert_eq!(
            spread,
            "{\n  \"b\": [\n    1.50,\n    \"a,b:{}[]\\\"\\\\\"\n  ],\n  \"a\": \"\\u0041 \\n\"\n}"
        );
        let meaning = |text| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(meaning(&spread), meaning(json));
    }

    #[test]
    fn a_body_is_shown_whatever_it_is() {
        let content = Content::of(
            br#"{"levels":{"escalation_level":"urgent","sentiment_shift":7},
            "record":{"source":"<b>","source_url":"javascript:1","content_excerpt":""}}"#,
        );
        assert_eq!(content.levels, [("Escalation", "urgent".to_owned())]);
        assert_eq!(content.source.as_deref(), Some("<b>"));
        assert!(content.source_url.is_none() && content.excerpt.is_none());
        assert_eq!(content.spread.unwrap().lines().count(), 11);
        let content = Content::of(b"not json \xff");
        assert_eq!(content.body, "not json \u{fffd}");
        assert!(content.levels.is_empty());
    }
}
