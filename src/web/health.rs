//! Whether the process is alive, and whether it can do its work: for those who start and watch it.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::WebState;
use super::error::{Code, Problem};

/// How the process is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(super) struct HealthOut {
    /// `alive` or `ready`.
    status: &'static str,
}

/// `GET /healthz`: it answers, so it lives.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(HealthOut { status: "alive" })
}

/// `GET /readyz`: whether records can be taken and results written.
pub(super) async fn ready(state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    match state.engine.ready() {
        Ok(()) => Ok(HttpResponse::Ok().json(HealthOut { status: "ready" })),
        Err(why) => Err(Problem::new(Code::NotReady, format!("It is not ready: {why}."))),
    }
}
