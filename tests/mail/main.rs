//! Alerts by mail, from the real service to the real `belfry listen --smtp`: every way to secure the
//! connection, an outcome for each address, greylisting, refusals, stalls and cuts, and what each mail says
//! when a parser that is none of ours reads it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

#[path = "../process/mod.rs"]
mod process;

use std::collections::BTreeSet;

use mail_parser::MessageParser;
use process::{Data, Listener, Service, path_text, record, wait_until};
use serde_json::{Value, json};

const PASSWORD: &str = "sentinel-mail-password";

/// A service whose mail goes to that server, and that tries again soon.
fn serve(data: &Data, mailbox: &Listener, security: &str, more: &[(&str, &str)]) -> Service {
    let (host, port) = mailbox.url.split_once(':').unwrap();
    let ca = path_text(&mailbox.ca);
    let mut settings = vec![
        ("BELFRY__SMTP__HOST", host),
        ("BELFRY__SMTP__PORT", port),
        ("BELFRY__SMTP__TLS", security),
        ("BELFRY__SMTP__FROM", "Belfry <alerts@belfry.example>"),
        ("BELFRY__EGRESS__ALLOW", "127.0.0.1/32,::1/128"),
        ("BELFRY__EGRESS__RESOLVER", "system"),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "1s"),
    ];
    // A server without TLS writes no authority.
    if mailbox.ca.exists() {
        settings.push(("BELFRY__EGRESS__CA_FILES", ca.as_str()));
    }
    settings.extend_from_slice(more);
    Service::start(data, &settings)
}

fn automation(service: &Service, to: &[&str]) -> String {
    let made = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "VIP complaints", "active": true,
                "integrations": [{"kind": "email", "name": "on call", "to": to}]}),
    );
    made["integrations"][0]["id"].as_str().unwrap().to_owned()
}

fn fates(delivery: &Value) -> BTreeSet<(String, String)> {
    let all = delivery["recipients"].as_array().cloned().unwrap_or_default();
    let text = |each: &Value, name: &str| each[name].as_str().unwrap().to_owned();
    all.iter().map(|each| (text(each, "address"), text(each, "state"))).collect()
}

fn set(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn mail_arrives_however_the_connection_is_secured() {
    for security in ["starttls", "tls", "none"] {
        let data = Data::init();
        let mode = format!("--smtp={security}");
        let mut args = vec![mode.as_str()];
        let mut more = Vec::new();
        if security != "none" {
            args.extend(["--smtp-user", "belfry", "--credential-env", "MAIL_PASSWORD"]);
            more.extend([
                ("BELFRY__SMTP__USERNAME", "belfry"),
                ("BELFRY__SMTP__PASSWORD", PASSWORD),
            ]);
        }
        let mailbox = Listener::start_knowing(&data, "post", &args, &[("MAIL_PASSWORD", PASSWORD)]);
        let service = serve(&data, &mailbox, security, &more);
        automation(&service, &["ops@example.com", "lead@example.com"]);
        assert_eq!(service.send("r-1").0, 202);
        service.wait_for_state("r-1", "delivered");
        let mails = mailbox.requests();
        assert_eq!(mails.len(), 1, "{security}: {mails:?}");
        let mail = &mails[0];
        assert_eq!(mail["to"], json!(["ops@example.com", "lead@example.com"]), "{security}");
        assert_eq!(mail["from"], "alerts@belfry.example");
        assert_eq!(mail["tls"], security != "none");
        assert_eq!(mail["signed_in"], security != "none");
        let delivery = service.delivery("r-1").unwrap();
        assert_eq!(
            fates(&delivery),
            set(&[("lead@example.com", "accepted"), ("ops@example.com", "accepted")])
        );
        // One connection serves the mails that follow.
        assert_eq!(service.send("r-2").0, 202);
        service.wait_for_state("r-2", "delivered");
    }
}

/// Contract, section 6: one bad address neither stops nor repeats the others.
#[test]
fn c16_each_address_has_an_outcome_of_its_own() {
    let data = Data::init();
    let args = ["--smtp", "--refuse", "gone@example.com=550", "--refuse", "full@example.com=452"];
    let mailbox = Listener::start(&data, "post", &args);
    let service = serve(&data, &mailbox, "starttls", &[]);
    automation(&service, &["ops@example.com", "gone@example.com", "full@example.com"]);
    service.send("r-1");
    let expected = set(&[
        ("ops@example.com", "accepted"),
        ("gone@example.com", "refused"),
        ("full@example.com", "waiting"),
    ]);
    wait_until("two attempts were made", || {
        let delivery = service.delivery("r-1").unwrap();
        delivery["attempt_count"].as_u64().unwrap() >= 2 && fates(&delivery) == expected
    });
    let mails = mailbox.requests();
    assert_eq!(mails.len(), 1, "who has it does not get it again: {mails:?}");
    assert_eq!(mails[0]["to"], json!(["ops@example.com"]));
    let delivery = service.delivery("r-1").unwrap();
    assert_eq!(delivery["state"], "pending");
    let detail = delivery["attempts"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("full@example.com (452"), "{detail}");
    assert!(detail.contains("gone@example.com (550"), "{detail}");
}

#[test]
fn a_mail_that_nobody_takes_is_dead_and_can_be_retried() {
    let data = Data::init();
    let args = ["--smtp", "--refuse", "gone@example.com=550"];
    let mailbox = Listener::start(&data, "post", &args);
    let service = serve(&data, &mailbox, "starttls", &[]);
    let integration = automation(&service, &["gone@example.com"]);
    service.send("r-1");
    service.wait_for_state("r-1", "dead");
    let dead = service.delivery("r-1").unwrap();
    assert_eq!(dead["reason"], "refused");
    assert_eq!(dead["attempts"][0]["status"], 550);
    // The address was a typing error: corrected, the alert goes to who was meant.
    service.ok(
        "PATCH",
        &format!("/v1/integrations/{integration}"),
        &json!({"to": ["there@example.com"]}),
    );
    let id = dead["id"].as_str().unwrap();
    service.ok("POST", &format!("/v1/deliveries/{id}/retry"), &Value::Null);
    service.wait_for_state("r-1", "delivered");
    assert_eq!(mailbox.requests()[0]["to"], json!(["there@example.com"]));
}

/// Greylisting servers put each address off once; 4xx after the mail is tried again, as the same mail.
#[test]
fn what_is_put_off_arrives_later_as_one_mail() {
    let data = Data::init();
    let mailbox = Listener::start(&data, "post", &["--smtp", "--greylist", "--fail-first", "1"]);
    let service = serve(&data, &mailbox, "starttls", &[]);
    automation(&service, &["ops@example.com", "lead@example.com"]);
    service.send("r-1");
    service.wait_for_state("r-1", "delivered");
    let mails = mailbox.requests();
    let answers: Vec<u64> = mails.iter().map(|each| each["answer"].as_u64().unwrap()).collect();
    assert_eq!(answers, [451, 250]);
    assert_eq!(mails[0]["text"], mails[1]["text"], "the same bytes on every attempt");
    let delivery = service.delivery("r-1").unwrap();
    assert_eq!(delivery["attempt_count"], 3);
    let state = service.ok("GET", "/v1/automations", &Value::Null);
    let state = &state["data"][0]["integrations"][0]["state"];
    assert_eq!(state["circuit"], "closed", "{state}");
}

/// An answer that never came is a failure, and what it may have taken comes again under the same name.
#[test]
fn c16_a_stall_or_a_cut_is_tried_again() {
    for (args, cause) in [(["--stall", "20s"].as_slice(), "timeout"), (&["--cut"], "reset")] {
        let data = Data::init();
        let all: Vec<&str> = ["--smtp"].into_iter().chain(args.iter().copied()).collect();
        let mailbox = Listener::start(&data, "post", &all);
        let timeout = [("BELFRY__SMTP__TIMEOUT", "1s")];
        let service = serve(&data, &mailbox, "starttls", &timeout);
        automation(&service, &["ops@example.com"]);
        service.send("r-1");
        wait_until("it was tried twice", || mailbox.requests().len() >= 2);
        wait_until("an attempt is written down", || {
            service.delivery("r-1").unwrap()["attempt_count"].as_u64().unwrap() > 0
        });
        let delivery = service.delivery("r-1").unwrap();
        assert_eq!(delivery["attempts"][0]["cause"], cause, "{delivery}");
        let ids: BTreeSet<String> = mailbox
            .requests()
            .iter()
            .map(|each| each["message_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 1, "a repeat is the same mail");
    }
}

#[test]
fn c16_what_the_server_lacks_is_told_so_that_it_can_be_mended() {
    let data = Data::init();
    // A server without STARTTLS: nothing goes there in the clear unasked.
    let plain = Listener::start(&data, "plain", &["--smtp=none"]);
    let service = serve(&data, &plain, "starttls", &[]);
    let id = automation(&service, &["ops@example.com"]);
    let tested = service.ok("POST", &format!("/v1/integrations/{id}/test"), &Value::Null);
    let detail = tested["attempt"]["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("offers no STARTTLS"), "{tested}");
    assert!(plain.requests().is_empty());
    drop(service);

    // A wrong password is told, and stands nowhere.
    let args = ["--smtp", "--smtp-user", "belfry", "--credential-env", "MAIL_PASSWORD"];
    let known = [("MAIL_PASSWORD", "another")];
    let mailbox = Listener::start_knowing(&data, "login", &args, &known);
    let login = [("BELFRY__SMTP__USERNAME", "belfry"), ("BELFRY__SMTP__PASSWORD", PASSWORD)];
    let service = serve(&data, &mailbox, "starttls", &login);
    let tested = service.ok("POST", &format!("/v1/integrations/{id}/test"), &Value::Null);
    let told = tested.to_string();
    assert!(told.contains("the login was refused (535"), "{tested}");
    assert!(!told.contains(PASSWORD), "{tested}");
    drop(service);

    // Without a server the cause names the keys.
    let service = Service::start(&data, &[]);
    let tested = service.ok("POST", &format!("/v1/integrations/{id}/test"), &Value::Null);
    assert_eq!(tested["attempt"]["cause"], "not_configured", "{tested}");
    assert!(tested.to_string().contains("smtp.host"), "{tested}");
}

/// The server's address goes through the same policy as every other way out.
#[test]
fn the_address_policy_holds_for_the_mail_server() {
    let data = Data::init();
    let mailbox = Listener::start(&data, "post", &["--smtp"]);
    let denied = [("BELFRY__EGRESS__ALLOW", "10.0.0.0/8")];
    let service = serve(&data, &mailbox, "starttls", &denied);
    let id = automation(&service, &["ops@example.com"]);
    let tested = service.ok("POST", &format!("/v1/integrations/{id}/test"), &Value::Null);
    assert_eq!(tested["attempt"]["cause"], "egress_denied", "{tested}");
    assert!(mailbox.requests().is_empty());
}

/// What a mail says, by a parser that is none of ours.
#[test]
fn a_mail_says_what_it_should() {
    let data = Data::init();
    let mailbox = Listener::start(&data, "post", &["--smtp"]);
    let service = serve(&data, &mailbox, "starttls", &[]);
    automation(&service, &["ops@example.com"]);
    let mut said = record("Größe-1\u{1F600}");
    said["content"] = json!(
        "Ich verklage Sie!\r\nBcc: victim@example.com\r\n\r\n<b>ünd</b> <script>alert(1)</script>\n.\nEnde"
    );
    said["conversation_id"] = json!("conv-7");
    let mut second = record("r-2");
    second["conversation_id"] = json!("conv-7");
    let mut other = record("r-3");
    other["conversation_id"] = json!("conv-8");
    service.ok("POST", "/v1/records", &json!({"records": [said, second, other]}));
    wait_until("all came", || mailbox.requests().len() == 3);
    let mails = mailbox.requests();
    let read = |part: &str| {
        let mail = mails
            .iter()
            .find(|each| each["subject"].as_str().unwrap().contains(part))
            .unwrap_or_else(|| panic!("no mail of {part}: {mails:?}"));
        mail["text"].as_str().unwrap().as_bytes().to_vec()
    };
    let (first, second, third) = (read("Größe"), read("r-2"), read("r-3"));
    let parse = |bytes: &[u8]| MessageParser::default().parse(bytes).unwrap().into_owned();
    let (first, second, third) = (parse(&first), parse(&second), parse(&third));

    assert_eq!(
        first.subject().unwrap(),
        "Extreme escalation from ZendeskSupport: Größe-1\u{1F600}"
    );
    let from = first.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Belfry"), Some("alerts@belfry.example")));
    assert_eq!(first.to().unwrap().first().unwrap().address(), Some("ops@example.com"));
    assert!(first.bcc().is_none(), "a header came out of the feedback");
    assert_eq!(first.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
    assert!(first.header_raw("List-Id").unwrap().contains(".alerts.belfry.example>"));
    let text = first.body_text(0).unwrap();
    assert!(text.contains("> <b>ünd</b> <script>alert(1)</script>"), "{text}");
    assert!(text.contains("> Ende"), "what follows a line with a dot alone is there: {text}");
    assert!(text.contains("Sent by Belfry for the automation VIP complaints."), "{text}");
    let html = first.body_html(0).unwrap();
    assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"), "{html}");
    assert!(!html.contains("<script>"), "{html}");
    assert!(html.contains("prefers-color-scheme: dark"), "{html}");
    // Alerts of one conversation answer to one mail, those of another to another.
    let thread = |mail: &mail_parser::Message<'_>| mail.references().as_text().unwrap().to_owned();
    assert_eq!(thread(&first), thread(&second));
    assert_ne!(thread(&first), thread(&third));
    assert_ne!(first.message_id(), second.message_id());
    assert!(!thread(&first).contains("conv-7"), "a digest tells nothing of the conversation");
}

/// SIGHUP puts the section to use, and what waited for it goes out.
#[test]
fn a_mail_server_that_is_named_later_is_used_without_a_new_start() {
    let data = Data::init();
    let mailbox = Listener::start(&data, "post", &["--smtp"]);
    let ca = path_text(&mailbox.ca);
    let settings = [
        ("BELFRY__EGRESS__ALLOW", "127.0.0.1/32,::1/128"),
        ("BELFRY__EGRESS__RESOLVER", "system"),
        ("BELFRY__EGRESS__CA_FILES", ca.as_str()),
        ("BELFRY__DELIVERY__RETRY__BASE", "100ms"),
        ("BELFRY__DELIVERY__RETRY__CAP", "1s"),
    ];
    let service = Service::start(&data, &settings);
    automation(&service, &["ops@example.com"]);
    service.send("r-1");
    wait_until("it fails for want of a server", || {
        let delivery = service.delivery("r-1").unwrap();
        delivery["attempts"][0]["cause"] == "not_configured"
    });
    let (host, port) = mailbox.url.split_once(':').unwrap();
    let file = data.dir().join("belfry.toml");
    let section =
        format!("[smtp]\nhost = \"{host}\"\nport = {port}\nfrom = \"alerts@belfry.example\"\n");
    // The file that `init` wrote has nothing but comments.
    std::fs::write(&file, section).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(service.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    service.wait_for_state("r-1", "delivered");
}
