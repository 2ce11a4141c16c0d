//! The service in this process: real surface, engine and store, on a port and a directory of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use belfry::channel::EgressPolicy;
use belfry::config::Config;
use belfry::detect::Model;
use belfry::domain::id::UserId;
use belfry::domain::integration::{HttpsUrl, Ordering, Policy};
use belfry::domain::minutes::Counts;
use belfry::domain::schedule::Schedule;
use belfry::domain::secret::Secret;
use belfry::domain::throttle::Throttle;
use belfry::domain::time::Timestamp;
use belfry::engine::ports::Clock as _;
use belfry::engine::ports::{Actor, ActorKind};
use belfry::engine::{Board, ConfiguredPhrases, Engine, Lane, Parts};
use belfry::metrics::{Access, Metrics};
use belfry::serve::{InForce, channel_settings};
use belfry::store::{NewToken, NewUser, PasswordHash, Settings, Sqlite};
use belfry::web::first::FirstCode;
use belfry::web::password::{self, Passwords};
use belfry::web::token::{Right, mint};
use belfry::web::{Callers, Certificate, MetricsDoor, ServerSettings, Site, WebState, serve};
use serde_json::{Value, json};

use crate::client::{Answer, exchange};
use crate::described;
use crate::parts::{CountingWitness, Receiver, StandingClock};

/// What a test needs of the running service.
struct Running {
    addr: SocketAddr,
    server: ServerHandle,
    store: Sqlite,
    state: actix_web::web::Data<WebState>,
}

/// What a service of a test may differ in.
#[derive(Default)]
pub(crate) struct Options {
    /// The most pages that its database may have.
    pub(crate) max_pages: Option<u32>,
    pub(crate) tls: Option<Arc<Certificate>>,
    pub(crate) site: Site,
    /// Who may read the metrics.
    pub(crate) access: Access,
}

pub(crate) struct Service {
    pub(crate) addr: SocketAddr,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) store: Sqlite,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: StandingClock,
    pub(crate) state: actix_web::web::Data<WebState>,
    tokens: Vec<(String, Secret)>,
    answers: Mutex<Vec<String>>,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with(Options::default())
    }

    pub(crate) fn start_with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let receiver = Arc::new(Receiver::new());
        let (to_test, from_thread) = channel();
        let (data, sender) = (dir.path().to_owned(), Arc::clone(&receiver));
        let clock = StandingClock::default();
        let their_clock = clock.clone();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let (running, server) = run(&data, sender, their_clock, options).await;
                to_test.send(running).unwrap();
                server.await.unwrap();
            });
        });
        let Running { addr, server, store, state } = from_thread.recv().expect("it starts");
        let mut service = Self {
            addr,
            receiver,
            store,
            dir,
            clock,
            state,
            tokens: Vec::new(),
            answers: Mutex::default(),
            server,
            thread: Some(thread),
        };
        service.offer_first_code();
        for right in Right::ALL {
            service.add_token(right.word(), right, None);
        }
        service
    }

    /// Puts [`FIRST_CODE`] where `belfry init` puts the code that it prints.
    pub(crate) fn offer_first_code(&self) {
        let code = FirstCode::given(FIRST_CODE).unwrap().stored(self.clock.now());
        wait(self.store.offer_first_code(code)).unwrap();
    }

    /// Makes a token by that name. Returns its id.
    pub(crate) fn add_token(
        &mut self,
        name: &str,
        right: Right,
        expires_at: Option<Timestamp>,
    ) -> String {
        let minted = mint(right).unwrap();
        let row = NewToken {
            id: minted.id.clone(),
            digest: minted.digest.0,
            name: name.to_owned(),
            role: right.word(),
            // One after the other, long ago: lists go by it, and ids are random.
            created_at: self
                .clock
                .now()
                .minus(Duration::from_hours(100 - self.tokens.len() as u64)),
            expires_at,
        };
        wait(self.store.insert_token(row)).unwrap();
        self.tokens.push((name.to_owned(), minted.text));
        minted.id
    }

    /// Adds a person with [`PASSWORD`]. Returns the id.
    pub(crate) fn add_user(&self, name: &str, right: Right) -> String {
        static HASH: LazyLock<PasswordHash> =
            LazyLock::new(|| password::hash(&password::Password::given(PASSWORD)).unwrap());
        let user = NewUser {
            id: UserId(uuid::Uuid::new_v4()),
            name: name.to_owned(),
            folded: password::folded(name),
            password: HASH.clone(),
            role: right.word(),
        };
        let id = user.id.to_string();
        wait(self.store.add_user(user, None, somebody(), self.clock.now())).unwrap();
        id
    }

    /// Signs in. Returns the answer.
    pub(crate) fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({"name": name, "password": password}).to_string();
        self.call("", "POST", "/v1/session", &[], body.as_bytes())
    }

    /// Adds a person who signs in. Returns the cookie.
    pub(crate) fn session_of(&self, name: &str, right: Right) -> String {
        self.add_user(name, right);
        cookie(&self.sign_in(name, PASSWORD))
    }

    /// One call by somebody who is signed in, from one of our own pages.
    pub(crate) fn signed_in(&self, cookie: &str, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
        self.call("", method, path, &headers, body.as_bytes())
    }

    /// The token of that name in the clear.
    pub(crate) fn token(&self, name: &str) -> &str {
        let found = self.tokens.iter().find(|(each, _)| each == name);
        found.unwrap_or_else(|| panic!("no token {name}")).1.expose()
    }

    /// One call by the holder of the token of that name; by nobody where it is empty.
    pub(crate) fn call(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: belfry\r\nconnection: close\r\n");
        if !who.is_empty() {
            request.push_str(&format!("authorization: Bearer {}\r\n", self.token(who)));
        }
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !body.is_empty() {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
            if !typed {
                request.push_str("content-type: application/json\r\n");
            }
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        let answer = exchange(self.addr, &bytes);
        described::check(method, path, &answer);
        self.answers.lock().unwrap().push(format!("{answer:?}"));
        answer
    }

    /// One call of the admin's with a JSON body.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call("admin", method, path, &[], body.as_bytes())
    }

    /// One call of the admin's that must succeed; the answer's JSON.
    pub(crate) fn ok(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.json(method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Whether a text was in any answer so far.
    pub(crate) fn ever_answered(&self, text: &str) -> bool {
        self.answers.lock().unwrap().iter().any(|answer| answer.contains(text))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The future is already sent when it is made; nobody waits for the last requests of a test.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the service panicked");
        }
        // Matrix F1: whatever a test did, no secret was answered, and none lies readable on disk.
        if !std::thread::panicking() {
            for secret in ["sentinel-", FIRST_CODE] {
                assert!(!self.ever_answered(secret), "a secret was answered");
            }
            for entry in std::fs::read_dir(self.dir.path()).unwrap() {
                let path = entry.unwrap().path();
                let bytes = std::fs::read(&path).unwrap();
                for secret in ["sentinel-", FIRST_CODE] {
                    let mut parts = bytes.windows(secret.len());
                    let found = parts.any(|window| window == secret.as_bytes());
                    assert!(!found, "a secret lies in {}", path.display());
                }
            }
        }
    }
}

async fn run(
    data: &Path,
    receiver: Arc<Receiver>,
    clock: StandingClock,
    options: Options,
) -> (Running, actix_web::dev::Server) {
    let board = Board::new(1);
    let settings = Settings {
        after_accept: board.clone(),
        fatal: Arc::new(|_, why| panic!("the store ends the process: {why}")),
        readers: 2,
        max_pages: options.max_pages,
    };
    let store = Sqlite::open(data, settings).unwrap();
    let policy = Policy {
        schedule: Schedule { jitter: 0.0, ..Schedule::default() },
        circuit_failures: 5,
        max_in_flight: 8,
        ordering: Ordering::Due,
        rate_limit: None,
    };
    let metrics = Metrics::default();
    let started_at = clock.now();
    let engine = Engine::start(Parts {
        store: Arc::new(store.clone()),
        clock: Arc::new(clock),
        sealer: receiver.vault.clone(),
        witness: Arc::new(CountingWitness(metrics.clone())),
        board,
        lanes: vec![Lane { arbiter: actix::Arbiter::new().handle(), sender: receiver }],
        policy: policy.clone(),
        attempt_timeout: Duration::from_secs(5),
        max_in_flight_total: 64,
        dashboard_url: "https://dashboard.test".to_owned(),
        classifying: None,
        phrases: ConfiguredPhrases::none(Model::built_in().unwrap()),
        fatal: Arc::new(|why| panic!("the engine ends the process: {why}")),
    })
    .await
    .unwrap();
    let egress = EgressPolicy::parse(&[], &[], &[]).unwrap();
    let state = WebState {
        engine,
        reader: store.reader(),
        store: store.clone(),
        callers: Callers::new(),
        site: options.site,
        passwords: Passwords::default(),
        throttle: Mutex::new(Throttle::default()),
        policy,
        gate: Arc::new(move |url: &HttpsUrl| egress.check_url(url).map_err(|e| e.to_string())),
        signing_secret: || {
            belfry::channel::webhook::signing::SigningKey::fresh()
                .map_err(|error| error.to_string())
        },
        metrics: MetricsDoor::new(options.access, metrics, store.statistics_now()),
        since_full_minute: Arc::new(Counts::default),
        in_force: in_force(started_at),
    };
    let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let settings = ServerSettings { listen, tls: options.tls, workers: 1 };
    let state = actix_web::web::Data::new(state);
    let (server, addrs) = serve(state.clone(), &settings).unwrap();
    (Running { addr: addrs[0], server: server.handle(), store, state }, server)
}

/// The settings of an empty configuration.
fn in_force(started_at: Timestamp) -> Arc<InForce> {
    let data = Path::new("/var/lib/belfry");
    let config = Config::parse(data, None, []).unwrap();
    let channel = channel_settings(&config, &[config.listen]).unwrap();
    Arc::new(InForce::new(&config, data, &channel, None, started_at))
}

/// Waits for a promise on this thread.
pub(crate) fn wait<T>(promise: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(promise)
}

/// Asks until it holds; fails after a while.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::yield_now();
    }
}

/// The password of everybody. It must be found nowhere.
pub(crate) const PASSWORD: &str = "sentinel-password-7c9e6679";

/// The code of the first password. It must be found nowhere.
pub(crate) const FIRST_CODE: &str = "SentinelCodeOfTheFirstPassword0000000000001";

/// The cookie that an answer sets.
pub(crate) fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    set.split(';').next().unwrap().to_owned()
}

/// Who did what a test does behind the surface's back.
pub(crate) fn somebody() -> Actor {
    Actor { kind: ActorKind::Cli, name: "test".to_owned(), address: None }
}
