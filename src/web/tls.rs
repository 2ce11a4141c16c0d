//! The service's own certificate, which can be exchanged while it serves.

mod expiry;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::server::ServeError;
use crate::domain::time::Timestamp;

/// The files of the service's own certificate.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// PEM: the certificate, and those between it and the authority.
    pub cert: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads both files, and sees whether they belong together.
    ///
    /// # Errors
    /// Which file is no use, and why.
    fn read(&self) -> Result<CertifiedKey, ServeError> {
        let chain = |why| unusable(&self.cert, "a certificate (PEM)", why);
        let key = |why| unusable(&self.key, "its private key (PEM)", why);
        let certificates = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| chain(error.to_string()))?;
        if certificates.is_empty() {
            return Err(chain("it holds no certificate".to_owned()));
        }
        let private = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| key(e.to_string()))?;
        // Both are parsed, and whether they belong together is looked at.
        CertifiedKey::from_der(certificates, private, &rustls::crypto::ring::default_provider())
            .map_err(|error| key(error.to_string()))
    }
}

fn unusable(path: &Path, what: &'static str, why: String) -> ServeError {
    ServeError::Tls { path: path.to_owned(), what, why }
}

/// The certificate that is shown to who connects from now on.
#[derive(Debug)]
pub struct Certificate(RwLock<Arc<CertifiedKey>>);

impl Certificate {
    /// The one in these files.
    ///
    /// # Errors
    /// Which file is no use, and why.
    pub fn load(files: &TlsFiles) -> Result<Arc<Self>, ServeError> {
        Ok(Arc::new(Self(RwLock::new(Arc::new(files.read()?)))))
    }

    /// Exchanges it for the one in these files; connections that are there go on.
    ///
    /// # Errors
    /// Which file is no use, and why; the one in use stays.
    pub fn reload(&self, files: &TlsFiles) -> Result<(), ServeError> {
        let fresh = Arc::new(files.read()?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// When the one in use ends to be valid, where that can be read.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let key = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        expiry::expires_at(key.cert.first()?)
    }

    /// What the listening side goes by.
    ///
    /// # Errors
    /// The TLS library knows none of the versions.
    pub(super) fn config(self: &Arc<Self>) -> Result<ServerConfig, ServeError> {
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| ServeError::Versions(error.to_string()))
            .map(|builder| {
                builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as Arc<_>)
            })
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
