//! Each kind of destination, with a receiver that is in some mood.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use belfry::channel::{ChannelSettings, Login, SmtpSettings};
use belfry::domain::integration::AuthMethod;
use belfry::domain::mail_server::{MailSender, Security};
use belfry::domain::secret::Secret;

use crate::mailbox::Mailbox;
use crate::receiver::sending::{Sending, settings};
use crate::receiver::{Ca, Door, Identity, Receiver, Reply, Seen};

/// What must not be seen: the credential, or the secret part of it.
pub(crate) const SECRET: &str = "canary-s3cr3t-canary";

/// A kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Webhook,
    Slack,
    Email,
}

/// What the receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes what comes.
    Takes,
    /// Takes it, and says more about it than anybody wants to know.
    TakesAndFloods,
    /// Is not able to.
    IsUnwell,
    /// Does not want this one alert.
    RefusesThisOne,
    /// Refuses it and sends back what it was given.
    Echoes,
    Hangs,
    Drips,
    Closes,
    SpeaksNonsense,
    FloodsItsHead,
}

/// A receiver of some kind.
pub(crate) struct There {
    kind: Kind,
    at: At,
}

enum At {
    Https(Receiver),
    Mail(Mailbox),
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Webhook, Self::Slack, Self::Email];

    pub(crate) fn start(self, identity: Identity, mood: Mood) -> There {
        let at = match self {
            Self::Email => At::Mail(Mailbox::start(identity, mood)),
            Self::Webhook | Self::Slack => {
                let script = move |_, seen: &Seen| self.reply(mood, seen);
                At::Https(Receiver::start(Door::tls(identity), script))
            }
        };
        There { kind: self, at }
    }

    /// Whether the integration itself has something secret.
    pub(crate) const fn has_credential(self) -> bool {
        match self {
            Self::Webhook | Self::Slack => true,
            // Its login is the service's.
            Self::Email => false,
        }
    }

    fn reply(self, mood: Mood, seen: &Seen) -> Reply {
        let (unwell, unwanted) = match self {
            Self::Webhook => ((500, "no"), (400, "not this one")),
            Self::Slack => ((500, "rollup_error"), (400, "invalid_payload")),
            Self::Email => unreachable!("it has a server of its own"),
        };
        let pace = Duration::from_millis(5);
        match mood {
            Mood::Takes => Reply::text(200, "ok"),
            Mood::TakesAndFloods => {
                Reply::head("HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n")
                    .endless("ok".repeat(2048))
            }
            Mood::IsUnwell => Reply::text(unwell.0, unwell.1),
            Mood::RefusesThisOne => Reply::text(unwanted.0, unwanted.1),
            Mood::Echoes => {
                let heard: Vec<_> = seen.headers.iter().map(|(_, value)| value.as_str()).collect();
                Reply::text(403, &format!("{} {}", seen.target, heard.join(" ")))
            }
            Mood::Hangs => Reply::hang(),
            Mood::Drips => Reply::default().drip("HTTP/1.1 200 OK\r\n".repeat(1000), pace),
            Mood::Closes => Reply::close(),
            Mood::SpeaksNonsense => Reply::head(format!("nonsense {SECRET}\r\n\r\n")).then_close(),
            Mood::FloodsItsHead => {
                Reply::head("HTTP/1.1 200 OK\r\n").endless("x-more: and more\r\n")
            }
        }
    }
}

impl There {
    pub(crate) fn addr(&self) -> SocketAddr {
        match &self.at {
            At::Https(receiver) => receiver.addr,
            At::Mail(mailbox) => mailbox.addr,
        }
    }

    pub(crate) fn settings(&self, ca: &Ca, timeout: Duration) -> ChannelSettings {
        self.settings_at(ca, timeout, "127.0.0.1")
    }

    /// Settings with which what is sent to `host` comes here.
    pub(crate) fn settings_at(&self, ca: &Ca, timeout: Duration, host: &str) -> ChannelSettings {
        let smtp = match host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => url::Host::Ipv6(address),
            Err(_) => url::Host::parse(host).unwrap(),
        };
        let login = Login {
            username: "belfry".to_owned(),
            password: Arc::new(Secret::new(SECRET.to_owned())),
        };
        let smtp = SmtpSettings {
            host: smtp,
            port: self.addr().port(),
            security: Security::Tls,
            login: Some(login),
            from: MailSender::parse("Belfry <belfry@example.com>").unwrap(),
            hello_name: "belfry.test".to_owned(),
            timeout,
        };
        ChannelSettings { timeout, smtp: Some(smtp), ..settings(ca) }
    }

    pub(crate) fn sending(&self) -> Sending {
        self.sending_at("127.0.0.1")
    }

    pub(crate) fn sending_at(&self, host: &str) -> Sending {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let receiver = match &self.at {
            At::Https(receiver) => receiver,
            At::Mail(_) => return Sending::email("ops@example.com"),
        };
        match self.kind {
            Kind::Email => unreachable!("it was sent above"),
            Kind::Webhook => {
                Sending::to(&receiver.url_at(&host, "/hook")).auth(AuthMethod::Bearer, SECRET)
            }
            Kind::Slack => {
                let path = format!("/services/T0/B0/{SECRET}");
                Sending::slack(&receiver.url_at(&host, &path))
            }
        }
    }

    pub(crate) fn connections(&self) -> usize {
        match &self.at {
            At::Https(receiver) => receiver.log().connections,
            At::Mail(mailbox) => mailbox.kept().connections,
        }
    }

    /// Whole messages that came.
    pub(crate) fn messages(&self) -> usize {
        match &self.at {
            At::Https(receiver) => receiver.log().requests.len(),
            At::Mail(mailbox) => mailbox.kept().mails,
        }
    }
}
