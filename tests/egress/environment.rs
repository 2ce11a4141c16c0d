//! Proxies and the machine's CA certificates: what the environment may say and what not (matrix D8,
//! D9, D18).

use std::process::Command;
use std::sync::Arc;

use crate::receiver::dns::{Answer, Names};
use crate::receiver::sending::{SHORT, Sending, fault, sender, settings, status, with_names};
use crate::receiver::{Ca, Door, Receiver, Reply};
use belfry::channel::Proxy;
use belfry::domain::outcome::FaultKind;
use belfry::domain::secret::Secret;

const CHILD: &str = "BELFRY_TEST_CHILD";

/// Runs one test of this file again, in a process whose environment says `variables`.
fn in_a_process_with(test: &str, variables: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn in_the_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// D8: the environment's proxies count for nothing unless the settings say so.
#[test]
fn d8_proxies_of_the_environment_see_nothing() {
    let proxy = Receiver::start(Door::Plain, |_, _| Reply::status(502));
    let url = format!("http://{}", proxy.addr);
    let names =
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    let variables = names.map(|name| (name, url.as_str()));
    in_a_process_with("environment::d8_in_a_process_with_proxies", &variables);
    assert_eq!(proxy.log().connections, 0);
    in_a_process_with("environment::d9_in_a_process_with_proxies_that_count", &variables);
    let log = proxy.log();
    assert_eq!(log.requests.len(), 1, "{log:?}");
    assert_eq!(log.requests[0].method, "CONNECT");
}

#[tokio::test]
async fn d8_in_a_process_with_proxies() {
    if !in_the_child() {
        return;
    }
    let ca = Ca::new();
    let door = Door::tls(ca.issue(&["127.0.0.1", "hook.test"]));
    let receiver = Receiver::start(door, |_, _| Reply::status(200));
    let names = Names::new(&[("hook.test", &[Answer::is(&["127.0.0.1"])])]);
    let sender = sender(&with_names(settings(&ca), names));
    for url in [receiver.url("/"), receiver.url_at("hook.test", "/")] {
        assert_eq!(status(&Sending::to(&url).by(&sender).await), 200);
    }
}

/// D9
#[tokio::test]
async fn d9_in_a_process_with_proxies_that_count() {
    if !in_the_child() {
        return;
    }
    let mut settings = with_names(settings(&Ca::new()), Names::new(&[]));
    settings.proxy = Proxy::Environment;
    let report = Sending::to("https://hook.test/").by(&sender(&settings)).await;
    fault(&report, FaultKind::Proxy);
}

/// D9: an explicit proxy is used, blamed by name, and its password never shown.
#[tokio::test]
async fn d9_an_explicit_proxy_is_used_and_named() {
    let ca = Ca::new();
    let proxy = Receiver::start(Door::Plain, |index, _| match index {
        0 => Reply::head("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").then_close(),
        1 => Reply::head("HTTP/1.1 403 Forbidden\r\n\r\n").then_close(),
        _ => Reply::hang(),
    });
    let mut settings = with_names(settings(&ca), Names::new(&[]));
    let url = format!("http://robot:canary-3@{}", proxy.addr);
    settings.proxy = Proxy::Url(Arc::new(Secret::new(url)));
    assert!(!format!("{settings:?}").contains("canary-3"));
    let sending = Sending::to("https://only-the-proxy-knows.test/x");
    let through = sender(&settings);
    for words in ["authorization required", "unsuccessful"] {
        let told = fault(&sending.by(&through).await, FaultKind::Proxy);
        assert!(told.detail.contains(&proxy.addr.to_string()), "{told:?}");
        assert!(told.detail.contains(words) && !told.detail.contains("canary-3"), "{told:?}");
    }
    let seen = &proxy.log().requests[0];
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("CONNECT", "only-the-proxy-knows.test:443")
    );
    assert!(seen.header("proxy-authorization").unwrap().starts_with("Basic "));
    settings.timeout = SHORT;
    let told = fault(&sending.by(&sender(&settings)).await, FaultKind::Proxy);
    assert!(told.detail.contains("no connection through proxy"), "{told:?}");
    // Nothing of the address policy is lost: what can be judged here is.
    let names = Names::new(&[("inside.test", &[Answer::is(&["10.0.0.1", "169.254.169.254"])])]);
    let judged = sender(&with_names(settings, names));
    let before = proxy.log().connections;
    for url in ["https://169.254.169.254/", "https://inside.test/"] {
        fault(&Sending::to(url).by(&judged).await, FaultKind::EgressDenied);
    }
    assert_eq!(proxy.log().connections, before);
}

#[tokio::test]
async fn d9_a_proxy_that_is_down_is_blamed() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = with_names(settings(&Ca::new()), Names::new(&[]));
    settings.proxy = Proxy::Url(Arc::new(Secret::new(format!("http://{closed}"))));
    let report = Sending::to("https://hook.test/").by(&sender(&settings)).await;
    let told = fault(&report, FaultKind::Proxy);
    assert!(told.detail.contains(&closed.to_string()), "{told:?}");
}

/// A proxy that is no proxy's address is refused, without repeating it.
#[test]
fn a_proxys_address_is_checked() {
    for bad in
        ["socks5://user:canary-4@proxy:1080", "ftp://canary-4", "http://", "http://[canary-4"]
    {
        let mut settings = settings(&Ca::new());
        settings.proxy = Proxy::Url(Arc::new(Secret::new(bad.to_owned())));
        let told = settings.check().unwrap_err().to_string();
        assert!(told.starts_with("egress.proxy: ") && !told.contains("canary-4"), "{told}");
    }
}

/// D18: a machine without CA certificates.
#[test]
fn d18_without_ca_certificates_attempts_say_what_to_install() {
    let none = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    in_a_process_with("environment::d18_in_a_process_without_certificates", &none);
}

#[tokio::test]
async fn d18_in_a_process_without_certificates() {
    if !in_the_child() {
        return;
    }
    let ca = Ca::new();
    let mut settings = settings(&ca);
    let own = std::mem::take(&mut settings.ca_files);
    assert!(settings.check().unwrap().unwrap().to_string().contains("ca-certificates"));
    let door = Door::tls(ca.issue(&["127.0.0.1"]));
    let receiver = Receiver::start(door, |_, _| Reply::status(200));
    let report = Sending::to(&receiver.url("/")).by(&sender(&settings)).await;
    let told = fault(&report, FaultKind::Tls);
    assert!(told.detail.contains("install the package `ca-certificates`"), "{told:?}");
    settings.ca_files = own;
    assert_eq!(settings.check(), Ok(None));
    let report = Sending::to(&receiver.url("/")).by(&sender(&settings)).await;
    assert_eq!(status(&report), 200, "the operator's own CA is enough");
}
