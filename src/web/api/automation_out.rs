//! An automation as it is written: whole, with its integrations.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::integration_out::Auth;
use crate::domain::automation::{Automation, Trigger};
use crate::domain::condition::Condition;
use crate::domain::hygiene::{CoolDown, QuietHours};
use crate::web::site::Site;

/// An automation with its integrations.
// `I` is what is told of each integration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Automation")]
pub(in crate::web) struct AutomationOut<I> {
    /// Its id, the first part of every Idempotency-Key that it causes.
    pub(in crate::web) id: String,
    /// What people call it.
    pub(in crate::web) name: String,
    /// One that is not active fires for nothing, and takes no alert.
    pub(in crate::web) active: bool,
    /// What it listens to: `records`, or `relay` for alerts that another system posts.
    pub(in crate::web) trigger: &'static str,
    /// Which records it watches; without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) filter: Option<Value>,
    /// What counts as an escalation: each level that is named must be reached. A relay has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) minimum_levels: Option<Levels>,
    /// After an alert, others of its conversation or account are held back for a while; off without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<CoolDownOut>")]
    pub(in crate::web) cool_down: Option<Value>,
    /// Alerts wait until these end; off without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<QuietHoursOut>")]
    pub(in crate::web) quiet_hours: Option<Value>,
    /// Where the other system posts alerts to; of a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) inbound_url: Option<String>,
    /// How it must prove who it is; of a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) inbound_auth: Option<Auth>,
    /// Where its alerts go.
    pub(in crate::web) integrations: Vec<I>,
    /// Rises with each change; the number in the ETag.
    pub(in crate::web) version: i64,
}

/// What counts as an escalation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MinimumLevels")]
pub(in crate::web) struct Levels {
    /// At least this: `none`, `low`, `medium`, `high` or `extreme`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) escalation_level: Option<&'static str>,
    /// At least this: `none`, `low`, `medium`, `high` or `extreme`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) emotional_intensity_level: Option<&'static str>,
    /// At least this bad: `sentiment improved`, `sentiment unchanged` or `sentiment degraded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) sentiment_shift: Option<&'static str>,
}

/// After an alert, others of its conversation or account are held back.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CoolDown")]
pub(in crate::web) struct CoolDownOut {
    /// `conversation`, or a field of the metadata such as `metadata.account_id`.
    per: String,
    /// For how long.
    span: String,
}

/// Alerts wait until these end.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QuietHours")]
pub(in crate::web) struct QuietHoursOut {
    /// Whose clocks count.
    time_zone: String,
    /// Days and hours: `mon-fri 20:00-07:00`.
    windows: Vec<String>,
    /// Alerts from this escalation level on go out all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    except_from: Option<String>,
}

impl<I> AutomationOut<I> {
    /// The automation with what is told of its integrations.
    pub(in crate::web) fn of(automation: &Automation, integrations: Vec<I>, site: &Site) -> Self {
        let (mut filter, mut minimum_levels) = (None, None);
        let (mut cool_down, mut quiet_hours) = (None, None);
        let (mut inbound_url, mut inbound_auth) = (None, None);
        match &automation.trigger {
            Trigger::Records(watch) => {
                let least = &watch.minimum_levels;
                filter = watch.filter.as_ref().map(Condition::to_json);
                cool_down = watch.hygiene.cool_down.as_ref().map(CoolDown::to_json);
                quiet_hours = watch.hygiene.quiet_hours.as_ref().map(QuietHours::to_json);
                minimum_levels = Some(Levels {
                    escalation_level: least.escalation.map(|level| level.word()),
                    emotional_intensity_level: least.emotional_intensity.map(|level| level.word()),
                    sentiment_shift: least.sentiment_shift.map(|shift| shift.word()),
                });
            }
            Trigger::Relay(auth) => {
                inbound_url = Some(site.inbound_url(automation.id));
                inbound_auth = Some(Auth::of(&auth.method, auth.credential_set));
            }
        }
        Self {
            id: automation.id.to_string(),
            name: automation.name.clone(),
            active: automation.active,
            trigger: automation.trigger.word(),
            filter,
            minimum_levels,
            cool_down,
            quiet_hours,
            inbound_url,
            inbound_auth,
            integrations,
            version: automation.version,
        }
    }
}
