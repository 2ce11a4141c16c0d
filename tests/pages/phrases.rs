//! Phrases of organisations: the list, one organisation's, what a preview shows, and what is wrong.

use belfry::web::token::Right;
use serde_json::json;

use crate::told::Looker;

const OURS: &str = "org_id=acme%2F%3Cb%3E&version=1";

#[test]
fn phrases() {
    let mut looker = Looker::with(Right::Editor);
    looker.sees("phrases-empty", "/phrases");
    looker.sees_with("phrases-unnamed", 422, "/phrases/organisation?org_id=");
    looker.sees("phrases-new", "/phrases/organisation?org_id=acme%2F%3Cb%3E");
    let wrong = "org_id=acme%2F%3Cb%3E&version=0&/add/0/family=legl&/add/0/weight=2&/add/0/phrase=*+a&\
                 /exclude=fine%0A*+b&do=save";
    looker.sees_after("phrases-wrong", 422, "/phrases/organisation", wrong);
    let own = json!({
        "add": [{"family": "executive_contact", "weight": 0.7, "phrase": "ring|press the bell"}],
        "exclude": ["lawyer quest"],
    });
    looker.service.ok("PUT", "/v1/phrases/acme%2F%3Cb%3E", &own);
    looker.sees("phrases", "/phrases");
    looker.sees("phrases-of", "/phrases/organisation?org_id=acme%2F%3Cb%3E&notice=phrases-saved");
    looker.sees("phrases-delete", "/phrases/delete?org_id=acme%2F%3Cb%3E");
    let stale = "org_id=acme%2F%3Cb%3E&version=0&/add/0/family=legal&/add/0/weight=0.2&\
                 /add/0/phrase=ring%7Cpress+the+bell&/exclude=other&do=save";
    looker.sees_after("phrases-conflict", 409, "/phrases/organisation", stale);
    looker.refuses_other_sites("/phrases/delete");
    looker.becomes(Right::Viewer);
    looker.sees("phrases-of-viewer", "/phrases/organisation?org_id=acme%2F%3Cb%3E");
}

#[test]
fn previews() {
    let mut looker = Looker::with(Right::Editor);
    let form = format!(
        "{OURS}&/exclude=sue+you+there&do=preview&/add/0/family=safety&\
                        /add/0/weight=0.85&/add/0/phrase=the+%3Cbell|bell&/add/1/phrase="
    );
    let form = form.replace("%3Cbell|", "");
    looker.sees_after("phrases-preview-none", 200, "/phrases/organisation", &form);
    let least = json!({"escalation_level": "high"});
    looker.service.ok(
        "POST",
        "/v1/automations",
        &json!({"name": "Calls <i>", "minimum_levels": least}),
    );
    let record = |id: &str, content: &str| json!({"id": id, "org_id": "acme/<b>", "source": "zendesk", "content": content});
    let mut given = record("T-3", "I rang the bell.");
    given["levels"] = json!({"escalation_level": "low", "emotional_intensity_level": "low"});
    let long = format!(
        "{}We rang <the bell> & waited. {}",
        "It was a long day. ".repeat(6),
        "So it went. ".repeat(9)
    );
    let records = json!({"records": [record("T-1", &long), given,
        record("T-2", "Come and play Lawyer Quest, I will sue you there."), record("T-4", "Thanks!")]});
    looker.service.ok("POST", "/v1/records", &records);
    looker.sees_after("phrases-preview", 200, "/phrases/organisation", &form);
}
