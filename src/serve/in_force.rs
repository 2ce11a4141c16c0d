//! What is in force, for those who ask: the gate that each new URL passes, and the page of settings. Both go by
//! what the senders were told last.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::channel::egress::{AddressClass, Explanation};
use crate::channel::{ChannelSettings, ClassifierSettings, NameSource, Proxy, SmtpSettings};
use crate::config::{self, Config};
use crate::domain::integration::HttpsUrl;
use crate::domain::time::Timestamp;
use crate::engine::ports::LocalPromise;
use crate::web::Certificate;
use crate::web::in_force::{self, Judged, Names, Settings, Tls, Tried};

/// What is in force.
pub struct InForce {
    certificate: Option<Arc<Certificate>>,
    now: RwLock<Now>,
}

/// What changes with a reload, and what is told of it.
struct Now {
    channel: ChannelSettings,
    shown: Settings,
}

impl InForce {
    /// What a service starts with.
    pub fn new(
        config: &Config,
        data: &Path,
        channel: &ChannelSettings,
        certificate: Option<Arc<Certificate>>,
        started_at: Timestamp,
    ) -> Self {
        let shown = Settings {
            started_at,
            file: data.join(config::FILE).display().to_string(),
            data: data.display().to_string(),
            storage: config.storage.display().to_string(),
            listen: vec![config.listen],
            workers: config.workers,
            tls: tls(config, certificate.as_deref()),
            trusted_proxies: config.trusted_proxies.iter().map(ToString::to_string).collect(),
            retention_days: config.retention_days,
            audit_retention_days: config.audit_retention_days,
            timeout: channel.timeout,
            max_in_flight_total: config.max_in_flight_total,
            dashboard_url: config.dashboard_url.clone(),
            log_format: if config.log_json { "json" } else { "text" },
            log_level: config.log_level.clone(),
            egress: egress(channel),
            smtp: channel.smtp.as_ref().map(smtp),
            classifier: channel.classifier.as_ref().map(classifier),
        };
        Self { certificate, now: RwLock::new(Now { channel: channel.clone(), shown }) }
    }

    /// The senders, and the listening side, go by these from now on. Everything else needs a new start.
    pub fn exchange(&self, config: &Config, channel: &ChannelSettings) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.channel = channel.clone();
        let listen = channel.policy.own();
        if !listen.is_empty() {
            now.shown.listen = listen.to_vec();
        }
        now.shown.timeout = channel.timeout;
        now.shown.egress = egress(channel);
        now.shown.smtp = channel.smtp.as_ref().map(smtp);
        now.shown.classifier = channel.classifier.as_ref().map(classifier);
        now.shown.tls = tls(config, self.certificate.as_deref());
    }

    /// Refuses a URL that could never be connected to.
    ///
    /// # Errors
    /// Why.
    pub fn check(&self, url: &HttpsUrl) -> Result<(), String> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.channel.policy.check_url(url).map_err(|denied| denied.to_string())
    }
}

impl in_force::InForce for InForce {
    fn settings(&self) -> Settings {
        self.now.read().unwrap_or_else(PoisonError::into_inner).shown.clone()
    }

    fn try_address(&self, url: HttpsUrl) -> LocalPromise<Tried> {
        let channel = self.now.read().unwrap_or_else(PoisonError::into_inner).channel.clone();
        Box::pin(async move {
            let proxy = channel.proxy_for(&url).ok().flatten();
            tried(channel.egress().explain(&url).await, proxy)
        })
    }
}

/// What is told of it. A proxy looks the name up itself: a name that only it knows passes, and one refused
/// address refuses the whole, for nobody knows which one it takes.
fn tried(explained: Explanation, proxy: Option<String>) -> Tried {
    let reachable = match (&proxy, &explained.addresses) {
        (Some(_), Ok(decisions)) => decisions.iter().all(|each| each.allowed),
        (Some(_), Err(_)) => true,
        (None, _) => explained.reachable(),
    };
    let judged = explained.addresses.map(|decisions| {
        decisions
            .iter()
            .map(|each| Judged { allowed: each.allowed, words: each.to_string() })
            .collect()
    });
    Tried {
        host: explained.host,
        port: explained.port,
        reachable,
        addresses: judged.map_err(|error| error.to_string()),
        proxy,
    }
}

fn tls(config: &Config, certificate: Option<&Certificate>) -> Option<Tls> {
    let (file, _) = config.tls.as_ref()?;
    let expires_at = certificate.and_then(Certificate::expires_at);
    Some(Tls { file: file.display().to_string(), expires_at })
}

fn smtp(smtp: &SmtpSettings) -> in_force::Smtp {
    in_force::Smtp {
        place: smtp.place(),
        security: smtp.security,
        username: smtp.login.as_ref().map(|login| login.username.clone()),
        from: smtp.from.to_string(),
        hello_name: smtp.hello_name.clone(),
        timeout: smtp.timeout,
    }
}

fn classifier(classifier: &ClassifierSettings) -> in_force::Classifier {
    in_force::Classifier {
        url: classifier.url.masked(),
        protocol: classifier.protocol.word(),
        model: classifier.model.clone(),
        signs_in: classifier.api_key.is_some(),
        timeout: classifier.timeout,
        max_in_flight: classifier.terms.at_once,
        max_wait: classifier.terms.patience,
    }
}

fn egress(channel: &ChannelSettings) -> in_force::Egress {
    let ChannelSettings {
        timeout: _,
        policy,
        names,
        ca_files,
        client_identity,
        proxy,
        smtp: _,
        classifier: _,
    } = channel;
    let texts = |entries: &[crate::channel::egress::Entry]| -> Vec<String> {
        entries.iter().map(ToString::to_string).collect()
    };
    let through = proxy.shown().ok().flatten();
    in_force::Egress {
        allow: texts(policy.allow()),
        deny: texts(policy.deny()),
        own: policy.own().iter().map(SocketAddr::to_string).collect(),
        defaults: AddressClass::ALL
            .iter()
            .map(|class| (class.word(), class.allowed_by_default()))
            .collect(),
        ca_files: ca_files.iter().map(|file| file.name.clone()).collect(),
        no_trust: channel.check().ok().flatten().map(|missing| missing.to_string()),
        proxy: match (proxy, through) {
            (Proxy::Environment, None) => in_force::Proxy::EmptyEnvironment,
            (Proxy::None | Proxy::Url(_), None) => in_force::Proxy::None,
            (Proxy::None | Proxy::Url(_) | Proxy::Environment, Some(shown)) => {
                in_force::Proxy::Through {
                    url: shown.url,
                    signs_in: shown.signs_in,
                    from_environment: matches!(proxy, Proxy::Environment),
                }
            }
        },
        client_cert: client_identity.as_ref().map(|identity| identity.name.clone()),
        names: match names {
            NameSource::Dns | NameSource::Custom(_) => Names::Dns,
            NameSource::System => Names::System,
            NameSource::Server(server) => Names::Server(*server),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::serve::channel_settings;
    use crate::web::in_force::InForce as _;

    use super::*;

    const OWN: &str = "127.0.0.1:8787";

    fn config(egress: &str) -> Config {
        let text = format!("[egress]\n{egress}\n");
        Config::parse(Path::new("/data"), Some(("belfry.toml", &text)), []).unwrap()
    }

    fn channel(config: &Config) -> ChannelSettings {
        channel_settings(config, &[OWN.parse().unwrap()]).unwrap()
    }

    fn in_force(egress: &str) -> InForce {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let config = config(egress);
        let channel = channel(&config);
        InForce::new(&config, Path::new("/data"), &channel, None, Timestamp::from_millis(0))
    }

    fn url(text: &str) -> HttpsUrl {
        HttpsUrl::parse(text).unwrap()
    }

    #[test]
    fn what_is_told_is_what_was_exchanged_last() {
        let in_force = in_force("deny = [\"10.1.0.0/16\"]");
        assert_eq!(in_force.settings().egress.deny, ["10.1.0.0/16"]);
        assert!(in_force.check(&url("https://10.1.2.3/")).is_err());
        let other = config("allow = [\"127.0.0.1/32\"]\n[delivery]\ntimeout = \"7s\"");
        in_force.exchange(&other, &channel(&other));
        let told = in_force.settings();
        assert_eq!(
            (told.egress.allow, told.egress.deny),
            (vec!["127.0.0.1/32".to_owned()], vec![])
        );
        assert_eq!(told.timeout.as_secs(), 7);
        assert_eq!(told.listen, [OWN.parse().unwrap()]);
        assert!(in_force.check(&url("https://10.1.2.3/")).is_ok());
        assert!(in_force.check(&url("https://127.0.0.1:8787/")).is_err(), "it would come back");
    }

    #[test]
    fn no_secret_of_a_proxy_is_told() {
        let in_force = in_force("proxy = \"http://zoe:sentinel@proxy.example.com:3128\"");
        let told = in_force.settings();
        assert!(!format!("{told:?}").contains("sentinel") && !format!("{told:?}").contains("zoe"));
        let expected = in_force::Proxy::Through {
            url: "http://proxy.example.com:3128".to_owned(),
            signs_in: true,
            from_environment: false,
        };
        assert_eq!(told.egress.proxy, expected);
    }

    #[test]
    fn no_secret_of_a_classifier_is_told() {
        let section = "[detect.classifier]\nurl = \"https://models.test/v1?key=sentinel-q\"\n\
                       api_key = \"sentinel-k\"\nprotocol = \"openai\"\nmodel = \"judge-1\"";
        let told = in_force(section).settings();
        assert!(!format!("{told:?}").contains("sentinel"), "{told:?}");
        let classifier = told.classifier.unwrap();
        assert_eq!(classifier.url, "https://models.test/v1?key=***");
        assert!(classifier.signs_in && classifier.protocol == "openai");
    }

    #[tokio::test]
    async fn an_address_is_tried_by_the_rules_in_force() {
        let here = in_force("");
        let own = here.try_address(url("https://127.0.0.1:8787/hook")).await;
        let words = own.addresses.unwrap().remove(0).words;
        assert!(!own.reachable && words.contains("this service itself listens there"), "{words}");
        let inside = here.try_address(url("https://10.1.2.3/hook")).await;
        assert!(inside.reachable && inside.proxy.is_none(), "{inside:?}");
        let behind = in_force("proxy = \"http://proxy.example.com:3128\"");
        let metadata = behind.try_address(url("https://169.254.169.254/")).await;
        assert!(!metadata.reachable);
        assert_eq!(metadata.proxy.as_deref(), Some("proxy.example.com:3128"));
    }
}
