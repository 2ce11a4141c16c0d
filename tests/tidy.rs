//! Reads the sources as a careful reviewer would: each room touches only what it may, files stay small,
//! nothing is left half done, every fixture is run, no test sleeps, and what ARCHITECTURE.md says to be
//! covered is. Each test shows all breaches at once, with their lines and the reason of the rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

/// A room of the code, what it must not name, and why.
const ROOMS: &[(&str, &[&str], &str)] = &[
    (
        "src/domain",
        &[
            "crate::{channel,cli,config,engine,failpoint,metrics,serve,store,telemetry,vault,web}",
            "tokio",
            "actix",
            "actix_web",
            "rusqlite",
            "reqwest",
            "ring",
            "tracing",
            "std::{env,fs,io,net,process,sync,thread}",
            "Instant",
            "SystemTime::now",
            "HashMap",
            "HashSet",
            "async",
        ],
        "what decides is pure: time and randomness are handed in, and order is always the same",
    ),
    (
        "src/detect",
        &[
            "crate::{channel,cli,config,engine,failpoint,metrics,serve,store,telemetry,vault,web}",
            "tokio",
            "actix",
            "actix_web",
            "rusqlite",
            "reqwest",
            "ring",
            "tracing",
            "std::{env,fs,io,net,process,thread}",
            // What never changes may be shared (`Arc`); what changes may not.
            "std::sync::{atomic,mpsc}",
            "Mutex",
            "RwLock",
            "OnceLock",
            "LazyLock",
            "Instant",
            "SystemTime::now",
            "async",
        ],
        "a judgement is a function of the words: the same record is judged in the same way everywhere",
    ),
    (
        "src/engine",
        &[
            "crate::{channel,cli,config,failpoint,metrics,serve,store,telemetry,vault,web}",
            "rusqlite",
            "reqwest",
            "lettre",
            "ring",
            "actix_web",
            "std::{env,fs,net,process}",
            "thread::{sleep,spawn,Builder}",
            "tokio::{fs,net,process}",
            "SystemTime",
            "Instant",
        ],
        "the engine knows its surroundings through its ports only",
    ),
    (
        "src/store",
        &[
            "crate::{channel,cli,config,metrics,serve,telemetry,vault,web}",
            "reqwest",
            "ring",
            "actix",
            "actix_web",
            "std::{env,net}",
            "sleep",
        ],
        "the store keeps; it neither sends, nor chooses, nor tries again",
    ),
    (
        "src/channel",
        &[
            "crate::{cli,config,failpoint,metrics,serve,store,telemetry,vault,web}",
            "rusqlite",
            "actix",
            "actix_web",
            "sleep",
        ],
        "a way out makes one attempt and knows nothing of what is kept",
    ),
    (
        "src/vault.rs",
        &[
            "crate::{channel,cli,config,metrics,serve,store,telemetry,web}",
            "rusqlite",
            "reqwest",
            "tokio",
            "actix",
            "sleep",
        ],
        "the vault seals and opens, and knows neither where secrets lie nor where they go",
    ),
    (
        "src/metrics.rs",
        &[
            "crate::{channel,cli,config,engine,failpoint,serve,store,telemetry,vault,web}",
            "rusqlite",
            "reqwest",
            "tokio",
            "actix",
            "actix_web",
            "sleep",
        ],
        "counts are raised by whoever knows; they ask nobody",
    ),
    (
        "src/web",
        &[
            "crate::{channel,cli,config,failpoint,serve,telemetry,vault}",
            "rusqlite",
            "reqwest",
            "actix",
            "std::env",
            "sleep",
        ],
        "the surface speaks to the engine and to the store's queries",
    ),
    (
        "src/config",
        &["crate::{cli,engine,serve,store,vault,web}", "rusqlite", "reqwest", "actix", "tokio"],
        "the configuration is read here, and used elsewhere",
    ),
];

/// A crate or a thing, the only places that may name it, and why.
const HOMES: &[(&str, &[&str], &str)] = &[
    ("rusqlite", &["src/store"], "only the store knows SQL"),
    (
        "reqwest",
        &["src/channel", "src/cli/client.rs"],
        "only the ways out send, and the command line to its own service",
    ),
    (
        "actix",
        &["src/engine", "src/serve", "src/cli/mod.rs"],
        "actors live in the engine; who starts the service makes their threads",
    ),
    ("actix_web", &["src/web", "src/serve"], "HTTP is served by the surface"),
    (
        "ring",
        &["src/vault.rs", "src/channel", "src/web/token.rs"],
        "cryptography has few places, so that each can be read with care",
    ),
    (
        "prometheus_client",
        &["src/metrics.rs", "src/web/metrics"],
        "all counts stand in one list, so that no label can grow",
    ),
    ("lettre", &["src/channel"], "only the ways out send"),
    ("hickory_resolver", &["src/channel/egress"], "names are resolved where addresses are judged"),
    ("clap", &["src/cli"], "only commands have arguments"),
    ("unbounded_channel", &[], "every queue has a bound"),
    ("process::exit", &["src/serve/mod.rs"], "a process ends in one place, which says why"),
];

/// The most lines of a file. One that grows past it holds a second idea.
const LINES: usize = 500;
/// The same for a file of tests, which has more to say of each case.
const LINES_OF_TESTS: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(under: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut places = vec![root().join(under)];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
        } else if place.to_str().unwrap().ends_with(ending) {
            found.push(place);
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// All that is written under these places, in one text.
fn text_under(places: &[&str], ending: &str) -> String {
    places.iter().flat_map(|place| files(place, ending)).map(|file| read(&file)).collect()
}

/// The lines of a file with their numbers, and without what is no code.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = without_comments_and_texts(&read(path));
    (1..).zip(text.lines().map(str::to_owned)).collect()
}

/// The same lines, with blanks where comments and literals were.
fn without_comments_and_texts(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let hashes = rest.bytes().skip(1).take_while(|&byte| byte == b'#').count();
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if first == 'r' && !in_word(&code) && rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            rest[2 + hashes..].find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len())
        } else if first == '"' {
            end_of_quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            end_of_quoted(rest, '\'')
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.extend(rest[..length].chars().map(|each| if each == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    code
}

fn in_word(text: &str) -> bool {
    text.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_')
}

/// A character in quotes, and not a lifetime.
fn is_character(rest: &str) -> bool {
    rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'')
}

fn end_of_quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, each) in rest.char_indices().skip(1) {
        if each == quote && !escaped {
            return at + 1;
        }
        escaped = each == '\\' && !escaped;
    }
    rest.len()
}

/// Whether the line names it: `ring` is named by `ring::rand`, and by neither `Ordering::Acquire` nor
/// `rustls::crypto::ring`. A type is named with its path, too: `Instant` by `std::time::Instant`.
fn names(line: &str, name: &str) -> bool {
    let is_type = name.starts_with(|first: char| first.is_ascii_uppercase());
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let whole = !in_word(before)
            && !after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        whole && (is_type || name.contains("::") || !before.ends_with("::"))
    })
}

/// `a::{b,c}` stands for `a::b` and `a::c`.
fn spelled_out(name: &str) -> Vec<String> {
    match name.split_once('{') {
        None => vec![name.to_owned()],
        Some((start, ends)) => {
            ends.trim_end_matches('}').split(',').map(|end| format!("{start}{end}")).collect()
        }
    }
}

fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn rooms_touch_only_what_they_may() {
    let mut breaches = Vec::new();
    for (room, forbidden, why) in ROOMS {
        let forbidden: Vec<String> = forbidden.iter().flat_map(|each| spelled_out(each)).collect();
        let sources = files(room, ".rs");
        assert!(!sources.is_empty(), "{room}: there is no such room");
        for file in sources {
            for (number, line) in code(&file) {
                for name in forbidden.iter().filter(|name| names(&line, name)) {
                    breaches.push(format!("{}:{number}: `{name}`: {why}", shown(&file)));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn what_is_dangerous_has_one_home() {
    let mut breaches = Vec::new();
    for file in files("src", ".rs") {
        let place = shown(&file);
        for (number, line) in code(&file) {
            if line.contains("use crate::{") {
                breaches.push(format!("{place}:{number}: name each room in a line of its own"));
            }
            for (name, homes, why) in HOMES {
                if names(&line, name) && !homes.iter().any(|home| place.starts_with(home)) {
                    breaches.push(format!("{place}:{number}: `{name}`: {why}"));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn files_are_small() {
    let mut breaches = Vec::new();
    for (under, most) in [("src", LINES), ("benches", LINES), ("tests", LINES_OF_TESTS)] {
        for file in files(under, ".rs") {
            let lines = read(&file).lines().count();
            if lines > most {
                let place = shown(&file);
                breaches.push(format!(
                    "{place}:{lines}: more than {most} lines: it holds a second idea"
                ));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn nothing_is_left_undone() {
    let written = [concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO")];
    let called = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"];
    let mut breaches = Vec::new();
    for file in ["src", "tests", "benches"].iter().flat_map(|under| files(under, ".rs")) {
        let place = shown(&file);
        let text = read(&file);
        for ((number, code), line) in code(&file).into_iter().zip(text.lines()) {
            let marks = written.iter().filter(|mark| line.contains(**mark));
            for mark in marks.chain(called.iter().filter(|mark| code.contains(**mark))) {
                breaches
                    .push(format!("{place}:{number}: {mark}: it is finished, or it is not here"));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn tests_wait_for_conditions() {
    let mut breaches = Vec::new();
    for file in files("tests", ".rs") {
        // Scenarios sleep on a clock of their own, on which a day passes in a moment.
        if shown(&file).starts_with("tests/scenarios") {
            continue;
        }
        for (number, line) in code(&file) {
            if line.contains("thread::sleep") || line.contains("time::sleep") {
                breaches.push(format!(
                    "{}:{number}: a test sleeps for luck: wait for a condition, with a deadline",
                    shown(&file)
                ));
            }
        }
    }
    assert_none(&breaches);
}

/// A file is named by a test, or its folder is by one that runs whatever of its ending lies in it.
#[test]
fn every_fixture_is_run() {
    let tests = text_under(&["tests"], ".rs");
    let mut breaches = Vec::new();
    for file in files("fixtures", "") {
        let place = shown(&file);
        let name = file.file_name().unwrap().to_str().unwrap();
        let ending = name.rsplit('.').next().unwrap();
        let folder = file
            .ancestors()
            .skip(1)
            .take_while(|each| *each != root().join("fixtures"))
            .any(|each| tests.contains(&shown(each)));
        let ending = [format!("\"{ending}\""), format!(".{ending}")];
        let swept = folder && ending.iter().any(|each| tests.contains(each));
        if name != "README.md" && !swept && !tests.contains(name) {
            breaches.push(format!("{place}:1: no test runs it"));
        }
    }
    assert_none(&breaches);
}

/// What ARCHITECTURE.md lists of the test matrix stands in a test's name, or beside it.
#[test]
fn what_is_said_to_be_covered_is() {
    let page = read(&root().join("ARCHITECTURE.md"));
    let tests = text_under(&["tests", "src"], ".rs") + &text_under(&["fixtures"], ".scenario");
    let words: std::collections::BTreeSet<&str> =
        tests.split(|each: char| !each.is_ascii_alphanumeric()).collect();
    let mut breaches = Vec::new();
    let mut inside = false;
    let mut listed = 0;
    for (number, line) in (1..).zip(page.lines()) {
        if line.starts_with("```") {
            inside = line == "```matrix";
            continue;
        }
        for id in line.split_whitespace().filter(|_| inside) {
            listed += 1;
            if !words.contains(id) && !tests.contains(&format!("fn {}_", id.to_lowercase())) {
                breaches.push(format!("ARCHITECTURE.md:{number}: {id}: no test names it"));
            }
        }
    }
    assert!(listed > 0, "ARCHITECTURE.md lists nothing between ```matrix and ```");
    assert_none(&breaches);
}

/// The reader of sources itself: what it must find, and what it must pass by.
#[test]
fn names_are_told_from_what_looks_like_them() {
    let code = without_comments_and_texts(
        "use ring::rand; // tokio\nlet a = \"reqwest \\\" x\"; /* actix\n */ r#\"rusqlite \" \"#; '\"'; fn f<'a>()",
    );
    assert_eq!(code.lines().count(), 3);
    assert!(names(&code, "ring") && code.ends_with("fn f<'a>()"), "{code}");
    for word in ["tokio", "reqwest", "actix", "rusqlite"] {
        assert!(!names(&code, word), "{word} in {code}");
    }
    assert!(!names("rustls::crypto::ring::default_provider()", "ring"));
    assert!(
        !names("Ordering::Acquire; actix_web::get", "ring") && !names("actix_web::get", "actix")
    );
    assert!(names("std::time::Instant::now()", "Instant") && names("use std::fs::File", "std::fs"));
    assert_eq!(spelled_out("std::{fs,net}"), ["std::fs", "std::net"]);
}
