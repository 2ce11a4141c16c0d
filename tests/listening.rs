//! How the real program listens: its certificate is exchanged while it serves, slow and silent callers
//! keep nobody waiting, and without TLS it is not reached from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::Duration;

use belfry::cli::certificate::Throwaway;
use belfry::cli::client::Client;
use belfry::domain::secret::Secret;
use process::{Data, Listener, Service, path_text, wait_until};
use serde_json::Value;

fn write_certificate(data: &Data) -> String {
    let made = Throwaway::make(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
    std::fs::write(data.beside("cert.pem"), &made.certificate_pem).unwrap();
    std::fs::write(data.beside("key.pem"), &made.key_pem).unwrap();
    made.ca_pem
}

fn hang_up(service: &Service) {
    let pid = rustix::process::Pid::from_raw(service.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
}

#[test]
fn its_certificate_is_exchanged_while_it_serves() {
    let data = Data::init();
    let first = write_certificate(&data);
    let (cert, key) = (path_text(&data.beside("cert.pem")), path_text(&data.beside("key.pem")));
    let settings = [("BELFRY__SERVER__TLS_CERT", cert.as_str()), ("BELFRY__SERVER__TLS_KEY", &key)];
    let service = Service::start(&data, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("https://{}", service.addr);
    let trusts = |ca: &str| {
        let client = Client::to(&url, Some(Secret::new(data.token.clone())), Some(ca)).unwrap();
        runtime.block_on(client.read("/v1/automations", &[])).is_ok()
    };
    assert!(trusts(&first));

    let second = write_certificate(&data);
    assert!(trusts(&first) && !trusts(&second), "nothing changes by itself");
    hang_up(&service);
    wait_until("the new one is shown", || trusts(&second));
    assert!(!trusts(&first));

    // Half a change is none: the one in use stays.
    std::fs::write(data.beside("cert.pem"), "no certificate").unwrap();
    hang_up(&service);
    wait_until("it says so", || service.log().contains("everything stays as it was"));
    assert!(trusts(&second));
}

#[test]
fn without_tls_it_is_not_reached_from_outside() {
    let data = Data::init();
    let (child, log) = Service::spawn(&data, &[("BELFRY__SERVER__LISTEN", "0.0.0.0:0")]);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains("server.allow_plain_http = true"), "{said}");
    let settings =
        [("BELFRY__SERVER__LISTEN", "0.0.0.0:0"), ("BELFRY__SERVER__ALLOW_PLAIN_HTTP", "true")];
    let service = Service::start(&data, &settings);
    assert!(service.addr.ip().is_unspecified(), "behind a proxy it is allowed");
}

/// Matrix F16: two thousand callers who say nothing are hung up on; others are served, and deliveries go
/// on meanwhile.
#[test]
fn f16_silent_callers_keep_nobody_waiting() {
    let data = Data::init();
    let listener = Listener::start(&data, "receiver", &["--fail-first", "3"]);
    let ca = path_text(&listener.ca);
    let settings = [
        ("BELFRY__EGRESS__CA_FILES", ca.as_str()),
        ("BELFRY__DELIVERY__RETRY__BASE", "500ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "1s"),
    ];
    let service = Service::start(&data, &settings);
    service.automation(&[format!("{}/hook", listener.url)]);
    assert_eq!(service.send("r1").0, 202);
    let mut silent: Vec<TcpStream> =
        (0..2000).filter_map(|_| TcpStream::connect(service.addr).ok()).collect();
    assert!(silent.len() > 1500, "{}", silent.len());
    let mut drip = TcpStream::connect(service.addr).unwrap();
    drip.write_all(b"GET /healthz HTTP/1.1\r\nhost:").unwrap();
    wait_until("it is delivered meanwhile", || !listener.taken().is_empty());
    // Those who wait behind them are served once they are hung up on.
    let (status, _) = service.call("GET", "/v1/automations", &Value::Null);
    assert_eq!(status, 200);
    for socket in silent.iter_mut().take(500) {
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut said = Vec::new();
        // Reset is as good as closed.
        let _ended = socket.read_to_end(&mut said);
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408"), "{said:?}");
    }
}
