//! Integrations, and what can be done with one.

use actix_web::http::Method;
use serde_json::json;

use super::super::describe::{About, call};
use super::super::integration_out::IntegrationOut;
use super::super::{Page, integrations, preview};
use super::{Door, EDIT, VIEW, door};
use crate::web::error::Code;

const TAG: &str = "integrations";
const ETAG: &str = "The version of its automation, for If-Match.";

fn act(id: &'static str, summary: &'static str, text: &'static str) -> About {
    call(id, TAG, summary, text)
        .takes_nothing()
        .gives::<IntegrationOut>(200, "The integration.")
        .with_header("ETag", ETAG)
}

pub(super) fn doors() -> Vec<Door> {
    const OF_AUTOMATION: &str = "/v1/automations/{id}/integrations";
    const ONE: &str = "/v1/integrations/{id}";
    let list =
        call("listIntegrations", TAG, "List an automation's integrations", "All on one page.")
            .gives::<Page<IntegrationOut>>(200, "The integrations.")
            .refuses(&[Code::Invalid]);
    let create = call(
        "createIntegration",
        TAG,
        "Add an integration",
        "A signing secret is shown in this answer and never again.",
    )
    .once()
    .refuses(&[Code::Conflict])
    .takes(
        "IntegrationInput",
        json!({"kind": "webhook", "url": "https://incidents.example.com/hook",
               "auth": {"method": "custom_header", "header_name": "X-Team-Key",
                        "credential": "the-receiver-knows-it"},
               "ordering": "fifo", "rate_limit": 10, "signing": true}),
    )
    .gives::<IntegrationOut>(201, "The integration.")
    .with_header("ETag", ETAG);
    let read = call("readIntegration", TAG, "Read an integration", "With its state.")
        .gives::<IntegrationOut>(200, "The integration.")
        .with_header("ETag", ETAG);
    let patch =
        call("patchIntegration", TAG, "Change an integration", "A JSON merge patch (RFC 7396).")
            .compares(false)
            .takes_patch(
                "IntegrationPatch",
                json!({"name": "Incident workflow", "rate_limit": null}),
            )
            .gives::<IntegrationOut>(200, "The integration.")
            .with_header("ETag", ETAG);
    let delete = call(
        "deleteIntegration",
        TAG,
        "Delete an integration",
        "Waiting deliveries are discarded with that reason, and kept.",
    )
    .compares(false);
    let test = call(
        "testIntegration",
        TAG,
        "Send a test alert",
        "Sent at once, beside the queue; nothing of it is kept.",
    )
    .takes_nothing()
    .gives::<integrations::TestedOut>(200, "The request and what came of it.");
    let retry_dead = call(
        "retryDead",
        TAG,
        "Try all its dead deliveries again",
        "They are due now, and for as long as a new one.",
    )
    .takes_nothing()
    .gives::<integrations::RetriedDeadOut>(200, "How many there are.");
    let rotate = call(
        "rotateSigningSecret",
        TAG,
        "Make a new signing secret",
        "The old one is sent beside it for 24 hours. The new one is shown in this answer and never again.",
    )
    .takes_nothing()
    .gives::<integrations::RotatedOut>(200, "The new secret.")
    .refuses(&[Code::Conflict]);
    let conflicts = &[Code::Conflict];
    let pause =
        act("pauseIntegration", "Pause an integration", "Nothing is sent; deliveries wait.")
            .refuses(conflicts);
    let resume = act("resumeIntegration", "Resume an integration", "Goes on where it was paused.")
        .refuses(conflicts);
    let enable = act("enableIntegration", "Enable an integration", "Also closes its circuit.");
    let disable = act(
        "disableIntegration",
        "Disable an integration",
        "Switched off until somebody enables it; deliveries wait.",
    );
    let preview_about = call(
        "previewMessage",
        TAG,
        "Show what an alert looks like at a destination",
        "The message for the record given, or for a sample. Nothing is stored or sent.",
    )
    .takes(
        "PreviewInput",
        json!({"kind": "slack",
               "template": {"title": "{{ escalation_level | upper }}: {{ source }} {{ record_id }}"}}),
    )
    .gives::<preview::PreviewOut>(200, "The message.");
    let post = || Method::POST;
    vec![
        // Before the addresses of single ones: it looks like one of them.
        door(post(), "/v1/integrations/preview", VIEW, preview::show, preview_about),
        door(Method::GET, OF_AUTOMATION, VIEW, integrations::list, list),
        door(post(), OF_AUTOMATION, EDIT, integrations::create, create),
        door(Method::GET, ONE, VIEW, integrations::read, read),
        door(Method::PATCH, ONE, EDIT, integrations::patch, patch),
        door(Method::DELETE, ONE, EDIT, integrations::delete, delete),
        door(post(), "/v1/integrations/{id}/test", EDIT, integrations::test, test),
        door(post(), "/v1/integrations/{id}/pause", EDIT, integrations::pause, pause),
        door(post(), "/v1/integrations/{id}/resume", EDIT, integrations::resume, resume),
        door(post(), "/v1/integrations/{id}/enable", EDIT, integrations::enable, enable),
        door(post(), "/v1/integrations/{id}/disable", EDIT, integrations::disable, disable),
        door(
            post(),
            "/v1/integrations/{id}/retry-dead",
            EDIT,
            integrations::retry_dead,
            retry_dead,
        ),
        door(
            post(),
            "/v1/integrations/{id}/rotate-signing-secret",
            EDIT,
            integrations::rotate_signing_secret,
            rotate,
        ),
    ]
}
