//! The description of the API holds what it says: each example is sent for real, and each reader knows
//! the very fields that are described. Every other answer of these tests is held against it, too.

use std::collections::BTreeSet;

use belfry::web::api::openapi;
use belfry::web::token::Right;
use serde_json::{Value, json};

use crate::described::conforms;
use crate::service::{FIRST_CODE, PASSWORD, Service};

const NULL: &Value = &Value::Null;

#[test]
fn it_is_openapi_3_1_and_all_its_references_lead_somewhere() {
    let document = openapi();
    assert_eq!(document["openapi"], "3.1.0");
    fn walk(value: &Value, seen: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    seen.push(reference.clone());
                }
                members.values().for_each(|each| walk(each, seen));
            }
            Value::Array(items) => items.iter().for_each(|each| walk(each, seen)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut references = Vec::new();
    walk(document, &mut references);
    assert!(references.len() > 100);
    for reference in &references {
        let pointer = reference.strip_prefix('#').expect("inside");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let used: BTreeSet<&String> = references.iter().collect();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(
            used.contains(&format!("#/components/schemas/{name}")),
            "{name} is used by nothing"
        );
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in
            item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            let place = format!("{method} {path}");
            assert!(
                ids.insert(call["operationId"].as_str().unwrap()),
                "{place}: its id is another's"
            );
            for name in ["summary", "description"] {
                assert!(call[name].as_str().is_some_and(|text| text.len() > 5), "{place}: {name}");
            }
            let responses = call["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{place}");
        }
    }
}

#[test]
fn every_field_is_told_of() {
    let mut untold = Vec::new();
    for (name, schema) in openapi()["components"]["schemas"].as_object().unwrap() {
        if schema["description"].as_str().is_none() {
            untold.push(name.clone());
        }
        for (field, of) in schema["properties"].as_object().into_iter().flatten() {
            if !of["description"].is_string() && !of["$ref"].is_string() {
                untold.push(format!("{name}.{field}"));
            }
        }
    }
    assert!(untold.is_empty(), "{untold:?}");
}

/// Sends each example with what must be there for it, and holds the answer to the promised status.
#[test]
fn every_example_works() {
    let service = Service::start();
    service.add_user("ada@example.com", Right::Admin);
    let automation = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "a", "integrations": [
        {"kind": "webhook", "url": "https://a.example.com/"}]}),
    );
    let other = service.ok("POST", "/v1/automations", &json!({"name": "b"}));
    let automation_id = other["id"].as_str().unwrap();
    let relay = json!({"name": "c", "trigger": "relay"});
    let relay = service.ok("POST", "/v1/automations", &relay)["id"].to_string();
    let relay_id = relay.trim_matches('"');
    let integration_id = automation["integrations"][0]["id"].as_str().unwrap();
    let user_id = service.add_user("somebody", Right::Viewer);
    let inbound = json!({"name": "feeder", "org_id": "acme"});
    let inbound = service.ok("POST", "/v1/inbound", &inbound);
    let inbound_id = inbound["id"].as_str().unwrap();
    let mut sent = 0;
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        for (method, call) in
            item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            let Some(content) = call["requestBody"]["content"].as_object() else { continue };
            let (media, body) = content.iter().next().unwrap();
            let example = body["example"].clone();
            conforms(&body["schema"], &example, &format!("the example of {method} {path}"));
            let id = match path.split('/').nth(2) {
                Some("automations") => automation_id,
                Some("integrations") => integration_id,
                Some("inbound") => inbound_id,
                Some("{id}") if path.starts_with("/relay/") => relay_id,
                _ => &user_id,
            };
            let address = path.replace("{id}", id);
            let mut headers = vec![("content-type", media.as_str())];
            let etag;
            if path.ends_with("/apply") {
                let plan = service.call(
                    "admin",
                    "POST",
                    &format!("{address}?dry_run=true"),
                    &headers,
                    example.to_string().as_bytes(),
                );
                etag = plan.header("etag").unwrap().to_owned();
                headers.push(("if-match", &etag));
                // Later examples need what this one would delete: the plan is enough.
                conforms(
                    &call["responses"]["200"]["content"]["application/json"]["schema"],
                    &plan.json(),
                    path,
                );
                sent += 1;
                continue;
            }
            if path == "/webhook/custom/all" {
                headers.push(("api-key", inbound["key"].as_str().unwrap()));
            }
            if method == "put" && path.contains("automations") {
                headers.push(("if-match", "*"));
            }
            let mut example = example;
            let answer = match path.as_str() {
                "/v1/users" => {
                    example["name"] = json!("another@example.com");
                    service.call(
                        "admin",
                        "POST",
                        &address,
                        &headers,
                        example.to_string().as_bytes(),
                    )
                }
                "/v1/session" => {
                    example["password"] = json!(PASSWORD);
                    service.call("", "POST", &address, &headers, example.to_string().as_bytes())
                }
                "/v1/session/first" => {
                    // There must be no admin yet.
                    let service = Service::start();
                    example["code"] = json!(FIRST_CODE);
                    service.call("", "POST", &address, &headers, example.to_string().as_bytes())
                }
                "/v1/session/password" => {
                    example["present"] = json!(PASSWORD);
                    let cookie = crate::service::cookie(&service.sign_in("somebody", PASSWORD));
                    service.signed_in(&cookie, "PUT", &address, &example)
                }
                _ => {
                    let method = method.to_ascii_uppercase();
                    service.call(
                        "admin",
                        &method,
                        &address,
                        &headers,
                        example.to_string().as_bytes(),
                    )
                }
            };
            let promised: Vec<_> = call["responses"]
                .as_object()
                .unwrap()
                .keys()
                // Of a call that can be dry, the answer to a dry run is another; and so is that of one
                // which finds what it could make.
                .filter(|s| s.starts_with('2'))
                .filter(|s| {
                    !["/v1/records", "/v1/phrases/{id}"].contains(&path.as_str()) || *s != "200"
                })
                .collect();
            assert_eq!(promised, [&answer.status.to_string()], "{method} {path}: {answer:?}");
            sent += 1;
        }
    }
    assert!(sent >= 11, "{sent}");
}

/// Each reader says which fields it knows when it refuses another one: they are the described ones.
#[test]
fn readers_know_the_fields_that_are_described() {
    let service = Service::start();
    let id = service.add_user("ada", Right::Admin);
    let cookie = service.session_of("eve", Right::Admin);
    let automation = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "a", "integrations": [
        {"kind": "webhook", "url": "https://a.example.com/"}]}),
    );
    let automation_path = format!("/v1/automations/{}", automation["id"].as_str().unwrap());
    let integration =
        format!("/v1/integrations/{}", automation["integrations"][0]["id"].as_str().unwrap());
    let of = |schema: &str, within: &str| {
        let whole = &openapi()["components"]["schemas"][schema];
        let part = if within.is_empty() { whole } else { &whole["properties"][within] };
        part["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>()
    };
    let known = |answer: crate::client::Answer, pointer: &str| {
        assert_eq!(answer.status, 422, "{answer:?}");
        let problem = answer.json();
        let errors = problem["errors"].as_array().unwrap().clone();
        let unknown = errors.iter().find(|each| each["pointer"] == pointer);
        let told = unknown.unwrap_or_else(|| panic!("{pointer}: {errors:?}"))["detail"]
            .as_str()
            .unwrap()
            .to_owned();
        let (_, fields) = told.split_once("known are ").unwrap();
        fields.split(", ").map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let more = json!({"nonsense": 1});
    let integrations = format!("{automation_path}/integrations");
    let call = |method: &str, path: &str, body: &Value| service.json(method, path, body);
    assert_eq!(
        known(call("POST", "/v1/automations", &more), "/nonsense"),
        of("AutomationInput", "")
    );
    assert_eq!(
        known(call("PATCH", &automation_path, &more), "/nonsense"),
        of("AutomationPatch", "")
    );
    assert_eq!(known(call("POST", &integrations, &more), "/nonsense"), of("IntegrationInput", ""));
    assert_eq!(known(call("PATCH", &integration, &more), "/nonsense"), of("IntegrationPatch", ""));
    for part in ["auth", "retry"] {
        let body = json!({ part: {"nonsense": 1} });
        let pointer = format!("/{part}/nonsense");
        assert_eq!(
            known(call("PATCH", &integration, &body), &pointer),
            of("IntegrationInput", part)
        );
    }
    let body = json!({"minimum_levels": {"nonsense": 1}});
    let levels = known(call("PATCH", &automation_path, &body), "/minimum_levels/nonsense");
    assert_eq!(levels, of("AutomationInput", "minimum_levels"));
    assert_eq!(known(call("POST", "/v1/users", &more), "/nonsense"), of("UserInput", ""));
    let path = format!("/v1/users/{id}");
    assert_eq!(known(call("PATCH", &path, &more), "/nonsense"), of("UserPatch", ""));
    assert_eq!(known(call("POST", "/v1/tokens", &more), "/nonsense"), of("TokenInput", ""));
    assert_eq!(known(call("POST", "/v1/inbound", &more), "/nonsense"), of("InboundInput", ""));
    let phrases = |body: &Value| call("PUT", "/v1/phrases/acme", body);
    assert_eq!(known(phrases(&more), "/nonsense"), of("PhrasesInput", ""));
    let addition =
        &openapi()["components"]["schemas"]["PhrasesInput"]["properties"]["add"]["items"];
    let addition: BTreeSet<String> =
        addition["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(known(phrases(&json!({"add": [&more]})), "/add/0/nonsense"), addition);
    assert_eq!(known(call("POST", "/v1/session", &more), "/nonsense"), of("SignInInput", ""));
    assert_eq!(
        known(call("POST", "/v1/session/first", &more), "/nonsense"),
        of("FirstPasswordInput", "")
    );
    let password = service.signed_in(&cookie, "PUT", "/v1/session/password", &more);
    assert_eq!(known(password, "/nonsense"), of("PasswordInput", ""));
    assert_eq!(
        known(call("POST", "/v1/automations/apply", &more), "/nonsense"),
        of("ApplyInput", "")
    );
    // A record's reader knows its fields alike: what is described is taken, and what is not is refused.
    let schema = &openapi()["components"]["schemas"]["RecordInput"];
    let mut record = json!({"id": "r", "org_id": "o", "content": "x", "source": "s", "levels":
        {"escalation_level": "high", "emotional_intensity_level": "low"}});
    for name in schema["properties"].as_object().unwrap().keys() {
        if record[name].is_null() {
            record[name] = Value::Null;
        }
    }
    let answer = service.ok("POST", "/v1/records", &json!({"records": [record]}));
    assert_eq!(answer["accepted"], 1, "{answer}");
}

/// Each parameter of a list that is described is known, and no other one is.
#[test]
fn queries_know_the_parameters_that_are_described() {
    let service = Service::start();
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        let Some(parameters) = item["get"]["parameters"].as_array() else { continue };
        let refused = service.json("GET", &format!("{path}?nonsense=1"), NULL).json();
        let told =
            refused["errors"][0]["detail"].as_str().unwrap_or_else(|| panic!("{path}: {refused}"));
        let (_, known) = told.split_once("known are ").unwrap();
        let known: BTreeSet<&str> = known.split(", ").collect();
        let described: BTreeSet<&str> =
            parameters.iter().map(|each| each["name"].as_str().unwrap()).collect();
        assert_eq!(known, described, "{path}");
    }
}

#[test]
fn the_page_for_people_holds_every_call() {
    let service = Service::start();
    let page = service.call("", "GET", "/docs", &[], b"");
    for item in openapi()["paths"].as_object().unwrap().values() {
        for call in item.as_object().unwrap().values().filter(|each| each.is_object()) {
            let id = call["operationId"].as_str().unwrap();
            assert!(page.body.contains(&format!("<h3 id=\"{id}\">")), "{id}");
        }
    }
    assert!(!page.body.contains("<script"), "it needs none");
    let style = service.call("", "GET", "/docs/style.css", &[], b"");
    assert!(style.body.contains("prefers-color-scheme: dark"));
    let served = service.call("", "GET", "/openapi.json", &[], b"").json();
    assert_eq!(&served, openapi());
}
