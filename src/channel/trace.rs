//! How far an attempt has come, told by the parts that the HTTP client calls: resolver, connector,
//! TLS. A timeout can then name the phase that it met, and an attempt's history where its time went.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tower_layer::Layer;
use tower_service::Service;

use crate::domain::delivery::Phases;

tokio::task_local! {
    static CURRENT: Arc<Trace>;
}

/// The attempt on whose behalf this code runs.
pub(crate) fn current() -> Option<Arc<Trace>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// One attempt, as its connection is made.
#[derive(Debug)]
pub(crate) struct Trace {
    port: u16,
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    resolving_at: Option<Instant>,
    resolved_at: Option<Instant>,
    connecting_at: Option<Instant>,
    handshake_at: Option<Instant>,
    ready_at: Option<Instant>,
    addresses: Vec<SocketAddr>,
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// A name is looked up.
    Resolving,
    /// A connection is being made.
    Connecting,
    /// TLS is being agreed on.
    Handshake,
    /// A connection was there: the request is on its way, or answered.
    Connected,
}

impl Trace {
    pub(crate) fn new(port: u16) -> Arc<Self> {
        Arc::new(Self { port, marks: Mutex::default() })
    }

    /// Runs `future` on behalf of this attempt.
    pub(crate) async fn follow<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The port that the attempt goes to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn resolving(&self) {
        self.marks().resolving_at = Some(Instant::now());
    }

    pub(crate) fn resolved(&self, addresses: &[SocketAddr]) {
        let mut marks = self.marks();
        marks.resolved_at = Some(Instant::now());
        marks.addresses = addresses.to_vec();
    }

    fn connecting(&self) {
        self.marks().connecting_at = Some(Instant::now());
    }

    /// TLS starts. Behind a proxy it may start twice; the last one is the destination's.
    pub(crate) fn handshake(&self) {
        self.marks().handshake_at = Some(Instant::now());
    }

    fn ready(&self) {
        self.marks().ready_at = Some(Instant::now());
    }

    /// How far it has come.
    pub(crate) fn reached(&self) -> Reached {
        let marks = self.marks();
        if marks.ready_at.is_some() || marks.connecting_at.is_none() {
            Reached::Connected
        } else if marks.handshake_at.is_some() {
            Reached::Handshake
        } else if marks.resolving_at.is_some() && marks.resolved_at.is_none() {
            Reached::Resolving
        } else {
            Reached::Connecting
        }
    }

    /// The addresses that it may have tried.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.marks().addresses.clone()
    }

    /// Where the time went, for an attempt that started at `started` and had its head at `head_at`.
    pub(crate) fn phases(&self, started: Instant, head_at: Option<Instant>) -> Phases {
        let marks = self.marks();
        let span = |from: Option<Instant>, to: Option<Instant>| -> Option<Duration> {
            to.zip(from).and_then(|(to, from)| to.checked_duration_since(from))
        };
        // A kept connection may have come free while a new one was being made: then the new one's
        // times are not this attempt's.
        if head_at.is_some() && marks.ready_at.is_none() {
            return Phases { first_byte: span(Some(started), head_at), ..Phases::default() };
        }
        Phases {
            resolve: span(marks.resolving_at, marks.resolved_at),
            connect: span(marks.resolved_at.or(marks.connecting_at), marks.handshake_at),
            tls: span(marks.handshake_at, marks.ready_at),
            first_byte: span(marks.ready_at, head_at),
        }
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wraps the client's connector: a connection belongs to the attempt that asked for it, even when it
/// is finished in the background.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traced;

/// See [`Traced`].
#[derive(Debug, Clone)]
pub(crate) struct TracedConnector<S>(S);

impl<S> Layer<S> for Traced {
    type Service = TracedConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TracedConnector(inner)
    }
}

impl<S, R> Service<R> for TracedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connection = self.0.call(request);
        let Some(trace) = current() else { return Box::pin(connection) };
        trace.connecting();
        Box::pin(async move {
            let made = Arc::clone(&trace).follow(connection).await;
            if made.is_ok() {
                trace.ready();
            }
            made
        })
    }
}
