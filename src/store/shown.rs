//! What is configured, as the audit log shows it: all that people set, and no secret.

use serde_json::{Value, json};

use crate::domain::automation::{Automation, Trigger};
use crate::domain::condition::Condition;
use crate::domain::hygiene::{CoolDown, QuietHours};
use crate::domain::integration::{AuthMethod, Integration, Ordering, Target};
use crate::domain::levels::{Level, SentimentShift};
use crate::domain::recipient::EmailAddress;
use crate::domain::template::Template;
use crate::domain::wording::Templates;

pub(super) fn shown(automation: &Automation) -> Value {
    let mut shown = json!({
        "name": automation.name,
        "active": automation.active,
        "integrations": automation.integrations.iter().map(shown_integration).collect::<Vec<_>>(),
    });
    let own = match &automation.trigger {
        Trigger::Records(watch) => {
            let least = &watch.minimum_levels;
            json!({
                "filter": watch.filter.as_ref().map(Condition::to_json),
                "minimum_levels": {
                    "escalation_level": least.escalation.map(Level::word),
                    "emotional_intensity_level": least.emotional_intensity.map(Level::word),
                    "sentiment_shift": least.sentiment_shift.map(SentimentShift::word),
                },
                "cool_down": watch.hygiene.cool_down.as_ref().map(CoolDown::to_json),
                "quiet_hours": watch.hygiene.quiet_hours.as_ref().map(QuietHours::to_json),
            })
        }
        Trigger::Relay(auth) => json!({
            "trigger": automation.trigger.word(),
            "inbound_auth": shown_auth(&auth.method),
            "inbound_credential_set": auth.credential_set,
        }),
    };
    if let (Some(shown), Value::Object(own)) = (shown.as_object_mut(), own) {
        shown.extend(own);
    }
    shown
}

fn shown_auth(method: &AuthMethod) -> String {
    match method {
        AuthMethod::None => "none".to_owned(),
        AuthMethod::Bearer => "bearer".to_owned(),
        AuthMethod::ApiKey => "api_key".to_owned(),
        AuthMethod::CustomHeader(name) => format!("custom_header {}", name.as_str()),
    }
}

pub(super) fn shown_integration(integration: &Integration) -> Value {
    let delivery = &integration.delivery;
    let millis = |span: Option<std::time::Duration>| span.map(super::row::millis);
    let mut shown = json!({
        "id": integration.id.to_string(),
        "kind": integration.target.kind().word(),
        "name": integration.name,
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
    });
    if let (Some(shown), Value::Object(of_target)) =
        (shown.as_object_mut(), shown_target(&integration.target))
    {
        shown.extend(of_target);
    }
    shown
}

fn shown_target(target: &Target) -> Value {
    match target {
        Target::Webhook(webhook) => json!({
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
        }),
        Target::Slack(slack) => {
            json!({ "url": slack.shown, "template": shown_templates(&slack.templates) })
        }
        Target::Email(email) => {
            let to: Vec<_> = email.to.iter().map(EmailAddress::as_str).collect();
            json!({ "to": to, "template": shown_templates(&email.templates) })
        }
    }
}

fn shown_templates(templates: &Templates) -> Value {
    json!({
        "title": templates.title.as_ref().map(Template::source),
        "text": templates.text.as_ref().map(Template::source),
    })
}
