//! README's three minutes in the browser, word for word: from the link that `belfry dev` prints to a delivered alert.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::process::belfry;
use crate::stage::{PASSWORD, Visitor};
use crate::wire::chromium;

struct Dev {
    child: Child,
    opening: Value,
}

impl Dev {
    fn start() -> Self {
        let mut child = belfry()
            .args(["dev", "--json", "--listen", "127.0.0.1:0", "--pace", "0ms"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        // It goes on telling, and would stand still if nobody listened.
        std::thread::spawn(move || out.lines().for_each(drop));
        Self { child, opening: serde_json::from_str(&line).unwrap() }
    }

    fn told(&self, pointer: &str) -> &str {
        self.opening.pointer(pointer).and_then(Value::as_str).expect("a text")
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}

#[test]
fn from_the_link_to_a_delivered_alert() {
    let Some(chromium) = chromium() else { return };
    let dev = Dev::start();
    assert_eq!(dev.told("/receivers/0/name"), "desk");
    let page = Visitor::new(&chromium, dev.told("/service")).open(dev.told("/setup_url"));
    page.fill("Name", "ada");
    page.fill("Password", PASSWORD);
    page.fill("Password again", PASSWORD);
    page.click("Set password");
    page.is_at("/?notice=welcome");

    page.click("Automations");
    page.click("New automation");
    page.fill("Name", "My first");
    page.part("Alerts").click("Add webhook");
    page.fill("URL", dev.told("/receivers/0/url"));
    page.part("New webhook").click("Add webhook");
    page.sees("not saved yet");
    page.click("Save changes");
    page.sees("Created.");

    page.click("Records");
    page.click("Send");
    page.has("heading", "What was sent");
    let number = page.row("My first").with(
        "function () { return this.querySelector('a[href^=\"/deliveries/\"]').textContent; }",
    );
    page.click(number.as_str().expect("an id"));
    page.sees("delivered");
    page.sees("answered 200");
    page.sees("curl --request POST");
}
