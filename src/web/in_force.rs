//! What is in force of the configuration, as people are shown it: plain values, and no secret among them.
//! Whoever puts the service together knows it; the surface asks.

use std::net::SocketAddr;
use std::time::Duration;

use crate::domain::integration::HttpsUrl;
use crate::domain::mail_server::Security;
use crate::domain::time::Timestamp;
use crate::engine::ports::LocalPromise;

/// Knows what is in force.
pub trait InForce: Send + Sync {
    /// The settings as they are now: those of the ways out change with a reload.
    fn settings(&self) -> Settings;

    /// What would become of an attempt to that URL, by the rules that are in force now. Its name is looked up.
    fn try_address(&self, url: HttpsUrl) -> LocalPromise<Tried>;
}

/// The settings in force. What a queue goes by stands in `WebState::policy`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When the service began.
    pub started_at: Timestamp,
    /// The file that the settings come from.
    pub file: String,
    /// The data directory.
    pub data: String,
    /// The directory of the database.
    pub storage: String,
    /// Where API and pages are served.
    pub listen: Vec<SocketAddr>,
    /// Threads that serve; as many send.
    pub workers: usize,
    /// The service's own certificate, where it speaks TLS itself.
    pub tls: Option<Tls>,
    /// Whose word about a caller's address counts.
    pub trusted_proxies: Vec<String>,
    /// For how many days finished alerts are kept.
    pub retention_days: u32,
    /// For how many days the audit log is kept.
    pub audit_retention_days: u32,
    /// Time of an attempt.
    pub timeout: Duration,
    /// Attempts under way beside another of their integration, over all.
    pub max_in_flight_total: usize,
    /// Where the dashboard shows records.
    pub dashboard_url: String,
    /// `text` or `json`.
    pub log_format: &'static str,
    /// The least important lines that are logged.
    pub log_level: String,
    /// The ways out.
    pub egress: Egress,
    /// The mail server, where one is configured.
    pub smtp: Option<Smtp>,
    /// The classifier that is asked in the detector's place, where one is configured.
    pub classifier: Option<Classifier>,
}

/// The classifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classifier {
    /// Where it is asked, as it may be shown.
    pub url: String,
    /// How it is spoken to.
    pub protocol: &'static str,
    /// What the model is called there.
    pub model: Option<String>,
    /// Whether it is given a key.
    pub signs_in: bool,
    /// Time of a question.
    pub timeout: Duration,
    /// Records that are with it at once.
    pub max_in_flight: usize,
    /// How long a record waits for its turn.
    pub max_wait: Duration,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Its host and port.
    pub place: String,
    /// How the connection is secured.
    pub security: Security,
    /// Who signs in there, where somebody does.
    pub username: Option<String>,
    /// Who the mail comes from.
    pub from: String,
    /// What we call ourselves.
    pub hello_name: String,
    /// Time of an attempt.
    pub timeout: Duration,
}

/// The service's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Its file.
    pub file: String,
    /// When it ends to be valid, where that could be read.
    pub expires_at: Option<Timestamp>,
}

/// The ways out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// What is opened beside the default.
    pub allow: Vec<String>,
    /// What is shut.
    pub deny: Vec<String>,
    /// Addresses of the service itself, which are always shut.
    pub own: Vec<String>,
    /// Each kind of address, and whether it is open where no list says otherwise.
    pub defaults: Vec<(&'static str, bool)>,
    /// Files of authorities that are trusted beside the platform's.
    pub ca_files: Vec<String>,
    /// Why no certificate can be trusted now.
    pub no_trust: Option<String>,
    /// The way to the outside.
    pub proxy: Proxy,
    /// The file of the certificate that is shown to receivers that ask for one.
    pub client_cert: Option<String>,
    /// Who looks names up.
    pub names: Names,
}

/// The way to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// Straight.
    None,
    /// A proxy.
    Through {
        /// Its address, without user and password.
        url: String,
        /// Whether it is given a user and a password.
        signs_in: bool,
        /// Whether the environment's variables name it.
        from_environment: bool,
    },
    /// The environment's variables count, and name none.
    EmptyEnvironment,
}

/// Who looks names up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// The configured name servers, asked by the service itself.
    Dns,
    /// The operating system.
    System,
    /// This name server alone.
    Server(SocketAddr),
}

/// What would become of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The host as it was understood.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether an attempt would find an address that it may connect to.
    pub reachable: bool,
    /// What is decided about each address, in the words of `belfry check`, or why there is none.
    pub addresses: Result<Vec<Judged>, String>,
    /// The proxy that it would go through.
    pub proxy: Option<String>,
}

/// What is decided about one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether it may be connected to.
    pub allowed: bool,
    /// Who decided, and why.
    pub words: String,
}
