//! The real program, a receiver of alerts, and a classifier that answers as it is told.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Data, Listener, Service, call, path_text};
use crate::receiver::{Ca, Door, Log, Receiver, Reply, Seen};

pub(crate) const KEY: &str = "sentinel-classifier-key";

/// Everything that a story needs.
pub(crate) struct Stage {
    pub(crate) data: Data,
    pub(crate) listener: Listener,
    pub(crate) classifier: Receiver,
    settings: Vec<(String, String)>,
}

impl Stage {
    pub(crate) fn new(script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let ca = Ca::new();
        let door = Door::tls(ca.issue(&["127.0.0.1"]));
        Self::behind(door, &ca, script)
    }

    /// With a classifier that speaks so.
    pub(crate) fn behind(
        door: Door,
        ca: &Ca,
        script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let data = Data::init();
        let listener = Listener::start(&data, "ops", &[]);
        let classifier = Receiver::start(door, script);
        let file = data.beside("classifier-ca.pem");
        std::fs::write(&file, ca.pem()).unwrap();
        let files = format!("{},{}", path_text(&file), path_text(&listener.ca));
        let settings = [
            ("BELFRY__EGRESS__CA_FILES", files),
            ("BELFRY__DETECT__CLASSIFIER__URL", classifier.url("/v1/judge?key=sentinel-in-query")),
            ("BELFRY__DETECT__CLASSIFIER__API_KEY", KEY.to_owned()),
            ("BELFRY__DELIVERY__RETRY__BASE", "100ms".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).into();
        Self { data, listener, classifier, settings }
    }

    /// The service, with these settings laid over; an empty one takes a setting away.
    pub(crate) fn serve(&self, more: &[(&str, &str)]) -> Service {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &self.settings {
            if !more.iter().any(|(other, _)| other == name) {
                all.push((name, value));
            }
        }
        all.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        Service::start(&self.data, &all)
    }

    /// An automation that watches records of the segment `enterprise` from high escalation levels on.
    pub(crate) fn automation(&self, service: &Service) {
        service.ok(
            "POST",
            "/v1/automations",
            &json!({"name": "VIP", "active": true,
                    "filter": {"field": "segment", "op": "eq", "value": "enterprise"},
                    "minimum_levels": {"escalation_level": "high"},
                    "integrations": [{"kind": "webhook", "name": "ops",
                                      "url": format!("{}/hook", self.listener.url),
                                      "auth": {"method": "none"}}]}),
        );
    }

    /// How many requests with a record's alert arrived.
    pub(crate) fn arrived(&self, record_id: &str) -> usize {
        let key = format!(":{record_id}");
        let taken = self.listener.taken();
        taken.iter().filter(|(each, _)| each.ends_with(&key)).map(|(_, all)| all.len()).sum()
    }

    pub(crate) fn asked(&self) -> Log {
        self.classifier.log()
    }
}

/// A record of that segment without levels, which the built-in detector finds harmless.
pub(crate) fn mild(id: &str) -> Value {
    json!({"id": id, "org_id": "acme", "source": "zendesk", "segment": "enterprise",
           "content": format!("Please send me the invoice of March ({id}).")})
}

/// One that it takes for an escalation.
pub(crate) fn fierce(id: &str) -> Value {
    json!({"id": id, "org_id": "acme", "source": "zendesk", "segment": "enterprise",
           "content": format!("This is a disgrace. I will call my lawyer today ({id}).")})
}

pub(crate) fn send(service: &Service, records: &[Value]) -> Value {
    service.ok("POST", "/v1/records", &json!({ "records": records }))
}

/// Sends a record, and goes away without an answer.
pub(crate) fn send_and_leave(service: &Service, token: &str, record: &Value) {
    let body = json!({"records": [record]}).to_string();
    let request = format!(
        "POST /v1/records HTTP/1.1\r\nhost: belfry\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = std::net::TcpStream::connect(service.addr).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
}

/// An answer in the plain protocol.
pub(crate) fn says(escalation: &str, words: &str) -> Reply {
    let levels = json!({"escalation_level": escalation, "emotional_intensity_level": "low"});
    Reply::text(200, &json!({"levels": levels, "evidence": words}).to_string())
}

/// The same, which takes a while to arrive.
pub(crate) fn says_slowly(escalation: &str) -> Reply {
    let levels = json!({"escalation_level": escalation, "emotional_intensity_level": "low"});
    let body = json!({ "levels": levels }).to_string();
    Reply::head(format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n", body.len()))
        .drip(body, Duration::from_millis(3))
}

/// The levels in the body of a record's alert.
pub(crate) fn levels(service: &Service, record_id: &str) -> Value {
    alert(service, record_id)["body"]["levels"].clone()
}

/// What they follow from.
pub(crate) fn detected(service: &Service, record_id: &str) -> Value {
    alert(service, record_id)["detected"].clone()
}

fn alert(service: &Service, record_id: &str) -> Value {
    let delivery = service.delivery(record_id).unwrap();
    let alert = delivery["alert_id"].as_str().unwrap();
    service.ok("GET", &format!("/v1/alerts/{alert}"), &Value::Null)
}

/// The value of a metric's line.
pub(crate) fn metric(service: &Service, token: &str, line: &str) -> Option<f64> {
    let (_, text) = call(service.addr, token, "GET", "/metrics", &Value::Null)?;
    let text = text.as_str()?.to_owned();
    let found = text.lines().find(|each| each.starts_with(line))?;
    found.rsplit(' ').next()?.parse().ok()
}
