//! `POST /v1/records`: feedback in. It is answered once what it caused is durable on disk.

use std::borrow::Cow;
use std::fmt::Write as _;

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::dry_run;
use super::query::Query;
use super::record_json::{CallError, parse_records};
use crate::engine::{Intake, Judgement};
use crate::web::WebState;
use crate::web::auth::{Caller, Ingest, Needs as _, Viewer};
use crate::web::body;
use crate::web::error::{Code, Problem};

/// The answer as it is described; [`answer`] writes it.
pub(super) struct AcceptedOut;

impl JsonSchema for AcceptedOut {
    fn schema_name() -> Cow<'static, str> {
        "Accepted".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let alert = json_schema!({"type": "object",
        "required": ["id", "automation_id", "record_id", "deliveries"],
        "properties": {
            "id": {"type": "string", "description": "The alert's id."},
            "automation_id": {"type": "string", "description": "The automation that fired."},
            "record_id": {"type": "string", "description": "The record that it fired for."},
            "deliveries": {"type": "array", "items": {"type": "string"},
                           "description": "The ids of its deliveries."},
        }});
        let rejected = json_schema!({"type": "object", "required": ["index", "error"],
        "properties": {
            "index": {"type": "integer", "description": "The place in the call, from 0."},
            "error": {"type": "string", "description": "What to change."},
        }});
        json_schema!({"type": "object", "description": "What came of a call with records.",
        "required": ["accepted", "alerts", "rejected"],
        "properties": {
            "accepted": {"type": "integer", "description": "Records that were taken."},
            "alerts": {"type": "array", "items": alert,
                       "description": "What fired; for a record that is known, what it made then."},
            "rejected": {"type": "array", "items": rejected,
                         "description": "Records that are wrong."},
            "held_back": {"type": "integer", "description": "Alerts that cool-downs held back; absent \
                          where there are none."},
            "waiting": {"type": "integer", "description": "Records that were taken and wait for the \
                        classifier, which decides whether they make alerts; absent where there are none."},
        }})
    }
}

pub(super) async fn accept(
    caller: Caller<Ingest>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let is_dry = query.flag("dry_run");
    let is_dry = query.end(is_dry)?;
    let body = body::json(&request, payload).await?;
    if is_dry {
        // Who may hand records in only is not told what is configured.
        if !Viewer::met_by(caller.right()) {
            let words =
                "This token may hand records in and nothing else: a dry run tells of automations.";
            return Err(Problem::new(Code::Forbidden, words));
        }
        return dry_run::told(&body, &state).await;
    }
    let Judged { taken, rejected } = judge(&body, &state).await?;
    let count = taken.records.len();
    let intake = take(&state, taken, rejected.len()).await?;
    Ok(HttpResponse::Accepted()
        .content_type(ContentType::json())
        .body(answer(count, &intake, &rejected)))
}

/// Has the engine accept records, and counts what came of it.
///
/// # Errors
/// The store can't take them; nothing was taken then.
pub(in crate::web) async fn take(
    state: &WebState,
    taken: Judgement,
    rejected: usize,
) -> Result<Intake, Problem> {
    let counts = &state.metrics.counts;
    let count = taken.records.len();
    let intake = match state.engine.accept(taken).await {
        Ok(intake) => intake,
        Err(error) => {
            counts.refused(count);
            return Err(error.into());
        }
    };
    counts.records(count, rejected);
    let fresh = intake.fired.iter().filter(|each| each.fresh).count();
    counts.alerts(fresh, intake.fired.len() - fresh);
    counts.held_back(intake.held_back);
    Ok(intake)
}

/// The records of one call, each judged alone.
#[derive(Debug)]
pub(in crate::web) struct Judged {
    /// Those that are good, in their order.
    pub(in crate::web) taken: Judgement,
    /// The places of the others, from 0, and what to change.
    pub(in crate::web) rejected: Vec<(usize, String)>,
}

/// Reads the records of a call, and finds the levels of those that came without.
///
/// # Errors
/// What is wrong with the call as a whole, or what the store says.
pub(in crate::web) async fn judge(body: &[u8], state: &WebState) -> Result<Judged, Problem> {
    let (mut good, mut rejected) = (Vec::new(), Vec::new());
    for (index, parsed) in parse_records(body).map_err(refused)?.into_iter().enumerate() {
        match parsed {
            Ok(record) => good.push(record),
            Err(error) => rejected.push((index, error.to_string())),
        }
    }
    Ok(Judged { taken: state.engine.judge(good).await?, rejected })
}

fn refused(error: CallError) -> Problem {
    match error {
        CallError::NotJson(why) => {
            Problem::new(Code::Malformed, format!("The body is not valid JSON: {why}."))
        }
        CallError::Wrong { pointer, message } => Problem::field(&pointer, message),
    }
}

/// The answer's text. It is written by hand: this is the one answer that is made thousands of times a
/// second.
fn answer(accepted: usize, intake: &Intake, rejected: &[(usize, String)]) -> String {
    let Intake { fired, held_back, waiting } = intake;
    let mut text = String::with_capacity(64 + 160 * fired.len() + 128 * rejected.len());
    // Writing into a String can't fail.
    let _infallible = write!(text, "{{\"accepted\":{accepted},\"alerts\":[");
    for (index, alert) in fired.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _infallible = write!(
            text,
            "{comma}{{\"id\":\"{}\",\"automation_id\":\"{}\",\"record_id\":{},\"deliveries\":[",
            alert.alert,
            alert.automation_id,
            quoted(&alert.record_id)
        );
        for (index, delivery) in alert.deliveries.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _infallible = write!(text, "{comma}\"{delivery}\"");
        }
        text.push_str("]}");
    }
    text.push_str("],\"rejected\":[");
    for (place, (index, error)) in rejected.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _infallible = write!(text, "{comma}{{\"index\":{index},\"error\":{}}}", quoted(error));
    }
    text.push(']');
    // Said where there is something to say: most automations have no cool-down.
    if *held_back > 0 {
        let _infallible = write!(text, ",\"held_back\":{held_back}");
    }
    if *waiting > 0 {
        let _infallible = write!(text, ",\"waiting\":{waiting}");
    }
    text.push('}');
    text
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::id::{AlertId, AutomationId, DeliveryId};
    use crate::engine::Fired;

    #[test]
    fn the_answer_is_what_the_contract_says() {
        let automation_id = AutomationId(uuid::Uuid::nil());
        let fired = Fired {
            alert: AlertId(1),
            automation_id,
            record_id: "a \"quoted\" one".to_owned(),
            deliveries: vec![DeliveryId(3), DeliveryId(4)],
            fresh: true,
        };
        let both = Intake { fired: vec![fired.clone(), fired], ..Intake::default() };
        let text = answer(2, &both, &[(1, "id: is \"empty\"".into())]);
        let alert = json!({"id": "alr_1", "automation_id": automation_id.to_string(),
                           "record_id": "a \"quoted\" one", "deliveries": ["dlv_3", "dlv_4"]});
        let expected = json!({"accepted": 2, "alerts": [alert, alert],
                              "rejected": [{"index": 1, "error": "id: is \"empty\""}]});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        let nothing = json!({"accepted": 0, "alerts": [], "rejected": []});
        let none = Intake::default();
        assert_eq!(serde_json::from_str::<Value>(&answer(0, &none, &[])).unwrap(), nothing);
        let held = Intake { held_back: 3, waiting: 2, ..Intake::default() };
        let told: Value = serde_json::from_str(&answer(0, &held, &[])).unwrap();
        assert_eq!((&told["held_back"], &told["waiting"]), (&json!(3), &json!(2)));
    }
}
