//! The alerts that a record makes: what the domain decides of automation, record and levels, ready to be stored.

use super::ports::{CoolingDown, NewAlert};
use super::shared::Shared;
use crate::detect::external::Finding;
use crate::domain::alert::{self, AlertFacts, Aside, Origin};
use crate::domain::automation::{Automation, Trigger, Watch};
use crate::domain::delivery::NewDelivery;
use crate::domain::integration::{Integration, Ordering, Policy};
use crate::domain::levels::Levels;
use crate::domain::record::Record;
use crate::domain::time::Timestamp;

impl Shared {
    /// One for each automation that fires.
    pub(super) fn alerts(
        &self,
        record: &Record,
        levels: &Levels,
        found: Option<&Finding>,
        now: Timestamp,
    ) -> Vec<NewAlert> {
        let rules = self.rules();
        let firing = rules.iter().filter(|each| each.fires(record, levels));
        firing.map(|automation| self.alert(automation, record, levels, found, now)).collect()
    }

    /// The alert that an automation makes of a record at these levels.
    pub(super) fn alert(
        &self,
        automation: &Automation,
        record: &Record,
        levels: &Levels,
        found: Option<&Finding>,
        now: Timestamp,
    ) -> NewAlert {
        let body = alert::body(&AlertFacts {
            automation_id: automation.id,
            escalated_at: now,
            levels,
            record,
            dashboard_url: &self.dashboard_url,
        });
        let meant = automation.integrations.iter().filter(|each| each.takes(record, levels));
        let (mut cool_down, mut put_off) = (None, None);
        if let Trigger::Records(Watch { hygiene, .. }) = &automation.trigger {
            cool_down = hygiene.cool_down.as_ref().and_then(|each| {
                let (key, span) = (each.key(record)?, each.span);
                Some(CoolingDown { key, span, level: levels.escalation })
            });
            let quiet = hygiene.quiet_hours.as_ref();
            put_off = quiet.and_then(|quiet| quiet.put_off(levels, now));
        }
        NewAlert {
            automation_id: automation.id,
            origin: Origin::Fired(automation.id),
            record_id: record.id.clone(),
            told_by: record.id.clone(),
            org_id: record.org_id.clone(),
            body,
            aside: Aside::of(record),
            found: found.map(Finding::to_stored),
            cool_down,
            escalated_at: now,
            deliveries: meant.map(|each| delivery(&self.policy, each, now, put_off)).collect(),
        }
    }
}

/// A delivery that goes out now, or at the end of quiet hours.
pub(super) fn delivery(
    service: &Policy,
    integration: &Integration,
    now: Timestamp,
    put_off: Option<Timestamp>,
) -> NewDelivery {
    let policy = service.for_integration(&integration.delivery);
    let due_at = put_off.unwrap_or(now);
    NewDelivery {
        integration: integration.id,
        queue_at: match policy.ordering {
            Ordering::Due => due_at,
            Ordering::Fifo => Timestamp::from_millis(0),
        },
        due_at,
        expires_at: due_at.plus(policy.schedule.horizon),
        put_off: put_off.is_some(),
    }
}
