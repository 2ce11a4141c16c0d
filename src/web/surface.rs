//! What all answers have in common: headers that keep browsers and caches from harm, a problem where a
//! handler panics, and a word in the log where the fault is ours.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError as _, web};
use futures_util::FutureExt as _;

use super::WebState;
use super::error::{Code, Problem};
use super::ui::refusal;

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Answers, whatever happens inside, and puts the headers on that an answer lacks.
pub(super) async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // The router wants the request to itself, so that nothing of it is kept here for a panic's sake.
    let path = request.path().to_owned();
    let for_people = refusal::is_for_people(&path, request.headers());
    let called = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let Ok(answered) = called else {
        // The panic hook has logged what and where.
        tracing::error!(path, "a handler panicked");
        return Err(Problem::internal().into());
    };
    let mut response = answered?.map_into_boxed_body();
    if let Some(error) = response.response().error()
        && let Some(problem) = problem_of(error)
    {
        response = ServiceResponse::new(response.request().clone(), problem.error_response());
        if for_people {
            let page = refusal::page(&problem, &response);
            response = response.into_response(page);
        }
    } else if for_people
        && let Some(problem) = response.response().error().and_then(|error| error.as_error())
    {
        let page = refusal::page(problem, &response);
        response = response.into_response(page);
    }
    let is_tls =
        response.request().app_data::<web::Data<WebState>>().is_some_and(|state| state.site.tls);
    let headers = response.headers_mut();
    if is_tls {
        // Only where TLS is our own: in front of a proxy it is the proxy's to say.
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    for (name, value) in &HEADERS {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), HeaderValue::from_static(value));
        }
    }
    Ok(response)
}

/// The problem that an error of the framework's is told as; nothing for our own, which is one.
fn problem_of(error: &Error) -> Option<Problem> {
    if error.as_error::<Problem>().is_some() {
        return None;
    }
    let status = error.as_response_error().status_code();
    Some(if status.is_client_error() {
        Problem::new(Code::Malformed, format!("The request can't be read: {error}.")).closing()
    } else {
        tracing::error!(%error, "a request failed inside the framework");
        Problem::internal()
    })
}

/// No address of ours.
pub(super) async fn unknown_address(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let detail = format!("There is nothing at {}.", shown(request.path()));
    Err(Problem::new(Code::NotFound, detail))
}

/// As much of a path as belongs into a sentence.
fn shown(path: &str) -> String {
    const CHARS: usize = 100;
    let mut text: String = path.chars().filter(|c| !c.is_control()).take(CHARS).collect();
    if path.chars().count() > CHARS {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::{App, test};

    use super::*;

    async fn panics() -> HttpResponse {
        panic!("a fault of ours")
    }

    #[actix_web::test]
    async fn a_panic_in_a_handler_is_a_refusal() {
        let app = App::new().wrap(from_fn(around)).route("/", web::get().to(panics));
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri("/").to_request();
        let error = test::try_call_service(&app, request).await.unwrap_err();
        let response = error.error_response();
        assert_eq!(response.status(), 500);
        let kind = response.headers().get(header::CONTENT_TYPE).unwrap();
        assert_eq!(kind, crate::web::error::MEDIA_TYPE);
    }

    #[actix_web::test]
    async fn an_error_of_the_framework_is_told_as_a_problem() {
        async fn number(_: web::Path<u64>) -> HttpResponse {
            HttpResponse::Ok().finish()
        }
        let app = App::new().wrap(from_fn(around)).route("/{number}", web::get().to(number));
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri("/seven").to_request();
        let response = test::call_service(&app, request).await;
        assert_eq!(response.status(), 400);
        let kind = response.headers().get(header::CONTENT_TYPE).unwrap();
        assert_eq!(kind, crate::web::error::MEDIA_TYPE);
    }
}
