//! What the ways out are told: plain values, read and checked by the configuration.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::classifier::ClassifierSettings;
use super::egress::{DnsNames, Egress, EgressPolicy, Lookup, SystemNames};
use super::email::SmtpSettings;
use super::tls;
pub use super::tls::NoRoots;
use crate::domain::integration::HttpsUrl;
use crate::domain::secret::Secret;

/// What the ways out are told.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    /// An attempt's time, from the start of name resolution to the end of the response's head.
    pub timeout: Duration,
    /// Which addresses may be connected to.
    pub policy: EgressPolicy,
    /// Who looks names up.
    pub names: NameSource,
    /// Certificate authorities that are trusted beside the platform's.
    pub ca_files: Vec<PemFile>,
    /// The certificate that we show to receivers that ask for one.
    pub client_identity: Option<ClientIdentity>,
    /// The way to the outside.
    pub proxy: Proxy,
    /// The mail server, where there is one.
    pub smtp: Option<SmtpSettings>,
    /// A classifier of the customer's own, where there is one.
    pub classifier: Option<ClassifierSettings>,
}

impl Default for ChannelSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            policy: EgressPolicy::default(),
            names: NameSource::default(),
            ca_files: Vec::new(),
            client_identity: None,
            proxy: Proxy::default(),
            smtp: None,
            classifier: None,
        }
    }
}

/// Who looks names up.
#[derive(Clone, Default)]
pub enum NameSource {
    /// The name servers that the system is configured with, asked by ourselves.
    #[default]
    Dns,
    /// The operating system's resolver.
    System,
    /// One name server.
    Server(SocketAddr),
    /// Anything else that can look names up.
    Custom(Arc<dyn Lookup>),
}

impl NameSource {
    /// Something that looks names up. Made once for each thread that sends.
    pub fn lookup(&self) -> Arc<dyn Lookup> {
        match self {
            Self::Dns => Arc::new(DnsNames::from_system()),
            Self::System => Arc::new(SystemNames::default()),
            Self::Server(server) => Arc::new(DnsNames::from_server(*server)),
            Self::Custom(lookup) => Arc::clone(lookup),
        }
    }
}

impl fmt::Debug for NameSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns => f.write_str("Dns"),
            Self::System => f.write_str("System"),
            Self::Server(server) => write!(f, "Server({server})"),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// A file of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFile {
    /// What it is called, for errors.
    pub name: String,
    /// What is in it.
    pub pem: Vec<u8>,
}

/// A certificate with its chain and its key, in one PEM file.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// What the file is called, for errors.
    pub name: String,
    /// What is in it.
    pub pem: Arc<Secret>,
}

/// The way to the outside.
#[derive(Debug, Clone, Default)]
pub enum Proxy {
    /// Straight. The environment's proxy variables count for nothing.
    #[default]
    None,
    /// An HTTP proxy: `http://` or `https://`, with user and password in it where it asks for them.
    Url(Arc<Secret>),
    /// What `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    Environment,
}

/// A setting that can't be used; each text names it and says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// A CA file holds no certificate.
    #[error("egress.ca_files: `{0}` holds no certificate: it must be a PEM file with at least one")]
    NoCertificate(String),
    /// A CA file can't be read as PEM, or one of its certificates can't be used.
    #[error("egress.ca_files: `{name}` can't be used: {cause}")]
    BadCertificate {
        /// The file.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// The client certificate can't be used.
    #[error("egress.client_cert: `{name}` can't be used: {cause}")]
    BadIdentity {
        /// The file.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// The proxy's address can't be used. Its text is not repeated: it may hold a password.
    #[error("egress.proxy: {0}")]
    BadProxy(&'static str),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// A proxy that was understood.
pub(crate) struct ProxyRoute {
    /// Its URL, with user and password where it has them.
    pub(crate) url: Secret,
    /// Its host and port.
    pub(crate) shown: String,
    /// Which destinations go through it.
    matcher: Matcher,
}

impl Proxy {
    /// Reads the setting, and the environment where the setting says so.
    pub(crate) fn route(&self) -> Result<Option<ProxyRoute>, ChannelError> {
        match self {
            Self::None => Ok(None),
            Self::Url(url) => ProxyRoute::parse(url.expose(), "").map(Some),
            Self::Environment => {
                let first = |names: &[&str]| {
                    let set = names.iter().find_map(|name| std::env::var(name).ok());
                    set.filter(|value| !value.is_empty())
                };
                let url = first(&["HTTPS_PROXY", "https_proxy"])
                    .or_else(|| first(&["ALL_PROXY", "all_proxy"]));
                let exceptions = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
                url.map(|url| ProxyRoute::parse(&url, &exceptions)).transpose()
            }
        }
    }
}

/// A proxy as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyShown {
    /// Its URL, without user and password.
    pub url: String,
    /// Whether it has a user or a password.
    pub signs_in: bool,
}

impl Proxy {
    /// The proxy that is in use, without what must not be seen.
    ///
    /// # Errors
    /// Its address can't be used.
    pub fn shown(&self) -> Result<Option<ProxyShown>, ChannelError> {
        let Some(route) = self.route()? else { return Ok(None) };
        let url = url::Url::parse(route.url.expose()).ok();
        let url = url.as_ref();
        let signs_in =
            url.is_some_and(|url| !url.username().is_empty() || url.password().is_some());
        let scheme = url.map_or("http", url::Url::scheme);
        Ok(Some(ProxyShown { url: format!("{scheme}://{}", route.shown), signs_in }))
    }
}

impl ProxyRoute {
    fn parse(text: &str, exceptions: &str) -> Result<Self, ChannelError> {
        const FORM: &str =
            "write `http://host:port` or `https://host:port`, with `user:password@` where it asks";
        let whole = match text.contains("://") {
            true => text.to_owned(),
            // As in the environment's variables of every other program.
            false => format!("http://{text}"),
        };
        let url = url::Url::parse(&whole).map_err(|_| ChannelError::BadProxy(FORM))?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
            return Err(ChannelError::BadProxy(FORM));
        };
        let shown = format!("{host}:{port}");
        let matcher = Matcher::builder().all(whole.clone()).no(exceptions.to_owned()).build();
        Ok(Self { shown, url: Secret::new(whole), matcher })
    }

    /// Whether a request to `url` goes through it.
    pub(crate) fn takes(&self, url: &url::Url) -> bool {
        url.as_str().parse().is_ok_and(|uri| self.matcher.intercept(&uri).is_some())
    }
}

impl ChannelSettings {
    /// Checks everything that can be checked without sending. `Some` where attempts would fail for
    /// want of CA certificates, which is no reason not to start.
    pub fn check(&self) -> Result<Option<NoRoots>, ChannelError> {
        self.proxy.route()?;
        Ok(tls::client_config(self)?.err())
    }

    /// Why the classifier can never be connected to, where its URL holds an address that the policy refuses. Names are
    /// judged when they are looked up.
    pub fn classifier_denied(&self) -> Option<String> {
        let classifier = self.classifier.as_ref()?;
        let denied = self.policy.check_url(classifier.url.place()).err()?;
        Some(format!(
            "detect.classifier.url can't be asked, and the built-in detector judges: {denied}"
        ))
    }

    /// The proxy's host and port, where requests to `url` go through one.
    pub fn proxy_for(&self, url: &HttpsUrl) -> Result<Option<String>, ChannelError> {
        let route = self.proxy.route()?;
        Ok(route.filter(|route| route.takes(url.as_url())).map(|route| route.shown))
    }

    /// Policy and names together, for the checks that are made without sending.
    pub fn egress(&self) -> Egress {
        Egress::new(self.policy.clone(), self.names.lookup())
    }
}

impl PemFile {
    /// Its certificates, at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, ChannelError> {
        let bad = |error: rustls::pki_types::pem::Error| ChannelError::BadCertificate {
            name: self.name.clone(),
            cause: error.to_string(),
        };
        let found: Vec<_> =
            CertificateDer::pem_slice_iter(&self.pem).collect::<Result<_, _>>().map_err(bad)?;
        if found.is_empty() {
            return Err(ChannelError::NoCertificate(self.name.clone()));
        }
        Ok(found)
    }
}

impl ClientIdentity {
    /// The certificate with its chain, and the key.
    pub(crate) fn parts(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ChannelError> {
        let bad = |cause: String| ChannelError::BadIdentity { name: self.name.clone(), cause };
        let pem = self.pem.expose().as_bytes();
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| bad(error.to_string()))?;
        if chain.is_empty() {
            return Err(
                bad("it holds no certificate; it must hold certificate and key".to_owned()),
            );
        }
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
            bad("it holds no private key; put certificate and key into one PEM file".to_owned())
        })?;
        Ok((chain, key))
    }
}
