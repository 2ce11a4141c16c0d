//! The scenarios' last driver: the real program and a real receiver over real TLS play a chosen dozen.
//! Times are squeezed, so outcomes are compared and not times: what each attempt came to, in order, and
//! how each delivery ends, as the scenario file tells it.

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
use std::path::Path;

use process::{Data, Listener, Service, path_text, wait_until};
use serde_json::Value;

/// A scenario as far as this driver needs it: one destination, records that come in, nothing else.
struct Story {
    script: Vec<(String, String)>,
    alerts: Vec<String>,
    /// When each request goes out, in order.
    sends_ms: Vec<u64>,
    /// What each alert's attempts come to.
    outcomes: BTreeMap<String, Vec<String>>,
    ends: BTreeMap<String, String>,
}

fn span_ms(text: &str) -> u64 {
    u64::try_from(belfry::config::span::parse(text).expect("a span").as_millis()).unwrap()
}

/// `m:ss.mmm` or `h:mm:ss.mmm`.
fn clock_ms(text: &str) -> u64 {
    let parts: Vec<f64> = text.split(':').map(|part| part.parse().unwrap()).collect();
    (parts.iter().fold(0.0, |sum, part| sum * 60.0 + part) * 1000.0).round() as u64
}

impl Story {
    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join(format!("fixtures/scenarios/{name}.scenario"));
        let text = std::fs::read_to_string(&path).unwrap();
        let mut story = Self {
            script: Vec::new(),
            alerts: Vec::new(),
            sends_ms: Vec::new(),
            outcomes: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        let (told, expected) = text.split_once("---- expect").unwrap();
        let mut part = "";
        for line in told.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or("");
            if !line.starts_with(' ') {
                part = if matches!(first, "script" | "do") { first } else { "" };
                continue;
            }
            let rest: Vec<&str> = words.collect();
            match part {
                "script" => story.script.push((first.to_owned(), rest.join(" "))),
                "do" => {
                    assert_eq!(rest[0], "accept", "{name}: this driver only takes records");
                    rest[1..].iter().for_each(|word| story.accept(word));
                }
                _ => panic!("{name}: {line}"),
            }
        }
        for line in expected.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["end", _, alert, state, "attempts", ..] => {
                    story.ends.insert((*alert).to_owned(), (*state).to_owned());
                }
                [at, _, _, _, "send"] => story.sends_ms.push(clock_ms(at)),
                [_, _, alert, number, outcome, ..] if number.starts_with('#') => {
                    let outcomes = story.outcomes.entry((*alert).to_owned()).or_default();
                    outcomes.push((*outcome).to_owned());
                }
                _ => {}
            }
        }
        story
    }

    fn accept(&mut self, word: &str) {
        match word.split_once("..") {
            None => self.alerts.push(word.to_owned()),
            Some((first, last)) => {
                let number = |text: &str| text[1..].parse::<u32>().unwrap();
                let range = number(first)..=number(last);
                self.alerts.extend(range.map(|each| format!("a{each}")));
            }
        }
    }

    /// The receiver's script by the number of the request instead of the time.
    fn by_request(&self) -> String {
        let alone =
            |(start, rest): &&(String, String)| start.starts_with('#') || rest.contains(" for ");
        let mut text = String::new();
        for (number, at_ms) in (1..).zip(&self.sends_ms) {
            let mut timed = self.script.iter().filter(|line| !alone(line));
            if let Some((_, rest)) = timed.rfind(|(start, _)| span_ms(start) <= *at_ms) {
                text.push_str(&format!("#{number} {rest}\n"));
            }
        }
        for (start, rest) in self.script.iter().filter(alone) {
            text.push_str(&format!("{start} {rest}\n"));
        }
        text
    }
}

fn play(name: &str) {
    let story = Story::read(name);
    let data = Data::init();
    let script = data.beside("script");
    std::fs::write(&script, story.by_request()).unwrap();
    let listener = Listener::start(&data, "receiver", &["--script", &path_text(&script)]);
    let ca = path_text(&listener.ca);
    let settings = [
        ("BELFRY__EGRESS__CA_FILES", ca.as_str()),
        ("BELFRY__DELIVERY__TIMEOUT", "1s"),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "200ms"),
        ("BELFRY__DELIVERY__CIRCUIT__FAILURES", "1000"),
    ];
    let service = Service::start(&data, &settings);
    service.automation(&[format!("{}/hook", listener.url)]);
    for alert in &story.alerts {
        assert_eq!(service.send(alert).0, 202, "{name}");
    }
    for (alert, state) in &story.ends {
        wait_until(&format!("{name}: {alert} is {state}"), || service.state_of(alert) == *state);
        let delivery = service.delivery(alert).unwrap();
        let attempts = delivery["attempts"].as_array().unwrap().iter();
        let came_to: Vec<String> = attempts.map(outcome).collect();
        assert_eq!(came_to, story.outcomes[alert], "{name}: {alert}\n{}", service.log());
    }
}

/// An attempt's outcome in the scenarios' words.
fn outcome(attempt: &Value) -> String {
    match attempt["status"].as_u64() {
        Some(status) => status.to_string(),
        None => attempt["cause"].as_str().unwrap_or("?").to_owned(),
    }
}

macro_rules! plays {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { play($name); })*
    };
}

plays! {
    any_2xx_is_success: "outcomes/any-2xx-is-success",
    redirects_are_not_followed: "outcomes/redirects-are-not-followed",
    reset_before_accept: "outcomes/reset-before-accept",
    reset_after_accept: "outcomes/reset-after-accept",
    slow_body_after_2xx: "outcomes/slow-body-after-2xx",
    slow_body_of_a_failure: "outcomes/slow-body-of-a-failure",
    cut_and_endless_bodies: "outcomes/cut-and-endless-bodies",
    timeout_at_the_head: "outcomes/timeout-at-the-head",
    dripped_head: "outcomes/dripped-head",
    flooded_head: "outcomes/flooded-head",
    retry_after_absurd: "retry/retry-after-absurd",
    retry_after_twice: "retry/retry-after-twice",
}
