//! People: signing in, what ends a session, who is slowed down, and from where a change may come.

use std::time::Duration;

use belfry::web::Site;
use belfry::web::token::Right;
use serde_json::{Value, json};

use crate::service::{Options, PASSWORD, Service, cookie, until};

const NULL: &Value = &Value::Null;

/// Matrix F8: five wrong ones slow the next down; after the wait the right one works; others are not slowed.
#[test]
fn f8_wrong_passwords_slow_the_next_one_down() {
    let service = Service::start();
    service.add_user("ada", Right::Viewer);
    service.add_user("bob", Right::Viewer);
    for number in 0..5 {
        let wrong = service.sign_in("ada", "a wrong password");
        assert_eq!((wrong.status, wrong.code().as_str()), (401, "wrong_credentials"), "{number}");
    }
    let early = service.sign_in("ada", PASSWORD);
    assert_eq!((early.status, early.code().as_str()), (429, "too_many_requests"));
    assert_eq!(early.header("retry-after"), Some("1"));
    assert_eq!(service.sign_in("bob", PASSWORD).status, 200, "others are not slowed");
    service.clock.pass(Duration::from_secs(1));
    assert_eq!(service.sign_in("ada", "a wrong password").status, 401);
    let early = service.sign_in("ADA ", PASSWORD);
    assert_eq!(early.header("retry-after"), Some("2"), "a name in another spelling is the same");
    service.clock.pass(Duration::from_secs(2));
    assert_eq!(service.sign_in("ada", PASSWORD).status, 200, "nobody is locked out");
    for _ in 0..4 {
        assert_eq!(service.sign_in("ada", "a wrong password").status, 401, "it begins anew");
    }
}

/// Matrix F8: a hundred at once are taken a few at a time, the rest is told to come again, and records
/// are delivered meanwhile.
#[test]
fn f8_a_hundred_at_once_leave_room_for_deliveries() {
    let service = Service::start();
    service.add_user("ada", Right::Viewer);
    service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "all", "integrations": [{"kind": "webhook", "url": "https://a.example.com/"}]}),
    );
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..100)
            .map(|number| {
                let service = &service;
                scope.spawn(move || service.sign_in(&format!("nobody-{number}"), "wrong password"))
            })
            .collect();
        let record = json!({"id": "r", "org_id": "o", "content": "x", "source": "s", "levels":
            {"escalation_level": "high", "emotional_intensity_level": "low"}});
        service.ok("POST", "/v1/records", &json!({"records": [record]}));
        until("it is delivered", || {
            let list = service.ok("GET", "/v1/deliveries?state=delivered", NULL);
            list["data"].as_array().unwrap().len() == 1
        });
        for caller in callers {
            let status = caller.join().unwrap().status;
            assert!([401, 429].contains(&status), "{status}");
        }
    });
    service.clock.pass(Duration::from_secs(60));
    assert_eq!(service.sign_in("ada", PASSWORD).status, 200);
}

/// Matrix F9: an unknown name and a wrong password are answered alike, and cost alike.
#[test]
fn f9_an_unknown_name_is_answered_as_a_wrong_password_is() {
    let service = Service::start();
    service.add_user("ada", Right::Viewer);
    let cost = |name: &str, password: &str| {
        let before = service.state.passwords.computed();
        let answer = service.sign_in(name, password);
        (answer.status, answer.body, service.state.passwords.computed() - before)
    };
    // Its hash is made once.
    cost("nobody at first", "a wrong password");
    let known = cost("ada", "a wrong password");
    assert_eq!(known, cost("nobody", "a wrong password"));
    assert_eq!((known.0, known.2), (401, 1));
    assert_eq!(cost("nobody", PASSWORD).0, 401);
    assert_eq!(cost("ada", &"x".repeat(100_000)).0, 401);
}

/// Matrix F11: each sign-in gives a new cookie, and what was there before ends.
#[test]
fn f11_a_session_is_new_at_each_sign_in() {
    let service = Service::start();
    let first = service.session_of("ada", Right::Editor);
    let body = json!({"name": "ada", "password": PASSWORD}).to_string();
    let headers = [("cookie", first.as_str()), ("sec-fetch-site", "same-origin")];
    let again = service.call("", "POST", "/v1/session", &headers, body.as_bytes());
    let second = cookie(&again);
    assert_ne!(first, second);
    let who = |cookie: &str| service.signed_in(cookie, "GET", "/v1/session", NULL).status;
    assert_eq!((who(&first), who(&second)), (401, 200));
    // A cookie that somebody else chose is never taken over.
    let chosen = format!("belfry={}", "A".repeat(43));
    let headers = [("cookie", chosen.as_str()), ("sec-fetch-site", "same-origin")];
    let fixed = service.call("", "POST", "/v1/session", &headers, body.as_bytes());
    assert_ne!(cookie(&fixed), chosen);
    assert_eq!(who(&chosen), 401);
    let set = fixed.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure"), "without TLS it would not come back: {set}");
}

/// Matrix F11: over TLS the cookie is for TLS alone, and for this host alone.
#[test]
fn f11_behind_tls_the_cookie_is_for_tls_alone() {
    let site = Site { public_url: "https://belfry.example.com".parse().ok(), ..Site::default() };
    let service = Service::start_with(Options { site, ..Options::default() });
    let cookie = service.session_of("ada", Right::Viewer);
    assert!(cookie.starts_with("__Host-belfry="), "{cookie}");
    let answer = service.sign_in("ada", PASSWORD);
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
    assert_eq!(service.signed_in(&cookie, "GET", "/v1/session", NULL).status, 200);
}

/// Matrix F11: what ends a session ends it at once, for all of a person's browsers or for one.
#[test]
fn f11_what_ends_a_session() {
    let service = Service::start();
    let id = service.add_user("ada", Right::Editor);
    service.add_user("root", Right::Admin);
    let path = format!("/v1/users/{id}");
    let fresh = || cookie(&service.sign_in("ada", PASSWORD));
    let who = |cookie: &str| service.signed_in(cookie, "GET", "/v1/session", NULL).status;

    let (one, other) = (fresh(), fresh());
    assert_eq!(service.signed_in(&one, "DELETE", "/v1/session", NULL).status, 204);
    assert_eq!((who(&one), who(&other)), (401, 200), "a sign-out ends one");

    let here = fresh();
    let new = format!("{PASSWORD} and more");
    let change = |present: &str| json!({"present": present, "new": new});
    let path_own = "/v1/session/password";
    let wrong = service.signed_in(&here, "PUT", path_own, &change("not the present one"));
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/present".to_owned()]));
    assert_eq!(service.signed_in(&here, "PUT", path_own, &change(PASSWORD)).status, 204);
    assert_eq!((who(&here), who(&other)), (200, 401), "the own password ends the others");
    assert_eq!(service.sign_in("ada", PASSWORD).status, 401);
    assert_eq!(service.sign_in("ada", &new).status, 200);

    service.ok("PATCH", &path, &json!({"password": PASSWORD}));
    assert_eq!(who(&here), 401, "a password that an admin sets ends all");
    let (before, read) = (fresh(), |cookie: &str| who(cookie));
    service.ok("PATCH", &path, &json!({"role": "viewer"}));
    assert_eq!(read(&before), 401, "another role ends all");

    let idle = fresh();
    service.clock.pass(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(who(&idle), 200, "it is used");
    service.clock.pass(Duration::from_secs(12 * 3600));
    assert_eq!(who(&idle), 401, "12 hours without a request end it");

    let busy = fresh();
    for _ in 0..14 {
        assert_eq!(who(&busy), 200);
        service.clock.pass(Duration::from_secs(12 * 3600 - 60));
    }
    service.clock.pass(Duration::from_secs(3600));
    assert_eq!(who(&busy), 401, "7 days end it, however busy it is");

    let last = fresh();
    assert_eq!(service.json("DELETE", &path, NULL).status, 204);
    assert_eq!(who(&last), 401, "the person is gone");
    assert_eq!(service.sign_in("ada", PASSWORD).status, 401);
}

/// Matrix F10: a change with a cookie must come from our own pages; a program's token needs no page.
#[test]
fn f10_changes_come_from_our_own_pages() {
    let service = Service::start();
    let cookie = service.session_of("ada", Right::Editor);
    let create = |headers: &[(&str, &str)]| {
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend(headers);
        let answer = service.call("", "POST", "/v1/automations", &all, b"{\"name\": \"a\"}");
        (answer.status, if answer.status == 403 { answer.code() } else { String::new() })
    };
    let refused = (403, "foreign_site".to_owned());
    let done = (201, String::new());
    for (headers, expected) in [
        (&[("sec-fetch-site", "same-origin")][..], &done),
        (&[("sec-fetch-site", "none")], &done),
        (&[("sec-fetch-site", "cross-site")], &refused),
        (&[("sec-fetch-site", "same-site")], &refused),
        (&[("sec-fetch-site", "nonsense")], &refused),
        (&[("sec-fetch-site", "cross-site"), ("origin", "http://belfry")], &refused),
        (&[("origin", "http://belfry")], &done),
        (&[("origin", "https://belfry")], &refused),
        (&[("origin", "http://belfry:81")], &refused),
        (&[("origin", "http://evil.example")], &refused),
        (&[("origin", "null")], &refused),
        (&[], &refused),
    ] {
        assert_eq!(&create(headers), expected, "{headers:?}");
    }
    // Looking is no change; a token is no cookie, and counts before one.
    let look = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(service.call("", "GET", "/v1/automations", &look, b"").status, 200);
    assert_eq!(service.call("viewer", "POST", "/v1/automations", &look, b"{}").status, 403);
    let program = service.call("editor", "POST", "/v1/automations", &look, b"{\"name\": \"b\"}");
    assert_eq!(program.status, 201);
    // Nobody is signed in from another site without knowing it.
    let body = json!({"name": "ada", "password": PASSWORD}).to_string();
    let foreign = [("sec-fetch-site", "cross-site")];
    let answer = service.call("", "POST", "/v1/session", &foreign, body.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_site"));
}

/// Behind a proxy the site is the one that people see.
#[test]
fn f10_behind_a_proxy_our_own_pages_are_those_that_people_see() {
    let site = Site { public_url: "https://belfry.example.com".parse().ok(), ..Site::default() };
    let service = Service::start_with(Options { site, ..Options::default() });
    let cookie = service.session_of("ada", Right::Editor);
    let create = |origin: &str| {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        service.call("", "POST", "/v1/automations", &headers, b"{\"name\": \"a\"}").status
    };
    assert_eq!(create("https://belfry.example.com"), 201);
    assert_eq!(create("https://belfry.example.com.evil.example"), 403);
    assert_eq!(create("http://belfry.example.com"), 403);
}

#[test]
fn the_last_admin_stays() {
    let service = Service::start();
    let ada = service.add_user("ada", Right::Admin);
    let path = |id: &str| format!("/v1/users/{id}");
    for (method, body) in [("DELETE", Value::Null), ("PATCH", json!({"role": "editor"}))] {
        let refused = service.json(method, &path(&ada), &body);
        assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "{method}");
    }
    let bob = service.add_user("bob", Right::Admin);
    assert_eq!(service.json("PATCH", &path(&ada), &json!({"role": "viewer"})).status, 200);
    assert_eq!(service.json("DELETE", &path(&bob), NULL).status, 409);
    assert_eq!(service.json("DELETE", &path(&ada), NULL).status, 204);
    // Of two at once who remove each other, one stays.
    let eve = service.add_user("eve", Right::Admin);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let each =
            [&bob, &eve].map(|id| scope.spawn(|| service.json("DELETE", &path(id), NULL).status));
        each.into_iter().map(|each| each.join().unwrap()).collect()
    });
    assert!(statuses.contains(&204) && statuses.contains(&409), "{statuses:?}");
}

/// The time of the last use is known to the minute, and costs no write of its own.
#[test]
fn a_token_tells_when_it_was_used() {
    let service = Service::start();
    let used = || {
        let list = service.ok("GET", "/v1/tokens", NULL);
        let tokens = list["data"].as_array().unwrap().clone();
        let viewer = tokens.into_iter().find(|each| each["name"] == "viewer").unwrap();
        viewer["last_used_at"].clone()
    };
    assert_eq!(used(), Value::Null);
    service.call("viewer", "GET", "/v1/automations", &[], b"");
    assert_eq!(used(), json!("2026-06-27T12:00:00Z"));
    service.clock.pass(Duration::from_secs(3600));
    service.call("viewer", "GET", "/v1/automations", &[], b"");
    assert_eq!(used(), json!("2026-06-27T13:00:00Z"));
}

/// A token that is revoked by the API ends with the very answer.
#[test]
fn a_revoked_token_ends_at_once() {
    let service = Service::start();
    let made = service.ok("POST", "/v1/tokens", &json!({"name": "feeder", "role": "viewer"}));
    let token = made["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let call =
        || service.call("", "GET", "/v1/automations", &[("authorization", &bearer)], b"").status;
    assert_eq!(call(), 200);
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(service.json("DELETE", &path, NULL).status, 204);
    assert_eq!(call(), 401);
    assert_eq!(service.json("DELETE", &path, NULL).status, 204, "twice is as good as once");
    let read = service.ok("GET", &path, NULL);
    assert!(read["revoked_at"].is_string() && read["token"].is_null());
}

/// The address in the audit log is the caller's, and not what anybody claims.
#[test]
fn the_audit_log_knows_from_where() {
    let site = Site { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..Site::default() };
    let service = Service::start_with(Options { site, ..Options::default() });
    let headers = [("x-forwarded-for", "192.0.2.66, 203.0.113.7")];
    let body = b"{\"name\": \"a\"}";
    assert_eq!(service.call("editor", "POST", "/v1/automations", &headers, body).status, 201);
    let line = service.ok("GET", "/v1/audit?action=automation.create", NULL)["data"][0].clone();
    let expected = json!({"kind": "token", "name": "editor", "address": "203.0.113.7"});
    assert_eq!(line["actor"], expected);
    let believing_nobody = Service::start();
    believing_nobody.call("editor", "POST", "/v1/automations", &headers, body);
    let line =
        believing_nobody.ok("GET", "/v1/audit?action=automation.create", NULL)["data"][0].clone();
    assert_eq!(line["actor"]["address"], "127.0.0.1");
}
