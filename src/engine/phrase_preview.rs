//! What other phrases would make of the records that came in last. Nothing is stored or sent.

use std::sync::Arc;

use super::Engine;
use super::models::{PhrasesError, broken_off};
use super::ports::StoreError;
use crate::detect::{Additions, Comparison, compare};
use crate::domain::automation::Automation;
use crate::domain::id::AutomationId;
use crate::domain::limits::{DETECT_RECORD_BYTES, PHRASE_PREVIEW_BYTES};
use crate::domain::verdict::Seen;

/// What came of a preview.
#[derive(Debug, Clone, Default)]
pub struct PhrasePreview {
    /// How many records were judged anew: each alone, without what was said earlier in its conversation.
    pub looked_at: usize,
    /// Records of the organisation that came with levels, which no phrase changes.
    pub came_with_levels: usize,
    /// Older ones, which were not reached within the bounds of a preview.
    pub not_reached: usize,
    /// Those that are judged otherwise, or for other reasons; the newest first.
    pub records: Vec<PreviewedRecord>,
}

/// A record that would be judged otherwise.
#[derive(Debug, Clone)]
pub struct PreviewedRecord {
    /// The record.
    pub seen: Arc<Seen>,
    /// What would be different.
    pub comparison: Comparison,
    /// Automations that would fire and don't now, with their names.
    pub fires: Vec<(AutomationId, String)>,
    /// Automations that fire now and would not.
    pub falls_silent: Vec<(AutomationId, String)>,
}

impl Engine {
    /// Says what these phrases in place of those that an organisation has stored would make of its records
    /// that came in last.
    ///
    /// # Errors
    /// A phrase is none, or the service is stopping.
    pub async fn preview_phrases(
        &self,
        org_id: String,
        additions: Additions,
    ) -> Result<PhrasePreview, PhrasesError> {
        let turn = Arc::clone(&self.shared.models.previews).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Stopped)?;
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // Until it is done, and not until nobody waits for it any more.
            let _turn = turn;
            let before = shared.models.of(&org_id);
            let after = shared.models.with(&org_id, &additions)?;
            let rules = shared.rules();
            let mut preview = PhrasePreview::default();
            let mut bytes = 0;
            let recent = shared.recent.all();
            for seen in recent.into_iter().rev().filter(|seen| seen.record.org_id == org_id) {
                if seen.record.levels.is_some() {
                    preview.came_with_levels += 1;
                    continue;
                }
                if bytes >= PHRASE_PREVIEW_BYTES {
                    preview.not_reached += 1;
                    continue;
                }
                bytes += seen.record.bytes().min(DETECT_RECORD_BYTES);
                preview.looked_at += 1;
                if let Some(comparison) = compare(&seen.record, &before, &after) {
                    preview.records.push(previewed(seen, comparison, &rules));
                }
            }
            Ok(preview)
        };
        // Other records are judged meanwhile.
        tokio::task::spawn_blocking(work).await.map_err(broken_off)?
    }
}

fn previewed(seen: Arc<Seen>, comparison: Comparison, rules: &[Automation]) -> PreviewedRecord {
    let (mut fires, mut falls_silent) = (Vec::new(), Vec::new());
    for each in rules {
        let name = || (each.id, each.name.clone());
        match [&comparison.before, &comparison.after].map(|it| each.fires(&seen.record, it)) {
            [false, true] => fires.push(name()),
            [true, false] => falls_silent.push(name()),
            [false, false] | [true, true] => {}
        }
    }
    PreviewedRecord { seen, comparison, fires, falls_silent }
}
