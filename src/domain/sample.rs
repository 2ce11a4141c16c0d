//! A record that nobody wrote, to show what becomes of one.

use std::collections::BTreeMap;

use super::alert::{self, AlertFacts};
use super::id::AutomationId;
use super::levels::{Level, Levels, SentimentShift};
use super::notice::{HeldBack, Notice};
use super::record::Record;
use super::time::Timestamp;

/// 2026-06-27T12:00:00Z
const AT: i64 = 1_782_561_600_000;
const AUTOMATION: u128 = 0x6f96_19ff_8b86_4d01_b42d_00cf_4fc9_64ff;

/// The record.
pub fn record() -> Record {
    let text = |text: &str| Some(text.to_owned());
    Record {
        id: "T-10293".to_owned(),
        org_id: "northwind".to_owned(),
        content: "This is the third time that your update deleted our reports.\n\
                  If nobody calls me back today, our lawyers will."
            .to_owned(),
        source: "ZendeskSupport".to_owned(),
        created_at: jiff::Timestamp::from_millisecond(AT - 600_000).ok(),
        source_url: text("https://northwind.zendesk.com/agent/tickets/10293"),
        kind: None,
        channel: None,
        segment: text("enterprise"),
        product_area: None,
        tags: Vec::new(),
        metadata: BTreeMap::new(),
        conversation_id: None,
        messages: Vec::new(),
        levels: Some(levels()),
    }
}

/// Its levels.
pub const fn levels() -> Levels {
    Levels {
        escalation: Level::Extreme,
        emotional_intensity: Level::High,
        sentiment_shift: Some(SentimentShift::Degraded),
    }
}

/// The alert for it with every value set that one can have.
pub fn notice() -> Notice {
    let at = Timestamp::from_millis(AT);
    let body = alert::body(&AlertFacts {
        automation_id: AutomationId(uuid::Uuid::from_u128(AUTOMATION)),
        escalated_at: at,
        levels: &levels(),
        record: &record(),
        dashboard_url: "https://dashboard.enterpret.com",
    });
    let since = Timestamp::from_millis(AT - 3_600_000);
    Notice::read(body.bytes()).named("Enterprise escalations").after(HeldBack { count: 3, since })
}
