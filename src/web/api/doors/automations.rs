//! Automations.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::super::automation_out::AutomationOut;
use super::super::describe::call;
use super::super::integration_out::IntegrationOut;
use super::super::{Page, apply, automations, held_back};
use super::{Door, EDIT, VIEW, door};
use crate::web::error::Code;

type Automation = AutomationOut<IntegrationOut>;
const TAG: &str = "automations";
const ETAG: &str = "The version, for If-Match.";

pub(super) fn doors() -> Vec<Door> {
    const ALL: &str = "/v1/automations";
    const ONE: &str = "/v1/automations/{id}";
    let list = call("listAutomations", TAG, "List automations", "In the order of their ids.")
        .with_switch(
            "settings_only",
            "Only what people set, as `apply` takes it: no states, and no defaults of the service.",
        )
        .paged()
        .gives::<Page<Automation>>(200, "A page of automations.");
    let create = call(
        "createAutomation",
        TAG,
        "Create an automation",
        "Made whole, its integrations in it; comes back with all ids. A signing secret is shown in this \
         answer and never again.",
    )
    .once()
    .refuses(&[Code::Conflict])
    .takes("AutomationInput", example())
    .gives::<Automation>(201, "The automation.")
    .with_header("ETag", ETAG);
    let read = call(
        "readAutomation",
        TAG,
        "Read an automation",
        "With its integrations and their states.",
    )
    .gives::<Automation>(200, "The automation.")
    .with_header("ETag", ETAG);
    let replace = call(
        "replaceAutomation",
        TAG,
        "Replace an automation",
        "What was read can be changed and sent back. Integrations that are missing are deleted, and their \
         waiting deliveries discarded.",
    )
    .compares(true)
    .takes("AutomationInput", json!({"name": "Churn risk", "active": false}))
    .gives::<Automation>(200, "The automation.")
    .with_header("ETag", ETAG);
    let patch =
        call("patchAutomation", TAG, "Change an automation", "A JSON merge patch (RFC 7396).")
            .compares(false)
            .takes_patch("AutomationPatch", json!({"active": true, "filter": null}))
            .gives::<Automation>(200, "The automation.")
            .with_header("ETag", ETAG);
    let delete = call(
        "deleteAutomation",
        TAG,
        "Delete an automation",
        "Waiting deliveries are discarded with that reason, and kept.",
    )
    .compares(false);
    let apply = call(
        "applyAutomations",
        TAG,
        "Apply a document of all automations",
        "What the document holds becomes the whole set of automations: what is new is made, what differs \
         is changed, what is missing is deleted, in one step or not at all. Ask with `dry_run=true` first, \
         and send the ETag of that answer as If-Match. The same document again changes nothing: a \
         credential that is the stored one is no difference.",
    )
    .can_be_dry()
    .compares(false)
    .refuses(&[Code::PreconditionRequired])
    .takes("ApplyInput", json!({"automations": [example()]}))
    .gives::<apply::AppliedOut>(200, "What was changed, or would be.")
    .with_header("ETag", "What the document was compared with.");
    let held_back = call(
        "listHeldBack",
        TAG,
        "List alerts that were held back",
        "What the automation's cool-down held back, newest first. Each is counted in the next alert's message, \
         too.",
    )
    .paged()
    .gives::<Page<held_back::HeldBackOut>>(200, "A page of them.");
    vec![
        door(Method::POST, "/v1/automations/apply", EDIT, apply::apply, apply),
        door(Method::GET, ALL, VIEW, automations::list, list),
        door(Method::POST, ALL, EDIT, automations::create, create),
        door(Method::GET, ONE, VIEW, automations::read, read),
        door(Method::PUT, ONE, EDIT, automations::replace, replace),
        door(Method::PATCH, ONE, EDIT, automations::patch, patch),
        door(Method::DELETE, ONE, EDIT, automations::delete, delete),
        door(Method::GET, "/v1/automations/{id}/held-back", VIEW, held_back::list, held_back),
    ]
}

fn example() -> Value {
    json!({
        "name": "Churn risk",
        "filter": {"all": [
            {"field": "segment", "op": "eq", "value": "enterprise"},
            {"field": "metadata.arr", "op": "gte", "value": 100_000},
        ]},
        "minimum_levels": {"escalation_level": "high"},
        "integrations": [{
            "kind": "webhook",
            "name": "Escalation router",
            "url": "https://router.example.com/alerts",
            "auth": {"method": "bearer", "credential": "the-receiver-knows-it"},
            "condition": {"field": "levels.escalation_level", "op": "eq", "value": "extreme"},
            "retry": {"base": "5s", "horizon": "24h"},
        }],
    })
}
