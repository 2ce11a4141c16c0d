//! What is kept of conversations: a few numbers for each of a customer's messages, and never its text.

use rusqlite::{Connection, params};

use super::error::SqlResult;
use super::row::bad;
use crate::domain::limits::DETECT_HISTORY;
use crate::domain::time::Timestamp;
use crate::engine::ports::{ConversationKey, MessageScore};

/// The newest scores of each conversation, oldest first.
pub(super) fn of(
    connection: &Connection,
    conversations: &[ConversationKey],
) -> SqlResult<Vec<Vec<MessageScore>>> {
    let mut statement = connection.prepare_cached(
        "SELECT fingerprint, sentiment, telling FROM conversation_scores
         WHERE conversation = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let mut all = Vec::with_capacity(conversations.len());
    for conversation in conversations {
        let found = statement.query_map(params![conversation.0, most()], |found| {
            let sentiment: i64 = found.get("sentiment")?;
            Ok(MessageScore {
                fingerprint: found.get::<_, i64>("fingerprint")?.cast_unsigned(),
                sentiment_milli: i16::try_from(sentiment).map_err(|e| bad("sentiment", e))?,
                telling: found.get("telling")?,
            })
        })?;
        let mut scores = found.collect::<rusqlite::Result<Vec<_>>>()?;
        scores.reverse();
        all.push(scores);
    }
    Ok(all)
}

/// Keeps these, each behind what its conversation has; of a long one the oldest go.
pub(super) fn remember(
    connection: &Connection,
    scores: &[(ConversationKey, MessageScore)],
    at: Timestamp,
) -> SqlResult<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO conversation_scores (conversation, fingerprint, sentiment, telling, kept_at)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (conversation, fingerprint) DO NOTHING",
    )?;
    let mut shorten = connection.prepare_cached(
        "DELETE FROM conversation_scores WHERE conversation = ?1 AND id <= (
           SELECT id FROM conversation_scores WHERE conversation = ?1 ORDER BY id DESC
           LIMIT 1 OFFSET ?2)",
    )?;
    for (conversation, score) in scores {
        insert.execute(params![
            conversation.0,
            score.fingerprint.cast_signed(),
            score.sentiment_milli,
            score.telling,
            at.as_millis(),
        ])?;
        shorten.execute(params![conversation.0, most()])?;
    }
    Ok(())
}

/// Removes the oldest from before `cutoff`; returns how many.
pub(super) fn sweep(connection: &Connection, cutoff: Timestamp, most: usize) -> SqlResult<u64> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let removed = connection
        .prepare_cached(
            "DELETE FROM conversation_scores WHERE id IN (
               SELECT id FROM conversation_scores WHERE kept_at < ?1 ORDER BY kept_at LIMIT ?2)",
        )?
        .execute(params![cutoff.as_millis(), most])?;
    Ok(removed as u64)
}

/// As many as a shift is measured against.
fn most() -> i64 {
    i64::try_from(DETECT_HISTORY).unwrap_or(i64::MAX)
}
