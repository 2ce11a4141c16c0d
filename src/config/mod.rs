//! The configuration: `DIR/belfry.toml` and `BELFRY__…` variables, checked as a whole before anything
//! starts, with every problem reported at once.

pub mod classifier;
mod keys;
mod problem;
mod read;
pub mod smtp;
mod source;
pub mod span;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
pub use keys::{Form, KEYS, Key, template};
pub use problem::{Problem, Problems};

use crate::channel::EgressPolicy;
use crate::domain::integration::{Ordering, Policy};
use crate::domain::schedule::Schedule;
use crate::domain::secret::Secret;
use crate::metrics::Access;
use read::{Value, Values};

/// The name of the file in the data directory.
pub const FILE: &str = "belfry.toml";

/// The whole configuration; it exists only when it is valid.
#[derive(Debug)]
pub struct Config {
    /// Where API and UI are served.
    pub listen: SocketAddr,
    /// Certificate chain and key for serving over TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// How people reach the service, where that differs from `listen`.
    pub public_url: Option<String>,
    /// Proxies whose word about a caller's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Threads that serve; as many send.
    pub workers: usize,
    /// The directory of the database.
    pub storage: PathBuf,
    /// For how many days finished alerts are kept.
    pub retention_days: u32,
    /// For how many days the audit log is kept.
    pub audit_retention_days: u32,
    /// Time of an attempt.
    pub timeout: Duration,
    /// Attempts under way beside another of their integration, over all.
    pub max_in_flight_total: usize,
    /// What queues go by.
    pub policy: Policy,
    /// The address policy and the ways out.
    pub egress: Egress,
    /// The mail server, where one is named.
    pub smtp: Option<smtp::Smtp>,
    /// The organisation's own phrases for the detector.
    pub detect_phrases: Option<PathBuf>,
    /// The classifier that is asked in the detector's place, where one is named.
    pub classifier: Option<classifier::Classifier>,
    /// Whether log lines are JSON.
    pub log_json: bool,
    /// The least important lines that are written.
    pub log_level: String,
    /// Who may read the metrics.
    pub metrics_access: Access,
    /// Where the dashboard shows records, without a slash at its end.
    pub dashboard_url: String,
}

/// The address policy and the ways out.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Egress {
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    pub ca_files: Vec<PathBuf>,
    /// `env` or a URL, which may hold a password.
    pub proxy: Option<Secret>,
    pub client_cert: Option<PathBuf>,
    /// Names are looked up by the operating system.
    pub system_resolver: bool,
    pub dns: Option<SocketAddr>,
}

impl Config {
    /// Reads `belfry.toml` in the data directory, and the environment.
    ///
    /// # Errors
    /// All problems at once, each with its place and what is allowed.
    pub fn load(data: &Path) -> Result<Self, Problems> {
        let path = data.join(FILE);
        let mut problems = Vec::new();
        let text = source::file(&path, &mut problems);
        let environment = source::environment(std::env::vars_os(), &mut problems);
        let shown = path.display().to_string();
        let file = text.as_ref().map(|text| (shown.as_str(), text.as_str()));
        Self::checked(data, file, environment, problems)
    }

    /// The same from texts; `file` is a name and what is in it.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        data: &Path,
        file: Option<(&str, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        Self::checked(data, file, environment, Vec::new())
    }

    fn checked(
        data: &Path,
        file: Option<(&str, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
        mut problems: Vec<Problem>,
    ) -> Result<Self, Problems> {
        let values = read::read(file, environment, &mut problems);
        check_together(&values, &mut problems);
        if !problems.is_empty() {
            problems.sort_by_cached_key(Problem::order);
            return Err(Problems(problems));
        }
        Ok(built(data, &values))
    }
}

/// What no key can tell alone.
fn check_together(values: &Values, problems: &mut Vec<Problem>) {
    let place = |name: &str| values.get(name).map(|found| found.place.clone());
    for (one, other) in
        [("server.tls_cert", "server.tls_key"), ("server.tls_key", "server.tls_cert")]
    {
        if let (Some(place), None) = (place(one), place(other))
            && !values.refused(&[other])
        {
            problems.push(Problem { place, what: format!("{one} needs {other} beside it") });
        }
    }
    refuse_plain_http(values, problems);
    smtp::check(values, problems);
    classifier::check(values, problems);
    let proxies = "server.trusted_proxies";
    for entry in list(values, proxies).iter().filter(|entry| network(entry).is_none()) {
        let what = format!("{proxies} has {entry:?}: it must be a network such as \"10.0.0.0/8\"");
        problems.push(Problem { place: place(proxies).unwrap_or_default(), what });
    }
    let entries = (list(values, "egress.allow"), list(values, "egress.deny"));
    if let Err(errors) = EgressPolicy::parse(&entries.0, &entries.1, &[]) {
        for error in errors {
            let place = place(&format!("egress.{}", error.list)).unwrap_or_default();
            problems.push(Problem { place, what: error.to_string() });
        }
    }
    if let (Some(base), Some(cap)) =
        (values.get("delivery.retry.base"), values.get("delivery.retry.cap"))
        && let (Value::Span(base_span), Value::Span(cap_span)) = (&base.value, &cap.value)
        && base_span > cap_span
        && !values.refused(&["delivery.retry.base", "delivery.retry.cap"])
    {
        // A default is nothing that anybody could look up: the other one is what was given.
        let given = if base.place.starts_with(read::DEFAULT) { cap } else { base };
        let what = "delivery.retry.base can't be longer than delivery.retry.cap".to_owned();
        problems.push(Problem { place: given.place.clone(), what });
    }
}

/// Without TLS, tokens and passwords would cross the network for everybody to read.
fn refuse_plain_http(values: &Values, problems: &mut Vec<Problem>) {
    let keys = ["server.listen", "server.tls_cert", "server.tls_key", "server.allow_plain_http"];
    let listen = text(values, "server.listen").and_then(|text| text.parse::<SocketAddr>().ok());
    let Some(listen) = listen.filter(|addr| !addr.ip().to_canonical().is_loopback()) else {
        return;
    };
    let tls = text(values, "server.tls_cert").is_some() || text(values, "server.tls_key").is_some();
    let allowed = matches!(value(values, "server.allow_plain_http"), Some(Value::Switch(true)));
    if tls || allowed || values.refused(&keys) {
        return;
    }
    let place = values.get("server.listen").map(|found| found.place.clone()).unwrap_or_default();
    let what = format!(
        "server.listen can't be {listen} without TLS: others would read tokens and passwords; set \
         server.tls_cert and server.tls_key, or, behind a proxy that speaks TLS, \
         server.allow_plain_http = true"
    );
    problems.push(Problem { place, what });
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    let one = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(one)
}

fn built(data: &Path, values: &Values) -> Config {
    let path = |name| text(values, name).map(|text| data.join(text));
    let address = |name| text(values, name).and_then(|text| text.parse().ok());
    let tls = path("server.tls_cert").zip(path("server.tls_key"));
    let defaults = Schedule::default();
    Config {
        listen: address("server.listen").unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8787))),
        tls,
        public_url: text(values, "server.public_url"),
        trusted_proxies: list(values, "server.trusted_proxies")
            .iter()
            .filter_map(|text| network(text))
            .collect(),
        workers: whole(values, "server.workers"),
        storage: path("storage.path").unwrap_or_else(|| data.to_owned()),
        retention_days: whole(values, "storage.retention_days"),
        audit_retention_days: whole(values, "storage.audit_retention_days"),
        timeout: span(values, "delivery.timeout").unwrap_or(Duration::from_secs(5)),
        max_in_flight_total: whole(values, "delivery.max_in_flight_total"),
        policy: Policy {
            schedule: Schedule {
                base: span(values, "delivery.retry.base").unwrap_or(defaults.base),
                factor: number(values, "delivery.retry.factor").unwrap_or(defaults.factor),
                cap: span(values, "delivery.retry.cap").unwrap_or(defaults.cap),
                horizon: span(values, "delivery.retry.horizon").unwrap_or(defaults.horizon),
                jitter: number(values, "delivery.retry.jitter").unwrap_or(defaults.jitter),
            },
            circuit_failures: whole(values, "delivery.circuit.failures"),
            max_in_flight: whole(values, "delivery.max_in_flight"),
            ordering: Ordering::Due,
            rate_limit: None,
        },
        egress: Egress {
            allow: list(values, "egress.allow"),
            deny: list(values, "egress.deny"),
            ca_files: list(values, "egress.ca_files").iter().map(|file| data.join(file)).collect(),
            proxy: text(values, "egress.proxy").map(Secret::new),
            client_cert: path("egress.client_cert"),
            system_resolver: text(values, "egress.resolver").as_deref() == Some("system"),
            dns: address("egress.dns"),
        },
        smtp: smtp::built(data, values),
        detect_phrases: path("detect.phrases"),
        classifier: classifier::built(data, values),
        log_json: text(values, "log.format").as_deref() == Some("json"),
        log_level: text(values, "log.level").unwrap_or_else(|| "info".to_owned()),
        metrics_access: match text(values, "metrics.access").as_deref() {
            Some("open") => Access::Open,
            Some("off") => Access::Off,
            // Only these three words come through the check; whatever else came would be no open door.
            Some(_) | None => Access::Token,
        },
        dashboard_url: text(values, "dashboard_url").unwrap_or_default(),
    }
}

fn value<'a>(values: &'a Values, name: &str) -> Option<&'a Value> {
    values.get(name).map(|found| &found.value)
}

fn text(values: &Values, name: &str) -> Option<String> {
    match value(values, name) {
        Some(Value::Text(text)) => Some(text.clone()),
        Some(
            Value::Span(_) | Value::Whole(_) | Value::Number(_) | Value::Switch(_) | Value::List(_),
        )
        | None => None,
    }
}

fn span(values: &Values, name: &str) -> Option<Duration> {
    match value(values, name) {
        Some(Value::Span(span)) => Some(*span),
        Some(
            Value::Text(_) | Value::Whole(_) | Value::Number(_) | Value::Switch(_) | Value::List(_),
        )
        | None => None,
    }
}

fn number(values: &Values, name: &str) -> Option<f64> {
    match value(values, name) {
        Some(Value::Number(number)) => Some(*number),
        Some(
            Value::Text(_) | Value::Whole(_) | Value::Span(_) | Value::Switch(_) | Value::List(_),
        )
        | None => None,
    }
}

/// A whole number in its form's bounds, which fit the type that is asked for.
fn whole<T: TryFrom<i64> + From<u8>>(values: &Values, name: &str) -> T {
    let number = match value(values, name) {
        Some(Value::Whole(number)) => T::try_from(*number).ok(),
        Some(
            Value::Text(_) | Value::Number(_) | Value::Span(_) | Value::Switch(_) | Value::List(_),
        )
        | None => None,
    };
    number.unwrap_or_else(|| T::from(1))
}

fn list(values: &Values, name: &str) -> Vec<String> {
    match value(values, name) {
        Some(Value::List(items)) => items.clone(),
        Some(
            Value::Text(_) | Value::Number(_) | Value::Span(_) | Value::Switch(_) | Value::Whole(_),
        )
        | None => Vec::new(),
    }
}
