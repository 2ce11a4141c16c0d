//! The parts of a request that people configure, held against the tables in `fixtures/requests`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use belfry::domain::integration::{Credential, HeaderName, HttpsUrl, PartError};

/// A line of a table: where it stands, what is given, what is expected.
struct Row {
    place: String,
    given: String,
    expected: Expected,
}

enum Expected {
    Taken(String),
    Refused(String),
}

fn table(name: &str, least: usize) -> Vec<Row> {
    let path = format!("{}/fixtures/requests/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            let place = format!("{name}:{}", index + 1);
            let (given, expected) = line.rsplit_once("=>").expect(&place);
            let expected = expected.trim();
            Row {
                given: serde_json::from_str(given.trim()).expect(&place),
                expected: match expected.strip_prefix("! ") {
                    Some(words) => Expected::Refused(words.trim().to_owned()),
                    None => Expected::Taken(expected.to_owned()),
                },
                place,
            }
        })
        .collect();
    assert!(rows.len() >= least, "{name} has lost rows: {}", rows.len());
    rows
}

fn hold(row: &Row, found: Result<String, PartError>) {
    match (&row.expected, found) {
        (Expected::Taken(expected), Ok(taken)) => assert_eq!(&taken, expected, "{}", row.place),
        (Expected::Refused(words), Err(error)) => {
            assert!(error.to_string().contains(words), "{}: {error}", row.place);
        }
        (Expected::Taken(_), Err(error)) => panic!("{}: refused: {error}", row.place),
        (Expected::Refused(words), Ok(taken)) => {
            panic!("{}: taken as {taken}, but should be refused: {words}", row.place)
        }
    }
}

/// Matrix D1★.
#[test]
fn d1_a_url_is_refused_or_normalised() {
    for row in table("urls.txt", 80) {
        hold(&row, HttpsUrl::parse(&row.given).map(|url| url.to_string()));
    }
}

/// Matrix D1★: what is stored is read back as it was.
#[test]
fn d1_a_normalised_url_stays_as_it_is() {
    for row in table("urls.txt", 80) {
        if let Expected::Taken(normalised) = &row.expected {
            assert_eq!(&HttpsUrl::parse(normalised).unwrap().to_string(), normalised);
        }
    }
}

/// Matrix D1★: the bound counts the URL as it is sent.
#[test]
fn d1_a_long_url_is_refused_past_2048_bytes() {
    let of = |bytes: usize| format!("https://hooks.example.com/{:a<1$}", "", bytes - 26);
    assert_eq!(HttpsUrl::parse(&of(2000)).unwrap().as_url().as_str().len(), 2000);
    assert!(HttpsUrl::parse(&of(2048)).is_ok());
    let error = HttpsUrl::parse(&of(2049)).unwrap_err();
    assert_eq!(error.to_string(), "is longer than 2048 bytes");
    let grows = format!("https://hooks.example.com/{}", "é".repeat(700));
    let error = HttpsUrl::parse(&grows).unwrap_err();
    assert_eq!(error.to_string(), "is longer than 2048 bytes once it is percent-encoded");
}

#[test]
fn a_url_is_shown_without_the_values_of_its_query() {
    for (url, shown) in [
        ("https://hooks.example.com/x", "https://hooks.example.com/x"),
        ("https://hooks.example.com/x?key=s3cret&v=2", "https://hooks.example.com/x?key=***&v=***"),
        ("https://hooks.example.com/x?s3cret", "https://hooks.example.com/x?***"),
        ("https://hooks.example.com/?a=b=c?d", "https://hooks.example.com/?a=***"),
        ("https://hooks.example.com:8443/?", "https://hooks.example.com:8443/?***"),
    ] {
        let url = HttpsUrl::parse(url).unwrap();
        assert_eq!(url.masked(), shown);
        assert_eq!(format!("{url:?}"), format!("HttpsUrl({shown})"));
    }
}

#[test]
fn a_refused_url_is_not_repeated() {
    let error = HttpsUrl::parse("https://user:s3cret@hooks.example.com/?t=s3cret").unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
    let error = HttpsUrl::parse("https://hooks.example.com:99999/?t=s3cret").unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

/// Matrix D17★.
#[test]
fn d17_a_header_name_is_refused_or_kept() {
    for row in table("header-names.txt", 50) {
        hold(&row, HeaderName::parse(&row.given).map(|name| name.as_str().to_owned()));
    }
}

/// Matrix D17★.
#[test]
fn d17_a_header_name_has_at_most_64_bytes() {
    assert!(HeaderName::parse(&"x".repeat(64)).is_ok());
    let error = HeaderName::parse(&"x".repeat(65)).unwrap_err();
    assert_eq!(error.to_string(), "is longer than 64 bytes");
}

/// Matrix D17★: and no refusal repeats the credential.
#[test]
fn d17_a_credential_is_refused_or_kept() {
    for row in table("credentials.txt", 20) {
        let found = Credential::parse(row.given.clone()).map(|secret| {
            assert_eq!(secret.expose(), row.given);
            "ok".to_owned()
        });
        if let Err(error) = &found
            && row.given.contains("tok")
        {
            assert!(!error.to_string().contains("tok"), "{}", row.place);
        }
        hold(&row, found);
    }
}

/// Matrix D17★: 5 KB.
#[test]
fn d17_a_credential_has_at_most_4096_bytes() {
    assert!(Credential::parse("k".repeat(4096)).is_ok());
    for bytes in [4097, 5 * 1024] {
        let error = Credential::parse("k".repeat(bytes)).unwrap_err();
        assert_eq!(error.to_string(), "is longer than 4096 bytes");
    }
}
