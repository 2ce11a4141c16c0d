//! The listening side: addresses, TLS, and the bounds of every connection.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{WebState, api, surface};
use crate::domain::limits::{CONNECTION_IDLE, CONNECTIONS, DRAIN, REQUEST_HEAD_TIME};

/// Where and how the service listens.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Addresses; port 0 has the system choose one.
    pub listen: Vec<SocketAddr>,
    /// Speak TLS; plain HTTP without.
    pub tls: Option<TlsFiles>,
    /// Threads that serve; at least one.
    pub workers: usize,
}

/// The service's own certificate.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// PEM: the certificate, and those between it and the authority.
    pub cert: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
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
}

/// Listens, and answers requests as long as the returned server is awaited or spawned. It ends when its
/// handle is told to stop: it then takes no new connection and lets requests under way end. The second
/// part names the addresses, with the ports that the system chose.
///
/// # Errors
/// Nothing listens then.
pub fn serve(
    state: WebState,
    settings: &ServerSettings,
) -> Result<(Server, Vec<SocketAddr>), ServeError> {
    let tls = settings.tls.as_ref().map(TlsFiles::config).transpose()?;
    let state = web::Data::new(state);
    let app = move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(surface::around))
            .configure(api::register)
            .default_service(web::to(surface::unknown_address))
    };
    let workers = settings.workers.max(1);
    let mut server = HttpServer::new(app)
        .workers(workers)
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

impl TlsFiles {
    /// Reads both files, and sees whether they belong together.
    ///
    /// # Errors
    /// Which file is no use, and why.
    pub fn config(&self) -> Result<ServerConfig, ServeError> {
        let chain = |why| unusable(&self.cert, "a certificate (PEM)", why);
        let key = |why| unusable(&self.key, "its private key (PEM)", why);
        let certificates = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| chain(error.to_string()))?;
        if certificates.is_empty() {
            return Err(chain("it holds no certificate".to_owned()));
        }
        let private = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| key(e.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| chain(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(|error| key(error.to_string()))
    }
}

fn unusable(path: &Path, what: &'static str, why: String) -> ServeError {
    ServeError::Tls { path: path.to_owned(), what, why }
}
