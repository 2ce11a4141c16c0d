//! A TLS receiver that costs as little as one can: it reads a request, notes when it came, answers 200.
//! Requests to a path that begins with `/hang` are read and never answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What arrived.
pub(crate) struct Arrivals {
    /// Requests that were answered.
    pub(crate) count: AtomicU64,
    /// When the record of that number first came, where it is asked for.
    pub(crate) first: Mutex<Vec<Option<Instant>>>,
}

pub(crate) struct Receiver {
    pub(crate) addr: SocketAddr,
    pub(crate) ca_pem: String,
    pub(crate) arrivals: Arc<Arrivals>,
}

impl Receiver {
    /// Starts it on a thread of its own.
    pub(crate) fn start() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, ca_key).expect("a CA");
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let leaf = leaf.signed_by(&key, &ca).expect("a certificate");
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a TLS configuration");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let arrivals =
            Arc::new(Arrivals { count: AtomicU64::new(0), first: Mutex::new(Vec::new()) });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("its address");
        listener.set_nonblocking(true).expect("non-blocking");
        let theirs = Arc::clone(&arrivals);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                loop {
                    let Ok((socket, _)) = listener.accept().await else { continue };
                    let _nodelay = socket.set_nodelay(true);
                    let (acceptor, arrivals) = (acceptor.clone(), Arc::clone(&theirs));
                    tokio::spawn(async move {
                        if let Ok(stream) = acceptor.accept(socket).await {
                            answer(stream, &arrivals).await;
                        }
                    });
                }
            });
        });
        Self { addr, ca_pem: ca.pem(), arrivals }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.addr)
    }

    /// Forgets what arrived, and makes room for so many records.
    pub(crate) fn reset(&self, records: usize) {
        self.arrivals.count.store(0, Ordering::SeqCst);
        *self.arrivals.first.lock().expect("no panic") = vec![None; records];
    }

    pub(crate) fn count(&self) -> u64 {
        self.arrivals.count.load(Ordering::SeqCst)
    }
}

async fn answer(
    mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    arrivals: &Arrivals,
) {
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut chunk = vec![0_u8; 16 * 1024];
    loop {
        let Some(end) = find(&buffer, b"\r\n\r\n") else {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => buffer.extend_from_slice(&chunk[..read]),
            }
            continue;
        };
        let head = &buffer[..end];
        let length: usize = header(head, b"content-length:").unwrap_or(0);
        let whole = end + 4 + length;
        while buffer.len() < whole {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => buffer.extend_from_slice(&chunk[..read]),
            }
        }
        let now = Instant::now();
        let head = &buffer[..end];
        if head.starts_with(b"POST /hang") {
            std::future::pending::<()>().await;
        }
        if let Some(number) = record_number(head) {
            let mut first = arrivals.first.lock().expect("no panic");
            if let Some(slot) = first.get_mut(number) {
                slot.get_or_insert(now);
            }
        }
        buffer.drain(..whole);
        arrivals.count.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}

/// The number at the end of the Idempotency-Key: `…:run-17-000042`.
fn record_number(head: &[u8]) -> Option<usize> {
    let at = find_ignoring_case(head, b"idempotency-key:")?;
    let line = head[at..].split(|byte| *byte == b'\r').next()?;
    let digits = line.rsplit(|byte| *byte == b'-').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn header(head: &[u8], name: &[u8]) -> Option<usize> {
    let at = find_ignoring_case(head, name)? + name.len();
    let line = head[at..].split(|byte| *byte == b'\r').next()?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn find_ignoring_case(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}
