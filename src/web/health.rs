//! Whether the process is alive, and whether it can do its work: for those who start and watch it.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::WebState;
use super::error::{Code, Problem};

/// `GET /healthz`: it answers, so it lives.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

/// `GET /readyz`: whether records can be taken and results written.
pub(super) async fn ready(state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    match state.engine.ready() {
        Ok(()) => Ok(HttpResponse::Ok().json(json!({ "status": "ready" }))),
        Err(why) => Err(Problem::new(Code::NotReady, format!("It is not ready: {why}."))),
    }
}
