//! The stage: two receivers with a throwaway certificate, and an automation that alerts both.

use std::time::Duration;

use serde_json::{Value, json};

use super::story::{Failure, Story};
use crate::cli::certificate::Throwaway;
use crate::cli::client::{Client, ClientError};
use crate::cli::error::CliError;
use crate::cli::listen::{
    Answer, Auth, Behaviour, Expected, Options, Receiver, RetryAfter, Trouble,
};
use crate::domain::secret::Secret;

/// The receiver that takes everything, from whoever sends it: people try their own first automation on it.
const STEADY: &str = "desk";
/// The receiver that wants a credential, and fails some alerts at first.
const SHAKY: &str = "router";

/// The receivers, and what the service must know of them.
pub(super) struct Scene {
    steady: Receiver,
    shaky: Receiver,
    ca_pem: String,
    credential: String,
}

impl Scene {
    /// Starts the receivers.
    pub(super) async fn set(story: &Story) -> Result<Self, CliError> {
        let made =
            Throwaway::make(std::net::Ipv4Addr::LOCALHOST.into()).map_err(CliError::failed)?;
        let certificate = (made.certificate_pem, made.key_pem);
        let credential = format!("router-{}", uuid::Uuid::new_v4().simple());
        let steady = Receiver::start(Options {
            certificate: Some(certificate.clone()),
            watcher: Some(story.watcher(STEADY, true)),
            ..Options::default()
        });
        let shaky = Receiver::start(Options {
            certificate: Some(certificate),
            behaviour: shaky(),
            expected: Expected {
                auth: Some(Auth::Bearer(Secret::new(credential.clone()))),
                signing_secret: None,
            },
            watcher: Some(story.watcher(SHAKY, false)),
            ..Options::default()
        });
        let (steady, shaky) = (steady.await, shaky.await);
        Ok(Self {
            steady: steady.map_err(CliError::failed)?,
            shaky: shaky.map_err(CliError::failed)?,
            ca_pem: made.ca_pem,
            credential,
        })
    }

    /// The authority that the service must trust.
    pub(super) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Each receiver with what it does, for people.
    pub(super) fn receivers(&self) -> [(&'static str, String, &'static str); 2] {
        [
            (
                STEADY,
                format!("{}alerts", self.steady.url()),
                "takes every alert, with any authentication",
            ),
            (
                SHAKY,
                format!("{}alerts", self.shaky.url()),
                "wants a credential, and fails every third alert at first",
            ),
        ]
    }

    /// Makes the sample automation, through the API as anybody would. Returns its id.
    pub(super) async fn automate(&self, client: &Client) -> Result<String, CliError> {
        let [(steady, steady_url, _), (shaky, shaky_url, _)] = self.receivers();
        let automation = json!({
            "name": "Sample: what escalates",
            "active": true,
            "minimum_levels": {"escalation_level": "medium"},
            "integrations": [
                {"kind": "webhook", "name": steady, "url": steady_url, "auth": {"method": "none"}},
                {"kind": "webhook", "name": shaky, "url": shaky_url,
                 "auth": {"method": "bearer", "credential": self.credential}},
            ],
        });
        let body = automation.to_string().into_bytes();
        let made = client.post("/v1/automations", &[], Some(body)).await?;
        match made.get("id").and_then(Value::as_str) {
            Some(id) => Ok(id.to_owned()),
            None => Err(client.strange("the new automation has no id").into()),
        }
    }

    pub(super) async fn stop(self) {
        // The counts were told as they grew.
        let _told = self.steady.stop().await;
        let _told = self.shaky.stop().await;
    }
}

/// Every third alert fails once; a few fail twice, so that the backoff is seen to grow; and one in a
/// while is asked to wait, by a receiver that is polite about it.
fn shaky() -> Behaviour {
    let fail = |answer, first, every| Trouble { answer, first: Some(first), every: Some(every) };
    let polite = Answer { retry_after: vec![RetryAfter::Seconds(3)], ..Answer::status(429) };
    Behaviour::Troubles(vec![
        fail(polite, 1, 15),
        fail(Answer::status(503), 2, 12),
        fail(Answer::status(503), 1, 3),
    ])
}

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
