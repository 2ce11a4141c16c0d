//! Where other programs' feedback comes in, in the form of another product.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::super::describe::call;
use super::super::inbound::InboundOut;
use super::super::{Page, feedback, inbound};
use super::{Door, EDIT, OPEN, VIEW, door};

const TAG: &str = "inbound";

pub(super) fn doors() -> Vec<Door> {
    const ALL: &str = "/v1/inbound";
    const ONE: &str = "/v1/inbound/{id}";
    let accept = call(
        "acceptFeedback",
        TAG,
        "Hand feedback in",
        "The body, the header and the refusals of Enterpret's inbound Webhook Integration, so that a feeder \
         written for it can be pointed here unchanged. Answered once what it caused is durable on disk. One \
         bad feedback never spoils the others; where none is good, the call is refused.",
    )
    .with_key("api-key", "The key of an inbound integration.")
    .takes("FeedbackInput", example())
    .gives::<feedback::AcceptedOut>(200, "What was taken, and what was not.")
    .refuses_as::<feedback::RefusalOut>(&[
        (400, "`ErrCodeInvalidRequestArgument`, `ErrCodeMissingRequiredField`, `ErrCodeInvalidFieldFormat` or \
               `ErrCodeExceededBatchLimit`."),
        (401, "`ErrCodeInvalidAPIKey`: the key is missing, or none that counts."),
        (413, "`ErrCodePayloadTooLarge`."),
        (500, "`ErrCodeInternalError`: the service failed."),
        (503, "`ErrCodeInternalError`, with Retry-After: nothing of the call was taken, send it again."),
    ]);
    let list = call(
        "listInbound",
        TAG,
        "List inbound integrations",
        "In the order in which they were made.",
    )
    .paged()
    .gives::<Page<InboundOut>>(200, "A page of inbound integrations.");
    let create = call(
        "createInbound",
        TAG,
        "Make an inbound integration",
        "Its key is shown in this answer and never again: Belfry keeps a digest of it.",
    )
    .once()
    .refuses(&[crate::web::error::Code::Conflict])
    .takes(
        "InboundInput",
        json!({"name": "ZendeskSupport", "org_id": "acme", "link_field": "ticket_url"}),
    )
    .gives::<InboundOut>(201, "The inbound integration.");
    let read = call("readInbound", TAG, "Read an inbound integration", "Without its key.")
        .gives::<InboundOut>(200, "The inbound integration.");
    let patch = call(
        "patchInbound",
        TAG,
        "Change an inbound integration",
        "A JSON merge patch (RFC 7396). Its key stays.",
    )
    .takes_patch("InboundPatch", json!({"link_field": null}))
    .gives::<InboundOut>(200, "The inbound integration.");
    let delete = call(
        "deleteInbound",
        TAG,
        "Delete an inbound integration",
        "Its key ends at once. What came in by it stays.",
    );
    vec![
        // It asks for the key of an inbound integration.
        door(Method::POST, "/webhook/custom/all", OPEN, feedback::accept, accept),
        door(Method::GET, ALL, VIEW, inbound::list, list),
        door(Method::POST, ALL, EDIT, inbound::create, create),
        door(Method::GET, ONE, VIEW, inbound::read, read),
        door(Method::PATCH, ONE, EDIT, inbound::patch, patch),
        door(Method::DELETE, ONE, EDIT, inbound::delete, delete),
    ]
}

fn example() -> Value {
    json!({"records": [{
        "id": "review-4711",
        "fileID": "app-store",
        "type": "REVIEW",
        "createdAt": 1_782_561_480,
        "metadata": {"metadata": {"ticket_url": {"array": {"s": ["https://support.example.com/4711"]}},
                                  "stars": {"array": {"n": [1]}}}},
        "text": "Third outage this week. My next call is to our lawyers.",
    }]})
}
