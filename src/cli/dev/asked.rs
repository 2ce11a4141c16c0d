//! What the service is asked while the demonstration goes on: when a failed delivery is tried again, and
//! where one alert went.

use std::time::Duration;

use serde_json::Value;

use super::story::Failure;
use crate::cli::client::{Client, ClientError};

/// How often the service is asked for a failure that it has not written down yet, and how soon again.
const ASKED: u32 = 50;
const ASKED_EVERY: Duration = Duration::from_millis(20);

/// When the delivery is tried again, counted from its failure, and why it failed; `None` where it was
/// tried again meanwhile.
pub(super) async fn next_attempt(
    client: &Client,
    failure: &Failure,
) -> Result<Option<(Duration, String)>, ClientError> {
    let query = [
        ("integration_id", failure.integration_id.as_str()),
        ("record_id", failure.record_id.as_str()),
    ];
    let page = client.read("/v1/deliveries", &query).await?;
    let Some(id) = page.pointer("/data/0/id").and_then(Value::as_str) else { return Ok(None) };
    let path = format!("/v1/deliveries/{id}");
    for _ in 0..ASKED {
        let delivery = client.read(&path, &[]).await?;
        let made = delivery.get("attempts").and_then(Value::as_array);
        let made: Vec<&Value> = made.into_iter().flatten().collect();
        match made.len().cmp(&(failure.attempt as usize)) {
            std::cmp::Ordering::Less => tokio::time::sleep(ASKED_EVERY).await,
            std::cmp::Ordering::Greater => return Ok(None),
            std::cmp::Ordering::Equal => {
                let why = made.last().and_then(|attempt| attempt.get("detail")?.as_str());
                return Ok(pause(&delivery, failure).zip(why.map(str::to_owned)));
            }
        }
    }
    Ok(None)
}

fn pause(delivery: &Value, failure: &Failure) -> Option<Duration> {
    let next: jiff::Timestamp = delivery.get("next_attempt_at")?.as_str()?.parse().ok()?;
    next.duration_since(failure.at).try_into().ok()
}

/// One delivery of the alert that went everywhere.
pub(super) struct Arrived {
    /// Where it went.
    pub(super) place: String,
    /// `webhook`, `slack` or `email`.
    pub(super) kind: String,
    /// Attempts that it took.
    pub(super) attempts: u64,
}

/// The record of an alert whose deliveries all arrived, some of them after a failure, with where it went.
pub(super) async fn everywhere(
    client: &Client,
    automation_id: &str,
) -> Result<Option<(String, Vec<Arrived>)>, ClientError> {
    let automation = client.read(&format!("/v1/automations/{automation_id}"), &[]).await?;
    let places = automation.get("integrations").and_then(Value::as_array).cloned();
    let places = places.unwrap_or_default();
    let query = [("automation_id", automation_id), ("state", "delivered"), ("limit", "200")];
    let page = client.read("/v1/deliveries", &query).await?;
    let all = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let count = |delivery: &Value| {
        delivery.get("attempt_count").and_then(Value::as_u64).unwrap_or_default()
    };
    // The one that was hardest to deliver has most to tell.
    let mut best: Option<(u64, String)> = None;
    for delivery in &all {
        let record = text(delivery, "record_id");
        let of_record = || all.iter().filter(|each| text(each, "record_id") == record);
        let made: u64 = of_record().map(count).sum();
        if of_record().count() == places.len() && best.as_ref().is_none_or(|(most, _)| made > *most)
        {
            best = Some((made, record));
        }
    }
    let Some((_, record)) = best else { return Ok(None) };
    let arrived = places.iter().filter_map(|place| {
        let id = text(place, "id");
        let is_it =
            |each: &&Value| text(each, "record_id") == record && text(each, "integration_id") == id;
        let delivery = all.iter().find(is_it)?;
        Some(Arrived {
            place: text(place, "name"),
            kind: text(place, "kind"),
            attempts: count(delivery),
        })
    });
    Ok(Some((record.clone(), arrived.collect())))
}
