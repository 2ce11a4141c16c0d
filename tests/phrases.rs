//! Phrases of organisations in the real program: from the file and from the API, over a restart, and where
//! one of them is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod process;

use belfry::domain::limits::PHRASE_PLACES;
use process::{Data, Service, belfry, path_text, wait_until};
use serde_json::{Value, json};

const FILE: &str = r#"
exclude = ["lawyer quest"]

[[add]]
family = "executive_contact"
weight = 0.85
phrase = "ring the bell"

[organisation.acme]
exclude = ["bell of glass"]

[[organisation.acme.add]]
family = "cancellation"
weight = 0.85
phrase = "zorp us"

[organisation."odd/ü"]
exclude = ["x"]
"#;

fn hang_up(service: &Service) {
    let pid = rustix::process::Pid::from_raw(service.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
}

/// The escalation level of a record of that organisation.
fn level(service: &Service, org_id: &str, content: &str) -> String {
    let record = json!({"id": "r", "org_id": org_id, "source": "s", "content": content});
    let told = service.ok("POST", "/v1/records/dry-run", &json!({"records": [record]}));
    told["records"][0]["levels"]["escalation_level"].as_str().unwrap().to_owned()
}

#[test]
fn the_file_and_the_api_count_together_over_a_restart_and_a_reload() {
    let data = Data::init();
    let file = data.beside("phrases.toml");
    std::fs::write(&file, FILE).unwrap();
    let path = path_text(&file);
    let settings = [("BELFRY__DETECT__PHRASES", path.as_str())];
    let mut service = Service::start(&data, &settings);
    let own = json!({"add": [{"family": "legal", "weight": 0.85, "phrase": "phone the owl"}]});
    assert_eq!(service.call("PUT", "/v1/phrases/acme", &own).0, 201);
    let all_hold = |service: &Service| {
        for (org_id, content, expected) in [
            ("other", "We ring the bell.", "extreme"),
            ("other", "We zorp us.", "none"),
            ("other", "I phone the owl.", "none"),
            ("acme", "We ring the bell.", "extreme"),
            ("acme", "We ring the bell of glass.", "none"),
            ("acme", "We zorp us.", "extreme"),
            ("acme", "I phone the owl.", "extreme"),
        ] {
            assert_eq!(level(service, org_id, content), expected, "{org_id}: {content}");
        }
        let read = service.ok("GET", "/v1/phrases/acme", &Value::Null);
        assert_eq!(read["add"], own["add"]);
        assert_eq!(read["configured"]["add"][0]["phrase"], "zorp us");
        assert_eq!(read["configured"]["exclude"][0], "bell of glass");
        // One that the file alone gives phrases is listed, too.
        let list = service.ok("GET", "/v1/phrases?limit=1", &Value::Null);
        assert_eq!(
            (&list["data"][0]["org_id"], &list["next_cursor"]),
            (&json!("acme"), &json!("acme"))
        );
        let list = service.ok("GET", "/v1/phrases?limit=1&cursor=acme", &Value::Null);
        assert_eq!((&list["data"][0]["version"], &list["next_cursor"]), (&json!(0), &Value::Null));
        let odd = service.ok("GET", "/v1/phrases/odd%2F%C3%BC", &Value::Null);
        assert_eq!(odd, list["data"][0]);
        let page = |path: &str| service.ok("GET", path, &Value::Null).as_str().unwrap().to_owned();
        assert!(page("/phrases").contains("and from the configuration"));
        let shown = page("/phrases/organisation?org_id=acme");
        assert!(shown.contains("From the configuration") && shown.contains("bell of glass"));
    };
    all_hold(&service);
    service.terminate();
    service.wait_for_end();
    let service = Service::start(&data, &settings);
    all_hold(&service);

    // A wrong file changes nothing and is named; `check` says the same.
    std::fs::write(&file, FILE.replace("zorp us", "* zorp")).unwrap();
    hang_up(&service);
    let told = r#"organisation."acme": /add/0/phrase: may not begin or end with `*`"#;
    wait_until("it says so", || {
        let log = service.log().replace("\\\"", "\"");
        log.contains("everything stays as it was") && log.contains(told)
    });
    all_hold(&service);
    let check = || {
        let mut command = belfry();
        command.arg("check").arg("--data").arg(data.dir()).env(settings[0].0, settings[0].1);
        let done = command.output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (status, said) = check();
    assert!(status == Some(1) && said.contains(told) && said.contains(&path), "{said}");

    // A good one is in force at once, below what the API has stored.
    std::fs::write(&file, FILE.replace("zorp us", "blorp us")).unwrap();
    assert_eq!(check().0, Some(0));
    hang_up(&service);
    wait_until("the new file counts", || level(&service, "acme", "We blorp us.") == "extreme");
    assert_eq!(level(&service, "acme", "We zorp us."), "none");
    assert_eq!(level(&service, "acme", "I phone the owl."), "extreme");
}

#[test]
fn what_is_stored_and_can_not_be_used_stops_nothing_and_is_told() {
    let data = Data::init();
    let mut service = Service::start(&data, &[]);
    let own = json!({"add": [{"family": "legal", "weight": 0.85, "phrase": "phone the owl"}]});
    assert_eq!(service.call("PUT", "/v1/phrases/acme", &own).0, 201);
    assert_eq!(service.call("PUT", "/v1/phrases/fine", &own).0, 201);
    service.terminate();
    service.wait_for_end();
    // As another version might have written it.
    let sql = rusqlite::Connection::open(data.dir().join("belfry.db")).unwrap();
    let other = r#"{"add": [{"family": "moonlight", "weight": 0.85, "phrase": "phone the owl"}]}"#;
    sql.execute("UPDATE phrases SET additions = ?1 WHERE org_id = 'acme'", [other]).unwrap();
    drop(sql);
    let service = Service::start(&data, &[]);
    assert_eq!(level(&service, "acme", "I phone the owl."), "none");
    assert_eq!(level(&service, "acme", "I will sue you."), "extreme");
    assert_eq!(level(&service, "fine", "I phone the owl."), "extreme");
    let read = service.ok("GET", "/v1/phrases/acme", &Value::Null);
    assert!(read["problem"].as_str().unwrap().contains("moonlight"), "{read}");
    assert_eq!(read["add"][0]["family"], "moonlight", "it is not lost");
    let page = service.ok("GET", "/phrases/organisation?org_id=acme", &Value::Null);
    let page = page.as_str().unwrap();
    assert!(page.contains("What is saved can’t be used"), "{page}");
    assert!(page.contains("<option value=\"moonlight\" selected>"), "{page}");
    assert!(service.log().contains("stored phrases can't be used"), "{}", service.log());
    // Deleting it is a way out.
    assert_eq!(service.call("DELETE", "/v1/phrases/acme", &Value::Null).0, 204);
    assert_eq!(service.call("PUT", "/v1/phrases/acme", &own).0, 201);
    let read = service.ok("GET", "/v1/phrases/acme", &Value::Null);
    assert_eq!(read["problem"], Value::Null);
    assert_eq!(level(&service, "acme", "I phone the owl."), "extreme");
}

/// Phrases that stand for as many spellings as they may.
fn large(org: usize) -> Value {
    let phrase = |number| format!("start{org}x{number} a? b? c? d? e? end{number}");
    let add = |number| json!({"family": "legal", "weight": 0.5, "phrase": phrase(number)});
    json!({"add": (0..2000).map(add).collect::<Vec<_>>()})
}

#[test]
fn what_all_have_together_is_bounded() {
    let data = Data::init();
    let service = Service::start(&data, &[]);
    assert_eq!(service.call("PUT", "/v1/phrases/one", &large(1)).0, 201);
    let (status, refused) = service.call("PUT", "/v1/phrases/two", &large(2));
    assert_eq!((status, refused["code"].as_str()), (409, Some("conflict")));
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains(&PHRASE_PLACES.to_string()) && detail.contains("fewer"), "{detail}");
    assert_eq!(service.call("GET", "/v1/phrases/two", &Value::Null).0, 404, "nothing is stored");
    // Those who have theirs may go on with as much, and leave room for others.
    assert_eq!(service.call("DELETE", "/v1/phrases/one", &Value::Null).0, 204);
    assert_eq!(service.call("PUT", "/v1/phrases/two", &large(2)).0, 201);
    // More than one organisation may have is refused by the reader, with one sentence.
    let exclude: Vec<_> = (0..2001).map(|number| format!("x{number}")).collect();
    let (status, refused) = service.call("PUT", "/v1/phrases/many", &json!({ "exclude": exclude }));
    assert_eq!(status, 422);
    assert_eq!(refused["errors"][0]["detail"], "has more than 2000 phrases, added and excluded");
    assert!(service.most_memory_mib() < 300, "{} MiB", service.most_memory_mib());
}
