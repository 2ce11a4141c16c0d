//! Each kind of destination, with a receiver that is in some mood.

use std::net::SocketAddr;
use std::time::Duration;

use belfry::channel::ChannelSettings;
use belfry::domain::integration::AuthMethod;

use crate::receiver::sending::{Sending, settings};
use crate::receiver::{Ca, Door, Identity, Receiver, Reply, Seen};

/// What must not be seen: the credential, or the secret part of it.
pub(crate) const SECRET: &str = "canary-s3cr3t-canary";

/// A kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Webhook,
    Slack,
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
    receiver: Receiver,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Webhook, Self::Slack];

    pub(crate) fn start(self, identity: Identity, mood: Mood) -> There {
        let receiver = Receiver::start(Door::tls(identity), move |_, seen| self.reply(mood, seen));
        There { kind: self, receiver }
    }

    /// Whether the integration itself has something secret.
    pub(crate) const fn has_credential(self) -> bool {
        match self {
            Self::Webhook | Self::Slack => true,
        }
    }

    fn reply(self, mood: Mood, seen: &Seen) -> Reply {
        let (unwell, unwanted) = match self {
            Self::Webhook => ((500, "no"), (400, "not this one")),
            Self::Slack => ((500, "rollup_error"), (400, "invalid_payload")),
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
        self.receiver.addr
    }

    pub(crate) fn settings(&self, ca: &Ca, timeout: Duration) -> ChannelSettings {
        self.settings_at(ca, timeout, "127.0.0.1")
    }

    /// Settings with which what is sent to `host` comes here.
    pub(crate) fn settings_at(&self, ca: &Ca, timeout: Duration, _: &str) -> ChannelSettings {
        ChannelSettings { timeout, ..settings(ca) }
    }

    pub(crate) fn sending(&self) -> Sending {
        self.sending_at("127.0.0.1")
    }

    pub(crate) fn sending_at(&self, host: &str) -> Sending {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self.kind {
            Kind::Webhook => {
                Sending::to(&self.receiver.url_at(&host, "/hook")).auth(AuthMethod::Bearer, SECRET)
            }
            Kind::Slack => {
                let path = format!("/services/T0/B0/{SECRET}");
                Sending::slack(&self.receiver.url_at(&host, &path))
            }
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.receiver.log().connections
    }

    /// Whole messages that came.
    pub(crate) fn messages(&self) -> usize {
        self.receiver.log().requests.len()
    }
}
