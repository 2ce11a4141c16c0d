//! One Chromium for all tests, and the two pipes by which it is told what to do: JSON, each message ended
//! by a NUL. It ends when the pipes do, so none is left behind by a run that was killed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::journal::Journal;

/// The longest that anything is waited for. It ends a test that has failed; no test passes by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// What it may be called, the first that is there.
const NAMES: [&str; 3] = ["chromium", "google-chrome-stable", "google-chrome"];

/// It asks nobody anything by itself, and every other host than this machine has no address.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-pipe",
];

/// The pipes are its third and fourth file, and its directory goes when it does.
const SCRIPT: &str =
    "dir=$1; shift; \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>\"$dir/log\"; rm -rf \"$dir\"";

/// The one Chromium; none where this machine has none, which is said once, past what catches the tests'
/// own output.
pub(crate) fn chromium() -> Option<Arc<Chromium>> {
    static CHROMIUM: LazyLock<Option<Arc<Chromium>>> = LazyLock::new(|| {
        let found = NAMES.iter().find_map(|name| on_the_path(name));
        if found.is_none() {
            let words =
                "left out: the tests in a browser, for there is no Chromium on this machine\n";
            std::io::stderr().write_all(words.as_bytes()).expect("stderr");
        }
        found.map(|program| Arc::new(Chromium::start(&program)))
    });
    let required = std::env::var("BELFRY_BROWSER").is_ok_and(|word| word == "required");
    assert!(
        CHROMIUM.is_some() || !required,
        "BELFRY_BROWSER=required, and none of {NAMES:?} is installed: apt-get install chromium"
    );
    CHROMIUM.clone()
}

fn on_the_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

pub(crate) struct Chromium {
    to: Mutex<ChildStdin>,
    last: AtomicU64,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Who waits for which answer; none any more where Chromium has ended.
    waiting: Mutex<Option<BTreeMap<u64, Sender<Answer>>>>,
    journals: Mutex<BTreeMap<String, Arc<Journal>>>,
}

/// What came of a call, or why it failed.
pub(crate) type Answer = Result<Value, String>;

/// An answer that is still to come.
pub(crate) struct Ticket {
    method: String,
    answer: Receiver<Answer>,
}

impl Chromium {
    fn start(program: &PathBuf) -> Self {
        let dir = tempfile::Builder::new().prefix("belfry-chromium-").tempdir();
        let dir = dir.expect("a directory").keep();
        let profile = format!("--user-data-dir={}", dir.join("profile").display());
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(&dir)
            .arg(program)
            .args(FLAGS)
            .arg(profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let shared = Arc::new(Shared::default());
        *shared.waiting.lock().unwrap() = Some(BTreeMap::new());
        let to = Mutex::new(child.stdin.take().expect("a pipe"));
        let (theirs, from) = (Arc::clone(&shared), child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            theirs.read(from);
            child.wait()
        });
        let chromium = Self { to, last: AtomicU64::new(0), shared };
        chromium.ok(None, "Browser.getVersion", json!({}));
        chromium
    }

    /// Says something, and does not wait for the answer.
    pub(crate) fn say(&self, tab: Option<&str>, method: &str, params: Value) -> Ticket {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(tab) = tab {
            message["sessionId"] = tab.into();
        }
        let (sender, answer) = channel();
        if let Some(waiting) = self.shared.waiting.lock().unwrap().as_mut() {
            waiting.insert(id, sender);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        // Where it has ended, nobody answers, and that is what is reported.
        let _ended = self.to.lock().unwrap().write_all(&bytes);
        Ticket { method: method.to_owned(), answer }
    }

    /// Asks something.
    pub(crate) fn ask(&self, tab: Option<&str>, method: &str, params: Value) -> Answer {
        self.say(tab, method, params).wait()
    }

    /// Asks something that can't fail.
    pub(crate) fn ok(&self, tab: Option<&str>, method: &str, params: Value) -> Value {
        self.ask(tab, method, params).unwrap_or_else(|why| panic!("{why}"))
    }

    /// From now on what happens in this tab is written into this journal.
    pub(crate) fn follow(&self, tab: &str, journal: Arc<Journal>) {
        self.shared.journals.lock().unwrap().insert(tab.to_owned(), journal);
    }

    pub(crate) fn forget(&self, tab: &str) {
        self.shared.journals.lock().unwrap().remove(tab);
    }
}

impl Ticket {
    pub(crate) fn wait(self) -> Answer {
        self.within(PATIENCE).unwrap_or_else(|| Err(format!("no answer to {}", self.method)))
    }

    /// The answer, if it comes within this time.
    pub(crate) fn within(&self, time: Duration) -> Option<Answer> {
        let named = |why: String| format!("{}: {why}", self.method);
        match self.answer.recv_timeout(time) {
            Ok(answer) => Some(answer.map_err(named)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(named("Chromium has ended".into()))),
        }
    }
}

impl Shared {
    fn read(&self, from: ChildStdout) {
        let mut from = BufReader::new(from);
        loop {
            let mut bytes = Vec::new();
            let count = from.read_until(0, &mut bytes).unwrap_or(0);
            if count == 0 || bytes.pop() != Some(0) {
                // Whoever waits is told by the end of its channel.
                *self.waiting.lock().unwrap() = None;
                return;
            }
            let message: Value = serde_json::from_slice(&bytes).expect("JSON");
            self.take(&message);
        }
    }

    fn take(&self, message: &Value) {
        if let Some(id) = message["id"].as_u64() {
            let answer = match message["error"]["message"].as_str() {
                Some(why) => Err(why.to_owned()),
                None => Ok(message["result"].clone()),
            };
            let waits = self.waiting.lock().unwrap().as_mut().and_then(|all| all.remove(&id));
            if let Some(waits) = waits {
                // It may have given up.
                let _gone = waits.send(answer);
            }
            return;
        }
        let journal = message["sessionId"]
            .as_str()
            .and_then(|tab| self.journals.lock().unwrap().get(tab).cloned());
        if let (Some(journal), Some(method)) = (journal, message["method"].as_str()) {
            journal.note(method, &message["params"]);
        }
    }
}
