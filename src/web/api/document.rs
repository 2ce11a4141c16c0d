//! `/openapi.json`: the description of all that the service answers.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use serde_json::Value;

use super::describe::document::document;
use super::doors::doors;

/// Made once: it is the same for as long as the process lives.
static DOCUMENT: OnceLock<Value> = OnceLock::new();
static TEXT: OnceLock<String> = OnceLock::new();

/// The description (OpenAPI 3.1).
pub fn openapi() -> &'static Value {
    DOCUMENT.get_or_init(|| document(&doors()))
}

pub(super) async fn read() -> HttpResponse {
    let text = TEXT.get_or_init(|| format!("{:#}\n", openapi()));
    HttpResponse::Ok().content_type(ContentType::json()).body(text.as_str())
}
