//! Webhooks against receivers that behave badly: matrix group C as far as it concerns HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod connection;
mod hostile;
#[path = "../receiver/mod.rs"]
mod receiver;
mod tls;

use std::time::Duration;

use belfry::channel::ChannelSender;
use belfry::channel::webhook::signing::SigningKey;
use belfry::domain::integration::{AuthMethod, HeaderName};
use belfry::domain::outcome::{FaultKind, Outcome};
use belfry::domain::schedule::RetryAfter;
use belfry::domain::time::Timestamp;
use belfry::engine::ports::Sender as _;
use receiver::sending::{LONG, Sending, fault, sender, settings, status, with_names};
use receiver::{Ca, Door, Receiver, Reply};

const KEY: &str = "00000000-0000-0000-0000-000000000001:00000000-0000-0000-0000-000000000002:\
                   record-id";

/// A receiver with a good certificate, and a sender that trusts it.
fn pair(
    script: impl Fn(usize, &receiver::Seen) -> Reply + Send + Sync + 'static,
) -> (Receiver, ChannelSender) {
    pair_within(LONG, script)
}

fn pair_within(
    timeout: Duration,
    script: impl Fn(usize, &receiver::Seen) -> Reply + Send + Sync + 'static,
) -> (Receiver, ChannelSender) {
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
        let shown = sender.shown(&sending.attempt());
        let shown: Vec<&str> = shown.headers.iter().map(|(_, value)| value.as_str()).collect();
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
            other @ (Outcome::Judged(_) | Outcome::Failed(_)) => panic!("{other:?}"),
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
