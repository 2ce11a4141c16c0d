//! `belfry key rotate` (matrix F4): killed at each of its steps it leaves every secret readable, and when
//! it is done nothing is left that the old key opens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use belfry::domain::secret::Sealed;
use belfry::engine::ports::{Purpose, Sealer as _};
use belfry::vault::{KEY_FILE, MasterKey, Vault};
use process::{Data, Listener, Service, belfry, path_text, wait_until};
use rusqlite::Connection;
use serde_json::{Value, json};
use uuid::Uuid;

const CREDENTIAL: &str = "geheim-91";
/// What [`Store::make`] has sealed: two credentials, three signing secrets, of which one is going, and what
/// the sender of a relay must give.
const SEALS: usize = 6;

/// A data directory with sealed secrets in it, and no service.
struct Store {
    data: Data,
    /// The integration that is sent to, and the signing secret that its receiver knows.
    sent_to: String,
    signing_secret: String,
}

impl Store {
    fn make() -> Self {
        let data = Data::init();
        let mut service = Service::start(&data, &[]);
        let webhook = |name: &str, auth: Value| {
            json!({"kind": "webhook", "name": name, "url": "https://127.0.0.1:9/hook",
                   "auth": auth, "signing": true})
        };
        let automation = |name: &str, active: bool, webhook: Value| {
            let body = json!({"name": name, "active": active, "integrations": [webhook]});
            let made = service.ok("POST", "/v1/automations", &body);
            made["integrations"][0]["id"].as_str().expect("an id").to_owned()
        };
        let bearer = json!({"method": "bearer", "credential": CREDENTIAL});
        let sent_to = automation("all", true, webhook("one", bearer));
        // One that has pages of its own in the database.
        let long = "geheim-92-".repeat(400);
        automation("none", false, webhook("two", json!({"method": "api_key", "credential": long})));
        let path = format!("/v1/integrations/{sent_to}/rotate-signing-secret");
        let rotated = service.ok("POST", &path, &json!({}));
        let signing_secret = rotated["signing_secret"].as_str().expect("it is shown").to_owned();
        let auth = json!({"method": "bearer", "credential": "geheim-93"});
        let relay = json!({"name": "relay", "trigger": "relay", "inbound_auth": auth});
        service.ok("POST", "/v1/automations", &relay);
        stop(&mut service);
        Self { data, sent_to, signing_secret }
    }

    fn key_file(&self) -> PathBuf {
        self.data.dir().join(KEY_FILE)
    }

    fn next_file(&self) -> PathBuf {
        self.data.dir().join("master.key.next")
    }

    fn key_text(&self) -> String {
        std::fs::read_to_string(self.key_file()).expect("the key")
    }

    fn vault(&self) -> Vault {
        Vault::new(&MasterKey::read(&self.key_file()).expect("a key")).expect("a vault")
    }

    fn database(&self) -> Connection {
        Connection::open(self.data.dir().join("belfry.db")).expect("the database")
    }

    /// All that is sealed.
    fn seals(&self) -> Vec<(Purpose, Uuid, Sealed)> {
        let database = self.database();
        let mut all = Vec::new();
        for (purpose, sql) in [
            (
                Purpose::Credential,
                "SELECT id, credential FROM integrations WHERE credential IS NOT NULL ORDER BY id",
            ),
            (
                Purpose::SigningSecret,
                "SELECT integration_id, sealed FROM signing_secrets ORDER BY id",
            ),
            (
                Purpose::InboundCredential,
                "SELECT id, inbound_credential FROM automations WHERE inbound_credential IS NOT NULL",
            ),
        ] {
            let mut statement = database.prepare(sql).expect("the columns");
            let found = statement.query_map([], |row| {
                let id = Uuid::from_bytes(row.get(0)?);
                Ok((purpose, id, Sealed(row.get(1)?)))
            });
            all.extend(found.expect("rows").map(Result::unwrap));
        }
        all
    }

    /// Every secret opens with the key in use, and there is no other key.
    fn assert_whole(&self) {
        let vault = self.vault();
        let seals = self.seals();
        assert_eq!(seals.len(), SEALS);
        for (purpose, id, sealed) in seals {
            assert!(vault.is_ours(&sealed), "{purpose:?} of {id} is under another key");
            vault.open(purpose, id, &sealed).expect("it opens");
        }
        assert!(!self.next_file().exists(), "a next key is left");
    }

    /// The database's files hold nothing any more of what was sealed then.
    fn assert_gone(&self, seals: &[(Purpose, Uuid, Sealed)]) {
        for entry in std::fs::read_dir(self.data.dir()).expect("the directory") {
            let path = entry.expect("an entry").path();
            if !path_text(&path).contains("belfry.db") {
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            for (purpose, id, Sealed(sealed)) in seals {
                // A long one does not lie in one piece: what is behind the key's name, and its end.
                for piece in [&sealed[5..37], &sealed[sealed.len() - 32..]] {
                    let there = bytes.windows(piece.len()).any(|window| window == piece);
                    assert!(!there, "{purpose:?} of {id} under the old key is in {path:?}");
                }
            }
        }
    }

    /// The service starts, finds its credentials, and is stopped.
    fn start_and_stop(&self) -> String {
        let mut service = Service::start(&self.data, &[]);
        stop(&mut service);
        service.log()
    }

    /// A start that must fail; what it said.
    fn refused(&self) -> String {
        let (child, log) = Service::spawn(&self.data, &[]);
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(ended.status.code(), Some(1));
        std::fs::read_to_string(log).expect("its log")
    }
}

fn stop(service: &mut Service) {
    service.terminate();
    assert!(service.wait_for_end().success(), "{}", service.log());
}

fn rotate_with(data: &Data, args: &[&str], variables: &[(&str, &OsStr)]) -> Output {
    let mut command = belfry();
    command.args(["key", "rotate", "--data"]).arg(data.dir()).args(args);
    command.envs(variables.iter().copied()).output().expect("it runs")
}

fn rotate(data: &Data) -> Output {
    rotate_with(data, &[], &[])
}

fn said(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

fn put_key(path: &Path, key: &MasterKey) {
    let _absent = std::fs::remove_file(path);
    key.write(path).expect("it is written");
}

/// A service on these data and a receiver that knows its credential and its signing secret.
struct Sending<'a> {
    store: &'a Store,
    listener: Listener,
    ca: String,
    records: usize,
}

impl<'a> Sending<'a> {
    fn start(store: &'a Store) -> Self {
        let args = ["--auth", "bearer", "--credential-env", "C", "--signing-secret-env", "S"];
        let known = [("C", CREDENTIAL), ("S", store.signing_secret.as_str())];
        let listener = Listener::start_knowing(&store.data, "receiver", &args, &known);
        let ca = path_text(&listener.ca);
        let sending = Self { store, listener, ca, records: 0 };
        let mut service = sending.service();
        let url = json!({ "url": format!("{}/hook", sending.listener.url) });
        service.ok("PATCH", &format!("/v1/integrations/{}", store.sent_to), &url);
        stop(&mut service);
        sending
    }

    fn service(&self) -> Service {
        Service::start(&self.store.data, &[("BELFRY__EGRESS__CA_FILES", self.ca.as_str())])
    }

    /// A record comes to the receiver with the right credential and signature. What the service said.
    fn deliver(&mut self) -> String {
        let mut service = self.service();
        self.records += 1;
        let id = format!("r{}", self.records);
        assert_eq!(service.send(&id).0, 202);
        service.wait_for_state(&id, "delivered");
        wait_until("the receiver has it", || self.listener.requests().len() >= self.records);
        stop(&mut service);
        let requests = self.listener.requests();
        assert_eq!(requests.len(), self.records, "one request for each record");
        let last = &requests[self.records - 1];
        assert_eq!(
            (&last["auth_ok"], &last["signature_ok"]),
            (&json!(true), &json!(true)),
            "{last}"
        );
        service.log()
    }
}

/// Matrix F4.
#[test]
fn f4_killed_at_any_step_it_leaves_every_secret_readable() {
    let store = Store::make();
    let mut sending = Sending::start(&store);
    sending.deliver();
    let first_key = MasterKey::read(&store.key_file()).unwrap();
    let mut kills = Vec::new();
    for point in ["rotate.step", "commit.before", "commit.after"] {
        let (vault, seals) = (store.vault(), store.seals());
        let mut times = 0;
        loop {
            let die = format!("{point}@{}=abort", times + 1);
            let ended = rotate_with(&store.data, &[], &[("BELFRY_FAILPOINTS", OsStr::new(&die))]);
            if ended.status.success() {
                break;
            }
            assert_eq!(ended.status.signal(), Some(6), "{die}: {}", said(&ended));
            times += 1;
            let log = sending.deliver();
            let done = log.matches("the replacement of the master key is finished").count();
            let undone = log.matches("was begun and is taken back").count();
            kills.push((format!("{point}@{times}"), done, undone));
            store.assert_whole();
        }
        store.assert_whole();
        assert!(store.seals().iter().all(|(_, _, sealed)| !vault.is_ours(sealed)));
        store.assert_gone(&seals);
        sending.deliver();
    }
    // The log is one of all starts: how many were finished, and how many taken back, by then.
    let told: Vec<_> =
        kills.iter().map(|(at, done, undone)| (at.as_str(), *done, *undone)).collect();
    assert_eq!(
        told,
        [
            ("rotate.step@1", 0, 1),
            ("rotate.step@2", 1, 1),
            ("rotate.step@3", 1, 1),
            ("commit.before@1", 1, 2),
            ("commit.after@1", 2, 2),
        ]
    );
    // An old copy of the key.
    let key = store.key_text();
    put_key(&store.key_file(), &first_key);
    let told = store.refused();
    assert!(told.contains(&format!("{SEALS} stored secrets can't be read")), "{told}");
    assert!(said(&rotate(&store.data)).contains(&format!("{SEALS} stored secrets can't be read")));
    std::fs::write(store.key_file(), key).unwrap();
    sending.deliver();
}

/// Matrix F4: what a power cut can leave of a key that was being written is no key, and nothing needs it.
#[test]
fn f4_a_next_key_that_is_cut_short_is_taken_back() {
    let store = Store::make();
    let key = store.key_text();
    for cut in ["", "belfry-master", &key[..40]] {
        std::fs::write(store.next_file(), cut).unwrap();
        let log = store.start_and_stop();
        assert!(log.contains("was begun and is taken back"), "{log}");
        store.assert_whole();
        // The next try does the same.
        std::fs::write(store.next_file(), cut).unwrap();
        let ended = rotate(&store.data);
        assert!(ended.status.success(), "{}", said(&ended));
        store.assert_whole();
    }
    assert_ne!(store.key_text(), key);
}

/// Matrix F4: a key that may be needed is never thrown away.
#[test]
fn f4_a_next_key_is_kept_where_it_is_not_clear_which_one_counts() {
    let store = Store::make();
    let (right, [one, other]) = (
        MasterKey::read(&store.key_file()).unwrap(),
        [MasterKey::generate().unwrap(), MasterKey::generate().unwrap()],
    );
    put_key(&store.key_file(), &one);
    put_key(&store.next_file(), &other);
    let kept = [store.key_file(), store.next_file()].map(|path| std::fs::read(path).unwrap());
    let told = store.refused();
    assert!(told.contains(&format!("{SEALS} stored secrets can't be read")), "{told}");
    assert!(!rotate(&store.data).status.success());
    let still = [store.key_file(), store.next_file()].map(|path| std::fs::read(path).unwrap());
    assert!(kept == still, "a key was changed");
    // The next one is the right one, and the other is lost: it takes its place.
    std::fs::remove_file(store.key_file()).unwrap();
    put_key(&store.next_file(), &right);
    store.start_and_stop();
    store.assert_whole();
}

#[test]
fn f4_nothing_is_rotated_under_a_running_service() {
    let store = Store::make();
    let key = store.key_text();
    let service = Service::start(&store.data, &[]);
    let ended = rotate(&store.data);
    assert_eq!(ended.status.code(), Some(1));
    let told = said(&ended);
    let who = format!("is in use by the process {}: stop that one first", service.pid());
    assert!(told.contains(&who), "{told}");
    assert_eq!(store.key_text(), key);
    store.assert_whole();
}

#[test]
fn f4_a_damaged_secret_changes_nothing() {
    let store = Store::make();
    let damage = |sql: &str, sealed: &Sealed| {
        let mut bytes = sealed.0.clone();
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(store.database().execute(sql, [bytes]).unwrap(), 1);
    };
    let seals = store.seals();
    let credential = seals.iter().find(|(purpose, id, _)| {
        *purpose == Purpose::Credential && id.to_string() == store.sent_to
    });
    damage("UPDATE integrations SET credential = ?1 WHERE name = 'one'", &credential.unwrap().2);
    let (key, damaged) = (store.key_text(), store.seals());
    let unchanged = || {
        assert_eq!(store.key_text(), key);
        assert!(store.seals() == damaged, "what is stored was changed");
        assert!(!store.next_file().exists());
    };
    let ended = rotate(&store.data);
    assert_eq!(ended.status.code(), Some(1));
    let told = said(&ended);
    let which =
        format!("the credential of the integration one ({}) can't be opened", store.sent_to);
    assert!(told.contains("nothing was changed") && told.contains(&which), "{told}");
    unchanged();
    // The service starts on it as before, and what it says to do helps.
    let mut service = Service::start(&store.data, &[]);
    let auth = json!({"auth": {"method": "bearer", "credential": CREDENTIAL}});
    service.ok("PATCH", &format!("/v1/integrations/{}", store.sent_to), &auth);
    stop(&mut service);
    let ended = rotate(&store.data);
    assert!(ended.status.success(), "{}", said(&ended));
    store.assert_whole();
    // A signing secret, and another integration.
    let seals = store.seals();
    let last = seals.iter().rfind(|(purpose, ..)| *purpose == Purpose::SigningSecret).unwrap();
    damage(
        "UPDATE signing_secrets SET sealed = ?1 WHERE id = (SELECT max(id) FROM signing_secrets)",
        &last.2,
    );
    let told = said(&rotate(&store.data));
    assert!(told.contains("a signing secret of the integration one"), "{told}");
}

#[test]
fn f4_it_says_what_it_did() {
    let store = Store::make();
    let old = store.vault().key_id();
    let ended = rotate_with(&store.data, &["--json"], &[]);
    assert!(ended.status.success(), "{}", said(&ended));
    let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let new = store.vault().key_id();
    assert_ne!(old, new);
    let file = path_text(&store.key_file());
    assert_eq!(
        told,
        json!({"key_id": new, "old_key_id": old, "file": file, "credentials": 2,
               "signing_secrets": 3, "inbound_credentials": 1})
    );
    assert_eq!(ended.stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
    let ended = rotate(&store.data);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.contains("credentials: 2, signing secrets: 3") && text.contains(&file), "{text}");
    let database = store.database();
    let mut audit = database
        .prepare("SELECT actor, subject, change FROM audit WHERE action = 'key.rotate' ORDER BY id")
        .unwrap();
    let lines: Vec<[String; 3]> = audit
        .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(lines.len(), 2);
    let [actor, subject, change] = &lines[0];
    assert_eq!((actor.as_str(), subject), ("cli", &new));
    assert_eq!(change, r#"{"credentials":2,"inbound_credentials":1,"signing_secrets":3}"#);
}

#[test]
fn f4_the_key_is_replaced_where_it_lies() {
    let store = Store::make();
    let moved = store.data.beside("elsewhere.key");
    std::fs::rename(store.key_file(), &moved).unwrap();
    let text = std::fs::read_to_string(&moved).unwrap();
    let (key, file) = ("BELFRY_MASTER_KEY", "BELFRY_MASTER_KEY_FILE");
    let ended = rotate_with(&store.data, &[], &[(key, OsStr::new(&text))]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        said(&ended).contains("name that in BELFRY_MASTER_KEY_FILE instead"),
        "{}",
        said(&ended)
    );
    for point in ["rotate.step@1=abort", "rotate.step@2=abort", "none=abort"] {
        let variables = [(file, moved.as_os_str()), ("BELFRY_FAILPOINTS", OsStr::new(point))];
        let ended = rotate_with(&store.data, &[], &variables);
        assert_eq!(ended.status.success(), point.starts_with("none"), "{}", said(&ended));
        let mut service = Service::start(&store.data, &[(file, &path_text(&moved))]);
        stop(&mut service);
        assert!(!store.data.beside("elsewhere.key.next").exists());
    }
    assert!(!store.key_file().exists(), "a key was made in the data directory");
    assert_ne!(std::fs::read_to_string(&moved).unwrap(), text);
    std::fs::rename(&moved, store.key_file()).unwrap();
    store.assert_whole();
}

/// How the last run ended is not for the rotation to say: after a kill, what was under way is in doubt.
#[test]
fn f4_a_rotation_hides_no_kill_of_the_service() {
    let store = Store::make();
    let clean = || -> i64 {
        store.database().query_row("SELECT clean FROM runs", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(clean(), 1);
    let mut service = Service::start(&store.data, &[]);
    service.kill();
    assert_eq!(clean(), 0);
    assert!(rotate(&store.data).status.success());
    assert_eq!(clean(), 0);
}

/// Without anything sealed the key is replaced as well.
#[test]
fn f4_a_key_that_has_sealed_nothing_is_replaced() {
    let data = Data::init();
    let file = data.dir().join(KEY_FILE);
    let key = std::fs::read(&file).unwrap();
    let ended = rotate(&data);
    assert!(ended.status.success(), "{}", said(&ended));
    assert_ne!(std::fs::read(&file).unwrap(), key);
    assert!(!data.dir().join("master.key.next").exists());
}
