//! The stage: a receiver of each kind with a throwaway certificate, a second service, and an automation that
//! alerts them all.

use serde_json::{Value, json};

use super::relay::Relay;
use super::service::Made;
use super::story::Story;
use crate::cli::certificate::Throwaway;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::listen::mail::{MailOptions, MailTrouble, Mailbox};
use crate::cli::listen::{
    Answer, Auth, Behaviour, Expected, Options, Receiver, RetryAfter, Speaks, Trouble,
};
use crate::domain::secret::Secret;

/// The receiver that takes everything, from whoever sends it: people try their own first automation on it.
const STEADY: &str = "desk";
/// The receiver that wants a credential, and fails some alerts at first.
const SHAKY: &str = "router";
/// The Slack channel.
const CHAT: &str = "slack";
/// The mail server.
const MAILBOX: &str = "mailbox";
/// The receiver behind the second service.
const PARTNER: &str = "partner";

/// What is told of a place that alerts go to: its name, where it is, and what it does.
pub(super) type Place = (&'static str, String, &'static str);

/// The receivers, and what the service must know of them.
pub(super) struct Scene {
    steady: Receiver,
    shaky: Receiver,
    chat: Receiver,
    mailbox: Mailbox,
    partner: Receiver,
    relay: Relay,
    ca_pem: String,
    credential: String,
}

impl Scene {
    /// Starts the receivers, and the service that passes on.
    pub(super) async fn set(story: &Story) -> Result<Self, CliError> {
        let made =
            Throwaway::make(std::net::Ipv4Addr::LOCALHOST.into()).map_err(CliError::failed)?;
        let certificate = || Some((made.certificate_pem.clone(), made.key_pem.clone()));
        let credential = format!("router-{}", uuid::Uuid::new_v4().simple());
        let receiver = |name, words, options: Options| {
            let watcher = Some(story.watcher(name, words));
            Receiver::start(Options { certificate: certificate(), watcher, ..options })
        };
        let auth = Some(Auth::Bearer(Secret::new(credential.clone())));
        let expected = Expected { auth, signing_secret: None };
        let steady = receiver(STEADY, true, Options::default());
        let shaky =
            receiver(SHAKY, false, Options { behaviour: shaky(), expected, ..Options::default() });
        let chat = receiver(CHAT, false, Options { speaks: Speaks::Slack, ..Options::default() });
        let partner = receiver(PARTNER, false, Options::default());
        let mailbox = Mailbox::start(MailOptions {
            certificate: certificate(),
            trouble: MailTrouble { fail_first: Some(1), ..MailTrouble::default() },
            watcher: Some(story.mail_watcher(MAILBOX)),
            ..MailOptions::default()
        });
        let partner = partner.await.map_err(CliError::failed)?;
        let relay = Relay::start(&made, &format!("{}alerts", partner.url())).await?;
        Ok(Self {
            steady: steady.await.map_err(CliError::failed)?,
            shaky: shaky.await.map_err(CliError::failed)?,
            chat: chat.await.map_err(CliError::failed)?,
            mailbox: mailbox.await.map_err(CliError::failed)?,
            partner,
            relay,
            ca_pem: made.ca_pem,
            credential,
        })
    }

    /// What the service is made with.
    pub(super) fn made(&self) -> Made<'_> {
        Made { ca_pem: &self.ca_pem, own: None, mailbox: Some(self.mailbox.address()) }
    }

    /// Each place with what it does, for people.
    pub(super) fn receivers(&self) -> [Place; 5] {
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
            (CHAT, format!("{}services/…", self.chat.url()), "is a Slack channel"),
            (
                MAILBOX,
                self.mailbox.address().to_string(),
                "is a mail server that takes each mail at the second try",
            ),
            (
                PARTNER,
                format!("{}alerts", self.partner.url()),
                "gets alerts through the relay of a second Belfry",
            ),
        ]
    }

    /// Makes the sample automation, through the API as anybody would. Returns its id.
    pub(super) async fn automate(&self, client: &Client) -> Result<String, CliError> {
        let [(steady, steady_url, _), (shaky, shaky_url, _), ..] = self.receivers();
        let chat_url = format!("{}services/T0/B0/{}", self.chat.url(), self.credential);
        let automation = json!({
            "name": "Sample: what escalates",
            "active": true,
            "minimum_levels": {"escalation_level": "medium"},
            "integrations": [
                {"kind": "webhook", "name": steady, "url": steady_url, "auth": {"method": "none"}},
                {"kind": "webhook", "name": shaky, "url": shaky_url,
                 "auth": {"method": "bearer", "credential": self.credential}},
                {"kind": "slack", "name": CHAT, "url": chat_url},
                {"kind": "email", "name": MAILBOX,
                 "to": ["on-call@belfry.example", "lead@belfry.example"]},
                {"kind": "webhook", "name": format!("{PARTNER} by relay"), "url": self.relay.url(),
                 "auth": {"method": "api_key", "credential": self.relay.credential()}},
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
        self.relay.stop().await;
        for receiver in [self.steady, self.shaky, self.chat, self.partner] {
            let _told = receiver.stop().await;
        }
        let _told = self.mailbox.stop().await;
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
