//! Which levels records go by: those that they came with, and for the others what the detector finds.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::Engine;
use super::classify::Classifiers;
use super::ports::{ConversationKey, MessageScore, Question, StoreError};
use crate::detect::external::{Finding, Reason, Unanswered};
use crate::detect::{History, assess};
use crate::domain::levels::Levels;
use crate::domain::limits::CLASSIFIER_DRY_RUN;
use crate::domain::record::Record;

/// Records with the levels that they go by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// The records, in their order.
    pub records: Vec<(Record, Levels)>,
    /// For each of them what was found, and why; nothing where it came with levels.
    pub findings: Vec<Option<Finding>>,
    /// What is to be kept of their conversations.
    pub(super) remember: Vec<(ConversationKey, MessageScore)>,
}

impl Judgement {
    /// Of records whose levels are known.
    pub fn given(records: Vec<(Record, Levels)>) -> Self {
        let findings = records.iter().map(|_| None).collect();
        Self { records, findings, remember: Vec::new() }
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
                    let model = self.shared.models.of(&record.org_id);
                    let assessment = assess(&record, history, &model);
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
                judgement.findings.push(assessment.map(Finding::built_in));
            }
        }
        Ok(judgement)
    }

    /// What the classifier says of those that came without levels, where one is configured: for a dry run,
    /// which waits for it, but not for ever.
    pub async fn consult(&self, mut judgement: Judgement) -> Judgement {
        let Some(classifier) = self.classifier() else { return judgement };
        let asked = judgement.records.iter_mut().zip(&mut judgement.findings);
        let asked = asked.filter_map(|((record, levels), finding)| {
            let language = finding.as_ref()?.language;
            let question = Question { record: record.clone(), language };
            Some(async move {
                let said = tokio::time::timeout(CLASSIFIER_DRY_RUN, classifier.ask(question));
                let said = said.await.unwrap_or_else(|_| {
                    let most = CLASSIFIER_DRY_RUN.as_secs();
                    let detail = format!("a dry run takes no longer than {most} s");
                    Err(Unanswered::new(Reason::Waited, detail))
                });
                if let Some(found) = finding.take() {
                    let found = found.asked(said);
                    *levels = found.levels;
                    *finding = Some(found);
                }
            })
        });
        join_all(asked).await;
        judgement
    }

    /// The way to the classifier, where one is configured.
    pub(super) fn classifier(&self) -> Option<&Classifiers> {
        self.classifying.as_ref().filter(|each| each.is_configured())
    }

    /// Whether a classifier is asked for the levels of records without any.
    pub fn asks_a_classifier(&self) -> bool {
        self.classifier().is_some()
    }

    /// Whether the classifier failed too often, so that the built-in detector judges for the time being.
    pub fn classifier_left_alone(&self) -> bool {
        self.shared.classifier_left_alone.load(Ordering::Acquire)
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
