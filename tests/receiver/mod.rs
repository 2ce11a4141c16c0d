//! A receiver that behaves as badly as it is told to: TLS with any certificate, and any bytes in
//! place of an answer. It runs on a thread of its own, so that tests of the library and of the binary
//! can use it alike.
//!
//! ```ignore
//! let ca = Ca::new();
//! let receiver = Receiver::start(Door::tls(ca.issue(&["localhost"])), |_, _| Reply::status(200));
//! … send to receiver.url("/hook") …
//! receiver.until("the request", |log| log.requests.len() == 1).await;
//! ```
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::let_underscore_must_use,
    missing_docs,
    unreachable_pub,
    reason = "shared by several test crates, each of which uses a part; a test fails by panicking"
)]

pub mod dns;
pub mod h2;
pub mod pki;
pub mod sending;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;

pub use pki::{Ca, Identity};

/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a receiver does with a connection before any request.
#[derive(Clone)]
pub enum Door {
    /// Speaks TLS, then HTTP/1.1, or HTTP/2 where the client takes it and `h2` says how.
    Tls { config: Arc<ServerConfig>, h2: Option<h2::Manners> },
    /// Accepts and never says a word.
    Silent,
    /// Says this as soon as something was read, and closes.
    Says(Vec<u8>),
    /// Speaks HTTP without TLS: a proxy, or a mistake.
    Plain,
}

impl Door {
    /// TLS with this certificate.
    pub fn tls(identity: Identity) -> Self {
        Self::Tls { config: identity.server_config(&[b"http/1.1"]), h2: None }
    }

    /// TLS and HTTP/2 with this certificate.
    pub fn h2(identity: Identity, manners: h2::Manners) -> Self {
        Self::Tls { config: identity.server_config(&[b"h2", b"http/1.1"]), h2: Some(manners) }
    }
}

/// One request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// On which connection, from 0.
    pub connection: usize,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    pub fn header_map(&self) -> http::HeaderMap {
        let pairs = self.headers.iter().map(|(name, value)| {
            (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
        });
        pairs.collect()
    }
}

/// What a receiver has seen.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// TCP connections accepted.
    pub connections: usize,
    /// Connections on which TLS was agreed.
    pub sessions: usize,
    /// Connections that have ended.
    pub ended: usize,
    /// Requests, whole ones.
    pub requests: Vec<Seen>,
}

/// What a receiver does with a request: these, one after the other; then it waits for the next request.
#[derive(Debug, Clone, Default)]
pub struct Reply(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Bytes(Vec<u8>),
    Drip(Vec<u8>, Duration),
    Endless(Vec<u8>),
    Hang,
    Close,
    Reset,
}

impl Reply {
    /// An ordinary answer with an empty body.
    pub fn status(code: u16) -> Self {
        Self::text(code, "")
    }

    /// An ordinary answer.
    pub fn text(code: u16, body: &str) -> Self {
        Self::head(format!("HTTP/1.1 {code} x\r\ncontent-length: {}\r\n\r\n", body.len()))
            .bytes(body)
    }

    /// An answer with more headers: each line ends with CR LF.
    pub fn with(code: u16, lines: &str) -> Self {
        Self::head(format!("HTTP/1.1 {code} x\r\n{lines}content-length: 0\r\n\r\n"))
    }

    /// Any bytes.
    pub fn head(bytes: impl AsRef<[u8]>) -> Self {
        Self::default().bytes(bytes)
    }

    /// Nothing, for ever.
    pub fn hang() -> Self {
        Self(vec![Piece::Hang])
    }

    /// Closes without an answer.
    pub fn close() -> Self {
        Self::default().then_close()
    }

    /// Tears the connection down without an answer.
    pub fn reset() -> Self {
        Self(vec![Piece::Reset])
    }

    pub fn bytes(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.push(Piece::Bytes(bytes.as_ref().to_vec()));
        self
    }

    /// One byte each `every`.
    pub fn drip(mut self, bytes: impl AsRef<[u8]>, every: Duration) -> Self {
        self.0.push(Piece::Drip(bytes.as_ref().to_vec(), every));
        self
    }

    /// The same again and again, as fast as the other side takes it.
    pub fn endless(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.push(Piece::Endless(bytes.as_ref().to_vec()));
        self
    }

    pub fn then_hang(mut self) -> Self {
        self.0.push(Piece::Hang);
        self
    }

    pub fn then_close(mut self) -> Self {
        self.0.push(Piece::Close);
        self
    }
}

type Script = dyn Fn(usize, &Seen) -> Reply + Send + Sync;

/// A receiver on a loopback port; it ends when it is dropped.
pub struct Receiver {
    pub addr: SocketAddr,
    log: Arc<LogKeeper>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

pub(crate) struct LogKeeper {
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

impl LogKeeper {
    pub(crate) fn note<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let noted = change(&mut self.log.lock().unwrap());
        self.changed.send_replace(());
        noted
    }
}

impl Receiver {
    /// On 127.0.0.1. `script` is asked for each request, with its number from 0.
    pub fn start(
        door: Door,
        script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_on("127.0.0.1:0", door, script)
    }

    /// On any loopback address.
    pub fn start_on(
        addr: &str,
        door: Door,
        script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind(addr).unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let log = Arc::new(LogKeeper { log: Mutex::default(), changed: watch::Sender::default() });
        let (stop, stopped) = oneshot::channel();
        let (script, kept): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&log));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, door, script, kept) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { addr, log, stop: Some(stop), thread: Some(thread) }
    }

    /// A URL that leads here by address.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.addr)
    }

    /// A URL that leads here by a name.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.addr.port())
    }

    /// What was seen up to now.
    pub fn log(&self) -> Log {
        self.log.log.lock().unwrap().clone()
    }

    /// Waits until something was seen.
    pub async fn until(&self, what: &str, seen: impl Fn(&Log) -> bool) -> Log {
        let mut changes = self.log.changed.subscribe();
        let waiting = async {
            loop {
                let log = self.log();
                if seen(&log) {
                    return log;
                }
                changes.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(log) => log,
            Err(_) => panic!("never seen: {what}; seen: {:?}", self.log()),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, door: Door, script: Arc<Script>, log: Arc<LogKeeper>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let number = log.note(|log| {
            log.connections += 1;
            log.connections - 1
        });
        let (door, script, log) = (door.clone(), Arc::clone(&script), Arc::clone(&log));
        tokio::spawn(async move {
            // Whatever the client does to us is no failure of the receiver.
            let _ = serve(stream, door, &script, &log, number).await;
            log.note(|log| log.ended += 1);
        });
    }
}

async fn serve(
    mut stream: TcpStream,
    door: Door,
    script: &Arc<Script>,
    log: &Arc<LogKeeper>,
    number: usize,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match door {
        Door::Silent => std::future::pending().await,
        Door::Says(bytes) => {
            let _ = stream.read(&mut [0; 4096]).await?;
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            // Closing with unread input would be a reset.
            while stream.read(&mut [0; 4096]).await? > 0 {}
            Ok(())
        }
        Door::Plain => {
            let mut stream = Some(stream);
            requests(&mut stream, script, log, number).await
        }
        Door::Tls { config, h2 } => {
            let tls = TlsAcceptor::from(config).accept(stream).await?;
            log.note(|log| log.sessions += 1);
            let chosen_h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            match h2 {
                Some(manners) if chosen_h2 => h2::serve(tls, &manners, log, number).await,
                _ => requests(&mut Some(tls), script, log, number).await,
            }
        }
    }
}

/// A stream that can be torn down.
pub trait Torn {
    fn tear(self);
}

impl Torn for TcpStream {
    fn tear(self) {
        let _ = self.set_zero_linger();
    }
}

impl Torn for tokio_rustls::server::TlsStream<TcpStream> {
    fn tear(self) {
        self.into_inner().0.tear();
    }
}

async fn requests<S: AsyncRead + AsyncWrite + Unpin + Torn>(
    stream: &mut Option<S>,
    script: &Arc<Script>,
    log: &Arc<LogKeeper>,
    connection: usize,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some(open) = stream.as_mut() else { return Ok(()) };
        let Some(seen) = read_request(open, &mut buffer, connection).await? else { return Ok(()) };
        let index = log.note(|log| {
            log.requests.push(seen.clone());
            log.requests.len() - 1
        });
        for piece in script(index, &seen).0 {
            let Some(open) = stream.as_mut() else { return Ok(()) };
            match piece {
                Piece::Bytes(bytes) => open.write_all(&bytes).await?,
                Piece::Drip(bytes, every) => {
                    let mut beat = tokio::time::interval(every);
                    for byte in bytes {
                        beat.tick().await;
                        open.write_all(&[byte]).await?;
                        open.flush().await?;
                    }
                }
                Piece::Endless(bytes) => loop {
                    open.write_all(&bytes).await?;
                },
                Piece::Hang => {
                    open.flush().await?;
                    // The other side's end is seen, so that a test can wait for it.
                    while open.read(&mut [0; 4096]).await? > 0 {}
                    return Ok(());
                }
                Piece::Close => return open.shutdown().await,
                Piece::Reset => {
                    stream.take().unwrap().tear();
                    return Ok(());
                }
            }
        }
        if let Some(open) = stream.as_mut() {
            open.flush().await?;
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    connection: usize,
) -> std::io::Result<Option<Seen>> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, digits)| digits.parse().unwrap());
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer[head_end..head_end + length].to_vec();
    buffer.drain(..head_end + length);
    let (method, target) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    Ok(Some(Seen { connection, method, target, headers, body }))
}
