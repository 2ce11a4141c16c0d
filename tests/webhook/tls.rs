//! TLS: every way in which it can fail, and the certificates of our own (matrix C9).

use crate::receiver::sending::{SHORT, Sending, fault, sender, settings, status};
use crate::receiver::{Ca, Door, Identity, Receiver, Reply};
use belfry::channel::{ChannelError, ClientIdentity, PemFile};
use belfry::domain::outcome::FaultKind;
use belfry::domain::secret::Secret;

/// C9: every way in which TLS can fail says which one it is.
#[tokio::test]
async fn c9_tls_failures_say_which() {
    let ca = Ca::new();
    let here = ["127.0.0.1"];
    // The alert of a server that speaks TLS 1.1 at most, and of one that shares no cipher suite:
    // what one that can do the exchange of keys by RSA only says to us.
    let alert = |code: u8| Door::Says(vec![21, 3, 2, 0, 2, 2, code]);
    for (name, door, words) in [
        ("expired", Door::tls(ca.issue_expired(&here)), "expired at 2002-02-03T00:00:00Z"),
        ("early", Door::tls(ca.issue_not_yet_valid(&here)), "not valid before 4000-01-01"),
        (
            "name",
            Door::tls(ca.issue(&["other.test"])),
            "not valid for 127.0.0.1, but for other.test",
        ),
        ("self-signed", Door::tls(Identity::self_signed(&here)), "self-signed"),
        ("unknown CA", Door::tls(Ca::named("X").issue(&here)), "unknown issuer"),
        ("forged CA", Door::tls(Ca::new().issue(&here)), "not signed by the CA"),
        ("TLS 1.1 only", alert(70), "protocol version"),
        ("TLS 1.1 chosen", Door::Says(server_hello_of_tls_1_1()), "protocol version"),
        ("RSA key exchange only", alert(40), "no shared cipher"),
        ("no TLS", Door::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), "not speak TLS"),
        ("closed", Door::Says(Vec::new()), "the connection ended in the TLS handshake"),
        ("client", Door::tls(ca.issue(&here).wants_clients_of(&ca)), "client certificate"),
    ] {
        let receiver = Receiver::start(door, |_, _| Reply::status(200));
        let report = Sending::to(&receiver.url("/")).by(&sender(&settings(&ca))).await;
        let told = fault(&report, FaultKind::Tls);
        assert!(told.detail.contains(words), "{name}: {}", told.detail);
        assert!(receiver.log().requests.is_empty(), "{name}");
    }
}

/// A server that goes on with TLS 1.1 although it was offered 1.2 and 1.3 only.
fn server_hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, no compression.
    hello.extend([0, 0xc0, 0x13, 0]);
    let mut record = vec![22, 3, 2, 0, 42, 2, 0, 0, 38];
    record.extend(hello);
    record
}

/// C9: a handshake that stalls names itself when the time is over.
#[tokio::test]
async fn c9_a_stalled_handshake_is_named() {
    let ca = Ca::new();
    let receiver = Receiver::start(Door::Silent, |_, _| Reply::status(200));
    let mut settings = settings(&ca);
    settings.timeout = SHORT;
    let report = Sending::to(&receiver.url("/")).by(&sender(&settings)).await;
    let told = fault(&report, FaultKind::Timeout);
    assert!(told.detail.starts_with("TLS handshake"), "{told:?}");
    assert!(told.detail.contains("stalled"), "{told:?}");
}

/// C9: certificates of our own, on both sides.
#[tokio::test]
async fn c9_own_ca_and_client_certificate_work() {
    let (ours, theirs) = (Ca::new(), Ca::new());
    let identity = ours.issue(&["127.0.0.1"]).wants_clients_of(&theirs);
    let receiver = Receiver::start(Door::tls(identity), |_, _| Reply::status(200));
    let mut settings = settings(&ours);
    // A file may hold several, and there may be several files.
    let both = format!("{}{}", theirs.pem(), Ca::new().pem());
    settings.ca_files.push(PemFile { name: "more.pem".to_owned(), pem: both.into_bytes() });
    settings.client_identity = Some(ClientIdentity {
        name: "client.pem".to_owned(),
        pem: Secret::new(theirs.issue(&["belfry"]).pem()).into(),
    });
    let report = Sending::to(&receiver.url("/")).by(&sender(&settings)).await;
    assert_eq!(status(&report), 200);
    let phases = report.phases;
    assert!(phases.tls.is_some() && phases.first_byte.is_some(), "{phases:?}");
}

#[test]
fn certificate_files_that_cant_be_used_are_named() {
    let ca = Ca::new();
    let bad = |pem: &str| PemFile { name: "x.pem".to_owned(), pem: pem.as_bytes().to_vec() };
    let mut empty = settings(&ca);
    empty.ca_files = vec![bad("nothing here")];
    assert_eq!(empty.check(), Err(ChannelError::NoCertificate("x.pem".to_owned())));
    empty.ca_files = vec![bad("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")];
    let told = empty.check().unwrap_err().to_string();
    assert!(told.contains("`x.pem`"), "{told}");
    let mut keyless = settings(&ca);
    let pem = Secret::new(ca.issue(&["belfry"]).certificate_pem).into();
    keyless.client_identity = Some(ClientIdentity { name: "c.pem".to_owned(), pem });
    let told = keyless.check().unwrap_err().to_string();
    assert!(told.contains("`c.pem`") && told.contains("no private key"), "{told}");
}
