//! What the form says of a draft, and what the API is told of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use uuid::Uuid;

use super::credential::Credential;
use super::credential::Desk;
use super::destination::{Destination, Stage};
use super::draft::{Act, Draft, in_form};
use super::rows::{Group, Matching, Node};
use crate::domain::condition::{Condition, Subject};
use crate::domain::integration::Kind;
use crate::domain::limits::DRAFT_LIFE;
use crate::domain::secret::{Sealed, Secret};
use crate::domain::time::Timestamp;
use crate::engine::ports::{Purpose, Sealer, VaultError};
use crate::web::error::FieldProblem;
use crate::web::ui::form::Form;

/// Seals by turning the text around: who looks for the text does not find it.
struct Turner;

impl Sealer for Turner {
    fn seal(&self, _: Purpose, id: Uuid, secret: &Secret) -> Result<Sealed, VaultError> {
        Ok(Sealed(format!("{}{id}", secret.expose()).bytes().rev().collect()))
    }

    fn open(&self, _: Purpose, id: Uuid, sealed: &Sealed) -> Result<Secret, VaultError> {
        let text = String::from_utf8(sealed.0.iter().rev().copied().collect()).unwrap();
        let text = text.strip_suffix(&id.to_string()).ok_or(VaultError::Unreadable)?;
        Ok(Secret::new(text.to_owned()))
    }

    fn fingerprint(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

fn desk(who: &str, now: i64) -> Desk<'static> {
    Desk { sealer: &Turner, who: who.to_owned(), now: Timestamp::from_millis(now) }
}

fn form(fields: &[(String, String)]) -> Form {
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Form::of(text.as_bytes()).unwrap()
}

fn filter() -> Value {
    json!({"all": [
        {"field": "segment", "op": "eq", "value": "enterprise"},
        {"any": [
            {"field": "tags", "op": "in", "value": ["vip", "a, b"]},
            {"field": "metadata.arr", "op": "gte", "value": 50000.0},
            {"field": "metadata.beta", "op": "eq", "value": true},
        ]},
        {"not": {"any": [
            {"field": "levels.escalation_level", "op": "lt", "value": "high"},
            {"field": "channel", "op": "exists", "value": false},
        ]}},
        {"field": "created_at", "op": "gt", "value": "2026-06-27T12:00:00Z"},
        {"field": "content", "op": "matches", "value": "(?i)lawyer"},
    ]})
}

fn draft() -> Draft {
    let webhook = Destination {
        stage: Stage::Open,
        url: "https://hooks.example.com/x?y=1&z=<2>".to_owned(),
        method: "custom_header".to_owned(),
        header_name: "X-Hook-Secret".to_owned(),
        signing: true,
        max_in_flight: "four".to_owned(),
        condition: Group::of(Some(&filter())),
        ..Destination::new(Kind::Webhook)
    };
    Draft {
        name: "Ünïcode & more".to_owned(),
        version: Some(3),
        filter: Group::of(Some(&filter())),
        least: ["high".to_owned(), String::new(), "sentiment degraded".to_owned()],
        destinations: vec![webhook, Destination::new(Kind::Webhook)],
        ..Draft::new()
    }
}

#[test]
fn a_form_carries_a_draft_unchanged() {
    let draft = draft();
    assert_eq!(Draft::read(&form(&draft.fields()), &desk("user 1", 0)).unwrap(), draft);
}

#[test]
fn rows_say_what_the_condition_says() {
    let group = Group::of(Some(&filter()));
    let told = group.json("/filter", "/filter", &mut Vec::new()).unwrap();
    assert_eq!(
        Condition::parse(&told, Subject::Record).unwrap(),
        Condition::parse(&filter(), Subject::Record).unwrap()
    );
    assert_eq!(Group::default().json("/filter", "/filter", &mut Vec::new()), None);
    let alone = json!({"field": "source", "op": "eq", "value": "zendesk"});
    let not = json!({"not": {"all": [alone, alone]}});
    for condition in [alone.clone(), not] {
        let group = Group::of(Some(&condition));
        let told = group.json("/f", "/f", &mut Vec::new()).unwrap();
        assert!(Condition::parse(&told, Subject::Record).is_ok(), "{told}");
    }
}

#[test]
fn a_problem_is_shown_at_the_row_that_it_is_about() {
    let (_, places) = draft().json(&desk("user 1", 0));
    for (pointer, field) in [
        ("/filter/all/1/any/1/value", "/filter:1:1:value"),
        ("/filter/all/1/any/0/value/1", "/filter:1:0:value"),
        ("/filter/all/2/not/any/0/op", "/filter:2:0:op"),
        ("/filter/all/2/not/any", "/filter:2"),
        ("/integrations/0/condition/all/0/field", "/integrations/0/condition:0:field"),
        ("/integrations/0/url", "/integrations/0/url"),
        ("/name", "/name"),
    ] {
        let told = in_form(&[FieldProblem::new(pointer, "is wrong")], &places);
        assert_eq!(told, [(field.to_owned(), "is wrong".to_owned())], "{pointer}");
    }
}

#[test]
fn a_typed_credential_is_in_the_form_sealed_and_in_the_call_plain() {
    const TYPED: &str = "sentinel-of-the-editor";
    let desk = desk("user 1", 0);
    let mut fields = draft().fields();
    fields.push(("/integrations/0/auth/credential".to_owned(), TYPED.to_owned()));
    let read = Draft::read(&form(&fields), &desk).unwrap();
    assert!(!format!("{:?}", read.fields()).contains(TYPED));
    let (call, _) = read.json(&desk);
    assert_eq!(call.pointer("/integrations/0/auth/credential"), Some(&json!(TYPED)));
    // The next step has it still, without its being typed again.
    let again = Draft::read(&form(&read.fields()), &desk).unwrap();
    assert_eq!(again.json(&desk).0, call);
}

#[test]
fn a_sealed_credential_counts_for_its_typist_its_webhook_and_a_while() {
    let (key, other) = (Uuid::new_v4(), Uuid::new_v4());
    let life = i64::try_from(DRAFT_LIFE.as_millis()).unwrap();
    let sealed = desk("user 1", 0).seal(key, &Secret::new("a\nb".to_owned())).unwrap();
    let opened =
        |who, now, key| desk(who, now).open(key, &sealed).map(|secret| secret.expose().to_owned());
    assert_eq!(opened("user 1", life - 1, key).as_deref(), Some("a\nb"));
    assert_eq!(opened("user 1", life, key), None);
    assert_eq!(opened("user 2", 0, key), None);
    assert_eq!(opened("user 1", 0, other), None);
    assert!(desk("user 1", 0).open(key, "no seal").is_none());
}

#[test]
fn buttons_change_the_draft() {
    let mut draft = Draft::new();
    for word in ["add-webhook", "add-webhook", "row /filter", "group /filter", "row /filter:1"] {
        draft.carry_out(&Act::of(word));
    }
    assert_eq!(draft.destinations.len(), 1, "an empty one is enough");
    assert_eq!(draft.filter.nodes.len(), 2);
    let Some(Node::Group(group)) = draft.filter.nodes.get(1) else { panic!("a group") };
    assert_eq!((group.matching, group.nodes.len()), (Matching::All, 2));
    for word in ["drop /filter:1:0", "drop /filter:0", "row /integrations/0/condition", "remove 7"]
    {
        draft.carry_out(&Act::of(word));
    }
    assert_eq!(draft.filter.nodes.len(), 1);
    assert_eq!(draft.destinations.first().unwrap().condition.nodes.len(), 1);
    // What is no place of the form changes nothing.
    let before = draft.clone();
    for word in ["drop /filter", "drop /filter:9:9", "row /elsewhere", "drop /filter:x", "open 9"] {
        draft.carry_out(&Act::of(word));
    }
    assert_eq!(draft, before);
    let saved = Destination {
        credential: Credential::Saved,
        method: "bearer".into(),
        ..Destination::new(Kind::Webhook)
    };
    draft.destinations = vec![saved];
    draft.carry_out(&Act::Forget(0));
    let (call, _) = draft.json(&desk("user 1", 0));
    let auth = call.pointer("/integrations/0/auth").unwrap();
    assert_eq!(auth, &json!({"method": "none", "credential": null}));
}
