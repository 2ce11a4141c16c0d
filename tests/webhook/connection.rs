//! Connections that are not made, end early, or are kept (matrix C1, C2, C10 to C12).

use crate::receiver::dns::{Answer, Names};
use crate::receiver::h2::Manners;
use crate::receiver::sending::{LONG, SHORT, Sending, fault, sender, settings, status, with_names};
use crate::receiver::{Ca, Door, Receiver, Reply};
use crate::{pair, pair_within};
use belfry::domain::limits::RESPONSE_EXCERPT_BYTES;
use belfry::domain::outcome::{FaultKind, Outcome, Verdict};

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
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, kind, words) in [
        (format!("https://{closed}/"), FaultKind::Refused, "nothing listens"),
        ("https://unknown.test/".to_owned(), FaultKind::NameNotFound, "does not exist"),
        ("https://empty.test/".to_owned(), FaultKind::NameNotFound, "no address"),
        ("https://broken.test/".to_owned(), FaultKind::NameLookup, "Server Failure"),
        ("https://silent.test/".to_owned(), FaultKind::NameLookup, "did not answer within 1 s"),
    ] {
        settings.timeout = if url.contains("silent") { SHORT } else { LONG };
        let fault = fault(&Sending::to(&url).by(&sender(&settings)).await, kind);
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
    assert!(told.detail.contains("no answer within 1 s"), "{told:?}");
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
    let sender = crate::receiver::sending::sender(&settings);
    let mut big = Sending::to(&deaf.url("/"));
    big.body = belfry::domain::alert::Body::new(vec![b'x'; 8 << 20].into());
    fault(&big.by(&sender).await, FaultKind::Timeout);
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
        Outcome::Judged(_) => panic!("a webhook's answer is its status"),
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
