//! The receiver itself: a TLS listener that reads requests, checks them, writes them down, tells
//! whoever watches, and then does what its behaviour says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::blockkit;
use super::body;
use super::check::{self, Expected};
use super::log::{Log, hex};
use super::script::{Answer, Body, Kind};
use super::seen::{Seen, Verdict};
use super::tally::{Behaviour, Counts, Tally, at_the_door};
use super::wire::{Connection, Request, Then};
use crate::cli::certificate::{CertificateError, Throwaway, server_config};
use crate::domain::limits::{RECEIVER_ACCEPT_PAUSE, RECEIVER_CONNECTIONS, RECEIVER_HANDSHAKE};

/// Is shown every request, in the order in which they were read, before it is answered.
pub type Watcher = Box<dyn FnMut(&Seen) + Send>;

/// How a receiver is to be.
pub struct Options {
    /// Where to listen; port 0 lets the machine choose.
    pub listen: SocketAddr,
    /// A certificate chain and its key as PEM; a throwaway one is made where none is given.
    pub certificate: Option<(String, String)>,
    /// What requests are checked for.
    pub expected: Expected,
    /// What is answered.
    pub behaviour: Behaviour,
    /// What requests are taken for.
    pub speaks: Speaks,
    /// A file that gets one JSON line for each request.
    pub log: Option<std::path::PathBuf>,
    /// Who is shown each request.
    pub watcher: Option<Watcher>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificate: None,
            expected: Expected::default(),
            behaviour: Behaviour::default(),
            speaks: Speaks::default(),
            log: None,
            watcher: None,
        }
    }
}

/// Why a receiver could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("it can't listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// The machine's answer.
        source: std::io::Error,
    },
    /// The certificate is not usable.
    #[error("its certificate is not usable")]
    Certificate(#[from] CertificateError),
    /// The log can't be opened.
    #[error("its log {path} can't be opened")]
    Log {
        /// Which file.
        path: String,
        /// The machine's answer.
        source: std::io::Error,
    },
}

/// What a receiver takes its requests for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speaks {
    /// Webhook requests by the contract.
    #[default]
    Webhook,
    /// Messages to an incoming webhook of Slack's. The path is the credential, and shown nowhere.
    Slack,
}

struct Shared {
    speaks: Speaks,
    expected: Expected,
    behaviour: Behaviour,
    started: Instant,
    address: SocketAddr,
    memory: Mutex<Memory>,
}

struct Memory {
    tally: Tally,
    log: Option<Log>,
    watcher: Option<Watcher>,
}

/// A receiver that listens until it is stopped or dropped.
pub struct Receiver {
    address: SocketAddr,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Listens, and serves in tasks of the current runtime.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address: options.listen, source };
        let (ca_pem, chain, key) = match options.certificate {
            Some((chain, key)) => (None, chain, key),
            None => {
                let made = Throwaway::make(options.listen.ip())?;
                (Some(made.ca_pem), made.certificate_pem, made.key_pem)
            }
        };
        let acceptor = TlsAcceptor::from(server_config(&chain, &key)?);
        let log =
            match options.log {
                None => None,
                Some(path) => Some(Log::open(&path).map_err(|source| StartError::Log {
                    path: path.display().to_string(),
                    source,
                })?),
            };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            speaks: options.speaks,
            expected: options.expected,
            behaviour: options.behaviour,
            started: Instant::now(),
            address,
            memory: Mutex::new(Memory { tally: Tally::default(), log, watcher: options.watcher }),
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, acceptor, shared.clone(), stopped));
        Ok(Self { address, ca_pem, shared, stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its root, as somebody on this machine reaches it.
    pub fn url(&self) -> String {
        url(self.address, "/")
    }

    /// The authority to be trusted, where the certificate is a throwaway one.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// What was counted up to now.
    pub fn counts(&self) -> Counts {
        self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner).tally.counts
    }

    /// Closes the listener and all connections, and says what was counted.
    pub async fn stop(self) -> Counts {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the receiver did not end in good order");
        }
        self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner).tally.counts
    }
}

fn url(address: SocketAddr, path: &str) -> String {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    format!("https://{host}:{}{path}", address.port())
}

/// Takes connections until it is told to stop. Ending drops the set, and with it every connection.
async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // A sender that is gone means that nobody can stop it any more: the same as a stop.
            _ = stopped.changed() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < RECEIVER_CONNECTIONS => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, acceptor.clone(), shared.clone()));
                    }
                    // Out of file descriptors, most likely: let a connection end first.
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be taken");
                        tokio::time::sleep(RECEIVER_ACCEPT_PAUSE).await;
                    }
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    // Errors of a connection are the other side's affair; the next request comes on another.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small answers may be delayed");
    }
    match at_the_door(&shared.behaviour, shared.started.elapsed()) {
        Some(answer) if answer.kind == Kind::Tls => return speak_plainly(stream).await,
        Some(_) => return reset(&stream),
        None => {}
    }
    let handshake = tokio::time::timeout(RECEIVER_HANDSHAKE, acceptor.accept(stream)).await;
    let mut connection = match handshake {
        Ok(Ok(stream)) => Connection::new(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let own = url(shared.address, "/redirected");
    loop {
        let request = match connection.request().await {
            Ok(Some(request)) => request,
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "a connection ended");
                return;
            }
        };
        let answer = shared.take(&request);
        match connection.answer(&request, &answer, &own).await {
            Ok(Then::Next) => {}
            Ok(Then::Close) => break,
            Ok(Then::Reset) => return reset(connection.into_inner().get_ref().0),
            Err(_) => return,
        }
    }
    // Closing is a courtesy: whether the other side still hears it changes nothing.
    if let Err(error) = connection.into_inner().shutdown().await {
        tracing::debug!(%error, "a connection was closed from the other side first");
    }
}

/// Lets the connection end in a reset when it is dropped.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "the connection is closed instead of reset");
    }
}

async fn speak_plainly(mut stream: TcpStream) {
    let text = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nno TLS here\n";
    let sent = async {
        stream.write_all(text).await?;
        stream.shutdown().await
    };
    if let Err(error) = sent.await {
        tracing::debug!(%error, "the plain answer was not taken");
    }
}

impl Shared {
    /// Checks a request, decides about it, writes it down and shows it.
    fn take(&self, request: &Request) -> Answer {
        let at = jiff::Timestamp::now();
        let body_sha256: [u8; 32] = Sha256::digest(&request.body).into();
        let mut problems = Vec::new();
        let is_slack = self.speaks == Speaks::Slack;
        let breaches = if is_slack { blockkit::breaches(&request.body) } else { Vec::new() };
        let is_bad = !breaches.is_empty();
        problems.extend(breaches);
        let alert = if is_slack {
            None
        } else if request.method == "POST" {
            check::headers(&request.headers, &mut problems);
            body::read(&request.body, &mut problems)
        } else {
            problems.push(format!("the method is {} instead of POST", request.method));
            None
        };
        let key = request.headers.get("idempotency-key").map(http::HeaderValue::as_bytes);
        let key = key
            .filter(|key| key.iter().all(u8::is_ascii_graphic))
            .and_then(|key| std::str::from_utf8(key).ok());
        let ids = alert.as_ref().map(|alert| (&*alert.automation_id, &*alert.record_id));
        // Slack knows no such key: there the same message is the same alert.
        let digest = hex(&body_sha256);
        let key = if is_slack { Some(digest.as_str()) } else { key };
        if !is_slack {
            check::key(key, ids, &mut problems);
        }
        let expected = &self.expected;
        let auth = Verdict::of(expected.auth.as_ref().map(|a| check::auth(a, &request.headers)));
        let signature = Verdict::of(
            expected
                .signing_secret
                .as_ref()
                .map(|secret| check::signature(secret, request, at.as_second())),
        );

        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { tally, log, watcher } = &mut *memory;
        let standing = tally.place(key, body_sha256);
        if !standing.same_body {
            problems.push("the body is not the one that came with the first try".to_owned());
        }
        let record_id = alert.as_ref().map(|alert| alert.record_id.as_str());
        let since_start = self.started.elapsed();
        let mut answer =
            tally.answer(&self.behaviour, &request.path, record_id, &standing, since_start);
        let wrong = [&auth, &signature].into_iter().find_map(|verdict| match verdict {
            Verdict::Wrong(why) => Some(why.clone()),
            Verdict::Right | Verdict::Unchecked => None,
        });
        if let Some(why) = wrong {
            answer = Answer { body: Body::Text(why.clone()), ..Answer::status(401) };
            problems.push(why);
        }
        if is_slack {
            answer = blockkit::answered(answer, is_bad);
        }
        tally.settle(key, &answer, !problems.is_empty());
        let seen = Seen {
            request: standing.request,
            at,
            method: request.method.clone(),
            path: if is_slack { "/services/…".to_owned() } else { request.path.clone() },
            title: is_slack.then(|| blockkit::title(&request.body)),
            header_names: request.headers.keys().map(|name| name.as_str().to_owned()).collect(),
            key: key.map(str::to_owned),
            attempt: standing.attempt,
            duplicate: standing.duplicate,
            body: request.body.clone(),
            body_sha256,
            alert,
            auth,
            signature,
            problems,
            answer,
        };
        if let Some(log) = log {
            log.write(&seen);
        }
        if let Some(watcher) = watcher {
            watcher(&seen);
        }
        seen.answer
    }
}
