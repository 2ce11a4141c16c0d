//! Answers that are no answers, or more than that (matrix C3 to C8, C13, C14).

use std::time::Duration;

use crate::receiver::sending::{SHORT, Sending, fault, status};
use crate::receiver::{Door, Receiver, Reply};
use crate::{pair, pair_within};
use futures_util::future::join_all;

use belfry::domain::integration::AuthMethod;
use belfry::domain::limits::RESPONSE_EXCERPT_BYTES;
use belfry::domain::outcome::{FaultKind, Outcome, Verdict};
use belfry::engine::ports::Sender as _;

/// C3
#[tokio::test]
async fn c3_heads_that_never_end_are_failures() {
    let pace = Duration::from_millis(5);
    let (receiver, sender) = pair_within(SHORT * 2, move |_, seen| {
        let start = Reply::head("HTTP/1.1 200 OK\r\n");
        match seen.target.as_str() {
            "/drip" => Reply::default().drip("HTTP/1.1 200 OK\r\n".repeat(1000), pace),
            "/1xx" => Reply::default().endless("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
            "/headers" => start.endless("x-more: and more\r\n"),
            _ => start.bytes("x-long: ").endless("y".repeat(4096)),
        }
    });
    let cases = [
        ("/drip", FaultKind::Timeout),
        ("/1xx", FaultKind::Timeout),
        ("/headers", FaultKind::BadResponse),
        ("/header", FaultKind::BadResponse),
    ];
    let sendings = cases.map(|(path, _)| Sending::to(&receiver.url(path)));
    let reports = join_all(sendings.iter().map(|each| each.by(&sender))).await;
    for ((_, kind), report) in cases.iter().zip(&reports) {
        fault(report, *kind);
    }
}

/// C4: the status decides; what the body does then changes nothing.
#[tokio::test]
async fn c4_trouble_with_the_body_never_changes_a_success() {
    let pace = Duration::from_millis(5);
    let (receiver, sender) = pair_within(SHORT * 2, move |_, seen| {
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
    let cases = [
        ("/endless", "abcdefghabcdefgh", Some(RESPONSE_EXCERPT_BYTES)),
        ("/drip", "zzz", None),
        ("/cut", "only this", Some(9)),
        ("/chunks", "good", Some(4)),
        ("/hang", "", None),
    ];
    let sendings = cases.map(|(path, ..)| Sending::to(&receiver.url(path)));
    let reports = join_all(sendings.iter().map(|each| each.by(&sender))).await;
    for ((path, start, whole), report) in cases.into_iter().zip(reports) {
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
        format!("{report:?} {:?} {:?}", sending.attempt(), sender.shown(&sending.attempt()));
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
