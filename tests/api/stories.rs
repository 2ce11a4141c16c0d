//! Runs `fixtures/api/*.http`: each a story of calls with the answers that they must get, to the byte.
//!
//! A call is a request line, headers, and a body; `as: viewer` says who calls (an admin where nothing is
//! said, `as: nobody` without a token). After `---- 201` come the headers and the body that the answer
//! must have; `---- 200 soon` has the call made again until it is answered so. Ids are random: the first
//! UUID that an answer shows is `{{uuid_1}}` from then on, the first signing secret `{{secret_1}}`.
//! `UPDATE_EXPECT=1` writes the answers into the files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use belfry::web::api::openapi;

use crate::client::Answer;
use crate::described::door_of;
use crate::golden::{Names, difference};
use crate::service::{Service, until};

const BETWEEN: &str = "====";
/// Headers that a story may tell of; the others are the same everywhere.
const TOLD: [&str; 6] =
    ["allow", "etag", "idempotency-replayed", "location", "retry-after", "set-cookie"];

#[derive(Debug, Default)]
struct Call {
    comment: String,
    line: String,
    headers: Vec<(String, String)>,
    body: String,
    soon: bool,
    expected: String,
}

#[test]
fn every_story_goes_as_it_is_written() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/api");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let calls: Vec<Call> =
            text.split(&format!("\n{BETWEEN}\n")).map(|part| read(part, &file)).collect();
        let (told, answered) = run(calls, &mut seen);
        if told == answered {
            continue;
        }
        if update {
            std::fs::write(&file, answered).unwrap();
        } else {
            let name = file.file_name().unwrap().to_string_lossy();
            writeln!(wrong, "{name}:\n{}", difference(&told, &answered)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let untold = untold(&seen);
    assert!(untold.is_empty(), "no story tells of:\n{}", untold.join("\n"));
}

/// What the description has and no story tells of. What all calls have in common is looked at elsewhere:
/// rights in `doors.rs`, bodies in `bad_input.rs` and `limits.rs`, a store that can't take more in
/// `limits.rs`.
fn untold(seen: &BTreeSet<(String, String, String)>) -> Vec<String> {
    const COMMON: [&str; 8] = ["400", "401", "403", "408", "413", "415", "500", "503"];
    let mut untold = Vec::new();
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        // These are no JSON: `openapi.rs` and `metrics.rs` look at them.
        if path.starts_with("/docs") || path == "/openapi.json" || path == "/metrics" {
            continue;
        }
        for (method, call) in
            item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            for status in call["responses"].as_object().unwrap().keys() {
                let told = seen.contains(&(method.clone(), path.clone(), status.clone()));
                let common = COMMON.contains(&status.as_str());
                // Wrong credentials are this call's own refusal.
                let own = path == "/v1/session" && method == "post" && status == "401";
                // Many passwords at once: `people.rs` has a hundred.
                let crowd = path.starts_with("/v1/users") && status == "429";
                // More phrases than all may have together: `tests/phrases.rs`.
                let large = path == "/v1/phrases/{id}" && status == "409";
                if !told && !crowd && !large && (!common || own) {
                    untold.push(format!("{method} {path} {status}"));
                }
            }
        }
    }
    untold
}

/// Runs a story. Returns it as it is told, and as it went.
fn run(calls: Vec<Call>, seen: &mut BTreeSet<(String, String, String)>) -> (String, String) {
    let service = Service::start();
    let mut names = Names::default();
    let (mut told, mut went) = (Vec::new(), Vec::new());
    for call in calls {
        let mut answered = names.hide(&made(&service, &call, &names));
        if call.soon {
            until(&call.line, || {
                answered = names.hide(&made(&service, &call, &names));
                answered == call.expected || std::env::var_os("UPDATE_EXPECT").is_some()
            });
        }
        let (method, path) = call.line.split_once(' ').expect("a method and a path");
        if let Some(door) = door_of(method, &names.show(path)) {
            let status = answered.lines().next().unwrap().to_owned();
            seen.insert((method.to_ascii_lowercase(), door.to_owned(), status));
        }
        told.push(written(&call, &call.expected));
        went.push(written(&call, &answered));
    }
    let between = format!("\n{BETWEEN}\n");
    (told.join(&between), went.join(&between))
}

fn made(service: &Service, call: &Call, names: &Names) -> String {
    let line = names.show(&call.line);
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let who = call.headers.iter().find(|(name, _)| name == "as");
    let who = who.map_or("admin", |(_, who)| if who == "nobody" { "" } else { who.as_str() });
    let headers: Vec<(&str, String)> = call
        .headers
        .iter()
        .filter(|(name, _)| name != "as")
        .map(|(name, value)| (name.as_str(), names.show(value)))
        .collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = names.show(&call.body);
    shown(&service.call(who, method, path, &headers, body.as_bytes()))
}

/// An answer as a story tells it.
fn shown(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status);
    for name in TOLD {
        if let Some(value) = answer.header(name) {
            writeln!(text, "{name}: {value}").unwrap();
        }
    }
    let is_json = answer.header("content-type").is_some_and(|kind| kind.contains("json"));
    if !answer.body.is_empty() && is_json {
        writeln!(text, "\n{:#}", answer.json()).unwrap();
    }
    text
}

fn read(part: &str, file: &Path) -> Call {
    let mut call = Call::default();
    let (request, expected) =
        part.split_once("\n---- ").unwrap_or_else(|| panic!("{file:?}: no ---- in: {part}"));
    let mut lines = request.lines().peekable();
    while let Some(line) = lines.next_if(|line| line.starts_with('#') || line.is_empty()) {
        call.comment.push_str(line);
        call.comment.push('\n');
    }
    call.line = lines.next().expect("a request line").to_owned();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a header");
        call.headers.push((name.to_owned(), value.to_owned()));
    }
    call.body = lines.collect::<Vec<_>>().join("\n");
    let (status, rest) = expected.split_once('\n').unwrap_or((expected, ""));
    call.soon = status.ends_with(" soon");
    let rest = rest.trim_end();
    let newline = if rest.is_empty() { "" } else { "\n" };
    call.expected = format!("{}\n{rest}{newline}", status.trim_end_matches(" soon"));
    call
}

fn written(call: &Call, answer: &str) -> String {
    let mut text = format!("{}{}\n", call.comment, call.line);
    for (name, value) in &call.headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    if !call.body.is_empty() {
        writeln!(text, "\n{}", call.body.trim_end()).unwrap();
    }
    let (status, rest) = answer.split_once('\n').unwrap();
    let soon = if call.soon { " soon" } else { "" };
    write!(text, "---- {status}{soon}\n{rest}").unwrap();
    text
}
