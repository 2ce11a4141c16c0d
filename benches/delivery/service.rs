//! The real program as a child process, and a client for it that costs little.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) struct Service {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) token: String,
    data: PathBuf,
    ca: PathBuf,
}

impl Service {
    /// Makes a data directory and starts the program on it.
    pub(crate) fn start(data: &Path, ca_pem: &str) -> Self {
        let out =
            belfry().args(["init", "--json", "--data"]).arg(data).output().expect("init runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let answer: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let token = answer["admin_token"].as_str().expect("a token").to_owned();
        let ca = data.join("receiver-ca.pem");
        std::fs::write(&ca, ca_pem).expect("the CA file is written");
        let (child, addr) = serve(data, &ca);
        Self { child, addr, token, data: data.to_owned(), ca }
    }

    /// Kills it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is gone");
    }

    /// Starts it on the same data once it is gone. Returns when the start began.
    pub(crate) fn start_again(&mut self) -> Instant {
        let began = Instant::now();
        (self.child, self.addr) = serve(&self.data, &self.ca);
        began
    }

    /// Resident memory in MiB: now, and the most that it ever was.
    pub(crate) fn memory_mib(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process is there");
        let kib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("the line");
            line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).expect("a number")
        };
        (kib("VmRSS:") / 1024.0, kib("VmHWM:") / 1024.0)
    }

    /// Processor time that it has used, in seconds.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the process is there");
        let after_name = stat.rsplit(')').next().unwrap_or("");
        let ticks = |place: usize| {
            after_name.split_whitespace().nth(place).and_then(|n| n.parse::<f64>().ok())
        };
        // utime and stime of proc(5), in hundredths of a second.
        (ticks(11).expect("utime") + ticks(12).expect("stime")) / 100.0
    }

    /// One call; the answer's JSON.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut socket = TcpStream::connect(self.addr).expect("it listens");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: belfry\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        socket.write_all(request.as_bytes()).expect("the request is sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).unwrap_or("");
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// One automation for each path, that takes records of the segment of the same number; `copies`
    /// destinations each.
    pub(crate) fn automations(&self, urls: &[String], copies: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for (number, url) in urls.iter().enumerate() {
            let destination = |copy: usize| {
                json!({"kind": "webhook", "name": format!("d{number}-{copy}"),
                       "url": url, "auth": {"method": "none"}})
            };
            let answer = self.call(
                "POST",
                "/v1/automations",
                &json!({"name": format!("a{number}"), "active": true,
                    "filter": {"field": "segment", "op": "eq", "value": format!("s{number}")},
                    "integrations": (0..copies).map(destination).collect::<Vec<_>>()}),
            );
            let made = answer["integrations"].as_array().expect("integrations");
            ids.extend(made.iter().map(|each| each["id"].as_str().expect("an id").to_owned()));
        }
        ids
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn belfry() -> Command {
    Command::new(env!("CARGO_BIN_EXE_belfry"))
}

fn serve(data: &Path, ca: &Path) -> (Child, SocketAddr) {
    let mut child = belfry()
        .args(["serve", "--data"])
        .arg(data)
        .env("BELFRY__SERVER__LISTEN", "127.0.0.1:0")
        .env("BELFRY__EGRESS__ALLOW", "127.0.0.1/32")
        .env("BELFRY__EGRESS__CA_FILES", ca)
        .env("BELFRY__LOG__LEVEL", "error")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = lines.next().expect("it says where it listens").expect("a line");
    let addr = line.rsplit("://").next().and_then(|rest| rest.trim_end_matches('/').parse().ok());
    (child, addr.unwrap_or_else(|| panic!("no address in: {line}")))
}
