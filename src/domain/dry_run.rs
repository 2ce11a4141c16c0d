//! What would become of records, without anything being stored or sent: the same rules and the same
//! bytes as when they are really taken.

use std::collections::BTreeSet;

use super::alert::{self, AlertFacts, Body, Origin};
use super::automation::Automation;
use super::id::{AlertId, AutomationId, IntegrationId};
use super::levels::Levels;
use super::limits::DRY_RUN_BYTES;
use super::record::Record;
use super::time::Timestamp;
use super::verdict::{Draft, Miss};

/// What would become of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRun {
    /// The record.
    pub record_id: String,
    /// The levels that it goes by.
    pub levels: Levels,
    /// What each automation makes of it, by their names.
    pub automations: Vec<Outlook>,
}

/// What one automation makes of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The automation.
    pub automation_id: AutomationId,
    /// What people call it.
    pub name: String,
    /// What it comes to.
    pub fate: Fate,
}

/// Whether an automation fires.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It does not, for these reasons.
    Misses(Vec<Miss>),
    /// It does, and would make this alert.
    Fires(Prospect),
}

/// The alert that would be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Prospect {
    /// The bytes that would be sent, as far as the time allows: theirs is that of the dry run.
    pub body: Body,
    /// Whether there is one already for this automation and record: then nothing would be made or sent.
    pub duplicate: Option<Duplicate>,
    /// The automation's integrations, in their order.
    pub ways: Vec<Way>,
}

/// Why an alert would be a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicate {
    /// This alert is stored.
    Stored(AlertId),
    /// An earlier record of the same call has the same id.
    SameCall,
}

/// One integration of an automation that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The integration.
    pub integration_id: IntegrationId,
    /// What people call it.
    pub name: String,
    /// Whether the alert goes there: false where the integration's condition says otherwise.
    pub goes: bool,
    /// The Idempotency-Key of each request.
    pub idempotency_key: String,
}

/// The answer would be larger than anybody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer would be larger than {DRY_RUN_BYTES} bytes")]
pub struct TooMuch;

/// What would become of these records under these automations. Alerts that are stored are not known
/// here: see [`alerts_of`].
///
/// # Errors
/// It would be more than is shown at once.
pub fn dry_run(
    rules: &[Automation],
    records: &[(Record, Levels)],
    now: Timestamp,
    dashboard_url: &str,
) -> Result<Vec<DryRun>, TooMuch> {
    // A relay makes nothing of records.
    let drafts = rules.iter().filter_map(|each| Some((each, each.draft()?)));
    let mut rules: Vec<(&Automation, Draft<'_>)> = drafts.collect();
    rules.sort_by_key(|(each, _)| (each.name.as_str(), each.id));
    let mut bytes = 0;
    let mut fired = BTreeSet::new();
    let mut runs = Vec::with_capacity(records.len());
    for (record, levels) in records {
        let mut automations = Vec::with_capacity(rules.len());
        for (automation, draft) in &rules {
            let misses = draft.misses(record, levels);
            let fate = if misses.is_empty() {
                let facts = AlertFacts {
                    automation_id: automation.id,
                    escalated_at: now,
                    levels,
                    record,
                    dashboard_url,
                };
                let mut prospect = prospect(automation, &facts);
                if !fired.insert((automation.id, record.id.as_str())) {
                    prospect.duplicate = Some(Duplicate::SameCall);
                }
                Fate::Fires(prospect)
            } else {
                Fate::Misses(misses)
            };
            bytes += size(automation, &fate);
            if bytes > DRY_RUN_BYTES {
                return Err(TooMuch);
            }
            let name = automation.name.clone();
            automations.push(Outlook { automation_id: automation.id, name, fate });
        }
        runs.push(DryRun { record_id: record.id.clone(), levels: *levels, automations });
    }
    Ok(runs)
}

/// The alerts of these runs that could be stored already, to be marked by whoever can look.
pub fn alerts_of(runs: &mut [DryRun]) -> impl Iterator<Item = (AutomationId, &str, &mut Prospect)> {
    runs.iter_mut().flat_map(|run| {
        let record_id = run.record_id.as_str();
        run.automations.iter_mut().filter_map(move |outlook| match &mut outlook.fate {
            Fate::Fires(prospect) => Some((outlook.automation_id, record_id, prospect)),
            Fate::Misses(_) => None,
        })
    })
}

fn prospect(automation: &Automation, facts: &AlertFacts<'_>) -> Prospect {
    let origin = Origin::Fired(automation.id);
    let ways = automation.integrations.iter().map(|each| Way {
        integration_id: each.id,
        name: each.name.clone(),
        goes: each.takes(facts.record, facts.levels),
        idempotency_key: alert::idempotency_key(&origin, each.id, &facts.record.id),
    });
    Prospect { body: alert::body(facts), duplicate: None, ways: ways.collect() }
}

/// About what it takes in an answer.
fn size(automation: &Automation, fate: &Fate) -> usize {
    const EACH: usize = 100;
    let fate = match fate {
        Fate::Misses(misses) => misses.len() * EACH,
        Fate::Fires(prospect) => {
            let ways = prospect.ways.iter();
            let ways = ways.map(|way| EACH + way.name.len() + way.idempotency_key.len());
            prospect.body.bytes().len() + ways.sum::<usize>()
        }
    };
    EACH + automation.name.len() + fate
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::domain::automation::{Trigger, Watch};
    use crate::domain::condition::{Condition, Subject};
    use crate::domain::integration::{
        AuthMethod, DeliverySettings, HttpsUrl, Integration, Target, Webhook,
    };
    use crate::domain::levels::{Level, MinimumLevels};

    const LEVELS: Levels =
        Levels { escalation: Level::High, emotional_intensity: Level::Low, sentiment_shift: None };

    fn record(id: &str) -> (Record, Levels) {
        let record = Record {
            id: id.into(),
            org_id: "acme".into(),
            content: "x".repeat(500),
            source: "zendesk".into(),
            created_at: None,
            source_url: None,
            kind: None,
            channel: Some("phone".into()),
            segment: None,
            product_area: None,
            tags: Vec::new(),
            metadata: BTreeMap::new(),
            conversation_id: None,
            messages: Vec::new(),
            levels: None,
        };
        (record, LEVELS)
    }

    fn integration(automation_id: AutomationId, name: &str, channel: Option<&str>) -> Integration {
        let condition = channel.map(|channel| {
            let test = json!({"field": "channel", "op": "eq", "value": channel});
            Condition::parse(&test, Subject::Record).unwrap()
        });
        Integration {
            id: IntegrationId(uuid::Uuid::from_u128(name.len() as u128)),
            automation_id,
            name: name.into(),
            target: Target::Webhook(Webhook {
                url: HttpsUrl::parse("https://a.example.com/").unwrap(),
                auth: AuthMethod::None,
                signing: false,
                http1_only: false,
            }),
            condition,
            delivery: DeliverySettings::default(),
            credential_set: false,
        }
    }

    fn automation(number: u128, least: Level) -> Automation {
        let id = AutomationId(uuid::Uuid::from_u128(number));
        Automation {
            id,
            name: format!("automation {number}"),
            active: true,
            trigger: Trigger::Records(Watch {
                filter: None,
                minimum_levels: MinimumLevels { escalation: Some(least), ..Default::default() },
                ..Watch::default()
            }),
            integrations: vec![
                integration(id, "all", None),
                integration(id, "phone", Some("phone")),
                integration(id, "e-mails", Some("email")),
            ],
            version: 1,
        }
    }

    #[test]
    fn it_says_what_would_be_sent_where_and_what_not_and_why() {
        let rules = [automation(1, Level::High), automation(2, Level::Extreme)];
        let now = Timestamp::from_millis(1_000);
        let mut runs =
            dry_run(&rules, &[record("a b"), record("a b")], now, "https://d.example").unwrap();
        assert_eq!(alerts_of(&mut runs).count(), 2);
        let [first, second] = runs.as_slice() else { unreachable!() };
        let [fires, misses] = first.automations.as_slice() else { unreachable!() };
        let least = Level::Extreme;
        assert_eq!(misses.fate, Fate::Misses(vec![Miss::Escalation { least, found: Level::High }]));
        let Fate::Fires(prospect) = &fires.fate else { unreachable!() };
        assert_eq!(prospect.duplicate, None);
        let ways: Vec<_> = prospect.ways.iter().map(|way| (way.name.as_str(), way.goes)).collect();
        assert_eq!(ways, [("all", true), ("phone", true), ("e-mails", false)]);
        let (record, levels) = record("a b");
        let facts = AlertFacts {
            automation_id: fires.automation_id,
            escalated_at: now,
            levels: &levels,
            record: &record,
            dashboard_url: "https://d.example",
        };
        assert_eq!(prospect.body, alert::body(&facts));
        let key = &prospect.ways.first().unwrap().idempotency_key;
        assert!(key.ends_with(":00000000-0000-0000-0000-000000000003:a%20b"), "{key}");
        let Some(Outlook { fate: Fate::Fires(again), .. }) = second.automations.first() else {
            unreachable!()
        };
        assert_eq!(again.duplicate, Some(Duplicate::SameCall), "it came twice in one call");
    }

    #[test]
    fn what_nobody_reads_is_not_made() {
        let rules: Vec<_> = (0..1000).map(|number| automation(number, Level::High)).collect();
        let records: Vec<_> = (0..100).map(|number| record(&number.to_string())).collect();
        assert_eq!(dry_run(&rules, &records, Timestamp::from_millis(0), ""), Err(TooMuch));
        let few = dry_run(&rules, &records[..1], Timestamp::from_millis(0), "");
        assert_eq!(few.unwrap().first().unwrap().automations.len(), 1000);
    }
}
