//! The table of all doors: method, address, the right that it takes, and what it is for. What is not in
//! the table is not served; a test walks it with every right, and the API's description is made of it.

mod automations;
mod deliveries;
mod feeds;
mod integrations;
mod people;
mod phrases;
mod service;

use actix_web::http::Method;
use actix_web::{Handler, HttpRequest, HttpResponse, Responder, Route, web};

use super::describe::About;
use crate::web::error::Problem;
use crate::web::token::Right;

/// One door.
pub struct Door {
    /// The method.
    pub method: Method,
    /// The address, with `{id}` where an id stands.
    pub path: &'static str,
    /// The rights of which one is needed; empty where no token is asked for.
    pub needs: &'static [Right],
    pub(super) about: About,
    route: Route,
}

const INGEST: &[Right] = &[Right::Ingest, Right::Editor, Right::Admin];
pub(in crate::web) const VIEW: &[Right] = &[Right::Viewer, Right::Editor, Right::Admin];
pub(in crate::web) const EDIT: &[Right] = &[Right::Editor, Right::Admin];
pub(in crate::web) const ADMIN: &[Right] = &[Right::Admin];
pub(in crate::web) const ANYBODY: &[Right] = &Right::ALL;
pub(in crate::web) const OPEN: &[Right] = &[];

fn door<F, Args>(
    method: Method,
    path: &'static str,
    needs: &'static [Right],
    to: F,
    about: About,
) -> Door
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::method(method.clone()).to(to);
    Door { method, path, needs, about, route }
}

/// All doors.
pub fn doors() -> Vec<Door> {
    let mut all = service::doors();
    all.extend(feeds::doors());
    all.extend(phrases::doors());
    all.extend(automations::doors());
    all.extend(integrations::doors());
    all.extend(deliveries::doors());
    all.extend(people::doors());
    all
}

/// Serves all doors; other methods at their addresses are refused with the list of those that are known.
pub(in crate::web) fn register(config: &mut web::ServiceConfig) {
    let mut left = doors();
    while let Some(path) = left.first().map(|door| door.path) {
        let (here, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|each| each.path == path);
        left = others;
        let methods: Vec<_> = here.iter().map(|door| door.method.to_string()).collect();
        let allow = methods.join(", ");
        let resource = here
            .into_iter()
            .fold(web::resource(path), |resource, door| resource.route(door.route))
            .default_service(web::to(move |_: HttpRequest| {
                let problem = Problem::method_not_allowed(allow.clone());
                async move { Err::<HttpResponse, _>(problem) }
            }));
        config.service(resource);
    }
}
