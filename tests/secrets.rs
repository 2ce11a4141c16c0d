//! Matrix F1: secrets that go through every path of the real program are found nowhere but at the
//! receiver: no log line at the most talkative level, no answer, page, metric, audit line, export or
//! command's output, no byte of the database, while it runs and after it was killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use process::{Data, Listener, Service, belfry, path_text, record, wait_until};
use serde_json::{Value, json};

const BEARER: &str = "sentinel-bearer-0cc175b9";
const CUSTOM: &str = "sentinel-custom-92eb5ffe";
const PASSWORD: &str = "sentinel-password-4a8a08f0";

/// One call; all of its answer.
fn raw(service: &Service, head: &str, method: &str, path: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut socket = TcpStream::connect(service.addr).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: belfry\r\nconnection: close\r\n{head}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

/// Fails where one of the secrets is in one of the texts.
fn assert_nowhere(secrets: &[String], places: &[(String, Vec<u8>)]) {
    for (place, bytes) in places {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}… is in {place}", &secret[..12.min(secret.len())]);
        }
    }
}

#[test]
fn f1_secrets_are_found_nowhere_but_at_the_receiver() {
    let data = Data::init();
    let known = [("THE_CREDENTIAL", BEARER)];
    let args = ["--auth", "bearer", "--credential-env", "THE_CREDENTIAL"];
    let listener = Listener::start_knowing(&data, "receiver", &args, &known);
    // One that expects another credential, and repeats what it got.
    let other = [("THE_CREDENTIAL", "what it really expects")];
    let wrong = Listener::start_knowing(
        &data,
        "wrong",
        &["--auth", "header:X-Team-Key", "--credential-env", "THE_CREDENTIAL"],
        &other,
    );
    let ca = data.beside("both.pem");
    let both =
        [&listener.ca, &wrong.ca].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    std::fs::write(&ca, both).unwrap();
    let ca = path_text(&ca);
    let settings = [
        ("BELFRY__EGRESS__CA_FILES", ca.as_str()),
        ("BELFRY__LOG__LEVEL", "trace"),
        ("BELFRY__LOG__FORMAT", "json"),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "200ms"),
        ("BELFRY_FAILPOINTS", "handle.dlv_2=panic"),
    ];
    let mut service = Service::start(&data, &settings);
    let admin = format!("authorization: Bearer {}\r\n", data.token);
    let mut answers: Vec<(String, Vec<u8>)> = Vec::new();
    let mut ask = |service: &Service, head: &str, method: &str, path: &str, body: Value| {
        let answer = raw(service, head, method, path, &body);
        answers.push((format!("the answer to {method} {path}"), answer.clone().into_bytes()));
        answer
    };

    // It takes connections and speaks no TLS.
    let hangs_up = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = hangs_up.local_addr().unwrap();
    std::thread::spawn(move || hangs_up.incoming().for_each(drop));
    // Every kind of failure, with a credential: refused, unknown name, no TLS, wrong credential.
    let custom =
        |name: &str| json!({"method": "custom_header", "header_name": name, "credential": CUSTOM});
    let bearer = json!({"method": "bearer", "credential": BEARER});
    let integrations = json!([
        {"kind": "webhook", "name": "good", "url": format!("{}/hook", listener.url), "auth": bearer, "signing": true},
        {"kind": "webhook", "name": "wrong", "url": format!("{}/hook", wrong.url), "auth": custom("X-Team-Key")},
        {"kind": "webhook", "name": "closed", "url": "https://127.0.0.1:9/hook", "auth": bearer},
        {"kind": "webhook", "name": "unknown", "url": "https://nowhere.invalid/hook", "auth": custom("X-Other")},
        {"kind": "webhook", "name": "plain", "url": format!("https://{plain}/"), "auth": bearer},
    ]);
    let automation = json!({"name": "all", "integrations": integrations});
    let made = ask(&service, &admin, "POST", "/v1/automations", automation);
    let made: Value = serde_json::from_str(made.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let signing = made["integrations"][0]["signing_secret"].as_str().unwrap().to_owned();
    answers_without(&mut answers, &signing);
    let mut ask = |service: &Service, head: &str, method: &str, path: &str, body: Value| {
        let answer = raw(service, head, method, path, &body);
        answers.push((format!("the answer to {method} {path}"), answer.clone().into_bytes()));
        answer
    };
    // Bad input that holds secrets is refused without them.
    ask(
        &service,
        &admin,
        "POST",
        "/v1/automations",
        json!({"name": "", "integrations": [
        {"kind": "webhook", "url": "http://x/", "auth": {"method": "bearer", "credential": format!("{BEARER}\n")}}]}),
    );
    ask(
        &service,
        &admin,
        "POST",
        "/v1/users",
        json!({"name": "ada", "role": "nobody", "password": PASSWORD}),
    );
    ask(
        &service,
        &admin,
        "POST",
        "/v1/users",
        json!({"name": "ada", "role": "admin", "password": PASSWORD}),
    );
    // The code of the first password: once too soon, and once too often.
    let first = |password: &str| json!({"code": data.code, "name": "eve", "password": password});
    ask(&service, "", "POST", "/v1/session/first", first("short"));
    ask(&service, "", "POST", "/v1/session/first", first(PASSWORD));
    ask(&service, "", "POST", "/v1/session", json!({"name": PASSWORD, "password": PASSWORD}));
    let signed_in =
        raw(&service, "", "POST", "/v1/session", &json!({"name": "ada", "password": PASSWORD}));
    let cookie = signed_in.split("belfry=").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let minted =
        raw(&service, &admin, "POST", "/v1/tokens", &json!({"name": "t", "role": "viewer"}));
    let minted: Value = serde_json::from_str(minted.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let minted = minted["token"].as_str().unwrap().to_owned();
    ask(
        &service,
        &format!("authorization: Bearer {minted}x\r\n"),
        "GET",
        "/v1/automations",
        Value::Null,
    );
    ask(&service, &format!("cookie: belfry={cookie}\r\n"), "GET", "/v1/session", Value::Null);

    assert_eq!(service.send("r1").0, 202);
    assert_eq!(service.send("r2").0, 202);
    let delivered = || !listener.taken().is_empty() && wrong.requests().len() > 3;
    wait_until("the good one has it, the other one refused it", delivered);
    wait_until("the one that kills its actor is dead", || {
        service.ok("GET", "/v1/deliveries/dlv_2", &Value::Null)["state"] == "dead"
    });
    for integration in made["integrations"].as_array().unwrap() {
        let path = format!("/v1/integrations/{}", integration["id"].as_str().unwrap());
        ask(&service, &admin, "POST", &format!("{path}/test"), Value::Null);
        ask(&service, &admin, "GET", &path, Value::Null);
    }
    let ids: Vec<String> = (1..=10).map(|number| format!("/v1/deliveries/dlv_{number}")).collect();
    let lists = [
        "/v1/automations",
        "/v1/automations?settings_only=true",
        "/v1/deliveries",
        "/v1/users",
        "/v1/tokens",
        "/v1/audit?limit=200",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/v1/alerts/alr_1",
    ];
    for path in lists.iter().copied().chain(ids.iter().map(String::as_str)) {
        ask(&service, &admin, "GET", path, Value::Null);
    }
    ask(&service, &admin, "POST", "/v1/records", json!({"records": [record("r1"), {"id": ""}]}));

    let server = format!("http://{}", service.addr);
    let dir = path_text(&data.dir());
    let commands: [&[&str]; 7] = [
        &["deliveries", "list"],
        &["deliveries", "show", "dlv_2", "--json"],
        &["automations", "export"],
        &["automations", "export", "--json"],
        &["token", "list", "--data", &dir],
        &["user", "list", "--data", &dir, "--json"],
        &["check", "--data", &dir],
    ];
    for command in commands {
        let output = belfry()
            .args(command)
            .env("BELFRY_SERVER", &server)
            .env("BELFRY_TOKEN", &data.token)
            .output()
            .unwrap();
        let place = format!("the output of {command:?}");
        answers.push((place, [output.stdout, output.stderr].concat()));
    }

    let secret_of = |token: &str| token.split('_').nth(3).unwrap().to_owned();
    let secrets = [
        BEARER.to_owned(),
        CUSTOM.to_owned(),
        PASSWORD.to_owned(),
        signing,
        cookie,
        secret_of(&minted),
        secret_of(&data.token),
        data.code.clone(),
    ];
    assert_nowhere(&secrets, &answers);
    assert_nowhere(&secrets, &files(&data.dir()));
    service.kill();
    assert_nowhere(&secrets, &files(&data.dir()));
    let log = service.log();
    assert!(
        log.contains("panicked")
            && log.contains("a sign-in failed")
            && log.contains("belfry::audit")
    );
    assert_nowhere(&secrets, &[("the log".to_owned(), log.into_bytes())]);
    // The one place where they belong.
    let seen = listener.requests();
    assert!(
        seen.iter().any(|request| request["status"] == 200),
        "it got the right credential: {seen:?}"
    );
}

/// The answer that shows the signing secret once may hold it.
fn answers_without(answers: &mut [(String, Vec<u8>)], signing: &str) {
    for (_, answer) in answers {
        let text = String::from_utf8(std::mem::take(answer)).unwrap();
        *answer = text.replace(signing, "").into_bytes();
    }
}
