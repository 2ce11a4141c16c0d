//! Where deliveries may go: matrix group D. The address policy by tables, and its enforcement on
//! the addresses that are really connected to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod receiver;

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;

use belfry::channel::egress::{
    AddressClass, DnsNames, Egress, EgressPolicy, Lookup as _, LookupError, Rule, SystemNames,
    allowed_addresses,
};
use belfry::channel::{ChannelSettings, NameSource, Proxy};
use belfry::domain::integration::HttpsUrl;
use belfry::domain::outcome::FaultKind;
use belfry::domain::secret::Secret;
use receiver::dns::{Answer, NameServer, Names};
use receiver::sending::{
    LONG, SHORT, Sending, fault, policy, sender, settings, status, with_names,
};
use receiver::{Ca, Door, PATIENCE, Receiver, Reply};

/// The lines of a table that are neither empty nor a comment.
fn rows(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|each| each.trim().to_owned()).filter(|each| !each.is_empty()).collect()
}

/// D2
#[test]
fn d2_every_class_has_its_verdict() {
    let open = EgressPolicy::default();
    let mut seen = std::collections::BTreeSet::new();
    let mut count = 0;
    for row in rows(include_str!("../fixtures/egress/addresses.txt")) {
        let (address, rest) = row.split_once(' ').unwrap();
        let (class, verdict) = rest.trim().rsplit_once(' ').unwrap();
        let address: IpAddr = address.parse().unwrap();
        let decision = open.explain(address, 443);
        assert_eq!(decision.class.word(), class.trim(), "{row}");
        assert_eq!(decision.allowed, verdict == "allowed", "{row}");
        seen.insert(decision.class);
        count += 1;
    }
    assert!(count >= 74, "{count} rows");
    assert_eq!(seen.len(), AddressClass::ALL.len(), "a row for each class");
}

/// D10, D11, D12, D14
#[test]
fn d10_d11_d12_d14_lists_decide_in_their_order() {
    for row in rows(include_str!("../fixtures/egress/lists.txt")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [allow, deny, own, target, expected] = cells[..] else { panic!("{row}") };
        let own: Vec<SocketAddr> = list(own).iter().map(|each| each.parse().unwrap()).collect();
        let policy = EgressPolicy::parse(&list(allow), &list(deny), &own).unwrap();
        let target: SocketAddr = target.parse().unwrap();
        let decision = policy.explain(target.ip(), target.port());
        let verdict = if decision.allowed { "allowed" } else { "refused" };
        let rule = match &decision.rule {
            Rule::OwnAddress => "own".to_owned(),
            Rule::Deny(entry) => format!("deny {entry}"),
            Rule::Metadata => "metadata".to_owned(),
            Rule::Allow(entry) => format!("allow {entry}"),
            Rule::ClassDefault => "default".to_owned(),
        };
        assert_eq!(format!("{verdict} {rule}"), expected, "{row}");
        assert!(decision.to_string().contains(verdict), "{decision}");
    }
}

#[test]
fn entries_that_cant_be_used_are_told_all_at_once() {
    let table = include_str!("../fixtures/egress/entries.txt");
    let (mut entries, mut expected) = (Vec::new(), Vec::new());
    for row in rows(table) {
        let (entry, words) = row.split_once('|').unwrap();
        entries.push(entry.trim().to_owned());
        expected.push(words.trim());
    }
    let problems = EgressPolicy::parse(&entries, &entries, &[]).unwrap_err();
    assert_eq!(problems.len(), 2 * entries.len());
    for (problem, words) in problems.iter().zip(&expected) {
        assert_eq!(problem.list, "allow");
        assert_eq!(problem.entry, entries[problem.index]);
        let text = problem.to_string();
        assert!(text.contains(words) && text.contains("egress.allow"), "{text}");
    }
}

/// D1, the policy's side: what is refused when it is saved, and on every attempt.
#[test]
fn d1_every_spelling_of_an_address_is_judged_as_that_address() {
    let open = EgressPolicy::default();
    for row in rows(include_str!("../fixtures/egress/urls.txt")) {
        let (url, expected) = row.split_once('|').unwrap();
        let (url, expected) = (url.trim(), expected.trim());
        let found = match HttpsUrl::parse(url) {
            Err(_) => "unparsed".to_owned(),
            Ok(parsed) => match open.check_url(&parsed) {
                Ok(()) => "passes".to_owned(),
                Err(denied) => format!("refused {}", denied.decisions[0].address),
            },
        };
        assert!(expected.split(" or ").any(|each| each == found), "{url}: {found}");
    }
}

/// D3: of a mixed answer only the good part is used.
#[tokio::test]
async fn d3_only_allowed_addresses_of_an_answer_are_dialled() {
    let ca = Ca::new();
    let good = Receiver::start(Door::tls(ca.issue(&["hook.test"])), |_, _| Reply::status(200));
    // The same port on another loopback address, which nothing opens.
    let port = good.addr.port();
    let bad = Receiver::start_on(&format!("127.0.0.2:{port}"), Door::Plain, |_, _| Reply::hang());
    let mixed = Answer::is(&["169.254.169.254", "127.0.0.2", "127.0.0.1", "::1", "0.0.0.0"]);
    let only_bad = Answer::is(&["169.254.169.254", "127.0.0.2"]);
    let names = Names::new(&[("hook.test", &[mixed]), ("bad.test", &[only_bad])]);
    let sender = sender(&with_names(settings(&ca), names));
    let report = Sending::to(&good.url_at("hook.test", "/")).by(&sender).await;
    assert_eq!(status(&report), 200);
    assert_eq!(report.remote, Some(good.addr.to_string()));
    let report = Sending::to(&good.url_at("bad.test", "/")).by(&sender).await;
    let told = fault(&report, FaultKind::EgressDenied);
    assert!(told.detail.contains("169.254.169.254 (cloud metadata) is refused"), "{told:?}");
    assert!(told.detail.contains("127.0.0.2 (loopback) is refused"), "{told:?}");
    assert_eq!(bad.log().connections, 0);
}

/// D3: an answer of 300 is no reason to try 300.
#[test]
fn d3_at_most_eight_addresses_families_in_turn() {
    let mut found: Vec<IpAddr> = (0..150).map(|n| IpAddr::from([10, 0, 0, n])).collect();
    found.extend((0..150_u16).map(|n| IpAddr::from([0x2600, 0, 0, 0, 0, 0, 0, n])));
    found.extend((0..150).map(|n| IpAddr::from([127, 0, 0, n])));
    let chosen = allowed_addresses(&EgressPolicy::default(), &found, 443).unwrap();
    assert_eq!(chosen.len(), 8);
    for (index, address) in chosen.iter().enumerate() {
        assert_eq!(address.is_ipv4(), index % 2 == 0, "{chosen:?}");
    }
    let v4_only = allowed_addresses(&EgressPolicy::default(), &found[..100], 443).unwrap();
    assert_eq!(v4_only.len(), 8);
}

/// D4: a name that turns to the inside after its first use is refused on the second.
#[tokio::test]
async fn d4_rebinding_is_refused_on_the_next_attempt() {
    let ca = Ca::new();
    let closes = |_: usize, _: &receiver::Seen| {
        Reply::head("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .then_close()
    };
    let outside = Receiver::start(Door::tls(ca.issue(&["hook.test"])), closes);
    let port = outside.addr.port();
    let inside =
        Receiver::start_on(&format!("127.0.0.2:{port}"), Door::Plain, |_, _| Reply::status(200));
    let names =
        Names::new(&[("hook.test", &[Answer::is(&["127.0.0.1"]), Answer::is(&["127.0.0.2"])])]);
    let sender = sender(&with_names(settings(&ca), names.clone()));
    let sending = Sending::to(&outside.url_at("hook.test", "/"));
    assert_eq!(status(&sending.by(&sender).await), 200);
    outside.until("the end of the connection", |log| log.ended == 1).await;
    fault(&sending.by(&sender).await, FaultKind::EgressDenied);
    assert_eq!(names.asked().len(), 2);
    assert_eq!(inside.log().connections, 0);
    assert_eq!(outside.log().requests.len(), 1);
}

/// D5: an address in the URL is checked on every attempt, and no resolver is asked.
#[tokio::test]
async fn d5_a_refused_literal_is_not_connected_to() {
    let ca = Ca::new();
    let door = Door::tls(ca.issue(&["127.0.0.1"]));
    let receiver = Receiver::start(door, |_, _| Reply::status(200));
    let names = Names::new(&[]);
    let mut settings = with_names(settings(&ca), names.clone());
    // The integration was saved while this was allowed.
    settings.policy = EgressPolicy::default();
    let port = receiver.addr.port();
    let sender = sender(&settings);
    for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]", "0"] {
        let report = Sending::to(&format!("https://{host}:{port}/")).by(&sender).await;
        let told = fault(&report, FaultKind::EgressDenied);
        assert!(told.detail.contains("is refused"), "{told:?}");
    }
    assert!(names.asked().is_empty());
    assert_eq!(receiver.log().connections, 0);
}

/// D6: whatever is wrong with an answer, nothing is connected to; over a real name server.
#[tokio::test]
async fn d6_no_usable_answer_is_a_failure() {
    let ca = Ca::new();
    let server = NameServer::start(&[
        ("broken.test", &[Answer::Broken]),
        ("empty.test", &[Answer::Empty]),
        ("silent.test", &[Answer::Silent]),
        ("hook.test", &[Answer::is(&["127.0.0.1"])]),
    ]);
    let door = Door::tls(ca.issue(&["hook.test"]));
    let receiver = Receiver::start(door, |_, _| Reply::status(200));
    let mut settings = settings(&ca);
    settings.names = NameSource::Server(server.addr);
    for (host, kind) in [
        ("broken.test", FaultKind::NameLookup),
        ("empty.test", FaultKind::NameNotFound),
        ("unknown.test", FaultKind::NameNotFound),
        ("silent.test", FaultKind::NameLookup),
    ] {
        settings.timeout = if host == "silent.test" { SHORT } else { LONG };
        let report = Sending::to(&receiver.url_at(host, "/")).by(&sender(&settings)).await;
        let told = fault(&report, kind);
        assert!(!told.detail.is_empty(), "{host}");
    }
    assert_eq!(receiver.log().connections, 0);
    settings.timeout = LONG;
    let report = Sending::to(&receiver.url_at("hook.test", "/")).by(&sender(&settings)).await;
    assert_eq!(status(&report), 200);
    assert!(report.phases.resolve.is_some() && report.phases.connect.is_some());
}

/// A name server that swallows questions for IPv6 does not use up an attempt's time.
#[tokio::test]
async fn a_name_server_deaf_to_ipv6_costs_nothing() {
    let ca = Ca::new();
    let server = NameServer::start(&[("hook.test", &[Answer::DeafToIpv6([127, 0, 0, 1].into())])]);
    let door = Door::tls(ca.issue(&["hook.test"]));
    let receiver = Receiver::start(door, |_, _| Reply::status(200));
    let mut settings = settings(&ca);
    settings.names = NameSource::Server(server.addr);
    let report = Sending::to(&receiver.url_at("hook.test", "/")).by(&sender(&settings)).await;
    assert_eq!(status(&report), 200);
    // Asked again after 1.5 s, which is what waiting for both families would have cost.
    assert_eq!(server.names.asked().len(), 2);
}

/// D7: names don't matter, addresses do.
#[tokio::test]
async fn d7_aliases_of_metadata_are_refused_by_address() {
    let server = NameServer::start(&[
        ("innocent.test", &[Answer::Alias("metadata.test", vec![[169, 254, 169, 254].into()])]),
        ("127.0.0.1.nip.test", &[Answer::is(&["127.0.0.1"])]),
    ]);
    let settings = ChannelSettings {
        timeout: LONG,
        names: NameSource::Server(server.addr),
        ca_files: settings(&Ca::new()).ca_files,
        ..ChannelSettings::default()
    };
    let sender = sender(&settings);
    for host in ["innocent.test", "127.0.0.1.nip.test"] {
        let report = Sending::to(&format!("https://{host}/")).by(&sender).await;
        fault(&report, FaultKind::EgressDenied);
    }
}

/// What `localhost` is, the policy decides like any other address.
#[tokio::test]
async fn localhost_is_looked_up_here_and_judged() {
    let server = NameServer::start(&[]);
    for names in [
        Arc::new(DnsNames::from_server(server.addr)) as Arc<dyn belfry::channel::egress::Lookup>,
        Arc::new(SystemNames::default()),
    ] {
        let found = names.lookup("localhost").await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        let denied = allowed_addresses(&EgressPolicy::default(), &found, 443).unwrap_err();
        assert_eq!(denied.decisions.len(), found.len());
    }
    assert!(server.names.asked().is_empty());
}

#[tokio::test]
async fn the_systems_resolver_fails_closed() {
    let found = SystemNames::default().lookup("no-such-host.invalid").await;
    assert!(
        matches!(found, Err(LookupError::Failed { .. } | LookupError::NoAddress(_))),
        "{found:?}"
    );
}

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
    in_a_process_with("d8_in_a_process_with_proxies", &variables);
    assert_eq!(proxy.log().connections, 0);
    in_a_process_with("d9_in_a_process_with_proxies_that_count", &variables);
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

/// D10: an opened address opens no neighbour, and rebinding protection stays on.
#[tokio::test]
async fn d10_one_opened_address_opens_no_other() {
    let ca = Ca::new();
    let names = Names::new(&[(
        "hook.test",
        &[Answer::is(&["127.0.0.2"]), Answer::is(&["::1"]), Answer::is(&["10.0.0.1", "127.0.0.9"])],
    )]);
    let mut settings = with_names(settings(&ca), names);
    settings.policy = policy(&["127.0.0.1/32"], &["10.0.0.0/8"]);
    let sender = sender(&settings);
    for _ in 0..3 {
        fault(&Sending::to("https://hook.test/").by(&sender).await, FaultKind::EgressDenied);
    }
}

/// D13: a narrower policy counts at once, kept connections or not.
#[tokio::test]
async fn d13_no_request_goes_out_on_connections_made_under_another_policy() {
    let ca = Ca::new();
    let door = Door::tls(ca.issue(&["hook.test"]));
    let receiver = Receiver::start(door, |_, _| Reply::status(200));
    let names = Names::new(&[("hook.test", &[Answer::is(&["127.0.0.1"])])]);
    let mut settings = with_names(settings(&ca), names);
    let sender = sender(&settings);
    let sending = Sending::to(&receiver.url_at("hook.test", "/"));
    assert_eq!(status(&sending.by(&sender).await), 200);
    assert_eq!(status(&sending.by(&sender).await), 200);
    assert_eq!(receiver.log().connections, 1, "it is kept");
    settings.policy = policy(&["127.0.0.1/32"], &["127.0.0.0/8"]);
    sender.reload(&settings).unwrap();
    let told = fault(&sending.by(&sender).await, FaultKind::EgressDenied);
    assert!(told.detail.contains("`127.0.0.0/8` in egress.deny"), "{told:?}");
    assert_eq!(receiver.log().requests.len(), 2);
    receiver.until("the end of the kept connection", |log| log.ended == 1).await;
    // Settings that can't be used change nothing.
    settings.policy = policy(&["127.0.0.1/32"], &[]);
    settings.proxy = Proxy::Url(Arc::new(Secret::new("ftp://x".to_owned())));
    assert!(sender.reload(&settings).is_err());
    fault(&sending.by(&sender).await, FaultKind::EgressDenied);
}

/// D14
#[tokio::test]
async fn d14_our_own_door_is_no_destination() {
    let ca = Ca::new();
    let door = Door::tls(ca.issue(&["127.0.0.1"]));
    let receiver = Receiver::start(door, |_, _| Reply::status(200));
    let mut settings = settings(&ca);
    settings.policy =
        EgressPolicy::parse(&["127.0.0.0/8".to_owned()], &[], &[receiver.addr]).unwrap();
    let report = Sending::to(&receiver.url("/")).by(&sender(&settings)).await;
    let told = fault(&report, FaultKind::EgressDenied);
    assert!(told.detail.contains("this service itself listens there"), "{told:?}");
    assert_eq!(receiver.log().connections, 0);
}

/// D15: one name whose server never answers holds up nobody else.
#[tokio::test]
async fn d15_a_silent_name_server_holds_up_only_its_own_destination() {
    let ca = Ca::new();
    let hosts: Vec<String> = (0..50).map(|n| format!("h{n}.test")).collect();
    let here = [Answer::is(&["127.0.0.1"])];
    let mut answers: Vec<(&str, &[Answer])> =
        hosts.iter().map(|host| (host.as_str(), &here[..])).collect();
    answers.push(("silent.test", &[Answer::Silent]));
    let server = NameServer::start(&answers);
    let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let receiver = Receiver::start(Door::tls(ca.issue(&names)), |_, _| Reply::status(200));
    let mut settings = settings(&ca);
    settings.names = NameSource::Server(server.addr);
    let sender = sender(&settings);
    let silent: Vec<Sending> =
        (0..8).map(|_| Sending::to(&receiver.url_at("silent.test", "/"))).collect();
    let stuck = futures_util::future::join_all(silent.iter().map(|each| each.by(&sender)));
    let others: Vec<Sending> =
        hosts.iter().map(|host| Sending::to(&receiver.url_at(host, "/"))).collect();
    let delivered = futures_util::future::join_all(others.iter().map(|each| each.by(&sender)));
    tokio::select! {
        biased;
        reports = delivered => assert!(reports.iter().all(|report| status(report) == 200)),
        _ = stuck => panic!("the silent destination was done first"),
        () = tokio::time::sleep(PATIENCE) => panic!("nothing came through"),
    }
    assert_eq!(receiver.log().requests.len(), 50);
}

/// D18: a machine without CA certificates.
#[test]
fn d18_without_ca_certificates_attempts_say_what_to_install() {
    let none = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    in_a_process_with("d18_in_a_process_without_certificates", &none);
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

#[tokio::test]
async fn check_tells_each_address_and_the_rule() {
    let names = Names::new(&[
        ("mixed.test", &[Answer::is(&["10.0.0.1", "127.0.0.1"])]),
        ("silent.test", &[Answer::Silent]),
    ]);
    let egress = Egress::new(policy(&[], &["10.0.0.0/8:22"]), names);
    let explanation = egress.explain(&HttpsUrl::parse("https://mixed.test/x").unwrap()).await;
    assert_eq!((explanation.host.as_str(), explanation.port), ("mixed.test", 443));
    assert!(explanation.reachable());
    let lines: Vec<String> =
        explanation.addresses.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "10.0.0.1 (private) is allowed: the default for private addresses",
            "127.0.0.1 (loopback) is refused: the default for loopback addresses; egress.allow can \
             open it",
        ]
    );
    let shut = egress.explain(&HttpsUrl::parse("https://10.0.0.1:22/").unwrap()).await;
    assert!(!shut.reachable());
    let unknown = egress.explain(&HttpsUrl::parse("https://unknown.test/").unwrap()).await;
    assert!(matches!(unknown.addresses, Err(LookupError::NotFound(_))));
}
