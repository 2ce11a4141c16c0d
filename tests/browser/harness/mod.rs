//! The harness itself: that it does what a person does, and that it finds what is wrong with a page. Its
//! pages are made wrong on purpose, so they come from a server of the test's own.

mod wrong;

use crate::journal::Dialog;
use crate::keys::Key;
use crate::receiver::{Door, Identity, Receiver, Reply};
use crate::stage::Visitor;
use crate::wire::chromium;

/// A server of pages: each path with its kind and what it is.
pub(super) struct Server {
    receiver: Receiver,
    scheme: &'static str,
}

type Pages = &'static [(&'static str, &'static str, &'static str)];

/// A policy as strict as ours.
const POLICY: &str = "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; form-action 'self'\r\n";

const FORM: Pages = &[
    ("/", "text/html", include_str!("form.html")),
    ("/form.css", "text/css", include_str!("form.css")),
    ("/form.js", "text/javascript", include_str!("form.js")),
    ("/saved", "text/html", "<!doctype html><html lang=en><title>Saved</title><h1>Saved</h1>"),
    ("/away", "text/html", "<!doctype html><html lang=en><title>Away</title><h1>Away</h1>"),
];

impl Server {
    fn start(pages: Pages) -> Self {
        Self::behind(Door::Plain, "http", pages)
    }

    fn behind(door: Door, scheme: &'static str, pages: Pages) -> Self {
        let receiver = Receiver::start(door, move |_, seen| {
            let found = pages.iter().find(|(path, _, _)| *path == seen.target);
            let (status, kind, body) =
                found.map_or((404, "text/plain", ""), |(_, kind, body)| (200, kind, body));
            Reply::head(format!(
                "HTTP/1.1 {status} x\r\ncontent-type: {kind}; charset=utf-8\r\n{POLICY}content-length: {}\r\n\r\n",
                body.len()
            ))
            .bytes(body)
        });
        Self { receiver, scheme }
    }

    fn visitor(&self) -> Option<Visitor> {
        Some(Visitor::new(&chromium()?, &format!("{}://{}", self.scheme, self.receiver.addr)))
    }
}

#[test]
fn a_person_fills_in_a_form() {
    let server = Server::start(FORM);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/");
    page.accessible();

    page.fill("URL", "ops.example.com");
    page.click("Add webhook");
    page.sees_error("URL", "Write https:// at its beginning.");
    page.fill("URL", "https://ops.example.com/ü");
    page.click("Add webhook");
    page.sees("Added https://ops.example.com/ü");
    let field = page.field("URL");
    assert_eq!((field.value.as_str(), field.invalid), ("https://ops.example.com/ü", false));
    assert_eq!(field.description, "Begins with https.");

    let method = page.part("Authentication method");
    assert!(method.is_ticked("None"));
    assert_eq!(method.with("function () { return this.tagName; }"), "FIELDSET");
    page.choose("Authentication method", "Bearer Token");
    assert!(page.is_ticked("Bearer Token") && !page.is_ticked("None"));
    page.choose("Order", "Strictly in order");
    assert_eq!(page.field("Order").value, "Strictly in order");
    for on in [true, true, false] {
        page.tick("Sign requests", on);
        assert_eq!(page.is_ticked("Sign requests"), on);
    }
    page.upload(
        "Record",
        &[std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))],
    );
    page.sees("Chosen: README.md");

    page.click("Save changes");
    page.has("heading", "Saved");
    assert_eq!((page.path().as_str(), page.title().as_str()), ("/saved", "Saved"));
    let sent = server.receiver.log().requests.iter().find(|each| each.method == "POST").cloned();
    let body = String::from_utf8(sent.expect("the form").body).unwrap();
    assert_eq!(body, "url=https%3A%2F%2Fops.example.com%2F%C3%BC&method=bearer&order=fifo");
}

#[test]
fn a_part_is_named_and_what_is_not_there_is_missed() {
    let server = Server::start(FORM);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/");
    let retries = page.part("Deliveries");
    assert_eq!(retries.names("button"), ["Retry", "Retry"]);
    page.part("Queue").row("ticket-2").click("Retry");
    page.sees("ticket-2 is retried");
    retries.misses("ticket-2");
    retries.row("ticket-1").click("Retry");
    page.lacks("button", "Retry");
    assert_eq!(page.part("Queue").text().split_whitespace().next(), Some("Queue"));
    assert_eq!((page.count("tbody tr"), page.count("main")), (0, 1));
    let told = |name: &str| {
        let document = page.tab.document().unwrap();
        page.tab.element(&document, &["button"], name).unwrap_err()
    };
    assert_eq!(
        told("Save"),
        "there is no \"Save\" among: button \"Record\", button \"Add webhook\", button \"Test\", button \"Save changes\""
    );
    page.reload();
    assert!(told("Retry").contains("is said of several"), "{}", told("Retry"));
}

#[test]
fn the_keyboard_is_enough() {
    let server = Server::start(FORM);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/");
    // A key that comes before there is anything to go to goes nowhere.
    page.has("textbox", "URL");
    page.press(Key::Tab);
    assert_eq!(page.focused().name, "URL");
    page.write("https://a");
    page.tab_to("None");
    page.press(Key::Down);
    assert_eq!(page.focused().name, "Bearer Token");
    page.press(Key::Tab);
    page.press(Key::Down);
    assert_eq!(page.field("Order").value, "Strictly in order");
    page.tab_to("Sign requests");
    page.press(Key::Space);
    assert!(page.is_ticked("Sign requests"));
    page.press(Key::BackTab);
    assert_eq!(page.focused().name, "Order");
    page.tab_to("Save changes");
    page.press(Key::Enter);
    page.is_at("/saved");
}

#[test]
fn leaving_with_unsaved_changes_asks() {
    let server = Server::start(FORM);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/");
    page.click("Away");
    page.is_at("/away");
    page.go("/");
    page.fill("URL", "x");
    page.click("Away");
    let asked = Dialog { kind: "beforeunload".to_owned(), message: String::new() };
    assert_eq!(page.dismiss(), asked);
    assert_eq!(page.field("URL").value, "x");
    page.go("/away");
    assert_eq!(page.dismiss(), asked);
    page.click("Away");
    page.accept();
    page.is_at("/away");
}

#[test]
fn a_page_is_looked_at_in_many_ways() {
    let server = Server::start(FORM);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/");
    let looks =
        "['(prefers-color-scheme: dark)', '(prefers-reduced-motion: reduce)', '(max-width: 390px)']
        .map(each => matchMedia(each).matches ? 1 : 0).join('')";
    assert_eq!(page.run(looks), "000");
    page.dark();
    page.window(390, 844);
    assert_eq!(page.run(looks), "101");
    page.fits();
    page.run("document.body.style.width = '400px'; 0");
    assert!(page.sticks_out()[0].starts_with("<body"), "{:?}", page.sticks_out());
    page.still();
    assert_eq!(page.run(looks), "011");
    page.in_time_zone("Asia/Tokyo");
    page.without_script();
    page.reload();
    assert_eq!(page.beside("new Date(0).getHours()"), 9);
    page.fill("URL", "x");
    page.click("Add webhook");
    assert!(!page.field("URL").invalid, "its scripts run");
    let file = crate::page::place("browser").join("a-picture.png");
    page.picture(&file);
    assert!(std::fs::read(file).unwrap().starts_with(b"\x89PNG"));
}

/// Two people at once: what one browser keeps, the other does not know.
#[test]
fn people_have_browsers_of_their_own() {
    let server = Server::start(FORM);
    let (Some(one), Some(other)) = (server.visitor(), server.visitor()) else { return };
    let (ones, others) = (one.open("/"), other.open("/"));
    ones.run("document.cookie = 'whose=mine'; localStorage.whose = 'mine'; 0");
    let kept = "document.cookie + localStorage.whose";
    assert_eq!(one.open("/").run(kept), "whose=minemine");
    assert_eq!(others.run(kept), "undefined");
    // Both have the keyboard, as two people at two desks have.
    for page in [ones, others] {
        page.press(Key::Tab);
        assert_eq!(
            (page.focused().name.as_str(), page.run("document.hasFocus()") == true),
            ("URL", true)
        );
    }
}

#[test]
fn a_certificate_of_its_own_is_taken() {
    let door = Door::tls(Identity::self_signed(&["127.0.0.1"]));
    let server = Server::behind(door, "https", FORM);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/");
    page.has("heading", "A form");
    assert_eq!(page.run("isSecureContext"), true);
}
