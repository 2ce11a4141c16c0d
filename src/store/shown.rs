//! What is configured, as the audit log shows it: all that people set, and no secret.

use serde_json::{Value, json};

use crate::domain::automation::Automation;
use crate::domain::condition::Condition;
use crate::domain::integration::{AuthMethod, Integration, Ordering, Target};
use crate::domain::levels::{Level, SentimentShift};

pub(super) fn shown(automation: &Automation) -> Value {
    json!({
        "name": automation.name,
        "active": automation.active,
        "filter": automation.filter.as_ref().map(Condition::to_json),
        "minimum_levels": {
            "escalation_level": automation.minimum_levels.escalation.map(Level::word),
            "emotional_intensity_level": automation.minimum_levels.emotional_intensity.map(Level::word),
            "sentiment_shift": automation.minimum_levels.sentiment_shift.map(SentimentShift::word),
        },
        "integrations": automation.integrations.iter().map(shown_integration).collect::<Vec<_>>(),
    })
}

pub(super) fn shown_integration(integration: &Integration) -> Value {
    let Target::Webhook(webhook) = &integration.target;
    let delivery = &integration.delivery;
    let millis = |span: Option<std::time::Duration>| span.map(super::row::millis);
    json!({
        "id": integration.id.to_string(),
        "name": integration.name,
        // The values of a query may be secrets of the receiver's.
        "url": webhook.url.masked(),
        "auth": match &webhook.auth {
            AuthMethod::None => "none".to_owned(),
            AuthMethod::Bearer => "bearer".to_owned(),
            AuthMethod::ApiKey => "api_key".to_owned(),
            AuthMethod::CustomHeader(name) => format!("custom_header {}", name.as_str()),
        },
        "signing": webhook.signing,
        "http1_only": webhook.http1_only,
        "condition": integration.condition.as_ref().map(Condition::to_json),
        "credential_set": integration.credential_set,
        "max_in_flight": delivery.max_in_flight,
        "ordering": match delivery.ordering {
            Ordering::Due => "due",
            Ordering::Fifo => "fifo",
        },
        "rate_limit": delivery.rate_limit,
        "retry": {
            "base_ms": millis(delivery.retry.base),
            "factor": delivery.retry.factor,
            "cap_ms": millis(delivery.retry.cap),
            "horizon_ms": millis(delivery.retry.horizon),
            "jitter": delivery.retry.jitter,
        },
    })
}
