//! Settings and health: how the service is, and which configuration is in force. Nothing can be changed here:
//! each setting names its key.
//!
//! Who may look sees how it is and how it delivers. Who sets URLs sees which addresses are open, too. Files,
//! addresses and ways out of the machine are for admins.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use tokio::sync::Semaphore;

use super::form::Form;
use super::frame::{Frame, Place};
use super::html;
use super::words::{When, bytes, count, exact};
use crate::domain::integration::{HttpsUrl, Policy};
use crate::domain::limits::{ADDRESSES_TRIED_AT_ONCE, CERTIFICATE_ENDS_SOON};
use crate::domain::mail_server::Security;
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::metrics::Access;
use crate::store::{DiskNow, Room, StoreHealth};
use crate::web::WebState;
use crate::web::auth::{Caller, Editor, Viewer};
use crate::web::error::{Code, Problem};
use crate::web::in_force::{Classifier, Egress, Names, Proxy, Settings, Smtp, Tls, Tried};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    health: Health,
    delivery: Vec<Fact>,
    keeping: Vec<Fact>,
    egress: Egress,
    ways_out: Vec<Fact>,
    /// Whether alerts can go by mail, for those who add destinations.
    mails: bool,
    mail: Vec<Fact>,
    /// Of the classifier; empty where there is none.
    classifier: Vec<Fact>,
    /// It failed too often, and is not asked for the time being.
    classifier_left_alone: bool,
    server: Vec<Fact>,
    file: String,
    url: String,
    error: Option<String>,
    tried: Option<Tried>,
}

/// How the service is.
struct Health {
    /// Why it is not ready.
    not_ready: Option<&'static str>,
    version: &'static str,
    started: When,
    database: String,
    log: String,
    disk: Option<Disk>,
    backup: Option<(When, String)>,
    certificate: Option<Certificate>,
}

struct Disk {
    words: String,
    tone: &'static str,
    word: &'static str,
}

struct Certificate {
    expires: When,
    is_over: bool,
    ends_soon: bool,
}

/// A setting that is in force.
struct Fact {
    what: &'static str,
    /// None where nothing is set.
    values: Vec<String>,
    key: &'static str,
}

/// The kind of address that no default decides about.
const METADATA: &str = "cloud metadata";

/// How many may try addresses at once.
static TRIES: Semaphore = Semaphore::const_new(ADDRESSES_TRIED_AT_ONCE);

pub(super) async fn page(
    caller: Caller<Viewer>,
    state: Data<WebState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    html(&shown(&caller, &state, &request).await?)
}

/// Says what would become of an attempt to a URL, and who decides it.
pub(super) async fn try_address(
    caller: Caller<Editor>,
    state: Data<WebState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&request, payload).await?;
    let typed = form.text("url").trim().to_owned();
    let mut page = shown(&caller, &state, &request).await?;
    match HttpsUrl::parse(&typed) {
        Err(error) => page.error = Some(error.to_string()),
        Ok(url) => {
            let Ok(_turn) = TRIES.try_acquire() else {
                let words = "Others are trying addresses at this moment: try again in a second.";
                let wait = Duration::from_secs(1);
                return Err(Problem::new(Code::TooManyRequests, words).after(wait));
            };
            let longest = state.in_force.settings().timeout;
            match tokio::time::timeout(longest, state.in_force.try_address(url)).await {
                Ok(tried) => page.tried = Some(tried),
                Err(_) => {
                    page.error = Some(format!("can't be looked up within {}", exact(longest)));
                }
            }
        }
    }
    page.url = typed;
    let is_wrong = page.error.is_some();
    let mut answer = html(&page)?;
    if is_wrong {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(answer)
}

async fn shown<R>(
    caller: &Caller<R>,
    state: &WebState,
    request: &HttpRequest,
) -> Result<SettingsPage, Problem> {
    let store = state.reader.health().await?;
    let settings = state.in_force.settings();
    let now = state.engine.now();
    Ok(SettingsPage {
        frame: Frame::of(caller, request, Place::Settings, "Settings"),
        health: Health::of(state, &store, &settings, now),
        delivery: delivery(&state.policy, &settings),
        keeping: keeping(&settings),
        ways_out: ways_out(&settings.egress),
        server: server(state, &settings),
        mails: settings.smtp.is_some(),
        mail: settings.smtp.as_ref().map(mail).unwrap_or_default(),
        classifier: settings.classifier.as_ref().map(classifier).unwrap_or_default(),
        classifier_left_alone: state.engine.classifier_left_alone(),
        egress: settings.egress,
        file: settings.file,
        url: String::new(),
        error: None,
        tried: None,
    })
}

impl Health {
    fn of(state: &WebState, store: &StoreHealth, settings: &Settings, now: Timestamp) -> Self {
        Self {
            not_ready: state.engine.ready().err(),
            version: env!("CARGO_PKG_VERSION"),
            started: When::of(settings.started_at, now),
            database: bytes(store.database_bytes),
            log: bytes(store.log_bytes),
            disk: store.disk.map(Disk::of),
            backup: store.last_backup.map(|last| (When::of(last.made_at, now), bytes(last.bytes))),
            certificate: settings.tls.as_ref().and_then(|tls| Certificate::of(tls, now)),
        }
    }
}

impl Disk {
    fn of(now: DiskNow) -> Self {
        let (tone, word) = match now.room {
            Room::Plenty => ("good", "enough"),
            Room::Short => ("warn", "short"),
            Room::Low => ("bad", "full: nothing new is taken"),
        };
        Self {
            words: format!("{} of {}", bytes(now.free_bytes), bytes(now.whole_bytes)),
            tone,
            word,
        }
    }
}

impl Certificate {
    fn of(tls: &Tls, now: Timestamp) -> Option<Self> {
        let at = tls.expires_at?;
        Some(Self {
            expires: When::of(at, now),
            is_over: at <= now,
            ends_soon: at <= now.plus(CERTIFICATE_ENDS_SOON),
        })
    }
}

fn fact(what: &'static str, value: impl Into<String>, key: &'static str) -> Fact {
    Fact { what, values: vec![value.into()], key }
}

fn delivery(policy: &Policy, settings: &Settings) -> Vec<Fact> {
    let Schedule { base, factor, cap, horizon, jitter } = policy.schedule;
    vec![
        fact("Time of an attempt", exact(settings.timeout), "delivery.timeout"),
        fact(
            "Attempts of one destination at once",
            count(u64::from(policy.max_in_flight)),
            "delivery.max_in_flight",
        ),
        fact(
            "Attempts beside those, over all destinations",
            count(u64::try_from(settings.max_in_flight_total).unwrap_or(u64::MAX)),
            "delivery.max_in_flight_total",
        ),
        fact("Delay after the first failure", exact(base), "delivery.retry.base"),
        fact("Each further delay", format!("{factor} times as long"), "delivery.retry.factor"),
        fact("Longest delay", exact(cap), "delivery.retry.cap"),
        fact("Retried after the alert for", exact(horizon), "delivery.retry.horizon"),
        fact(
            "Random share of a delay",
            format!("{:.0} %", jitter * 100.0),
            "delivery.retry.jitter",
        ),
        fact(
            "Failures in a row that open the circuit",
            count(u64::from(policy.circuit_failures)),
            "delivery.circuit.failures",
        ),
    ]
}

fn keeping(settings: &Settings) -> Vec<Fact> {
    let days = |days: u32| if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    vec![
        fact(
            "Finished alerts are kept, and known as repeats, for",
            days(settings.retention_days),
            "storage.retention_days",
        ),
        fact(
            "The audit log is kept for",
            days(settings.audit_retention_days),
            "storage.audit_retention_days",
        ),
    ]
}

fn ways_out(egress: &Egress) -> Vec<Fact> {
    let proxy = match &egress.proxy {
        Proxy::None => "none: straight to the destination".to_owned(),
        Proxy::EmptyEnvironment => "none: the environment's variables name none".to_owned(),
        Proxy::Through { url, signs_in, from_environment } => {
            let user = if *signs_in { ", with user and password" } else { "" };
            let whence = if *from_environment { ", from the environment's variables" } else { "" };
            format!("{url}{user}{whence}")
        }
    };
    let (names, key) = match egress.names {
        Names::Dns => ("the configured name servers".to_owned(), "egress.resolver"),
        Names::System => ("the operating system".to_owned(), "egress.resolver"),
        Names::Server(server) => (format!("the name server {server}"), "egress.dns"),
    };
    vec![
        fact("Proxy", proxy, "egress.proxy"),
        fact("Names are looked up by", names, key),
        Fact {
            what: "Authorities trusted beside the platform's",
            values: egress.ca_files.clone(),
            key: "egress.ca_files",
        },
        Fact {
            what: "Client certificate",
            values: egress.client_cert.iter().cloned().collect(),
            key: "egress.client_cert",
        },
    ]
}

fn mail(smtp: &Smtp) -> Vec<Fact> {
    let security = match smtp.security {
        Security::StartTls => "STARTTLS, or not used",
        Security::Tls => "TLS from its start",
        Security::None => "nothing: everybody on the way can read the alerts",
    };
    vec![
        fact("Mail server", smtp.place.as_str(), "smtp.host"),
        fact("Secured by", security, "smtp.tls"),
        Fact {
            what: "Signs in as",
            values: smtp.username.iter().cloned().collect(),
            key: "smtp.username",
        },
        fact("Mail comes from", smtp.from.as_str(), "smtp.from"),
        fact("Calls itself", smtp.hello_name.as_str(), "smtp.hello_name"),
        fact("Time of an attempt", exact(smtp.timeout), "smtp.timeout"),
    ]
}

fn classifier(classifier: &Classifier) -> Vec<Fact> {
    let key = if classifier.signs_in { "is given" } else { "none is given" };
    vec![
        fact("Asked at", classifier.url.as_str(), "detect.classifier.url"),
        fact("Spoken to by", classifier.protocol, "detect.classifier.protocol"),
        Fact {
            what: "Model",
            values: classifier.model.iter().cloned().collect(),
            key: "detect.classifier.model",
        },
        fact("Key", key, "detect.classifier.api_key_file"),
        fact("Time of a question", exact(classifier.timeout), "detect.classifier.timeout"),
        fact(
            "Records with it at once",
            classifier.max_in_flight.to_string(),
            "detect.classifier.max_in_flight",
        ),
        fact("A record waits at most", exact(classifier.max_wait), "detect.classifier.max_wait"),
    ]
}

fn server(state: &WebState, settings: &Settings) -> Vec<Fact> {
    let metrics = match state.metrics.access {
        Access::Token => "who has a token that may look",
        Access::Open => "everybody who reaches the address",
        Access::Off => "nobody",
    };
    let public_url = state.site.public_url.iter().map(ToString::to_string).collect();
    vec![
        Fact {
            what: "Listens on",
            values: settings.listen.iter().map(ToString::to_string).collect(),
            key: "server.listen",
        },
        Fact { what: "Reached by people at", values: public_url, key: "server.public_url" },
        Fact {
            what: "Own certificate",
            values: settings.tls.iter().map(|tls| tls.file.clone()).collect(),
            key: "server.tls_cert",
        },
        Fact {
            what: "Proxies whose word about addresses counts",
            values: settings.trusted_proxies.clone(),
            key: "server.trusted_proxies",
        },
        fact(
            "Threads that serve, and as many that send",
            settings.workers.to_string(),
            "server.workers",
        ),
        fact("Data directory", settings.data.as_str(), ""),
        fact("Directory of the database", settings.storage.as_str(), "storage.path"),
        fact("Metrics are read by", metrics, "metrics.access"),
        fact("Log lines", settings.log_format, "log.format"),
        fact("Least important lines logged", settings.log_level.as_str(), "log.level"),
        fact("Records are shown at", settings.dashboard_url.as_str(), "dashboard_url"),
    ]
}

impl SettingsPage {
    /// The kinds of addresses that are open, or shut, where no list says otherwise.
    fn by_default(&self, open: bool) -> String {
        // Metadata has a line of its own.
        let kinds = self
            .egress
            .defaults
            .iter()
            .filter(|(kind, is_open)| *is_open == open && *kind != METADATA);
        kinds.map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ")
    }
}
