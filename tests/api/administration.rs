//! People, tokens, the audit log and the settings as pages: what a form does, what it refuses, and who is let in.

use belfry::web::token::Right;
use serde_json::Value;

use crate::client::Answer;
use crate::service::{PASSWORD, Service};

/// Somebody at a browser.
struct Person<'a> {
    service: &'a Service,
    cookie: String,
}

impl<'a> Person<'a> {
    fn of(service: &'a Service, right: Right) -> Self {
        Self { service, cookie: service.session_of(right.word(), right) }
    }

    fn looks(&self, path: &str) -> Answer {
        let headers = [("cookie", &*self.cookie), ("accept", "text/html")];
        self.service.call("", "GET", path, &headers, b"")
    }

    fn sends(&self, path: &str, form: &str) -> Answer {
        let headers = [
            ("cookie", &*self.cookie),
            ("accept", "text/html"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.service.call("", "POST", path, &headers, form.as_bytes())
    }

    /// The path of the person of that name.
    fn path_of(&self, name: &str) -> String {
        let people = self.service.ok("GET", "/v1/users", &Value::Null);
        let found = people["data"].as_array().unwrap().iter().find(|each| each["name"] == name);
        format!("/people/{}", found.expect("a person")["id"].as_str().unwrap())
    }
}

/// What stands between these in a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split_once(after).unwrap().0
}

fn sees(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(words), "no {words} in {}", answer.body);
}

fn goes_to(answer: &Answer, path: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(path)), "{answer:?}");
}

#[test]
fn only_admins_manage_people_and_tokens() {
    let service = Service::start();
    for right in [Right::Viewer, Right::Editor] {
        let person = Person::of(&service, right);
        for path in ["/people", "/people/new", "/tokens", "/tokens/new", "/audit"] {
            assert_eq!(person.looks(path).status, 403, "{path}");
        }
        for path in ["/people/new", "/tokens/new", "/tokens/x/revoke"] {
            assert_eq!(person.sends(path, "name=x").status, 403, "{path}");
        }
    }
    let admin = Person::of(&service, Right::Admin);
    let foreign = service.call(
        "",
        "POST",
        "/tokens/new",
        &[("cookie", &*admin.cookie), ("sec-fetch-site", "cross-site")],
        b"name=x&role=admin&life=never",
    );
    assert_eq!(foreign.status, 403, "another site's page sends no form");
}

#[test]
fn a_person_is_added_changed_and_removed() {
    let service = Service::start();
    let admin = Person::of(&service, Right::Admin);
    let wrong =
        admin.sends("/people/new", "name=bob&role=owner&how=typed&password=sentinel&again=x");
    sees(&wrong, 422, "Role must be one of viewer, editor, admin.");
    for words in ["Password is too short", "Password again differs", "value=\"bob\""] {
        assert!(wrong.body.contains(words), "{words}");
    }
    let form = format!("name=bob&role=viewer&how=typed&password={PASSWORD}&again={PASSWORD}");
    let form = form.replace(' ', "+");
    goes_to(&admin.sends("/people/new", &form), "/people?notice=person-added");
    sees(&admin.sends("/people/new", &form), 409, "Name is taken: choose another one.");
    assert_eq!(service.sign_in("bob", PASSWORD).status, 200);

    let bob = admin.path_of("bob");
    sees(&admin.looks("/people"), 200, "<td class=\"number\">1</td>");
    let changed = format!("{bob}?notice=person-changed");
    goes_to(&admin.sends(&bob, "name=bob&role=editor"), &changed);
    sees(&admin.looks(&bob), 200, "<dt>Open sign-ins</dt><dd>0</dd>");
    goes_to(&admin.sends(&bob, "name=bob&role=editor"), &bob);

    let shown = admin.sends(&format!("{bob}/password"), "how=made");
    sees(&shown, 200, "It is not shown again.");
    let password = between(&shown.body, "translate=\"no\">", "</code>");
    assert_eq!(service.sign_in("bob", PASSWORD).status, 401);
    assert_eq!(service.sign_in("bob", password).status, 200);

    sees(&admin.looks(&format!("{bob}/remove")), 200, "The open sign-in ends at once.");
    goes_to(&admin.sends(&format!("{bob}/remove"), ""), "/people?notice=person-removed");
    assert_eq!(admin.looks(&bob).status, 404);
    let log = admin.looks("/audit?action=user.delete");
    sees(&log, 200, "Removed the person");
    assert!(log.body.contains("<b><bdi>bob</bdi></b>"), "who is gone has a name, and no page");
}

#[test]
fn the_last_admin_stays_one() {
    let service = Service::start();
    let admin = Person::of(&service, Right::Admin);
    let own = admin.path_of("admin");
    let words = "The last admin stays one: make somebody else an admin first.";
    sees(&admin.sends(&own, "name=admin&role=viewer"), 409, words);
    sees(&admin.sends(&format!("{own}/remove"), ""), 409, words);
    assert_eq!(admin.looks("/people").status, 200);
}

#[test]
fn a_made_password_is_shown_once() {
    let service = Service::start();
    let admin = Person::of(&service, Right::Admin);
    let key = between(&admin.looks("/people/new").body, "name=\"once\" value=\"", "\"").to_owned();
    let form = format!("once={key}&name=bob&role=viewer&how=made");
    let first = admin.sends("/people/new", &form);
    sees(&first, 200, "Added.");
    let password = between(&first.body, "translate=\"no\">", "</code>").to_owned();
    let again = admin.sends("/people/new", &form);
    sees(&again, 200, "This form was sent before.");
    assert!(!again.body.contains(&password));
    assert_eq!(service.sign_in("bob", &password).status, 200);
}

#[test]
fn a_token_is_shown_once_and_a_reload_makes_no_second_one() {
    let service = Service::start();
    let admin = Person::of(&service, Right::Admin);
    let wrong = admin.sends("/tokens/new", "name=+&role=ingest&life=day&day=2020-01-01");
    sees(&wrong, 422, "Name is empty");
    assert!(wrong.body.contains("Day is past"), "{}", wrong.body);
    let key = between(&admin.looks("/tokens/new").body, "name=\"once\" value=\"", "\"").to_owned();
    let form = format!("once={key}&name=feeder&role=viewer&life=30d");
    let made = admin.sends("/tokens/new", &form);
    sees(&made, 200, "It is not shown again");
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let token = between(&made.body, "translate=\"no\">", "</code>").to_owned();
    let uses = || {
        let bearer = format!("Bearer {token}");
        service.call("", "GET", "/v1/session", &[("authorization", &*bearer)], b"").status
    };
    assert_eq!(uses(), 200);

    let again = admin.sends("/tokens/new", &form);
    sees(&again, 200, "No second one was made.");
    assert!(!again.body.contains(&token));
    let other = admin.sends("/tokens/new", &form.replace("feeder", "other"));
    sees(&other, 422, "This form was sent before with other values");
    assert!(!other.body.contains(&key), "the form has a key of its own again");
    assert_eq!(admin.looks("/tokens").body.matches(">feeder").count(), 1);

    let id = token.split('_').nth(2).unwrap();
    sees(&admin.looks(&format!("/tokens/{id}/revoke")), 200, "It was last used");
    goes_to(&admin.sends(&format!("/tokens/{id}/revoke"), ""), "/tokens?notice=token-revoked");
    assert_eq!(uses(), 401);
    sees(&admin.looks("/tokens"), 200, "revoked</span>");
}

#[test]
fn the_log_is_filtered_and_linked() {
    let service = Service::start();
    let admin = Person::of(&service, Right::Admin);
    let hostile = "<script>alert(1)</script>";
    let made = service.ok("POST", "/v1/automations", &serde_json::json!({"name": hostile}));
    let id = made["id"].as_str().unwrap();
    let log = admin.looks("/audit?actor=admin&action=automation.create&subject=&since=&until=");
    sees(&log, 200, &format!("<a href=\"/automations/{id}\">"));
    assert!(!log.body.contains("<script>alert"), "{}", log.body);
    service.ok("DELETE", &format!("/v1/automations/{id}"), &Value::Null);
    let gone = admin.looks(&format!("/audit?subject={id}"));
    sees(&gone, 200, "Deleted the automation");
    assert!(!gone.body.contains("<a href=\"/automations/"), "what is gone has no page");
    sees(&admin.looks("/audit?since=yesterday"), 422, "It must be a time");
    sees(&admin.looks("/audit?until=2020-01-01T00:00"), 200, "Nothing was done that fits");
}

#[test]
fn settings_are_told_by_right() {
    let service = Service::start();
    let viewer = Person::of(&service, Right::Viewer).looks("/settings");
    sees(&viewer, 200, "delivery.retry.base");
    let editor = Person::of(&service, Right::Editor);
    let told = editor.looks("/settings");
    sees(&told, 200, "egress.deny");
    for (page, hidden) in [
        (&viewer, "egress.deny"),
        (&viewer, "/var/lib"),
        (&told, "/var/lib"),
        (&told, "egress.proxy"),
    ] {
        assert!(!page.body.contains(hidden), "{hidden}");
    }
    let admin = Person::of(&service, Right::Admin);
    sees(&admin.looks("/settings"), 200, "/var/lib/belfry/belfry.toml");
    let tried = editor.sends("/settings/try", "url=https%3A%2F%2F127.0.0.1%3A8787%2Fhook");
    sees(&tried, 200, "this service itself listens there");
    let tried = editor.sends("/settings/try", "url=https%3A%2F%2F10.1.2.3%2Fhook");
    sees(&tried, 200, "10.1.2.3 (private) is allowed: the default for private addresses");
    sees(&editor.sends("/settings/try", "url=ftp%3A%2F%2Fx"), 422, "URL must begin with https://");
    let refused = Person { service: &service, cookie: service.session_of("carl", Right::Viewer) };
    assert_eq!(refused.sends("/settings/try", "url=https%3A%2F%2F10.1.2.3%2F").status, 403);
}
