//! What stands in front of a service: it speaks TLS under one address for ever, and leads to wherever the
//! service is now.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::receiver::Ca;

/// See the module.
pub(crate) struct Front {
    addr: SocketAddr,
    to: Arc<Mutex<Option<SocketAddr>>>,
    requests: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl Front {
    pub(crate) fn start(ca: &Ca) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (to, requests) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        let acceptor = TlsAcceptor::from(ca.issue(&["127.0.0.1"]).server_config(&[b"http/1.1"]));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let (leads, counted) = (Arc::clone(&to), Arc::clone(&requests));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, to, counted) =
                    (acceptor.clone(), *leads.lock().unwrap(), Arc::clone(&counted));
                tokio::spawn(async move {
                    // Whatever breaks, breaks the connection: that is what the sender sees.
                    let _broken = pass(stream, acceptor, to, &counted).await;
                });
            }
        });
        Self { addr, to, requests, _runtime: runtime }
    }

    /// Where the service is; nobody is there without one.
    pub(crate) fn lead_to(&self, service: Option<SocketAddr>) {
        *self.to.lock().unwrap() = service;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.addr)
    }

    /// Requests that came through.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Acquire)
    }
}

async fn pass(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    to: Option<SocketAddr>,
    requests: &AtomicUsize,
) -> std::io::Result<()> {
    let outside = acceptor.accept(stream).await?;
    let to = to.ok_or(std::io::ErrorKind::ConnectionRefused)?;
    let inside = TcpStream::connect(to).await?;
    let (mut from_outside, mut to_outside) = tokio::io::split(outside);
    let (mut from_inside, mut to_inside) = tokio::io::split(inside);
    // Where either side ends, so does the other: a sender that waits must learn of a kill.
    tokio::select! {
        done = count(&mut from_outside, &mut to_inside, requests) => done,
        done = tokio::io::copy(&mut from_inside, &mut to_outside) => {
            to_outside.shutdown().await?;
            done.map(drop)
        }
    }
}

/// Copies, and counts the beginnings of requests.
async fn count(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    requests: &AtomicUsize,
) -> std::io::Result<()> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        // A head comes in one piece: it is small, and written at once.
        if chunk[..length].starts_with(b"POST ") {
            requests.fetch_add(1, Ordering::AcqRel);
        }
        to.write_all(&chunk[..length]).await?;
    }
}
