//! The real program on a disk that fills up, and on one that fails to sync.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use process::{Data, Listener, Service, path_text, record, wait_until};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};

fn limit_files(service: &Service, bytes: Option<u64>) {
    let pid = Pid::from_raw(service.pid() as i32);
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

fn batch(number: usize) -> Value {
    let records = (0..50).map(|each| {
        let mut record = record(&format!("b{number}-{each}"));
        record["content"] = json!("It does not work. ".repeat(25));
        record
    });
    json!({ "records": records.collect::<Vec<_>>() })
}

/// Matrix A11: while files can't grow, nothing is taken and nothing is sent, and the service says so;
/// when they can again, it goes on by itself, and all that it took arrives.
#[test]
fn a11_a_full_disk_stops_acceptance_and_delivery_until_there_is_room() {
    let data = Data::init();
    let listener = Listener::start(&data, "receiver", &[]);
    let ca = path_text(&listener.ca);
    // A write beyond the limit on files' sizes is to fail, not to end the process.
    let settings = [("BELFRY__EGRESS__CA_FILES", ca.as_str())];
    let service = Service::start_after("trap '' XFSZ", &data, &settings);
    service.automation(&[format!("{}/hook", listener.url)]);
    let log = data.dir().join("belfry.db-wal");
    let grown = std::fs::metadata(&log).map_or(0, |about| about.len());
    limit_files(&service, Some(grown + 300_000));
    let mut taken = 0;
    let refused = (0..200).find_map(|number| {
        let (status, answer) = service.call("POST", "/v1/records", &batch(number));
        taken += usize::from(status == 202) * 50;
        (status != 202).then_some((status, answer))
    });
    let (status, answer) = refused.expect("the limit is met");
    assert_eq!(status, 503, "{answer}");
    assert_eq!(service.call("GET", "/readyz", &Value::Null).0, 503);
    limit_files(&service, None);
    wait_until("it can write again", || service.call("GET", "/readyz", &Value::Null).0 == 200);
    assert_eq!(service.send("afterwards").0, 202);
    wait_until("all that was taken is received", || listener.taken().len() > taken);
    assert_eq!(listener.taken().len(), taken + 1, "what was refused was sent");
}

/// Matrix A10: a commit whose sync fails is in doubt: no answer, the process ends with 70, and the same
/// record again makes no second alert. Needs strace, which makes the disk fail.
#[test]
fn a10_a_failed_sync_ends_the_process() {
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        println!("left out: there is no strace on this machine");
        return;
    }
    let data = Data::init();
    let listener = Listener::start(&data, "receiver", &[]);
    let ca = path_text(&listener.ca);
    let settings = [("BELFRY__EGRESS__CA_FILES", ca.as_str())];
    let mut service = Service::start(&data, &settings);
    service.automation(&[format!("{}/hook", listener.url)]);
    let mut strace = std::process::Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-e"])
        .arg("inject=fsync,fdatasync:error=EIO")
        .args(["-p", &service.pid().to_string(), "-o"])
        .arg(data.beside("strace.log"))
        .spawn()
        .unwrap();
    let traced = || {
        let path = format!("/proc/{}/status", service.pid());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    };
    wait_until("it is traced", || traced() || !matches!(strace.try_wait(), Ok(None)));
    if !traced() {
        println!("left out: this machine does not allow strace to attach");
        return;
    }
    let answer = service.try_call("POST", "/v1/records", &json!({ "records": [record("r1")] }));
    assert_ne!(answer.map(|(status, _)| status), Some(202));
    assert_eq!(service.wait_for_end().code(), Some(70), "{}", service.log());
    strace.wait().unwrap();
    let service = Service::start(&data, &settings);
    assert_eq!(service.send("r1").0, 202);
    service.wait_for_state("r1", "delivered");
    let list = service.ok("GET", "/v1/deliveries?record_id=r1", &Value::Null);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

/// A disk that is not mounted leaves an empty directory: no empty database is made in it.
#[test]
fn a_service_does_not_begin_anew_where_its_data_is_missing() {
    let data = Data::init();
    let empty = data.beside("not-mounted");
    std::fs::create_dir(&empty).unwrap();
    let path = path_text(&empty);
    let (child, log) = Service::spawn(&data, &[("BELFRY__STORAGE__PATH", path.as_str())]);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains("there is no") && said.contains("belfry init"), "{said}");
    assert!(std::fs::read_dir(&empty).unwrap().next().is_none(), "it made something");
}
