//! `belfry listen` as a mail server and as Slack's incoming webhooks, spoken to by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

#[path = "process/mod.rs"]
mod process;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use process::{Data, Listener, Service, path_text, wait_until};
use serde_json::{Value, json};

/// A conversation by hand.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn with(mailbox: &Listener) -> Self {
        let (_, port) = mailbox.url.split_once(':').unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
        let mut talk = Self(BufReader::new(stream));
        assert_eq!(talk.reply().0, 220);
        talk
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The code of the next reply, and its lines.
    fn reply(&mut self) -> (u16, Vec<String>) {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "it hung up after {lines:?}");
            let more = line.as_bytes()[3] == b'-';
            lines.push(line[4..].trim_end().to_owned());
            if !more {
                return (line[..3].parse().unwrap(), lines);
            }
        }
    }

    fn ask(&mut self, line: &str) -> u16 {
        self.say(&format!("{line}\r\n"));
        self.reply().0
    }
}

#[test]
fn a_mail_server_speaks_as_the_standard_has_it() {
    let data = Data::init();
    let args = ["--smtp=none", "--refuse", "gone@example.com=551"];
    let mailbox = Listener::start(&data, "plain", &args);
    let mut talk = Talk::with(&mailbox);
    assert_eq!(talk.ask("MAIL FROM:<a@example.com>"), 503, "EHLO comes first");
    talk.say("EHLO me.example\r\n");
    let (code, extensions) = talk.reply();
    assert_eq!(code, 250);
    assert!(extensions.contains(&"PIPELINING".to_owned()), "{extensions:?}");
    assert!(!extensions.iter().any(|each| each.starts_with("STARTTLS")), "{extensions:?}");
    assert_eq!(talk.ask("RCPT TO:<b@example.com>"), 503);
    assert_eq!(talk.ask("MAIL FROM:<a@example.com> SIZE=99999999"), 552);
    assert_eq!(talk.ask("NONSENSE"), 500);
    // Several commands in one go, and a mail with lines that begin with a dot.
    talk.say(
        "MAIL FROM:<a@example.com> BODY=8BITMIME\r\nRCPT TO:<gone@example.com>\r\n\
         RCPT TO:<b@example.com>\r\nDATA\r\n",
    );
    let codes: Vec<u16> = (0..4).map(|_| talk.reply().0).collect();
    assert_eq!(codes, [250, 551, 250, 354]);
    talk.say("Subject: one\r\nMessage-ID: <1@a>\r\n\r\n..\r\n..two\r\nend\r\n.\r\n");
    assert_eq!(talk.reply().0, 250);
    assert_eq!(talk.ask("DATA"), 503, "a mail is over with its answer");
    assert_eq!(talk.ask("NOOP"), 250);
    assert_eq!(talk.ask("QUIT"), 221);
    let mails = mailbox.requests();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["to"], json!(["b@example.com"]));
    assert_eq!(mails[0]["refused"], json!([["gone@example.com", 551]]));
    assert!(mails[0]["text"].as_str().unwrap().ends_with("\r\n\r\n.\r\n.two\r\nend\r\n"));
    // Too much is refused, and the next mail comes through.
    let mut talk = Talk::with(&mailbox);
    talk.ask("EHLO me.example");
    talk.ask("MAIL FROM:<a@example.com>");
    talk.ask("RCPT TO:<b@example.com>");
    talk.ask("DATA");
    let line = format!("{}\r\n", "x".repeat(900));
    talk.say(&line.repeat(1300));
    talk.say(".\r\n");
    assert_eq!(talk.reply().0, 552);
    assert_eq!(talk.ask("MAIL FROM:<a@example.com>"), 250);
    assert_eq!(mailbox.requests().len(), 1);
}

#[test]
fn tls_and_a_login_are_asked_for_first() {
    let data = Data::init();
    let args = ["--smtp", "--smtp-user", "belfry", "--credential-env", "MAIL_PASSWORD"];
    let known = [("MAIL_PASSWORD", "not-this")];
    let mailbox = Listener::start_knowing(&data, "secure", &args, &known);
    let mut talk = Talk::with(&mailbox);
    talk.say("EHLO me.example\r\n");
    let (_, extensions) = talk.reply();
    assert!(extensions.contains(&"STARTTLS".to_owned()));
    assert!(!extensions.iter().any(|each| each.starts_with("AUTH")), "not before TLS");
    assert_eq!(talk.ask("MAIL FROM:<a@example.com>"), 530);
}

fn slack(service: &Service, url: &str) -> String {
    let made = service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "all", "integrations": [{"kind": "slack", "name": "leads", "url": url}]}),
    );
    made["integrations"][0]["id"].as_str().unwrap().to_owned()
}

fn serve(data: &Data, listener: &Listener) -> Service {
    let ca = path_text(&listener.ca);
    let settings =
        [("BELFRY__EGRESS__CA_FILES", ca.as_str()), ("BELFRY__DELIVERY__RETRY__BASE", "100ms")];
    Service::start(data, &settings)
}

#[test]
fn slacks_limits_are_kept_and_its_words_are_understood() {
    let data = Data::init();
    let channel = Listener::start(&data, "channel", &["--slack"]);
    let service = serve(&data, &channel);
    slack(&service, &channel.url);
    assert_eq!(service.send("r-1").0, 202);
    service.wait_for_state("r-1", "delivered");
    let requests = channel.requests();
    assert_eq!((requests.len(), &requests[0]["problems"]), (1, &json!([])), "{requests:?}");
    assert_eq!(requests[0]["path"], "/services/…", "the path is the credential");

    let archived =
        Listener::start(&data, "archived", &["--slack", "--slack-error", "channel_is_archived"]);
    drop(service);
    let service = serve(&data, &archived);
    let id = slack(&service, &archived.url);
    service.send("r-2");
    wait_until("it is switched off", || {
        let read = service.ok("GET", &format!("/v1/integrations/{id}"), &Value::Null);
        read["state"]["status"] == "disabled"
            && read["state"]["reason"].as_str().unwrap().contains("archived")
    });
}
