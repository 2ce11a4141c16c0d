//! The real program as child processes, and a way to speak to it: for tests through the outermost door.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that anything is waited for. It ends a test that has failed; no test passes by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the condition holds; looks again soon, gives up after [`PATIENCE`].
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) fn belfry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
    // What the machine's own environment says must not matter.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"] {
        command.env_remove(name);
    }
    command
}

/// A data directory with the admin's token, made by `belfry init`.
pub(crate) struct Data {
    root: tempfile::TempDir,
    pub(crate) token: String,
    /// The code of the link for the first password.
    pub(crate) code: String,
}

impl Data {
    pub(crate) fn init() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let dir = root.path().join("data");
        let made =
            belfry().args(["init", "--json", "--data"]).arg(&dir).output().expect("init runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let answer: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let token = answer["admin_token"].as_str().expect("a token").to_owned();
        let link = answer["setup_url"].as_str().expect("a link");
        let (_, code) = link.split_once("/welcome#").expect("a code");
        Self { root, token, code: code.to_owned() }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A place beside the data directory.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }
}

/// `belfry listen`.
pub(crate) struct Listener {
    child: Child,
    pub(crate) url: String,
    pub(crate) ca: PathBuf,
    log: PathBuf,
}

impl Listener {
    pub(crate) fn start(data: &Data, name: &str, args: &[&str]) -> Self {
        Self::start_knowing(data, name, args, &[])
    }

    /// The same with variables, in which a receiver is told the secrets that it expects.
    pub(crate) fn start_knowing(
        data: &Data,
        name: &str,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let ca = data.beside(&format!("{name}-ca.pem"));
        let log = data.beside(&format!("{name}.jsonl"));
        let mut child = belfry()
            .args(["listen", "--json", "--quiet", "--ca-out"])
            .arg(&ca)
            .arg("--log")
            .arg(&log)
            .args(args)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let line = first_line(&mut child);
        let hello: Value = serde_json::from_str(&line).expect("JSON");
        let url = hello["listening"].as_str().expect("an address").trim_end_matches('/').to_owned();
        Self { child, url, ca, log }
    }

    /// Its log, a line each; a line being written is left out.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Requests that it answered 2xx, by their Idempotency-Key.
    pub(crate) fn taken(&self) -> BTreeMap<String, Vec<Value>> {
        let mut by_key: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for request in self.requests() {
            let status = request["status"].as_u64().unwrap_or(0);
            if (200..300).contains(&status) {
                let key = request["key"].as_str().expect("a key").to_owned();
                by_key.entry(key).or_default().push(request);
            }
        }
        by_key
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// `belfry serve`.
pub(crate) struct Service {
    child: Child,
    pub(crate) addr: SocketAddr,
    token: String,
    stderr: PathBuf,
}

impl Service {
    /// Starts it on the data directory; `settings` are `BELFRY__…` variables.
    pub(crate) fn start(data: &Data, settings: &[(&str, &str)]) -> Self {
        Self::start_as(belfry(), data, settings)
    }

    fn start_as(command: Command, data: &Data, settings: &[(&str, &str)]) -> Self {
        let (mut child, stderr) = Self::spawn_as(command, data, settings);
        let line = first_line(&mut child);
        let addr = line
            .rsplit("://")
            .next()
            .and_then(|rest| rest.trim().trim_end_matches("/").parse().ok())
            .unwrap_or_else(|| {
                let log = std::fs::read_to_string(&stderr).unwrap_or_default();
                panic!("no address in {line:?}; it said: {log}")
            });
        Self { child, addr, token: data.token.clone(), stderr }
    }

    /// The same from a shell that does something first, such as setting a limit.
    pub(crate) fn start_after(before: &str, data: &Data, settings: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("{before}; exec \"$@\"");
        shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_belfry")]);
        Self::start_as(shell, data, settings)
    }

    /// The most memory that it ever had, in MiB (proc(5)).
    pub(crate) fn most_memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the process is there");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the line");
        let kib = line.split_whitespace().nth(1).expect("a number");
        kib.parse::<u64>().expect("a number") / 1024
    }

    /// Starts it and does not wait for its address: for one that is to die or to refuse.
    pub(crate) fn spawn(data: &Data, settings: &[(&str, &str)]) -> (Child, PathBuf) {
        Self::spawn_as(belfry(), data, settings)
    }

    fn spawn_as(mut command: Command, data: &Data, settings: &[(&str, &str)]) -> (Child, PathBuf) {
        let stderr = data.beside("serve.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&stderr);
        let child = command
            .args(["serve", "--data"])
            .arg(data.dir())
            .env("BELFRY__SERVER__LISTEN", "127.0.0.1:0")
            .env("BELFRY__EGRESS__ALLOW", "127.0.0.1/32")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log.expect("its log"))
            .spawn()
            .expect("it starts");
        (child, stderr)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is gone");
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is told");
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be asked")
    }

    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("it ends", || {
            status = self.child.try_wait().expect("it can be asked");
            status.is_some()
        });
        status.expect("it has ended")
    }

    /// One call with the admin's token. `None` where the connection broke.
    pub(crate) fn try_call(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        call(self.addr, &self.token, method, path, body)
    }

    /// One call that must be answered.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.try_call(method, path, body);
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}; log: {}", self.log()))
    }

    /// One call that must succeed.
    pub(crate) fn ok(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// An automation that takes every record, with a webhook for each URL; the webhooks' ids.
    pub(crate) fn automation(&self, urls: &[String]) -> Vec<String> {
        let webhook = |(number, url): (usize, &String)| {
            json!({"kind": "webhook", "name": format!("w{number}"), "url": url,
                   "auth": {"method": "none"}})
        };
        let answer = self.ok(
            "POST",
            "/v1/automations",
            &json!({"name": "all", "active": true,
                    "integrations": urls.iter().enumerate().map(webhook).collect::<Vec<_>>()}),
        );
        let made = answer["integrations"].as_array().expect("integrations");
        made.iter().map(|each| each["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// One record with the highest levels; the answer.
    pub(crate) fn send(&self, id: &str) -> (u16, Value) {
        self.call("POST", "/v1/records", &json!({"records": [record(id)]}))
    }

    /// The first delivery of a record, with its attempts.
    pub(crate) fn delivery(&self, record_id: &str) -> Option<Value> {
        let list = self.ok("GET", &format!("/v1/deliveries?record_id={record_id}"), &Value::Null);
        let id = list["data"].get(0)?["id"].as_str()?.to_owned();
        Some(self.ok("GET", &format!("/v1/deliveries/{id}"), &Value::Null))
    }

    pub(crate) fn state_of(&self, record_id: &str) -> String {
        let delivery = self.delivery(record_id);
        delivery.map_or(String::new(), |each| each["state"].as_str().unwrap_or("").to_owned())
    }

    pub(crate) fn wait_for_state(&self, record_id: &str, state: &str) {
        wait_until(&format!("{record_id} is {state}"), || self.state_of(record_id) == state);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        end(&mut self.child);
        // Matrix F1: whatever a test did, no secret is in the log, and none lies readable on disk.
        if !std::thread::panicking() {
            let data = self.stderr.parent().expect("a directory").join("data");
            let files = std::fs::read_dir(data).into_iter().flatten();
            let files =
                files.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
            for path in files.chain([self.stderr.clone()]) {
                let bytes = std::fs::read(&path).unwrap_or_default();
                let found = bytes.windows(9).any(|window| window == b"sentinel-");
                assert!(!found, "a secret lies in {}", path.display());
            }
        }
    }
}

pub(crate) fn record(id: &str) -> Value {
    json!({"id": id, "org_id": "acme", "content": format!("Nobody answers me ({id})."),
           "source": "ZendeskSupport",
           "levels": {"escalation_level": "extreme", "emotional_intensity_level": "extreme"}})
}

/// One HTTP call on a connection of its own; `None` where the connection broke.
pub(crate) fn call(
    addr: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut socket = TcpStream::connect(addr).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: belfry\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    // What is no JSON is text.
    let text = || if body.is_empty() { Value::Null } else { Value::from(body) };
    Some((status, serde_json::from_str(body).unwrap_or_else(|_| text())))
}

pub(crate) fn settings_for(listener: &Listener) -> Vec<(&'static str, String)> {
    vec![("BELFRY__EGRESS__CA_FILES", path_text(&listener.ca))]
}

pub(crate) fn path_text(path: &Path) -> String {
    path.to_str().expect("a path of text").to_owned()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("its output"));
    // The rest of its output is read and thrown away, so that it never waits for us.
    if out.read_line(&mut line).is_ok() {
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    }
    line
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _killed = child.kill();
    let _gone = child.wait();
}
