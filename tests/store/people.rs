//! What is old of people and their acts goes, and nothing else does.

use belfry::domain::id::UserId;
use belfry::store::{AuditFilter, NewUser, PasswordHash};
use uuid::Uuid;

use crate::fixture::{Room, at, operator};

async fn lines(room: &Room) -> Vec<i64> {
    let rows = room.store.reader().audit(AuditFilter::default(), None, 100).await.unwrap();
    rows.iter().map(|row| row.at.as_millis()).collect()
}

/// Retention takes the old end of the audit log, by raising the floor below which the triggers let go.
#[tokio::test]
async fn f14_retention_alone_takes_lines_away() {
    let room = Room::new().await;
    let before = lines(&room).await.len();
    for number in 1..=5_u32 {
        let user = NewUser {
            id: UserId(Uuid::from_u128(number.into())),
            name: format!("u{number}"),
            folded: format!("u{number}"),
            password: PasswordHash("$argon2id$".to_owned()),
            role: "viewer",
        };
        room.store.add_user(user, None, operator(), at(u64::from(number) * 1000)).await.unwrap();
    }
    assert_eq!(lines(&room).await.len(), before + 5);
    let none = room.store.sweep_people(at(0), at(0), at(0)).await.unwrap();
    assert_eq!(none, 0);
    let gone = room.store.sweep_people(at(3000), at(0), at(0)).await.unwrap();
    assert_eq!(gone as usize, before + 2, "those from before");
    assert_eq!(lines(&room).await, [at(5000), at(4000), at(3000)].map(|at| at.as_millis()));
    // The newest stays whatever its age, so that no number is given twice.
    room.store.sweep_people(at(9000), at(0), at(0)).await.unwrap();
    assert_eq!(lines(&room).await, [at(5000).as_millis()]);
    let sql = room.sql();
    let refused = sql.execute("DELETE FROM audit", []).unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");
}

/// Sessions that are over and keys that are old go; those in use stay.
#[tokio::test]
async fn sessions_and_keys_end() {
    let room = Room::new().await;
    let user = NewUser {
        id: UserId(Uuid::from_u128(1)),
        name: "ada".to_owned(),
        folded: "ada".to_owned(),
        password: PasswordHash("$argon2id$".to_owned()),
        role: "viewer",
    };
    room.store.add_user(user, None, operator(), at(1)).await.unwrap();
    let reader = room.store.reader();
    let ada = reader.user_named("ada".to_owned()).await.unwrap().unwrap();
    for number in 1..=25_u8 {
        let began = at(u64::from(number) * 10);
        room.store.sign_in(ada.clone(), [number; 32], operator(), began).await.unwrap();
    }
    let session = async |number: u8| reader.session([number; 32]).await.unwrap();
    assert!(session(5).await.is_none(), "a person has twenty at the most: the oldest end");
    assert!(session(6).await.is_some());
    room.store.used(Vec::new(), vec![([25; 32], at(900)), ([24; 32], at(1))]).await.unwrap();
    assert_eq!(session(25).await.unwrap().seen_at, at(900));
    assert_eq!(session(24).await.unwrap().seen_at, at(240), "a use is never taken back");
    room.store.sweep_people(at(0), at(200), at(0)).await.unwrap();
    assert!(session(19).await.is_none() && session(20).await.is_some());
    // A password that is another one by now opens nothing.
    let mut stale = ada.clone();
    stale.password = PasswordHash("$argon2id$other".to_owned());
    room.store.sign_in(stale, [99; 32], operator(), at(300)).await.expect_err("it was changed");
}
