//! Slack: what it is sent, and each answer that it documents (matrix C15).

use std::time::Duration;

use belfry::domain::integration::{Slack, Target};
use belfry::domain::outcome::{Meaning, Outcome, Verdict};
use belfry::domain::schedule::RetryAfter;
use belfry::domain::template::Template;
use belfry::domain::wording::Templates;

use crate::kinds::SECRET;
use crate::receiver::sending::{LONG, Sending, sender, settings};
use crate::receiver::{Ca, Door, Receiver, Reply};
use belfry::cli::listen::blockkit;

/// Answers as Slack documents: what breaks its limits is refused as `invalid_blocks`, and the rest as the
/// path's last part says.
fn slack() -> (Ca, Receiver) {
    let ca = Ca::new();
    let receiver = Receiver::start(Door::tls(ca.issue(&["127.0.0.1"])), |_, seen| {
        let breaches = blockkit::breaches(&seen.body);
        if !breaches.is_empty() {
            return Reply::text(400, "invalid_blocks");
        }
        match seen.target.rsplit('/').next().unwrap() {
            "limited" => Reply::head(
                "HTTP/1.1 429 x\r\nretry-after: 30\r\ncontent-length: 12\r\n\r\nrate_limited",
            ),
            answer => match answer.split_once('-') {
                Some((status, word)) => Reply::text(status.parse().unwrap(), word),
                None => Reply::text(200, "ok"),
            },
        }
    });
    (ca, receiver)
}

#[tokio::test]
async fn c15_each_documented_answer_is_heard() {
    let (ca, receiver) = slack();
    let mut settings = settings(&ca);
    settings.timeout = LONG;
    let sender = sender(&settings);
    for (answer, meaning) in [
        ("ok", Meaning::Arrived),
        ("404-no_service", Meaning::Gone),
        ("403-invalid_token", Meaning::Gone),
        ("403-action_prohibited", Meaning::Gone),
        ("410-channel_is_archived", Meaning::Gone),
        ("404-channel_not_found", Meaning::Gone),
        ("400-invalid_payload", Meaning::Unwanted),
        ("400-no_text", Meaning::Unwanted),
        ("500-rollup_error", Meaning::Unwell),
        ("503-", Meaning::Unwell),
        ("302-", Meaning::Unwell),
    ] {
        let url = receiver.url(&format!("/services/{SECRET}/{answer}"));
        let report = Sending::slack(&url).by(&sender).await;
        let Outcome::Judged(judged) = &report.outcome else { panic!("{answer}: {report:?}") };
        assert_eq!(judged.meaning, meaning, "{answer}");
        assert!(!judged.words.contains(SECRET), "{answer}");
        if meaning == Meaning::Gone {
            assert_eq!(report.outcome.verdict(), Verdict::SwitchOff);
            let word = answer.split_once('-').unwrap().1;
            assert!(report.outcome.switch_off_reason().contains(word), "{judged:?}");
        }
    }
    let url = receiver.url(&format!("/services/{SECRET}/limited"));
    let report = Sending::slack(&url).by(&sender).await;
    let asked = Some(RetryAfter::Delay(Duration::from_secs(30)));
    let later = Verdict::Retry { blames_destination: true, not_before: asked };
    assert_eq!(report.outcome.verdict(), later);
}

#[tokio::test]
async fn the_message_is_posted_as_slack_takes_it() {
    let (ca, receiver) = slack();
    let sender = sender(&settings(&ca));
    let sending = Sending::slack(&receiver.url("/services/T/B/ok"));
    let report = sending.by(&sender).await;
    assert_eq!(report.outcome.verdict(), Verdict::Delivered, "{report:?}");
    let seen = receiver.log().requests.pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/services/T/B/ok"));
    assert_eq!(seen.header("content-type"), Some("application/json; charset=utf-8"));
    for name in ["authorization", "idempotency-key", "webhook-signature"] {
        assert_eq!(seen.header(name), None, "it means nothing there");
    }
    let text = String::from_utf8(seen.body).unwrap();
    assert!(text.contains("Extreme escalation from ZendeskSupport"), "{text}");
    assert!(text.contains("Automation: Escalations"), "{text}");
}

/// A template that fails for this alert costs it nothing but its wording, and the history says so.
#[tokio::test]
async fn a_template_that_fails_is_told_in_the_history() {
    let (ca, receiver) = slack();
    let sender = sender(&settings(&ca));
    let mut sending = Sending::slack(&receiver.url("/services/T/B/ok"));
    let text = "{% if record_id | length > 8 %}{{ source.x }}{% endif %}";
    let templates = Templates { title: Template::parse(text).ok(), text: None };
    sending.other = Some(Target::Slack(Slack { shown: "https://…".to_owned(), templates }));
    let report = sending.by(&sender).await;
    assert_eq!(report.outcome.verdict(), Verdict::Delivered);
    let words = report.outcome.words();
    assert!(words.contains("The title template failed"), "{words}");
}
