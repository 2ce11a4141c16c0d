//! What happens at once: pages while rows are added, a retry while it is delivered, an automation that
//! is deleted under its deliveries.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::service::{Service, until};

const NULL: &Value = &Value::Null;

fn record(id: &str) -> Value {
    json!({"id": id, "org_id": "o", "content": "x", "source": "s", "levels":
        {"escalation_level": "high", "emotional_intensity_level": "low"}})
}

fn automation(service: &Service, url: &str) -> (String, String) {
    let made = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "a", "integrations": [
        {"kind": "webhook", "url": url}]}),
    );
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    (id(&made["id"]), id(&made["integrations"][0]["id"]))
}

fn send(service: &Service, id: &str) -> String {
    let sent = service.ok("POST", "/v1/records", &json!({"records": [record(id)]}));
    sent["alerts"][0]["deliveries"][0].as_str().unwrap().to_owned()
}

/// Every list shows each thing that was there at its first page once, whatever is added meanwhile.
#[test]
fn pages_stay_right_while_rows_are_added() {
    let service = Service::start();
    let (id, _) = automation(&service, "https://a.example.com/");
    let mut number = 0;
    let mut add = |list: &str| {
        number += 1;
        match list {
            "/v1/automations" => service.ok("POST", list, &json!({"name": format!("n{number}")})),
            "/v1/deliveries" => service.ok(
                "POST",
                "/v1/records",
                &json!({"records": [record(&format!("n{number}"))]}),
            ),
            "/v1/users" => Value::from(
                service.add_user(&format!("n{number}"), belfry::web::token::Right::Viewer),
            ),
            "/v1/tokens" => {
                service.ok("POST", list, &json!({"name": format!("n{number}"), "role": "ingest"}))
            }
            _ => service.ok(
                "PATCH",
                &format!("/v1/automations/{id}"),
                &json!({"name": format!("n{number}")}),
            ),
        }
    };
    for list in ["/v1/automations", "/v1/deliveries", "/v1/users", "/v1/tokens", "/v1/audit"] {
        for _ in 0..7 {
            add(list);
        }
        let ids = |page: &Value| {
            let data = page["data"].as_array().unwrap();
            data.iter().map(|each| each["id"].to_string()).collect::<Vec<_>>()
        };
        let there: BTreeSet<String> =
            ids(&service.ok("GET", &format!("{list}?limit=200"), NULL)).into_iter().collect();
        let mut shown = Vec::new();
        let mut path = format!("{list}?limit=2");
        loop {
            let page = service.ok("GET", &path, NULL);
            shown.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("{list}?limit=2&cursor={cursor}");
            if shown.len() < 20 {
                add(list);
            }
        }
        let once: BTreeSet<String> = shown.iter().cloned().collect();
        assert_eq!(once.len(), shown.len(), "{list}: nothing is shown twice");
        assert!(there.is_subset(&once), "{list}: nothing that was there is left out");
    }
}

/// A retry that meets its delivery under way or over is refused with the reason, or harmless.
#[test]
fn a_retry_races_with_the_delivery() {
    let service = Service::start();
    automation(&service, "https://a.example.com/");
    for round in 0..20 {
        let id = send(&service, &format!("r{round}"));
        let path = format!("/v1/deliveries/{id}/retry");
        let answer = service.json("POST", &path, NULL);
        match answer.status {
            200 => {}
            409 => assert_eq!(answer.code(), "conflict"),
            other => panic!("{other}: {answer:?}"),
        }
        until("it is delivered", || {
            service.ok("GET", &format!("/v1/deliveries/{id}"), NULL)["state"] == "delivered"
        });
        let over = service.json("POST", &path, NULL);
        assert_eq!(over.status, 409);
        let problem = over.json();
        assert!(problem["detail"].as_str().unwrap().contains("delivered"), "{problem}");
        let read = service.ok("GET", &format!("/v1/deliveries/{id}"), NULL);
        assert_eq!(read["attempts"].as_array().unwrap().len(), 1, "it was sent once");
    }
    assert_eq!(service.receiver.seen.lock().unwrap().len(), 20);
}

/// Deliveries of an automation that is deleted are kept, and end as discarded with the reason.
#[test]
fn b20_an_automation_is_deleted_under_its_deliveries() {
    let service = Service::start();
    let (id, integration) = automation(&service, "https://a.example.com/status/503");
    let deliveries: Vec<String> =
        (0..10).map(|number| send(&service, &format!("r{number}"))).collect();
    assert_eq!(service.json("DELETE", &format!("/v1/automations/{id}"), NULL).status, 204);
    for delivery in &deliveries {
        let path = format!("/v1/deliveries/{delivery}");
        let read = service.ok("GET", &path, NULL);
        assert_eq!(
            (&read["state"], &read["reason"]),
            (&json!("discarded"), &json!("automation_deleted"))
        );
        for act in ["retry", "discard"] {
            let refused = service.json("POST", &format!("{path}/{act}"), NULL);
            assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "{act}");
        }
    }
    let list =
        service.ok("GET", &format!("/v1/deliveries?automation_id={id}&state=discarded"), NULL);
    assert_eq!(list["data"].as_array().unwrap().len(), deliveries.len());
    assert_eq!(service.json("GET", &format!("/v1/integrations/{integration}"), NULL).status, 404);
}

/// Many are discarded and retried by query; a dry run says how many and does nothing.
#[test]
fn many_deliveries_are_acted_on_by_query() {
    let service = Service::start();
    let (id, integration) = automation(&service, "https://a.example.com/");
    service.ok("POST", &format!("/v1/integrations/{integration}/pause"), NULL);
    for number in 0..30 {
        send(&service, &format!("r{number}"));
    }
    let act = |what: &str, query: &str| {
        service.ok("POST", &format!("/v1/deliveries/{what}?automation_id={id}&{query}"), NULL)
    };
    let dry = act("discard", "state=pending&dry_run=true");
    assert_eq!(dry, json!({"matched": 30, "changed": 0, "more": false, "dry_run": true}));
    let one = act("discard", "state=pending&record_id=r7");
    assert_eq!((&one["matched"], &one["changed"]), (&json!(1), &json!(1)));
    let all = act("discard", "state=pending");
    assert_eq!(all, json!({"matched": 29, "changed": 29, "more": false, "dry_run": false}));
    assert_eq!(act("discard", "state=pending")["matched"], 0);
    for (what, query, pointer) in [
        ("discard", "", "?state"),
        ("discard", "state=delivered", "?state"),
        ("discard", "state=discarded", "?state"),
        ("retry", "state=pending", "?state"),
        ("retry", "state=delivered", "?state"),
        ("retry", "", "?state"),
        ("retry", "state=dead&dry_run=perhaps", "?dry_run"),
    ] {
        let refused = service.json("POST", &format!("/v1/deliveries/{what}?{query}"), NULL);
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec![pointer.to_owned()]),
            "{what} {query}"
        );
    }
    assert_eq!(act("retry", "state=dead")["matched"], 0);
}
