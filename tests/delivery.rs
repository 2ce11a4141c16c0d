//! The real program from record to receiver, through failures of either: groups A, B and E of the matrix
//! through the outermost doors.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use process::{Data, Listener, Service, belfry, path_text, record, wait_until};
use serde_json::{Value, json};

/// Quick retries, and the receiver's authority trusted.
fn settings<'a>(ca: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("BELFRY__EGRESS__CA_FILES", ca),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "200ms"),
    ];
    all.extend_from_slice(more);
    all
}

/// A service, a receiver, and one automation between them.
struct Scene {
    service: Service,
    listener: Listener,
    integrations: Vec<String>,
    data: Data,
    ca: String,
}

impl Scene {
    fn start(listen: &[&str], more: &[(&str, &str)]) -> Self {
        let data = Data::init();
        let listener = Listener::start(&data, "receiver", listen);
        let ca = path_text(&listener.ca);
        let service = Service::start(&data, &settings(&ca, more));
        let integrations = service.automation(&[format!("{}/hook", listener.url)]);
        Self { service, listener, integrations, data, ca }
    }

    /// Starts the service again on the same data, without whatever was to make it die.
    fn restart(&mut self) {
        self.service = Service::start(&self.data, &settings(&self.ca, &[]));
    }

    fn alerts(&self) -> usize {
        let list = self.service.ok("GET", "/v1/deliveries?limit=200", &Value::Null);
        list["data"].as_array().unwrap().len()
    }
}

fn send_one(scene: &Scene, id: &str) -> Option<(u16, Value)> {
    scene.service.try_call("POST", "/v1/records", &json!({ "records": [record(id)] }))
}

/// Matrix A2: what was not committed was not acknowledged, and sending it again makes one alert.
#[test]
fn a2_a_crash_before_the_commit_acknowledges_nothing() {
    let mut scene = Scene::start(&[], &[("BELFRY_FAILPOINTS", "accept.before_commit@1=abort")]);
    assert_eq!(send_one(&scene, "r1"), None);
    assert!(!scene.service.wait_for_end().success());
    scene.restart();
    assert_eq!(scene.alerts(), 0);
    assert_eq!(scene.service.send("r1").0, 202);
    scene.service.wait_for_state("r1", "delivered");
    assert_eq!(scene.alerts(), 1);
}

/// Matrix A3: committed and not acknowledged: the repeat names the same alert.
#[test]
fn a3_a_crash_before_the_answer_keeps_the_alert() {
    let mut scene = Scene::start(&[], &[("BELFRY_FAILPOINTS", "accept.after_commit@1=abort")]);
    assert_eq!(send_one(&scene, "r1"), None);
    assert!(!scene.service.wait_for_end().success());
    scene.restart();
    scene.service.wait_for_state("r1", "delivered");
    let kept = scene.service.delivery("r1").unwrap()["alert_id"].clone();
    let (status, answer) = scene.service.send("r1");
    assert_eq!(status, 202);
    assert_eq!(answer["alerts"][0]["id"], kept);
    assert_eq!(scene.alerts(), 1);
}

/// Matrix A4: dead between the claim of a second attempt and its request: it is told as interrupted, and the
/// receiver sees only what was really sent.
#[test]
fn a4_a_crash_between_claim_and_request_is_in_doubt() {
    // It is handled at its first launch, at the end of that attempt, and at its second launch.
    let die = [("BELFRY_FAILPOINTS", "handle.dlv_1@3=abort")];
    let mut scene = Scene::start(&["--fail-first", "1"], &die);
    assert_eq!(scene.service.send("r1").0, 202);
    assert!(!scene.service.wait_for_end().success());
    assert_eq!(scene.listener.requests().len(), 1);
    scene.restart();
    scene.service.wait_for_state("r1", "delivered");
    assert_eq!(scene.listener.requests().len(), 2);
    let delivery = scene.service.delivery("r1").unwrap();
    let attempts = delivery["attempts"].as_array().unwrap();
    let came_to: Vec<_> =
        attempts.iter().map(|each| (each["status"].as_u64(), each["cause"].as_str())).collect();
    assert_eq!(
        came_to,
        [(Some(503), None), (None, Some("interrupted")), (Some(200), None)],
        "{delivery}"
    );
}

/// Matrix A5: killed while the receiver works on it: it comes again with the same key and bytes.
#[test]
fn a5_a_kill_during_the_attempt_sends_it_again() {
    let mut scene = Scene::start(&["--stall", "3s"], &[]);
    assert_eq!(scene.service.send("r1").0, 202);
    wait_until("it is on the wire", || !scene.listener.requests().is_empty());
    scene.service.kill();
    scene.restart();
    scene.service.wait_for_state("r1", "delivered");
    let requests = scene.listener.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["key"], requests[1]["key"]);
    assert_eq!(requests[0]["body_sha256"], requests[1]["body_sha256"]);
}

fn second_of_the_minute() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_secs() % 60
}

/// A service that dies at the commit of its first delivery's result, before or after it is written, and is
/// started again.
fn dead_at_the_result(point: &str) -> Scene {
    let mut scene = Scene::start(&[], &[]);
    scene.service.terminate();
    assert!(scene.service.wait_for_end().success());
    // The commits of this start: recovery, the record, the actor's barrier, the result. The end of a minute
    // is one, too, and stays out of the way.
    wait_until("the minute is young", || second_of_the_minute() < 40);
    let die = format!("{point}@4=abort");
    let die = [("BELFRY_FAILPOINTS", die.as_str())];
    scene.service = Service::start(&scene.data, &settings(&scene.ca, &die));
    assert_eq!(scene.service.send("r1").0, 202);
    assert!(!scene.service.wait_for_end().success());
    assert_eq!(scene.listener.taken().len(), 1);
    scene.restart();
    scene
}

/// Matrix A6: the receiver has taken it, and the result was not written: once more, and no oftener.
#[test]
fn a6_a_crash_before_the_result_is_written_sends_it_once_more() {
    let scene = dead_at_the_result("commit.before");
    scene.service.wait_for_state("r1", "delivered");
    assert_eq!(scene.listener.requests().len(), 2);
    assert_eq!(scene.listener.taken().len(), 1);
}

/// Matrix A7: dead right after the result was written: nothing is sent again.
#[test]
fn a7_a_crash_after_the_result_is_written_sends_nothing_again() {
    let scene = dead_at_the_result("commit.after");
    assert_eq!(scene.service.state_of("r1"), "delivered");
    assert_eq!(scene.service.send("r2").0, 202);
    scene.service.wait_for_state("r2", "delivered");
    assert_eq!(scene.listener.requests().len(), 2);
}

/// Matrix A21: a second process on the same data is refused, and names the first.
#[test]
fn a21_one_process_for_a_data_directory() {
    let scene = Scene::start(&[], &[]);
    let (child, log) = Service::spawn(&scene.data, &settings(&scene.ca, &[]));
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains(&scene.service.pid().to_string()), "{said}");
    assert_eq!(scene.service.send("r1").0, 202);
    scene.service.wait_for_state("r1", "delivered");
}

/// Matrix A24: the store's thread panics: the process ends, and nothing acknowledged is lost.
#[test]
fn a24_a_failing_store_ends_the_process() {
    let mut scene = Scene::start(&[], &[("BELFRY_FAILPOINTS", "accept.before_commit@3=panic")]);
    assert_eq!(scene.service.send("r1").0, 202);
    assert_eq!(scene.service.send("r2").0, 202);
    assert_ne!(send_one(&scene, "r3").map(|(status, _)| status), Some(202));
    assert_eq!(scene.service.wait_for_end().code(), Some(70));
    scene.restart();
    scene.service.wait_for_state("r1", "delivered");
    scene.service.wait_for_state("r2", "delivered");
}

/// Matrix B3: 410 switches the integration off, says why, and what waits goes when it is on again.
#[test]
fn b3_gone_switches_off_until_somebody_switches_on() {
    let data = Data::init();
    let script = data.beside("script");
    std::fs::write(&script, "#1 410\n#2 200\n").unwrap();
    let listener = Listener::start(&data, "receiver", &["--script", &path_text(&script)]);
    let ca = path_text(&listener.ca);
    let service = Service::start(&data, &settings(&ca, &[]));
    let id = service.automation(&[format!("{}/hook", listener.url)]).remove(0);
    assert_eq!(service.send("r1").0, 202);
    let integration = || service.ok("GET", &format!("/v1/integrations/{id}"), &Value::Null);
    wait_until("it is switched off", || integration()["state"]["status"] == "disabled");
    assert_eq!(service.send("r2").0, 202);
    assert_eq!(service.state_of("r1"), "pending");
    assert_eq!(service.state_of("r2"), "pending");
    assert_eq!(listener.requests().len(), 1);
    service.ok("POST", &format!("/v1/integrations/{id}/enable"), &json!({}));
    service.wait_for_state("r1", "delivered");
    service.wait_for_state("r2", "delivered");
}

/// Matrix B6: one destination of several hangs for ever; the others are done before its first time-out.
#[test]
fn b6_a_hanging_destination_delays_no_other() {
    let data = Data::init();
    let script = data.beside("script");
    let mut text = String::from("script hang\n0s hang\n");
    (1..20).for_each(|n| text.push_str(&format!("script d{n}\n0s 200\n")));
    std::fs::write(&script, text).unwrap();
    let listener = Listener::start(&data, "receiver", &["--script", &path_text(&script)]);
    let ca = path_text(&listener.ca);
    let service = Service::start(&data, &settings(&ca, &[]));
    let mut urls = vec![format!("{}/hang", listener.url)];
    urls.extend((1..20).map(|n| format!("{}/d{n}", listener.url)));
    let ids = service.automation(&urls);
    for n in 0..10 {
        assert_eq!(service.send(&format!("r{n}")).0, 202);
    }
    wait_until("the others have all", || {
        let taken: usize = listener.taken().values().map(Vec::len).sum();
        taken == 190
    });
    let path = format!("/v1/integrations/{}", ids[0]);
    let hung = service.ok("GET", &path, &Value::Null);
    assert_eq!(hung["state"]["consecutive_failures"], 0, "its first time-out came before: {hung}");
}

/// Matrix B13: the same record many times at once makes one alert, which every answer names.
#[test]
fn b13_the_same_record_makes_one_alert() {
    let scene = Scene::start(&[], &[]);
    let ids: Vec<Value> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let (status, answer) = scene.service.send("same");
                    assert_eq!(status, 202);
                    answer["alerts"][0]["id"].clone()
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| id == &ids[0]));
    scene.service.wait_for_state("same", "delivered");
    assert_eq!(scene.listener.requests().len(), 1);
}

/// Matrix B15 and E1: a delivery that kills its actor ends as dead, with that reason; the others arrive.
#[test]
fn b15_a_delivery_that_crashes_its_actor_is_dead() {
    let scene = Scene::start(&[], &[("BELFRY_FAILPOINTS", "handle.dlv_2=panic")]);
    let records: Vec<Value> = ["r1", "r2", "r3"].iter().map(|id| record(id)).collect();
    scene.service.ok("POST", "/v1/records", &json!({ "records": records }));
    scene.service.wait_for_state("r2", "dead");
    scene.service.wait_for_state("r1", "delivered");
    scene.service.wait_for_state("r3", "delivered");
    assert_eq!(scene.service.delivery("r2").unwrap()["reason"], "crashed_worker");
    assert_eq!(scene.listener.requests().len(), 2);
    let counted = ["belfry_deliveries_total{state=\"dead\"} 1", "belfry_actor_restarts_total 3"];
    wait_until("it is counted", || {
        let page = scene.service.ok("GET", "/metrics", &Value::Null);
        let lines: Vec<&str> = page.as_str().expect("a page").lines().collect();
        counted.iter().all(|line| lines.contains(line))
    });
}

/// Matrix B18: SIGTERM while a receiver is slow: the attempt ends, is written down, and the exit is clean.
#[test]
fn b18_a_stop_lets_attempts_end() {
    let mut scene = Scene::start(&["--stall", "1s"], &[]);
    assert_eq!(scene.service.send("r1").0, 202);
    wait_until("it is on the wire", || !scene.listener.requests().is_empty());
    scene.service.terminate();
    assert_eq!(scene.service.wait_for_end().code(), Some(0), "{}", scene.service.log());
    scene.restart();
    assert_eq!(scene.service.state_of("r1"), "delivered");
    assert_eq!(scene.listener.requests().len(), 1);
}

/// What happened stays in the history over orderly stops, though no minute was ever over.
#[test]
fn a_stop_writes_the_history_down() {
    let mut scene = Scene::start(&["--fail-first", "1"], &[]);
    for record in ["r1", "r2"] {
        assert_eq!(scene.service.send(record).0, 202);
        scene.service.wait_for_state(record, "delivered");
        scene.service.terminate();
        assert!(scene.service.wait_for_end().success(), "{}", scene.service.log());
        assert!(!scene.service.log().contains("minute"), "{}", scene.service.log());
        scene.restart();
    }
    let database = rusqlite::Connection::open(scene.data.dir().join("belfry.db")).unwrap();
    let told: (i64, i64, i64, i64, i64) = database
        .query_row(
            "SELECT sum(accepted), sum(delivered), sum(failed), sum(dead), max(waiting_level)
             FROM minutes",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .unwrap();
    // `--fail-first` fails the first attempt of each alert.
    assert_eq!(told, (2, 2, 2, 0, 0));
    let timed: i64 = database
        .query_row("SELECT count(*) FROM minutes WHERE length(latency) = 232", [], |row| row.get(0))
        .unwrap();
    assert!(timed >= 1, "how long they took is there, too");
}

/// Matrix B19: a changed URL counts for the next attempt of what waits.
#[test]
fn b19_a_changed_url_counts_from_the_next_attempt() {
    let data = Data::init();
    let script = data.beside("script");
    std::fs::write(&script, "script old\n0s 500\nscript new\n0s 200\n").unwrap();
    let listener = Listener::start(&data, "receiver", &["--script", &path_text(&script)]);
    let ca = path_text(&listener.ca);
    let service = Service::start(&data, &settings(&ca, &[]));
    let id = service.automation(&[format!("{}/old", listener.url)]).remove(0);
    assert_eq!(service.send("r1").0, 202);
    wait_until("it has failed", || !listener.requests().is_empty());
    let new = json!({ "url": format!("{}/new", listener.url) });
    service.ok("PATCH", &format!("/v1/integrations/{id}"), &new);
    service.wait_for_state("r1", "delivered");
    assert_eq!(listener.taken().values().next().unwrap()[0]["path"], "/new");
}

/// Matrix B20: deleting an integration discards what waits for it, and keeps it to be seen.
#[test]
fn b20_a_deleted_integration_discards_what_waits() {
    let scene = Scene::start(&["--status", "500"], &[]);
    assert_eq!(scene.service.send("r1").0, 202);
    wait_until("it has failed", || !scene.listener.requests().is_empty());
    let path = format!("/v1/integrations/{}", scene.integrations[0]);
    scene.service.ok("DELETE", &path, &Value::Null);
    scene.service.wait_for_state("r1", "discarded");
    assert_eq!(scene.service.delivery("r1").unwrap()["reason"], "integration_deleted");
}

/// Matrix E5: a thread that sends is stuck: the process ends with 70, and starts clean.
#[test]
fn e5_a_stuck_thread_ends_the_process() {
    let mut scene = Scene::start(&[], &[("BELFRY_FAILPOINTS", "handle.dlv_1=spin")]);
    assert_eq!(scene.service.send("r1").0, 202);
    assert_eq!(scene.service.wait_for_end().code(), Some(70));
    scene.restart();
    scene.service.wait_for_state("r1", "delivered");
}

/// Matrix E8: the supervisor panics: nobody could start an actor again, so the process ends, and a new one
/// finds everything.
#[test]
fn e8_a_failing_supervisor_ends_the_process() {
    let points = "handle.dlv_1@1=panic,supervisor.mourns@1=panic";
    let mut scene = Scene::start(&[], &[("BELFRY_FAILPOINTS", points)]);
    // The process may end before the answer is on its way; what was stored is stored.
    let answer = send_one(&scene, "r1");
    assert!(answer.is_none_or(|(status, _)| status == 202));
    assert_eq!(scene.service.wait_for_end().code(), Some(70), "{}", scene.service.log());
    scene.restart();
    scene.service.wait_for_state("r1", "delivered");
}

/// Matrix E8: the thread that writes stands still: the process ends, and a new one finds everything.
#[test]
fn e8_a_stuck_store_ends_the_process() {
    let points = [("BELFRY_FAILPOINTS", "accept.before_commit@2=spin")];
    let mut scene = Scene::start(&[], &points);
    assert_eq!(scene.service.send("r1").0, 202);
    assert_ne!(send_one(&scene, "r2").map(|(status, _)| status), Some(202));
    assert_eq!(scene.service.wait_for_end().code(), Some(70));
    assert!(scene.service.log().contains("the thread that writes is stuck"));
    scene.restart();
    scene.service.wait_for_state("r1", "delivered");
    assert_eq!(scene.alerts(), 1);
}

/// Matrix G2: a broken file at SIGHUP changes nothing.
#[test]
fn g2_a_broken_configuration_is_not_taken_over() {
    let scene = Scene::start(&[], &[]);
    std::fs::write(scene.data.dir().join("belfry.toml"), "[egress]\nalow = []\n").unwrap();
    let pid = rustix::process::Pid::from_raw(scene.service.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    wait_until("it says so", || scene.service.log().contains("not reloaded"));
    assert!(scene.service.log().contains("egress.allow"), "{}", scene.service.log());
    assert_eq!(scene.service.send("r1").0, 202);
    scene.service.wait_for_state("r1", "delivered");
}

/// Matrix G1: every problem at once, status 2, before anything starts.
#[test]
fn g1_a_bad_configuration_does_not_start() {
    let data = Data::init();
    let text = "[delivery]\ntimeout = \"soon\"\n[server]\nlisten = 80\n";
    std::fs::write(data.dir().join("belfry.toml"), text).unwrap();
    let ended = belfry().args(["serve", "--data"]).arg(data.dir()).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("belfry.toml:2") && said.contains("belfry.toml:4"), "{said}");
}
