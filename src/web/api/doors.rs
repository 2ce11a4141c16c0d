//! The table of all doors: method, address, the right that it takes. What is not in the table is not
//! served; a test walks it with every right.

use actix_web::http::Method;
use actix_web::{Handler, HttpRequest, HttpResponse, Responder, Route, web};

use super::{alerts, automations, deliveries, integrations, records};
use crate::web::error::Problem;
use crate::web::health;
use crate::web::token::Right;

/// One door.
pub struct Door {
    /// The method.
    pub method: Method,
    /// The address, with `{id}` where an id stands.
    pub path: &'static str,
    /// The rights of which one is needed; empty where no token is asked for.
    pub needs: &'static [Right],
    route: Route,
}

const INGEST: &[Right] = &[Right::Ingest, Right::Editor, Right::Admin];
const VIEW: &[Right] = &[Right::Viewer, Right::Editor, Right::Admin];
const EDIT: &[Right] = &[Right::Editor, Right::Admin];
const OPEN: &[Right] = &[];

fn door<F, Args>(method: Method, path: &'static str, needs: &'static [Right], to: F) -> Door
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::method(method.clone()).to(to);
    Door { method, path, needs, route }
}

/// All doors.
pub fn doors() -> Vec<Door> {
    const AUTOMATIONS: &str = "/v1/automations";
    const AUTOMATION: &str = "/v1/automations/{id}";
    const ITS_INTEGRATIONS: &str = "/v1/automations/{id}/integrations";
    const INTEGRATION: &str = "/v1/integrations/{id}";
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    let (patch, delete) = (Method::PATCH, Method::DELETE);
    let mut all = vec![
        door(get.clone(), "/healthz", OPEN, health::alive),
        door(get.clone(), "/readyz", OPEN, health::ready),
        door(post.clone(), "/v1/records", INGEST, records::accept),
        door(get.clone(), AUTOMATIONS, VIEW, automations::list),
        door(post.clone(), AUTOMATIONS, EDIT, automations::create),
        door(get.clone(), AUTOMATION, VIEW, automations::read),
        door(put, AUTOMATION, EDIT, automations::replace),
        door(patch.clone(), AUTOMATION, EDIT, automations::patch),
        door(delete.clone(), AUTOMATION, EDIT, automations::delete),
        door(get.clone(), ITS_INTEGRATIONS, VIEW, integrations::list),
        door(post.clone(), ITS_INTEGRATIONS, EDIT, integrations::create),
        door(get.clone(), INTEGRATION, VIEW, integrations::read),
        door(patch, INTEGRATION, EDIT, integrations::patch),
        door(delete, INTEGRATION, EDIT, integrations::delete),
    ];
    macro_rules! acts {
        ($($path:literal => $to:path,)*) => {
            $(all.push(door(post.clone(), $path, EDIT, $to));)*
        };
    }
    acts! {
        "/v1/integrations/{id}/test" => integrations::test,
        "/v1/integrations/{id}/pause" => integrations::pause,
        "/v1/integrations/{id}/resume" => integrations::resume,
        "/v1/integrations/{id}/enable" => integrations::enable,
        "/v1/integrations/{id}/disable" => integrations::disable,
        "/v1/integrations/{id}/retry-dead" => integrations::retry_dead,
        "/v1/integrations/{id}/rotate-signing-secret" => integrations::rotate_signing_secret,
        "/v1/deliveries/retry" => deliveries::retry_many,
        "/v1/deliveries/{id}/retry" => deliveries::retry,
        "/v1/deliveries/{id}/discard" => deliveries::discard,
    }
    all.extend([
        door(get.clone(), "/v1/deliveries", VIEW, deliveries::list),
        door(get.clone(), "/v1/deliveries/{id}", VIEW, deliveries::read),
        door(get, "/v1/alerts/{id}", VIEW, alerts::read),
    ]);
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
