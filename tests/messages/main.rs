//! What Slack and mail servers are given: `fixtures/payloads/slack` and `fixtures/payloads/email`, byte for
//! byte, each checked by eyes that know nothing of the code. `UPDATE_EXPECT=1` writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod letter;

use std::path::{Path, PathBuf};

use belfry::channel::email::MailFacts;
use belfry::channel::{email, slack};
use belfry::cli::listen::blockkit;
use belfry::domain::id::AutomationId;
use belfry::domain::integration::Addresses;
use belfry::domain::mail_server::MailSender;
use belfry::domain::notice::{HeldBack, Notice};
use belfry::domain::template::{Dress, Template};
use belfry::domain::time::Timestamp;
use belfry::domain::wording::{Templates, Wording};

/// Bodies that our own records make, and bodies that a relay was given.
const BODIES: [&str; 2] = ["fixtures/payloads", "fixtures/payloads/relayed"];
const ACCEPTED_AT: Timestamp = Timestamp::from_millis(1_782_561_600_000);

#[derive(Debug)]
struct Case {
    name: String,
    notice: Notice,
    templates: Templates,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for (folder, prefix) in BODIES.into_iter().zip(["", "relayed-"]) {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let Some(name) = name.strip_suffix(".json") else { continue };
            if !name.ends_with(".record") {
                found.push((format!("{prefix}{name}"), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(found.len() >= 40, "bodies are missing: {}", found.len());
    found
}

fn case(name: String, notice: Notice) -> Case {
    Case { name, notice, templates: Templates::default() }
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        bodies().into_iter().map(|(name, body)| case(name, Notice::read(&body))).collect();
    let whole = || {
        let body = std::fs::read(root().join(BODIES[0]).join("public-document.json")).unwrap();
        Notice::read(&body).named("VIP complaints & <escalations>")
    };
    let since = Timestamp::from_millis(1_782_558_000_000);
    cases.push(case("held-back-one".to_owned(), whole().after(HeldBack { count: 1, since })));
    let held = whole().after(HeldBack { count: 12, since });
    cases.push(case("held-back".to_owned(), held));
    let template = |text: &str| Some(Template::parse(text).unwrap());
    cases.push(Case {
        templates: Templates {
            title: template("[{{ escalation_level | upper }}] {{ automation_name }} <!channel>"),
            text: template(
                "*{{ source }}* <!here> <@U1>:\n{{ excerpt | truncate(80) }}\n{{ record_url }}",
            ),
        },
        ..case("templates".to_owned(), whole())
    });
    cases.push(Case {
        templates: Templates {
            title: template("{% if record_id | length > 8 %}{{ source.x }}{% endif %}"),
            text: template("{% if record_id | length > 8 %}{{ source + 1 }}{% endif %}"),
        },
        ..case("templates-that-fail".to_owned(), whole())
    });
    cases
}

fn slack_of(case: &Case) -> Vec<u8> {
    let wording = Wording::of(&case.notice, &case.templates, Dress::Mrkdwn);
    slack::message(&case.notice, &wording)
}

fn mail_of(case: &Case) -> (Vec<u8>, String) {
    let wording = Wording::of(&case.notice, &case.templates, Dress::Plain);
    let mail = email::mail(&MailFacts {
        notice: &case.notice,
        wording: &wording,
        key: "a:b:record",
        thread: "0123456789abcdef",
        automation: AutomationId(uuid::Uuid::from_u128(7)),
        from: &MailSender::parse("Belfry <alerts@belfry.example>").unwrap(),
        to: &Addresses::parse("ops@example.com, lead@example.com").unwrap(),
        at: ACCEPTED_AT,
    });
    (mail.unwrap().bytes, wording.title)
}

#[test]
fn each_alert_makes_its_mail() {
    let (folder, cases) = (root().join("fixtures/payloads/email"), cases());
    let mut wrong = Vec::new();
    for case in &cases {
        let (made, title) = mail_of(case);
        assert_eq!(made, mail_of(case).0, "{}: the same notice made other bytes", case.name);
        let breaches = letter::breaches(&made, &title).into_iter();
        wrong.extend(breaches.map(|breach| format!("{}: {breach}", case.name)));
        wrong.extend(expect(&folder.join(format!("{}.eml", case.name)), &made));
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_EXPECT=1 writes them anew", wrong.join("\n"));
    no_strays(folder, ".eml", &cases);
}

/// Compares with the file, or writes it.
fn expect(path: &Path, made: &[u8]) -> Option<String> {
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        std::fs::write(path, made).unwrap();
        return None;
    }
    let stored = std::fs::read(path).unwrap_or_default();
    (stored != made)
        .then(|| format!("{} differs:\n{}", path.display(), String::from_utf8_lossy(made)))
}

fn no_strays(folder: PathBuf, ending: &str, cases: &[Case]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let case = name.strip_suffix(ending).unwrap_or_default();
        assert!(cases.iter().any(|each| each.name == case), "nothing makes {name}: remove it");
    }
}

#[test]
fn each_alert_makes_its_slack_message() {
    let (folder, cases) = (root().join("fixtures/payloads/slack"), cases());
    let mut wrong = Vec::new();
    for case in &cases {
        let made = slack_of(case);
        assert_eq!(made, slack_of(case), "{}: the same notice made other bytes", case.name);
        wrong.extend(
            blockkit::breaches(&made).into_iter().map(|breach| format!("{}: {breach}", case.name)),
        );
        wrong.extend(expect(&folder.join(format!("{}.json", case.name)), &made));
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_EXPECT=1 writes them anew", wrong.join("\n"));
    no_strays(folder, ".json", &cases);
}

/// The judge itself is judged: each of these breaks one limit.
#[test]
fn breaches_of_slacks_limits_are_seen() {
    let section = |text: &str, kind: &str| {
        format!(r#"{{"type": "section", "text": {{"type": "{kind}", "text": "{text}"}}}}"#)
    };
    let header = |text: &str| section(text, "plain_text").replace("section", "header");
    let button = |url: &str, label: &str| {
        format!(
            r#"{{"type": "actions", "elements": [{{"type": "button", "action_id": "a",
                "url": "{url}", "text": {{"type": "plain_text", "text": "{label}"}}}}]}}"#
        )
    };
    let message = |blocks: String| format!(r#"{{"text": "x", "blocks": [{blocks}]}}"#);
    assert_eq!(blockkit::breaches(message(section("x", "mrkdwn")).as_bytes()), [""; 0]);
    for (body, what) in [
        ("[".to_owned(), "no JSON"),
        (r#"{"blocks": []}"#.to_owned(), "/text"),
        (message(String::new()), "1 to 50 blocks"),
        (message(vec![section("x", "mrkdwn"); 51].join(",")), "1 to 50 blocks"),
        (message(section(&"x".repeat(3001), "mrkdwn")), "more than 3000"),
        (message(section(&"😀".repeat(1501), "plain_text")), "more than 3000"),
        (message(section(" ", "plain_text")), "empty text"),
        (message(section("<!channel>", "mrkdwn")), "control character"),
        (message(section("a & b", "mrkdwn")), "bare &"),
        (message(header(&"x".repeat(151))), "more than 150"),
        (message(button("https://a.test/", &"x".repeat(76))), "more than 75"),
        (message(button(&format!("https://a.test/{}", "x".repeat(3000)), "x")), "more than 3000"),
        (message(button("javascript:x", "x")), "none of the web"),
        (message(r#"{"type": "context", "elements": []}"#.to_owned()), "1 to 10 elements"),
        (message(r#"{"type": "section"}"#.to_owned()), "neither text nor fields"),
        (message(r#"{"type": "divider", "block_id": ""}"#.to_owned()), "1 to 255"),
        (message(r#"{"type": "rich"}"#.to_owned()), "unknown type"),
    ] {
        let breaches = blockkit::breaches(body.as_bytes());
        assert!(breaches.iter().any(|breach| breach.contains(what)), "{what}: {breaches:?}");
    }
}

mod random {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Texts that try to be more than text.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("<!channel>".to_owned()),
            Just("<@U1>".to_owned()),
            Just("<#C1|x>".to_owned()),
            Just("\r\nBcc: x@y.z\r\n".to_owned()),
            Just("\r\n.\r\n".to_owned()),
            Just("--=_belfry_".to_owned()),
            Just("=?utf-8?Q?x?=".to_owned()),
            Just("&".repeat(700)),
            Just("\u{202e}".to_owned()),
            Just("👩‍👩‍👧‍👦".repeat(90)),
            Just("</style><script>".to_owned()),
            Just("\" onclick=\"x".to_owned()),
            Just(" \t \n\n".to_owned()),
            Just("x".repeat(1500)),
            "[*_~`]{1,3}",
            "[ -~]{0,40}",
            "\\PC{0,40}",
            "(?s).{0,40}",
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let maybe = || proptest::option::weighted(0.8, text());
        let level = prop_oneof![text(), "none|low|medium|high|extreme"];
        let link = prop_oneof![
            text(),
            text().prop_map(|text| format!("https://a.test/{text}")),
            text().prop_map(|text| format!("javascript:{text}")),
        ];
        let links = (proptest::option::of(link.clone()), proptest::option::of(link));
        (maybe(), level, maybe(), links, text(), maybe(), maybe(), maybe()).prop_map(
            |(org, level, shift, (url, source_url), text, created, source, id)| {
                json!({
                    "org_id": org,
                    "escalated_at": created,
                    "levels": {"escalation_level": level, "sentiment_shift": shift},
                    "record": {"id": id, "url": url, "source_url": source_url,
                        "content_excerpt": text, "created_at": created, "source": source},
                })
                .to_string()
                .into_bytes()
            },
        )
    }

    fn templates() -> impl Strategy<Value = Templates> {
        let one = |sources: &'static [&'static str]| {
            proptest::sample::select(sources).prop_map(|source| {
                Some(source)
                    .filter(|source| !source.is_empty())
                    .map(|source| Template::parse(source).unwrap())
            })
        };
        let title = one(&["", "{{ source }}", "<!channel> {{ excerpt }}", "<{{ source }}>"]);
        let text = one(&[
            "",
            "{{ excerpt }}{{ excerpt }}",
            "<{{ source }}> *{{ record_id }}*",
            "<!{{ excerpt | truncate(7) }}>",
            "&{{ source | upper }}",
        ]);
        (title, text).prop_map(|(title, text)| Templates { title, text })
    }

    fn cases() -> impl Strategy<Value = Case> {
        (body(), templates(), 0..3_u64, text()).prop_map(|(body, templates, count, name)| Case {
            name: String::new(),
            notice: Notice::read(&body).named(&name).after(HeldBack { count, since: ACCEPTED_AT }),
            templates,
        })
    }

    proptest! {
        #[test]
        fn no_alert_breaks_a_limit_of_slacks(case in cases()) {
            let made = slack_of(&case);
            let breaches = blockkit::breaches(&made);
            prop_assert!(breaches.is_empty(), "{}", breaches.join("\n"));
            // The strongest form: no mention, link or date can be written without it.
            prop_assert!(!made.contains(&b'<'));
        }

        #[test]
        fn no_alert_breaks_a_rule_of_mail(case in cases()) {
            let (made, title) = mail_of(&case);
            let breaches = letter::breaches(&made, &title);
            prop_assert!(breaches.is_empty(), "{}", breaches.join("\n"));
        }

        #[test]
        fn reading_anything_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let notice = Notice::read(&body);
            let case = case(String::new(), notice);
            prop_assert!(blockkit::breaches(&slack_of(&case)).is_empty());
        }
    }
}
