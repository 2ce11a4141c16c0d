//! The listening side: addresses, TLS, and the bounds of every connection.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::tls::Certificate;
use super::{WebState, api, surface, ui};
use crate::domain::limits::{CONNECTION_IDLE, CONNECTIONS, DRAIN, REQUEST_HEAD_TIME};
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

/// Where and how the service listens.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Addresses; port 0 has the system choose one.
    pub listen: Vec<SocketAddr>,
    /// Speak TLS with this certificate, which may be exchanged meanwhile; plain HTTP without.
    pub tls: Option<Arc<Certificate>>,
    /// Threads that serve; at least one.
    pub workers: usize,
}

/// Why the service can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address is taken, or not ours.
    #[error("{addr} can't be listened on")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A file of the certificate or the key can't be used.
    #[error("{} is no use as {what}: {why}", path.display())]
    Tls {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The TLS library and we don't agree on a version.
    #[error("TLS can't be spoken: {0}")]
    Versions(String),
}

/// Listens, and answers requests as long as the returned server is awaited or spawned. It ends when its
/// handle is told to stop: it then takes no new connection and lets requests under way end. The second
/// part names the addresses, with the ports that the system chose.
///
/// # Errors
/// Nothing listens then.
pub fn serve(
    state: web::Data<WebState>,
    settings: &ServerSettings,
) -> Result<(Server, Vec<SocketAddr>), ServeError> {
    let tls = settings.tls.as_ref().map(|certificate| certificate.config()).transpose()?;
    let counts = state.metrics.counts.clone();
    let app = move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(surface::around))
            .configure(api::register)
            .configure(ui::register)
            .default_service(web::to(surface::unknown_address))
    };
    let workers = settings.workers.max(1);
    let mut server = HttpServer::new(app)
        .workers(workers)
        // What is kept with a connection is dropped with it.
        .on_connect(move |_, kept| drop(kept.insert(counts.connection())))
        .max_connections(CONNECTIONS.div_ceil(workers))
        .client_request_timeout(REQUEST_HEAD_TIME)
        .keep_alive(CONNECTION_IDLE)
        .shutdown_timeout(DRAIN.as_secs())
        .disable_signals();
    for &addr in &settings.listen {
        let bound = match &tls {
            None => server.bind(addr),
            Some(config) => server.bind_rustls_0_23(addr, config.clone()),
        };
        server = bound.map_err(|source| ServeError::Listen { addr, source })?;
    }
    let addrs = server.addrs();
    Ok((server.run(), addrs))
}
