//! A notice that previews show.

use crate::domain::notice::{HeldBack, Link, Moment, Notice};
use crate::domain::time::Timestamp;

/// An alert with every value set, none of which is a real person's.
pub fn sample() -> Notice {
    let text = |text: &str| Some(text.to_owned());
    // 2026-06-27T12:00:00Z
    let at = 1_782_561_600_000;
    Notice {
        automation_id: text("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
        automation_name: text("Enterprise escalations"),
        org_id: text("northwind"),
        escalated_at: Some(Moment::At(Timestamp::from_millis(at))),
        escalation_level: text("extreme"),
        emotional_intensity_level: text("high"),
        sentiment_shift: text("sentiment degraded"),
        record_id: text("T-10293"),
        record_url: Link::parse("https://dashboard.enterpret.com/northwind/record/T-10293"),
        source_url: Link::parse("https://northwind.zendesk.com/agent/tickets/10293"),
        excerpt:
            "This is the third time that your update deleted our reports.\nIf nobody calls me \
                  back today, our lawyers will."
                .to_owned(),
        created_at: Some(Moment::At(Timestamp::from_millis(at - 600_000))),
        source: text("ZendeskSupport"),
        held_back: Some(HeldBack { count: 3, since: Timestamp::from_millis(at - 3_600_000) }),
        problem: None,
    }
}
