//! Reads the sources as a careful reviewer would: each room touches only what it may, files stay small,
//! every fixture is run, no test sleeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

/// A room of the code, the words that it must not hold, and why.
const ROOMS: &[(&str, &[&str], &str)] = &[
    (
        "src/domain",
        &[
            "tokio",
            "actix",
            "rusqlite",
            "reqwest",
            "ring::",
            "std::fs",
            "std::net",
            "std::env",
            "Instant",
            "SystemTime::now",
            "HashMap",
            "HashSet",
            "tracing::",
            "async fn",
        ],
        "what decides is pure: time and randomness are handed in",
    ),
    (
        "src/engine",
        &[
            "rusqlite",
            "reqwest",
            "lettre",
            "ring::",
            "actix_web",
            "std::fs",
            "std::env",
            "SystemTime",
        ],
        "the engine knows its surroundings through its ports only",
    ),
    (
        "src/store",
        &["reqwest", "actix", "crate::channel", "crate::vault", "crate::web", "ring::"],
        "the store knows neither the ways out nor the surface",
    ),
    (
        "src/channel",
        &["rusqlite", "crate::store", "crate::vault", "crate::web", "actix"],
        "a way out makes one attempt and knows nothing of what is kept",
    ),
    (
        "src/vault.rs",
        &["rusqlite", "reqwest", "crate::store", "crate::channel"],
        "as for a way out",
    ),
    ("src/web", &["rusqlite", "reqwest", "crate::channel"], "the surface asks engine and queries"),
    ("src/cli", &["rusqlite"], "only the store knows SQL"),
    ("src/config", &["rusqlite", "reqwest", "actix"], "the configuration is read, not used, here"),
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

/// The lines of a file that are code, with their numbers.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = (1..).zip(text.lines().map(str::to_owned));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).collect()
}

/// Whether the line holds it, and not as the end of a longer word: `Ordering::` is not `ring::`.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_')
    })
}

fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn rooms_touch_only_what_they_may() {
    let mut breaches = Vec::new();
    for (room, words, why) in ROOMS {
        for file in files(room, ".rs") {
            for (number, line) in code(&file) {
                for word in words.iter().filter(|word| has_word(&line, word)) {
                    let place = shown(&file);
                    breaches.push(format!("{place}:{number}: `{word}` in {room}: {why}"));
                }
            }
        }
    }
    for file in files("src", ".rs") {
        let place = shown(&file);
        let in_store = place.starts_with("src/store");
        for (number, line) in code(&file) {
            if line.contains("rusqlite") && !in_store {
                breaches.push(format!("{place}:{number}: only src/store knows SQL"));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn files_are_small() {
    let mut breaches = Vec::new();
    for (under, most) in [("src", LINES), ("tests", LINES_OF_TESTS)] {
        for file in files(under, ".rs") {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            if lines > most {
                breaches.push(format!("{}: {lines} lines, at most {most}", shown(&file)));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn nothing_is_left_undone() {
    let marks = ["todo!(", "unimplemented!(", concat!("FIX", "ME"), concat!("XX", "X"), "#[ignore"];
    let mut breaches = Vec::new();
    for file in files("src", ".rs").into_iter().chain(files("tests", ".rs")) {
        if file.ends_with("tests/tidy.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            for mark in marks.iter().filter(|mark| line.contains(*mark)) {
                breaches.push(format!("{}:{number}: {mark}", shown(&file)));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn tests_wait_for_conditions() {
    let sleeps = ["thread::sleep", "tokio::time::sleep(", "actix_rt::time::sleep"];
    let mut breaches = Vec::new();
    for file in files("tests", ".rs") {
        // Scenarios sleep on a clock of their own, on which a day passes in a moment.
        if file.ends_with("tests/tidy.rs") || shown(&file).starts_with("tests/scenarios") {
            continue;
        }
        for (number, line) in code(&file) {
            if sleeps.iter().any(|sleep| line.contains(sleep)) {
                breaches.push(format!("{}:{number}: a test sleeps for luck", shown(&file)));
            }
        }
    }
    assert_none(&breaches);
}

/// Each directory of fixtures is named by a test, which runs whatever lies in it.
#[test]
fn every_fixture_is_run() {
    let tests: String =
        files("tests", ".rs").iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let sources: String =
        files("src", ".rs").iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let mut breaches = Vec::new();
    for entry in std::fs::read_dir(root().join("fixtures")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("fixtures/{name}");
        if !tests.contains(&path) && !sources.contains(&path) {
            breaches.push(format!("{path}: no test names it"));
        }
    }
    assert_none(&breaches);
}

/// Matrix G3: one TLS library, one cryptography library, and nothing with a known hole.
#[test]
fn g3_the_lockfile_holds_what_it_may() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut packages = Vec::new();
    let mut name = "";
    for line in lock.lines() {
        let value = |key: &str| line.strip_prefix(key).map(|rest| rest.trim_matches('"'));
        if let Some(found) = value("name = ") {
            name = found;
        } else if let Some(version) = value("version = ") {
            packages.push((name.to_owned(), version.to_owned()));
        }
    }
    assert!(packages.len() > 100, "the lock file was not understood");
    let mut breaches = Vec::new();
    let never =
        ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls", "rustls-pemfile"];
    let least: &[(&str, [u64; 3])] = &[
        ("actix-http", [3, 18, 11]),
        ("actix-web", [4, 16, 0]),
        ("bytes", [1, 11, 1]),
        ("crossbeam-channel", [0, 5, 15]),
        ("h2", [0, 4, 16]),
        ("hickory-resolver", [0, 26, 1]),
        ("idna", [1, 0, 3]),
        ("libsqlite3-sys", [0, 36, 0]),
        ("ring", [0, 17, 12]),
        ("rustls", [0, 23, 18]),
        ("rustls-webpki", [0, 103, 13]),
        ("time", [0, 3, 47]),
        ("tokio", [1, 44, 2]),
        ("tracing-subscriber", [0, 3, 20]),
    ];
    for (name, version) in &packages {
        if never.contains(&name.as_str()) {
            breaches.push(format!("{name} must not come in"));
        }
        let parts: Vec<u64> =
            version.split(['.', '-', '+']).take(3).map(|part| part.parse().unwrap_or(0)).collect();
        for (_, wanted) in least.iter().filter(|(each, _)| each == name) {
            if parts.as_slice() < wanted.as_slice() {
                breaches.push(format!("{name} {version} is older than {wanted:?}"));
            }
        }
    }
    assert_none(&breaches);
}
