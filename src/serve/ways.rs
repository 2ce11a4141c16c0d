//! What the ways out are told, from what is configured.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::{StartError, mail, secret};
use crate::channel::{
    ChannelSettings, ClassifierSettings, ClientIdentity, EgressPolicy, NameSource, PemFile, Proxy,
};
use crate::config::{Config, Egress, classifier::Classifier};
use crate::domain::limits;
use crate::domain::secret::Secret;
use crate::engine::ports::Terms;

fn read_certificates(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    std::fs::File::open(path)?.take(limits::CERTIFICATES_BYTES + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > limits::CERTIFICATES_BYTES {
        let what = format!("it is longer than {} bytes", limits::CERTIFICATES_BYTES);
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, what));
    }
    Ok(pem)
}

/// What the configuration says of the ways out.
///
/// # Errors
/// A file that can't be read.
pub fn channel_settings(
    config: &Config,
    own: &[SocketAddr],
) -> Result<ChannelSettings, StartError> {
    let Egress { allow, deny, ca_files, proxy, client_cert, system_resolver, dns } = &config.egress;
    let read = |setting: &'static str, path: &Path| {
        read_certificates(path).map_err(|source| StartError::File {
            setting,
            file: path.display().to_string(),
            source,
        })
    };
    let ca_files = ca_files
        .iter()
        .map(|path| {
            let pem = read("egress.ca_files", path)?;
            Ok(PemFile { name: path.display().to_string(), pem })
        })
        .collect::<Result<_, StartError>>()?;
    let client_identity = match client_cert {
        None => None,
        Some(path) => {
            let pem = read("egress.client_cert", path)?;
            let pem = Secret::new(String::from_utf8_lossy(&pem).into_owned());
            Some(ClientIdentity { name: path.display().to_string(), pem: Arc::new(pem) })
        }
    };
    // The configuration has parsed the same entries before.
    let policy = EgressPolicy::parse(allow, deny, own).unwrap_or_default();
    Ok(ChannelSettings {
        timeout: config.timeout,
        policy,
        names: match (dns, system_resolver) {
            (Some(server), _) => NameSource::Server(*server),
            (None, true) => NameSource::System,
            (None, false) => NameSource::Dns,
        },
        ca_files,
        client_identity,
        proxy: match proxy {
            None => Proxy::None,
            Some(url) if url.expose() == "env" => Proxy::Environment,
            Some(url) => Proxy::Url(Arc::new(Secret::new(url.expose().to_owned()))),
        },
        smtp: config.smtp.as_ref().map(mail::settings).transpose()?,
        classifier: config.classifier.as_ref().map(classifier_settings).transpose()?,
    })
}

fn classifier_settings(classifier: &Classifier) -> Result<ClassifierSettings, StartError> {
    let key = classifier.api_key.as_ref();
    let key = key.map(|key| secret::opened("detect.classifier.api_key_file", key)).transpose()?;
    Ok(ClassifierSettings {
        url: classifier.url.clone(),
        protocol: classifier.protocol,
        model: classifier.model.clone(),
        api_key: key.map(Arc::new),
        timeout: classifier.timeout,
        terms: Terms { at_once: classifier.max_in_flight, patience: classifier.max_wait },
    })
}
