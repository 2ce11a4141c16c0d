//! What a preview found, as people read it: the records, their words in what stands around them, and what
//! would fire.

use super::words::family_words;
use crate::detect::{Evidence, Rule};
use crate::domain::levels::{Levels, SentimentShift};
use crate::domain::time::Timestamp;
use crate::domain::verdict::Seen;
use crate::engine::{PhrasePreview, PreviewedRecord};
use crate::web::ui::words::When;

/// Bytes of the text on each side of words that are shown.
const AROUND: usize = 60;

/// See the module.
pub(super) struct Previewed {
    pub(super) looked_at: usize,
    pub(super) came_with_levels: usize,
    pub(super) not_reached: usize,
    /// How many have other levels.
    pub(super) changed: usize,
    pub(super) records: Vec<Record>,
}

pub(super) struct Record {
    pub(super) id: String,
    pub(super) at: When,
    /// Each level: its axis, before, after.
    pub(super) levels: Vec<(&'static str, &'static str, &'static str)>,
    pub(super) words: Vec<Words>,
    pub(super) fires: Vec<(String, String)>,
    pub(super) falls_silent: Vec<(String, String)>,
}

/// Words of a record, with what stands around them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Whether they would count, and don't now.
    pub(super) came: bool,
    pub(super) before: String,
    pub(super) words: String,
    pub(super) after: String,
    /// What they tell.
    pub(super) tells: &'static str,
}

impl Previewed {
    pub(super) fn of(preview: &PhrasePreview, now: Timestamp) -> Self {
        let levels = |each: &&PreviewedRecord| each.comparison.before != each.comparison.after;
        Self {
            looked_at: preview.looked_at,
            came_with_levels: preview.came_with_levels,
            not_reached: preview.not_reached,
            changed: preview.records.iter().filter(levels).count(),
            records: preview.records.iter().map(|each| Record::of(each, now)).collect(),
        }
    }
}

impl Record {
    fn of(previewed: &PreviewedRecord, now: Timestamp) -> Self {
        let PreviewedRecord { seen, comparison, fires, falls_silent } = previewed;
        let named = |all: &[(crate::domain::id::AutomationId, String)]| {
            all.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()
        };
        let mut words: Vec<Words> = Vec::new();
        for (came, reasons) in [(true, &comparison.came), (false, &comparison.went)] {
            for reason in reasons {
                // The same words move several axes.
                let found = Words::of(reason, came, seen);
                if !words.contains(&found) {
                    words.push(found);
                }
            }
        }
        Self {
            id: seen.record.id.clone(),
            at: When::of(seen.at, now),
            levels: levels(&comparison.before, &comparison.after),
            words,
            fires: named(fires),
            falls_silent: named(falls_silent),
        }
    }
}

impl Words {
    fn of(reason: &Evidence, came: bool, seen: &Seen) -> Self {
        let text = reason.place.text(&seen.record);
        let from = text.floor_char_boundary(reason.bytes.start.saturating_sub(AROUND));
        let to = text.floor_char_boundary(reason.bytes.end.saturating_add(AROUND));
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
        let cut = |at: bool| if at { "…" } else { "" };
        let tells = match reason.rule {
            Rule::Phrase(family) | Rule::Added(family) => family_words(family),
            Rule::Negative | Rule::Positive => "A word of feeling",
            Rule::Emphasis => "Writes loudly",
            Rule::Course => "The course of the conversation",
        };
        Self {
            came,
            before: format!("{}{}", cut(from > 0), part(from..reason.bytes.start)),
            words: reason.words.clone(),
            after: format!("{}{}", part(reason.bytes.end..to), cut(to < text.len())),
            tells,
        }
    }
}

/// The levels that change.
fn levels(before: &Levels, after: &Levels) -> Vec<(&'static str, &'static str, &'static str)> {
    let shift = |levels: &Levels| levels.sentiment_shift.map_or("not known", SentimentShift::word);
    let all = [
        ("Escalation level", before.escalation.word(), after.escalation.word()),
        (
            "Emotional intensity",
            before.emotional_intensity.word(),
            after.emotional_intensity.word(),
        ),
        ("Sentiment shift", shift(before), shift(after)),
    ];
    all.into_iter().filter(|(_, before, after)| before != after).collect()
}
