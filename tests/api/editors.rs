//! Matrix F13: two editors never overwrite each other silently.

use serde_json::{Value, json};

use crate::service::Service;

fn automation(service: &Service) -> Value {
    service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "a", "integrations": [
            {"kind": "webhook", "name": "one", "url": "https://one.example.com/"}]}),
    )
}

/// Matrix F13: the later of two who replace what they read is told so.
#[test]
fn f13_two_editors_replace() {
    let service = Service::start();
    let made = automation(&service);
    let path = format!("/v1/automations/{}", made["id"].as_str().unwrap());
    let read = service.json("GET", &path, &Value::Null);
    let etag = read.header("etag").unwrap().to_owned();
    let put = |name: &str| {
        let mut body = read.json();
        body["name"] = json!(name);
        let body = body.to_string();
        service.call("editor", "PUT", &path, &[("if-match", &etag)], body.as_bytes())
    };
    let first = put("first");
    assert_eq!(first.status, 200, "what was read can be sent back: {first:?}");
    let second = put("second");
    assert_eq!((second.status, second.code()), (412, "stale".to_owned()));
    assert_eq!(second.json()["current_version"], first.json()["version"]);
    assert_eq!(service.ok("GET", &path, &Value::Null)["name"], "first");
    let without = service.call("editor", "PUT", &path, &[], b"{\"name\": \"third\"}");
    assert_eq!((without.status, without.code()), (428, "precondition_required".to_owned()));
}

/// Matrix F13: patches of different fields are both kept, however they meet.
#[test]
fn f13_patches_at_once_lose_nothing() {
    let service = Service::start();
    let made = automation(&service);
    let id = made["integrations"][0]["id"].as_str().unwrap();
    let path = format!("/v1/integrations/{id}");
    for round in 1..=25 {
        let patches = [
            json!({"name": format!("renamed {round}")}),
            json!({"max_in_flight": round}),
            json!({"rate_limit": round}),
            json!({"retry": {"base": format!("{round}s")}}),
        ];
        let patched = |patch: &Value| service.json("PATCH", &path, patch);
        std::thread::scope(|scope| {
            for patch in &patches {
                scope.spawn(move || {
                    let answer = patched(patch);
                    assert_eq!(answer.status, 200, "{answer:?}");
                });
            }
        });
        let now = service.ok("GET", &path, &Value::Null);
        assert_eq!(now["name"], format!("renamed {round}"));
        assert_eq!(now["max_in_flight"], round);
        assert_eq!(now["rate_limit"], round);
        assert_eq!(now["retry"], json!({"base": format!("{round}s")}));
    }
}

/// Matrix F13: an integration's ETag is its automation's; a patch that names an old one is refused.
#[test]
fn f13_a_stale_patch_of_an_integration() {
    let service = Service::start();
    let made = automation(&service);
    let path = format!("/v1/integrations/{}", made["integrations"][0]["id"].as_str().unwrap());
    let etag = service.json("GET", &path, &Value::Null).header("etag").unwrap().to_owned();
    let patch = |body: &[u8]| service.call("admin", "PATCH", &path, &[("if-match", &etag)], body);
    assert_eq!(patch(b"{\"name\": \"first\"}").status, 200);
    assert_eq!(patch(b"{\"name\": \"second\"}").status, 412);
    for not_ours in ["W/\"1\"", "1", "\"1\", \"2\"", "\"x\""] {
        let answer = service.call("admin", "DELETE", &path, &[("if-match", not_ours)], b"");
        assert_eq!(answer.status, 412, "{not_ours}");
    }
    assert_eq!(service.ok("GET", &path, &Value::Null)["name"], "first");
}

/// A credential is kept where it is not spoken of, replaced where it is given, removed where it is
/// null, and sent by nobody else.
#[test]
fn what_becomes_of_a_credential() {
    let service = Service::start();
    let auth = json!({"method": "bearer", "credential": "sentinel-one"});
    let made = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "a", "integrations": [
            {"kind": "webhook", "url": "https://one.example.com/", "auth": auth, "signing": true}]}),
    );
    let path = format!("/v1/integrations/{}", made["integrations"][0]["id"].as_str().unwrap());
    let sent = |patch: Value| {
        let patched = service.ok("PATCH", &path, &patch);
        service.ok("POST", &format!("{path}/test"), &Value::Null);
        let seen = service.receiver.seen.lock().unwrap().pop().expect("an attempt");
        assert_eq!(patched["auth"]["credential_set"], seen.credential.is_some());
        (seen.path, seen.credential, seen.signing_secrets)
    };
    let one = Some("sentinel-one".to_owned());
    let two = Some("sentinel-two".to_owned());
    assert_eq!(sent(json!({})), ("/".into(), one.clone(), 1));
    assert_eq!(sent(json!({"url": "https://one.example.com/b"})), ("/b".into(), one, 1));
    let replaced = json!({"auth": {"method": "api_key", "credential": "sentinel-two"}});
    assert_eq!(sent(replaced), ("/b".into(), two.clone(), 1));
    service.ok("POST", &format!("{path}/rotate-signing-secret"), &Value::Null);
    assert_eq!(sent(json!({"name": "x"})), ("/b".into(), two, 2), "old and new, for a while");
    assert_eq!(sent(json!({"auth": {"method": "none"}})), ("/b".into(), None, 2));
    assert_eq!(sent(json!({"signing": false})), ("/b".into(), None, 0));
    assert_eq!(sent(json!({"signing": true})), ("/b".into(), None, 1), "a new one, and no other");
    let back = service.json("PATCH", &path, &json!({"auth": {"method": "bearer"}}));
    assert_eq!(back.pointers(), ["/auth/credential"], "what was removed is not found again");
    assert!(!service.ever_answered("sentinel-"));
    // Matrix F1, the part of the surface and the disk: it lies sealed.
    for entry in std::fs::read_dir(service.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"sentinel-"));
    }
}
