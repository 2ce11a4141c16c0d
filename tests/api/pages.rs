//! Every page, and every change that is made on one, by nobody and by each right: let in or refused as the table
//! says, and no change at another site's word.

use belfry::web::token::Right;
use belfry::web::ui::page_routes;

use crate::client::Answer;
use crate::service::Service;

/// Who may come in at each address.
const TABLE: &[(&str, &str, &str)] = &[
    ("GET", "/", "viewer editor admin"),
    ("GET", "/assets/{version}/{name}", "all"),
    ("GET", "/automations", "viewer editor admin"),
    ("GET", "/records", "viewer editor admin"),
    ("POST", "/records/dry-run", "viewer editor admin"),
    ("POST", "/records/send", "editor admin"),
    ("GET", "/phrases", "viewer editor admin"),
    ("GET", "/phrases/organisation", "viewer editor admin"),
    ("POST", "/phrases/organisation", "editor admin"),
    ("GET", "/phrases/delete", "editor admin"),
    ("POST", "/phrases/delete", "editor admin"),
    ("GET", "/sign-in", "all"),
    ("POST", "/sign-in", "all"),
    ("POST", "/sign-out", "viewer editor admin"),
    ("GET", "/welcome", "all"),
    ("POST", "/welcome", "all"),
    ("GET", "/password", "viewer editor admin"),
    ("POST", "/password", "viewer editor admin"),
    ("GET", "/automations/new", "editor admin"),
    ("POST", "/automations/new", "editor admin"),
    ("GET", "/automations/{id}/edit", "editor admin"),
    ("POST", "/automations/{id}/edit", "editor admin"),
    ("GET", "/automations/{id}", "viewer editor admin"),
    ("POST", "/automations/{id}/active", "editor admin"),
    ("GET", "/automations/{id}/delete", "editor admin"),
    ("POST", "/automations/{id}/delete", "editor admin"),
    ("GET", "/alerts/{id}", "viewer editor admin"),
    ("GET", "/deliveries", "viewer editor admin"),
    ("GET", "/deliveries/retry", "editor admin"),
    ("POST", "/deliveries/retry", "editor admin"),
    ("GET", "/deliveries/discard", "editor admin"),
    ("POST", "/deliveries/discard", "editor admin"),
    ("GET", "/deliveries/{id}", "viewer editor admin"),
    ("POST", "/deliveries/{id}/retry", "editor admin"),
    ("GET", "/deliveries/{id}/discard", "editor admin"),
    ("POST", "/deliveries/{id}/discard", "editor admin"),
    ("GET", "/integrations/{id}", "viewer editor admin"),
    ("POST", "/integrations/{id}/pause", "editor admin"),
    ("POST", "/integrations/{id}/resume", "editor admin"),
    ("POST", "/integrations/{id}/enable", "editor admin"),
    ("POST", "/integrations/{id}/disable", "editor admin"),
    ("POST", "/integrations/{id}/test", "editor admin"),
    ("GET", "/integrations/{id}/retry-dead", "editor admin"),
    ("POST", "/integrations/{id}/retry-dead", "editor admin"),
    ("POST", "/integrations/{id}/rotate-signing-secret", "editor admin"),
    ("GET", "/integrations/{id}/test", "viewer editor admin"),
    ("GET", "/integrations/{id}/rotate-signing-secret", "viewer editor admin"),
    ("GET", "/people", "admin"),
    ("GET", "/people/new", "admin"),
    ("POST", "/people/new", "admin"),
    ("GET", "/people/{id}", "admin"),
    ("POST", "/people/{id}", "admin"),
    ("POST", "/people/{id}/password", "admin"),
    ("GET", "/people/{id}/remove", "admin"),
    ("POST", "/people/{id}/remove", "admin"),
    ("GET", "/inbound", "viewer editor admin"),
    ("GET", "/inbound/new", "editor admin"),
    ("POST", "/inbound/new", "editor admin"),
    ("GET", "/inbound/{id}/delete", "editor admin"),
    ("POST", "/inbound/{id}/delete", "editor admin"),
    ("GET", "/tokens", "admin"),
    ("GET", "/tokens/new", "admin"),
    ("POST", "/tokens/new", "admin"),
    ("GET", "/tokens/{id}/revoke", "admin"),
    ("POST", "/tokens/{id}/revoke", "admin"),
    ("GET", "/audit", "admin"),
    ("GET", "/settings", "viewer editor admin"),
    ("POST", "/settings/try", "editor admin"),
];

const PEOPLE: [Right; 3] = [Right::Viewer, Right::Editor, Right::Admin];
const FORBIDDEN: &str = "Your role does not reach here";
const FOREIGN: &str = "Sec-Fetch-Site or Origin says otherwise";

/// What a browser that has this cookie gets; its form can't be read.
fn asks(service: &Service, cookie: &str, site: &str, method: &str, path: &str) -> Answer {
    let path = path.replace("{id}", "00000000-0000-4000-8000-000000000000");
    let mut headers = vec![("accept", "text/html"), ("sec-fetch-site", site)];
    if !cookie.is_empty() {
        headers.push(("cookie", cookie));
    }
    let body: &[u8] = if method == "POST" { b"\xff" } else { b"" };
    service.call("", method, &path, &headers, body)
}

fn may(who: &str, right: Right) -> bool {
    who == "all" || who.split(' ').any(|word| word == right.word())
}

fn leads_to_sign_in(answer: &Answer) -> bool {
    answer.status == 303
        && answer.header("location").is_some_and(|path| path.starts_with("/sign-in"))
}

/// An address without a row above fails, and so does a row without an address.
#[test]
fn every_page_has_a_row() {
    let routes = page_routes();
    let mut served: Vec<_> = routes.iter().map(|r| (r.method.to_string(), r.path)).collect();
    let mut told: Vec<_> = TABLE.iter().map(|(m, path, _)| ((*m).to_owned(), *path)).collect();
    served.sort();
    told.sort();
    assert_eq!(served, told);
    for route in routes {
        let row = TABLE.iter().find(|row| row.0 == route.method.as_str() && row.1 == route.path);
        let who = row.unwrap().2;
        assert_eq!(route.needs.is_empty(), who == "all", "{}", route.path);
        for right in PEOPLE {
            assert_eq!(
                route.needs.is_empty() || route.needs.contains(&right),
                may(who, right),
                "{} {}",
                route.method,
                route.path
            );
        }
    }
}

#[test]
fn every_page_takes_those_whom_the_table_says() {
    let service = Service::start();
    let cookies: Vec<_> = PEOPLE
        .into_iter()
        .map(|right| (right, service.session_of(&format!("{}@people", right.word()), right)))
        .collect();
    for (method, path, who) in TABLE {
        let nobody = asks(&service, "", "same-origin", method, path);
        let place = format!("{method} {path} by nobody: {nobody:?}");
        assert_eq!(leads_to_sign_in(&nobody), *who != "all", "{place}");
        // Signing out is tried at the end.
        for (right, cookie) in cookies.iter().filter(|_| *path != "/sign-out") {
            let answer = asks(&service, cookie, "same-origin", method, path);
            let place = format!("{method} {path} as {}: {answer:?}", right.word());
            assert_eq!(answer.status == 403, !may(who, *right), "{place}");
            assert_eq!(answer.body.contains(FORBIDDEN), !may(who, *right), "{place}");
            assert!(!leads_to_sign_in(&answer) && answer.status < 500, "{place}");
        }
    }
    for (_, cookie) in &cookies {
        assert_eq!(asks(&service, cookie, "same-origin", "POST", "/sign-out").status, 303);
        let after = asks(&service, cookie, "same-origin", "GET", "/automations");
        assert!(leads_to_sign_in(&after), "{after:?}");
    }
}

/// Whoever is signed in: another site's page can have nothing done in their name, and sign nobody in.
#[test]
fn no_page_changes_anything_at_another_sites_word() {
    let service = Service::start();
    let admin = service.session_of("admin@people", Right::Admin);
    for (_, path, _) in TABLE.iter().filter(|(method, _, _)| *method == "POST") {
        for site in ["cross-site", "same-site"] {
            let answer = asks(&service, &admin, site, "POST", path);
            assert_eq!(answer.status, 403, "{path}: {answer:?}");
            assert!(answer.body.contains(FOREIGN), "{path}: {answer:?}");
        }
    }
    let after = asks(&service, &admin, "same-origin", "GET", "/automations");
    assert_eq!(after.status, 200, "{after:?}");
}
