//! What happened in a page: each request, each breach of its content security policy, each error of its
//! console. A test fails by what stands here at its end and was not expected.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

/// Something that must not happen in a page of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It asked another host.
    Outside(String),
    /// The content security policy forbade something: the directive, and what was blocked.
    Policy(String),
    /// An error in the console, or one that nobody caught.
    Console(String),
    /// What the page needs could not be had, or the service failed.
    Missing(String),
}

/// A dialog of the browser that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialog {
    /// `alert`, `confirm`, `prompt` or `beforeunload`.
    pub(crate) kind: String,
    pub(crate) message: String,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) loading: bool,
    pub(crate) dialog: Option<Dialog>,
    /// Every address that was asked, in order.
    pub(crate) requests: Vec<String>,
    pub(crate) troubles: Vec<Trouble>,
    /// Whether trouble is what the test is about: what comes late fails nothing then.
    pub(crate) expects_trouble: bool,
    /// The one that may be asked: `http://127.0.0.1:4711`.
    origin: String,
    /// The addresses of requests under way, by Chromium's ids.
    under_way: BTreeMap<String, String>,
}

impl Journal {
    pub(crate) fn of(origin: &str) -> Self {
        let seen = Seen { origin: origin.to_owned(), ..Seen::default() };
        Self { seen: Mutex::new(seen), changed: Condvar::new() }
    }

    /// Looks at it, or changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap())
    }

    /// Waits for the next event, a short while at most: not all that is waited for is an event.
    pub(crate) fn wait(&self, most: Duration) {
        let seen = self.seen.lock().unwrap();
        drop(self.changed.wait_timeout(seen, most).unwrap());
    }

    pub(crate) fn note(&self, method: &str, event: &Value) {
        self.with(|seen| seen.note(method, event));
        self.changed.notify_all();
    }
}

impl Seen {
    fn note(&mut self, method: &str, event: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match method {
            "Page.frameStartedLoading" | "Page.frameStartedNavigating" => self.loading = true,
            "Page.frameStoppedLoading" => self.loading = false,
            "Page.javascriptDialogOpening" => {
                let (kind, message) = (text(&event["type"]), text(&event["message"]));
                self.dialog = Some(Dialog { kind, message });
            }
            "Page.javascriptDialogClosed" => self.dialog = None,
            "Network.requestWillBeSent" => {
                let url = text(&event["request"]["url"]);
                self.under_way.insert(text(&event["requestId"]), url.clone());
                self.asked(url);
            }
            "Network.webSocketCreated" | "Network.webTransportCreated" => {
                self.asked(text(&event["url"]));
            }
            "Network.responseReceived" => {
                let status = event["response"]["status"].as_u64().unwrap_or(0);
                // A person who errs gets a page with 4xx; a part of a page that is missing is an error of ours.
                let part = !["Document", "Fetch", "XHR"].iter().any(|kind| event["type"] == *kind);
                if status >= 500 || (status >= 400 && part) {
                    let url = text(&event["response"]["url"]);
                    self.troubles.push(Trouble::Missing(format!("{status}: {url}")));
                }
            }
            "Network.loadingFailed" => {
                let url = self.under_way.remove(&text(&event["requestId"])).unwrap_or_default();
                // A breach of the policy is told by itself. Who leaves a page breaks off what it was loading.
                let told = event["blockedReason"] == "csp" || event["canceled"] == true;
                let why = text(&event["errorText"]);
                if !told && why != "net::ERR_ABORTED" {
                    self.troubles.push(Trouble::Missing(format!("{why}: {url}")));
                }
            }
            "Network.loadingFinished" => drop(self.under_way.remove(&text(&event["requestId"]))),
            "Audits.issueAdded" => self.issue(&event["issue"]),
            "Log.entryAdded" => {
                let entry = &event["entry"];
                // Failed requests are judged above, where their kind is known.
                if entry["level"] == "error" && entry["source"] != "network" {
                    let place = format!("{}: {}", entry["source"], text(&entry["text"]));
                    self.troubles.push(Trouble::Console(place));
                }
            }
            "Runtime.exceptionThrown" => {
                let details = &event["exceptionDetails"];
                let thrown = details["exception"]["description"].as_str();
                let text = thrown.map_or_else(|| text(&details["text"]), str::to_owned);
                self.troubles.push(Trouble::Console(text));
            }
            "Runtime.consoleAPICalled" if event["type"] == "error" || event["type"] == "assert" => {
                self.troubles.push(Trouble::Console(event["args"].to_string()));
            }
            // There are hundreds of events; the others tell nothing that is promised.
            _ => {}
        }
    }

    fn issue(&mut self, issue: &Value) {
        if issue["code"] == "ContentSecurityPolicyIssue" {
            let details = &issue["details"]["contentSecurityPolicyIssueDetails"];
            let what = details["blockedURL"]
                .as_str()
                .or(details["contentSecurityPolicyViolationType"].as_str());
            let directive = details["violatedDirective"].as_str().unwrap_or_default();
            let what = what.unwrap_or_default();
            self.troubles.push(Trouble::Policy(format!("{directive}: {what}")));
        }
    }

    fn asked(&mut self, url: String) {
        // What stands in the page itself is asked of nobody.
        let inside = ["data:", "blob:", "about:"].iter().any(|scheme| url.starts_with(scheme));
        let ours = url.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with(['/', '?']));
        if !inside && !ours {
            self.troubles.push(Trouble::Outside(url.clone()));
        }
        self.requests.push(url);
    }
}
