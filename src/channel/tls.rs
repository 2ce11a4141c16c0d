//! TLS towards receivers: the certificate is always verified, against the platform's roots and the
//! operator's own; what goes wrong is said in words that an operator can act on.

mod words;

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, NamedGroup, OtherError, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::settings::{ChannelError, ChannelSettings};
use super::trace;
use crate::domain::limits::TLS_SESSIONS;

pub(crate) use words::words;

/// This machine has no CA certificates: nothing can be verified, so nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this machine has no CA certificates, so no receiver's certificate can be verified: install the \
     package `ca-certificates`, or name your CA's file in egress.ca_files"
)]
pub struct NoRoots;

/// The certificate is signed by its own key, and nobody said that it may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the certificate is self-signed: put a copy of it into egress.ca_files, or give the receiver one \
     from a CA that this machine trusts"
)]
pub(crate) struct SelfSigned;

/// How we speak TLS. The inner error is told by every attempt: the service starts without roots.
pub(crate) fn client_config(
    settings: &ChannelSettings,
) -> Result<Result<ClientConfig, NoRoots>, ChannelError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Some(verifier) = verifier(settings, &provider)? else { return Ok(Err(NoRoots)) };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| ChannelError::Client(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &settings.client_identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = identity.parts()?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                ChannelError::BadIdentity { name: identity.name.clone(), cause: error.to_string() }
            })?
        }
    };
    config.resumption =
        Resumption::store(Arc::new(TracedSessions(ClientSessionMemoryCache::new(TLS_SESSIONS))));
    Ok(Ok(config))
}

fn verifier(
    settings: &ChannelSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Explaining>, ChannelError> {
    let mut extra = Vec::new();
    for file in &settings.ca_files {
        let certificates = file.certificates()?;
        // Each is tried here, so that the error can name its file.
        let mut store = rustls::RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone()).map_err(|error| ChannelError::BadCertificate {
                name: file.name.clone(),
                cause: error.to_string(),
            })?;
        }
        extra.extend(certificates);
    }
    // With all of our own accepted above, the only error left is that there are no roots at all.
    let inner = Verifier::new_with_extra_roots(extra, Arc::clone(provider)).ok();
    Ok(inner.map(Explaining))
}

/// The platform's verifier, which does not tell a self-signed certificate from one of an unknown CA.
#[derive(Debug)]
struct Explaining(Verifier);

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::Other(_),
            )) if is_self_signed(end_entity) => Err(rustls::Error::InvalidCertificate(
                CertificateError::Other(OtherError(Arc::new(SelfSigned))),
            )),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Whether issuer and subject are the same name. It words an error; it decides nothing.
fn is_self_signed(certificate: &[u8]) -> bool {
    let names = || {
        let (_, certificate, _) = der(certificate)?;
        let (_, mut fields, _) = der(certificate)?;
        // The version is there from X.509 v2 on, under a tag of its own.
        if let (0xa0, _, rest) = der(fields)? {
            fields = rest;
        }
        let (_, _serial, rest) = der(fields)?;
        let (_, _algorithm, rest) = der(rest)?;
        let (_, issuer, rest) = der(rest)?;
        let (_, _validity, rest) = der(rest)?;
        let (_, subject, _) = der(rest)?;
        Some(issuer == subject)
    };
    names().unwrap_or(false)
}

/// One DER element: its tag, its content, what follows it.
fn der(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let mut length = 0_usize;
        for digit in digits {
            length = length.checked_mul(256)?.checked_add(usize::from(*digit))?;
        }
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The memory of TLS sessions. TLS asks it first thing, which is how we learn that TCP is done.
#[derive(Debug)]
struct TracedSessions(ClientSessionMemoryCache);

impl ClientSessionStore for TracedSessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        if let Some(trace) = trace::current() {
            trace.handshake();
        }
        self.0.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.0.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        self.0.insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(server_name)
    }
}
