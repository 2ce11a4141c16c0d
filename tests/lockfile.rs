//! What `Cargo.lock` holds: one TLS library, one cryptography library, one SQLite, nothing with a known
//! hole, and nothing that nobody keeps any more. `cargo deny` checks the same by its own lists; this holds
//! where its database can't be reached.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// What must not come in, and why.
const NEVER: &[(&str, &str)] = &[
    ("aws-lc-rs", "ring is the one cryptography library"),
    ("aws-lc-sys", "ring is the one cryptography library"),
    ("openssl", "rustls is the one TLS library"),
    ("openssl-sys", "rustls is the one TLS library"),
    ("native-tls", "rustls is the one TLS library"),
    ("rustls-pemfile", "RUSTSEC-2025-0134: unmaintained; rustls-pki-types reads PEM"),
    ("flate2", "nothing is decompressed, so that nothing can be blown up"),
    ("brotli", "nothing is decompressed, so that nothing can be blown up"),
    ("zstd", "nothing is decompressed, so that nothing can be blown up"),
    ("paste", "unmaintained"),
    ("proc-macro-error", "unmaintained"),
    ("proc-macro-error2", "unmaintained"),
    ("instant", "unmaintained"),
    ("derivative", "unmaintained"),
    ("bincode", "unmaintained"),
    ("dotenv", "unmaintained"),
];

/// The oldest version that may be in the lock file, for what is in it, and why.
const LEAST: &[(&str, [u64; 3], &str)] = &[
    ("actix-http", [3, 18, 11], "requests could be smuggled"),
    ("actix-web", [4, 16, 0], "serves TLS without HTTP/2, whose library has a hole"),
    ("anyhow", [1, 0, 103], "RUSTSEC-2026-0190"),
    ("bytes", [1, 11, 1], "RUSTSEC-2026-0007"),
    ("crossbeam-channel", [0, 5, 15], "RUSTSEC-2025-0024"),
    ("crossbeam-epoch", [0, 9, 20], "RUSTSEC-2026-0204"),
    ("event-listener", [5, 4, 2], "RUSTSEC-2026-0221"),
    ("h2", [0, 4, 16], "RUSTSEC-2026-0258, which has no fix on 0.3"),
    ("hickory-net", [0, 26, 1], "RUSTSEC-2026-0120"),
    ("hickory-proto", [0, 26, 1], "RUSTSEC-2026-0118 and -0119"),
    ("hickory-resolver", [0, 26, 1], "the same, by its parts"),
    ("idna", [1, 0, 3], "RUSTSEC-2024-0421"),
    ("lettre", [0, 11, 22], "RUSTSEC-2026-0141"),
    (
        "libsqlite3-sys",
        [0, 40, 0],
        "SQLite before 3.51.3 can corrupt a database as it resets its log",
    ),
    ("lru", [0, 18, 2], "RUSTSEC-2026-0253"),
    ("reqwest", [0, 13, 4], "sent secrets on when the scheme changed"),
    ("ring", [0, 17, 12], "RUSTSEC-2025-0009"),
    ("rustls", [0, 23, 18], "RUSTSEC-2024-0399"),
    ("rustls-webpki", [0, 103, 13], "RUSTSEC-2026-0104 and three before"),
    ("time", [0, 3, 47], "RUSTSEC-2026-0009"),
    ("tokio", [1, 44, 2], "RUSTSEC-2025-0023"),
    ("tracing-subscriber", [0, 3, 20], "RUSTSEC-2025-0055"),
];

/// Where two of them would be two truths: two sets of settings, two sets of holes.
const ONE: &[&str] = &["h2", "hyper", "libsqlite3-sys", "reqwest", "ring", "rustls", "tokio"];

fn packages(lock: &str) -> Vec<(&str, &str)> {
    let value = |line: &str, key: &str| line.starts_with(key).then_some(key.len());
    let mut found = Vec::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(at) = value(line, "name = ") {
            name = line.get(at..).unwrap().trim_matches('"');
        } else if let Some(at) = value(line, "version = \"") {
            found.push((name, line.get(at..).unwrap().trim_matches('"')));
        }
    }
    found
}

/// Matrix G3★.
#[test]
fn g3_the_lockfile_holds_what_it_may() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let packages = packages(&lock);
    assert!(packages.iter().any(|(name, _)| *name == "belfry"), "the lock file was not understood");
    let mut breaches = Vec::new();
    for (name, version) in &packages {
        for (_, why) in NEVER.iter().filter(|(never, _)| never == name) {
            breaches.push(format!("{name} {version} must not come in: {why}"));
        }
        let parts: Vec<u64> =
            version.split(['.', '-', '+']).take(3).map(|part| part.parse().unwrap()).collect();
        for (_, least, why) in LEAST.iter().filter(|(each, _, _)| each == name) {
            if parts.as_slice() < least.as_slice() {
                breaches.push(format!("{name} {version} is older than {least:?}: {why}"));
            }
        }
    }
    for one in ONE {
        let versions: Vec<&str> =
            packages.iter().filter(|(name, _)| name == one).map(|(_, version)| *version).collect();
        if versions.len() != 1 {
            breaches.push(format!("{one} must be there once, and is {versions:?}"));
        }
    }
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}
