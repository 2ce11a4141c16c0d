//! Changes: made once for each key, written down with each, and applied as one document.

use belfry::web::token::Right;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::service::{PASSWORD, Service};

const NULL: &Value = &Value::Null;

fn with_key(service: &Service, path: &str, key: &str, body: &Value) -> crate::client::Answer {
    let body = body.to_string();
    service.call("admin", "POST", path, &[("idempotency-key", key)], body.as_bytes())
}

/// The same creation under the same key makes one thing, whatever it is, one after the other or at once.
#[test]
fn creations_with_a_key_are_made_once() {
    let service = Service::start();
    let automation = service.ok("POST", "/v1/automations", &json!({"name": "first"}));
    let of = format!("/v1/automations/{}/integrations", automation["id"].as_str().unwrap());
    let webhook = json!({"kind": "webhook", "url": "https://a.example.com/", "signing": true,
                         "auth": {"method": "bearer", "credential": "sentinel-credential"}});
    let user = json!({"name": "ada", "role": "viewer", "password": PASSWORD});
    for (path, body, list, shown_once) in [
        ("/v1/automations", json!({"name": "second"}), "/v1/automations", None),
        (of.as_str(), webhook, of.as_str(), Some("signing_secret")),
        ("/v1/users", user, "/v1/users", None),
        ("/v1/tokens", json!({"name": "feeder", "role": "ingest"}), "/v1/tokens", Some("token")),
    ] {
        let count = || service.ok("GET", list, NULL)["data"].as_array().unwrap().len();
        let before = count();
        let answers: Vec<_> = std::thread::scope(|scope| {
            let calls = [0; 4].map(|_| scope.spawn(|| with_key(&service, path, "key-1", &body)));
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(count(), before + 1, "{path}");
        let made: Vec<_> =
            answers.iter().map(|answer| (answer.status, answer.json()["id"].clone())).collect();
        assert!(made.iter().all(|each| *each == made[0] && each.0 == 201), "{path}: {made:?}");
        let location = answers[0].header("location").unwrap();
        assert!(answers.iter().all(|answer| answer.header("location") == Some(location)));
        let first: Vec<_> = answers
            .iter()
            .filter(|answer| answer.header("idempotency-replayed").is_none())
            .collect();
        assert_eq!(first.len(), 1, "{path}: the others say that they are repeats");
        if let Some(secret) = shown_once {
            let showing = answers.iter().filter(|answer| answer.json()[secret].is_string()).count();
            assert_eq!(showing, 1, "{path}: a secret is shown once");
        }
        let mut other = body.clone();
        other["name"] = json!("another one");
        let reused = with_key(&service, path, "key-1", &other);
        assert_eq!(
            (reused.status, reused.code().as_str()),
            (422, "idempotency_key_reused"),
            "{path}"
        );
        assert_eq!(with_key(&service, path, "key-2", &other).status, 201, "{path}");
        assert_eq!(count(), before + 2, "{path}");
    }
    // A key is its caller's own, and is taken by what was done only.
    let body = json!({"name": "second"}).to_string();
    let headers = [("idempotency-key", "key-1")];
    let others = service.call("editor", "POST", "/v1/automations", &headers, body.as_bytes());
    assert_eq!((others.status, others.header("idempotency-replayed")), (201, None));
    assert_eq!(with_key(&service, "/v1/automations", "key-3", &json!({"name": ""})).status, 422);
    assert_eq!(with_key(&service, "/v1/automations", "key-3", &json!({"name": "x"})).status, 201);
    let made = with_key(&service, "/v1/automations", "key-3", &json!({"name": "x"}));
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(service.json("DELETE", &path, NULL).status, 204);
    let gone = with_key(&service, "/v1/automations", "key-3", &json!({"name": "x"}));
    assert_eq!((gone.status, gone.code().as_str()), (409, "conflict"));
    for key in ["", "a b", "é", &"k".repeat(256)] {
        assert_eq!(
            with_key(&service, "/v1/automations", key, &json!({"name": "x"})).status,
            422,
            "{key}"
        );
    }
}

/// Matrix F14: every change has its line, with who and what, and without any secret.
#[test]
fn f14_every_change_is_written_down() {
    let service = Service::start();
    let ada = service.session_of("ada", Right::Admin);
    let auth = json!({"method": "bearer", "credential": "sentinel-credential"});
    let made = service.signed_in(
        &ada,
        "POST",
        "/v1/automations",
        &json!({"name": "a",
        "integrations": [{"kind": "webhook", "url": "https://a.example.com/?key=hidden-in-the-query",
                          "auth": auth, "signing": true}]}),
    );
    assert_eq!(made.status, 201);
    let automation = format!("/v1/automations/{}", made.json()["id"].as_str().unwrap());
    let integration = made.json()["integrations"][0]["id"].as_str().unwrap().to_owned();
    let integration = format!("/v1/integrations/{integration}");
    let own = json!({"present": PASSWORD, "new": format!("{PASSWORD}2")});
    let bob = json!({"name": "bob", "role": "viewer", "password": PASSWORD});
    let bob = service.ok("POST", "/v1/users", &bob)["id"].as_str().unwrap().to_owned();
    let bob = format!("/v1/users/{bob}");
    let token = service.ok("POST", "/v1/tokens", &json!({"name": "t", "role": "ingest"}));
    let token = format!("/v1/tokens/{}", token["id"].as_str().unwrap());
    let record = json!({"id": "r", "org_id": "o", "content": "x", "source": "s", "levels":
        {"escalation_level": "high", "emotional_intensity_level": "low"}});
    service.ok("POST", &format!("{integration}/pause"), NULL);
    let alerts = service.ok("POST", "/v1/records", &json!({"records": [record]}));
    let delivery = alerts["alerts"][0]["deliveries"][0].as_str().unwrap().to_owned();
    for (method, path, body) in [
        ("POST", format!("/v1/deliveries/{delivery}/retry"), Value::Null),
        ("POST", format!("/v1/deliveries/{delivery}/discard"), Value::Null),
        ("POST", format!("{integration}/resume"), Value::Null),
        ("POST", format!("{integration}/disable"), Value::Null),
        ("POST", format!("{integration}/enable"), Value::Null),
        ("POST", format!("{integration}/rotate-signing-secret"), Value::Null),
        ("POST", format!("{integration}/retry-dead"), Value::Null),
        ("PATCH", integration.clone(), json!({"auth": {"credential": "sentinel-credential-2"}})),
        ("DELETE", integration.clone(), Value::Null),
        (
            "POST",
            format!("{automation}/integrations"),
            json!({"kind": "webhook", "url": "https://b.example.com/"}),
        ),
        ("PATCH", automation.clone(), json!({"active": false})),
        ("DELETE", automation.clone(), Value::Null),
        ("PATCH", bob.clone(), json!({"password": format!("{PASSWORD}3")})),
        ("DELETE", bob.clone(), Value::Null),
        ("DELETE", token.clone(), Value::Null),
    ] {
        service.ok(method, &path, &body);
    }
    assert_eq!(service.signed_in(&ada, "PUT", "/v1/session/password", &own).status, 204);
    assert_eq!(service.signed_in(&ada, "DELETE", "/v1/session", NULL).status, 204);

    let lines = service.ok("GET", "/v1/audit?limit=200", NULL);
    let lines = lines["data"].as_array().unwrap();
    let actions: Vec<_> = lines.iter().rev().map(|line| line["action"].as_str().unwrap()).collect();
    let expected = [
        "user.create",
        "session.create",
        "automation.create",
        "user.create",
        "token.create",
        "integration.pause",
        "delivery.retry",
        "delivery.discard",
        "integration.resume",
        "integration.disable",
        "integration.enable",
        "integration.rotate_signing_secret",
        "integration.retry_dead",
        "integration.change",
        "integration.delete",
        "integration.create",
        "automation.change",
        "automation.delete",
        "user.change",
        "user.delete",
        "token.revoke",
        "user.change",
        "session.delete",
    ];
    assert_eq!(actions, expected);
    let by = |action: &str| lines.iter().find(|line| line["action"] == action).unwrap();
    let create = by("automation.create");
    assert_eq!(create["actor"], json!({"kind": "user", "name": "ada", "address": "127.0.0.1"}));
    assert_eq!(create["at"], "2026-06-27T12:00:00Z");
    let change = by("integration.change");
    assert_eq!(change["change"]["credential_changed"], true);
    assert_eq!(by("automation.change")["change"]["before"]["active"], true);
    assert_eq!(by("automation.change")["change"]["after"]["active"], false);
    let told = json!(lines).to_string();
    assert!(!told.contains("sentinel") && !told.contains("hidden-in-the-query"), "{lines:?}");

    for (query, count) in [
        ("actor=ada", 4),
        ("actor=ada&action=session.create", 1),
        ("action=user.create", 2),
        ("since=2026-06-27T12:00:00Z", expected.len()),
        ("since=2026-06-27T12:00:00.001Z", 0),
        ("until=2026-06-27T12:00:00Z", 0),
        (&format!("subject={}", create["subject"].as_str().unwrap()), 3),
    ] {
        let found = service.ok("GET", &format!("/v1/audit?limit=200&{query}"), NULL);
        assert_eq!(found["data"].as_array().unwrap().len(), count, "{query}");
    }
}

/// Matrix F14: the log is append-only in the database itself.
#[test]
fn f14_the_audit_log_can_only_grow() {
    let service = Service::start();
    service.ok("POST", "/v1/automations", &json!({"name": "a"}));
    let sql = Connection::open(service.dir.path().join("belfry.db")).unwrap();
    for statement in [
        "UPDATE audit SET actor = 'nobody'",
        "UPDATE audit SET at = 0 WHERE id = 1",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit (id, at, actor, action, subject, change) VALUES (1, 0, 'x', 'x', 'x', '{}')",
    ] {
        let refused = sql.execute(statement, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{statement}: {refused}");
    }
    let lines = service.ok("GET", "/v1/audit", NULL);
    assert_eq!(lines["data"].as_array().unwrap().len(), 1);
}

fn put(service: &Service, document: &Value, etag: Option<&str>) -> crate::client::Answer {
    let headers: Vec<_> = etag.into_iter().map(|etag| ("if-match", etag)).collect();
    let path =
        if etag.is_some() { "/v1/automations/apply" } else { "/v1/automations/apply?dry_run=true" };
    service.call("editor", "POST", path, &headers, document.to_string().as_bytes())
}

/// Applies a document. Returns the actions with their names, and the answer.
fn applied(service: &Service, document: &Value) -> (Vec<(String, String)>, Value) {
    let plan = put(service, document, None);
    assert_eq!(plan.status, 200, "{plan:?}");
    let etag = plan.header("etag").unwrap().to_owned();
    let done = put(service, document, Some(&etag));
    assert_eq!(done.status, 200, "{done:?}");
    let (mut before, mut after) = (plan.json(), done.json());
    for each in [&mut before, &mut after] {
        each["dry_run"] = json!(null);
        each["signing_secrets"] = json!(null);
        for change in each["changes"].as_array_mut().unwrap() {
            change["id"] = json!(null);
        }
    }
    assert_eq!(before, after, "what was planned is what was done");
    let done = done.json();
    let text = |change: &Value, name: &str| change[name].as_str().unwrap().to_owned();
    let changes = done["changes"].as_array().unwrap();
    (changes.iter().map(|each| (text(each, "action"), text(each, "name"))).collect(), done)
}

fn document(credential: &str) -> Value {
    json!({"automations": [
        {"name": "Churn", "minimum_levels": {"escalation_level": "high"}, "integrations": [
            {"kind": "webhook", "name": "router", "url": "https://router.example.com/", "signing": true,
             "auth": {"method": "bearer", "credential": credential}},
            {"kind": "webhook", "name": "crm", "url": "https://crm.example.com/"}]},
        {"name": "Outage", "filter": {"field": "tags", "op": "contains", "value": "outage"}},
    ]})
}

#[test]
fn a_document_is_applied_and_again_changes_nothing() {
    let service = Service::start();
    service.ok("POST", "/v1/automations", &json!({"name": "Old"}));
    let did = |action: &str, name: &str| (action.to_owned(), name.to_owned());
    let (changes, done) = applied(&service, &document("sentinel-credential"));
    assert_eq!(changes, [did("create", "Churn"), did("create", "Outage"), did("delete", "Old")]);
    assert!(done["signing_secrets"][0]["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    let list = service.ok("GET", "/v1/automations", NULL);
    let (changes, done) = applied(&service, &document("sentinel-credential"));
    assert_eq!((changes.len(), done["unchanged"].as_u64()), (0, Some(2)));
    assert_eq!(service.ok("GET", "/v1/automations", NULL), list, "not even a version rose");

    let mut wanted = document("sentinel-other");
    wanted["automations"][0]["active"] = json!(false);
    wanted["automations"][0]["integrations"][1]["rate_limit"] = json!(5);
    let (changes, done) = applied(&service, &wanted);
    assert_eq!(changes, [did("change", "Churn")]);
    let differences = done["changes"][0]["differences"].clone();
    let expected = json!([
        {"pointer": "/active", "before": true, "after": false},
        {"pointer": "/integrations/1/rate_limit", "after": 5},
        {"pointer": "/integrations/0/auth/credential", "before": "***", "after": "***"},
    ]);
    assert_eq!(differences, expected);
    let now = service.ok("GET", "/v1/automations", NULL);
    let ids = |list: &Value| {
        let all = list["data"].as_array().unwrap().iter();
        all.flat_map(|each| each["integrations"].as_array().unwrap().clone())
            .map(|i| i["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&now), ids(&list), "what is known by its name stays what it was");

    // Without a credential the stored one is kept; what is read can be applied.
    let exported = service.ok("GET", "/v1/automations?settings_only=true", NULL);
    let (changes, _) = applied(&service, &json!({"automations": exported["data"]}));
    assert_eq!(changes, []);
    let (changes, _) = applied(&service, &json!({"automations": []}));
    assert_eq!(changes, [did("delete", "Churn"), did("delete", "Outage")]);
    assert!(!service.ever_answered("sentinel-"));
}

#[test]
fn a_document_is_applied_whole_or_not_at_all() {
    let service = Service::start();
    let wanted = document("sentinel-credential");
    let plan = put(&service, &wanted, None);
    let etag = plan.header("etag").unwrap().to_owned();
    assert_eq!(
        service.ok("GET", "/v1/automations", NULL)["data"],
        json!([]),
        "a dry run does nothing"
    );
    // Somebody is quicker.
    service.ok("POST", "/v1/automations", &json!({"name": "Meanwhile"}));
    let stale = put(&service, &wanted, Some(&etag));
    assert_eq!((stale.status, stale.code().as_str()), (412, "stale"));
    let unseen =
        service.call("editor", "POST", "/v1/automations/apply", &[], wanted.to_string().as_bytes());
    assert_eq!((unseen.status, unseen.code().as_str()), (428, "precondition_required"));
    let list = service.ok("GET", "/v1/automations", NULL);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    let webhook = json!({"kind": "webhook", "name": "w", "url": "https://a.example.com/"});
    for (bad, pointers) in [
        (
            json!({"automations": [{"name": "a"}, {"name": "a"}]}),
            vec!["/automations/0/name", "/automations/1/name"],
        ),
        (json!({"automations": [{"name": ""}]}), vec!["/automations/0/name"]),
        (json!({"automations": [{"name": "a", "id": "7"}]}), vec!["/automations/0/id"]),
        (
            json!({"automations": [{"name": "a", "integrations": [{"kind": "webhook"}]}]}),
            vec!["/automations/0/integrations/0/url"],
        ),
        (
            json!({"automations": [{"name": "a", "integrations": [
            {"kind": "webhook", "url": "https://a.example.com/", "auth": {"method": "bearer"}}]}]}),
            vec!["/automations/0/integrations/0/auth/credential"],
        ),
        (json!({"automations": vec![json!({"name": "a"}); 2001]}), vec!["/automations"]),
        (json!({}), vec!["/automations"]),
        (json!({"automations": [], "more": 1}), vec!["/more"]),
    ] {
        let refused = put(&service, &bad, None);
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, pointers.iter().map(|p| (*p).to_owned()).collect()),
            "{bad}"
        );
    }
    // Two of one name can be told by their ids only.
    let twins = json!({"automations": [{"name": "t", "integrations": [webhook, webhook]}]});
    let (changes, _) = applied(&service, &twins);
    assert_eq!(changes.len(), 2);
    let refused = put(&service, &twins, None);
    assert_eq!(refused.status, 422);
    let exported = service.ok("GET", "/v1/automations?settings_only=true", NULL);
    let (changes, _) = applied(&service, &json!({"automations": exported["data"]}));
    assert_eq!(changes, []);
}
