//! Phrases of organisations on disk: whole or not at all, with a version that never comes again.

use belfry::detect::{Addition, Additions, Family};
use belfry::domain::limits::PHRASED_ORGANISATIONS;
use belfry::engine::ports::{PhraseEdit, Store as _, StoreError};
use rusqlite::Connection;
use serde_json::Value;

use crate::fixture::{Room, at, number, operator};

fn phrases(add: &[&str], exclude: &[&str]) -> Additions {
    let add = add.iter().map(|phrase| Addition {
        family: Family::Legal,
        weight: 0.65,
        phrase: (*phrase).to_owned(),
    });
    Additions { add: add.collect(), exclude: exclude.iter().map(|each| (*each).into()).collect() }
}

async fn change(
    room: &Room,
    org_id: &str,
    becomes: Option<Additions>,
    expected: Option<i64>,
) -> Result<i64, StoreError> {
    let edit = PhraseEdit { org_id: org_id.to_owned(), becomes, expected };
    room.store.change_phrases(edit, operator(), at(0)).await
}

fn last_line(sql: &Connection) -> (String, String, Value) {
    let line = "SELECT action, subject, change FROM audit ORDER BY id DESC LIMIT 1";
    sql.query_row(line, [], |row| {
        let change: String = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&change).unwrap()))
    })
    .unwrap()
}

#[tokio::test]
async fn they_are_kept_as_they_were_written_and_each_change_is_told() {
    let room = Room::new().await;
    let odd = "ac/me ü%2F";
    let first = change(&room, odd, Some(phrases(&["a", "b"], &["c"])), Some(0)).await.unwrap();
    let stored = room.store.reader().phrases_of(odd.to_owned()).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.updated_at), (first, at(0)));
    let read: Additions = serde_json::from_str(&stored.additions).unwrap();
    assert_eq!(read, phrases(&["a", "b"], &["c"]));
    let (action, subject, told) = last_line(&room.sql());
    assert_eq!((action.as_str(), subject.as_str()), ("phrases.create", odd));
    assert_eq!(told["after"]["add"][1], "b (legal 0.65)");

    let second = change(&room, odd, Some(phrases(&["b", "d"], &[])), Some(first)).await.unwrap();
    assert!(second > first);
    let (action, _, told) = last_line(&room.sql());
    assert_eq!(action, "phrases.change");
    let expected = serde_json::json!({"before": {"add": ["a (legal 0.65)"], "exclude": ["c"]},
        "after": {"add": ["d (legal 0.65)"]}});
    assert_eq!(told, expected, "what stayed is not told");

    let stale = change(&room, odd, Some(phrases(&[], &[])), Some(first)).await;
    assert_eq!(stale, Err(StoreError::Stale { current: second }));
    assert_eq!(
        change(&room, odd, None, Some(first)).await,
        Err(StoreError::Stale { current: second })
    );
    assert_eq!(change(&room, odd, None, None).await, Ok(0));
    assert_eq!(last_line(&room.sql()).0, "phrases.delete");
    assert_eq!(change(&room, odd, None, None).await, Err(StoreError::NotFound));

    // What is made anew is another one than that which was deleted.
    let third = change(&room, odd, Some(phrases(&["a"], &[])), None).await.unwrap();
    assert!(third > second);
    let made = change(&room, odd, Some(phrases(&["a"], &[])), Some(0)).await;
    assert_eq!(made, Err(StoreError::Stale { current: third }));
}

#[tokio::test]
async fn the_list_is_in_the_order_of_ids_and_bounded() {
    let room = Room::new().await;
    for org_id in ["b", "a", "ä", "B"] {
        change(&room, org_id, Some(phrases(&["x"], &[])), Some(0)).await.unwrap();
    }
    let ids = |rows: Vec<belfry::engine::ports::StoredPhrases>| -> Vec<String> {
        rows.into_iter().map(|row| row.org_id).collect()
    };
    assert_eq!(ids(room.store.phrases().await.unwrap()), ["B", "a", "b", "ä"]);
    let page = room.store.reader().phrases_behind("a".to_owned(), 1).await.unwrap();
    assert_eq!(ids(page), ["b"]);
    let fill = "INSERT INTO phrases (org_id, additions, updated_at)
                WITH RECURSIVE n (i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                SELECT 'org-' || i, '{}', 0 FROM n";
    room.sql().execute(fill, [PHRASED_ORGANISATIONS as i64]).unwrap();
    let count = "SELECT count(*) FROM phrases";
    assert_eq!(number(&room.sql(), count), PHRASED_ORGANISATIONS as i64);
    let refused = change(&room, "one more", Some(phrases(&["x"], &[])), Some(0)).await;
    let Err(StoreError::Refused(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("1000 organisations") && why.contains("delete"), "{why}");
    assert_eq!(number(&room.sql(), count), PHRASED_ORGANISATIONS as i64);
    // Those that have some may change them.
    assert!(change(&room, "b", Some(phrases(&["y"], &[])), None).await.is_ok());
}

#[tokio::test]
async fn the_table_refuses_what_is_no_id_and_no_json() {
    let room = Room::new().await;
    for (org_id, additions) in
        [("", "{}"), ("x", "{"), (&"x".repeat(256), "{}"), (&"ü".repeat(128), "{}")]
    {
        let add = "INSERT INTO phrases (org_id, additions, updated_at) VALUES (?1, ?2, 0)";
        assert!(room.sql().execute(add, [org_id, additions]).is_err(), "{org_id} {additions}");
    }
}
