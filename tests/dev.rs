//! `belfry dev`: the product on a machine on which nothing is configured, and the commands against it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

fn belfry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
    // Neither the settings of a real service nor a proxy matters to the demonstration.
    command
        .env("BELFRY__EGRESS__DENY", "0.0.0.0/0")
        .env("BELFRY__DELIVERY__RETRY__BASE", "1h")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1");
    command
}

/// `belfry dev --json`, line by line.
struct Dev {
    child: Child,
    out: BufReader<ChildStdout>,
    opening: Value,
}

impl Dev {
    fn start(args: &[&str]) -> Self {
        let mut child = belfry()
            .args(["dev", "--json", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let opening = line(&mut out).expect("an opening");
        Self { child, out, opening }
    }

    /// What it says up to the summary, and the summary.
    fn until_summary(&mut self) -> (Vec<Value>, Value) {
        let mut said = Vec::new();
        loop {
            let line = line(&mut self.out).expect("a summary");
            if let Some(summary) = line.get("summary") {
                return (said, summary.clone());
            }
            said.push(line);
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = belfry();
        command
            .args(args)
            .env("BELFRY_SERVER", self.opening["service"].as_str().unwrap())
            .env("BELFRY_TOKEN", self.opening["token"].as_str().unwrap());
        command
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = self.command(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Gone already, in the good case.
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}

fn line(out: &mut impl std::io::BufRead) -> Option<Value> {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
}

#[test]
fn every_sample_alert_arrives_some_only_after_a_retry() {
    let mut dev = Dev::start(&["--exit"]);
    let data = dev.opening["data"].as_str().unwrap().to_owned();
    let (said, summary) = dev.until_summary();
    // One alert arrived everywhere, though not everybody took it at once.
    let last = line(&mut dev.out).expect("one alert, everywhere");
    let ways = last["everywhere"]["ways"].as_array().unwrap().clone();
    let kinds: Vec<&str> = ways.iter().map(|way| way["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["webhook", "webhook", "slack", "email", "webhook"]);
    assert!(ways.iter().any(|way| way["attempts"].as_u64().unwrap() > 1), "{last}");
    assert!(dev.child.wait().unwrap().success());

    let fed = said.iter().find_map(|line| line.get("fed")).unwrap();
    assert_eq!(fed["rejected"], serde_json::json!([]));
    assert!(fed["accepted"].as_u64().unwrap() >= 60, "{fed}");
    assert!(fed["alerts"].as_u64().unwrap() >= 30, "{fed}");
    assert_eq!(summary["delivered"], fed["deliveries"]);
    assert_eq!(summary["accepted"], fed["accepted"]);
    assert_eq!(summary["duplicates"], 0);

    let tries: Vec<&Value> = said.iter().filter_map(|line| line.get("alert")).collect();
    let (delivered, failed): (Vec<&Value>, Vec<&Value>) =
        tries.iter().partition(|alert| alert["status"] == 200);
    // Mail is told in its own form: each is put off once.
    let mails: Vec<&Value> = said.iter().filter_map(|line| line.get("mail")).collect();
    let (taken, put_off): (Vec<&Value>, Vec<&Value>) =
        mails.iter().partition(|mail| mail["answer"] == 250);
    assert_eq!((taken.len() as u64, put_off.len()), (fed["alerts"].as_u64().unwrap(), taken.len()));
    assert!(mails.iter().all(|mail| mail["tls"] == true));
    assert_eq!((delivered.len() + taken.len()) as u64, summary["delivered"].as_u64().unwrap());
    assert_eq!((failed.len() + put_off.len()) as u64, summary["failed_attempts"].as_u64().unwrap());
    for alert in &tries {
        assert_eq!(alert["problems"], serde_json::json!([]), "{alert}");
        assert_ne!(alert["auth_ok"], false);
    }
    // Some fail once, and some twice, so that the delay is seen to grow.
    let after = |attempt: u64| delivered.iter().filter(|alert| alert["attempt"] == attempt).count();
    assert!(after(2) > 0 && after(3) > 0);
    let retried = (after(2) + after(3) + taken.len()) as u64;
    assert_eq!(summary["delivered_after_retry"], retried);
    // Failures are told with the delay that follows; one that was over before it was looked up is not.
    let backoffs: Vec<&Value> = said.iter().filter_map(|line| line.get("backoff")).collect();
    assert!(!backoffs.is_empty() && backoffs.len() <= failed.len());
    for told in backoffs {
        assert!(told["next_attempt_in_ms"].as_u64().unwrap() > 0, "{told}");
    }

    // Each alert goes to a place of each kind, and on through a second service.
    for name in ["desk", "router", "slack", "partner"] {
        let seen = said.iter().filter(|line| line["receiver"] == name);
        let taken = seen.filter(|line| line["alert"]["status"] == 200).count() as u64;
        assert_eq!(Some(taken), fed["alerts"].as_u64(), "{name}");
    }

    assert!(!Path::new(&data).exists(), "the data are thrown away");
}

#[test]
fn it_stays_up_for_the_other_commands_until_a_signal_ends_it() {
    let kept = tempfile::tempdir().unwrap();
    let dir = kept.path().join("kept");
    let mut dev = Dev::start(&["--pace", "0ms", "--keep", dir.to_str().unwrap()]);
    let (_, summary) = dev.until_summary();

    let all = dev.json(&["deliveries", "list", "--json", "--limit", "1000"]);
    let data = all["data"].as_array().unwrap();
    assert_eq!(data.len() as u64, summary["deliveries"].as_u64().unwrap());
    let retried = data.iter().find(|each| each["attempt_count"] == 3).unwrap();
    let id = retried["id"].as_str().unwrap();
    let whole = dev.json(&["deliveries", "show", id, "--json"]);
    let statuses: Vec<&Value> =
        whole["attempts"].as_array().unwrap().iter().map(|each| &each["status"]).collect();
    assert_eq!(statuses, [503, 503, 200]);
    let shown = dev.command(&["deliveries", "show", id]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("delivered, status 200"), "{shown}");
    // What was delivered can't be sent again, and the command says so.
    let refused = dev.command(&["deliveries", "retry", id]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stdout).unwrap().contains("(status 409)"));

    let file = kept.path().join("mine.jsonl");
    std::fs::write(
        &file,
        r#"{"id":"mine-1","org_id":"acme","source":"curl","content":"A week, and no answer!",
            "levels":{"escalation_level":"high","emotional_intensity_level":"high"}}
           {"id":"","org_id":"acme","source":"curl","content":"no id"}"#,
    )
    .unwrap();
    let sent = dev.command(&["records", "send", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(sent.status.code(), Some(1));
    let told = String::from_utf8(sent.stdout).unwrap();
    assert!(told.contains("mine.jsonl record 1: "), "{told}");
    assert!(told.ends_with("1 accepted, 1 alerts, 1 rejected\n"), "{told}");
    let mut arrived = 0;
    // At the desk, the router, Slack, and the partner behind the second service; the mail comes later.
    while arrived < 3 {
        let seen = line(&mut dev.out).unwrap();
        let alert = &seen["alert"];
        arrived += u32::from(alert["record_id"] == "mine-1" && alert["status"] == 200);
    }

    let pid = rustix::process::Pid::from_child(&dev.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(dev.child.wait().unwrap().success());
    assert!(dir.join("belfry.db").exists(), "--keep keeps the data");

    // A directory that is in use for something is not taken.
    let again = belfry().args(["dev", "--keep", dir.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("holds a belfry.toml already"));
}
