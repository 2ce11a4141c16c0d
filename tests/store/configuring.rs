//! What is configured comes back as it went in, and changes whole or not at all.

use std::time::Duration;

use belfry::domain::automation::{Automation, InboundAuth, Trigger, Watch};
use belfry::domain::condition::{Condition, Subject};
use belfry::domain::id::AutomationId;
use belfry::domain::integration::{AuthMethod, HeaderName, Integration, Target};
use belfry::domain::secret::Sealed;
use belfry::engine::ports::{Edit, Seals, Store as _, StoreError};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{AUTOMATION, FIRST, Room, SECOND, at, automation, integration, operator};

async fn change(room: &Room, edit: Edit) -> Result<i64, StoreError> {
    room.store.change(edit, operator(), at(5)).await
}

fn sealed(text: &str) -> Sealed {
    Sealed(text.as_bytes().to_vec())
}

/// Another automation, with an integration that has everything that one can have.
fn other() -> (Automation, Vec<Seals>) {
    let condition = |value: &str| {
        let test = json!({"field": "source", "op": "eq", "value": value});
        Condition::parse(&test, Subject::Record).unwrap()
    };
    let id = AutomationId(Uuid::from_u128(10));
    let mut full = Integration {
        automation_id: id,
        condition: Some(condition("Zendesk")),
        credential_set: true,
        ..integration(belfry::domain::id::IntegrationId(Uuid::from_u128(11)))
    };
    full.delivery.max_in_flight = Some(3);
    full.delivery.rate_limit = Some(10);
    full.delivery.retry.factor = Some(2.5);
    full.delivery.retry.base = Some(Duration::from_millis(1500));
    let Target::Webhook(webhook) = &mut full.target else { panic!("a webhook") };
    webhook.auth = AuthMethod::CustomHeader(HeaderName::parse("x-key").unwrap());
    webhook.signing = true;
    webhook.http1_only = true;
    let seals = Seals {
        integration: full.id,
        credential: Some(Some(sealed("credential"))),
        signing_secret: Some(sealed("one")),
    };
    let filter = Some(condition("Gong"));
    let trigger = Trigger::Records(Watch { filter, ..Watch::default() });
    let whole = Automation { id, trigger, integrations: vec![full], ..automation() };
    (whole, vec![seals])
}

#[tokio::test]
async fn an_automation_comes_back_as_it_went_in() {
    let room = Room::new().await;
    let (other, seals) = other();
    let edit =
        Edit::CreateAutomation { automation: other.clone(), seals, inbound: None, once: None };
    assert_eq!(change(&room, edit).await, Ok(1));
    let room = room.reopen(None).await;
    let mut all = room.store.automations().await.unwrap();
    all.sort_by_key(|each| each.id);
    assert_eq!(all, [automation(), other.clone()]);
    let reader = room.store.reader();
    assert_eq!(reader.automation(other.id).await.unwrap(), other);
    assert_eq!(
        reader.automations(Some(AUTOMATION), 5).await.unwrap(),
        std::slice::from_ref(&other)
    );
    let found = room.store.destination(other.integrations[0].id).await.unwrap();
    assert_eq!(found.integration, other.integrations[0]);
    assert_eq!(found.credential, Some(sealed("credential")));
    assert_eq!(found.signing_secrets.len(), 1);
}

/// A relay comes back with how its sender proves who it is; the credential stays until it is replaced or
/// removed, and goes with the automation.
#[tokio::test]
async fn a_relay_comes_back_as_it_went_in() {
    let room = Room::new().await;
    let relay = |method, credential_set| Automation {
        id: AutomationId(Uuid::from_u128(10)),
        trigger: Trigger::Relay(InboundAuth { method, credential_set }),
        integrations: Vec::new(),
        ..automation()
    };
    let name = HeaderName::parse("x-relay").unwrap();
    let made = relay(AuthMethod::CustomHeader(name), true);
    let reader = room.store.reader();
    let inbound = Some(Some(sealed("one")));
    let edit =
        Edit::CreateAutomation { automation: made.clone(), seals: Vec::new(), inbound, once: None };
    change(&room, edit).await.unwrap();
    assert_eq!(reader.automation(made.id).await.unwrap(), made);
    let replace = |automation: Automation, inbound| Edit::ReplaceAutomation {
        automation,
        seals: Vec::new(),
        inbound,
        expected: None,
    };
    let stored = async || reader.relay_auth(made.id).await.map(|found| found.credential);
    change(&room, replace(relay(AuthMethod::Bearer, true), None)).await.unwrap();
    assert_eq!(stored().await, Ok(Some(sealed("one"))));
    change(&room, replace(relay(AuthMethod::Bearer, true), Some(Some(sealed("two")))))
        .await
        .unwrap();
    assert_eq!(stored().await, Ok(Some(sealed("two"))));
    change(&room, replace(relay(AuthMethod::None, false), Some(None))).await.unwrap();
    assert_eq!(stored().await, Ok(None));
    assert_eq!(
        reader.automation(made.id).await.unwrap().trigger,
        relay(AuthMethod::None, false).trigger
    );
    let other = Automation { trigger: automation().trigger, ..made.clone() };
    let refused = change(&room, replace(other, None)).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(reader.relay_auth(AUTOMATION).await.map(drop), Err(StoreError::NotFound));
    change(&room, Edit::DeleteAutomation { id: made.id, expected: None }).await.unwrap();
    assert_eq!(stored().await, Err(StoreError::NotFound));
}

/// Two editors never overwrite each other silently.
#[tokio::test]
async fn a_stale_edit_is_refused_with_the_version_there_is() {
    let room = Room::new().await;
    let replace = |expected| Edit::ReplaceAutomation {
        automation: automation(),
        seals: Vec::new(),
        inbound: None,
        expected,
    };
    assert_eq!(change(&room, replace(Some(1))).await, Ok(2));
    let replace_one = Edit::ReplaceIntegration {
        integration: integration(FIRST),
        seals: None,
        expected: Some(1),
    };
    for edit in [
        replace(Some(1)),
        replace_one,
        Edit::DeleteAutomation { id: AUTOMATION, expected: Some(1) },
        Edit::DeleteIntegration { id: FIRST, expected: Some(1) },
    ] {
        assert_eq!(change(&room, edit).await, Err(StoreError::Stale { current: 2 }));
    }
    assert_eq!(change(&room, replace(None)).await, Ok(3));
    let nowhere = Edit::DeleteAutomation { id: AutomationId(Uuid::from_u128(99)), expected: None };
    assert_eq!(change(&room, nowhere).await, Err(StoreError::NotFound));
}

/// An id that is another automation's, or of something deleted, is not taken over.
#[tokio::test]
async fn an_integration_can_not_be_taken_over() {
    let room = Room::new().await;
    let (other, seals) = other();
    change(
        &room,
        Edit::CreateAutomation { automation: other.clone(), seals, inbound: None, once: None },
    )
    .await
    .unwrap();
    let with = |integrations: Vec<Integration>| Edit::ReplaceAutomation {
        automation: Automation { integrations, ..other.clone() },
        seals: Vec::new(),
        inbound: None,
        expected: None,
    };
    let mut taken = integration(SECOND);
    taken.automation_id = other.id;
    let refused = change(&room, with(vec![other.integrations[0].clone(), taken])).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(room.store.automations().await.unwrap().len(), 2);
    assert_eq!(room.store.reader().automation(AUTOMATION).await.unwrap(), automation());
    change(&room, with(Vec::new())).await.unwrap();
    let refused = change(&room, with(other.integrations.clone())).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

/// Two signing secrets are valid while one is rotated, never three; turning signing off forgets all.
#[tokio::test]
async fn signing_secrets_are_rotated() {
    let room = Room::new().await;
    let (other, seals) = other();
    let id = other.integrations[0].id;
    change(
        &room,
        Edit::CreateAutomation { automation: other.clone(), seals, inbound: None, once: None },
    )
    .await
    .unwrap();
    let rotate = async |text: &str, until| {
        let edit = Edit::RotateSigningSecret { id, sealed: sealed(text), old_until: at(until) };
        change(&room, edit).await.unwrap();
        let found = room.store.destination(id).await.unwrap().signing_secrets;
        found.into_iter().map(|each| (each.sealed, each.until)).collect::<Vec<_>>()
    };
    let now = [(sealed("two"), None), (sealed("one"), Some(at(10)))];
    assert_eq!(rotate("two", 10).await, now);
    let now = [(sealed("three"), None), (sealed("two"), Some(at(20)))];
    assert_eq!(rotate("three", 20).await, now);
    let mut off = other.integrations[0].clone();
    let Target::Webhook(webhook) = &mut off.target else { panic!("a webhook") };
    webhook.signing = false;
    let edit = Edit::ReplaceIntegration { integration: off, seals: None, expected: None };
    change(&room, edit).await.unwrap();
    assert!(room.store.destination(id).await.unwrap().signing_secrets.is_empty());
}
