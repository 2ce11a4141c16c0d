//! The audit log: one line for each change, never rewritten, without secrets.

use belfry::domain::delivery::DiscardReason;
use belfry::domain::integration::{AuthMethod, HttpsUrl, Integration, Status, Target, Webhook};
use belfry::domain::secret::Sealed;
use belfry::engine::ports::{Act, Edit, Seals, Store as _};
use rusqlite::Connection;

use crate::fixture::{AUTOMATION, FIRST, Room, at, automation, integration, number, operator};

const SECRET: &str = "hunter2hunter2";

fn lines(sql: &Connection) -> Vec<String> {
    let whole =
        "SELECT actor || ' ' || ifnull(address, '') || ' ' || action || ' ' || subject || ' '
                 || change FROM audit ORDER BY id";
    let mut statement = sql.prepare(whole).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn the_audit_log_is_append_only() {
    let room = Room::new().await;
    let sql = room.sql();
    let before = lines(&sql);
    assert_eq!(before.len(), 1);
    for forbidden in [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "UPDATE audit SET id = 100",
    ] {
        let error = sql.execute(forbidden, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{forbidden}: {error}");
    }
    assert_eq!(lines(&sql), before);
}

#[tokio::test]
async fn no_line_holds_a_secret() {
    let room = Room::new().await;
    let url = format!("https://receiver.example.com/hook?token={SECRET}");
    let target = Target::Webhook(Webhook {
        url: HttpsUrl::parse(&url).unwrap(),
        auth: AuthMethod::Bearer,
        signing: true,
        http1_only: false,
    });
    let new = Integration { target, credential_set: true, ..integration(FIRST) };
    let sealed = || Sealed(SECRET.as_bytes().to_vec());
    let seals = || Seals {
        integration: FIRST,
        credential: Some(Some(sealed())),
        signing_secret: Some(sealed()),
    };
    let mut whole = automation();
    whole.integrations[0] = new.clone();
    let edits = [
        Edit::ReplaceIntegration { integration: new, seals: Some(seals()), expected: None },
        Edit::ReplaceAutomation {
            automation: whole,
            seals: vec![seals()],
            inbound: None,
            expected: None,
        },
        Edit::RotateSigningSecret { id: FIRST, sealed: sealed(), old_until: at(99) },
        Edit::DeleteIntegration { id: FIRST, expected: None },
        Edit::DeleteAutomation { id: AUTOMATION, expected: None },
    ];
    for edit in edits {
        room.store.change(edit, operator(), at(1)).await.unwrap();
    }
    let sql = room.sql();
    let lines = lines(&sql);
    assert_eq!(lines.len(), 6);
    let encoded: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    for line in &lines {
        assert!(!line.contains(SECRET), "{line}");
        assert!(!line.to_lowercase().contains(&encoded), "{line}");
        assert!(line.starts_with("ada 127.0.0.1 "), "{line}");
    }
    // What is deleted is forgotten with its secrets.
    assert_eq!(number(&sql, "SELECT count(*) FROM signing_secrets"), 0);
    assert_eq!(number(&sql, "SELECT count(credential) FROM integrations"), 0);
}

#[tokio::test]
async fn each_act_has_a_line_and_a_refused_one_has_none() {
    let room = Room::new().await;
    let (_, id) = room.one("record").await;
    for status in [
        Status::Paused,
        Status::Active,
        Status::Disabled { reason: "for now".to_owned() },
        Status::Active,
    ] {
        let edit = Edit::SetStatus { id: FIRST, status };
        room.store.change(edit, operator(), at(1)).await.unwrap();
    }
    let retry = Act::Retry { delivery: id, expires_at: at(9) };
    room.store.act(retry.clone(), operator(), at(2)).await.unwrap();
    let discard = Act::Discard { delivery: id, reason: DiscardReason::Operator };
    room.store.act(discard, operator(), at(3)).await.unwrap();
    room.store.act(retry, operator(), at(4)).await.unwrap_err();
    let sql = room.sql();
    let mut statement = sql.prepare("SELECT action FROM audit ORDER BY id").unwrap();
    let actions: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let expected = [
        "automation.create",
        "integration.pause",
        "integration.resume",
        "integration.disable",
        "integration.enable",
        "delivery.retry",
        "delivery.discard",
    ];
    assert_eq!(actions, expected);
}
