//! Every door with every right, and with tokens that don't count.

use belfry::domain::time::Timestamp;
use belfry::engine::ports::Clock as _;
use belfry::web::api::doors;
use belfry::web::token::{Right, mint};

use crate::client::exchange;
use crate::parts::StandingClock;
use crate::service::{Service, wait};

/// Matrix F6, F7: what a door needs is what the table says, for every door and every right; no door
/// says anything to somebody without.
#[test]
fn f6_f7_every_door_takes_the_rights_that_the_table_says() {
    let service = Service::start();
    let doors = doors();
    assert!(doors.len() > 20);
    let open: Vec<_> = doors.iter().filter(|door| door.needs.is_empty()).map(|d| d.path).collect();
    assert_eq!(open, ["/healthz", "/readyz"], "only health is open to all");
    for door in &doors {
        let path = door.path.replace("{id}", "dlv_999");
        let method = door.method.as_str();
        // No door looks at the body before it knows the caller: this one would be refused by each.
        let body = b"\xff";
        let nobody = service.call("", method, &path, &[], body);
        if door.needs.is_empty() {
            assert_eq!(nobody.status, 200, "{method} {path}");
            continue;
        }
        assert_eq!(nobody.status, 401, "{method} {path}");
        assert_eq!(nobody.code(), "unauthorized");
        assert!(nobody.header("www-authenticate").is_some());
        for right in Right::ALL {
            let answer = service.call(right.word(), method, &path, &[], body);
            let forbidden = answer.status == 403;
            let may = door.needs.contains(&right);
            assert_eq!(forbidden, !may, "{method} {path} as {}: {answer:?}", right.word());
            if forbidden {
                assert_eq!(answer.code(), "forbidden");
            }
        }
    }
}

/// Matrix F6: an ingest token hands records in, and nothing else.
#[test]
fn f6_ingest_only_ingests() {
    let all = doors();
    let ingest: Vec<_> = all
        .iter()
        .filter(|door| door.needs.contains(&Right::Ingest))
        .map(|door| (door.method.as_str(), door.path))
        .collect();
    assert_eq!(ingest, [("POST", "/v1/records")]);
}

/// Matrix F6: one answer, whatever is wrong with the token.
#[test]
fn f6_a_token_that_does_not_count() {
    let mut service = Service::start();
    service.add_token("expired", Right::Admin, Some(StandingClock.now()));
    let later = Timestamp::from_millis(StandingClock.now().as_millis() + 1);
    service.add_token("almost expired", Right::Admin, Some(later));
    let revoked = service.add_token("revoked", Right::Admin, None);
    wait(service.store.revoke_token(revoked, StandingClock.now())).unwrap();

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
    for (who, path) in [("", "/healthz"), ("", "/v1/automations"), ("admin", "/nowhere")] {
        let answer = service.call(who, "GET", path, &[], b"");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}");
    }
}
