//! The schemas of what comes in. The readers refuse by hand, so that all faults are told at once; a test
//! holds that each knows the very fields that are described here.

mod people;
mod phrases;

use serde_json::{Value, json};

use crate::domain::integration::Kind;
use crate::domain::levels::{Level, SentimentShift};
use crate::domain::limits;
use crate::domain::template::{FILTERS, NAMES};

/// All of them, by name.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("AutomationInput", automation()),
        (
            "AutomationPatch",
            patch(
                "AutomationInput",
                "What is absent stays; null removes; integrations and \
            conditions are replaced whole.",
            ),
        ),
        ("IntegrationInput", integration()),
        (
            "IntegrationPatch",
            patch(
                "IntegrationInput",
                "What is absent stays; null removes. \
            `auth.credential`: absent keeps it, null removes it, a value replaces it.",
            ),
        ),
        ("PreviewInput", preview()),
        ("Condition", condition()),
        ("RecordsInput", records()),
        ("RecordInput", record()),
        ("RelayInput", relay()),
        ("ApplyInput", apply()),
        ("SignInInput", people::sign_in()),
        ("FirstPasswordInput", people::first_password()),
        ("PasswordInput", people::own_password()),
        ("UserInput", people::user(true)),
        ("UserPatch", people::user(false)),
        ("TokenInput", people::token()),
        ("InboundInput", inbound()),
        ("InboundPatch", relaxed(inbound())),
        ("FeedbackInput", feedback()),
        ("PhrasesInput", phrases::phrases()),
    ]
}

fn object(required: &[&str], properties: Value, text: &str) -> Value {
    let mut schema = json!({"type": "object", "description": text, "properties": properties,
                            "additionalProperties": false});
    if let (false, Some(members)) = (required.is_empty(), schema.as_object_mut()) {
        members.insert("required".to_owned(), json!(required));
    }
    schema
}

fn text(most: usize, words: &str) -> Value {
    json!({"type": "string", "maxLength": most, "description": words})
}

fn name(words: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": limits::NAME_BYTES,
           "description": format!("{words} At most {} bytes, no control characters.", limits::NAME_BYTES)})
}

/// What Belfry gives: taken, so that what was read can be sent back, and not looked at.
fn given(words: &str) -> Value {
    json!({"description": format!("{words} Belfry gives it: taken here and not looked at."),
           "readOnly": true})
}

fn levels() -> Value {
    let words: Vec<_> = Level::ALL.iter().map(|level| level.word()).collect();
    json!({"type": "string", "enum": words})
}

fn shifts() -> Value {
    let words: Vec<_> = SentimentShift::ALL.iter().map(|shift| shift.word()).collect();
    json!({"type": "string", "enum": words})
}

fn nullable(mut schema: Value) -> Value {
    let kind = schema.get("type").cloned();
    if let (Some(Value::String(kind)), Some(members)) = (kind, schema.as_object_mut()) {
        members.insert("type".to_owned(), json!([kind, "null"]));
        if let Some(Value::Array(words)) = members.get_mut("enum") {
            words.push(Value::Null);
        }
    }
    schema
}

fn condition_or_none(words: &str) -> Value {
    json!({"description": words,
           "anyOf": [{"$ref": "#/components/schemas/Condition"}, {"type": "null"}]})
}

fn automation() -> Value {
    let least = object(
        &[],
        json!({
            "escalation_level": nullable(levels()),
            "emotional_intensity_level": nullable(levels()),
            "sentiment_shift": nullable(shifts()),
        }),
        "An alert is made where each level that is named here is reached.",
    );
    object(
        &["name"],
        json!({
            "id": given("The automation's id."),
            "version": given("The version, as in the ETag."),
            "created_at": given("When it was made."),
            "updated_at": given("When it was changed."),
            "name": name("What people call it."),
            "active": {"type": ["boolean", "null"], "default": true,
                "description": "An automation that is not active fires for nothing."},
            "trigger": {"type": ["string", "null"], "enum": ["records", "relay", null],
                "default": "records",
                "description": "What it listens to: records, or alerts that another system posts, which it \
                                passes on. It can't be changed later."},
            "filter": condition_or_none("Which records it watches; without it, all. Not for a relay."),
            "minimum_levels": nullable(least),
            "cool_down": nullable(cool_down()),
            "quiet_hours": nullable(quiet_hours()),
            "inbound_auth": nullable(auth("How the sender of a relay proves who it is; without it, \
                                           everybody who knows the address can post.")),
            "inbound_url": given("Where the sender of a relay posts to."),
            "integrations": {"type": ["array", "null"], "maxItems": limits::INTEGRATIONS_AN_AUTOMATION,
                "items": {"$ref": "#/components/schemas/IntegrationInput"},
                "description": "Where its alerts go. One with the id of an integration that is there \
                                replaces it; one without is added; what is missing is deleted."},
        }),
        "An automation with its integrations.",
    )
}

fn cool_down() -> Value {
    object(
        &["per", "span"],
        json!({
            "per": {"type": "string", "examples": ["conversation", "metadata.account_id"],
                "description": "What the alerts have in common: their conversation, or a field of the \
                                metadata that names the account."},
            "span": {"type": "string", "examples": ["30m", "4h"],
                "description": "From one minute to seven days."},
        }),
        "After an alert, others with the same value are held back for that time: counted, listed, and told \
         with the next alert's message. One of a higher escalation level goes out all the same. Not for a \
         relay.",
    )
}

fn quiet_hours() -> Value {
    object(
        &["time_zone", "windows"],
        json!({
            "time_zone": {"type": "string", "examples": ["Europe/Berlin", "UTC"],
                "description": "Whose clocks count."},
            "windows": {"type": "array", "minItems": 1, "maxItems": limits::QUIET_WINDOWS,
                "items": {"type": "string", "examples": ["mon-fri 20:00-07:00", "sat,sun 00:00-24:00"]},
                "description": "Days and hours. One that ends before it begins ends on the next day."},
            "except_from": {"type": ["string", "null"],
                "enum": Level::ALL.iter().map(|level| Value::from(level.word())).chain([Value::Null])
                    .collect::<Vec<_>>(),
                "description": "Alerts from this escalation level on go out all the same."},
        }),
        "Alerts wait until these end, and go out then. Not for a relay.",
    )
}

fn auth(words: &str) -> Value {
    object(
        &["method"],
        json!({
            "method": {"type": "string", "enum": ["none", "bearer", "api_key", "custom_header"],
                "description": "None: no header. Bearer: `Authorization: Bearer <credential>`. API key: \
                                `X-API-Key: <credential>`. Custom header: `<header_name>: <credential>`."},
            "header_name": {"type": ["string", "null"], "minLength": 1,
                "maxLength": limits::HEADER_NAME_BYTES,
                "description": "The name of the custom header; none that the request uses itself."},
            "credential": {"type": ["string", "null"], "writeOnly": true, "minLength": 1,
                "maxLength": limits::CREDENTIAL_BYTES,
                "description": "Goes in and never comes out. Absent keeps it, null removes it."},
            "credential_set": given("Whether one is stored."),
        }),
        words,
    )
}

fn integration() -> Value {
    let auth = auth("How the integration proves who sends.");
    let span = |words: &str| {
        json!({"type": ["string", "null"], "examples": ["30s", "2h"],
               "description": format!("{words} A duration such as \"30s\" or \"2h\".")})
    };
    let retry = object(
        &[],
        json!({
            "base": span("The delay after the first failure."),
            "factor": {"type": ["number", "null"], "minimum": 1, "maximum": limits::RETRY_FACTOR,
                "description": "What each further delay is multiplied by."},
            "cap": span("No delay is longer."),
            "horizon": span("For how long after the alert a failed attempt is made again."),
            "jitter": {"type": ["number", "null"], "minimum": 0, "maximum": 1,
                "description": "The share of each delay that is random."},
        }),
        "Where this integration's schedule differs from the service's.",
    );
    let flag = |words: &str| json!({"type": ["boolean", "null"], "description": words});
    object(
        &["kind"],
        json!({
            "id": {"type": ["string", "null"], "format": "uuid",
                "description": "Which integration is meant, where a set of them is replaced."},
            "automation_id": given("The automation that it belongs to."),
            "state": given("How it is doing."),
            "signing_secret": given("Shown by the call that makes it."),
            "kind": kind(),
            "name": nullable(name("What people call it; without it, the host of a webhook's URL, Slack or Email.")),
            "url": {"type": ["string", "null"], "format": "uri", "maxLength": limits::URL_BYTES,
                "description": "Where to POST alerts: https, without user and fragment, to an address \
                                that the egress policy allows. A Slack channel's is the whole URL of its \
                                incoming webhook: it is a credential, and shown only in part; sent \
                                back as it is shown, it stays."},
            "to": {"type": ["array", "null"], "minItems": 1, "maxItems": limits::EMAIL_ADDRESSES,
                "items": {"type": "string", "format": "email"},
                "description": "The addresses that alerts are mailed to."},
            "auth": nullable(auth),
            "template": nullable(template()),
            "condition": condition_or_none("Which of the automation's alerts go here; without it, all."),
            "max_in_flight": {"type": ["integer", "null"], "minimum": 1,
                "maximum": limits::MAX_IN_FLIGHT, "description": "Attempts under way at once."},
            "ordering": {"type": ["string", "null"], "enum": ["due", "fifo", null],
                "description": "`fifo` holds strict order: one in flight, and a failing delivery holds \
                                back those behind it."},
            "rate_limit": {"type": ["integer", "null"], "minimum": 1, "maximum": limits::RATE_LIMIT,
                "description": "Most requests a second."},
            "retry": nullable(retry),
            "signing": flag("Send the Standard Webhooks headers."),
            "http1_only": flag("Never speak HTTP/2 to it."),
        }),
        "A destination.",
    )
}

fn kind() -> Value {
    let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    json!({"type": "string", "enum": words,
           "description": "What kind of destination. Fields of other kinds are refused."})
}

fn template() -> Value {
    let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
    let part = |words: &str| json!({"type": ["string", "null"], "maxLength": limits::TEMPLATE_BYTES, "description": words});
    let words = format!(
        "What messages say, in Jinja's syntax; not for webhooks. Values: {}. Filters: {}.",
        names.join(", "),
        FILTERS.join(", ")
    );
    object(
        &[],
        json!({
            "title": part("Of the title; without it, level, source and record."),
            "text": part("Of the text, which stands in the place of the feedback's excerpt."),
        }),
        &words,
    )
}

fn preview() -> Value {
    object(
        &["kind"],
        json!({
            "kind": kind(),
            "template": nullable(template()),
            "automation_name": nullable(name("The automation that the message names.")),
            "record": {"description": "The record; without it, a sample.",
                "anyOf": [{"$ref": "#/components/schemas/RecordInput"}, {"type": "null"}]},
        }),
        "A message that is only looked at.",
    )
}

/// A patch has the fields of the whole, of which none is required.
fn patch(of: &str, words: &str) -> Value {
    let whole = if of == "AutomationInput" { automation() } else { integration() };
    let mut schema = relaxed(whole);
    if let Some(members) = schema.as_object_mut() {
        members.insert(
            "description".to_owned(),
            json!(format!("A JSON merge patch (RFC 7396). {words}")),
        );
    }
    schema
}

fn relaxed(mut schema: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.remove("required");
        if let Some(Value::Object(properties)) = members.get_mut("properties") {
            for property in properties.values_mut() {
                *property = relaxed(property.take());
            }
        }
    }
    schema
}

fn condition() -> Value {
    let this = json!({"$ref": "#/components/schemas/Condition"});
    let list = |least: usize| json!({"type": "array", "minItems": least, "maxItems": limits::CONDITION_NODES, "items": this});
    let ops = [
        "eq",
        "ne",
        "in",
        "not_in",
        "contains",
        "starts_with",
        "gt",
        "gte",
        "lt",
        "lte",
        "exists",
        "matches",
    ];
    json!({
        "description": format!(
            "A condition over a record and its levels: `{{\"all\": […]}}`, `{{\"any\": […]}}`, \
             `{{\"not\": …}}` or `{{\"field\", \"op\", \"value\"}}`; `{{}}` holds always. At most {} parts, \
             nested {} deep. A value must fit its field and operator: numbers are compared as numbers, \
             levels in their order, `in` and `not_in` take a list, `exists` true or false, `matches` a \
             regular expression of linear time.",
            limits::CONDITION_NODES, limits::CONDITION_DEPTH),
        "anyOf": [
            object(&[], json!({}), "Holds always."),
            object(&["all"], json!({"all": list(0)}), "All of them hold."),
            object(&["any"], json!({"any": list(1)}), "One of them holds."),
            object(&["not"], json!({"not": this}), "It does not hold."),
            object(&["field", "op"], json!({
                "field": {"type": "string", "maxLength": limits::RECORD_WORD_BYTES,
                    "description": "segment, product_area, channel, source, tags, type, content, \
                        levels.escalation_level, levels.emotional_intensity_level, \
                        levels.sentiment_shift, created_at, id, org_id, source_url, conversation_id, or \
                        metadata.<name>. Of an alert that a relay passes on: automation_id, org_id, \
                        escalated_at, the three levels, or record.id, record.source, record.url, \
                        record.source_url, record.content_excerpt, record.created_at."},
                "op": {"type": "string", "enum": ops},
                "value": {"description": "What to compare with."},
            }), "A test of one field."),
        ],
    })
}

fn records() -> Value {
    object(
        &["records"],
        json!({"records": {"type": "array", "maxItems": limits::RECORDS_A_CALL,
            "items": {"$ref": "#/components/schemas/RecordInput"},
            "description": "Each is judged alone: one bad record never spoils the others."}}),
        "Feedback.",
    )
}

fn record() -> Value {
    let word = |words: &str| nullable(text(limits::RECORD_WORD_BYTES, words));
    let time = |words: &str| json!({"type": ["string", "null"], "format": "date-time", "description": words});
    let id = |words: &str| json!({"type": "string", "minLength": 1, "maxLength": limits::ID_BYTES, "description": words});
    let message = object(
        &["author", "text"],
        json!({
            "author": {"type": "string", "enum": ["customer", "agent"]},
            "text": {"type": "string"},
            "at": time("When it was written."),
        }),
        "A message.",
    );
    let found = object(
        &["escalation_level", "emotional_intensity_level"],
        json!({
            "escalation_level": levels(),
            "emotional_intensity_level": levels(),
            "sentiment_shift": nullable(shifts()),
        }),
        "What an upstream classifier found.",
    );
    object(
        &["id", "org_id", "content", "source", "levels"],
        json!({
            "id": id("Names the record for ever: one alert for each automation and record."),
            "org_id": id("The organisation."),
            "content": {"type": "string", "description": "What the customer says."},
            "source": {"type": "string", "minLength": 1, "maxLength": limits::RECORD_WORD_BYTES,
                "description": "Where it comes from, as in ZendeskSupport."},
            "created_at": time("When it was written."),
            "source_url": nullable(text(limits::SOURCE_URL_BYTES, "Where it can be read.")),
            "type": word("A ticket, a call, a review, …"),
            "channel": word("Chat, mail, …"),
            "segment": word("The customer's segment or tier."),
            "product_area": word("What it is about."),
            "tags": {"type": ["array", "null"], "maxItems": limits::RECORD_TEXTS,
                "description": "Words that it is marked with.",
                "items": {"type": "string", "maxLength": limits::RECORD_WORD_BYTES}},
            "metadata": {"type": ["object", "null"], "maxProperties": limits::RECORD_METADATA,
                "additionalProperties": {"type": ["string", "number", "boolean", "array"],
                    "items": {"type": "string"}},
                "description": "Anything else: text, numbers, true or false, lists of texts."},
            "conversation_id": word("The conversation that it belongs to."),
            "messages": {"type": ["array", "null"], "maxItems": limits::RECORD_MESSAGES, "items": message,
                "description": "The course of the conversation."},
            "levels": found,
        }),
        "One piece of customer feedback.",
    )
}

/// What another system sends is its own business, but for what a relay tells alerts apart by.
fn relay() -> Value {
    let id = |words: &str| json!({"type": "string", "minLength": 1, "maxLength": limits::ID_BYTES, "description": words});
    json!({
        "type": "object",
        "description": "An alert, as the webhook request has it. What is not known is passed on as it is.",
        "required": ["automation_id", "record"],
        "properties": {
            "automation_id": id("The automation of the other system."),
            "record": {"type": "object", "required": ["id"], "description": "What it is about.", "properties": {"id": id("The record.")}},
        },
    })
}

fn apply() -> Value {
    object(
        &["automations"],
        json!({"automations": {"type": "array", "maxItems": limits::AUTOMATIONS_A_DOCUMENT,
            "items": {"$ref": "#/components/schemas/AutomationInput"},
            "description": "All automations that there shall be. One is known by its id, where it has one, \
                            else by its name; so are its integrations."}}),
        "The whole set of automations.",
    )
}

fn inbound() -> Value {
    object(
        &["name", "org_id"],
        json!({
            "id": given("Its id."),
            "created_at": given("When it was made."),
            "key": given("Shown by the call that makes it."),
            "name": name("What people call it: the `source` of its records."),
            "org_id": {"type": "string", "minLength": 1, "maxLength": limits::ID_BYTES,
                "description": "The organisation that its records belong to."},
            "link_field": {"type": ["string", "null"], "minLength": 1,
                "maxLength": limits::RECORD_WORD_BYTES,
                "description": "The field of a feedback's metadata that links to where it comes from."},
        }),
        "Where other programs' feedback comes in.",
    )
}

/// Only what all feedback must have is described: a field that nobody knows never matters.
fn feedback() -> Value {
    let text = |words: &str| json!({"type": "string", "minLength": 1, "description": words});
    let kinds =
        ["REVIEW", "SURVEY", "CONVERSATION", "FORUM_CONVERSATION_THREAD", "AUDIO_RECORDING"];
    let one = json!({
        "type": "object",
        "required": ["id", "fileID", "type", "createdAt", "metadata"],
        "properties": {
            "id": text("Names the feedback for ever."),
            "fileID": text("The source or stream."),
            "type": {"type": "string", "enum": kinds,
                "description": "What beside it must be there: `text`, `surveyResponse.responses`, \
                                `conversation.msgs` or `audioRecording`."},
            "createdAt": {"type": "integer", "description": "Unix seconds, or milliseconds."},
            "metadata": {"type": "object", "description":
                "`{\"metadata\": {name: {\"array\": {\"s\": [text]}}}}`, or `n` numbers, or `b` booleans."},
        },
    });
    json!({"type": "object", "description": "Feedback in the form of Enterpret's inbound API.",
           "required": ["records"],
           "properties": {"records": {"type": "array", "maxItems": limits::RECORDS_A_CALL, "items": one,
               "description": "Each is judged alone."}}})
}
