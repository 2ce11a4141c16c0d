//! Which levels records go by: those that they came with, and for the others what the detector finds.

use std::collections::BTreeMap;

use super::Engine;
use super::ports::{ConversationKey, MessageScore, StoreError};
use crate::detect::{Assessment, History, assess};
use crate::domain::levels::Levels;
use crate::domain::record::Record;

/// Records with the levels that they go by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// The records, in their order.
    pub records: Vec<(Record, Levels)>,
    /// For each of them what was found, and why; nothing where it came with levels.
    pub assessments: Vec<Option<Assessment>>,
    /// What is to be kept of their conversations.
    pub(super) remember: Vec<(ConversationKey, MessageScore)>,
}

impl Judgement {
    /// Of records whose levels are known.
    pub fn given(records: Vec<(Record, Levels)>) -> Self {
        let assessments = records.iter().map(|_| None).collect();
        Self { records, assessments, remember: Vec::new() }
    }
}

impl Engine {
    /// Finds levels for the records that came without. What is to be kept of their conversations is kept
    /// when they are accepted.
    ///
    /// # Errors
    /// What the store says: what was said before in a conversation is needed.
    pub async fn judge(&self, records: Vec<Record>) -> Result<Judgement, StoreError> {
        let mut histories = self.histories(&records).await?;
        let mut judgement = Judgement::default();
        for record in records {
            let assessment = match record.levels {
                Some(_) => None,
                None => {
                    let key = self.conversation(&record);
                    let mut alone = History::new(0);
                    let history = key.and_then(|key| histories.get_mut(&key));
                    let history = history.unwrap_or(&mut alone);
                    let assessment = assess(&record, history, &self.shared.model);
                    // The next record of the same call may go on with the conversation.
                    history.scores.extend(&assessment.remember);
                    let remember = assessment.remember.iter();
                    let of_it =
                        key.into_iter().flat_map(|key| remember.clone().map(move |s| (key, *s)));
                    judgement.remember.extend(of_it);
                    Some(assessment)
                }
            };
            let found = assessment.as_ref().map(|assessment| assessment.levels);
            // One of both is there: what came without levels was judged.
            if let Some(levels) = record.levels.or(found) {
                judgement.records.push((record, levels));
                judgement.assessments.push(assessment);
            }
        }
        Ok(judgement)
    }

    /// What was said before in each conversation of a record that has to be judged.
    async fn histories(
        &self,
        records: &[Record],
    ) -> Result<BTreeMap<ConversationKey, History>, StoreError> {
        let unjudged = records.iter().filter(|record| record.levels.is_none());
        let mut keys: Vec<_> = unjudged.filter_map(|record| self.conversation(record)).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let scores = self.shared.store.conversations(keys.clone()).await?;
        let histories = keys.into_iter().zip(scores).map(|(key, scores)| {
            // Of the keyed digest, too: who reads the store can't find a short message by trying.
            let [a, b, c, d, e, f, g, h, ..] = self.shared.sealer.fingerprint(&key.0);
            (key, History { salt: u64::from_le_bytes([a, b, c, d, e, f, g, h]), scores })
        });
        Ok(histories.collect())
    }

    fn conversation(&self, record: &Record) -> Option<ConversationKey> {
        let id = record.conversation_id.as_ref()?;
        // Ids hold no control characters, so that two names can't run into each other.
        let name = format!("conversation\0{}\0{id}", record.org_id);
        Some(ConversationKey(self.shared.sealer.fingerprint(name.as_bytes())))
    }
}
