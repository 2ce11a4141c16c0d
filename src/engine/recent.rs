//! What came in last: a bounded number of records in memory, for people who try a filter before they
//! save it. None of it is ever on disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::levels::Levels;
use crate::domain::limits::{RECENT_BYTES, RECENT_RECORDS};
use crate::domain::record::Record;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Seen;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The newest last, each with its bytes.
    records: VecDeque<(Arc<Seen>, usize)>,
    bytes: usize,
}

impl Recent {
    /// Keeps the records of one call, and forgets what is oldest.
    pub(super) fn keep(&self, at: Timestamp, records: Vec<(Record, Levels)>) {
        let seen: Vec<_> = records
            .into_iter()
            .map(|(record, levels)| {
                let bytes = record.bytes();
                (Arc::new(Seen { at, record, levels }), bytes)
            })
            .collect();
        let mut forgotten = Vec::new();
        let mut kept = self.lock();
        for (seen, bytes) in seen {
            kept.bytes += bytes;
            kept.records.push_back((seen, bytes));
        }
        while kept.records.len() > RECENT_RECORDS || kept.bytes > RECENT_BYTES {
            let Some((seen, bytes)) = kept.records.pop_front() else { break };
            kept.bytes -= bytes;
            forgotten.push(seen);
        }
        // What is forgotten is freed without the lock.
        drop(kept);
    }

    /// The newest last.
    pub(super) fn all(&self) -> Vec<Arc<Seen>> {
        self.lock().records.iter().map(|(seen, _)| Arc::clone(seen)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::levels::Level;

    const LEVELS: Levels =
        Levels { escalation: Level::High, emotional_intensity: Level::Low, sentiment_shift: None };

    fn record(id: usize, bytes: usize) -> (Record, Levels) {
        let record = Record {
            id: id.to_string(),
            org_id: "acme".into(),
            content: "x".repeat(bytes),
            source: "zendesk".into(),
            created_at: None,
            source_url: None,
            kind: None,
            channel: None,
            segment: None,
            product_area: None,
            tags: Vec::new(),
            metadata: std::collections::BTreeMap::new(),
            conversation_id: None,
            messages: Vec::new(),
            levels: None,
        };
        (record, LEVELS)
    }

    fn ids(recent: &Recent) -> Vec<usize> {
        recent.all().iter().map(|seen| seen.record.id.parse().unwrap()).collect()
    }

    #[test]
    fn the_newest_are_kept_in_their_order() {
        let recent = Recent::default();
        assert_eq!(ids(&recent), [0; 0]);
        for call in 0..5 {
            let records = (call * 50..call * 50 + 50).map(|id| record(id, 10)).collect();
            recent.keep(Timestamp::from_millis(call as i64), records);
        }
        assert_eq!(ids(&recent), (50..250).collect::<Vec<_>>());
        assert_eq!(recent.all().first().unwrap().at, Timestamp::from_millis(1));
        assert_eq!(recent.all().last().unwrap().at, Timestamp::from_millis(4));
    }

    #[test]
    fn large_records_are_forgotten_sooner() {
        let recent = Recent::default();
        let now = Timestamp::from_millis(0);
        for id in 0..40 {
            recent.keep(now, vec![record(id, 1024 * 1024)]);
        }
        assert_eq!(ids(&recent), (25..40).collect::<Vec<_>>(), "15 and what they take beside");
        recent.keep(now, vec![record(40, RECENT_BYTES)]);
        assert_eq!(ids(&recent), [0; 0], "one that is larger than all is not kept either");
        assert_eq!(recent.lock().bytes, 0);
        recent.keep(now, vec![record(41, 1)]);
        assert_eq!(ids(&recent), [41]);
    }
}
