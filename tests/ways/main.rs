//! What every kind of destination must do alike, over real TLS: each outcome, slow and hostile receivers,
//! nothing secret in what is kept, and the address policy on every attempt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod kinds;
mod mailbox;
#[path = "../receiver/mod.rs"]
mod receiver;
mod slack;

use belfry::channel::egress::EgressPolicy;
use belfry::domain::limits::RESPONSE_EXCERPT_BYTES;
use belfry::domain::outcome::{FaultKind, Verdict};
use belfry::engine::ports::Sender as _;
use kinds::{Kind, Mood, SECRET};
use receiver::Ca;
use receiver::dns::{Answer, Names};
use receiver::sending::{LONG, SHORT, fault, policy, sender, with_names};

const fn retry(blames_destination: bool) -> Verdict {
    Verdict::Retry { blames_destination, not_before: None }
}

/// Each answer means the same, whatever the destination speaks.
#[tokio::test]
async fn each_answer_has_its_verdict() {
    for kind in Kind::ALL {
        for (mood, verdict) in [
            (Mood::Takes, Verdict::Delivered),
            (Mood::IsUnwell, retry(true)),
            (Mood::RefusesThisOne, retry(false)),
        ] {
            let ca = Ca::new();
            let there = kind.start(ca.issue(&["127.0.0.1"]), mood);
            let report = there.sending().by(&sender(&there.settings(&ca, LONG))).await;
            assert_eq!(report.outcome.verdict(), verdict, "{kind:?} {mood:?}: {report:?}");
            assert_eq!(report.remote, Some(there.addr().to_string()), "{kind:?} {mood:?}");
            assert_eq!(report.revision, Some(1));
        }
    }
}

/// What takes too long, ends too early or makes no sense is a failure with its name, in bounded time.
#[tokio::test]
async fn what_is_no_answer_is_a_failure_by_its_name() {
    for kind in Kind::ALL {
        for (mood, fault_kind) in [
            (Mood::Hangs, FaultKind::Timeout),
            (Mood::Drips, FaultKind::Timeout),
            (Mood::Closes, FaultKind::Reset),
            (Mood::SpeaksNonsense, FaultKind::BadResponse),
            (Mood::FloodsItsHead, FaultKind::BadResponse),
        ] {
            let ca = Ca::new();
            let there = kind.start(ca.issue(&["127.0.0.1"]), mood);
            let report = there.sending().by(&sender(&there.settings(&ca, SHORT * 2))).await;
            fault(&report, fault_kind);
            assert!(report.took < LONG, "{kind:?} {mood:?}");
            assert_eq!(report.outcome.verdict(), retry(true), "{kind:?} {mood:?}");
        }
    }
}

/// However much is said, little is kept.
#[tokio::test]
async fn a_flood_behind_an_answer_changes_nothing() {
    for kind in Kind::ALL {
        let ca = Ca::new();
        let there = kind.start(ca.issue(&["127.0.0.1"]), Mood::TakesAndFloods);
        let report = there.sending().by(&sender(&there.settings(&ca, SHORT * 2))).await;
        assert_eq!(report.outcome.verdict(), Verdict::Delivered, "{kind:?}: {report:?}");
        assert!(report.excerpt.unwrap_or_default().len() <= RESPONSE_EXCERPT_BYTES, "{kind:?}");
        assert!(report.outcome.words().len() < 2000, "{kind:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_the_attempt() {
    for kind in Kind::ALL {
        let ca = Ca::new();
        let there = kind.start(Ca::named("X").issue(&["127.0.0.1"]), Mood::Takes);
        let report = there.sending().by(&sender(&there.settings(&ca, LONG))).await;
        let told = fault(&report, FaultKind::Tls);
        assert!(told.detail.contains("unknown issuer"), "{kind:?}: {told:?}");
        assert_eq!(there.messages(), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    for kind in Kind::ALL {
        let ca = Ca::new();
        let there = kind.start(ca.issue(&["127.0.0.1"]), Mood::Takes);
        let (sending, settings) = (there.sending(), there.settings(&ca, LONG));
        drop(there);
        fault(&sending.by(&sender(&settings)).await, FaultKind::Refused);
    }
}

/// D16: the same address policy as for webhooks, on every attempt: literals, names, and names that turn.
#[tokio::test]
async fn d16_the_address_policy_holds_for_every_kind() {
    for kind in Kind::ALL {
        let ca = Ca::new();
        let there = kind.start(ca.issue(&["127.0.0.1", "hook.test"]), Mood::Takes);
        let names = Names::new(&[
            ("hook.test", &[Answer::is(&["127.0.0.1"]), Answer::is(&["127.0.0.2"])]),
            ("mixed.test", &[Answer::is(&["169.254.169.254", "127.0.0.2"])]),
        ]);
        let settings = |host: &str| with_names(there.settings_at(&ca, LONG, host), names.clone());
        // The integration was saved, and the server configured, while this was allowed.
        for host in ["127.0.0.1", "::1", "169.254.169.254"] {
            let mut closed = settings(host);
            closed.policy = EgressPolicy::default();
            let report = there.sending_at(host).by(&sender(&closed)).await;
            let told = fault(&report, FaultKind::EgressDenied);
            assert!(told.detail.contains("is refused"), "{kind:?} {host}: {told:?}");
        }
        let report = there.sending_at("mixed.test").by(&sender(&settings("mixed.test"))).await;
        let told = fault(&report, FaultKind::EgressDenied);
        assert!(told.detail.contains("169.254.169.254 (cloud metadata) is refused"), "{told:?}");
        let mut denied = settings("127.0.0.1");
        denied.policy = policy(&["127.0.0.1/32"], &["127.0.0.0/8"]);
        fault(&there.sending().by(&sender(&denied)).await, FaultKind::EgressDenied);
        assert_eq!(there.connections(), 0, "{kind:?}");
        let sender = sender(&settings("hook.test"));
        let report = there.sending_at("hook.test").by(&sender).await;
        assert_eq!(report.outcome.verdict(), Verdict::Delivered, "{kind:?}: {report:?}");
        // What the name says now is judged now.
        sender.reload(&settings("hook.test")).unwrap();
        fault(&there.sending_at("hook.test").by(&sender).await, FaultKind::EgressDenied);
    }
}

/// What is secret of a destination is in nothing that is kept, logged or shown of an attempt.
#[tokio::test]
async fn nothing_secret_is_in_what_is_kept() {
    for kind in Kind::ALL {
        for mood in [
            Mood::Echoes,
            Mood::Takes,
            Mood::Closes,
            Mood::IsUnwell,
            Mood::RefusesThisOne,
            Mood::SpeaksNonsense,
            Mood::Hangs,
        ] {
            let ca = Ca::new();
            let there = kind.start(ca.issue(&["127.0.0.1"]), mood);
            let sender = sender(&there.settings(&ca, SHORT));
            let sending = there.sending();
            let report = sending.by(&sender).await;
            let attempt = sending.attempt();
            let told = format!(
                "{report:?} {} {attempt:?} {:?}",
                report.outcome.words(),
                sender.shown(&attempt)
            );
            assert!(!told.contains(SECRET), "{kind:?} {mood:?}: {told}");
            // Nor any part of it that would do.
            assert!(!told.contains(&SECRET[..SECRET.len() - 2]), "{kind:?} {mood:?}: {told}");
        }
    }
}

#[tokio::test]
async fn a_credential_that_cant_be_read_is_told_and_nothing_is_sent() {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.has_credential()) {
        let ca = Ca::new();
        let there = kind.start(ca.issue(&["127.0.0.1"]), Mood::Takes);
        let sender = sender(&there.settings(&ca, LONG));
        let mut unreadable = there.sending();
        unreadable.credential = Some("!lost".to_owned());
        fault(&unreadable.by(&sender).await, FaultKind::CredentialUnreadable);
        let mut missing = there.sending();
        missing.credential = None;
        let told = fault(&missing.by(&sender).await, FaultKind::CredentialUnreadable);
        assert!(told.detail.contains("set"), "{kind:?}: {told:?}");
        assert_eq!(there.connections(), 0, "{kind:?}");
    }
}
