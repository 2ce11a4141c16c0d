//! What the real program does to its files, seen by strace: that nothing is acknowledged before it is
//! synced, and that a loss of power at any sync loses nothing that was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};

use process::{Data, Service, wait_until};
use serde_json::json;

/// Something that the program did, in the order in which it was done.
#[derive(Debug)]
enum Deed {
    Write {
        file: String,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        length: u64,
    },
    Sync {
        file: String,
    },
    /// An answer `202 Accepted` left.
    Acknowledge,
}

/// strace, attached to the service; `None` where this machine does not let it.
fn trace(service: &Service, into: &Path) -> Option<Child> {
    let mut strace = Command::new("strace")
        .args(["-f", "-qq", "-y", "-xx", "-s", "70000", "-e", "signal=none", "-e"])
        .arg("trace=pwrite64,fsync,fdatasync,ftruncate,write,writev,sendto,sendmsg")
        .args(["-p", &service.pid().to_string(), "-o"])
        .arg(into)
        .spawn()
        .ok()?;
    let traced = || {
        let path = format!("/proc/{}/task", service.pid());
        let tasks = std::fs::read_dir(path).unwrap().filter_map(Result::ok);
        tasks.into_iter().all(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            !status.contains("TracerPid:\t0\n")
        })
    };
    wait_until("it is traced", || traced() || !matches!(strace.try_wait(), Ok(None)));
    traced().then_some(strace)
}

/// What strace saw. A call that it saw begin and end apart counts when it ended; an answer, when it began.
fn deeds(log: &Path) -> Vec<Deed> {
    let text = std::fs::read_to_string(log).unwrap();
    let mut begun: BTreeMap<String, String> = BTreeMap::new();
    let mut deeds = Vec::new();
    for line in text.lines() {
        let (thread, call) = line.split_once(char::is_whitespace).unwrap();
        let call = call.trim_start();
        if let Some(first) = call.strip_suffix(" <unfinished ...>") {
            match deed(&format!("{first}) = 0")) {
                // The other side may have it before the call returns.
                Some(Deed::Acknowledge) => deeds.push(Deed::Acknowledge),
                _ => drop(begun.insert(thread.to_owned(), first.to_owned())),
            }
        } else if let Some(rest) = call.strip_prefix("<... ") {
            let rest = rest.split_once(" resumed>").unwrap().1;
            if let Some(first) = begun.remove(thread) {
                deeds.extend(deed(&(first + rest)));
            }
        } else {
            deeds.extend(deed(call));
        }
    }
    deeds
}

/// `pwrite64(11</tmp/x/belfry.db-wal>, "\\x37\\x7f", 2, 32) = 2`
fn deed(call: &str) -> Option<Deed> {
    let (name, rest) = call.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(')')?;
    let result = result.trim_start().strip_prefix("= ")?;
    assert!(!result.starts_with('-'), "{name} failed: {result}");
    let (number, rest) = arguments.split_once('<')?;
    number.parse::<u32>().ok()?;
    let (path, rest) = rest.split_once('>')?;
    let path = String::from_utf8(unhex(path)).unwrap();
    let file = Path::new(&path).file_name()?.to_str()?.to_owned();
    let ours = file.starts_with("belfry.db") && !file.ends_with("-shm");
    match name {
        "fsync" | "fdatasync" if ours => Some(Deed::Sync { file }),
        "pwrite64" if ours => {
            let (bytes, rest) = text(rest)?;
            let at = rest.rsplit(", ").next()?.parse().unwrap();
            Some(Deed::Write { file, at, bytes })
        }
        "ftruncate" if ours => {
            Some(Deed::Truncate { file, length: rest.trim_start_matches(", ").parse().unwrap() })
        }
        "write" | "writev" | "sendto" | "sendmsg" if path.starts_with("socket:") => {
            let (bytes, _) = text(rest)?;
            bytes.starts_with(b"HTTP/1.1 202").then_some(Deed::Acknowledge)
        }
        _ => None,
    }
}

/// The first text in quotes, and what comes behind it.
fn text(rest: &str) -> Option<(Vec<u8>, &str)> {
    let (_, rest) = rest.split_once('"')?;
    let (text, rest) = rest.split_once('"')?;
    Some((unhex(text), rest))
}

/// `\x37\x7f`
fn unhex(text: &str) -> Vec<u8> {
    let bytes = text.split("\\x").skip(1);
    bytes.map(|each| u8::from_str_radix(each, 16).unwrap()).collect()
}

/// A service that takes records and sends nothing: its integration is paused.
fn quiet_service(data: &Data) -> Service {
    let service = Service::start(data, &[]);
    let id = service.automation(&["https://127.0.0.1:9/hook".to_owned()]).remove(0);
    service.ok("POST", &format!("/v1/integrations/{id}/pause"), &json!({}));
    service
}

fn wal_bytes(data: &Data) -> u64 {
    std::fs::metadata(data.dir().join("belfry.db-wal")).map_or(0, |about| about.len())
}

/// Once nothing is asked of it for a while, all lies in the database itself.
fn wait_for_an_empty_log(data: &Data) {
    wait_until("the log is empty", || wal_bytes(data) == 0);
}

/// Some records, one after the other, and what was done meanwhile. `None` where strace can't be used.
fn traced_records(data: &Data, before_and_after: usize) -> Option<Vec<Deed>> {
    let mut service = quiet_service(data);
    wait_for_an_empty_log(data);
    std::fs::copy(data.dir().join("belfry.db"), data.beside("before.db")).unwrap();
    let log = data.beside("strace.log");
    let mut strace = trace(&service, &log)?;
    for number in 0..before_and_after {
        assert_eq!(service.send(&format!("r{number}")).0, 202);
    }
    wait_for_an_empty_log(data);
    for number in before_and_after..2 * before_and_after {
        assert_eq!(service.send(&format!("r{number}")).0, 202);
    }
    service.kill();
    strace.wait().unwrap();
    Some(deeds(&log))
}

fn left_out() {
    println!("left out: there is no strace on this machine, or it may not attach");
}

/// Matrix A8: whatever was written to the log before a 202 left was synced before it.
#[test]
fn a8_nothing_is_acknowledged_before_it_is_synced() {
    let data = Data::init();
    let Some(deeds) = traced_records(&data, 15) else { return left_out() };
    let (mut acknowledged, mut written, mut unsynced) = (0, 0, 0);
    for deed in &deeds {
        match deed {
            Deed::Write { file, .. } if file == "belfry.db-wal" => {
                unsynced += 1;
                written += 1;
            }
            Deed::Sync { file } if file == "belfry.db-wal" => unsynced = 0,
            Deed::Acknowledge => {
                acknowledged += 1;
                assert!(written > 0, "acknowledgement {acknowledged} came without a write");
                assert_eq!(unsynced, 0, "acknowledgement {acknowledged} came before a sync");
                written = 0;
            }
            Deed::Write { .. } | Deed::Sync { .. } | Deed::Truncate { .. } => {}
        }
    }
    assert_eq!(acknowledged, 30);
}

/// The files as far as they surely are on disk, and what was written since.
#[derive(Default, Clone)]
struct Disk {
    files: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    fn do_again(&mut self, deed: &Deed) {
        match deed {
            Deed::Write { file, at, bytes } => {
                let file = self.files.entry(file.clone()).or_default();
                let at = usize::try_from(*at).unwrap();
                if file.len() < at + bytes.len() {
                    file.resize(at + bytes.len(), 0);
                }
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Deed::Truncate { file, length } => {
                let file = self.files.entry(file.clone()).or_default();
                file.resize(usize::try_from(*length).unwrap(), 0);
            }
            Deed::Sync { .. } | Deed::Acknowledge => {}
        }
    }

    /// What a start finds: whether the database is whole, and its records.
    fn records_found(&self, place: &Path) -> Vec<String> {
        for (name, bytes) in &self.files {
            std::fs::write(place.join(name), bytes).unwrap();
        }
        let database = rusqlite::Connection::open(place.join("belfry.db")).unwrap();
        let whole: String =
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok");
        let mut statement = database.prepare("SELECT record_id FROM alerts ORDER BY id").unwrap();
        let found = statement.query_map([], |row| row.get(0)).unwrap();
        found.collect::<Result<_, _>>().unwrap()
    }
}

/// Matrix A9: power is lost at every sync: between it and the next, all, none or some of what was written
/// has come to the disk. What was acknowledged by then is there, and the database is whole.
#[test]
fn a9_a_loss_of_power_at_any_sync_loses_nothing_acknowledged() {
    let data = Data::init();
    let Some(deeds) = traced_records(&data, 15) else { return left_out() };
    let mut synced = Disk::default();
    synced.files.insert("belfry.db".to_owned(), std::fs::read(data.beside("before.db")).unwrap());
    let (mut acknowledged, mut losses) = (0, 0);
    let mut since: Vec<&Deed> = Vec::new();
    for deed in &deeds {
        match deed {
            Deed::Acknowledge => acknowledged += 1,
            Deed::Write { .. } | Deed::Truncate { .. } => since.push(deed),
            Deed::Sync { file } => {
                for kept in
                    [|_| false, |_| true, |n| n % 2 == 0, |n| n % 3 == 1] as [fn(usize) -> bool; 4]
                {
                    let mut lost = synced.clone();
                    let some = since.iter().enumerate().filter(|(number, _)| kept(*number));
                    some.for_each(|(_, deed)| lost.do_again(deed));
                    let place = tempfile::tempdir().unwrap();
                    let found = lost.records_found(place.path());
                    let expected: Vec<String> =
                        (0..acknowledged).map(|n| format!("r{n}")).collect();
                    assert!(found.starts_with(&expected), "{losses}: {found:?} of {expected:?}");
                    losses += 1;
                }
                // Only this file is surely on disk; the others' writes may still be lost.
                let (now, later) = since.into_iter().partition(|deed| match deed {
                    Deed::Write { file: of, .. } | Deed::Truncate { file: of, .. } => of == file,
                    Deed::Sync { .. } | Deed::Acknowledge => false,
                });
                let now: Vec<&Deed> = now;
                now.iter().for_each(|deed| synced.do_again(deed));
                since = later;
            }
        }
    }
    assert_eq!(acknowledged, 30);
    assert!(losses > 100, "{losses} losses of power");
    println!("{losses} losses of power");
}
