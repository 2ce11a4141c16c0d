//! The service's own certificate: served with it, and refused where it is none.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use belfry::cli::certificate::Throwaway;
use belfry::cli::client::Client;
use belfry::domain::secret::Secret;
use belfry::web::{Certificate, TlsFiles};

use crate::service::{Options, Service};

struct Files {
    dir: tempfile::TempDir,
    ca_pem: String,
}

impl Files {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = Throwaway::make(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
        std::fs::write(dir.path().join("cert.pem"), &made.certificate_pem).unwrap();
        std::fs::write(dir.path().join("key.pem"), &made.key_pem).unwrap();
        Self { dir, ca_pem: made.ca_pem }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

#[test]
fn it_is_served_over_tls() {
    let files = Files::make();
    let tls = TlsFiles { cert: files.path("cert.pem"), key: files.path("key.pem") };
    let tls = Certificate::load(&tls).unwrap();
    let service = Service::start_with(Options { tls: Some(tls), ..Options::default() });
    let url = format!("https://{}", service.addr);
    let client = |ca_pem: &str| {
        let token = Some(Secret::new(service.token("viewer").to_owned()));
        Client::to(&url, token, Some(ca_pem)).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let list = runtime.block_on(client(&files.ca_pem).read("/v1/automations", &[])).unwrap();
    assert_eq!(list["data"], serde_json::json!([]));
    let stranger = client(&Files::make().ca_pem);
    assert!(runtime.block_on(stranger.read("/v1/automations", &[])).is_err());
}

#[test]
fn files_that_are_no_certificate_are_named() {
    let (files, other) = (Files::make(), Files::make());
    std::fs::write(files.path("empty.pem"), "").unwrap();
    for (cert, key, named, what) in [
        (files.path("none.pem"), files.path("key.pem"), "none.pem", "a certificate"),
        (files.path("empty.pem"), files.path("key.pem"), "empty.pem", "no certificate"),
        (files.path("cert.pem"), files.path("none.pem"), "none.pem", "its private key"),
        (files.path("cert.pem"), files.path("cert.pem"), "cert.pem", "its private key"),
        (files.path("cert.pem"), other.path("key.pem"), "key.pem", "its private key"),
    ] {
        let told = Certificate::load(&TlsFiles { cert, key }).unwrap_err().to_string();
        assert!(told.contains(named) && told.contains(what), "{told}");
    }
}
