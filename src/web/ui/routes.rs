//! The table of all pages: method, address, who may, and what answers. What is not in the table is not served.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder, Route, web};

use super::{
    alert, assets, audit, automation, automations, bulk, deliveries, delivery, editor, inbound,
    integration, overview, people, person, phrases, records, settings, sign_in, tokens,
};
use crate::web::api::{ADMIN, ANYBODY, EDIT, OPEN, VIEW};
use crate::web::token::Right;

/// One address of a page, or of a change that is made on one.
pub struct PageRoute {
    /// The method: GET looks, POST changes.
    pub method: Method,
    /// The address, with `{id}` where an id stands.
    pub path: &'static str,
    /// The rights of which one is needed; empty where nobody has to be signed in.
    pub needs: &'static [Right],
    route: Route,
}

/// All pages, in the order in which an address is looked for.
pub fn page_routes() -> Vec<PageRoute> {
    vec![
        look("/", VIEW, overview::overview),
        look("/assets/{version}/{name}", OPEN, assets::asset),
        look("/automations", VIEW, automations::list),
        look("/records", VIEW, records::page),
        change("/records/dry-run", VIEW, records::dry_run),
        change("/records/send", EDIT, records::send),
        look("/phrases", VIEW, phrases::list),
        // Any text may be an organisation's id, and a browser reads "." and ".." in a path as steps.
        look("/phrases/organisation", VIEW, phrases::show),
        change("/phrases/organisation", EDIT, phrases::post),
        look("/phrases/delete", EDIT, phrases::ask_delete),
        change("/phrases/delete", EDIT, phrases::delete),
        look("/sign-in", OPEN, sign_in::page),
        change("/sign-in", OPEN, sign_in::sign_in),
        change("/sign-out", ANYBODY, sign_in::sign_out),
        look("/welcome", OPEN, sign_in::welcome),
        change("/welcome", OPEN, sign_in::first),
        look("/password", ANYBODY, sign_in::password),
        change("/password", ANYBODY, sign_in::change_password),
        look("/automations/new", EDIT, editor::new),
        change("/automations/new", EDIT, editor::post_new),
        look("/automations/{id}/edit", EDIT, editor::edit),
        change("/automations/{id}/edit", EDIT, editor::post),
        look("/automations/{id}", VIEW, automation::show),
        change("/automations/{id}/active", EDIT, automation::switch),
        look("/automations/{id}/delete", EDIT, automation::ask_delete),
        change("/automations/{id}/delete", EDIT, automation::delete),
        look("/alerts/{id}", VIEW, alert::show),
        look("/deliveries", VIEW, deliveries::list),
        // Before the page of one, of which these would be names.
        look("/deliveries/retry", EDIT, bulk::ask_retry),
        change("/deliveries/retry", EDIT, bulk::retry),
        look("/deliveries/discard", EDIT, bulk::ask_discard),
        change("/deliveries/discard", EDIT, bulk::discard),
        look("/deliveries/{id}", VIEW, delivery::show),
        change("/deliveries/{id}/retry", EDIT, delivery::retry),
        look("/deliveries/{id}/discard", EDIT, delivery::ask_discard),
        change("/deliveries/{id}/discard", EDIT, delivery::discard),
        look("/integrations/{id}", VIEW, integration::show),
        change("/integrations/{id}/pause", EDIT, integration::pause),
        change("/integrations/{id}/resume", EDIT, integration::resume),
        change("/integrations/{id}/enable", EDIT, integration::enable),
        change("/integrations/{id}/disable", EDIT, integration::disable),
        change("/integrations/{id}/test", EDIT, integration::test),
        look("/integrations/{id}/retry-dead", EDIT, integration::ask_retry_dead),
        change("/integrations/{id}/retry-dead", EDIT, integration::retry_dead),
        change("/integrations/{id}/rotate-signing-secret", EDIT, integration::rotate),
        look("/integrations/{id}/test", VIEW, integration::back),
        look("/integrations/{id}/rotate-signing-secret", VIEW, integration::back),
        look("/people", ADMIN, people::list),
        look("/people/new", ADMIN, people::new),
        change("/people/new", ADMIN, people::add),
        look("/people/{id}", ADMIN, person::show),
        change("/people/{id}", ADMIN, person::change),
        change("/people/{id}/password", ADMIN, person::set_password),
        look("/people/{id}/remove", ADMIN, person::ask_remove),
        change("/people/{id}/remove", ADMIN, person::remove),
        look("/inbound", VIEW, inbound::list),
        look("/inbound/new", EDIT, inbound::new),
        change("/inbound/new", EDIT, inbound::make),
        look("/inbound/{id}/delete", EDIT, inbound::ask_delete),
        change("/inbound/{id}/delete", EDIT, inbound::delete),
        look("/tokens", ADMIN, tokens::list),
        look("/tokens/new", ADMIN, tokens::new),
        change("/tokens/new", ADMIN, tokens::make),
        look("/tokens/{id}/revoke", ADMIN, tokens::ask_revoke),
        change("/tokens/{id}/revoke", ADMIN, tokens::revoke),
        look("/audit", ADMIN, audit::page),
        look("/settings", VIEW, settings::page),
        change("/settings/try", EDIT, settings::try_address),
    ]
}

fn look<F, Args>(path: &'static str, needs: &'static [Right], to: F) -> PageRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    PageRoute { method: Method::GET, path, needs, route: web::get().to(to) }
}

fn change<F, Args>(path: &'static str, needs: &'static [Right], to: F) -> PageRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    PageRoute { method: Method::POST, path, needs, route: web::post().to(to) }
}

/// Serves all pages.
pub(in crate::web) fn register(config: &mut web::ServiceConfig) {
    for each in page_routes() {
        config.route(each.path, each.route);
    }
}
