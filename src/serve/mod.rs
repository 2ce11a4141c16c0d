//! Puts the rooms together into the running service, and takes them apart in good order.

mod audit_log;
pub mod detector;
mod in_force;
pub mod keys;
mod mail;
mod minutes;
mod secret;
mod watchdog;
mod ways;
mod witness;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use actix::Arbiter;
use actix_web::dev::ServerHandle;

use crate::channel::webhook::signing::SigningKey;
use crate::channel::{ChannelError, ChannelSender, ChannelSettings, ClassifierClient};
use crate::config::Config;
use crate::domain::limits;
use crate::domain::throttle::Throttle;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Clock, Sealer, StoreError, VaultError};
use crate::engine::{Board, Classifying, Engine, Lane, Parts};
use crate::metrics::Metrics;
use crate::store::{Fatal, OpenError, Settings, Sqlite};
use crate::vault::KeyError;
use crate::web::password::Passwords;
use crate::web::{
    self, Callers, Certificate, MetricsDoor, ServeError, ServerSettings, Site, TlsFiles, WebState,
};
pub use in_force::InForce;
use minutes::{Counting, Tally};
use watchdog::Watchdog;
pub use ways::channel_settings;
use witness::OperatorsWitness;

/// Threads that read the database.
const READERS: usize = 2;
/// How often what is old is looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// How often it is written down which tokens and sessions were used: to the minute.
const USES: Duration = Duration::from_secs(60);

/// Why the service did not start. Nothing runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The master key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The vault.
    #[error("the vault can't be used")]
    Vault(#[from] VaultError),
    /// Secrets were sealed under another key.
    #[error(
        "{count} stored secrets can't be read with the master key in use: put the key back that they \
         were sealed with; a copy from before the last `belfry key rotate` is another key"
    )]
    OtherKey {
        /// How many.
        count: usize,
    },
    /// A setting for what goes out.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// A file that a setting names.
    #[error("{setting}: {file} can't be read")]
    File {
        /// The key of the setting.
        setting: &'static str,
        /// The file.
        file: String,
        /// The machine's answer.
        source: std::io::Error,
    },
    /// Reading what lies on disk.
    #[error("what lies on disk can't be recovered")]
    Recover(#[from] StoreError),
    /// The detector's phrases; the text says which and what to change.
    #[error("{0}")]
    Detector(String),
    /// Listening.
    #[error(transparent)]
    Listen(#[from] ServeError),
}

impl StartError {
    /// The exit status that it deserves.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Store(error) => error.exit_status(),
            Self::Key(_)
            | Self::Vault(_)
            | Self::OtherKey { .. }
            | Self::Channel(_)
            | Self::File { .. }
            | Self::Recover(_)
            | Self::Detector(_)
            | Self::Listen(_) => 1,
        }
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is taken for 1970: nothing that counts from it is worse for that.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(0).plus(since)
    }
}

/// The running service.
pub struct Running {
    engine: Engine,
    store: Sqlite,
    senders: Vec<Arc<ChannelSender>>,
    classifier: Arc<ClassifierClient>,
    addrs: Vec<SocketAddr>,
    scheme: &'static str,
    server: ServerHandle,
    watchdog: Watchdog,
    state: actix_web::web::Data<WebState>,
    tally: Arc<Tally>,
    certificate: Option<Arc<Certificate>>,
    in_force: Arc<InForce>,
    /// Held for as long as the service runs: the lanes live on them.
    arbiters: Vec<Arbiter>,
}

/// Starts the service on a data directory. Call it on an actix system, which must outlive it.
///
/// # Errors
/// What is wrong and what to do; nothing runs then.
pub async fn start(config: Config, data: &Path) -> Result<Running, StartError> {
    // A second call finds it installed already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    raise_file_limit();
    let board = Board::new(config.workers);
    let fatal: Fatal = Arc::new(end_process);
    let tally = Arc::new(Tally::new(SystemClock.now()));
    let counting = Counting { board: Arc::clone(&board), tally: Arc::clone(&tally) };
    let store = Sqlite::open_existing(
        &config.storage,
        Settings {
            after_accept: Arc::new(counting),
            fatal: Arc::clone(&fatal),
            readers: READERS,
            max_pages: None,
        },
    )?;
    // What is stored says which key is in use, where a rotation was killed.
    let sealer: Arc<dyn Sealer> = Arc::new(keys::in_use(&store, data).await?);
    let settings = channel_settings(&config, &[])?;
    if let Some(missing) = settings.check()? {
        tracing::error!(%missing, "https destinations can't be reached");
    }
    let senders = (0..config.workers)
        .map(|_| ChannelSender::new(&settings, Arc::clone(&sealer)).map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let classifier = Arc::new(ClassifierClient::new(&settings)?);
    let arbiters: Vec<Arbiter> = senders.iter().map(|_| Arbiter::new()).collect();
    let lanes = arbiters
        .iter()
        .zip(&senders)
        .map(|(arbiter, sender)| Lane { arbiter: arbiter.handle(), sender: sender.clone() });
    let their_fatal = Arc::clone(&fatal);
    let phrases = detector::phrases(config.detect_phrases.as_deref())?;
    let metrics = Metrics::default();
    let engine = Engine::start(Parts {
        store: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        sealer,
        witness: Arc::new(OperatorsWitness { metrics: metrics.clone(), tally: Arc::clone(&tally) }),
        board,
        lanes: lanes.collect(),
        policy: config.policy.clone(),
        attempt_timeout: config.timeout,
        max_in_flight_total: config.max_in_flight_total,
        dashboard_url: config.dashboard_url.clone(),
        classifying: Some(Classifying {
            classifier: classifier.clone(),
            room: Arc::new(store.clone()),
        }),
        phrases,
        fatal: Arc::new(move |what| their_fatal(70, what)),
    })
    .await?;
    let handles: Vec<_> = arbiters.iter().map(Arbiter::handle).collect();
    let watchdog = Watchdog::start(&handles, Box::new(store.beats()), fatal);
    let certificate = tls_files(&config).map(|files| Certificate::load(&files)).transpose()?;
    let in_force = InForce::new(&config, data, &settings, certificate.clone(), SystemClock.now());
    let in_force = Arc::new(in_force);
    let asked = Arc::clone(&in_force);
    let counted = Arc::clone(&tally);
    let state = WebState {
        engine: engine.clone(),
        reader: store.reader(),
        store: store.clone(),
        callers: Callers::new(),
        site: Site {
            public_url: config.public_url.as_deref().and_then(|url| url.parse().ok()),
            tls: config.tls.is_some(),
            trusted_proxies: config.trusted_proxies.clone(),
        },
        passwords: Passwords::default(),
        throttle: Mutex::new(Throttle::default()),
        policy: config.policy.clone(),
        gate: Arc::new(move |url| asked.check(url)),
        signing_secret: || SigningKey::fresh().map_err(|error| error.to_string()),
        metrics: MetricsDoor::new(config.metrics_access, metrics, store.statistics_now()),
        since_full_minute: Arc::new(move || counted.so_far()),
        in_force: in_force.clone(),
    };
    let listen = ServerSettings {
        listen: vec![config.listen],
        tls: certificate.clone(),
        workers: config.workers,
    };
    let state = actix_web::web::Data::new(state);
    // Before anybody can change anything: what comes behind it is told.
    let told = store.reader().newest_audit().await?;
    let (server, addrs) = web::serve(state.clone(), &listen)?;
    let running = Running {
        engine,
        store,
        senders,
        classifier,
        addrs,
        scheme: if config.tls.is_some() { "https" } else { "http" },
        server: server.handle(),
        watchdog,
        state: state.clone(),
        tally: Arc::clone(&tally),
        certificate,
        in_force,
        arbiters,
    };
    actix::spawn(server);
    // Only now is it known where we listen: a delivery to there would come straight back.
    running.use_settings(&config, &channel_settings(&config, &running.addrs)?)?;
    actix::spawn(sweep(running.store.clone(), config.retention_days, config.audit_retention_days));
    actix::spawn(write_down_uses(state));
    actix::spawn(minutes::follow(tally, running.store.clone(), Arc::new(SystemClock)));
    actix::spawn(audit_log::follow(running.store.reader(), told));
    Ok(running)
}

impl Running {
    /// Where API and UI are served.
    pub fn url(&self) -> String {
        let addr = self.addrs.first().copied().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        format!("{}://{addr}", self.scheme)
    }

    /// The address that it listens on.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.addrs.first().copied()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes over what the configuration now says of the ways out and of phrases, and the certificate;
    /// everything else needs a new start.
    ///
    /// # Errors
    /// What is wrong; everything stays as it was then.
    pub async fn reload(&self, config: &Config) -> Result<(), StartError> {
        let settings = channel_settings(config, &self.addrs)?;
        let file = config.detect_phrases.clone();
        // Thousands of phrases take a while: the supervisor's thread goes on.
        let reading = tokio::task::spawn_blocking(move || detector::phrases(file.as_deref()));
        let phrases = reading.await.map_err(|error| StartError::Detector(error.to_string()))??;
        if let (Some(certificate), Some(files)) = (&self.certificate, tls_files(config)) {
            certificate.reload(&files)?;
        }
        self.use_settings(config, &settings)?;
        Ok(self.engine.configure_phrases(phrases).await?)
    }

    fn use_settings(&self, config: &Config, settings: &ChannelSettings) -> Result<(), StartError> {
        settings.check()?;
        for sender in &self.senders {
            sender.reload(settings)?;
        }
        self.classifier.reload(settings)?;
        if let Some(classifier) = &settings.classifier {
            let url = classifier.url.masked();
            tracing::info!(%url, "a classifier is asked for the levels of records without any");
        }
        if let Some(denied) = settings.classifier_denied() {
            tracing::error!("{denied}");
        }
        self.in_force.exchange(config, settings);
        Ok(())
    }

    /// Takes nothing new, lets what is under way end and be written down, and closes the database.
    pub async fn stop(self) {
        let server = self.server.stop(true);
        let draining = async {
            self.engine.drain().await;
            // Callers that only keep their connection open are not waited for.
            tokio::time::timeout(Duration::from_millis(500), server).await
        };
        if draining.await.is_err() {
            self.server.stop(false).await;
        }
        self.state.callers.write_down(&self.store).await;
        self.tally.write_down(&self.store, SystemClock.now()).await;
        self.store.close().await;
        self.watchdog.end();
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }
}

/// Removes what is older than the retention, each hour, in small steps.
async fn sweep(store: Sqlite, retention_days: u32, audit_retention_days: u32) {
    let keep = Duration::from_hours(24 * u64::from(retention_days));
    let keep_audit = Duration::from_hours(24 * u64::from(audit_retention_days));
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = SystemClock.now();
        sweep_people(&store, now, keep_audit).await;
        sweep_minutes(&store, now).await;
        let cutoff = now.minus(keep);
        sweep_conversations(&store, cutoff).await;
        sweep_hygiene(&store, cutoff).await;
        let mut after = None;
        loop {
            match store.sweep(cutoff, after).await {
                Ok(swept) if swept.next.is_none() => break,
                Ok(swept) => after = swept.next,
                Err(error) => {
                    tracing::warn!(%error, "what is old could not be removed");
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Removes old lines of the audit log, sessions that are over, and keys of creations.
async fn sweep_people(store: &Sqlite, now: Timestamp, keep_audit: Duration) {
    let sessions = now.minus(limits::SESSION_LIFE);
    let keys = now.minus(limits::CREATION_KEY_LIFE);
    loop {
        match store.sweep_people(now.minus(keep_audit), sessions, keys).await {
            Ok(0) => return,
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => {
                tracing::warn!(%error, "what is old of people and their acts could not be removed");
                return;
            }
        }
    }
}

/// Removes minutes that no span shows any more: those of an hour, or more where the service was stopped.
async fn sweep_minutes(store: &Sqlite, now: Timestamp) {
    loop {
        match store.sweep_minutes(now.minus(limits::MINUTES_KEPT)).await {
            Ok(0) => return,
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => {
                tracing::warn!(%error, "old minutes could not be removed");
                return;
            }
        }
    }
}

/// Removes what was found of messages that are as old as alerts that are forgotten.
async fn sweep_conversations(store: &Sqlite, cutoff: Timestamp) {
    loop {
        match store.sweep_conversations(cutoff).await {
            Ok(0) => return,
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => {
                tracing::warn!(%error, "old scores of conversations could not be removed");
                return;
            }
        }
    }
}

/// Removes cool-downs that are long over.
async fn sweep_hygiene(store: &Sqlite, cutoff: Timestamp) {
    loop {
        match store.sweep_hygiene(cutoff).await {
            Ok(0) => return,
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => {
                tracing::warn!(%error, "old cool-downs could not be removed");
                return;
            }
        }
    }
}

/// Writes down once a minute which tokens and sessions were used.
async fn write_down_uses(state: actix_web::web::Data<WebState>) {
    loop {
        tokio::time::sleep(USES).await;
        state.callers.write_down(&state.store).await;
    }
}

fn tls_files(config: &Config) -> Option<TlsFiles> {
    config.tls.clone().map(|(cert, key)| TlsFiles { cert, key })
}

/// Each attempt and each caller takes a file: as many as the system lets us have.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, most) {
            tracing::warn!(%error, "the limit on open files can't be raised");
        }
    }
}

/// The end of a process whose inside can't be trusted: it starts clean from what is on disk.
fn end_process(status: i32, what: &str) {
    tracing::error!(what, status, "this can't be mended inside: the process ends");
    std::process::exit(status);
}
