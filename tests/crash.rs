//! The real program under load, killed without a word again and again (matrix A1): what it accepted is
//! received, what is received twice was in doubt when it was killed, and the database is whole.
//!
//! `BELFRY_KILLS=1000 cargo test --test crash` kills it as often; `BELFRY_SEED=…` repeats a run's choices.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use process::{Data, Listener, Service, call, record, wait_until};
use serde_json::{Value, json};

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// SplitMix64: the choices of a run, repeatable by its seed.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) % bound
    }
}

/// What the senders share: where the service is now, and what it has acknowledged.
struct Sending {
    service: Mutex<Option<std::net::SocketAddr>>,
    token: String,
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<String>>,
    stop: AtomicBool,
}

/// Sends batch after batch; one that was not acknowledged is sent again until it is.
fn send(sending: &Sending) {
    while !sending.stop.load(Ordering::Acquire) {
        let first = sending.next.fetch_add(3, Ordering::Relaxed);
        let ids: Vec<String> = (first..first + 3).map(|number| format!("r{number:06}")).collect();
        let body = json!({"records": ids.iter().map(|id| record(id)).collect::<Vec<_>>()});
        wait_until("the batch is acknowledged", || {
            let Some(addr) = *sending.service.lock().unwrap() else { return false };
            let answer = call(addr, &sending.token, "POST", "/v1/records", &body);
            match answer {
                Some((202, answer)) => {
                    assert_eq!(answer["accepted"], 3, "{answer}");
                    true
                }
                Some((503, _)) | None => false,
                Some((status, answer)) => panic!("{status}: {answer}"),
            }
        });
        sending.acknowledged.lock().unwrap().extend(ids);
    }
}

/// The database as the kill left it, looked at in a copy: the service must find it untouched.
fn look_at_copy(data: &Data) -> rusqlite::Connection {
    let copy = data.beside("copy");
    let _absent_at_first = std::fs::remove_dir_all(&copy);
    std::fs::create_dir(&copy).unwrap();
    let mut database = None;
    for entry in std::fs::read_dir(data.dir()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // Its index in shared memory is rebuilt from the log.
        if name.contains(".db") && !name.ends_with("-shm") {
            std::fs::copy(&path, copy.join(&name)).unwrap();
            if name.ends_with(".db") {
                database = Some(copy.join(name));
            }
        }
    }
    let connection = rusqlite::Connection::open(database.expect("a database")).unwrap();
    let whole: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    connection
}

/// Records whose delivery is not written down as delivered.
fn unsettled(connection: &rusqlite::Connection) -> BTreeSet<String> {
    let mut rows = connection
        .prepare(
            "SELECT alerts.record_id FROM deliveries JOIN alerts ON alerts.id = deliveries.alert_id
             WHERE deliveries.state IN ('pending', 'in_flight')",
        )
        .unwrap();
    let ids = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

fn record_of(key: &str) -> String {
    key.rsplit(':').next().unwrap().to_owned()
}

#[test]
fn a1_kill_after_kill_loses_nothing() {
    let seed = from_environment("BELFRY_SEED").unwrap_or(20_261_123);
    let kills = from_environment("BELFRY_KILLS").unwrap_or(20);
    println!("BELFRY_SEED={seed} BELFRY_KILLS={kills}");
    let mut choices = Choices(seed);
    let data = Data::init();
    // Each seventh request fails, so that retries are under way as well.
    let listener = Listener::start(&data, "receiver", &["--fail-every", "7"]);
    let ca = process::path_text(&listener.ca);
    let settings = [
        ("BELFRY__EGRESS__CA_FILES", ca.as_str()),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "1s"),
        ("BELFRY__LOG__LEVEL", "error"),
    ];
    let mut service = Service::start(&data, &settings);
    service.automation(&[format!("{}/hook", listener.url)]);
    let sending = Arc::new(Sending {
        service: Mutex::new(Some(service.addr)),
        token: data.token.clone(),
        next: AtomicU64::new(0),
        acknowledged: Mutex::new(BTreeSet::new()),
        stop: AtomicBool::new(false),
    });
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let sending = Arc::clone(&sending);
            std::thread::spawn(move || send(&sending))
        })
        .collect();

    // Accepted and not written down as delivered, at some kill: these and no others may come twice.
    let mut in_doubt: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..kills {
        let requests = listener.requests().len() + 1 + choices.below(150) as usize;
        wait_until("enough is received", || listener.requests().len() >= requests);
        // A moment that no event marks.
        for _ in 0..choices.below(3_000_000) {
            std::hint::spin_loop();
        }
        service.kill();
        *sending.service.lock().unwrap() = None;
        let connection = look_at_copy(&data);
        for id in unsettled(&connection) {
            *in_doubt.entry(id).or_default() += 1;
        }
        service = Service::start(&data, &settings);
        *sending.service.lock().unwrap() = Some(service.addr);
    }
    sending.stop.store(true, Ordering::Release);
    for sender in senders {
        sender.join().expect("a sender ends well");
    }

    let acknowledged = sending.acknowledged.lock().unwrap().clone();
    wait_until("all that was acknowledged is received", || {
        let taken: BTreeSet<String> = listener.taken().keys().map(|key| record_of(key)).collect();
        acknowledged.is_subset(&taken)
    });
    wait_until("nothing is waiting", || {
        let waiting = |state| {
            let path = format!("/v1/deliveries?state={state}");
            service.ok("GET", &path, &Value::Null)["data"].as_array().unwrap().len()
        };
        waiting("pending") + waiting("in_flight") == 0
    });
    let mut twice = 0;
    for (key, requests) in listener.taken() {
        let bodies: BTreeSet<String> =
            requests.iter().map(|each| each["body_sha256"].to_string()).collect();
        assert_eq!(bodies.len(), 1, "{key} came with different bodies");
        let doubts = in_doubt.get(&record_of(&key)).copied().unwrap_or(0);
        let extra = requests.len() - 1;
        assert!(extra <= doubts, "{key} came {extra} times too often, and {doubts} were in doubt");
        twice += extra;
    }
    service.terminate();
    assert!(service.wait_for_end().success(), "{}", service.log());
    drop(look_at_copy(&data));
    let doubted: usize = in_doubt.values().sum();
    let alerts = acknowledged.len();
    println!(
        "{kills} kills: {alerts} records acknowledged, all received; {twice} came twice, {doubted} in doubt"
    );
    assert!(Path::new(&data.dir()).exists());
}
