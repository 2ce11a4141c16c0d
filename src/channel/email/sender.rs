//! One attempt by mail: to those of the integration's addresses that earlier attempts have not settled.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustls::ClientConfig;

use super::connection::{Connection, Dial, Reached};
use super::message;
use super::settings::SmtpSettings;
use super::transaction::{Broken, Findings, carry_out};
use crate::channel::egress::Egress;
use crate::channel::https::{Mask, Seen, words_for};
use crate::channel::settings::{ChannelError, ChannelSettings};
use crate::channel::tls::{self, NoRoots};
use crate::domain::integration::Email;
use crate::domain::limits::{SMTP_CHECK, SMTP_IDLE, SMTP_IDLE_CONNECTIONS};
use crate::domain::mail_server::MailSender;
use crate::domain::outcome::{Fault, FaultKind, Outcome};
use crate::domain::recipient::{EmailAddress, judge};
use crate::engine::ports::{Attempt, Shown};

/// Everything that goes out by mail by the same settings, with the connections that are kept for the next.
pub(in crate::channel) struct Way {
    settings: Option<SmtpSettings>,
    egress: Egress,
    tls: Result<Arc<ClientConfig>, NoRoots>,
    idle: Mutex<Vec<Connection>>,
}

impl Way {
    pub(in crate::channel) fn new(settings: &ChannelSettings) -> Result<Self, ChannelError> {
        Ok(Self {
            settings: settings.smtp.clone(),
            egress: settings.egress(),
            tls: tls::client_config(settings)?.map(Arc::new),
            idle: Mutex::default(),
        })
    }

    /// A kept connection that the server still answers on.
    async fn kept(&self) -> Option<Connection> {
        loop {
            let mut connection = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.retain(|each| each.used_at.elapsed() < SMTP_IDLE);
                idle.pop()?
            };
            // One that something in between has forgotten would eat up the time of the attempt.
            let check = tokio::time::timeout(SMTP_CHECK, connection.smtp.test_connected());
            if check.await == Ok(true) {
                return Some(connection);
            }
        }
    }

    fn keep(&self, mut connection: Connection) {
        connection.used_at = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < SMTP_IDLE_CONNECTIONS {
            idle.push(connection);
        }
    }
}

/// Sends the mail once, to those who don't have it.
pub(in crate::channel) async fn send(
    mail: &Way,
    attempt: &Attempt,
    email: &Email,
    begun: Instant,
) -> (Outcome, Seen) {
    let mut seen = Seen::default();
    let failed = |kind, detail: &str| Outcome::Failed(Fault { kind, detail: detail.to_owned() });
    let Some(settings) = &mail.settings else {
        let words = "set smtp.host and smtp.from in belfry.toml, and reload the service";
        return (failed(FaultKind::NotConfigured, words), seen);
    };
    let tls = match &mail.tls {
        Ok(tls) => Arc::clone(tls),
        Err(missing) => return (failed(FaultKind::Tls, &missing.to_string()), seen),
    };
    let is_settled = |address: &EmailAddress| {
        attempt.settled.iter().any(|each| each.address == address.as_str())
    };
    let to: Vec<&EmailAddress> = email.to.iter().filter(|each| !is_settled(each)).collect();
    if to.is_empty() {
        return (Outcome::Judged(judge(&attempt.settled, &[])), seen);
    }
    let (made, note) = match message::make(attempt, email, &settings.from) {
        Ok(made) => made,
        Err(error) => return (failed(FaultKind::Internal, &error), seen),
    };
    let login = settings.login.as_ref();
    let mask = Mask::new(login.map(|login| login.password.expose()));
    let reached: Reached = Cell::new("a kept connection");
    let found = Findings::default();
    let way = Dial { settings, egress: &mail.egress, tls, mask: &mask, reached: &reached };
    let speaking = async {
        let mut connection = match mail.kept().await {
            Some(connection) => connection,
            None => way.connect(&mut seen.phases).await.map_err(Broken::Failed)?,
        };
        seen.remote = Some(connection.peer.to_string());
        let ready = Instant::now();
        let carried = carry_out(&way, &mut connection, &to, &made.bytes, &found).await;
        seen.phases.first_byte = Some(ready.elapsed());
        carried?;
        Ok::<_, Broken>(connection)
    };
    let deadline = tokio::time::Instant::from_std(begun) + settings.timeout;
    let spoken = tokio::time::timeout_at(deadline, speaking).await;
    let found = found.into_inner();
    let outcome = match spoken {
        Ok(Ok(connection)) => {
            // One that refused all it was asked for has an open transaction: it is not kept.
            if found.iter().any(|each| each.code < 400) {
                mail.keep(connection);
            }
            let mut judged = judge(&attempt.settled, &found);
            if let Some(note) = note {
                judged.words.push_str(". ");
                judged.words.push_str(&note);
            }
            Outcome::Judged(judged)
        }
        Ok(Err(Broken::Answered(judged))) => Outcome::Judged(judged),
        Ok(Err(Broken::Failed(fault))) => Outcome::Failed(fault),
        Err(_) => {
            let within = words_for(settings.timeout);
            let place = settings.place();
            let detail =
                format!("{place} did not get further than {} within {within}", reached.get());
            Outcome::Failed(way.told(FaultKind::Timeout, &detail))
        }
    };
    seen.recipients = found;
    (outcome, seen)
}

/// The mail as it is sent.
pub(in crate::channel) fn shown(mail: &Way, attempt: &Attempt, email: &Email) -> Shown {
    let stand_in = MailSender { name: Some("Belfry".to_owned()), address: EmailAddress::unset() };
    let from = mail.settings.as_ref().map_or(&stand_in, |settings| &settings.from);
    let (headers, body, html) = match message::make(attempt, email, from) {
        Ok((made, _)) => (made.headers, made.plain, Some(made.html)),
        Err(error) => (Vec::new(), error, None),
    };
    Shown { method: "MAIL", to: email.to.to_string(), headers, body, html }
}
