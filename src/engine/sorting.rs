//! Which records of a call are settled at once, and which wait for the classifier: those alone that it could
//! make an alert of.

use super::Engine;
use super::ports::{NewAlert, NewWaiting, StoreError};
use crate::detect::external::Finding;
use crate::domain::automation::Automation;
use crate::domain::levels::Levels;
use crate::domain::record::Record;
use crate::domain::time::Timestamp;

/// The records of a call.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// What those make that are settled.
    pub(super) alerts: Vec<NewAlert>,
    /// Those that wait, with what the built-in detector found.
    pub(super) waiting: Vec<(Record, Finding)>,
    /// Those that are settled.
    pub(super) settled: Vec<(Record, Levels)>,
}

impl Engine {
    /// Sorts the records of a call; `findings` says which of them came without levels.
    ///
    /// # Errors
    /// What the store says: what fired before is asked no more.
    pub(super) async fn sorted(
        &self,
        records: Vec<(Record, Levels)>,
        findings: Vec<Option<Finding>>,
        now: Timestamp,
    ) -> Result<Sorted, StoreError> {
        let shared = &self.shared;
        let mut sorted = Sorted::default();
        if self.classifier().is_none() {
            for ((record, levels), found) in records.iter().zip(&findings) {
                sorted.alerts.extend(shared.alerts(record, levels, found.as_ref(), now));
            }
            sorted.settled = records;
            return Ok(sorted);
        }
        let rules = shared.rules();
        for ((record, levels), finding) in records.into_iter().zip(findings) {
            let Some(finding) = finding else {
                sorted.alerts.extend(shared.alerts(&record, &levels, None, now));
                sorted.settled.push((record, levels));
                continue;
            };
            let could: Vec<_> = rules.iter().filter(|each| each.could_fire(&record)).collect();
            if self.fired_for(&could, &record).await? {
                // Each names what it made then; where there is none, nothing is made.
                let found = Some(&finding);
                let known =
                    could.into_iter().map(|each| shared.alert(each, &record, &levels, found, now));
                sorted.alerts.extend(known);
                sorted.settled.push((record, levels));
                continue;
            }
            sorted.waiting.push((record, finding));
        }
        Ok(sorted)
    }

    /// Whether all of these have an alert for this record already.
    async fn fired_for(&self, could: &[&Automation], record: &Record) -> Result<bool, StoreError> {
        if could.is_empty() {
            return Ok(true);
        }
        let names = could.iter().map(|each| (each.id, record.id.clone())).collect();
        let known = self.shared.store.known_alerts(names).await?;
        Ok(known.iter().all(Option::is_some))
    }

    /// A record as it waits.
    pub(super) fn waiting(&self, record: &Record, found: &Finding, now: Timestamp) -> NewWaiting {
        let stored = record.to_stored();
        NewWaiting {
            told_by: self.shared.sealer.fingerprint(stored.as_bytes()),
            record: stored,
            found: found.to_stored(),
            taken_at: now,
        }
    }
}
