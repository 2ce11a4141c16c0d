//! The service of the demonstration: a data directory made anew, and the whole product on it in this
//! process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::cli::certificate::Throwaway;
use crate::cli::error::CliError;
use crate::cli::init;
use crate::config::{self, Config};
use crate::domain::secret::Secret;
use crate::serve::{self, Running};
use crate::web::first::FirstCode;

/// A running service, and how to speak to it.
pub(super) struct Service {
    running: Running,
    data: PathBuf,
    token: Secret,
    code: FirstCode,
}

impl Service {
    /// Makes the data directory, and starts the service on it. It may send to this machine only as far
    /// as the receivers need it.
    pub(super) async fn start(
        data: &Path,
        listen: Option<SocketAddr>,
        made: Made<'_>,
    ) -> Result<Self, CliError> {
        let init::Made { token, code } = init::make(data).await?;
        let text = settings(listen.unwrap_or_else(usual_address), &made);
        let file = data.join(config::FILE);
        std::fs::write(data.join(CA_FILE), made.ca_pem).map_err(CliError::failed)?;
        if let Some(own) = made.own {
            std::fs::write(data.join(CERTIFICATE_FILE), &own.certificate_pem)
                .and_then(|()| std::fs::write(data.join(KEY_FILE), &own.key_pem))
                .map_err(CliError::failed)?;
        }
        std::fs::write(&file, &text).map_err(CliError::failed)?;
        // The environment's settings are for the real service: here everything is known.
        let shown = file.display().to_string();
        let config = Config::parse(data, Some((&shown, &text)), []).map_err(CliError::failed)?;
        let started = serve::start(config, data).await.map_err(|error| {
            let status = error.exit_status();
            CliError::with_status(error, status)
        });
        Ok(Self { running: started?, data: data.to_owned(), token, code })
    }

    pub(super) fn url(&self) -> String {
        self.running.url()
    }

    pub(super) fn token(&self) -> &str {
        self.token.expose()
    }

    /// Where a person sets the admin's password.
    pub(super) fn setup_url(&self) -> Secret {
        self.code.link(&self.url())
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Wherever there is room.
    pub(super) fn any_address() -> Option<SocketAddr> {
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    pub(super) async fn stop(self) {
        self.running.stop().await;
    }
}

/// What was made for the demonstration.
pub(super) struct Made<'a> {
    /// The receivers' authority.
    pub(super) ca_pem: &'a str,
    /// What the service itself shows, where it speaks TLS.
    pub(super) own: Option<&'a Throwaway>,
    /// Where its mail goes, where it mails.
    pub(super) mailbox: Option<SocketAddr>,
}

/// The receivers' certificate authority, in the data directory.
const CA_FILE: &str = "receivers-ca.pem";
const CERTIFICATE_FILE: &str = "own-certificate.pem";
const KEY_FILE: &str = "own-key.pem";

/// What differs from a real service: retries come soon, so that nobody has to wait to see them.
fn settings(listen: SocketAddr, made: &Made<'_>) -> String {
    let own = match made.own {
        Some(_) => format!("tls_cert = \"{CERTIFICATE_FILE}\"\ntls_key = \"{KEY_FILE}\"\n"),
        None => String::new(),
    };
    let mail = match made.mailbox {
        Some(address) => format!(
            "[smtp]\nhost = \"{}\"\nport = {}\nfrom = \"Belfry <alerts@belfry.example>\"\n\n",
            address.ip(),
            address.port()
        ),
        None => String::new(),
    };
    format!(
        "# Made by `belfry dev`.\n\
         [server]\n\
         listen = \"{listen}\"\n\
         workers = 1\n\
         {own}\n\
         [delivery.retry]\n\
         base = \"1s\"\n\n\
         [egress]\n\
         allow = [\"127.0.0.1/32\"]\n\
         ca_files = [\"{CA_FILE}\"]\n\n\
         {mail}\
         [log]\n\
         level = \"error\"\n"
    )
}

/// The address that every command looks for a service at, unless somebody has it already.
fn usual_address() -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 8787));
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}
