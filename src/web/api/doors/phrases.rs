//! What organisations add to the detector's phrases.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::super::describe::call;
use super::super::phrases::PhrasesOut;
use super::super::phrases_preview::PreviewOut;
use super::super::{Page, phrases, phrases_preview};
use super::{Door, EDIT, VIEW, door};
use crate::web::error::Code;

const TAG: &str = "phrases";
const ETAG: &str = "The version, for If-Match.";

pub(super) fn doors() -> Vec<Door> {
    const ONE: &str = "/v1/phrases/{id}";
    let list = call(
        "listPhrases",
        TAG,
        "List organisations with phrases of their own",
        "In the order of their ids: those with phrases stored, and those that the configuration gives some.",
    )
    .paged()
    .gives::<Page<PhrasesOut>>(200, "A page of organisations with their phrases.");
    let read = call(
        "readPhrases",
        TAG,
        "Read an organisation's phrases",
        "Those that are stored, and beside them those that the configuration gives it. Both count, on top of \
         what is built in.",
    )
    .gives::<PhrasesOut>(200, "The phrases.")
    .with_header("ETag", ETAG);
    let replace = call(
        "replacePhrases",
        TAG,
        "Replace an organisation's phrases",
        "What is given becomes all that is stored for the organisation, and counts for its next record. What \
         was read can be changed and sent back. Where none are stored, no If-Match is needed; `\"0\"` says \
         that none were.",
    )
    .compares(false)
    .refuses(&[Code::PreconditionRequired, Code::Conflict])
    .takes("PhrasesInput", example())
    .gives::<PhrasesOut>(201, "The phrases of an organisation that had none stored.")
    .or_gives::<PhrasesOut>("The phrases, which took the place of others.")
    .with_header("ETag", ETAG);
    let delete = call(
        "deletePhrases",
        TAG,
        "Delete an organisation's phrases",
        "Its next record is judged without them. What the configuration gives it stays.",
    )
    .compares(false);
    let preview = call(
        "previewPhrases",
        TAG,
        "Try phrases on recent records",
        "Judges the organisation's records that came in last, as far as they came without levels, by these \
         phrases in the place of those that are stored, and says what would be different. Each is judged \
         alone: what was said earlier in its conversation does not count. Nothing is stored or sent.",
    )
    .takes("PhrasesInput", example())
    .gives::<PreviewOut>(200, "What would be different.");
    vec![
        door(Method::GET, "/v1/phrases", VIEW, phrases::list, list),
        door(Method::GET, ONE, VIEW, phrases::read, read),
        door(Method::PUT, ONE, EDIT, phrases::replace, replace),
        door(Method::DELETE, ONE, EDIT, phrases::delete, delete),
        door(Method::POST, "/v1/phrases/{id}/preview", VIEW, phrases_preview::show, preview),
    ]
}

fn example() -> Value {
    json!({
        "add": [{"family": "executive_contact", "weight": 0.65, "phrase": "write|talk to the board"}],
        "exclude": ["legal action now"],
    })
}
