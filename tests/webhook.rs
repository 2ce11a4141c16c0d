//! Webhooks against receivers that behave badly: matrix group C as far as it concerns HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod receiver;

use std::time::Duration;

use belfry::channel::webhook::signing::SigningKey;
use belfry::channel::{ChannelError, ClientIdentity, PemFile, WebhookSender};
use belfry::domain::integration::{AuthMethod, HeaderName};
use belfry::domain::limits::RESPONSE_EXCERPT_BYTES;
use belfry::domain::outcome::{FaultKind, Outcome, Verdict};
use belfry::domain::schedule::RetryAfter;
use belfry::domain::secret::Secret;
use belfry::domain::time::Timestamp;
use belfry::engine::ports::Sender as _;
use receiver::dns::{Answer, Names};
use receiver::h2::Manners;
use receiver::sending::{LONG, SHORT, Sending, fault, sender, settings, status, with_names};
use receiver::{Ca, Door, Identity, Receiver, Reply};

const KEY: &str = "00000000-0000-0000-0000-000000000001:00000000-0000-0000-0000-000000000002:\
                   record-id";

/// A receiver with a good certificate, and a sender that trusts it.
fn pair(
    script: impl Fn(usize, &receiver::Seen) -> Reply + Send + Sync + 'static,
) -> (Receiver, WebhookSender) {
    pair_within(LONG, script)
}

fn pair_within(
    timeout: Duration,
    script: impl Fn(usize, &receiver::Seen) -> Reply + Send + Sync + 'static,
) -> (Receiver, WebhookSender) {
    let ca = Ca::new();
    let receiver = Receiver::start(Door::tls(ca.issue(&["127.0.0.1"])), script);
    let mut settings = settings(&ca);
    settings.timeout = timeout;
    (receiver, sender(&settings))
}

#[tokio::test]
async fn the_request_is_the_contracts() {
    let (receiver, sender) = pair(|_, _| Reply::status(204));
    let report = Sending::to(&receiver.url("/hook?x=1")).by(&sender).await;
    assert_eq!(status(&report), 204);
    assert_eq!(report.remote, Some(receiver.addr.to_string()));
    let seen = &receiver.log().requests[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/hook?x=1"));
    assert_eq!(seen.body, br#"{"automation_id":"a"}"#);
    let mut names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    // `accept: */*` is the HTTP client's own; there is no way to leave it out.
    let expected =
        ["accept", "content-length", "content-type", "host", "idempotency-key", "user-agent"];
    assert_eq!(names, expected);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("user-agent"), Some("SupportEscalationAutomation/1.0"));
    assert_eq!(seen.header("idempotency-key"), Some(KEY));
}

#[tokio::test]
async fn each_method_of_authentication_sends_its_header() {
    let (receiver, sender) = pair(|_, _| Reply::status(200));
    let custom = AuthMethod::CustomHeader(HeaderName::parse("x-team-token").unwrap());
    for (auth, name, value) in [
        (AuthMethod::Bearer, "authorization", "Bearer s3cret"),
        (AuthMethod::ApiKey, "x-api-key", "s3cret"),
        (custom, "x-team-token", "s3cret"),
    ] {
        let sending = Sending::to(&receiver.url("/")).auth(auth, "s3cret");
        status(&sending.by(&sender).await);
        let seen = receiver.log().requests.pop().unwrap();
        assert_eq!(seen.header(name), Some(value));
        let shown = sender.headers(&sending.attempt());
        let shown: Vec<&str> = shown.iter().map(|(_, value)| value.as_str()).collect();
        assert!(shown.contains(&value.replace("s3cret", "***").as_str()), "{shown:?}");
    }
}

#[tokio::test]
async fn a_signature_by_each_secret_in_force_satisfies_an_independent_implementation() {
    let (receiver, sender) = pair(|_, _| Reply::status(200));
    let secrets: Vec<String> =
        (0..3).map(|_| SigningKey::fresh().unwrap().expose().to_owned()).collect();
    let now = jiff::Timestamp::now().as_millisecond();
    let mut sending = Sending::to(&receiver.url("/"));
    sending.webhook.signing = true;
    sending.started_at = Timestamp::from_millis(now);
    sending.signing_secrets = vec![
        (secrets[0].clone(), None),
        (secrets[1].clone(), Some(Timestamp::from_millis(now + 1))),
        (secrets[2].clone(), Some(Timestamp::from_millis(now))),
    ];
    status(&sending.by(&sender).await);
    status(&sending.by(&sender).await);
    let log = receiver.log();
    let seen = &log.requests[0];
    let verified = |secret: &str| {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&seen.body, &seen.header_map())
    };
    assert!(verified(&secrets[0]).is_ok(), "the newest secret");
    assert!(verified(&secrets[1]).is_ok(), "the one before, while it is in force");
    assert!(verified(&secrets[2]).is_err(), "one whose time is over");
    let signatures = seen.header("webhook-signature").unwrap();
    assert_eq!(signatures.split(' ').count(), 2);
    assert_eq!(seen.header("webhook-id"), log.requests[1].header("webhook-id"));
    assert!(!seen.header("webhook-id").unwrap().contains('.'));
}

#[tokio::test]
async fn what_cant_be_read_or_is_damaged_is_not_sent() {
    let (receiver, sender) = pair(|_, _| Reply::status(200));
    let url = receiver.url("/");
    let unreadable = Sending::to(&url).auth(AuthMethod::Bearer, "!lost");
    fault(&unreadable.by(&sender).await, FaultKind::CredentialUnreadable);
    let mut missing = Sending::to(&url);
    missing.webhook.auth = AuthMethod::ApiKey;
    fault(&missing.by(&sender).await, FaultKind::CredentialUnreadable);
    let mut unsigned = Sending::to(&url);
    unsigned.webhook.signing = true;
    fault(&unsigned.by(&sender).await, FaultKind::CredentialUnreadable);
    unsigned.signing_secrets = vec![("whsec_short".to_owned(), None)];
    let told = fault(&unsigned.by(&sender).await, FaultKind::CredentialUnreadable);
    assert!(!told.detail.contains("whsec_short"), "{told:?}");
    assert_eq!(receiver.log().connections, 0);
}

/// C1: each way of not being there has its own cause. (Nobody answers a SYN: see the next one.)
#[tokio::test]
async fn c1_port_closed_name_unknown_dns_silent() {
    let ca = Ca::new();
    let names = Names::new(&[
        ("silent.test", &[Answer::Silent]),
        ("empty.test", &[Answer::Empty]),
        ("broken.test", &[Answer::Broken]),
    ]);
    let mut settings = with_names(settings(&ca), names);
    settings.timeout = SHORT;
    let sender = sender(&settings);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, kind, words) in [
        (format!("https://{closed}/"), FaultKind::Refused, "nothing listens"),
        ("https://unknown.test/".to_owned(), FaultKind::NameNotFound, "does not exist"),
        ("https://empty.test/".to_owned(), FaultKind::NameNotFound, "no address"),
        ("https://broken.test/".to_owned(), FaultKind::NameLookup, "Server Failure"),
        ("https://silent.test/".to_owned(), FaultKind::NameLookup, "did not answer within 300 ms"),
    ] {
        let fault = fault(&Sending::to(&url).by(&sender).await, kind);
        assert!(fault.detail.contains(words), "{url}: {fault:?}");
    }
}

/// C1: a listener whose queue is full drops every SYN, as a firewall does.
#[tokio::test]
async fn c1_a_syn_that_is_never_answered_times_out_while_connecting() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deaf = socket.listen(1).unwrap();
    let addr = deaf.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(SHORT, tokio::net::TcpStream::connect(addr)).await
    {
        queue.push(stream);
        assert!(queue.len() < 10_000, "the queue has no end");
    }
    let mut settings = settings(&Ca::new());
    settings.timeout = SHORT;
    let report = Sending::to(&format!("https://{addr}/")).by(&sender(&settings)).await;
    let told = fault(&report, FaultKind::Timeout);
    assert!(told.detail.starts_with("connecting"), "{told:?}");
    assert!(told.detail.contains("no answer within 300 ms"), "{told:?}");
}

/// C2: connected, and then nothing.
#[tokio::test]
async fn c2_a_receiver_that_never_answers_or_never_reads_times_out() {
    let (receiver, sender) = pair_within(SHORT, |_, _| Reply::hang());
    let told = fault(&Sending::to(&receiver.url("/")).by(&sender).await, FaultKind::Timeout);
    assert!(told.detail.contains("no complete response head"), "{told:?}");
    // 8 MB fit into no socket's buffer: the deadline covers the upload too.
    let ca = Ca::new();
    let deaf = Receiver::start(Door::h2(ca.issue(&["127.0.0.1"]), Manners::GoesDark), |_, _| {
        Reply::hang()
    });
    let mut settings = settings(&ca);
    settings.timeout = SHORT;
    let sender = receiver::sending::sender(&settings);
    let mut big = Sending::to(&deaf.url("/"));
    big.body = belfry::domain::alert::Body::new(vec![b'x'; 8 << 20].into());
    fault(&big.by(&sender).await, FaultKind::Timeout);
}

/// C3
#[tokio::test]
async fn c3_heads_that_never_end_are_failures() {
    let pace = Duration::from_millis(5);
    let (receiver, sender) = pair_within(Duration::from_millis(600), move |_, seen| {
        let start = Reply::head("HTTP/1.1 200 OK\r\n");
        match seen.target.as_str() {
            "/drip" => Reply::default().drip("HTTP/1.1 200 OK\r\n".repeat(1000), pace),
            "/1xx" => Reply::default().endless("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
            "/headers" => start.endless("x-more: and more\r\n"),
            _ => start.bytes("x-long: ").endless("y".repeat(4096)),
        }
    });
    for (path, kind) in [
        ("/drip", FaultKind::Timeout),
        ("/1xx", FaultKind::Timeout),
        ("/headers", FaultKind::BadResponse),
        ("/header", FaultKind::BadResponse),
    ] {
        fault(&Sending::to(&receiver.url(path)).by(&sender).await, kind);
    }
}

/// C4: the status decides; what the body does then changes nothing.
#[tokio::test]
async fn c4_trouble_with_the_body_never_changes_a_success() {
    let pace = Duration::from_millis(5);
    let (receiver, sender) = pair_within(Duration::from_millis(800), move |_, seen| {
        let sized = Reply::head("HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n");
        let chunked = Reply::head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        match seen.target.as_str() {
            "/endless" => sized.endless("abcdefgh".repeat(512)),
            "/drip" => sized.drip("z".repeat(900_000), pace),
            "/cut" => sized.bytes("only this").then_close(),
            "/chunks" => chunked.bytes("4\r\ngood\r\nthis is no chunk\r\n").then_hang(),
            _ => sized.then_hang(),
        }
    });
    for (path, start, whole) in [
        ("/endless", "abcdefghabcdefgh", Some(RESPONSE_EXCERPT_BYTES)),
        ("/drip", "zzz", None),
        ("/cut", "only this", Some(9)),
        ("/chunks", "good", Some(4)),
        ("/hang", "", None),
    ] {
        let report = Sending::to(&receiver.url(path)).by(&sender).await;
        assert_eq!(report.outcome.verdict(), Verdict::Delivered, "{path}");
        let excerpt = report.excerpt.unwrap_or_default();
        assert!(excerpt.starts_with(start), "{path}: {excerpt:.40}");
        assert!(excerpt.len() <= RESPONSE_EXCERPT_BYTES, "{path}");
        assert!(whole.is_none_or(|length| length == excerpt.len()), "{path}: {}", excerpt.len());
    }
}

/// C5
#[tokio::test]
async fn c5_a_compressed_body_is_not_inflated() {
    // `gzip -9` of 10,000 zeros; and no encoding was asked for.
    let zeros = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 237, 193, 1, 13, 0, 0, 0, 194, 160, 247, 79, 109, 14,
        55, 160, 0, 0, 0, 0, 0, 0, 0, 0, 0, 224, 223, 0, 46, 202, 59, 77, 16, 39, 0, 0,
    ];
    let (receiver, sender) = pair(move |_, _| {
        let length = zeros.len();
        Reply::head(format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
        ))
        .bytes(zeros)
    });
    let report = Sending::to(&receiver.url("/")).by(&sender).await;
    assert_eq!(status(&report), 200);
    assert!(report.excerpt.unwrap().len() < 400);
    assert_eq!(receiver.log().requests[0].header("accept-encoding"), None);
}

/// C6: a redirect is an answer like any other, and nobody goes where it points.
#[tokio::test]
async fn c6_redirects_are_failures_and_not_followed() {
    let inside = Receiver::start(Door::Plain, |_, _| Reply::status(200));
    let to = inside.addr;
    let (receiver, sender) = pair(move |_, seen| {
        let code = seen.target.trim_start_matches('/').parse().unwrap();
        Reply::with(code, &format!("location: http://{to}/secret\r\n"))
    });
    for code in [301, 302, 303, 307, 308] {
        let report = Sending::to(&receiver.url(&format!("/{code}"))).by(&sender).await;
        assert_eq!(status(&report), code);
        assert_ne!(report.outcome.verdict(), Verdict::Delivered);
    }
    assert_eq!(receiver.log().requests.len(), 5);
    assert_eq!(inside.log().connections, 0);
}

/// C7
#[tokio::test]
async fn c7_odd_statuses_are_judged_by_their_number() {
    let (receiver, sender) = pair_within(Duration::from_secs(2), |_, seen| {
        let line = seen.target.trim_start_matches('/').replace('_', " ");
        let reply = Reply::head(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n"));
        match line.as_str() {
            "100" => Reply::head("HTTP/1.1 100 Continue\r\n\r\n")
                .bytes("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            "204 with" => {
                Reply::head("HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nbody").then_close()
            }
            _ => reply,
        }
    });
    for (path, code) in [
        ("/100", Some(200)),
        ("/101", Some(101)),
        ("/203", Some(203)),
        ("/204_with", Some(204)),
        ("/205", Some(205)),
        ("/299", Some(299)),
        ("/304", Some(304)),
        ("/599", Some(599)),
        ("/999", Some(999)),
        ("/099", None),
        ("/20", None),
    ] {
        let report = Sending::to(&receiver.url(path)).by(&sender).await;
        match code {
            Some(code) => {
                assert_eq!(status(&report), code, "{path}");
                let success = report.outcome.verdict() == Verdict::Delivered;
                assert_eq!(success, (200..300).contains(&code), "{path}");
            }
            None => {
                fault(&report, FaultKind::BadResponse);
            }
        }
    }
}

/// C8
#[tokio::test]
async fn c8_what_is_no_http_is_a_failure_with_a_cause() {
    let (receiver, sender) = pair(|_, seen| match seen.target.as_str() {
        "/09" => Reply::head("<html>hello</html>\r\n").then_close(),
        "/ssh" => Reply::head("SSH-2.0-OpenSSH_9.6\r\n").then_close(),
        "/garbage" => Reply::head([0, 1, 2, 0xff, 0x1b, b'[', b'\r', b'\n']).then_close(),
        _ => Reply::head("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
    });
    for path in ["/09", "/ssh", "/garbage", "/lengths"] {
        let told =
            fault(&Sending::to(&receiver.url(path)).by(&sender).await, FaultKind::BadResponse);
        assert!(told.detail.starts_with("no HTTP response: "), "{path}: {told:?}");
        assert!(!told.detail.contains('\u{1b}'));
    }
}

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

/// C10: a connection that ends without an answer is one request and one failure.
#[tokio::test]
async fn c10_a_connection_closed_in_mid_flight_is_one_request() {
    let (receiver, sender) = pair(|index, _| match index {
        0 => Reply::close(),
        1 => Reply::reset(),
        2 => Reply::head("HTTP/1.1 200 OK\r\ncontent-le").then_close(),
        // An ordinary answer, then the kept connection is closed under the next request.
        3 => Reply::status(200),
        4 => Reply::close(),
        _ => Reply::status(200),
    });
    let sending = Sending::to(&receiver.url("/"));
    for number in 0..6 {
        let report = sending.by(&sender).await;
        match number {
            3 | 5 => assert_eq!(status(&report), 200, "{number}"),
            _ => {
                fault(&report, FaultKind::Reset);
            }
        }
        assert_eq!(receiver.log().requests.len(), number + 1);
    }
    let log = receiver.log();
    assert_eq!(log.requests[3].connection, log.requests[4].connection, "kept");
}

/// C10: a kept connection that the receiver has closed meanwhile costs nothing: no failure, and no
/// second request.
#[tokio::test]
async fn c10_a_kept_connection_closed_meanwhile_is_replaced() {
    let (receiver, sender) = pair(|index, _| match index {
        0 => Reply::status(200).then_close(),
        _ => Reply::status(200),
    });
    let sending = Sending::to(&receiver.url("/"));
    status(&sending.by(&sender).await);
    receiver.until("the end of the connection", |log| log.ended == 1).await;
    let report = sending.by(&sender).await;
    // Whether our side has seen the end before it sent is a matter of luck; never are there two.
    let requests = receiver.log().requests.len();
    match report.outcome {
        Outcome::Answered { status, .. } => assert_eq!((status, requests), (200, 2)),
        Outcome::Failed(fault) => {
            assert_eq!((fault.kind, requests), (FaultKind::Reset, 1));
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_after_ordinary_answers() {
    let (receiver, sender) = pair(|index, _| match index % 3 {
        0 => Reply::text(200, r#"{"ok":true}"#),
        1 => Reply::text(500, &"x".repeat(RESPONSE_EXCERPT_BYTES)),
        _ => {
            Reply::head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        }
    });
    let sending = Sending::to(&receiver.url("/"));
    for number in 0..9 {
        let report = sending.by(&sender).await;
        assert!(matches!(report.outcome, Outcome::Answered { .. }));
        let phases = report.phases;
        assert_eq!(phases.tls.is_some(), number == 0, "{number}: {phases:?}");
        assert!(phases.first_byte.is_some());
    }
    assert_eq!(receiver.log().connections, 1);
}

/// C11: what HTTP/2 turns away is not sent again behind our back.
#[tokio::test]
async fn c11_one_request_an_attempt_over_http2() {
    for (manners, ok) in [
        (Manners::Answers, true),
        (Manners::GoesAway, false),
        (Manners::Refuses, false),
        (Manners::Resets, false),
    ] {
        let ca = Ca::new();
        let door = Door::h2(ca.issue(&["127.0.0.1"]), manners);
        let receiver = Receiver::start(door, |_, _| Reply::status(500));
        let sender = sender(&settings(&ca));
        for number in 1..=3 {
            let report = Sending::to(&receiver.url("/")).by(&sender).await;
            if ok {
                assert_eq!(status(&report), 200);
            } else {
                fault(&report, FaultKind::Reset);
            }
            assert_eq!(receiver.log().requests.len(), number, "{manners:?}");
        }
    }
}

#[tokio::test]
async fn an_integration_can_do_without_http2() {
    let ca = Ca::new();
    let door = Door::h2(ca.issue(&["127.0.0.1"]), Manners::Answers);
    let receiver = Receiver::start(door, |_, _| Reply::status(201));
    let mut sending = Sending::to(&receiver.url("/"));
    sending.webhook.http1_only = true;
    assert_eq!(status(&sending.by(&sender(&settings(&ca))).await), 201);
}

/// C12: an HTTP/2 connection that went dark times out the attempts on it, and is left then.
#[tokio::test]
async fn c12_a_dark_http2_connection_is_left() {
    let ca = Ca::new();
    let door = Door::h2(ca.issue(&["127.0.0.1"]), Manners::GoesDark);
    let receiver = Receiver::start(door, |_, _| Reply::status(500));
    let mut settings = settings(&ca);
    settings.timeout = SHORT;
    let sender = sender(&settings);
    let sending = Sending::to(&receiver.url("/"));
    assert_eq!(status(&sending.by(&sender).await), 200);
    fault(&sending.by(&sender).await, FaultKind::Timeout);
    // The next one may still be on it when it is given up; the one behind that is not.
    let next = sending.by(&sender).await.outcome.verdict();
    if next != Verdict::Delivered {
        assert_eq!(status(&sending.by(&sender).await), 200);
    }
    assert_eq!(receiver.log().connections, 2);
}

/// C13: what the receiver says is kept as harmless text, and never with our credential in it.
#[tokio::test]
async fn c13_hostile_words_are_escaped_and_the_credential_is_masked() {
    let (receiver, sender) = pair(|_, seen| {
        let echoed = seen.header("authorization").unwrap();
        let mut body = format!("<script>\u{1b}[2J\0 {echoed} \r\n").into_bytes();
        body.push(0xff);
        Reply::head(format!(
            "HTTP/1.1 418 \u{1b}[31m\r\nx-echo: {echoed}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ))
        .bytes(body)
    });
    let sending =
        Sending::to(&receiver.url("/?token=canary-1")).auth(AuthMethod::Bearer, "canary-2");
    let report = sending.by(&sender).await;
    if let Outcome::Answered { status, .. } = report.outcome {
        assert_eq!(status, 418);
        assert_eq!(
            report.excerpt.as_deref(),
            Some("<script>\\u{1b}[2J\\u{0} Bearer ••• \\u{d}\n\u{fffd}")
        );
    } else {
        // A status line with control characters may also be taken for no HTTP at all.
        fault(&report, FaultKind::BadResponse);
    }
    let everything =
        format!("{report:?} {:?} {:?}", sending.attempt(), sender.headers(&sending.attempt()));
    assert!(!everything.contains("canary-2"), "{everything}");
    assert!(!report.outcome.words().contains("canary-1"));
}

/// C13: nor do the words for a failure hold the URL's query or the credential.
#[tokio::test]
async fn c13_failures_name_neither_query_nor_credential() {
    let (receiver, sender) = pair_within(SHORT, |_, seen| match seen.target.len() {
        0..20 => Reply::close(),
        20..30 => Reply::head("nonsense canary-2\r\n\r\n").then_close(),
        _ => Reply::hang(),
    });
    for padding in [0, 9, 30] {
        let url = receiver.url(&format!("/?t=canary-1{}", "x".repeat(padding)));
        let report = Sending::to(&url).auth(AuthMethod::ApiKey, "canary-2").by(&sender).await;
        let shown = format!("{report:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

/// C14
#[tokio::test]
async fn c14_floods_of_headers_fail_and_cookies_are_never_sent_back() {
    let (receiver, sender) = pair(|index, _| match index {
        0 => Reply::with(200, &"x-a: b\r\n".repeat(1000)),
        1 => Reply::with(200, "set-cookie: a=b; Path=/\r\nset-cookie: c=d\r\n"),
        _ => Reply::status(200),
    });
    let sending = Sending::to(&receiver.url("/"));
    fault(&sending.by(&sender).await, FaultKind::BadResponse);
    assert_eq!(status(&sending.by(&sender).await), 200);
    assert_eq!(status(&sending.by(&sender).await), 200);
    assert!(receiver.log().requests.iter().all(|seen| seen.header("cookie").is_none()));
}

/// Our own fault is no receiver's: it is told, and the caller lives on.
#[tokio::test]
async fn a_panic_inside_an_attempt_is_an_internal_fault() {
    struct Panicking;
    impl belfry::channel::egress::Lookup for Panicking {
        fn lookup<'a>(
            &'a self,
            _: &'a str,
        ) -> futures_util::future::BoxFuture<
            'a,
            Result<Vec<std::net::IpAddr>, belfry::channel::egress::LookupError>,
        > {
            Box::pin(async { panic!("a bug of ours") })
        }
    }
    let sender = sender(&with_names(settings(&Ca::new()), std::sync::Arc::new(Panicking)));
    fault(&Sending::to("https://hook.test/").by(&sender).await, FaultKind::Internal);
}

#[tokio::test]
async fn retry_after_is_read_in_both_forms() {
    let (receiver, sender) = pair(|index, _| match index {
        0 => Reply::with(429, "retry-after: 120\r\n"),
        1 => Reply::with(503, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"),
        _ => Reply::with(503, "retry-after: soon\r\n"),
    });
    let sending = Sending::to(&receiver.url("/"));
    let mut answers = Vec::new();
    for _ in 0..3 {
        match sending.by(&sender).await.outcome {
            Outcome::Answered { retry_after, .. } => answers.push(retry_after),
            Outcome::Failed(fault) => panic!("{fault:?}"),
        }
    }
    assert_eq!(
        answers,
        [
            Some(RetryAfter::Delay(Duration::from_secs(120))),
            Some(RetryAfter::At(Timestamp::from_millis(946_684_799_000))),
            None,
        ]
    );
}
