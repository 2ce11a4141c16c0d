//! A page: a tab of a person's browser, with its window, its looks and its address. What is in it is found and
//! done by [`Part`]; a page is the part that is all of it.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::journal::{Dialog, Journal, Trouble};
use crate::part::Part;
use crate::wire::{Answer, Chromium, PATIENCE};

/// How long nothing has to happen before what is waited for is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The highest picture that is taken: a page that is higher is cut.
const HIGHEST_PX: f64 = 12_000.0;
/// The window of a test that asks for no other.
const WINDOW_PX: (u32, u32) = (1280, 900);

/// What all parts of a page share.
pub(crate) struct Tab {
    chromium: Arc<Chromium>,
    id: String,
    target: String,
    origin: String,
    journal: Arc<Journal>,
    /// Whether the page's scripts run.
    scripts: AtomicBool,
}

impl Tab {
    /// Asks Chromium something about this tab. A dialog that opens meanwhile stops the page, so it is an answer.
    pub(crate) fn ask(&self, method: &str, params: Value) -> Answer {
        let ticket = self.chromium.say(Some(&self.id), method, params);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ticket.within(LOOK_AGAIN) {
                return answer;
            }
            if let Some(dialog) = self.journal.with(|seen| seen.dialog.clone()) {
                return Err(format!("a dialog is open: {dialog:?}"));
            }
            if Instant::now() > deadline {
                return Err(format!("no answer to {method}"));
            }
        }
    }

    /// Sends input, and waits until the page has done what follows from it at once.
    pub(crate) fn act(&self, messages: impl IntoIterator<Item = (&'static str, Value)>) {
        for (method, params) in messages {
            // What a dialog or a new page keeps from being answered has been done.
            let _answer = self.ask(method, params);
        }
        self.settle();
    }

    /// Waits until no page is being loaded any more; a dialog holds that up.
    pub(crate) fn settle(&self) {
        // What a click brings about, a submitted form say, begins in a turn of its own.
        // Where no script may run, no timer does.
        let scripts = self.scripts.load(Ordering::Relaxed);
        let turn = if scripts { "new Promise(done => setTimeout(done, 0))" } else { "0" };
        let _gone = self.evaluate(turn, World::Ours);
        let deadline = Instant::now() + PATIENCE;
        while self.journal.with(|seen| seen.loading && seen.dialog.is_none()) {
            if Instant::now() > deadline {
                self.fail("it never ends to load");
            }
            self.journal.wait(LOOK_AGAIN);
        }
    }

    /// The id of our own script world in the document that is shown now. The page's scripts and its policy
    /// have no part in it.
    pub(crate) fn world(&self) -> Result<Value, String> {
        let about = json!({"frameId": self.target, "worldName": "belfry-tests"});
        Ok(self.ask("Page.createIsolatedWorld", about)?["executionContextId"].clone())
    }

    /// What a script comes to, once its promise is kept.
    pub(crate) fn evaluate(&self, script: &str, world: World) -> Answer {
        let mut call = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        if world == World::Ours {
            call["contextId"] = self.world()?;
        }
        outcome(&self.ask("Runtime.evaluate", call)?)
    }

    /// Waits until something of the page was painted: Chromium drops the keys that come before. Without
    /// scripts it can't be asked, and presses nothing.
    pub(crate) fn is_painted(&self) {
        if !self.scripts.load(Ordering::Relaxed) {
            return;
        }
        let script = "performance.getEntriesByType('paint').length > 0";
        self.until("its first picture", || {
            let painted = self.evaluate(script, World::Ours)? == Value::Bool(true);
            painted.then_some(()).ok_or_else(|| "nothing is painted yet".to_owned())
        });
    }

    /// Looks until it is found; fails with the last reason why it is not.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match look() {
                Ok(found) => return found,
                Err(why) => {
                    let dialog = self.journal.with(|seen| seen.dialog.clone());
                    if Instant::now() > deadline || dialog.is_some() {
                        self.fail(&format!("{what}: {why}"));
                    }
                }
            }
            self.journal.wait(LOOK_AGAIN);
        }
    }

    /// Ends the test, with a picture and all that is to be read.
    pub(crate) fn fail(&self, why: &str) -> ! {
        let file = place("browser").join(format!("{}.png", test_name()));
        let picture = self.picture(&file).map_or_else(|why| why, |()| file.display().to_string());
        let script = "location.href + '\\n' + (document.body?.innerText ?? '')";
        let text = self.evaluate(script, World::Ours).map_or_else(|why| why, |text| text_of(&text));
        let troubles = self.journal.with(|seen| seen.troubles.clone());
        panic!("{why}\npicture: {picture}\ntroubles: {troubles:?}\nthe page: {text}");
    }

    fn picture(&self, file: &Path) -> Result<(), String> {
        let size = self.ask("Page.getLayoutMetrics", json!({}))?["cssContentSize"].clone();
        let height = size["height"].as_f64().unwrap_or(0.0).clamp(1.0, HIGHEST_PX);
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1});
        let all = json!({"captureBeyondViewport": true, "clip": clip});
        let answer = self.ask("Page.captureScreenshot", all)?;
        let bytes = STANDARD.decode(text_of(&answer["data"])).map_err(|error| error.to_string())?;
        let dir = file.parent().expect("a directory");
        std::fs::create_dir_all(dir)
            .and_then(|()| std::fs::write(file, bytes))
            .map_err(|e| e.to_string())
    }
}

/// Where a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// In the page, as its own scripts do.
    Page,
    /// Beside it.
    Ours,
}

/// A folder in the target directory, which git does not know.
pub(crate) fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target directory").join(name)
}

fn test_name() -> String {
    let thread = std::thread::current();
    thread.name().unwrap_or("test").replace("::", "-")
}

pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a script came to, or what it threw.
pub(crate) fn outcome(answer: &Value) -> Answer {
    match answer.get("exceptionDetails") {
        None => Ok(answer["result"]["value"].clone()),
        Some(details) => Err(details["exception"]["description"]
            .as_str()
            .map_or_else(|| details.to_string(), str::to_owned)),
    }
}

/// A browser's profile: cookies and storage that no other one sees. It goes with its last page.
pub(crate) struct Profile {
    chromium: Arc<Chromium>,
    id: String,
}

impl Profile {
    pub(crate) fn new(chromium: &Arc<Chromium>) -> Self {
        let made = chromium.ok(None, "Target.createBrowserContext", json!({}));
        Self { chromium: Arc::clone(chromium), id: text_of(&made["browserContextId"]) }
    }

    /// Gives it a cookie, as an answer of that origin would.
    pub(crate) fn set_cookie(&self, origin: &str, name: &str, value: &str) {
        let cookie = json!({"name": name, "value": value, "url": origin, "httpOnly": true,
                            "sameSite": "Strict"});
        let cookies = json!({"cookies": [cookie], "browserContextId": self.id});
        self.chromium.ok(None, "Storage.setCookies", cookies);
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let about = json!({"browserContextId": self.id});
        let _gone = self.chromium.ask(None, "Target.disposeBrowserContext", about);
    }
}

pub(crate) struct Page {
    part: Part,
    _profile: Arc<Profile>,
}

impl Deref for Page {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.part
    }
}

impl Page {
    /// A new tab in that profile, for pages of that origin.
    pub(crate) fn new(profile: &Arc<Profile>, origin: &str) -> Self {
        let chromium = &profile.chromium;
        let blank = json!({"url": "about:blank", "browserContextId": profile.id});
        let target = text_of(&chromium.ok(None, "Target.createTarget", blank)["targetId"]);
        let attach = json!({"targetId": target, "flatten": true});
        let id = text_of(&chromium.ok(None, "Target.attachToTarget", attach)["sessionId"]);
        let journal = Arc::new(Journal::of(origin));
        chromium.follow(&id, Arc::clone(&journal));
        let (chromium, origin) = (Arc::clone(chromium), origin.to_owned());
        let scripts = AtomicBool::new(true);
        let tab = Tab { chromium, id, target, origin, journal, scripts };
        let page = Self { part: Part::whole(Arc::new(tab)), _profile: Arc::clone(profile) };
        for domain in ["Page", "Runtime", "Log", "Network", "Audits", "DOM"] {
            page.ok(&format!("{domain}.enable"), json!({}));
        }
        // Several pages are open at once, and each is the one that its person looks at.
        page.ok("Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
        // A test that has a certificate made it itself; what is outside is not asked anyway.
        page.ok("Security.setIgnoreCertificateErrors", json!({"ignore": true}));
        page.in_time_zone("UTC");
        page.light();
        page.window(WINDOW_PX.0, WINDOW_PX.1);
        page
    }

    fn ok(&self, method: &str, params: Value) -> Value {
        self.tab.ask(method, params).unwrap_or_else(|why| self.tab.fail(&why))
    }

    /// Goes to a path of the service, or to any address, and waits until it is loaded. Where the page asks
    /// whether it may be left, the question is open then.
    pub(crate) fn go(&self, path: &str) {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.tab.origin)
        } else {
            path.to_owned()
        };
        self.tab.journal.with(|seen| seen.loading = true);
        match self.tab.ask("Page.navigate", json!({"url": url})) {
            Ok(answer) => {
                if let Some(why) =
                    answer["errorText"].as_str().filter(|why| *why != "net::ERR_ABORTED")
                {
                    self.tab.fail(&format!("{path}: {why}"));
                }
                if answer["loaderId"].is_null() || answer["errorText"].is_string() {
                    self.tab.journal.with(|seen| seen.loading = false);
                }
            }
            Err(why) if self.tab.journal.with(|seen| seen.dialog.is_none()) => self.tab.fail(&why),
            Err(_) => return,
        }
        self.tab.settle();
    }

    pub(crate) fn reload(&self) {
        self.tab.journal.with(|seen| seen.loading = true);
        self.tab.act([("Page.reload", json!({}))]);
    }

    /// Waits until the address is this path with this query.
    pub(crate) fn is_at(&self, path: &str) {
        self.tab.until(&format!("the address {path}"), || {
            let now = self.path();
            if now == path { Ok(()) } else { Err(format!("it is {now}")) }
        });
    }

    /// Path and query of the address.
    pub(crate) fn path(&self) -> String {
        text_of(&self.beside("location.pathname + location.search"))
    }

    pub(crate) fn title(&self) -> String {
        text_of(&self.beside("document.title"))
    }

    /// What a script comes to, run as one of the page's own.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.tab.evaluate(script, World::Page).unwrap_or_else(|why| self.tab.fail(&why))
    }

    /// The same, run beside the page: it sees the document, and the page's scripts don't see it.
    pub(crate) fn beside(&self, script: &str) -> Value {
        self.tab.until("a script is run", || self.tab.evaluate(script, World::Ours))
    }

    /// How many elements a selector finds.
    pub(crate) fn count(&self, selector: &str) -> u64 {
        let script = format!("document.querySelectorAll({}).length", json!(selector));
        self.beside(&script).as_u64().expect("a number")
    }

    /// Fails where the page must be scrolled sideways, with what sticks out.
    pub(crate) fn fits(&self) {
        let out = self.sticks_out();
        if !out.is_empty() {
            self.tab.fail(&format!("it is wider than its window:\n{}", out.join("\n")));
        }
    }

    /// What sticks out at the window's side; nothing where the page need not be scrolled for it.
    pub(crate) fn sticks_out(&self) -> Vec<String> {
        let script = "document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll('*')]
                .filter(each => each.getBoundingClientRect().right > innerWidth)
                .map(each => each.outerHTML.slice(0, 120))";
        serde_json::from_value(self.beside(script)).expect("a list of texts")
    }

    // ---- Looks.

    pub(crate) fn light(&self) {
        self.looks("light", "no-preference");
    }

    pub(crate) fn dark(&self) {
        self.looks("dark", "no-preference");
    }

    /// As for somebody who wants nothing to move.
    pub(crate) fn still(&self) {
        self.looks("light", "reduce");
    }

    fn looks(&self, scheme: &str, motion: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme},
                              {"name": "prefers-reduced-motion", "value": motion}]);
        self.ok("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    pub(crate) fn window(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ok("Emulation.setDeviceMetricsOverride", size);
    }

    /// `Europe/Berlin`, from the next page on.
    pub(crate) fn in_time_zone(&self, name: &str) {
        self.ok("Emulation.setTimezoneOverride", json!({"timezoneId": name}));
    }

    /// From the next page on, its scripts don't run.
    pub(crate) fn without_script(&self) {
        self.tab.scripts.store(false, Ordering::Relaxed);
        self.ok("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    }

    /// What moves has come to rest, and what is drawn is up to date. In a part that is folded up nothing ends.
    pub(crate) fn is_at_rest(&self) {
        let script = "Promise.all(document.getAnimations()
            .filter(each => each.effect?.getComputedTiming().endTime !== Infinity
                && each.effect?.target?.checkVisibility())
            .map(each => each.finished.catch(() => {}))).then(() => true)";
        self.beside(script);
    }

    /// A picture of the whole page, as high as it is.
    pub(crate) fn picture(&self, file: &Path) {
        self.is_at_rest();
        self.tab.picture(file).unwrap_or_else(|why| self.tab.fail(&why));
    }

    // ---- Dialogs of the browser.

    /// Waits for a dialog, and does what it asks about.
    pub(crate) fn accept(&self) -> Dialog {
        self.answer_dialog(true)
    }

    /// Waits for a dialog, and stays where it is.
    pub(crate) fn dismiss(&self) -> Dialog {
        self.answer_dialog(false)
    }

    fn answer_dialog(&self, accept: bool) -> Dialog {
        let deadline = Instant::now() + PATIENCE;
        let dialog = loop {
            if let Some(dialog) = self.tab.journal.with(|seen| seen.dialog.clone()) {
                break dialog;
            }
            if Instant::now() > deadline {
                self.tab.fail("no dialog opens");
            }
            self.tab.journal.wait(LOOK_AGAIN);
        };
        let tab = &self.tab;
        tab.chromium.ok(Some(&tab.id), "Page.handleJavaScriptDialog", json!({"accept": accept}));
        while tab.journal.with(|seen| seen.dialog.as_ref() == Some(&dialog)) {
            tab.journal.wait(LOOK_AGAIN);
        }
        if !accept {
            // Whoever stays loads nothing.
            tab.journal.with(|seen| seen.loading = false);
        }
        tab.settle();
        dialog
    }

    // ---- What happened.

    /// Every address that was asked so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.tab.journal.with(|seen| seen.requests.clone())
    }

    /// What went wrong so far. It was expected, so it no longer fails the test.
    pub(crate) fn take_troubles(&self) -> Vec<Trouble> {
        self.tab.journal.with(|seen| std::mem::take(&mut seen.troubles))
    }

    /// From here on trouble is expected, and does not fail the test when it comes.
    pub(crate) fn expects_trouble(&self) {
        self.tab.journal.with(|seen| seen.expects_trouble = true);
    }

    /// Waits until something goes wrong as it is expected to, and takes all that did.
    pub(crate) fn wait_for_trouble(&self, expected: impl Fn(&Trouble) -> bool) -> Vec<Trouble> {
        self.tab.until("trouble", || {
            let found = self.tab.journal.with(|seen| seen.troubles.iter().any(&expected));
            if found { Ok(()) } else { Err("there is none of that kind".to_owned()) }
        });
        self.take_troubles()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let tab = &self.tab;
        // The page's last words are heard before it is closed.
        let _last = tab.evaluate("0", World::Ours);
        tab.chromium.forget(&tab.id);
        let _closed = tab.chromium.ask(None, "Target.closeTarget", json!({"targetId": tab.target}));
        if !std::thread::panicking() {
            let (troubles, expected, dialog) = tab
                .journal
                .with(|seen| (seen.troubles.clone(), seen.expects_trouble, seen.dialog.clone()));
            assert!(troubles.is_empty() || expected, "in the page: {troubles:#?}");
            assert_eq!(dialog, None, "a dialog stands open");
        }
    }
}
