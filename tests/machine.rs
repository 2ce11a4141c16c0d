//! On the machine itself: people, tokens and automations by command, beside a running service and
//! without one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use std::io::Write as _;
use std::process::{Output, Stdio};

use process::{Data, Listener, Service, belfry, path_text, wait_until};
use serde_json::{Value, json};

const PASSWORD: &str = "sentinel-password-7c9e6679";
const CREDENTIAL: &str = "sentinel-credential-d41d8cd9";

/// Runs a command with this on its standard input.
fn run(args: &[&str], input: &str, variables: &[(&str, &str)]) -> Output {
    let mut child = belfry()
        .args(args)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that needs no input may have ended.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let both = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8(both).unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A command on the data directory, as JSON.
fn on(data: &Data, args: &[&str], input: &str) -> Output {
    let dir = path_text(&data.dir());
    let args: Vec<&str> = args.iter().copied().chain(["--data", &dir, "--json"]).collect();
    run(&args, input, &[])
}

fn sign_in(service: &Service, name: &str, password: &str) -> u16 {
    service.call("POST", "/v1/session", &json!({"name": name, "password": password})).0
}

#[test]
fn people_are_added_and_let_in_again() {
    let data = Data::init();
    // Without a service.
    let ada =
        json_of(&on(&data, &["user", "add", "ada", "--role", "admin"], &format!("{PASSWORD}\n")));
    assert_eq!((&ada["name"], &ada["role"]), (&json!("ada"), &json!("admin")));
    let service = Service::start(&data, &[]);
    assert_eq!(sign_in(&service, "ada", PASSWORD), 200);
    // Beside one: whoever is locked out gets in at once.
    let other = format!("{PASSWORD}, another one");
    json_of(&on(&data, &["user", "passwd", "ADA"], &other));
    assert_eq!(sign_in(&service, "ada", PASSWORD), 401);
    assert_eq!(sign_in(&service, "ada", &other), 200);
    json_of(&on(&data, &["user", "add", "bob", "--role", "viewer"], PASSWORD));
    json_of(&on(&data, &["user", "role", "bob", "editor"], ""));
    let people = json_of(&on(&data, &["user", "list"], ""));
    let shown: Vec<_> = people
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (each["name"].as_str(), each["role"].as_str()))
        .collect();
    assert_eq!(shown, [(Some("ada"), Some("admin")), (Some("bob"), Some("editor"))]);
    for (args, input, words) in [
        (&["user", "add", "ADA ", "--role", "viewer"][..], PASSWORD, "that name is taken"),
        (&["user", "add", "eve", "--role", "viewer"], "short", "too short"),
        (&["user", "passwd", "nobody"], PASSWORD, "there is nobody of the name nobody"),
        (&["user", "remove", "ada"], "", "the last admin stays one"),
        (&["user", "role", "ada", "viewer"], "", "the last admin stays one"),
    ] {
        let refused = on(&data, args, input);
        assert_eq!(refused.status.code(), Some(1), "{args:?}");
        assert!(said(&refused).contains(words), "{args:?}: {}", said(&refused));
        assert!(!said(&refused).contains(PASSWORD), "{args:?}");
    }
    let misused = on(&data, &["user", "add", "eve", "--role", "ingest"], PASSWORD);
    assert_eq!(misused.status.code(), Some(2));
    json_of(&on(&data, &["user", "remove", "bob"], ""));

    let lines = service.ok("GET", "/v1/audit?actor=cli", &Value::Null);
    let actions: Vec<_> =
        lines["data"].as_array().unwrap().iter().map(|each| each["action"].clone()).collect();
    assert_eq!(
        actions,
        ["user.delete", "user.change", "user.create", "user.change", "user.create"]
    );
    // What was done beside the service is in its log as well.
    wait_until("it is in the log", || service.log().contains("user.delete"));
    assert!(!service.log().contains(PASSWORD));
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let data = Data::init();
    let made =
        json_of(&on(&data, &["token", "create", "--role", "viewer", "--name", "before"], ""));
    let service = Service::start(&data, &[]);
    let call = |token: &Value| {
        let token = token["token"].as_str().unwrap();
        process::call(service.addr, token, "GET", "/v1/automations", &Value::Null).unwrap().0
    };
    assert_eq!(call(&made), 200);
    let args = ["token", "create", "--role", "viewer", "--name", "beside", "--expires-in", "90d"];
    let beside = json_of(&on(&data, &args, ""));
    assert_eq!(call(&beside), 200);
    assert!(beside["expires_at"].is_string());
    let id = beside["id"].as_str().unwrap();
    let unused =
        json_of(&on(&data, &["token", "create", "--role", "viewer", "--name", "unused"], ""));
    json_of(&on(&data, &["token", "revoke", unused["id"].as_str().unwrap()], ""));
    assert_eq!(call(&unused), 401);
    json_of(&on(&data, &["token", "revoke", id], ""));
    let list = json_of(&on(&data, &["token", "list"], ""));
    let names: Vec<_> =
        list.as_array().unwrap().iter().map(|each| each["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "before", "beside", "unused"]);
    assert!(list[2]["revoked_at"].is_string() && list[1]["revoked_at"].is_null());
    assert!(!list.to_string().contains("bfy_"));
    let nobody = on(&data, &["token", "revoke", "nothing1"], "");
    assert_eq!((nobody.status.code(), said(&nobody).contains("no such token")), (Some(1), true));
    let nowhere = run(&["token", "list", "--data", "/nowhere"], "", &[]);
    assert_eq!(nowhere.status.code(), Some(2), "{}", said(&nowhere));
}

/// A document, and how it is applied.
struct Scene {
    data: Data,
    service: Service,
}

impl Scene {
    fn start(settings: &[(&str, &str)]) -> Self {
        let data = Data::init();
        let service = Service::start(&data, settings);
        Self { data, service }
    }

    fn command(&self, args: &[&str], input: &str) -> Output {
        let server = format!("http://{}", self.service.addr);
        let mut all = vec!["automations"];
        all.extend(args);
        let variables = [
            ("BELFRY_SERVER", server.as_str()),
            ("BELFRY_TOKEN", &self.data.token),
            ("THE_CREDENTIAL", CREDENTIAL),
        ];
        run(&all, input, &variables)
    }

    fn apply(&self, document: &str, args: &[&str]) -> Output {
        let file = self.data.beside("automations.toml");
        std::fs::write(&file, document).unwrap();
        let file = path_text(&file);
        let mut all = vec!["apply", &file];
        all.extend(args);
        self.command(&all, "")
    }

    fn count(&self) -> usize {
        let list = self.service.ok("GET", "/v1/automations", &Value::Null);
        list["data"].as_array().unwrap().len()
    }
}

fn document(url: &str) -> String {
    format!(
        "[[automations]]\nname = \"Churn\"\nminimum_levels = {{ escalation_level = \"high\" }}\n\n\
         [[automations.integrations]]\nname = \"router\"\nkind = \"webhook\"\nurl = \"{url}\"\n\
         auth = {{ method = \"bearer\", credential = \"env:THE_CREDENTIAL\" }}\n\n\
         [[automations]]\nname = \"Outage\"\nactive = false\n"
    )
}

#[test]
fn automations_are_applied_from_a_file_and_delivered_by() {
    let data = Data::init();
    let listener = Listener::start_knowing(
        &data,
        "receiver",
        &["--auth", "bearer", "--credential-env", "THE_CREDENTIAL"],
        &[("THE_CREDENTIAL", CREDENTIAL)],
    );
    let ca = path_text(&listener.ca);
    let service = Service::start(&data, &[("BELFRY__EGRESS__CA_FILES", &ca)]);
    let scene = Scene { data, service };
    let text = document(&format!("{}/hook", listener.url));

    let dry = scene.apply(&text, &["--dry-run"]);
    assert!(dry.status.success(), "{}", said(&dry));
    assert!(
        said(&dry).contains("+ create Churn") && said(&dry).contains("2 to change"),
        "{}",
        said(&dry)
    );
    let webhook = format!("    + webhook router: {}/hook, bearer\n", listener.url);
    assert!(said(&dry).contains(&webhook), "{}", said(&dry));
    let unasked = scene.apply(&text, &[]);
    assert_eq!(unasked.status.code(), Some(2), "nobody is there to be asked");
    assert_eq!(scene.count(), 0);

    let done = scene.apply(&text, &["--yes"]);
    assert!(
        done.status.success() && said(&done).contains("2 changed, 0 as they were"),
        "{}",
        said(&done)
    );
    let again = json_of(&scene.apply(&text, &["--yes", "--json"]));
    assert_eq!((&again["changes"], &again["unchanged"]), (&json!([]), &json!(2)));
    assert_eq!(scene.service.send("r1").0, 202);
    scene.service.wait_for_state("r1", "delivered");

    let exported = scene.command(&["export"], "");
    let exported = String::from_utf8(exported.stdout).unwrap();
    assert!(!exported.contains("sentinel"), "{exported}");
    let same = json_of(&scene.apply(&exported, &["--yes", "--json"]));
    assert_eq!(same["changes"], json!([]), "what was exported changes nothing:\n{exported}");

    let other =
        text.replace("\"high\"", "\"extreme\"").replace("name = \"Outage\"", "name = \"Renamed\"");
    let changed = said(&scene.apply(&other, &["--yes"]));
    for words in [
        "~ change Churn",
        "/minimum_levels/escalation_level: \"high\" -> \"extreme\"",
        "+ create Renamed",
        "- delete Outage",
    ] {
        assert!(changed.contains(words), "{words}: {changed}");
    }
    let from_pipe = scene.command(&["apply", "-", "--yes"], &other);
    assert!(said(&from_pipe).contains("Nothing to change, 2 as they are"), "{}", said(&from_pipe));
    let out = path_text(&scene.data.beside("out.toml"));
    assert!(scene.command(&["export", "--out", &out], "").status.success());
    assert!(std::fs::read_to_string(out).unwrap().contains("Renamed"));
}

#[test]
fn what_is_wrong_with_a_document_is_told_by_name() {
    let scene = Scene::start(&[]);
    let good = document("https://router.example.com/");
    for (text, status, words) in [
        (good.replace("env:THE_CREDENTIAL", "env:NOBODY_SET_IT"), 1, "which is not set"),
        (good.replace("env:THE_CREDENTIAL", CREDENTIAL), 1, "must be a reference"),
        (good.replace("env:THE_CREDENTIAL", "file:nowhere"), 1, "can't be read"),
        (good.replace("https://", "http://"), 1, "(Churn / router)"),
        (good.replace("active", "activ"), 1, "is not known here"),
        (good.replace("\"Outage\"", "\"Churn\""), 1, "is there twice"),
        ("[[automations".to_owned(), 1, "automations.toml:1"),
    ] {
        let refused = scene.apply(&text, &["--yes"]);
        assert_eq!(refused.status.code(), Some(status), "{}", said(&refused));
        assert!(said(&refused).contains(words), "{words}: {}", said(&refused));
        assert!(!said(&refused).contains("sentinel"), "{}", said(&refused));
    }
    assert_eq!(scene.count(), 0);
}

/// However the service dies while a document is applied: all of it is there, or nothing.
#[test]
fn a_document_is_never_half_applied() {
    let (mut none, mut all) = (0, 0);
    for commit in 1..=8 {
        let data = Data::init();
        let point = format!("commit.before@{commit}=abort");
        let (mut child, log) = Service::spawn(&data, &[("BELFRY_FAILPOINTS", &point)]);
        let mut address = None;
        wait_until("it listens or dies", || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let found = said.split("url=\"http://").nth(1).and_then(|rest| rest.split('"').next());
            address = found.map(str::to_owned);
            address.is_some() || child.try_wait().unwrap().is_some()
        });
        if let Some(address) = address {
            let file = data.beside("automations.toml");
            std::fs::write(&file, document("https://router.example.com/")).unwrap();
            let server = format!("http://{address}");
            let variables = [
                ("BELFRY_SERVER", server.as_str()),
                ("BELFRY_TOKEN", &data.token),
                ("THE_CREDENTIAL", CREDENTIAL),
            ];
            run(&["automations", "apply", &path_text(&file), "--yes"], "", &variables);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let service = Service::start(&data, &[]);
        let list = service.ok("GET", "/v1/automations", &Value::Null);
        match list["data"].as_array().unwrap().len() {
            0 => none += 1,
            2 => all += 1,
            other => panic!("{other} of two are there after a death at commit {commit}"),
        }
    }
    assert!(none > 0 && all > 0, "{none} before, {all} after");
}

#[test]
fn records_say_what_they_would_do() {
    let data = Data::init();
    let service = Service::start(&data, &[]);
    service.automation(&["https://a.example.com/".to_owned()]);
    let least = json!({"name": "calls", "filter": {"field": "channel", "op": "exists"}});
    service.ok("POST", "/v1/automations", &least);
    let records = format!("{}\n{}\n", process::record("r-1"), json!({"id": ""}));
    let server = format!("http://{}", service.addr);
    let variables = [("BELFRY_SERVER", server.as_str()), ("BELFRY_TOKEN", data.token.as_str())];
    let args = ["records", "send", "--dry-run", "-"];
    let told = run(&args, &records, &variables);
    assert_eq!(told.status.code(), Some(1), "one of them is wrong: {}", said(&told));
    for words in [
        "r-1  escalation extreme, intensity extreme",
        "fires   all → w0",
        "silent  calls: its filter leaves the record out",
        "rejected  standard input record 1",
        "nothing was stored or sent",
    ] {
        assert!(said(&told).contains(words), "{words}: {}", said(&told));
    }
    let told =
        run(&[&args[..], &["--json"]].concat(), &process::record("r-1").to_string(), &variables);
    let line = json_of(&told);
    assert_eq!(line["records"][0]["automations"][0]["fires"], true);
    let none = service.ok("GET", "/v1/deliveries", &Value::Null);
    assert_eq!(none["data"], json!([]));
    service.send("r-1");
    let told = run(&args, &process::record("r-1").to_string(), &variables);
    assert!(said(&told).contains("w0 (not again: alr_1 is there)"), "{}", said(&told));
}

#[test]
fn the_description_and_completions_need_no_service() {
    let described = json_of(&run(&["openapi"], "", &[]));
    assert_eq!(described["openapi"], "3.1.0");
    for shell in ["bash", "zsh", "fish"] {
        let made = run(&["completions", shell], "", &[]);
        assert!(made.status.success() && said(&made).contains("automations"), "{shell}");
    }
    assert_eq!(run(&["completions", "nonsense"], "", &[]).status.code(), Some(2));
}
