//! Every door with every right, as a person and as a program, and with tokens that don't count.

use belfry::domain::time::Timestamp;
use belfry::engine::ports::Clock as _;
use belfry::web::api::doors;
use belfry::web::token::{Right, mint};

use crate::client::exchange;
use crate::service::{Service, somebody, wait};

/// Who may come in at each door, as the contract's section 8 says: viewers look, editors change
/// automations and act on deliveries, admins see to people and tokens.
const TABLE: &[(&str, &str, &str)] = &[
    ("GET", "/healthz", "all"),
    ("GET", "/readyz", "all"),
    ("GET", "/metrics", "viewer editor admin"),
    ("GET", "/openapi.json", "all"),
    ("GET", "/docs", "all"),
    ("GET", "/docs/style.css", "all"),
    ("POST", "/v1/session", "all"),
    ("POST", "/v1/session/first", "all"),
    ("GET", "/v1/session", "ingest viewer editor admin"),
    ("DELETE", "/v1/session", "ingest viewer editor admin"),
    ("PUT", "/v1/session/password", "ingest viewer editor admin"),
    ("POST", "/v1/records", "ingest editor admin"),
    ("POST", "/v1/records/dry-run", "viewer editor admin"),
    ("POST", "/relay/{id}", "all"),
    ("POST", "/webhook/custom/all", "all"),
    ("GET", "/v1/inbound", "viewer editor admin"),
    ("POST", "/v1/inbound", "editor admin"),
    ("GET", "/v1/inbound/{id}", "viewer editor admin"),
    ("PATCH", "/v1/inbound/{id}", "editor admin"),
    ("DELETE", "/v1/inbound/{id}", "editor admin"),
    ("GET", "/v1/phrases", "viewer editor admin"),
    ("GET", "/v1/phrases/{id}", "viewer editor admin"),
    ("PUT", "/v1/phrases/{id}", "editor admin"),
    ("DELETE", "/v1/phrases/{id}", "editor admin"),
    ("POST", "/v1/phrases/{id}/preview", "viewer editor admin"),
    ("GET", "/v1/automations", "viewer editor admin"),
    ("POST", "/v1/automations", "editor admin"),
    ("POST", "/v1/automations/apply", "editor admin"),
    ("GET", "/v1/automations/{id}", "viewer editor admin"),
    ("PUT", "/v1/automations/{id}", "editor admin"),
    ("PATCH", "/v1/automations/{id}", "editor admin"),
    ("DELETE", "/v1/automations/{id}", "editor admin"),
    ("GET", "/v1/automations/{id}/held-back", "viewer editor admin"),
    ("GET", "/v1/automations/{id}/integrations", "viewer editor admin"),
    ("POST", "/v1/automations/{id}/integrations", "editor admin"),
    ("GET", "/v1/integrations/{id}", "viewer editor admin"),
    ("PATCH", "/v1/integrations/{id}", "editor admin"),
    ("DELETE", "/v1/integrations/{id}", "editor admin"),
    ("POST", "/v1/integrations/preview", "viewer editor admin"),
    ("POST", "/v1/integrations/{id}/test", "editor admin"),
    ("POST", "/v1/integrations/{id}/pause", "editor admin"),
    ("POST", "/v1/integrations/{id}/resume", "editor admin"),
    ("POST", "/v1/integrations/{id}/enable", "editor admin"),
    ("POST", "/v1/integrations/{id}/disable", "editor admin"),
    ("POST", "/v1/integrations/{id}/retry-dead", "editor admin"),
    ("POST", "/v1/integrations/{id}/rotate-signing-secret", "editor admin"),
    ("GET", "/v1/deliveries", "viewer editor admin"),
    ("POST", "/v1/deliveries/retry", "editor admin"),
    ("POST", "/v1/deliveries/discard", "editor admin"),
    ("GET", "/v1/deliveries/{id}", "viewer editor admin"),
    ("POST", "/v1/deliveries/{id}/retry", "editor admin"),
    ("POST", "/v1/deliveries/{id}/discard", "editor admin"),
    ("GET", "/v1/alerts/{id}", "viewer editor admin"),
    ("GET", "/v1/users", "admin"),
    ("POST", "/v1/users", "admin"),
    ("GET", "/v1/users/{id}", "admin"),
    ("PATCH", "/v1/users/{id}", "admin"),
    ("DELETE", "/v1/users/{id}", "admin"),
    ("GET", "/v1/tokens", "admin"),
    ("POST", "/v1/tokens", "admin"),
    ("GET", "/v1/tokens/{id}", "admin"),
    ("DELETE", "/v1/tokens/{id}", "admin"),
    ("GET", "/v1/audit", "admin"),
];

/// Matrix F7: a door without a row above fails, and so does a row without a door.
#[test]
fn f7_every_door_has_a_row() {
    let mut served: Vec<_> = doors().iter().map(|d| (d.method.to_string(), d.path)).collect();
    let mut told: Vec<_> = TABLE.iter().map(|(m, path, _)| ((*m).to_owned(), *path)).collect();
    served.sort();
    told.sort();
    assert_eq!(served, told);
    for door in doors() {
        let rights: Vec<_> = door.needs.iter().map(|right| right.word()).collect();
        let row = TABLE.iter().find(|row| row.0 == door.method.as_str() && row.1 == door.path);
        let expected = row.unwrap().2;
        let found = if rights.is_empty() { "all".to_owned() } else { rights.join(" ") };
        assert_eq!(found, expected, "{} {}", door.method, door.path);
    }
}

/// Matrix F6, F7: every door with nobody, with a token and a session of each right, and with tokens that
/// ended: allowed or refused as the table says. No door looks at the body before it knows the caller.
#[test]
fn f6_f7_every_door_takes_the_rights_that_the_table_says() {
    let mut service = Service::start();
    service.add_token("expired", Right::Admin, Some(service.clock.now()));
    let revoked = service.add_token("revoked", Right::Admin, None);
    wait(service.store.revoke_token(revoked, somebody(), service.clock.now())).unwrap();
    let cookies: Vec<(Right, String)> = [Right::Viewer, Right::Editor, Right::Admin]
        .into_iter()
        .map(|right| (right, service.session_of(&format!("{}@people", right.word()), right)))
        .collect();
    for (method, path, who) in TABLE {
        // This thing is not there, so that nothing is done; signing out is tried at the end.
        let path = path.replace("{id}", "dlv_999");
        let call = |who: &str| service.call(who, method, &path, &[], b"\xff").status;
        if *who == "all" {
            assert!(![401, 403].contains(&call("")) || *method == "POST", "{method} {path}");
            continue;
        }
        for nobody in ["", "expired", "revoked"] {
            let answer = service.call(nobody, method, &path, &[], b"\xff");
            assert_eq!((answer.status, answer.code()), (401, "unauthorized".to_owned()), "{path}");
            assert!(answer.header("www-authenticate").is_some());
        }
        for right in Right::ALL {
            let may = who.split(' ').any(|word| word == right.word());
            let status = call(right.word());
            assert_eq!(status == 403, !may, "{method} {path} as {}: {status}", right.word());
            assert_ne!(status, 401, "{method} {path} as {}", right.word());
        }
        for (right, cookie) in
            cookies.iter().filter(|_| (*method, path.as_str()) != ("DELETE", "/v1/session"))
        {
            let may = who.split(' ').any(|word| word == right.word());
            let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
            let answer = service.call("", method, &path, &headers, b"\xff");
            let refused = answer.status == 403 && answer.code() == "forbidden";
            assert_eq!(refused, !may, "{method} {path} signed in as {}: {answer:?}", right.word());
            assert_ne!(answer.status, 401, "{method} {path} signed in as {}", right.word());
        }
    }
    for (_, cookie) in &cookies {
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
        assert_eq!(service.call("", "DELETE", "/v1/session", &headers, b"").status, 204);
        assert_eq!(service.call("", "GET", "/v1/session", &headers, b"").status, 401);
    }
}

/// Matrix F6: one answer, whatever is wrong with the token.
#[test]
fn f6_a_token_that_does_not_count() {
    let mut service = Service::start();
    service.add_token("expired", Right::Admin, Some(service.clock.now()));
    let later = Timestamp::from_millis(service.clock.now().as_millis() + 1);
    service.add_token("almost expired", Right::Admin, Some(later));
    let revoked = service.add_token("revoked", Right::Admin, None);
    wait(service.store.revoke_token(revoked, somebody(), service.clock.now())).unwrap();

    assert_eq!(service.call("almost expired", "GET", "/v1/automations", &[], b"").status, 200);
    let expired = service.call("expired", "GET", "/v1/automations", &[], b"");
    assert_eq!(expired.status, 401);
    assert_eq!(service.call("revoked", "GET", "/v1/automations", &[], b"").body, expired.body);
    let unknown = mint(Right::Admin).unwrap();
    let admin = service.token("admin").to_owned();
    // The secret of one token under the id of another.
    let parts: Vec<&str> = admin.split('_').collect();
    let crossed = unknown.text.expose().replace(&unknown.id, parts[2]);
    let values = [
        unknown.text.expose().to_owned(),
        crossed,
        admin[..admin.len() - 1].to_owned(),
        admin.replace("bfy_", "BFY_"),
        String::new(),
        "x".repeat(5000),
    ];
    for value in values {
        for scheme in ["Bearer", "bearer", "Basic"] {
            let request = format!(
                "GET /v1/automations HTTP/1.1\r\nhost: b\r\nauthorization: {scheme} {value}\r\n\r\n"
            );
            let answer = exchange(service.addr, request.as_bytes());
            assert_eq!(answer.status, 401, "{scheme} {value}");
            assert_eq!(answer.body, expired.body);
        }
    }
    // Two tokens in one request: which one is meant?
    let twice = format!(
        "GET /v1/automations HTTP/1.1\r\nhost: b\r\nauthorization: Bearer {admin}\r\n\
         authorization: Bearer {admin}\r\n\r\n"
    );
    assert_eq!(exchange(service.addr, twice.as_bytes()).status, 401);
}

#[test]
fn every_answer_keeps_browsers_and_caches_from_harm() {
    let service = Service::start();
    for (who, path) in
        [("", "/healthz"), ("", "/v1/automations"), ("admin", "/nowhere"), ("", "/docs")]
    {
        let answer = service.call(who, "GET", path, &[], b"");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), None, "{path}: there is no TLS");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
    }
}
