//! What went wrong with TLS, in words that an operator can act on.

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, OtherError};

use super::SelfSigned;

/// What kept TLS from being agreed on, and what to do about it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library adds kinds as it grows, and its own words for them are better than none"
)]
pub(crate) fn words(error: &rustls::Error) -> String {
    use rustls::{AlertDescription as Alert, Error, PeerIncompatible as Peer};
    match error {
        Error::InvalidCertificate(certificate) => certificate_words(certificate),
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::PeerIncompatible(Peer::ServerDoesNotSupportTls12Or13) => {
            "protocol version: the receiver speaks neither TLS 1.2 nor TLS 1.3; update it".to_owned()
        }
        Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            "no shared cipher: the receiver accepts none of our cipher suites (ECDHE with AES-GCM or \
             ChaCha20), or it asks for a client certificate (egress.client_cert)"
                .to_owned()
        }
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::AccessDenied,
        ) => format!(
            "client certificate: the receiver did not accept ours, or got none ({error}); see \
             egress.client_cert"
        ),
        Error::AlertReceived(Alert::UnrecognisedName) => {
            "the receiver does not serve this host name".to_owned()
        }
        Error::InvalidMessage(_) => {
            "the receiver does not speak TLS on this port: is it an http port?".to_owned()
        }
        other => other.to_string(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library adds kinds as it grows, and its own words for them are better than none"
)]
fn certificate_words(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired => "the certificate has expired: renew it".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the certificate expired at {}: renew it", moment(*not_after))
        }
        CertificateError::NotValidYet => {
            "the certificate is not valid yet: check the clocks".to_owned()
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the certificate is not valid before {}: check the clocks", moment(*not_before))
        }
        CertificateError::UnknownIssuer => {
            "unknown issuer: the certificate comes from a CA that this machine does not know; name \
             the CA's file in egress.ca_files, or let the receiver send its intermediate certificates"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "the certificate is not signed by the CA that it names".to_owned()
        }
        CertificateError::NotValidForName => {
            "the certificate is not valid for this host name".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented: Vec<&str> = presented.iter().map(|name| dns_name(name)).collect();
            format!(
                "the certificate is not valid for {}, but for {}",
                expected.to_str(),
                if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") },
            )
        }
        CertificateError::Other(OtherError(inner)) => {
            if inner.downcast_ref::<SelfSigned>().is_some() {
                SelfSigned.to_string()
            } else {
                format!("the certificate can't be used: {inner}")
            }
        }
        other => format!("the certificate can't be used: {other}"),
    }
}

/// The library shows presented names as `DnsName("a.test")`.
fn dns_name(shown: &str) -> &str {
    shown.strip_prefix("DnsName(\"").and_then(|rest| rest.strip_suffix("\")")).unwrap_or(shown)
}

fn moment(at: UnixTime) -> String {
    i64::try_from(at.as_secs())
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| format!("{} s after 1970", at.as_secs()), |at| at.to_string())
}
