//! What a test plays on: the real program on a data directory of its own, and people who come to it, each
//! with a browser profile of their own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::page::{Page, Profile};
use crate::process::{Data, Service};
use crate::wire::{Chromium, chromium};

/// The password of everybody. It must be found nowhere.
pub(crate) const PASSWORD: &str = "sentinel-password-7c9e6679";

pub(crate) struct Stage {
    // Dropped in this order: the service looks for secrets in its data as it ends.
    pub(crate) service: Service,
    #[allow(dead_code, reason = "kept as long as the service is")]
    pub(crate) data: Data,
    chromium: Arc<Chromium>,
    people: Mutex<BTreeSet<String>>,
}

impl Stage {
    /// Nothing where this machine has no Chromium: the test is left out then.
    pub(crate) fn set() -> Option<Self> {
        chromium()?;
        Self::set_on(Data::init(), &[])
    }

    /// The same on data that a test has prepared, with `BELFRY__…` settings.
    pub(crate) fn set_on(data: Data, settings: &[(&str, &str)]) -> Option<Self> {
        let chromium = chromium()?;
        let service = Service::start(&data, settings);
        Some(Self { service, data, chromium, people: Mutex::default() })
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.service.addr)
    }

    /// Somebody whom the service does not know.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(&self.chromium, &self.origin())
    }

    /// Somebody with that role, who is signed in. They are called as their role is.
    pub(crate) fn signed_in(&self, role: &str) -> Visitor {
        self.signed_in_as(role, role)
    }

    /// The same by a name.
    pub(crate) fn signed_in_as(&self, name: &str, role: &str) -> Visitor {
        self.add_person(name, role);
        let visitor = self.visitor();
        let (name, value) = self.cookie_of(name);
        visitor.profile.set_cookie(&self.origin(), &name, &value);
        visitor
    }

    /// Adds a person with [`PASSWORD`], once.
    pub(crate) fn add_person(&self, name: &str, role: &str) {
        if self.people.lock().unwrap().insert(name.to_owned()) {
            let person = json!({"name": name, "role": role, "password": PASSWORD});
            self.service.ok("POST", "/v1/users", &person);
        }
    }

    /// Signs in by the API: name and value of the cookie.
    fn cookie_of(&self, name: &str) -> (String, String) {
        let body = json!({"name": name, "password": PASSWORD}).to_string();
        let length = body.len();
        let request = format!(
            "POST /v1/session HTTP/1.1\r\nhost: belfry\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let answer = crate::client::exchange(self.service.addr, request.as_bytes());
        let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
        let (name, rest) = set.split_once('=').expect("a cookie");
        (name.to_owned(), rest.split(';').next().expect("a value").to_owned())
    }

    /// An automation as the API makes it; what it answers.
    pub(crate) fn automation(&self, automation: &Value) -> Value {
        self.service.ok("POST", "/v1/automations", automation)
    }
}

/// Somebody with a browser of their own.
pub(crate) struct Visitor {
    profile: Arc<Profile>,
    origin: String,
}

impl Visitor {
    /// For pages of that origin: a test's own server, say.
    pub(crate) fn new(chromium: &Arc<Chromium>, origin: &str) -> Self {
        Self { profile: Arc::new(Profile::new(chromium)), origin: origin.to_owned() }
    }

    /// A new tab that shows that path.
    pub(crate) fn open(&self, path: &str) -> Page {
        let page = self.blank();
        page.go(path);
        page
    }

    /// A new tab that shows nothing yet.
    pub(crate) fn blank(&self) -> Page {
        Page::new(&self.profile, &self.origin)
    }
}
