//! What is sealed opens only where it belongs, and the master key's file is held to its rules
//! (matrix F2, F3, F5).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use belfry::domain::secret::{Sealed, Secret};
use belfry::engine::ports::{Purpose, Sealer as _, VaultError};
use belfry::vault::{KEY_FILE, KeyError, MasterKey, Vault};
use process::{Data, Listener, Service, belfry, path_text, settings_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

const PURPOSES: [Purpose; 3] =
    [Purpose::Credential, Purpose::SigningSecret, Purpose::InboundCredential];
const TEXT: &str = "Bearer geheim-91 \u{1f511}";

fn vault() -> Vault {
    Vault::new(&MasterKey::generate().unwrap()).unwrap()
}

fn id() -> Uuid {
    Uuid::new_v4()
}

fn seal(vault: &Vault, purpose: Purpose, id: Uuid) -> Sealed {
    vault.seal(purpose, id, &Secret::new(TEXT.to_owned())).unwrap()
}

fn unreadable(vault: &Vault, purpose: Purpose, id: Uuid, bytes: Vec<u8>) -> bool {
    matches!(vault.open(purpose, id, &Sealed(bytes)), Err(VaultError::Unreadable))
}

#[test]
fn f2_what_was_sealed_is_opened() {
    let (vault, id) = (vault(), id());
    for purpose in PURPOSES {
        for text in ["", "x", TEXT, &"long ".repeat(20_000)] {
            let sealed = vault.seal(purpose, id, &Secret::new(text.to_owned())).unwrap();
            assert_eq!(vault.open(purpose, id, &sealed).unwrap().expose(), text);
            assert!(vault.is_ours(&sealed));
            // Version, key id and nonce before, tag after.
            assert_eq!(sealed.0.len(), 1 + 4 + 12 + text.len() + 16);
            let held = sealed.0.windows(TEXT.len()).any(|window| window == TEXT.as_bytes());
            assert!(!held, "it is there in the clear");
        }
    }
}

/// What lies on disks out there: made once by another implementation (HKDF-SHA256, then AES-256-GCM) of
/// the layout that the vault promises. A version that can't open these loses every stored credential.
#[test]
fn f2_what_was_sealed_long_ago_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(KEY_FILE);
    let key = "belfry-master-key-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= 630dcd29\n";
    std::fs::write(&path, key).unwrap();
    mode(&path, 0o600);
    let vault = Vault::new(&MasterKey::read(&path).unwrap()).unwrap();
    let id = "0f0e0d0c-0b0a-4908-8706-050403020100".parse::<Uuid>().unwrap();
    let known = [
        (
            Purpose::Credential,
            "016e6f5cca000102030405060708090a0b4765b26717ed884ce9c1a948b0b3f7e7664cb36ae4af383e29d7\
             8a3ef47d4c1c93eae51958",
            TEXT,
        ),
        (
            Purpose::SigningSecret,
            "016e6f5cca6465666768696a6b6c6d6e6fa0ccc781600a5bfc767276f12503e73045af252f4dcf545120c6\
             57fa",
            "whsec_geheim",
        ),
    ];
    for (purpose, hex, text) in known {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let sealed = Sealed((0..hex.len()).step_by(2).map(byte).collect());
        assert!(vault.is_ours(&sealed));
        assert_eq!(vault.open(purpose, id, &sealed).unwrap().expose(), text);
    }
}

// F2★
#[test]
fn f2_every_flipped_bit_is_noticed() {
    let (vault, id) = (vault(), id());
    let sealed = seal(&vault, Purpose::Credential, id);
    for at in 0..sealed.0.len() {
        for bit in 0..8 {
            let mut bytes = sealed.0.clone();
            bytes[at] ^= 1 << bit;
            assert!(unreadable(&vault, Purpose::Credential, id, bytes), "byte {at}, bit {bit}");
        }
    }
}

// F2★
#[test]
fn f2_a_cut_or_longer_text_is_noticed() {
    let (vault, id) = (vault(), id());
    let sealed = seal(&vault, Purpose::Credential, id);
    for end in 0..sealed.0.len() {
        let cut = sealed.0[..end].to_vec();
        assert!(unreadable(&vault, Purpose::Credential, id, cut), "cut at {end}");
    }
    let mut longer = sealed.0;
    longer.push(0);
    assert!(unreadable(&vault, Purpose::Credential, id, longer));
}

/// A row's seal put into another row, another column, or another directory.
// F2★
#[test]
fn f2_a_seal_opens_only_in_its_place() {
    let (ours, theirs) = (vault(), vault());
    let (one, other) = (id(), id());
    let [one_of, another, third] = PURPOSES;
    for (purpose, wrong) in [(one_of, another), (another, third), (third, one_of)] {
        let sealed = seal(&ours, purpose, one);
        assert!(unreadable(&ours, purpose, other, sealed.0.clone()), "another integration");
        assert!(unreadable(&ours, wrong, one, sealed.0.clone()), "another purpose");
        assert!(unreadable(&theirs, purpose, one, sealed.0.clone()), "another key");
        assert!(!theirs.is_ours(&sealed));
        // Another key's name put in: the seal itself does not hold.
        let mut renamed = sealed.0.clone();
        renamed[1..5].copy_from_slice(&seal(&theirs, purpose, one).0[1..5]);
        assert!(theirs.is_ours(&Sealed(renamed.clone())));
        assert!(unreadable(&theirs, purpose, one, renamed), "another key by the same name");
        for version in (0..=255).filter(|version| *version != sealed.0[0]) {
            let mut bytes = sealed.0.clone();
            bytes[0] = version;
            assert!(unreadable(&ours, purpose, one, bytes), "version {version}");
        }
    }
}

/// Nonces are random: a million of 96 bits meet with a chance of less than 10⁻¹⁷.
#[test]
fn f5_nonces_differ_over_a_million_seals() {
    const SEALS: usize = 1_000_000;
    let (vault, id) = (vault(), id());
    let short = Secret::new("x".to_owned());
    let mut seen: Vec<[u8; 12]> = (0..SEALS)
        .map(|_| {
            let sealed = vault.seal(Purpose::Credential, id, &short).unwrap();
            sealed.0[5..17].try_into().unwrap()
        })
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), SEALS, "a nonce came twice");
}

#[test]
fn f5_a_key_that_has_sealed_enough_refuses_and_still_opens() {
    let (vault, id) = (vault().with_most_seals(3), id());
    // Both purposes count together.
    let first = seal(&vault, Purpose::Credential, id);
    let more = [Purpose::SigningSecret, Purpose::Credential].map(|each| seal(&vault, each, id));
    for purpose in PURPOSES.into_iter().cycle().take(10) {
        let refused = vault.seal(purpose, id, &Secret::new(TEXT.to_owned()));
        assert!(matches!(refused, Err(VaultError::Exhausted)), "{refused:?}");
    }
    assert_eq!(vault.open(Purpose::Credential, id, &first).unwrap().expose(), TEXT);
    assert_eq!(vault.open(Purpose::SigningSecret, id, &more[0]).unwrap().expose(), TEXT);
}

#[test]
fn nothing_shows_in_debug_prints() {
    let key = MasterKey::generate().unwrap();
    let vault = Vault::new(&key).unwrap();
    let secret = Secret::new(TEXT.to_owned());
    let sealed = vault.seal(Purpose::Credential, id(), &secret).unwrap();
    assert_eq!(format!("{key:?}"), "MasterKey(•••)");
    assert_eq!(format!("{vault:?}"), "Vault(•••)");
    assert_eq!(format!("{secret:?}"), "•••");
    assert_eq!(format!("{sealed:?}"), format!("Sealed({} bytes)", sealed.0.len()));
}

/// A directory with a good key in it.
fn key_file() -> (tempfile::TempDir, std::path::PathBuf, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(KEY_FILE);
    MasterKey::generate().unwrap().write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    (dir, path, text)
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn f3_a_key_is_read_as_it_was_written_and_never_overwritten() {
    let (dir, path, text) = key_file();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let first = Vault::new(&MasterKey::read(&path).unwrap()).unwrap();
    let again = Vault::new(&MasterKey::read(&path).unwrap()).unwrap();
    let id = id();
    let sealed = seal(&first, Purpose::Credential, id);
    assert_eq!(again.open(Purpose::Credential, id, &sealed).unwrap().expose(), TEXT);
    let other = MasterKey::generate().unwrap();
    assert!(matches!(other.write(&path), Err(KeyError::Machine { done: "written", .. })));
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), &link).unwrap();
    assert!(other.write(&link).is_err());
    assert!(!dir.path().join("elsewhere").exists());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

// F3★
#[test]
fn f3_a_key_that_is_no_key_is_refused_with_what_to_do() {
    let (_dir, path, text) = key_file();
    let (header, line) = text.trim_end().split_once('\n').unwrap();
    let (key, sum) = line.split_once(' ').unwrap();
    let last = if sum.ends_with('0') { '1' } else { '0' };
    let wrong_sum = format!("{}{last}", &sum[..sum.len() - 1]);
    let first = if key.starts_with('A') { "B" } else { "A" };
    let cases = [
        (String::new(), "header line is missing"),
        (line.to_owned(), "header line is missing"),
        (format!("belfry-master-key-2\n{line}\n"), "header line is missing"),
        (format!("{header}\n"), "cut short"),
        (format!("{header}\n{key}\n"), "cut short"),
        (format!("{header}\n{} {sum}\n", &key[..20]), "wrong length"),
        (format!("{header}\n{}= {sum}\n", &key[..20]), "not base64"),
        (format!("{header}\n{key}{key} {sum}\n"), "not base64"),
        (format!("{header}\nAAAA{key} {sum}\n"), "wrong length"),
        (format!("{header}\n{key} {wrong_sum}\n"), "checksum does not match"),
        (format!("{header}\n{first}{} {sum}\n", &key[1..]), "checksum does not match"),
        (format!("{header}\n{key} {}\n", &sum[..4]), "checksum does not match"),
        (format!("{header}\n{key} \n"), "checksum"),
        (text.repeat(100), "checksum does not match"),
    ];
    for (bad, what) in cases {
        std::fs::write(&path, &bad).unwrap();
        let told = MasterKey::read(&path).unwrap_err().to_string();
        assert!(told.contains(what), "{bad:?}: {told}");
        assert!(told.contains("put back") && told.contains(KEY_FILE), "{told}");
        assert!(!told.contains(&key[4..20]), "{told}");
    }
    std::fs::write(&path, [header.as_bytes(), b"\n\xff\xfe"].concat()).unwrap();
    assert!(MasterKey::read(&path).unwrap_err().to_string().contains("it is no text"));
    // A last line without its end is whole.
    std::fs::write(&path, text.trim_end()).unwrap();
    MasterKey::read(&path).unwrap();
}

// F3★
#[test]
fn f3_a_file_that_is_not_ours_alone_is_refused_with_what_to_do() {
    let (dir, path, _) = key_file();
    for bits in [0o644, 0o640, 0o604, 0o660, 0o610, 0o601, 0o620] {
        mode(&path, bits);
        let told = MasterKey::read(&path).unwrap_err().to_string();
        let fix = format!("(mode {bits:04o}): run `chmod 600 {}`", path.display());
        assert!(told.contains(&fix), "{told}");
    }
    mode(&path, 0o400);
    MasterKey::read(&path).unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(MasterKey::read(&link), Err(KeyError::NotAFile(_))));
    let dangling = dir.path().join("dangling");
    std::os::unix::fs::symlink(dir.path().join("nowhere"), &dangling).unwrap();
    assert!(matches!(MasterKey::read(&dangling), Err(KeyError::NotAFile(_))));
    assert!(matches!(MasterKey::read(dir.path()), Err(KeyError::NotAFile(_))));
    // Nobody waits for a pipe to be written to.
    let pipe = dir.path().join("pipe");
    let permission = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, permission).unwrap();
    assert!(matches!(MasterKey::read(&pipe), Err(KeyError::NotAFile(_))));
    let missing = MasterKey::read(&dir.path().join("none")).unwrap_err();
    assert!(matches!(missing, KeyError::Missing(_)), "{missing}");
    assert!(missing.to_string().contains("put it back"), "{missing}");
}

/// `belfry check` with variables; its status and what it said.
fn check(data: &Data, variables: &[(&str, &std::ffi::OsStr)]) -> (Option<i32>, String) {
    let mut command = belfry();
    command.args(["check", "--data"]).arg(data.dir()).envs(variables.iter().copied());
    let out = command.output().unwrap();
    (out.status.code(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

// F3★
#[test]
fn f3_the_program_refuses_to_start_without_its_key() {
    let data = Data::init();
    let path = data.dir().join(KEY_FILE);
    mode(&path, 0o644);
    let run = || {
        let (child, log) = Service::spawn(&data, &[]);
        let out = child.wait_with_output().unwrap();
        assert!(out.stdout.is_empty(), "it listened");
        (out.status.code(), std::fs::read_to_string(log).unwrap())
    };
    let (status, told) = run();
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("chmod 600"), "{told}");
    assert!(check(&data, &[]).1.contains("chmod 600"));
    std::fs::remove_file(&path).unwrap();
    let (status, told) = run();
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("is not there: put it back"), "{told}");
    assert!(!path.exists(), "a new key was made: what was sealed would be lost");
}

// F3★
#[test]
fn f3_the_key_can_come_from_the_environment() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let data = Data::init();
    let text = std::fs::read_to_string(data.dir().join(KEY_FILE)).unwrap();
    let moved = data.beside("elsewhere.key");
    std::fs::rename(data.dir().join(KEY_FILE), &moved).unwrap();
    assert_eq!(check(&data, &[]).0, Some(1));
    let (key, file) = ("BELFRY_MASTER_KEY", "BELFRY_MASTER_KEY_FILE");
    assert_eq!(check(&data, &[(key, OsStr::new(&text))]).0, Some(0));
    assert_eq!(check(&data, &[(file, moved.as_os_str())]).0, Some(0));
    // In one line, as some keepers of secrets hand it on.
    assert_eq!(check(&data, &[(key, OsStr::new(&text.replace('\n', " ")))]).0, Some(0));
    // The text wins, and one that can't be used is not passed over for a file that could.
    let secret = &text[20..40];
    for bad in ["", "geheim", &text[..50]] {
        let variables = [(key, OsStr::new(bad)), (file, moved.as_os_str())];
        let (status, told) = check(&data, &variables);
        assert_eq!(status, Some(1), "{bad:?}");
        assert!(told.contains("BELFRY_MASTER_KEY holds no master key"), "{told}");
        assert!(!told.contains("geheim") && !told.contains(secret), "{told}");
    }
    let no_text = OsStr::from_bytes(b"belfry\xff");
    let (status, told) = check(&data, &[(key, no_text), (file, moved.as_os_str())]);
    assert_eq!(status, Some(1));
    assert!(told.contains("BELFRY_MASTER_KEY holds no master key"), "{told}");
    mode(&moved, 0o644);
    let (status, told) = check(&data, &[(file, moved.as_os_str())]);
    assert_eq!(status, Some(1));
    assert!(told.contains("elsewhere.key"), "{told}");
    // The service itself takes it from there.
    mode(&moved, 0o600);
    let service = Service::start(&data, &[(file, &path_text(&moved))]);
    assert_eq!(service.call("GET", "/v1/automations", &Value::Null).0, 200);
}

/// Two credentials swapped on disk, a third damaged: none is sent, each integration's delivery says why,
/// and one without a credential goes on.
// F2★
#[test]
fn f2_swapped_and_damaged_credentials_are_not_sent() {
    let data = Data::init();
    let listener = Listener::start(&data, "receiver", &[]);
    let settings = settings_for(&listener);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, text)| (*key, &**text)).collect();
    let service = Service::start(&data, &settings);
    let webhook = |name: &str, auth: Value| {
        json!({"kind": "webhook", "name": name, "url": format!("{}/{name}", listener.url),
               "auth": auth})
    };
    let bearer = |text: &str| json!({"method": "bearer", "credential": text});
    let body = json!({"name": "a", "active": true, "integrations": [
        webhook("one", bearer("geheim-one")),
        webhook("two", bearer("geheim-two")),
        webhook("three", bearer("geheim-three")),
        webhook("four", json!({"method": "none"})),
    ]});
    service.ok("POST", "/v1/automations", &body);
    service.terminate();
    let mut service = service;
    assert!(service.wait_for_end().success());
    drop(service);

    let database = rusqlite::Connection::open(data.dir().join("belfry.db")).unwrap();
    let credential = |name: &str| -> Vec<u8> {
        let ask = "SELECT credential FROM integrations WHERE name = ?1";
        database.query_row(ask, [name], |row| row.get(0)).unwrap()
    };
    let (one, two, mut three) = (credential("one"), credential("two"), credential("three"));
    *three.last_mut().unwrap() ^= 1;
    for (name, sealed) in [("one", two), ("two", one), ("three", three)] {
        let put = "UPDATE integrations SET credential = ?1 WHERE name = ?2";
        assert_eq!(database.execute(put, rusqlite::params![sealed, name]).unwrap(), 1);
    }
    drop(database);

    let service = Service::start(&data, &settings);
    assert_eq!(service.send("r1").0, 202);
    let deliveries = || {
        let list = service.ok("GET", "/v1/deliveries?record_id=r1", &Value::Null);
        let ids = list["data"].as_array().unwrap().clone();
        let whole = ids.iter().map(|each| {
            service.ok(
                "GET",
                &format!("/v1/deliveries/{}", each["id"].as_str().unwrap()),
                &Value::Null,
            )
        });
        whole.collect::<Vec<Value>>()
    };
    let mut told = Vec::new();
    wait_until("three say why and one is delivered", || {
        told = deliveries();
        let count = |text: &str| told.iter().filter(|each| each.to_string().contains(text)).count();
        count("credential_unreadable") == 3 && count("\"state\":\"delivered\"") == 1
    });
    assert_eq!(told.len(), 4);
    let paths: Vec<String> = listener.requests().iter().map(Value::to_string).collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    assert!(paths[0].contains("/four"), "{paths:?}");
    assert!(!service.log().contains("geheim") && !paths[0].contains("geheim"));
}
