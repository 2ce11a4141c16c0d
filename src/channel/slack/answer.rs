//! What Slack's answers to an incoming webhook mean.
//!
//! Slack answers `200 ok`, or a status with one word as its body. The first words are those of its
//! changelog of 2016-05-17, "Improving error conditions for Incoming Webhooks"; the others came later,
//! and some are known from its other methods only. A word that is not known is judged by its status.

use crate::domain::outcome::{Judged, Meaning};
use crate::domain::schedule::RetryAfter;

/// Words that speak of the webhook, its channel or its workspace, and last.
const GONE: [(&str, &str); 16] = [
    (
        "action_prohibited",
        "this webhook may not post there: ask the workspace's admins, or choose another channel",
    ),
    (
        "channel_is_archived",
        "the channel is archived: unarchive it, or set the URL of a webhook for another channel",
    ),
    (
        "channel_not_found",
        "the channel does not exist any more: set the URL of a webhook for another channel",
    ),
    ("invalid_token", "the webhook URL is not valid: copy it again from Slack"),
    (
        "is_archived",
        "the channel is archived: unarchive it, or set the URL of a webhook for another channel",
    ),
    (
        "no_active_hooks",
        "the webhook is disabled: enable it in Slack, or set the URL of another one",
    ),
    (
        "no_service",
        "the webhook is disabled, removed or not valid: make a new one in Slack and set its URL",
    ),
    ("no_service_id", "the webhook URL is not valid: copy it again from Slack"),
    ("no_team", "the workspace is gone, or the URL is not valid: set the URL of another webhook"),
    (
        "posting_to_general_channel_denied",
        "only some may post in the general channel: allow it in Slack, or choose another one",
    ),
    (
        "restricted_action",
        "this webhook may not post there: ask the workspace's admins, or choose another channel",
    ),
    (
        "team_disabled",
        "the workspace is disabled: have it enabled, or set the URL of another webhook",
    ),
    (
        "team_not_found",
        "the workspace is gone, or the URL is not valid: set the URL of another webhook",
    ),
    (
        "token_revoked",
        "the webhook was revoked, or its app removed: make a new one in Slack and set its URL",
    ),
    (
        "account_inactive",
        "whoever made the webhook was removed from the workspace: make a new one and set its URL",
    ),
    (
        "user_not_found",
        "the person that this webhook writes to is gone: set the URL of another one",
    ),
];

/// Words that speak of one message.
const REFUSED: [&str; 14] = [
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_charset",
    "invalid_form_data",
    "invalid_payload",
    "invalid_post_type",
    "missing_payload",
    "missing_text_or_fallback_or_attachments",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
    "too_many_blocks",
];

/// What an answer means. `body` is its start; `retry_after` is its header's.
pub fn judge(status: u16, body: &str, retry_after: Option<RetryAfter>) -> Judged {
    let word = word(body);
    let (meaning, words) = match meaning(status, word) {
        (Meaning::Arrived, _) => (Meaning::Arrived, "the message stands in the channel".to_owned()),
        (meaning, why) => (meaning, format!("{}: {why}", answered(status, word))),
    };
    let heard = matches!(status, 429 | 503);
    Judged { code: status, meaning, retry_after: retry_after.filter(|_| heard), words }
}

fn meaning(status: u16, word: &str) -> (Meaning, &'static str) {
    // A word beside a status of trouble on the way says nothing that lasts.
    if matches!(status, 400..=499) && status != 429 {
        if let Some((_, why)) = GONE.iter().find(|(known, _)| *known == word) {
            return (Meaning::Gone, why);
        }
        if REFUSED.contains(&word) {
            return (Meaning::Unwanted, "it does not take this message");
        }
    }
    match status {
        200..=299 => (Meaning::Arrived, ""),
        410 => (
            Meaning::Gone,
            "the webhook or its channel is gone: set the URL of a webhook for another channel",
        ),
        400 | 413 | 415 | 422 => (Meaning::Unwanted, "it does not take this message"),
        429 => {
            (Meaning::Unwell, "too many messages at once; it takes about one a second and webhook")
        }
        503 => (Meaning::Unwell, "it is not available"),
        300..=399 => {
            (Meaning::Unwell, "redirects are not followed: is the URL the one that Slack shows?")
        }
        401 | 403 | 404 => {
            (Meaning::Unwell, "this is none of Slack's own answers: is a proxy in between?")
        }
        500..=599 => (Meaning::Unwell, "trouble at Slack's side"),
        _ => (Meaning::Unwell, "this is none of Slack's own answers"),
    }
}

fn answered(status: u16, word: &str) -> String {
    match word {
        "" => format!("Slack answered {status}"),
        word => format!("Slack answered {status} {word}"),
    }
}

/// The word of a body: all of it, or the `error` of the JSON that newer endpoints answer. What is
/// no such word is none, and never shown: it may be a proxy's page.
fn word(body: &str) -> &str {
    let body = body.trim();
    let word = match body.split_once("\"error\"") {
        Some((before, after)) if before.starts_with('{') => {
            let after = after.trim_start().strip_prefix(':').unwrap_or_default().trim_start();
            after.strip_prefix('"').and_then(|text| text.split('"').next()).unwrap_or_default()
        }
        Some(_) | None => body,
    };
    let is_word = |word: &str| {
        word.len() <= 64
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if is_word(word) { word } else { "" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_known_answer_has_its_meaning() {
        for (status, body, means) in [
            (200, "ok", "delivered"),
            (204, "", "delivered"),
            (400, "invalid_payload", "refused"),
            (400, "no_text", "refused"),
            (400, "invalid_blocks", "refused"),
            (400, "too_many_attachments\n", "refused"),
            (400, "user_not_found", "off"),
            (400, "channel_not_found", "off"),
            (403, "action_prohibited", "off"),
            (403, "posting_to_general_channel_denied", "off"),
            (403, "team_disabled", "off"),
            (403, "token_revoked", "off"),
            (403, "invalid_token", "off"),
            (404, "channel_not_found", "off"),
            (404, "no_service", "off"),
            (404, "no_active_hooks", "off"),
            (404, "no_team", "off"),
            (410, "channel_is_archived", "off"),
            (410, "", "off"),
            (410, "<html>", "off"),
            (400, r#"{"ok": false, "error": "invalid_token"}"#, "off"),
            (400, "<html>no_service</html>", "refused"),
            (413, "", "refused"),
            (404, "<html>not here</html>", "retry"),
            (302, "", "retry"),
            (429, "rate_limited", "retry"),
            (500, "rollup_error", "retry"),
            (500, "no_service", "retry"),
            (503, "", "retry"),
            (999, "", "retry"),
        ] {
            let judged = judge(status, body, None);
            let got = match judged.meaning {
                Meaning::Arrived => "delivered",
                Meaning::Unwell => "retry",
                Meaning::Unwanted => "refused",
                Meaning::Gone => "off",
                Meaning::Refused => unreachable!("Slack has one reader"),
            };
            assert_eq!(got, means, "{status} {body}");
            assert!(!judged.words.contains("html"), "{judged:?}");
        }
    }

    #[test]
    fn retry_after_counts_where_slack_sends_it() {
        let asked = Some(RetryAfter::Delay(Duration::from_secs(30)));
        for (status, heard) in [(429, true), (503, true), (500, false), (404, false)] {
            assert_eq!(judge(status, "", asked).retry_after.is_some(), heard, "{status}");
        }
    }
}
