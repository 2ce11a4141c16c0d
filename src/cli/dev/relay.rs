//! A second service beside the demonstration's: alerts are posted to its relay over TLS, and it passes them on
//! to a partner of its own.

use serde_json::{Value, json};

use super::service::{Made, Service};
use crate::cli::certificate::Throwaway;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::domain::secret::Secret;

/// The second service.
pub(super) struct Relay {
    service: Service,
    /// Its data are thrown away in any case: there is nothing to look at.
    dir: tempfile::TempDir,
    /// Where alerts are posted to.
    url: String,
    /// What must be given there.
    credential: String,
}

impl Relay {
    /// Starts it, with an automation that passes on to `partner`.
    pub(super) async fn start(certificate: &Throwaway, partner: &str) -> Result<Self, CliError> {
        let dir = tempfile::Builder::new().prefix("belfry-dev-relay-").tempdir();
        let dir = dir.map_err(CliError::failed)?;
        let made = Made { ca_pem: &certificate.ca_pem, own: Some(certificate), mailbox: None };
        let service =
            Service::start(&dir.path().join("data"), Service::any_address(), made).await?;
        let credential = format!("relay-{}", uuid::Uuid::new_v4().simple());
        let token = Secret::new(service.token().to_owned());
        let client = Client::to(&service.url(), Some(token), Some(&certificate.ca_pem))?;
        let automation = json!({
            "name": "Sample: for the partner",
            "trigger": "relay",
            "inbound_auth": {"method": "api_key", "credential": credential},
            "integrations": [{"kind": "webhook", "name": "partner", "url": partner,
                              "auth": {"method": "none"}}],
        });
        let body = automation.to_string().into_bytes();
        let made = client.post("/v1/automations", &[], Some(body)).await?;
        let Some(path) = made.get("inbound_url").and_then(Value::as_str) else {
            return Err(client.strange("the relay has no address").into());
        };
        let url = format!("{}{path}", service.url());
        Ok(Self { service, dir, url, credential })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    pub(super) async fn stop(self) {
        self.service.stop().await;
        drop(self.dir);
    }
}
