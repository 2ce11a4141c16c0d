//! An email destination is made in the browser, and what became of each address is seen there.

use crate::process::{Data, Listener, path_text, wait_until};
use crate::stage::Stage;

fn walk(script: bool) {
    let data = Data::init();
    let args = ["--smtp=tls", "--refuse", "gone@example.com=550"];
    let mailbox = Listener::start(&data, "mailbox", &args);
    let trusted = path_text(&mailbox.ca);
    let (host, port) = mailbox.url.split_once(':').unwrap();
    let settings = [
        ("BELFRY__EGRESS__CA_FILES", trusted.as_str()),
        ("BELFRY__EGRESS__ALLOW", "127.0.0.1/32,::1/128"),
        ("BELFRY__EGRESS__RESOLVER", "system"),
        ("BELFRY__SMTP__HOST", host),
        ("BELFRY__SMTP__PORT", port),
        ("BELFRY__SMTP__TLS", "tls"),
        ("BELFRY__SMTP__FROM", "Belfry <alerts@belfry.example>"),
    ];
    let Some(stage) = Stage::set_on(data, &settings) else { return };
    let page = stage.signed_in("editor").blank();
    if !script {
        page.without_script();
    }
    page.go("/automations/new");
    page.fill("Name", "VIP complaints");
    page.part("Alerts").click("Add email");
    page.part("New email").fill("Addresses", "lead@example.com\nno address\ngone@example.com");
    page.part("New email").click("Add email");
    page.sees("has no @: write it as name@example.com");
    page.part("New email").fill("Addresses", "lead@example.com\ngone@example.com");
    page.part("New email").click("Message");
    page.part("New email").click("Preview message");
    page.sees("Extreme escalation from");
    page.part("New email").click("Add email");
    page.sees("lead@example.com, gone@example.com");
    if script {
        page.accessible();
    }
    page.click("Save changes");
    page.sees("Created.");

    stage.service.send("r-1");
    stage.service.wait_for_state("r-1", "delivered");
    wait_until("the mail is there", || mailbox.requests().len() == 1);
    let delivery = stage.service.delivery("r-1").unwrap();
    page.go(&format!("/deliveries/{}", delivery["id"].as_str().unwrap()));
    page.row("lead@example.com").sees("accepted");
    page.row("gone@example.com").sees("refused");
    page.row("gone@example.com").sees("no such mailbox here");
    page.sees("> Nobody answers me (r-1).");
    if script {
        page.accessible();
    }
    let admin = stage.signed_in("admin").blank();
    admin.go("/settings");
    admin.sees("Belfry <alerts@belfry.example>");
}

#[test]
fn an_email_destination_is_made_and_used() {
    walk(true);
}

#[test]
fn an_email_destination_is_made_without_a_script() {
    walk(false);
}
