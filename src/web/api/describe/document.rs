//! The whole description (OpenAPI 3.1), made of the same table that the doors are served from.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::super::doors::Door;
use super::{About, Parameter, inputs};
use crate::domain::limits::{ID_BYTES, RECORDS_A_CALL, REQUEST_BYTES, REQUEST_TIME};
use crate::web::error::{Code, MEDIA_TYPE, problem_schema};

const TAGS: &[(&str, &str)] = &[
    ("records", "Feedback in. What fires is stored before it is answered."),
    ("automations", "Standing rules: which records they watch, and where their alerts go."),
    ("integrations", "One destination of one automation, its state, and what can be done with it."),
    ("deliveries", "One alert on its way to one integration, with every attempt."),
    ("session", "Signing in and out."),
    ("users", "People who may sign in. For admins."),
    ("inbound", "Feedback of programs that were written for another product, and their keys."),
    (
        "phrases",
        "What single organisations add to the phrases of the detector, and what they exclude.",
    ),
    ("tokens", "Tokens of programs. For admins."),
    ("audit", "Who did what to what, when, and from where. For admins."),
    ("service", "How the service is."),
];

/// The description of all doors.
pub(in super::super) fn document(doors: &[Door]) -> Value {
    // Definitions are named where OpenAPI looks for them.
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for door in doors {
        let method = door.method.as_str().to_ascii_lowercase();
        let operation = operation(door, &mut generator);
        paths.entry(door.path).or_default().insert(method, operation);
    }
    for (path, item) in &mut paths {
        if path.contains("{id}") {
            item.insert("parameters".to_owned(), json!([id_parameter(path)]));
        }
    }
    let mut schemas: Map<String, Value> = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem_schema());
    for (name, schema) in inputs::all() {
        schemas.insert(name.to_owned(), schema);
    }
    let tags: Vec<Value> =
        TAGS.iter().map(|(name, text)| json!({"name": name, "description": text})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Belfry",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Delivers escalation alerts to the systems that a company owns, losing none.",
            "description": introduction(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document came from."}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "bfy_…",
                    "description": "A program's token."},
                "session": {"type": "apiKey", "in": "cookie", "name": "belfry",
                    "description": "A person's session; `__Host-belfry` over TLS. Changes must come from \
                                    Belfry's own pages (Sec-Fetch-Site, or Origin)."},
            },
        },
    })
}

fn introduction() -> String {
    let seconds = REQUEST_TIME.as_secs();
    let mut text = format!(
        "JSON in and out. A body may have {REQUEST_BYTES} bytes and {RECORDS_A_CALL} records, must not be \
         compressed, and must be there within {seconds} seconds. Unknown fields and parameters are \
         refused, and every bad field is named by a JSON pointer (`errors[].pointer`). Errors are problem \
         details (RFC 9457) with a stable `code`:\n\n"
    );
    for code in Code::ALL {
        text.push_str(&format!(
            "* `{}` ({}): {}.\n",
            code.word(),
            code.status().as_u16(),
            code.title()
        ));
    }
    text.push_str(
        "\n503 and 429 say in Retry-After when to come again; nothing of such a call was done. Times are \
         RFC 3339 in UTC.",
    );
    text
}

fn id_parameter(path: &str) -> Value {
    let (text, schema) = match path.split('/').nth(2) {
        Some("deliveries") => {
            ("The delivery's id.", json!({"type": "string", "pattern": "^dlv_[0-9]+$"}))
        }
        Some("alerts") => ("The alert's id.", json!({"type": "string", "pattern": "^alr_[0-9]+$"})),
        Some("tokens") => {
            ("The token's id.", json!({"type": "string", "pattern": "^[0-9A-Za-z]{8}$"}))
        }
        Some("phrases") => (
            "The organisation, as the `org_id` of its records; percent-encoded.",
            // No control characters, in a form that the expressions of all languages know.
            json!({"type": "string", "minLength": 1, "maxLength": ID_BYTES,
                   "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"}),
        ),
        Some(_) | None => ("The id that Belfry gave.", json!({"type": "string", "format": "uuid"})),
    };
    json!({"name": "id", "in": "path", "required": true, "description": text, "schema": schema})
}

fn operation(door: &Door, generator: &mut SchemaGenerator) -> Value {
    let about = &door.about;
    let open = door.needs.is_empty();
    let mut parameters: Vec<Value> =
        about.query.iter().map(|each| parameter("query", each)).collect();
    parameters.extend(about.headers.iter().map(|each| parameter("header", each)));
    let rights: Vec<_> = door.needs.iter().map(|right| right.word()).collect();
    let needs = if open {
        "No token is asked for.".to_owned()
    } else {
        format!("Needs one of these rights: {}.", rights.join(", "))
    };
    let mut operation = json!({
        "operationId": about.id,
        "tags": [about.tag],
        "summary": about.summary,
        "description": format!("{} {needs}", about.text).trim(),
        "security": if open { json!([]) } else { json!([{"token": []}, {"session": []}]) },
        "responses": responses(door, generator),
    });
    if let Some(members) = operation.as_object_mut() {
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if let Some(body) = &about.body {
            let schema = json!({"$ref": format!("#/components/schemas/{}", body.schema)});
            let content = json!({body.media: {"schema": schema, "example": body.example}});
            members.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
        }
    }
    operation
}

fn parameter(place: &str, each: &Parameter) -> Value {
    json!({"name": each.name, "in": place, "required": each.required,
           "description": each.text, "schema": each.schema})
}

fn responses(door: &Door, generator: &mut SchemaGenerator) -> Value {
    let About { answer, .. } = &door.about;
    let mut done = json!({"description": answer.text});
    if let Some(members) = done.as_object_mut() {
        let content = match answer.schema {
            Some(schema) => Some(json!({answer.media: {"schema": schema(generator)}})),
            None if answer.status == 204 => None,
            None => Some(json!({answer.media: {"schema": {"type": "string"}}})),
        };
        if let Some(content) = content {
            members.insert("content".to_owned(), content);
        }
        if !answer.headers.is_empty() {
            let headers: Map<String, Value> = answer
                .headers
                .iter()
                .map(|(name, text)| {
                    let header = json!({"description": text, "schema": {"type": "string"}});
                    ((*name).to_owned(), header)
                })
                .collect();
            members.insert("headers".to_owned(), Value::Object(headers));
        }
    }
    let mut all = Map::new();
    all.insert(answer.status.to_string(), done);
    if let Some((text, schema)) = &door.about.other_answer {
        let content = json!({"application/json": {"schema": schema(generator)}});
        all.insert("200".to_owned(), json!({"description": text, "content": content}));
    }
    if let Some((schema, statuses)) = &door.about.own_refusals {
        for (status, text) in statuses {
            let content = json!({"application/json": {"schema": schema(generator)}});
            all.insert(status.to_string(), json!({"description": text, "content": content}));
        }
        return Value::Object(all);
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in door.about.codes(&door.method, door.path, door.needs.is_empty()) {
        let codes = by_status.entry(code.status().as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for (status, codes) in by_status {
        all.insert(status.to_string(), refusal(status, &codes));
    }
    Value::Object(all)
}

fn refusal(status: u16, codes: &[Code]) -> Value {
    let told: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.word(), code.title())).collect();
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    let mut refusal =
        json!({"description": told.join(" "), "content": {MEDIA_TYPE: {"schema": schema}}});
    if let (429 | 503, Some(members)) = (status, refusal.as_object_mut()) {
        let header = json!({"description": "Seconds after which to try again.",
                            "schema": {"type": "integer"}});
        members.insert("headers".to_owned(), json!({"Retry-After": header}));
    }
    refusal
}
