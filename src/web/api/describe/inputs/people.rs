//! What people and programs are described by when they come in: passwords, roles, tokens.

use serde_json::{Value, json};

use super::{given, name, nullable, object};
use crate::domain::limits;

fn secret(words: &str) -> Value {
    json!({"type": "string", "format": "password", "writeOnly": true, "description": words})
}

fn new_password() -> Value {
    let (least, most) = (limits::PASSWORD_BYTES.start(), limits::PASSWORD_BYTES.end());
    let mut schema =
        secret(&format!("{least} to {most} bytes; anything that is not one character only."));
    if let Some(members) = schema.as_object_mut() {
        members.insert("minLength".to_owned(), json!(least));
        members.insert("maxLength".to_owned(), json!(most));
    }
    schema
}

pub(super) fn sign_in() -> Value {
    object(
        &["name", "password"],
        json!({"name": {"type": "string", "description": "The name to sign in with."},
               "password": secret("The password.")}),
        "Who signs in.",
    )
}

pub(super) fn first_password() -> Value {
    object(
        &["code", "password"],
        json!({"code": secret("What stands behind `#` in the link that `belfry init` prints."),
               "name": nullable(name("The name to sign in with; `admin` without it.")),
               "password": new_password()}),
        "Who becomes the first admin.",
    )
}

pub(super) fn own_password() -> Value {
    object(
        &["present", "new"],
        json!({"present": secret("The present password."), "new": new_password()}),
        "The own password.",
    )
}

pub(super) fn user(whole: bool) -> Value {
    let required: &[&str] = if whole { &["name", "role", "password"] } else { &[] };
    object(
        required,
        json!({
            "id": given("The person's id."),
            "created_at": given("When it was added."),
            "password_changed_at": given("When the password was set."),
            "last_sign_in_at": given("When the person last signed in."),
            "name": name("The name to sign in with; two that differ by case only are one."),
            "role": {"type": "string", "enum": ["viewer", "editor", "admin"],
                "description": "Looks; changes automations and acts on deliveries; sees to people and tokens."},
            "password": new_password(),
        }),
        "A person. A change of role or password ends the person's sessions.",
    )
}

pub(super) fn token() -> Value {
    object(
        &["name", "role"],
        json!({
            "name": name("What the token is for."),
            "role": {"type": "string", "enum": ["ingest", "viewer", "editor", "admin"],
                "description": "`ingest` hands records in and does nothing else."},
            "expires_at": {"type": ["string", "null"], "format": "date-time",
                "description": "When it ends; without it, never."},
        }),
        "A token.",
    )
}
