//! The first password: whoever has the link that `belfry init` prints becomes the admin, once, and only
//! while there is none.

use std::time::Duration;

use belfry::domain::limits::FIRST_CODE_LIFE;
use belfry::web::token::Right;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::service::{FIRST_CODE, PASSWORD, Service, cookie, wait};

fn first(service: &Service, name: &str) -> Answer {
    let body = json!({"code": FIRST_CODE, "name": name, "password": PASSWORD}).to_string();
    let headers = [("sec-fetch-site", "same-origin")];
    service.call("", "POST", "/v1/session/first", &headers, body.as_bytes())
}

fn awaited(service: &Service) -> bool {
    wait(service.state.reader.awaits_first_password(service.state.engine.now())).unwrap()
}

fn refused(answer: &Answer, words: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{answer:?}");
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
}

#[test]
fn the_first_admin_is_signed_in_and_the_code_is_used_up() {
    let service = Service::start();
    assert!(awaited(&service));
    let made = first(&service, "Ada");
    assert_eq!(made.status, 201, "{made:?}");
    let who = service.signed_in(&cookie(&made), "GET", "/v1/session", &Value::Null).json();
    assert_eq!((&who["name"], &who["right"]), (&json!("Ada"), &json!("admin")));
    assert!(!awaited(&service));
    refused(&first(&service, "Eve"), "This link was used");
    assert_eq!(service.sign_in("ada", PASSWORD).status, 200);
    assert_eq!(service.sign_in("eve", PASSWORD).status, 401);
}

#[test]
fn a_link_that_is_too_old_says_what_helps() {
    let service = Service::start();
    service.clock.pass(FIRST_CODE_LIFE - Duration::from_millis(1));
    assert!(awaited(&service));
    service.clock.pass(Duration::from_millis(1));
    assert!(!awaited(&service));
    refused(&first(&service, "Ada"), "belfry user add NAME --role admin");
    assert_eq!(service.sign_in("ada", PASSWORD).status, 401);
}

#[test]
fn an_admin_who_came_otherwise_ends_the_link() {
    let service = Service::start();
    service.add_user("viewer", Right::Viewer);
    service.add_user("editor", Right::Editor);
    assert!(awaited(&service), "these can't see to people");
    let taken = first(&service, "VIEWER");
    refused(&taken, "name is taken");
    assert!(awaited(&service), "what failed uses nothing up");
    service.add_user("root", Right::Admin);
    assert!(!awaited(&service));
    refused(&first(&service, "Ada"), "There is an admin already");
}

/// However many come at once, one becomes the admin.
#[test]
fn of_two_at_once_one_wins() {
    let service = Service::start();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let service = &service;
        let callers: Vec<_> =
            (0..4).map(|n| scope.spawn(move || first(service, &format!("person {n}")))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let statuses = |status: u16| answers.iter().filter(|each| each.status == status).count();
    assert_eq!((statuses(201), statuses(409)), (1, 3), "{answers:?}");
    let people = service.ok("GET", "/v1/users", &Value::Null);
    assert_eq!(people["data"].as_array().unwrap().len(), 1);
}

/// Guesses are counted, and cost no work on a password.
#[test]
fn guesses_wait_and_hash_nothing() {
    let service = Service::start();
    let guess = |number: u64| {
        let code = format!("{number:043}");
        let body = json!({"code": code, "password": PASSWORD}).to_string();
        service.call("", "POST", "/v1/session/first", &[], body.as_bytes()).status
    };
    assert_eq!((0..5).map(guess).collect::<Vec<_>>(), [422; 5]);
    assert_eq!(guess(5), 429);
    assert_eq!(service.state.passwords.computed(), 0);
    assert_eq!(first(&service, "Ada").status, 429);
    service.clock.pass(Duration::from_secs(1));
    assert_eq!(first(&service, "Ada").status, 201, "nobody is locked out");
}
