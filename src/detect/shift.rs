//! How a customer's sentiment moved over a conversation: from the messages of the record and from scores
//! that were kept of earlier ones. No text is ever kept.

use crate::domain::levels::SentimentShift;
use crate::domain::limits::DETECT_HISTORY;

/// What is kept of one message of a customer: eleven bytes that tell nothing of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageScore {
    /// Which message it was: see `History::fingerprint`.
    pub fingerprint: u64,
    /// Sentiment in thousandths, -1000 to 1000.
    pub sentiment_milli: i16,
    /// Whether the message said anything of feeling; one that did not moves nothing.
    pub telling: bool,
}

/// What is known of a conversation before a record came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// A random number of the organisation's that goes into fingerprints, so that nobody who reads the
    /// store can find out a short message by trying.
    pub salt: u64,
    /// Scores of the conversation's earlier messages, oldest first; `DETECT_HISTORY` of them are used.
    pub scores: Vec<MessageScore>,
}

impl History {
    /// Nothing is known.
    pub const fn new(salt: u64) -> Self {
        Self { salt, scores: Vec::new() }
    }

    /// A number by which a message is known again. Where its time is not known, `turn` tells equal
    /// messages of one record apart: how many of the same words came before it. White space doesn't
    /// matter.
    pub fn fingerprint(&self, text: &str, at: Option<jiff::Timestamp>, turn: usize) -> u64 {
        // FNV-1a: it must be the same in every version that reads the store.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        add(&self.salt.to_le_bytes());
        match at {
            Some(at) => add(&at.as_millisecond().to_le_bytes()),
            None => add(&(turn as u64).to_le_bytes()),
        }
        for word in text.split_whitespace() {
            add(word.as_bytes());
            add(b" ");
        }
        hash
    }

    /// The conversation up to the last message of a record: messages of the record that are known
    /// already keep their place and are not counted twice.
    fn with(&self, record: &[MessageScore]) -> Vec<MessageScore> {
        let start = self.scores.len().saturating_sub(DETECT_HISTORY);
        let known = self.scores.get(start..).unwrap_or_default();
        let place = |score: &MessageScore| {
            known.iter().position(|other| other.fingerprint == score.fingerprint)
        };
        let Some(last) = record.last() else { return Vec::new() };
        if let Some(place) = place(last) {
            // The record is late or comes again: what came behind it is not before it.
            return known.get(..=place).unwrap_or_default().to_vec();
        }
        let first = record.iter().position(|score| place(score).is_some()).unwrap_or(0);
        let (before, behind) = record.split_at(first);
        let new = behind.iter().filter(|score| place(score).is_none());
        before.iter().chain(known).chain(new).copied().collect()
    }
}

/// How far the last message is from those before it, in thousandths; none where there is none before it.
pub(super) fn movement(history: &History, record: &[MessageScore]) -> Option<i32> {
    let conversation = history.with(record);
    let (last, before) = conversation.split_last().filter(|(_, before)| !before.is_empty())?;
    if !last.telling {
        return Some(0);
    }
    // Who has shown no feeling yet began in the middle.
    let telling = before.iter().filter(|score| score.telling);
    let sum: i32 = telling.clone().map(|score| i32::from(score.sentiment_milli)).sum();
    let count = i32::try_from(telling.count()).unwrap_or(i32::MAX).max(1);
    Some(i32::from(last.sentiment_milli) - sum / count)
}

/// The word for a movement.
pub(super) fn shift(movement: i32, threshold_milli: i32) -> SentimentShift {
    if movement >= threshold_milli {
        SentimentShift::Improved
    } else if movement <= -threshold_milli {
        SentimentShift::Degraded
    } else {
        SentimentShift::Unchanged
    }
}
