//! An inbound integration is made in the browser; its key is shown once, counts, and ends when it is deleted.

use crate::client::{Answer, exchange};
use crate::stage::Stage;

fn feed(stage: &Stage, key: &str) -> Answer {
    let body = r#"{"records": []}"#;
    let request = format!(
        "POST /webhook/custom/all HTTP/1.1\r\nhost: belfry\r\nconnection: close\r\napi-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(stage.service.addr, request.as_bytes())
}

#[test]
fn a_key_is_shown_once_and_ends_when_it_is_deleted() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("editor").open("/inbound");
    page.sees("No inbound integration yet");
    page.accessible();
    page.go("/inbound/new");
    page.fill("Name", "ZendeskSupport");
    page.click("Make inbound integration");
    page.sees("Organisation is empty.");
    page.accessible();
    page.fill("Organisation", "acme");
    page.fill("Source link from", "ticket_url");
    page.click("Make inbound integration");
    page.sees("It is not shown again");
    let key = page.run("document.getElementById('shown').textContent");
    let key = key.as_str().expect("a key").to_owned();
    assert_eq!(feed(&stage, &key).status, 200);
    page.click("Done");
    page.misses(&key);
    page.row("ZendeskSupport").sees("ticket_url");
    page.click("Delete ZendeskSupport");
    page.sees("This can't be undone.");
    page.accessible();
    page.click("Delete this inbound integration");
    page.sees("Deleted. Its key is refused from now on.");
    assert_eq!(feed(&stage, &key).status, 401);
}
