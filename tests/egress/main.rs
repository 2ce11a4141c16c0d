//! Where deliveries may go: matrix group D. The address policy by tables, and its enforcement on
//! the addresses that are really connected to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod environment;
mod lists;
#[path = "../receiver/mod.rs"]
mod receiver;

use std::net::IpAddr;
use std::sync::Arc;

use belfry::channel::egress::{
    DnsNames, EgressPolicy, Lookup as _, LookupError, SystemNames, allowed_addresses,
};
use belfry::channel::{ChannelSettings, NameSource, Proxy};
use belfry::domain::outcome::FaultKind;
use belfry::domain::secret::Secret;
use receiver::dns::{Answer, NameServer, Names};
use receiver::sending::{
    LONG, SHORT, Sending, fault, policy, sender, settings, status, with_names,
};
use receiver::{Ca, Door, PATIENCE, Receiver, Reply};

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
        _ = tokio::time::timeout(PATIENCE, std::future::pending::<()>()) => panic!("nothing came through"),
    }
    assert_eq!(receiver.log().requests.len(), 50);
}
