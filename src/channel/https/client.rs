//! The HTTP clients of one thread: made when first used, since each costs memory and time, and
//! thrown away together when the settings change, so that no connection outlives a policy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use url::Url;

use crate::channel::egress::Egress;
use crate::channel::settings::{ChannelError, ChannelSettings, ProxyRoute};
use crate::channel::tls::{self, NoRoots};
use crate::channel::trace::Traced;
use crate::domain::limits::{IDLE_CONNECTION, IDLE_CONNECTIONS};

/// Everything that goes out by the same settings.
pub(in crate::channel) struct Wire {
    pub(in crate::channel) timeout: Duration,
    pub(in crate::channel) egress: Egress,
    tls: Result<ClientConfig, NoRoots>,
    proxy: Option<ProxyRoute>,
    clients: Mutex<Vec<(Way, reqwest::Client)>>,
}

/// Which client a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::channel) struct Way {
    pub(in crate::channel) http1_only: bool,
    /// Without TLS.
    pub(in crate::channel) plain: bool,
    pub(in crate::channel) by_proxy: bool,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(in crate::channel) enum NoClient {
    #[error(transparent)]
    NoRoots(#[from] NoRoots),
    #[error(transparent)]
    Build(#[from] ChannelError),
}

impl Wire {
    pub(in crate::channel) fn new(settings: &ChannelSettings) -> Result<Self, ChannelError> {
        Ok(Self {
            timeout: settings.timeout,
            egress: settings.egress(),
            tls: tls::client_config(settings)?,
            proxy: settings.proxy.route()?,
            clients: Mutex::default(),
        })
    }

    /// The proxy that a request to `url` goes through, without its credentials.
    pub(in crate::channel) fn proxy_for(&self, url: &Url) -> Option<&str> {
        let route = self.proxy.as_ref()?;
        route.takes(url).then_some(route.shown.as_str())
    }

    /// The client for a way, made when it is first asked for.
    pub(in crate::channel) fn client(&self, way: Way) -> Result<reqwest::Client, NoClient> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(each, _)| *each == way) {
            return Ok(client.clone());
        }
        let client = self.build(way)?;
        clients.push((way, client.clone()));
        Ok(client)
    }

    fn build(&self, way: Way) -> Result<reqwest::Client, NoClient> {
        let mut tls = self.tls.clone()?;
        tls.alpn_protocols = match way.http1_only {
            true => vec![b"http/1.1".to_vec()],
            false => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let mut builder = reqwest::Client::builder()
            // The environment's proxy variables are read otherwise, and then neither our resolver
            // nor our check sees the destination.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // An attempt is at most one request: by default what HTTP/2 turns away is sent again.
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(!way.plain)
            .tls_backend_preconfigured(tls)
            .connector_layer(Traced)
            .connect_timeout(self.timeout)
            .tcp_user_timeout(self.timeout)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            // A connection that went dark would time out all who share it, again and again. A sign of
            // life is asked for while an attempt waits, and the connection is left soon after that
            // attempt's deadline: never before, since a receiver may just be slow.
            .http2_keep_alive_interval(self.timeout.mul_f32(0.3))
            .http2_keep_alive_timeout(self.timeout.mul_f32(0.8));
        if way.http1_only {
            builder = builder.http1_only();
        }
        builder = match self.proxy.as_ref().filter(|_| way.by_proxy) {
            Some(route) => builder
                .proxy(
                    reqwest::Proxy::all(route.url.expose())
                        .map_err(|_| ChannelError::BadProxy("the proxy's address can't be used"))?,
                )
                .dns_resolver(Arc::new(self.egress.proxy_names())),
            None => builder.dns_resolver(Arc::new(self.egress.guarded_names())),
        };
        let client = builder
            .build()
            .map_err(|error| ChannelError::Client(error.without_url().to_string()))?;
        Ok(client)
    }
}
