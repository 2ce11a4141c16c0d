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
mod integration;
mod log_filter;
mod machine;
mod new_password;
mod once;
mod overview;
mod people;
mod person;
mod phases;
pub mod plot;
mod records;
pub(super) mod refusal;
mod rights;
mod settings;
mod sign_in;
mod standing;
mod table;
mod tokens;
mod words;

use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::web::error::{Code, Problem};

/// Pages load what the service itself serves, and nothing that stands inside them is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Serves all pages.
pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(overview::overview))
        .route("/assets/{version}/{name}", web::get().to(assets::asset))
        .route("/automations", web::get().to(automations::list))
        .route("/records", web::get().to(records::page))
        .route("/records/dry-run", web::post().to(records::dry_run))
        .route("/records/send", web::post().to(records::send))
        .route("/sign-in", web::get().to(sign_in::page))
        .route("/sign-in", web::post().to(sign_in::sign_in))
        .route("/sign-out", web::post().to(sign_in::sign_out))
        .route("/welcome", web::get().to(sign_in::welcome))
        .route("/welcome", web::post().to(sign_in::first))
        .route("/password", web::get().to(sign_in::password))
        .route("/password", web::post().to(sign_in::change_password))
        .route("/automations/new", web::get().to(editor::new))
        .route("/automations/new", web::post().to(editor::post_new))
        .route("/automations/{id}/edit", web::get().to(editor::edit))
        .route("/automations/{id}/edit", web::post().to(editor::post))
        .route("/automations/{id}", web::get().to(automation::show))
        .route("/automations/{id}/active", web::post().to(automation::switch))
        .route("/automations/{id}/delete", web::get().to(automation::ask_delete))
        .route("/automations/{id}/delete", web::post().to(automation::delete))
        .route("/alerts/{id}", web::get().to(alert::show))
        .route("/deliveries", web::get().to(deliveries::list))
        // Before the page of one, of which these would be names.
        .route("/deliveries/retry", web::get().to(bulk::ask_retry))
        .route("/deliveries/retry", web::post().to(bulk::retry))
        .route("/deliveries/discard", web::get().to(bulk::ask_discard))
        .route("/deliveries/discard", web::post().to(bulk::discard))
        .route("/deliveries/{id}", web::get().to(delivery::show))
        .route("/deliveries/{id}/retry", web::post().to(delivery::retry))
        .route("/deliveries/{id}/discard", web::get().to(delivery::ask_discard))
        .route("/deliveries/{id}/discard", web::post().to(delivery::discard))
        .configure(destinations)
        .configure(administration);
}

/// Destinations and the first page.
fn destinations(config: &mut web::ServiceConfig) {
    config
        .route("/integrations/{id}", web::get().to(integration::show))
        .route("/integrations/{id}/pause", web::post().to(integration::pause))
        .route("/integrations/{id}/resume", web::post().to(integration::resume))
        .route("/integrations/{id}/enable", web::post().to(integration::enable))
        .route("/integrations/{id}/disable", web::post().to(integration::disable))
        .route("/integrations/{id}/test", web::post().to(integration::test))
        .route("/integrations/{id}/retry-dead", web::get().to(integration::ask_retry_dead))
        .route("/integrations/{id}/retry-dead", web::post().to(integration::retry_dead))
        .route("/integrations/{id}/rotate-signing-secret", web::post().to(integration::rotate))
        .route(
            "/integrations/{id}/{act:test|rotate-signing-secret}",
            web::get().to(integration::back),
        );
}

/// People, tokens, what they did, and what is in force.
fn administration(config: &mut web::ServiceConfig) {
    config
        .route("/people", web::get().to(people::list))
        .route("/people/new", web::get().to(people::new))
        .route("/people/new", web::post().to(people::add))
        .route("/people/{id}", web::get().to(person::show))
        .route("/people/{id}", web::post().to(person::change))
        .route("/people/{id}/password", web::post().to(person::set_password))
        .route("/people/{id}/remove", web::get().to(person::ask_remove))
        .route("/people/{id}/remove", web::post().to(person::remove))
        .route("/tokens", web::get().to(tokens::list))
        .route("/tokens/new", web::get().to(tokens::new))
        .route("/tokens/new", web::post().to(tokens::make))
        .route("/tokens/{id}/revoke", web::get().to(tokens::ask_revoke))
        .route("/tokens/{id}/revoke", web::post().to(tokens::revoke))
        .route("/audit", web::get().to(audit::page))
        .route("/settings", web::get().to(settings::page))
        .route("/settings/try", web::post().to(settings::try_address));
}

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
