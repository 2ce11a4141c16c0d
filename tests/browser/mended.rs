//! A destination that fails until somebody mends it, and gives each delivery up early: there are dead ones soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::process::{Data, path_text};
use crate::receiver::pki::Ca;
use crate::receiver::{Door, Receiver, Reply};
use crate::stage::Stage;

pub(crate) struct Scene {
    pub(crate) stage: Stage,
    /// Takes requests for as long as the scene is there.
    _receiver: Receiver,
    /// The automation's id; its name is "To mended".
    pub(crate) automation: String,
    /// The destination's id; its name is "mended".
    pub(crate) integration: String,
    is_mended: Arc<AtomicBool>,
}

impl Scene {
    pub(crate) fn begin() -> Option<Self> {
        let data = Data::init();
        let (ca, is_mended) = (Ca::new(), Arc::new(AtomicBool::new(false)));
        let trusted = data.beside("ca.pem");
        std::fs::write(&trusted, ca.pem()).unwrap();
        let healed = Arc::clone(&is_mended);
        let receiver = Receiver::start(Door::tls(ca.issue(&["127.0.0.1"])), move |_, _| {
            Reply::status(if healed.load(Ordering::SeqCst) { 200 } else { 503 })
        });
        let trusted = path_text(&trusted);
        let stage = Stage::set_on(data, &[("BELFRY__EGRESS__CA_FILES", &trusted)])?;
        // Given up as soon as one attempt failed past the horizon, which is short.
        let retry = json!({"base": "300ms", "factor": 1, "cap": "300ms", "horizon": "50ms"});
        let auth = json!({"method": "bearer", "credential": "sentinel-bearer"});
        let made = stage.automation(&json!({"name": "To mended", "active": true, "integrations": [
            {"kind": "webhook", "name": "mended", "url": receiver.url("/"), "auth": auth, "retry": retry}]}));
        let id = |value: &serde_json::Value| value["id"].as_str().expect("an id").to_owned();
        let (automation, integration) = (id(&made), id(&made["integrations"][0]));
        Some(Self { stage, _receiver: receiver, automation, integration, is_mended })
    }

    /// The receiver takes what it gets from now on.
    pub(crate) fn mend(&self) {
        self.is_mended.store(true, Ordering::SeqCst);
    }

    /// Sends these records, and waits until each delivery is dead.
    pub(crate) fn give_up(&self, ids: &[&str]) {
        for id in ids {
            self.stage.service.send(id);
        }
        for id in ids {
            self.stage.service.wait_for_state(id, "dead");
        }
    }
}
