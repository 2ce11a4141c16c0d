//! People, sessions, tokens, and what they did.

use actix_web::http::Method;
use serde_json::json;

use super::super::describe::call;
use super::super::{Page, audit, session, tokens, users};
use super::{ADMIN, ANYBODY, Door, OPEN, door};
use crate::web::error::Code;

pub(super) fn doors() -> Vec<Door> {
    let mut all = sessions();
    all.extend(people());
    all.extend(programs());
    let audited = call("listAudit", "audit", "List what was done", "Newest first.")
        .by("actor", "By the name of who did it.")
        .by("action", "By what was done, as in `automation.change`.")
        .by("subject", "By the id of what it was done to.")
        .within()
        .paged()
        .gives::<Page<audit::LineOut>>(200, "A page of the audit log.");
    all.push(door(Method::GET, "/v1/audit", ADMIN, audit::list, audited));
    all
}

fn sessions() -> Vec<Door> {
    const TAG: &str = "session";
    let sign_in = call(
        "signIn",
        TAG,
        "Sign in",
        "Sets the session's cookie: a new one at each sign-in. It ends after 12 hours without a request, \
         after 7 days, at a sign-out, and with a change of the password or the role.",
    )
    .takes("SignInInput", json!({"name": "ada@example.com", "password": "correct horse battery"}))
    .gives::<session::SessionOut>(200, "Signed in.")
    .with_header("Set-Cookie", "The session's cookie, for browsers.")
    .refuses(&[Code::WrongCredentials, Code::TooManyRequests]);
    let first = call(
        "setFirstPassword",
        TAG,
        "Set the first password",
        "With the code of the link that `belfry init` prints, for 7 days, once, and while nobody is an \
         admin: adds the person as one, and signs in. The code is what stands behind `#` in the link.",
    )
    .takes(
        "FirstPasswordInput",
        json!({"code": "K".repeat(43), "name": "ada@example.com", "password": "correct horse battery"}),
    )
    .gives::<session::SessionOut>(201, "The person is added, and signed in.")
    .with_header("Set-Cookie", "The session's cookie, for browsers.")
    .refuses(&[Code::Conflict, Code::TooManyRequests]);
    let read = call("readSession", TAG, "Who calls", "Of a session or of a token.")
        .gives::<session::SessionOut>(200, "Who calls.");
    let sign_out = call("signOut", TAG, "Sign out", "The session ends at once, everywhere.")
        .refuses(&[Code::Conflict]);
    let password = call(
        "changePassword",
        TAG,
        "Change the own password",
        "All other sessions of the person end.",
    )
    .takes(
        "PasswordInput",
        json!({"present": "correct horse battery", "new": "battery horse correct"}),
    )
    .refuses(&[Code::Conflict, Code::TooManyRequests]);
    vec![
        door(Method::POST, "/v1/session", OPEN, session::create, sign_in),
        door(Method::POST, "/v1/session/first", OPEN, session::first, first),
        door(Method::GET, "/v1/session", ANYBODY, session::read, read),
        door(Method::DELETE, "/v1/session", ANYBODY, session::delete, sign_out),
        door(Method::PUT, "/v1/session/password", ANYBODY, session::change_password, password),
    ]
}

fn people() -> Vec<Door> {
    const TAG: &str = "users";
    const ONE: &str = "/v1/users/{id}";
    let list = call("listUsers", TAG, "List people", "In the order in which they were added.")
        .paged()
        .gives::<Page<users::UserOut>>(200, "A page of people.");
    let create = call("createUser", TAG, "Add a person", "Who can sign in from now on.")
        .once()
        .takes(
            "UserInput",
            json!({"name": "ada@example.com", "role": "admin", "password": "correct horse battery"}),
        )
        .gives::<users::UserOut>(201, "The person.")
        .refuses(&[Code::Conflict, Code::TooManyRequests]);
    let read =
        call("readUser", TAG, "Read a person", "Without the password, which never comes out.")
            .gives::<users::UserOut>(200, "The person.");
    let patch = call(
        "patchUser",
        TAG,
        "Change a person",
        "A change of role or password ends the person's sessions. The last admin stays one.",
    )
    .takes_patch("UserPatch", json!({"role": "editor"}))
    .gives::<users::UserOut>(200, "The person.")
    .refuses(&[Code::Conflict, Code::TooManyRequests]);
    let delete = call(
        "deleteUser",
        TAG,
        "Remove a person",
        "The person's sessions end. The last admin stays.",
    )
    .refuses(&[Code::Conflict]);
    vec![
        door(Method::GET, "/v1/users", ADMIN, users::list, list),
        door(Method::POST, "/v1/users", ADMIN, users::create, create),
        door(Method::GET, ONE, ADMIN, users::read, read),
        door(Method::PATCH, ONE, ADMIN, users::patch, patch),
        door(Method::DELETE, ONE, ADMIN, users::delete, delete),
    ]
}

fn programs() -> Vec<Door> {
    const TAG: &str = "tokens";
    const ONE: &str = "/v1/tokens/{id}";
    let list = call("listTokens", TAG, "List tokens", "In the order in which they were made.")
        .paged()
        .gives::<Page<tokens::TokenOut>>(200, "A page of tokens.");
    let create = call(
        "createToken",
        TAG,
        "Make a token",
        "The token is shown in this answer and never again: Belfry keeps a digest of it.",
    )
    .once()
    .takes(
        "TokenInput",
        json!({"name": "Zendesk feeder", "role": "ingest", "expires_at": "2099-01-01T00:00:00Z"}),
    )
    .gives::<tokens::TokenOut>(201, "The token.");
    let read = call("readToken", TAG, "Read a token", "Without its text, which was shown once.")
        .gives::<tokens::TokenOut>(200, "The token.");
    let revoke = call(
        "revokeToken",
        TAG,
        "Revoke a token",
        "It ends at once, and stays in the list. Again does nothing.",
    );
    vec![
        door(Method::GET, "/v1/tokens", ADMIN, tokens::list, list),
        door(Method::POST, "/v1/tokens", ADMIN, tokens::create, create),
        door(Method::GET, ONE, ADMIN, tokens::read, read),
        door(Method::DELETE, ONE, ADMIN, tokens::delete, revoke),
    ]
}
