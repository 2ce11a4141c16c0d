//! Refusals as pages: what a person is shown where a program would get problem details.

use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::{assets, html};
use crate::web::error::{Code, Problem};

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal<'a> {
    assets: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

/// Whether a browser asks for a page of ours, and not a program for the API.
pub(in crate::web) fn is_for_people(path: &str, headers: &HeaderMap) -> bool {
    let is_api = ["/v1/", "/webhook/", "/relay/"].iter().any(|api| path.starts_with(api));
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    !is_api && accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The page for a refusal. Who is not signed in is sent to where that can be done, and comes back.
pub(in crate::web) fn page(problem: &Problem, answered: &ServiceResponse) -> HttpResponse {
    let request = answered.request();
    let is_live = request.headers().contains_key("hx-request");
    if problem.code() == Code::Unauthorized {
        let next = if request.method().is_safe() && !is_live {
            let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
            url::form_urlencoded::byte_serialize(here.as_bytes()).collect()
        } else {
            String::new()
        };
        let to = if next.is_empty() || next == "%2F" {
            "/sign-in".to_owned()
        } else {
            format!("/sign-in?next={next}")
        };
        return if is_live {
            HttpResponse::Ok().insert_header(("HX-Redirect", to)).finish()
        } else {
            super::see_other(&to)
        };
    }
    let status = problem.code().status();
    let refusal = Refusal {
        assets: assets::VERSION.as_str(),
        title: title(problem.code()),
        status: status.as_u16(),
        detail: problem.detail(),
    };
    let Ok(mut response) = html(&refusal) else { return problem.error_response() };
    *response.status_mut() = status;
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = answered.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    if status == StatusCode::SERVICE_UNAVAILABLE && !response.headers().contains_key("retry-after")
    {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

/// The heading; where the API speaks of tokens, a person is spoken to otherwise.
fn title(code: Code) -> &'static str {
    match code {
        Code::Forbidden => "Your role does not reach here",
        Code::NotFound => "There is no such page",
        Code::Malformed
        | Code::Unauthorized
        | Code::MethodNotAllowed
        | Code::WrongCredentials
        | Code::WrongCredential
        | Code::ForeignSite
        | Code::RequestTimeout
        | Code::Conflict
        | Code::Stale
        | Code::TooLarge
        | Code::UnsupportedMediaType
        | Code::Invalid
        | Code::KeyReused
        | Code::TooManyRequests
        | Code::PreconditionRequired
        | Code::Internal
        | Code::StoreFull
        | Code::StoreBusy
        | Code::Stopping
        | Code::RelayOff
        | Code::NotReady => code.title(),
    }
}
