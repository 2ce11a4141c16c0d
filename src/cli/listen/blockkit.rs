//! What Slack documents of messages and Block Kit, checked from outside: it knows nothing of the
//! code that makes them. Lengths are counted in UTF-16 units, the strictest reading of
//! "characters".

use std::collections::BTreeSet;

use serde_json::Value;

use super::script::{Answer, Body, Kind};

/// Every breach of a documented limit, with the place of what breaks it.
pub fn breaches(body: &[u8]) -> Vec<String> {
    let mut found = Breaches(Vec::new());
    match serde_json::from_slice::<Value>(body) {
        Ok(message) => found.message(&message),
        Err(error) => found.0.push(format!("no JSON: {error}")),
    }
    found.0
}

/// The title of a message: its header, or what notifications show.
pub fn title(body: &[u8]) -> String {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let blocks = [message.pointer("/blocks"), message.pointer("/attachments/0/blocks")];
    let mut blocks = blocks.into_iter().flatten().filter_map(Value::as_array).flatten();
    let header = blocks.find(|block| block.get("type").and_then(Value::as_str) == Some("header"));
    let header = header.and_then(|block| block.pointer("/text/text"));
    let title = header.or_else(|| message.get("text")).and_then(Value::as_str);
    title.unwrap_or_default().to_owned()
}

/// What Slack answers to a message that is to be answered so: `ok` as the body of a 200, unless the
/// message breaks its limits.
pub(super) fn answered(answer: Answer, is_bad: bool) -> Answer {
    if answer.kind != Kind::Status(200) {
        return answer;
    }
    match is_bad {
        true => Answer { body: Body::Text("invalid_blocks".to_owned()), ..Answer::status(400) },
        false => Answer { body: Body::Text("ok".to_owned()), ..answer },
    }
}

/// The status that goes with a word of Slack's: those of its changelog of 2016-05-17, and 400 for others.
pub(super) fn status(word: &str) -> u16 {
    match word {
        "action_prohibited" | "posting_to_general_channel_denied" | "team_disabled" => 403,
        "channel_not_found" | "no_service" | "no_team" | "user_not_found" => 404,
        "channel_is_archived" => 410,
        "rate_limited" => 429,
        "rollup_error" => 500,
        _ => 400,
    }
}

struct Breaches(Vec<String>);

impl Breaches {
    fn unless(&mut self, holds: bool, place: &str, rule: &str) {
        if !holds {
            self.0.push(format!("{place}: {rule}"));
        }
    }

    fn message(&mut self, message: &Value) {
        let known = [
            "text",
            "blocks",
            "attachments",
            "unfurl_links",
            "unfurl_media",
            "link_names",
            "parse",
        ];
        self.fields(message, "", &known);
        let text = message["text"].as_str();
        self.unless(
            text.is_some_and(|text| !text.trim().is_empty()),
            "/text",
            "is missing or empty",
        );
        // "chat.postMessage" cuts beyond 40,000 and asks for 4,000.
        self.length(text.unwrap_or_default(), "/text", 4000);
        self.control(text.unwrap_or_default(), "/text");
        let mut ids = BTreeSet::new();
        self.blocks(&message["blocks"], "/blocks", &mut ids);
        let attachments = message["attachments"].as_array().cloned().unwrap_or_default();
        self.unless(attachments.len() <= 100, "/attachments", "has more than 100");
        for (at, attachment) in attachments.iter().enumerate() {
            let place = format!("/attachments/{at}");
            // With blocks in it, an attachment may have no other of the older fields.
            self.fields(attachment, &place, &["color", "fallback", "blocks"]);
            let color = attachment["color"].as_str().unwrap_or_default();
            let hex = color.strip_prefix('#').is_some_and(|hex| {
                hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            self.unless(hex, &place, "has no colour");
            self.control(attachment["fallback"].as_str().unwrap_or_default(), &place);
            self.blocks(&attachment["blocks"], &format!("{place}/blocks"), &mut ids);
        }
    }

    fn blocks(&mut self, blocks: &Value, place: &str, ids: &mut BTreeSet<String>) {
        let Some(blocks) = blocks.as_array() else {
            return self.0.push(format!("{place}: is no list"));
        };
        self.unless((1..=50).contains(&blocks.len()), place, "must have 1 to 50 blocks");
        for (at, block) in blocks.iter().enumerate() {
            let place = format!("{place}/{at}");
            if let Some(id) = block.get("block_id") {
                let id = id.as_str().unwrap_or_default();
                self.unless((1..=255).contains(&units(id)), &place, "block_id has 1 to 255");
                self.unless(ids.insert(id.to_owned()), &place, "block_id is there twice");
            }
            match block["type"].as_str().unwrap_or_default() {
                "header" => {
                    self.fields(block, &place, &["type", "block_id", "text"]);
                    self.text(&block["text"], &place, 150, &["plain_text"]);
                }
                "section" => self.section(block, &place),
                "context" => {
                    self.fields(block, &place, &["type", "block_id", "elements"]);
                    let elements = block["elements"].as_array().cloned().unwrap_or_default();
                    self.unless((1..=10).contains(&elements.len()), &place, "has 1 to 10 elements");
                    for element in &elements {
                        self.text(element, &place, 3000, &["plain_text", "mrkdwn"]);
                    }
                }
                "actions" => self.actions(block, &place),
                "divider" => self.fields(block, &place, &["type", "block_id"]),
                other => self.0.push(format!("{place}: unknown type {other:?}")),
            }
        }
    }

    fn section(&mut self, block: &Value, place: &str) {
        self.fields(block, place, &["type", "block_id", "text", "fields"]);
        let fields = block.get("fields").and_then(Value::as_array);
        self.unless(
            fields.is_some() || block.get("text").is_some(),
            place,
            "has neither text nor fields",
        );
        if let Some(text) = block.get("text") {
            self.text(text, place, 3000, &["plain_text", "mrkdwn"]);
        }
        if let Some(fields) = fields {
            self.unless((1..=10).contains(&fields.len()), place, "has 1 to 10 fields");
            for field in fields {
                self.text(field, place, 2000, &["plain_text", "mrkdwn"]);
            }
        }
    }

    fn actions(&mut self, block: &Value, place: &str) {
        self.fields(block, place, &["type", "block_id", "elements"]);
        let elements = block["elements"].as_array().cloned().unwrap_or_default();
        self.unless((1..=25).contains(&elements.len()), place, "has 1 to 25 elements");
        let mut ids = BTreeSet::new();
        for element in &elements {
            self.fields(element, place, &["type", "action_id", "text", "url", "value", "style"]);
            self.unless(element["type"] == "button", place, "is no button");
            self.text(&element["text"], place, 75, &["plain_text"]);
            let id = element["action_id"].as_str().unwrap_or_default();
            self.unless((1..=255).contains(&units(id)), place, "action_id has 1 to 255");
            self.unless(ids.insert(id.to_owned()), place, "action_id is there twice");
            if let Some(url) = element.get("url") {
                let url = url.as_str().unwrap_or_default();
                self.length(url, place, 3000);
                let web = url.starts_with("https://") || url.starts_with("http://");
                self.unless(web, place, "url is none of the web");
                self.unless(
                    url.bytes().all(|byte| byte.is_ascii_graphic()),
                    place,
                    "url is no URL",
                );
            }
        }
    }

    fn text(&mut self, text: &Value, place: &str, most: usize, kinds: &[&str]) {
        let kind = text["type"].as_str().unwrap_or_default();
        self.unless(kinds.contains(&kind), place, "is no text of the right kind");
        let own = if kind == "mrkdwn" { "verbatim" } else { "emoji" };
        self.fields(text, place, &["type", "text", own]);
        let content = text["text"].as_str().unwrap_or_default();
        self.unless(!content.trim().is_empty(), place, "has an empty text");
        self.length(content, place, most);
        self.control(content, place);
    }

    fn length(&mut self, text: &str, place: &str, most: usize) {
        self.unless(units(text) <= most, place, &format!("has more than {most} characters"));
    }

    /// `<` and `>` are control characters of Slack's, and `&` begins an entity of three.
    fn control(&mut self, text: &str, place: &str) {
        self.unless(!text.contains(['<', '>']), place, "holds a control character of Slack's");
        let whole = text.match_indices('&').all(|(at, _)| {
            ["&amp;", "&lt;", "&gt;"].iter().any(|entity| text[at..].starts_with(entity))
        });
        self.unless(whole, place, "holds a bare &");
    }

    fn fields(&mut self, value: &Value, place: &str, known: &[&str]) {
        match value.as_object() {
            Some(object) => {
                for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
                    self.0.push(format!("{place}: unknown field {name}"));
                }
            }
            None => self.0.push(format!("{place}: is no object")),
        }
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
