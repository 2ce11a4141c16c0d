//! `belfry init` and `belfry check`, and what a start refuses, through the real program.

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
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use belfry::vault::MasterKey;
use process::{Data, Service, belfry};
use serde_json::{Value, json};

struct Said {
    status: Option<i32>,
    out: String,
    err: String,
}

fn run(command: &str, data: &Path, args: &[&str]) -> Said {
    let made = belfry().args([command, "--data"]).arg(data).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { status: made.status.code(), out: text(made.stdout), err: text(made.stderr) }
}

fn configure(data: &Data, text: &str) {
    std::fs::write(data.dir().join("belfry.toml"), text).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file of a directory with what is in it.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let read = entries.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap_or_default())
    });
    read.collect()
}

#[test]
fn init_makes_a_directory_that_is_ours_alone() {
    let data = Data::init();
    assert_eq!(mode(&data.dir()), 0o700);
    for name in contents(&data.dir()).keys() {
        assert_eq!(mode(&data.dir().join(name)) & 0o077, 0, "{name}");
    }
    for name in ["belfry.toml", "master.key", "belfry.db"] {
        assert_eq!(mode(&data.dir().join(name)), 0o600, "{name}");
    }
    // What a start adds is ours alone, too.
    let service = Service::start(&data, &[]);
    assert_eq!(service.call("GET", "/v1/automations", &Value::Null).0, 200);
    let files = contents(&data.dir());
    assert!(files.contains_key("belfry.db-wal"), "{:?}", files.keys());
    for name in files.keys() {
        assert_eq!(mode(&data.dir().join(name)) & 0o077, 0, "{name}");
    }
}

#[test]
fn init_tells_the_token_once_and_keeps_only_its_digest() {
    let root = tempfile::tempdir().unwrap();
    let (plain, with_json) = (root.path().join("a"), root.path().join("b"));
    let plain_said = run("init", &plain, &[]);
    let said = &plain_said;
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    let token = said.out.split_whitespace().find(|word| word.starts_with("bfy_")).unwrap();
    assert_eq!(said.out.matches(token).count(), 1, "{}", said.out);
    assert!(said.out.contains("belfry serve --data"), "{}", said.out);
    let said = run("init", &with_json, &["--json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(answer.as_object().unwrap().len(), 2);
    let other = answer["admin_token"].as_str().unwrap();
    assert_ne!(token, other);
    let code = |text: &str| {
        let (_, code) = text.split_once("http://127.0.0.1:8787/welcome#").unwrap();
        code.split_whitespace().next().unwrap().to_owned()
    };
    let codes = [code(&plain_said.out), code(answer["setup_url"].as_str().unwrap())];
    assert_ne!(codes[0], codes[1]);
    for (dir, code) in [(&plain, &codes[0]), (&with_json, &codes[1])] {
        for (name, bytes) in contents(dir) {
            let held = bytes.windows(code.len()).any(|window| window == code.as_bytes());
            assert!(!held, "{name} holds the code");
        }
    }
    for (dir, token) in [(&plain, token), (&with_json, other)] {
        let secret = token.rsplit('_').nth(1).unwrap().as_bytes();
        for (name, bytes) in contents(dir) {
            let held = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!held, "{name} holds the token");
        }
    }
}

#[test]
fn init_leaves_what_is_there_untouched() {
    let data = Data::init();
    let before = contents(&data.dir());
    let said = run("init", &data.dir(), &[]);
    assert_eq!((said.status, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("holds a belfry.toml already"), "{}", said.err);
    assert!(said.err.contains("name another directory"), "{}", said.err);
    assert_eq!(contents(&data.dir()), before);
    // One file of a directory is enough; also a link that leads nowhere.
    for name in ["belfry.toml", "master.key", "belfry.db"] {
        let dir = data.beside(&format!("only-{name}"));
        std::fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", dir.join(name)).unwrap();
        let said = run("init", &dir, &[]);
        assert_eq!(said.status, Some(1));
        assert!(said.err.contains(&format!("holds a {name} already")), "{}", said.err);
        assert_eq!(contents(&dir).len(), 1);
    }
}

#[test]
fn init_takes_a_directory_that_is_there_with_other_files() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(run("init", root.path(), &[]).status, Some(0));
    assert_eq!(contents(root.path())["notes.txt"], b"mine");
    assert_eq!(run("check", root.path(), &[]).status, Some(0));
}

#[test]
fn init_leaves_nothing_half_made() {
    let root = tempfile::tempdir().unwrap();
    // Its parent is a file.
    std::fs::write(root.path().join("file"), "").unwrap();
    let said = run("init", &root.path().join("file/data"), &[]);
    assert_eq!((said.status, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("making the directory"), "{}", said.err);
    // The last step fails: the lock's place is taken. Configuration and key are there by then.
    let taken = root.path().join("taken");
    std::fs::create_dir_all(taken.join("belfry.lock")).unwrap();
    let said = run("init", &taken, &[]);
    assert_ne!(said.status, Some(0));
    assert_eq!(said.out, "");
    assert_eq!(contents(&taken).into_keys().collect::<Vec<_>>(), ["belfry.lock"]);
    // Once what was in the way is gone, it succeeds.
    std::fs::remove_dir(taken.join("belfry.lock")).unwrap();
    assert_eq!(run("init", &taken, &[]).status, Some(0));
}

/// A token that nobody saw opens nothing, and there is no other way into what was made.
#[test]
fn init_makes_nothing_when_it_can_not_tell_the_token() {
    let root = tempfile::tempdir().unwrap();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let init = |dir: &Path| {
        let out = belfry().args(["init", "--data"]).arg(dir).stdout(full()).output().unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (status, told) = init(&root.path().join("a/b"));
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("the admin token can't be printed, so nothing was made"), "{told}");
    assert!(contents(root.path()).is_empty());
    // In a directory that was there, what was there stays.
    std::fs::write(root.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(init(root.path()).0, Some(1));
    assert_eq!(contents(root.path()).into_keys().collect::<Vec<_>>(), ["notes.txt"]);
}

/// Directories above it that were made on the way go as well, and those that were there stay.
#[test]
fn init_removes_the_directories_that_it_made() {
    let root = tempfile::tempdir().unwrap();
    let long = "x".repeat(300);
    let said = run("init", &root.path().join("a/b").join(long), &[]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    assert!(contents(root.path()).is_empty());
    assert!(root.path().is_dir());
}

/// Of several at the same moment one makes it, and none takes away what that one made.
#[test]
fn init_at_the_same_moment_makes_one_directory() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let start = || belfry().args(["init", "--json", "--data"]).arg(&dir).output().unwrap();
    let made: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        running.into_iter().map(|each| each.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|each| each.status.success()).count(), 1, "{made:?}");
    assert_eq!(run("check", &dir, &[]).status, Some(0));
}

// G1★
#[test]
fn g1_check_tells_every_problem_and_exits_2() {
    let data = Data::init();
    let said = run("check", &data.dir(), &[]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    assert!(said.out.starts_with("The configuration is good"), "{}", said.out);
    let said = run("check", &data.dir(), &["--json"]);
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap()["ok"], true);

    configure(&data, "[log]\nlevel = \"loud\"\nfromat = \"json\"\n");
    let file = data.dir().join("belfry.toml").display().to_string();
    let level = "log.level can't be \"loud\": it must be one of \"error\", \"warn\", \"info\", \
                 \"debug\", \"trace\"";
    let format = "there is no key log.fromat; did you mean log.format?";
    let told = format!(
        "belfry: the configuration can't be used\n  {file}:2: {level}\n  {file}:3: {format}\n"
    );
    let said = run("check", &data.dir(), &[]);
    assert_eq!((said.status, said.out.as_str(), said.err), (Some(2), "", told.clone()));
    // A start says the same.
    let said = run("serve", &data.dir(), &[]);
    assert_eq!((said.status, said.out.as_str(), said.err), (Some(2), "", told));
    let said = run("check", &data.dir(), &["--json"]);
    assert_eq!(said.status, Some(2));
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    let expected = json!({"ok": false, "problems": [
        {"place": format!("{file}:2"), "what": level},
        {"place": format!("{file}:3"), "what": format}]});
    assert_eq!(answer, expected);
}

// G1★
#[test]
fn g1_check_reads_the_environment_and_needs_a_directory() {
    let data = Data::init();
    let mut command = belfry();
    command.args(["check", "--data"]).arg(data.dir()).env("BELFRY__LOG__LEVELS", "info");
    let out = command.output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    let told = String::from_utf8(out.stderr).unwrap();
    assert!(told.contains("BELFRY__LOG__LEVELS; did you mean BELFRY__LOG__LEVEL?"), "{told}");
    let said = run("check", &data.beside("nowhere"), &[]);
    assert_eq!(said.status, Some(2));
    assert!(said.err.contains("belfry init --data"), "{}", said.err);
}

/// A path that is no text, taken for the nearest one that is, would be another directory: the service
/// would start there, on an empty database.
// G1★
#[test]
fn g1_variables_that_are_no_text_are_refused_by_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let data = Data::init();
    for command in ["check", "serve"] {
        let mut command_line = belfry();
        command_line.args([command, "--data"]).arg(data.dir());
        command_line.env("BELFRY__STORAGE__PATH", OsStr::from_bytes(b"/tmp/belfry\xff"));
        command_line.env(OsStr::from_bytes(b"BELFRY__LOG__\xff"), "info");
        let out = command_line.output().unwrap();
        let told = String::from_utf8(out.stderr).unwrap();
        assert_eq!((out.status.code(), out.stdout.as_slice()), (Some(2), &b""[..]), "{told}");
        for name in ["BELFRY__STORAGE__PATH", "BELFRY__LOG__\u{fffd}"] {
            let problem = format!("\n  {name}: its name or its value is no UTF-8 text");
            assert!(told.contains(&problem), "{told}");
        }
    }
}

// G1★
#[test]
fn g1_a_file_that_is_no_text_is_refused_with_its_line() {
    let data = Data::init();
    let path = data.dir().join("belfry.toml");
    let told = |variable: &str| {
        let mut command = belfry();
        command.args(["check", "--data"]).arg(data.dir()).env(variable, "1");
        let out = command.output().unwrap();
        assert_eq!(out.status.code(), Some(2));
        String::from_utf8(out.stderr).unwrap()
    };
    std::fs::write(&path, b"[log]\n# \xff\nlevel = \"info\"\n").unwrap();
    let text = told("BELFRY__NOPE");
    assert!(text.contains("belfry.toml:2: there are bytes that are no UTF-8 text"), "{text}");
    // What else is wrong is told beside it.
    assert!(text.contains("BELFRY__NOPE: there is no key"), "{text}");
    std::fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
    let text = told("OTHER");
    assert!(text.contains("belfry.toml: it is longer than 1048576 bytes"), "{text}");
    // Exactly as much as there may be; a mark of the byte order is no text of the file.
    std::fs::write(&path, format!("\u{feff}{}", "#".repeat(1024 * 1024 - 3))).unwrap();
    assert_eq!(run("check", &data.dir(), &[]).status, Some(0));
    // Nobody waits for a pipe to be written to.
    std::fs::remove_file(&path).unwrap();
    let permission = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, permission).unwrap();
    let text = told("OTHER");
    assert!(text.contains("belfry.toml: it can't be read: it is not a plain file"), "{text}");
    // A link is: that is how configuration is laid out in containers.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(data.beside("real.toml"), "").unwrap();
    std::os::unix::fs::symlink(data.beside("real.toml"), &path).unwrap();
    assert_eq!(run("check", &data.dir(), &[]).status, Some(0));
}

#[test]
fn check_names_a_file_that_can_not_be_read() {
    let data = Data::init();
    configure(&data, "[egress]\nca_files = [\"none.pem\"]\n");
    let said = run("check", &data.dir(), &[]);
    assert_eq!((said.status, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("egress.ca_files") && said.err.contains("none.pem"), "{}", said.err);
    configure(&data, "[server]\ntls_cert = \"chain.pem\"\ntls_key = \"key.pem\"\n");
    let said = run("check", &data.dir(), &[]);
    assert_eq!((said.status, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("chain.pem") || said.err.contains("key.pem"), "{}", said.err);
}

#[test]
fn check_explains_who_decides_about_an_address() {
    let data = Data::init();
    let url = |url: &str| run("check", &data.dir(), &[url]);
    let said = url("https://127.0.0.1/hook");
    assert_eq!(said.status, Some(1));
    assert!(said.out.contains("127.0.0.1") && said.out.contains("loopback"), "{}", said.out);
    assert!(said.out.contains("refused"), "{}", said.out);
    let said = url("https://169.254.169.254/latest");
    assert_eq!(said.status, Some(1));
    assert!(said.out.contains("refused") && said.out.contains("metadata"), "{}", said.out);
    let said = url("https://10.1.2.3/hook");
    assert_eq!(said.status, Some(0), "{}", said.out);
    assert!(said.out.contains("allowed"), "{}", said.out);
    for bad in ["http://10.1.2.3/", "10.1.2.3", "https://"] {
        let said = url(bad);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{bad}");
        assert!(said.err.contains(bad), "{}", said.err);
    }

    configure(
        &data,
        "[egress]\nallow = [\"127.0.0.0/8:8443\", \"169.254.0.0/16\"]\ndeny = [\"10.1.0.0/16\"]\n",
    );
    let said = url("https://127.0.0.1:8443/hook");
    assert_eq!(said.status, Some(0), "{}", said.out);
    assert!(said.out.contains("127.0.0.0/8:8443"), "{}", said.out);
    assert_eq!(url("https://127.0.0.1/hook").status, Some(1), "another port");
    assert_eq!(url("https://169.254.169.254/").status, Some(1), "not named exactly");
    let said = url("https://10.1.2.3/hook");
    assert_eq!(said.status, Some(1));
    assert!(said.out.contains("10.1.0.0/16"), "{}", said.out);

    configure(&data, "egress.allow = [\"169.254.169.254/32\"]\n");
    let said = run("check", &data.dir(), &["--json", "https://169.254.169.254/"]);
    assert_eq!(said.status, Some(0), "{}", said.out);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(answer["reachable"], true);
    assert_eq!(answer["addresses"][0]["allowed"], true);
}

/// Ends with this status and says this, without having listened.
fn refused(data: &Data, status: i32, words: &[&str]) {
    let (child, log) = Service::spawn(data, &[]);
    let out = child.wait_with_output().unwrap();
    let told = std::fs::read_to_string(log).unwrap();
    assert_eq!(out.status.code(), Some(status), "{told}");
    assert!(out.stdout.is_empty(), "it listened");
    for word in words {
        assert!(told.contains(word), "{word}: {told}");
    }
}

/// Losing the key is not hidden by going on without what it sealed.
// F3★
#[test]
fn f3_another_key_is_refused_with_how_much_it_can_not_read() {
    let data = Data::init();
    let key = data.dir().join("master.key");
    let set_aside = data.beside("master.key.old");
    let service = Service::start(&data, &[]);
    let webhook = |name: &str, auth: Value| json!({"kind": "webhook", "name": name, "url": "https://127.0.0.1:9/hook", "auth": auth});
    let body = json!({"name": "a", "active": true, "integrations": [
        webhook("one", json!({"method": "bearer", "credential": "geheim-17"})),
        webhook("two", json!({"method": "api_key", "credential": "geheim-18"})),
        webhook("three", json!({"method": "none"})),
    ]});
    service.ok("POST", "/v1/automations", &body);
    drop(service);

    std::fs::rename(&key, &set_aside).unwrap();
    MasterKey::generate().unwrap().write(&key).unwrap();
    refused(&data, 1, &["2 stored secrets can't be read with the master key", "put the key back"]);

    std::fs::rename(&set_aside, &key).unwrap();
    let service = Service::start(&data, &[]);
    assert_eq!(service.call("GET", "/v1/automations", &Value::Null).0, 200);
}

/// Nothing was sealed yet: any good key will do.
#[test]
fn f3_another_key_is_taken_where_nothing_was_sealed() {
    let data = Data::init();
    let key = data.dir().join("master.key");
    std::fs::remove_file(&key).unwrap();
    MasterKey::generate().unwrap().write(&key).unwrap();
    Service::start(&data, &[]);
}

#[test]
fn a_directory_in_use_is_refused_with_the_process_that_uses_it() {
    let data = Data::init();
    let service = Service::start(&data, &[]);
    refused(&data, 1, &["in use", &service.pid().to_string()]);
    // The first one did not notice.
    assert_eq!(service.call("GET", "/v1/automations", &Value::Null).0, 200);
    let mut service = service;
    service.kill();
    // A lock left by a process that died is no lock.
    Service::start(&data, &[]);
}
