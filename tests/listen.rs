//! `belfry listen` seen from outside: what a sender gets from it, what it tells a person and a log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use belfry::cli::listen::{
    Auth, Behaviour, Expected, Options, Receiver, Script, Seen, SigningSecret, Verdict,
};
use belfry::domain::secret::Secret;
use serde_json::Value;

const KEY: &str = "11111111-1111-4111-8111-111111111111:22222222-2222-4222-8222-222222222222:r%201";

fn body() -> String {
    serde_json::from_str::<serde_json::Value>(BODY).unwrap();
    BODY.to_owned()
}

const BODY: &str = concat!(
    r#"{"automation_id":"11111111-1111-4111-8111-111111111111","org_id":"acme","#,
    r#""escalated_at":"2026-06-27T12:00:00Z","levels":{"escalation_level":"extreme","#,
    r#""emotional_intensity_level":"high","sentiment_shift":"sentiment degraded"},"#,
    r#""record":{"id":"r 1","url":"https://dashboard.test/acme/record/r%201","#,
    r#""content_excerpt":"It \u001b[31mburns","source":"ZendeskSupport"}}"#
);

fn client(ca_pem: &str) -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    use rustls::pki_types::pem::PemObject as _;
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

fn alert(client: &reqwest::Client, url: &str) -> reqwest::RequestBuilder {
    client
        .post(url)
        .header("content-type", "application/json")
        .header("user-agent", "SupportEscalationAutomation/1.0")
        .header("idempotency-key", KEY)
        .body(body())
}

struct Watched {
    receiver: Receiver,
    client: reqwest::Client,
    seen: mpsc::Receiver<Seen>,
}

async fn watched(options: Options) -> Watched {
    let (tell, seen) = mpsc::sync_channel(1000);
    let watcher: belfry::cli::listen::Watcher =
        Box::new(move |request: &Seen| tell.send(request.clone()).unwrap());
    let receiver = Receiver::start(Options { watcher: Some(watcher), ..options }).await.unwrap();
    let client = client(receiver.ca_pem().unwrap());
    Watched { receiver, client, seen }
}

impl Watched {
    async fn status(&self) -> u16 {
        alert(&self.client, &self.receiver.url()).send().await.unwrap().status().as_u16()
    }
}

fn script(text: &str) -> Options {
    Options { behaviour: Behaviour::Script(Script::parse(text).unwrap()), ..Options::default() }
}

#[tokio::test]
async fn a_good_request_is_taken_without_a_word() {
    let w = watched(Options::default()).await;
    assert_eq!(w.status().await, 200);
    let seen = w.seen.recv().unwrap();
    assert_eq!(seen.problems, Vec::<String>::new());
    assert_eq!(seen.alert.unwrap().record_id, "r 1");
    assert_eq!((seen.attempt, seen.duplicate), (1, false));
    assert_eq!(seen.auth, Verdict::Unchecked);
    let counts = w.receiver.stop().await;
    assert_eq!((counts.requests, counts.taken, counts.problems), (1, 1, 0));
}

#[tokio::test]
async fn what_a_request_gets_wrong_is_told() {
    let w = watched(Options::default()).await;
    let url = w.receiver.url();
    for (request, problem) in [
        (w.client.get(&url), "the method is GET instead of POST"),
        (alert(&w.client, &url).body("{"), "the body is not a JSON object in UTF-8"),
        (w.client.post(&url).body(body()), "content-type is missing"),
        (w.client.post(&url).body(body()).header("user-agent", "x"), "user-agent is `x`"),
        (w.client.post(&url).body(body()), "Idempotency-Key is missing"),
        (
            w.client.post(&url).body(body()).header("idempotency-key", "a:b"),
            "not <automation_id>:<integration_id>:<record_id>",
        ),
        (
            w.client.post(&url).body(body()).header("idempotency-key", KEY.replace("r%201", "r1")),
            "names another record than the body",
        ),
    ] {
        request.send().await.unwrap();
        let seen = w.seen.recv().unwrap();
        assert!(seen.problems.iter().any(|p| p.contains(problem)), "{problem}: {seen:?}");
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_noticed() {
    let w = watched(script("0s 503")).await;
    let url = w.receiver.url();
    alert(&w.client, &url).send().await.unwrap();
    alert(&w.client, &url).body(body().replace("burns", "burnt")).send().await.unwrap();
    assert_eq!(w.seen.recv().unwrap().problems, Vec::<String>::new());
    let second = w.seen.recv().unwrap();
    assert_eq!(second.problems, ["the body is not the one that came with the first try"]);
    assert_eq!((second.attempt, second.duplicate), (2, false));
}

#[tokio::test]
async fn only_the_right_credential_is_let_in() {
    let secret = || Secret::new("s3cret".to_owned());
    for (auth, name, right) in [
        (Auth::Bearer(secret()), "authorization", "Bearer s3cret"),
        (Auth::ApiKey(secret()), "x-api-key", "s3cret"),
        (Auth::Header("x-mine".parse().unwrap(), secret()), "x-mine", "s3cret"),
    ] {
        let expected = Expected { auth: Some(auth), signing_secret: None };
        let w = watched(Options { expected, ..Options::default() }).await;
        let url = w.receiver.url();
        for (request, status, passed) in [
            (alert(&w.client, &url), 401, Some(false)),
            (alert(&w.client, &url).header(name, format!("{right}x")), 401, Some(false)),
            (alert(&w.client, &url).header(name, "other"), 401, Some(false)),
            (alert(&w.client, &url).header(name, right).header(name, right), 401, Some(false)),
            (alert(&w.client, &url).header(name, right), 200, Some(true)),
        ] {
            assert_eq!(request.send().await.unwrap().status().as_u16(), status);
            let seen = w.seen.recv().unwrap();
            assert_eq!(seen.auth.passed(), passed);
            let told = format!("{seen:?}");
            assert!(!told.contains("s3cret"), "the credential is shown: {told}");
        }
    }
}

#[tokio::test]
async fn signatures_of_the_reference_library_are_right_and_others_are_not() {
    let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let expected =
        Expected { auth: None, signing_secret: Some(SigningSecret::parse(text).unwrap()) };
    let w = watched(Options { expected, ..Options::default() }).await;
    let hook = standardwebhooks::Webhook::new(text).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let good = hook.sign("alr_1", now, BODY.as_bytes()).unwrap();
    let old = hook.sign("alr_1", now - 3600, BODY.as_bytes()).unwrap();
    let url = w.receiver.url();
    let signed = |at: i64, signature: &str| {
        alert(&w.client, &url)
            .header("webhook-id", "alr_1")
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature)
    };
    for (request, status) in [
        (signed(now, &good), 200),
        (signed(now, &format!("v1,AAAA v2,x {good}")), 200),
        (signed(now + 1, &good), 401),
        (signed(now - 3600, &old), 401),
        (signed(now, &good).header("idempotency-key", "other").body("{}"), 401),
        (alert(&w.client, &url), 401),
    ] {
        assert_eq!(request.send().await.unwrap().status().as_u16(), status);
        assert_eq!(w.seen.recv().unwrap().signature.passed(), Some(status == 200));
    }
}

#[tokio::test]
async fn a_script_is_followed_to_the_letter() {
    let w = watched(script(
        "0s 200\n\
         #1 503 body \"later\"\n\
         #2 429 retry-after 5m retry-after raw now\n\
         #3 redirect\n\
         #4 reset\n\
         #5 garbage\n\
         #6 200 body cut\n\
         #8 503 for another\n",
    ))
    .await;
    let url = w.receiver.url();
    let send = || alert(&w.client, &url).send();
    let first = send().await.unwrap();
    assert_eq!(first.status(), 503);
    assert_eq!(first.text().await.unwrap(), "later");
    let second = send().await.unwrap();
    assert_eq!(
        (second.status().as_u16(), &second.headers()["retry-after"]),
        (429, &"300".parse().unwrap())
    );
    let third = send().await.unwrap();
    assert_eq!(third.status(), 302);
    assert_eq!(third.headers()["location"], format!("{url}redirected"));
    send().await.unwrap_err();
    send().await.unwrap_err();
    let cut = send().await.unwrap();
    assert_eq!(cut.status(), 200);
    cut.bytes().await.unwrap_err();
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!(send().await.unwrap().status(), 200);
    let words: Vec<_> = w.seen.try_iter().map(|seen| seen.answer.word()).collect();
    assert_eq!(
        words,
        ["status", "status", "redirect", "reset", "garbage", "status", "status", "status"]
    );
}

#[tokio::test]
async fn heads_and_bodies_without_end_are_written_until_the_sender_turns_away() {
    let w = watched(script(
        "script hang\n0s hang\nscript slow\n0s 200 body slow\nscript endless\n\
         0s 200 body endless\nscript drip\n0s drip\nscript flood\n0s flood\n\
         script interim\n0s interim\n",
    ))
    .await;
    let url = w.receiver.url();
    for path in ["slow", "endless"] {
        let mut response = alert(&w.client, &format!("{url}{path}")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.chunk().await.unwrap().is_some());
    }
    // The flood of fields ends by the sender's bound; the others never do, so that the sender's
    // patience is what ends them.
    alert(&w.client, &format!("{url}flood")).send().await.unwrap_err();
    for path in ["hang", "drip", "interim"] {
        let patience = Duration::from_millis(300);
        let error =
            alert(&w.client, &format!("{url}{path}")).timeout(patience).send().await.unwrap_err();
        assert!(error.is_timeout(), "{path}: {error:?}");
    }
    assert_eq!(w.receiver.stop().await.requests, 6);
}

#[tokio::test]
async fn a_closed_door_takes_no_connection() {
    for word in ["refuse", "tls"] {
        let w = watched(script(&format!("0s {word}"))).await;
        let error = alert(&w.client, &w.receiver.url()).send().await.unwrap_err();
        assert!(error.is_connect() || error.is_request(), "{word}: {error:?}");
        assert_eq!(w.receiver.stop().await.requests, 0);
    }
}

#[tokio::test]
async fn an_answer_can_be_held_back() {
    let w = watched(script("0s 200 after 50ms")).await;
    let begun = std::time::Instant::now();
    assert_eq!(w.status().await, 200);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn chunked_bodies_and_expectations_are_understood() {
    let w = watched(Options::default()).await;
    let pieces = BODY.as_bytes().chunks(100).map(|piece| Ok::<_, std::io::Error>(piece.to_vec()));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces.collect::<Vec<_>>()));
    let url = w.receiver.url();
    let response = alert(&w.client, &url).body(stream).header("expect", "100-continue").send();
    assert_eq!(response.await.unwrap().status(), 200);
    let seen = w.seen.recv().unwrap();
    assert_eq!(seen.body, BODY.as_bytes());
    assert_eq!(seen.problems, Vec::<String>::new());
}

/// The real program.
struct Listen {
    child: Child,
    out: BufReader<ChildStdout>,
    url: String,
    ca_pem: String,
}

impl Listen {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_belfry"))
            .args(["listen", "--json"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let first = line(&mut out);
        let url = first["listening"].as_str().unwrap().to_owned();
        let ca_pem = std::fs::read_to_string(first["ca"].as_str().unwrap()).unwrap();
        Self { child, out, url, ca_pem }
    }

    fn end(mut self) -> Value {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let last = line(&mut self.out);
        assert!(self.child.wait().unwrap().success());
        last["counts"].clone()
    }
}

impl Drop for Listen {
    fn drop(&mut self) {
        // Gone already, in the good case.
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}

fn line(out: &mut impl std::io::BufRead) -> Value {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

fn temporary() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let base: PathBuf = dir.path().to_owned();
    (dir, move |name| base.join(name))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn the_program_fails_first_tries_logs_each_request_and_counts() {
    let (_dir, at) = temporary();
    let (log, ca) = (at("log.jsonl"), at("ca.pem"));
    let mut listen = Listen::start(&[
        "--fail-first",
        "2",
        "--retry-after",
        "5s",
        "--log",
        text(&log),
        "--ca-out",
        text(&ca),
    ]);
    assert_eq!(std::fs::read_to_string(&ca).unwrap(), listen.ca_pem);
    let client = client(&listen.ca_pem);
    let url = format!("{}hook", listen.url);
    for (status, attempt, duplicate) in
        [(503, 1, false), (503, 2, false), (200, 3, false), (200, 4, true)]
    {
        let response = alert(&client, &url).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
        let shown = line(&mut listen.out);
        assert_eq!(shown["attempt"], attempt);
        assert_eq!(shown["duplicate"], duplicate);
        assert_eq!(shown["body"]["record"]["id"], "r 1");
    }
    let counts = listen.end();
    assert_eq!(
        counts,
        serde_json::json!({"requests": 4, "alerts": 1, "taken": 1, "failed": 2, "retries": 2,
                           "duplicates": 1, "problems": 0})
    );
    let log = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["key"], KEY);
    assert_eq!(lines[0]["path"], "/hook");
    assert_eq!(lines[0]["status"], 503);
    assert_eq!(lines[0]["body_sha256"], lines[3]["body_sha256"]);
    assert_eq!(lines[0]["auth_ok"], Value::Null);
    assert!(lines[0]["header_names"].as_array().unwrap().contains(&"user-agent".into()));
    assert!(lines[0].get("body").is_none());
}

#[test]
fn the_program_says_what_is_wrong_with_its_options() {
    let (_dir, at) = temporary();
    let script = at("bad.script");
    std::fs::File::create(&script).unwrap().write_all(b"0s 200\n0s nap\n").unwrap();
    for (args, status, part) in [
        (vec!["--auth", "bearer"], 2, "--auth needs --credential-env"),
        (vec!["--auth", "cookie"], 2, "allowed are none, bearer, api-key and header:NAME"),
        (vec!["--credential-env", "BELFRY_TEST_UNSET", "--auth", "bearer"], 2, "is not set"),
        (vec!["--stall", "10"], 2, "is not a time"),
        (vec!["--script", text(&script)], 1, "line 2: `nap` is none of"),
        (vec!["--script", "/nowhere/x"], 1, "the script /nowhere/x can't be read"),
        (vec!["--script", text(&script), "--status", "503"], 2, "cannot be used with"),
        (vec!["--listen", "203.0.113.1:0"], 1, "it can't listen on 203.0.113.1:0"),
    ] {
        let run = Command::new(env!("CARGO_BIN_EXE_belfry"))
            .arg("listen")
            .args(&args)
            .env_remove("BELFRY_TEST_UNSET")
            .output()
            .unwrap();
        let told = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(status), "{args:?}: {told}");
        assert!(told.contains(part), "{args:?}: {told}");
    }
}

#[tokio::test]
async fn a_person_reads_one_line_a_request() {
    let w = watched(script("0s 200\n#1 503")).await;
    for _ in 0..3 {
        w.status().await;
    }
    let paint = belfry::cli::paint::Paint::off();
    let manner = belfry::cli::listen::Manner { paint, receiver: None, words: true };
    let shown: Vec<String> = w
        .seen
        .try_iter()
        .map(|seen| belfry::cli::listen::lines(&seen, manner).split_off("00:00:00.000".len()))
        .collect();
    assert_eq!(
        shown,
        [
            "  → 503    r 1                  extreme/high  sentiment degraded\n              “It �[31mburns” \
             (ZendeskSupport)\n",
            "  → 200    r 1                  extreme/high  sentiment degraded  try 2\n",
            "  → 200    r 1                  extreme/high  sentiment degraded  duplicate: taken before\n",
        ]
    );
}
