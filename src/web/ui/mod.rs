//! What people see: pages made here, one file for each; templates and assets lie beside the sources. Every page
//! works without a script; where there is one, parts of pages are exchanged instead of whole ones.
//!
//! A page changes nothing that the API could not: both call the same functions.

mod advice;
mod alert;
mod assets;
mod attempt;
mod audit;
mod audit_words;
mod automation;
mod automations;
mod bulk;
mod curl;
mod deliveries;
mod delivery;
mod editor;
mod form;
mod frame;
mod health;
mod inbound;
mod integration;
mod log_filter;
mod machine;
mod new_password;
mod once;
mod overview;
mod people;
mod person;
mod phases;
mod phrases;
pub mod plot;
mod records;
pub(super) mod refusal;
mod rights;
mod routes;
mod settings;
mod sign_in;
mod standing;
mod table;
mod tokens;
mod why;
mod words;

use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::web::error::{Code, Problem};

pub(super) use routes::register;
pub use routes::{PageRoute, page_routes};

/// Pages load what the service itself serves, and nothing that stands inside them is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page as an answer.
fn html(page: &impl Template) -> Result<HttpResponse, Problem> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page can't be made");
        Problem::internal()
    })?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(text))
}

/// Whether only the live part of a page is asked for.
fn is_live(request: &HttpRequest) -> bool {
    request.headers().contains_key("hx-request")
}

/// After a change, the browser is sent to where its outcome shows, so that going back repeats nothing.
fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}

fn nothing_here(request: &HttpRequest) -> Problem {
    Problem::new(Code::NotFound, format!("There is nothing at {}.", request.path()))
}
