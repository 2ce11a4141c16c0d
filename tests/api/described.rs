//! Holds each answer of each test against the API's description: its status must be described, and its
//! body must be of the form that is described.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use belfry::web::api::{doors, openapi};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::client::Answer;

static VALIDATORS: LazyLock<Mutex<BTreeMap<String, &'static Validator>>> =
    LazyLock::new(Mutex::default);

/// The path of the door behind an address, as the description has it.
pub(crate) fn door_of(method: &str, path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    doors()
        .into_iter()
        .filter(|door| door.method.as_str() == method)
        .find(|door| {
            let theirs: Vec<&str> = door.path.split('/').collect();
            let fits = |(ours, theirs): (&&str, &&str)| ours == theirs || *theirs == "{id}";
            theirs.len() == parts.len() && parts.iter().zip(&theirs).all(fits)
        })
        .map(|door| door.path)
}

/// Fails where an answer is not one that the description has.
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    // What is no door is refused by everybody alike, and described nowhere.
    let Some(door) = door_of(method, path) else { return };
    let place = format!("{method} {path}: {answer:?}");
    let operation = &openapi()["paths"][door][method.to_ascii_lowercase()];
    let described = &operation["responses"][answer.status.to_string()];
    assert!(described.is_object(), "a status that is not described: {place}");
    let Some(content) = described["content"].as_object() else {
        assert_eq!(answer.body, "", "a body that is not described: {place}");
        return;
    };
    let (media, content) = content.iter().next().unwrap();
    let sent = answer.header("content-type").unwrap_or_default();
    assert!(sent.starts_with(media.as_str()), "another type than described: {place}");
    if media.ends_with("json") {
        conforms(&content["schema"], &answer.json(), &place);
    }
}

/// Fails where a value is not of a schema of the description.
pub(crate) fn conforms(schema: &Value, value: &Value, place: &str) {
    let name = schema.to_string();
    let validator = *VALIDATORS.lock().unwrap().entry(name).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        whole["components"] = openapi()["components"].clone();
        Box::leak(Box::new(jsonschema::validator_for(&whole).expect("a schema")))
    });
    let faults: Vec<_> =
        validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "not as described: {faults:?}: {place}");
}
