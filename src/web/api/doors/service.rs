//! Records in, and how the service is.

use actix_web::http::Method;
use serde_json::json;

use super::super::describe::call;
use super::super::{document, dry_run, records, relay};
use super::{Door, INGEST, OPEN, VIEW, door};
use crate::web::error::Code;
use crate::web::{docs, health, metrics};

pub(super) fn doors() -> Vec<Door> {
    let alive = call("isAlive", "service", "Whether the process lives", "It answers, so it lives.")
        .gives::<health::HealthOut>(200, "It lives.");
    let ready = call(
        "isReady",
        "service",
        "Whether it can do its work",
        "503 while the store can't write, or while the service stops.",
    )
    .gives::<health::HealthOut>(200, "Records can be taken and results written.")
    .refuses(&[Code::NotReady]);
    let description = call(
        "readDescription",
        "service",
        "This description",
        "OpenAPI 3.1, made of the same table that the service goes by.",
    )
    .gives::<serde_json::Map<String, serde_json::Value>>(200, "The description.");
    let page = call(
        "readDocs",
        "service",
        "This description, to be read by people",
        "A page that needs no script and no other host.",
    )
    .gives_text("text/html", "The page.");
    let style =
        call("readDocsStyle", "service", "The style of that page", "Part of the page at /docs.")
            .gives_text("text/css", "The style.");
    let metrics = call(
        "readMetrics",
        "service",
        "Metrics",
        "In OpenMetrics text, for Prometheus. The configuration (`metrics.access`) may open it to all, or \
         switch it off.",
    )
    .gives_text("application/openmetrics-text", "The metrics.")
    .refuses(&[Code::NotFound]);
    let ingest = call(
        "acceptRecords",
        "records",
        "Hand records in",
        "Answered once what they caused is durable on disk. A record that is sent again makes no second \
         alert. After a 503 nothing was taken: send the same again.",
    )
    .with_switch(
        "dry_run",
        "Only say what the records would do, as `/v1/records/dry-run` does; not with a token that may hand \
         records in only.",
    )
    .takes("RecordsInput", example())
    .gives::<records::AcceptedOut>(202, "What fired, and which records were refused.")
    .or_gives::<dry_run::DryRunsOut>("What would become of each record.");
    let dry_run = call(
        "tryRecords",
        "records",
        "See what records would do",
        "Says for each record which automations would fire and which not and why, where each alert would \
         go, and its exact body. Nothing is stored and nothing is sent.",
    )
    .takes("RecordsInput", example())
    .gives::<dry_run::DryRunsOut>(200, "What would become of each record.");
    let relayed = call(
        "relayAlert",
        "records",
        "Pass an alert on",
        "The webhook request of another system, checked against the relay's own inbound authentication. \
         Answered once it is durable on disk, whatever its destinations do; the body goes on byte for byte. \
         After a 503 nothing is lost: send the same again.",
    )
    .of_another_system()
    .takes("RelayInput", alert())
    .gives::<relay::RelayedOut>(202, "It is on disk, now or since it came first.");
    vec![
        door(Method::GET, "/healthz", OPEN, health::alive, alive),
        door(Method::GET, "/readyz", OPEN, health::ready, ready),
        door(Method::GET, "/openapi.json", OPEN, document::read, description),
        door(Method::GET, "/docs", OPEN, docs::page, page),
        door(Method::GET, "/docs/style.css", OPEN, docs::style, style),
        // It asks for that right unless the configuration opens it.
        door(Method::GET, "/metrics", VIEW, metrics::scrape, metrics),
        door(Method::POST, "/v1/records", INGEST, records::accept, ingest),
        door(Method::POST, "/v1/records/dry-run", VIEW, dry_run::read, dry_run),
        // It asks for what the relay asks for.
        door(Method::POST, "/relay/{id}", OPEN, relay::accept, relayed),
    ]
}

fn alert() -> serde_json::Value {
    json!({
        "automation_id": "automation-uuid",
        "org_id": "your-org",
        "escalated_at": "2026-06-27T12:00:00Z",
        "levels": {"escalation_level": "extreme", "emotional_intensity_level": "extreme",
                   "sentiment_shift": "sentiment degraded"},
        "record": {
            "id": "record-id",
            "url": "https://dashboard.example.com/record-id",
            "content_excerpt": "The customer message that triggered the alert",
            "source": "ZendeskSupport",
        },
    })
}

fn example() -> serde_json::Value {
    json!({"records": [{
        "id": "ticket-4711",
        "org_id": "acme",
        "content": "Third outage this week. My next call is to our lawyers.",
        "source": "ZendeskSupport",
        "created_at": "2026-06-27T11:58:00Z",
        "source_url": "https://support.example.com/tickets/4711",
        "segment": "enterprise",
        "tags": ["outage"],
        "metadata": {"arr": 250_000, "region": "EMEA"},
        "levels": {"escalation_level": "extreme", "emotional_intensity_level": "high",
                   "sentiment_shift": "sentiment degraded"},
    }]})
}
