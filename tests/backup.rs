//! `belfry backup` and `belfry restore` through the real program: beside a running service and without
//! one, and what is refused and left as it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use process::{Data, Listener, Service, belfry, record, settings_for, wait_until};
use serde_json::{Value, json};

const CREDENTIAL: &str = "sentinel-credential-2f8e1c70";
const PASSWORD: &str = "sentinel-password-5d41402a";

fn run(command: &str, file: &Path, data: &Path, args: &[&str]) -> Output {
    belfry().arg(command).arg(file).arg("--data").arg(data).args(args).output().unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap()
}

fn backed_up(data: &Data, name: &str) -> std::path::PathBuf {
    let file = data.beside(name);
    let made = json_of(&run("backup", &file, &data.dir(), &["--json"]));
    assert_eq!(made["bytes"], std::fs::metadata(&file).unwrap().len());
    file
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn contains(file: &Path, what: &[u8]) -> bool {
    std::fs::read(file).unwrap().windows(what.len()).any(|window| window == what)
}

fn variables<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// What was acknowledged before a backup began is in it, and is delivered from it; what comes twice comes
/// under its first Idempotency-Key.
#[test]
fn a_backup_under_load_holds_all_that_was_accepted() {
    let data = Data::init();
    let listener = Listener::start(&data, "receiver", &[]);
    let settings = settings_for(&listener);
    let mut service = Service::start(&data, &variables(&settings));
    let integration = service.automation(&[format!("{}/hook", listener.url)]).remove(0);
    let (acknowledged, stop) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    let (before, file) = std::thread::scope(|scope| {
        for sender in 0..3 {
            let (service, acknowledged, stop) = (&service, &acknowledged, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("r-{sender}-{number}");
                    assert_eq!(service.send(&id).0, 202);
                    acknowledged.lock().unwrap().insert(id);
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                }
            });
        }
        wait_until("there is something to save", || acknowledged.lock().unwrap().len() > 30);
        let mut last = (BTreeSet::new(), data.beside("nothing"));
        for number in 0..3 {
            let before = acknowledged.lock().unwrap().clone();
            last = (before, backed_up(&data, &format!("{}.db", number % 2)));
        }
        stop.store(true, Ordering::Release);
        last
    });
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(!names(file.parent().unwrap()).iter().any(|name| name.contains("partial")));
    let lines = service.ok("GET", "/v1/audit?action=backup.create", &Value::Null);
    assert_eq!(lines["data"].as_array().unwrap().len(), 3);
    assert!(!service.log().contains("ERROR"), "{}", service.log());

    service.kill();
    let done = json_of(&run("restore", &file, &data.dir(), &["--replace", "--json"]));
    assert!(Path::new(done["replaced"].as_str().unwrap()).exists());
    let sent = listener.requests().len();
    let service = Service::start(&data, &variables(&settings));
    assert_eq!(service.send("afterwards").0, 202);
    let path = format!("/v1/integrations/{integration}");
    wait_until("all of it is delivered", || {
        let state = service.ok("GET", &path, &Value::Null)["state"].clone();
        state["pending"] == 0 && state["in_flight"] == 0
    });
    let taken = listener.taken();
    for id in before.iter().map(String::as_str).chain(["afterwards"]) {
        assert_eq!(service.state_of(id), "delivered", "{id}");
        assert!(taken.keys().any(|key| key.ends_with(&format!(":{id}"))), "{id} was not received");
    }
    for (key, times) in taken {
        // Once in each life of the database, and once more where an attempt was under way at its end.
        assert!(times.len() <= 3, "{key} came {} times", times.len());
    }
    assert!(listener.requests().len() > sent);
}

/// Without a service; into a directory that has no database, and over one that is damaged.
#[test]
fn a_backup_is_restored_whatever_is_there() {
    let data = Data::init();
    let service = Service::start(&data, &[]);
    service.ok("POST", "/v1/automations", &json!({"name": "kept"}));
    service.ok("POST", "/v1/users", &json!({"name": "ada", "role": "admin", "password": PASSWORD}));
    let sign_in = |service: &Service| {
        service.call("POST", "/v1/session", &json!({"name": "ada", "password": PASSWORD})).0
    };
    assert_eq!(sign_in(&service), 200);
    drop(service);
    let file = backed_up(&data, "backup.db");
    let whole = std::fs::read(&file).unwrap();
    let database = data.dir().join("belfry.db");
    let names_kept = |data: &Data| {
        let service = Service::start(data, &[]);
        assert_eq!(sign_in(&service), 200);
        let all = service.ok("GET", "/v1/automations", &Value::Null);
        let all = all["data"].as_array().unwrap();
        let lines = service.ok("GET", "/v1/audit?action=backup.restore", &Value::Null);
        assert_eq!(lines["data"].as_array().unwrap().len(), 1);
        all.iter().map(|each| each["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    std::fs::remove_file(&database).unwrap();
    let done = json_of(&run("restore", &file, &data.dir(), &["--json"]));
    assert_eq!(done["replaced"], Value::Null);
    assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(names_kept(&data), ["kept"]);

    // Damaged, with a log that must never meet the backup.
    let mut service = Service::start(&data, &[]);
    service.ok("POST", "/v1/automations", &json!({"name": "newer"}));
    service.kill();
    let log = std::fs::read(data.dir().join("belfry.db-wal")).unwrap();
    assert!(!log.is_empty());
    let damaged = vec![7_u8; 8192];
    std::fs::write(&database, &damaged).unwrap();
    let done = json_of(&run("restore", &file, &data.dir(), &["--replace", "--json"]));
    let aside = done["replaced"].as_str().unwrap();
    assert_eq!(std::fs::read(aside).unwrap(), damaged);
    assert_eq!(std::fs::read(format!("{aside}-wal")).unwrap(), log, "its log is beside it");
    assert_eq!(names_kept(&data), ["kept"]);
    assert_eq!(std::fs::read(&file).unwrap(), whole, "the backup is as it was");

    // Whole, and killed with a log: what is put aside holds all of it.
    let mut service = Service::start(&data, &[]);
    service.ok("POST", "/v1/automations", &json!({"name": "newer"}));
    service.kill();
    let done = json_of(&run("restore", &file, &data.dir(), &["--replace", "--json"]));
    let aside = done["replaced"].as_str().unwrap();
    let again = json_of(&run("restore", Path::new(aside), &data.dir(), &["--replace", "--json"]));
    assert_ne!(again["replaced"].as_str(), Some(aside));
    assert_eq!(
        {
            let service = Service::start(&data, &[]);
            service.ok("GET", "/v1/automations", &Value::Null)["data"].as_array().unwrap().len()
        },
        2
    );
    let partial = names(&data.dir()).into_iter().find(|name| name.contains("partial"));
    assert_eq!(partial, None);
}

#[test]
fn what_is_no_backup_is_refused_and_changes_nothing() {
    let data = Data::init();
    let good = backed_up(&data, "good.db");
    let write = |name: &str, bytes: &[u8]| {
        let file = data.beside(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let whole = std::fs::read(&good).unwrap();
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let mut foreign = whole.clone();
    foreign[68..72].copy_from_slice(&7_u32.to_be_bytes());
    let before = std::fs::read(data.dir().join("belfry.db")).unwrap();
    let mut torn = whole.clone();
    for byte in &mut torn[8192..12288] {
        *byte ^= 0x55;
    }
    for (file, replace, status, words) in [
        (good.clone(), false, 1, "with --replace it is put aside"),
        (data.beside("nowhere.db"), true, 1, "reading"),
        (write("empty.db", b""), true, 65, "is cut short, or empty"),
        (write("text.db", &[b'x'; 9000]), true, 65, "is no database"),
        (write("cut.db", &whole[..whole.len() / 2]), true, 65, "take another backup"),
        (write("torn.db", &torn), true, 65, "take another backup"),
        (write("newer.db", &newer), true, 65, "newer version"),
        (write("foreign.db", &foreign), true, 65, "another program"),
        (data.beside("data"), true, 65, "is not a file"),
    ] {
        let args: &[&str] = if replace { &["--replace"] } else { &[] };
        let refused = run("restore", &file, &data.dir(), args);
        assert_eq!(refused.status.code(), Some(status), "{}: {}", file.display(), said(&refused));
        assert!(said(&refused).contains(words), "{}: {}", file.display(), said(&refused));
        assert_eq!(std::fs::read(data.dir().join("belfry.db")).unwrap(), before);
    }
    assert!(!names(&data.dir()).iter().any(|name| name.contains("partial")));
    let service = Service::start(&data, &[]);
    let refused = run("restore", &good, &data.dir(), &["--replace"]);
    assert_eq!(refused.status.code(), Some(1));
    let words = format!("is in use by the process {}", service.pid());
    assert!(said(&refused).contains(&words), "{}", said(&refused));
}

#[test]
fn a_backup_lies_where_it_saves_something() {
    let data = Data::init();
    let notes = data.beside("notes.txt");
    std::fs::write(&notes, "mine, and no database, and longer than a header of one. ".repeat(9))
        .unwrap();
    for (file, status, words) in [
        (data.dir().join("belfry.db"), 1, "outside of it"),
        (data.dir().join("copy.db"), 1, "outside of it"),
        (data.dir().join("../data/copy.db"), 1, "outside of it"),
        (notes.clone(), 65, "is not a SQLite database"),
        (data.beside("nowhere/copy.db"), 1, "failed"),
    ] {
        let refused = run("backup", &file, &data.dir(), &[]);
        assert_eq!(refused.status.code(), Some(status), "{}: {}", file.display(), said(&refused));
        assert!(said(&refused).contains(words), "{}: {}", file.display(), said(&refused));
    }
    assert!(!contains(&notes, b"SQLite"));
    let nothing = run("backup", &data.beside("b.db"), &data.beside("no-data"), &[]);
    assert_ne!(nothing.status.code(), Some(0));
    assert!(!data.beside("b.db").exists());
}

/// No credential is in it in the clear, nor the key; and another key does not open it.
#[test]
fn a_backup_holds_no_key_and_needs_its_own() {
    let data = Data::init();
    let service = Service::start(&data, &[]);
    let auth = json!({"method": "bearer", "credential": CREDENTIAL});
    let webhook = json!({"kind": "webhook", "url": "https://a.example.com/", "auth": auth});
    service.ok("POST", "/v1/automations", &json!({"name": "a", "integrations": [webhook]}));
    assert_eq!(service.call("POST", "/v1/records", &json!({"records": [record("r")]})).0, 202);
    let file = backed_up(&data, "backup.db");
    drop(service);
    let key = std::fs::read_to_string(data.dir().join("master.key")).unwrap();
    for secret in [CREDENTIAL.as_bytes(), key.trim().as_bytes(), data.code.as_bytes()] {
        assert!(!contains(&file, secret));
    }
    let other = Data::init();
    json_of(&run("restore", &file, &other.dir(), &["--replace", "--json"]));
    let (mut child, log) = Service::spawn(&other, &[]);
    let mut status = None;
    wait_until("it refuses", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(1));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("can't be read with the master key in use"), "{log}");
    std::fs::copy(data.dir().join("master.key"), other.dir().join("master.key")).unwrap();
    drop(Service::start(&other, &[]));
    let told = run("backup", &other.beside("second.db"), &other.dir(), &[]);
    assert!(said(&told).contains("master.key is not in it"), "{}", said(&told));
}
