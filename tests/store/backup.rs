//! A backup beside the running store, and what the store knows of it afterwards.

use belfry::store::{BackupError, LastBackup, back_up};
use rusqlite::Connection;

use crate::fixture::{FIRST, Room, alert, at};

#[tokio::test]
async fn the_last_backup_is_known_with_the_size_of_it_all() {
    let room = Room::new().await;
    let before = room.store.reader().health().await.unwrap();
    assert_eq!(before.last_backup, None);
    room.accept(alert("saved", &[FIRST])).await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.db");
    let made = back_up(room.dir.path(), &file, at(7)).unwrap();
    assert!(made.unnoted.is_none(), "{made:?}");
    room.accept(alert("later", &[FIRST])).await;

    let health = room.store.reader().health().await.unwrap();
    assert_eq!(health.last_backup, Some(LastBackup { made_at: at(7), bytes: made.bytes }));
    assert_eq!(health.schema, made.schema);
    let size = |name: &str| std::fs::metadata(room.dir.path().join(name)).unwrap().len();
    assert_eq!(health.log_bytes, size("belfry.db-wal"));
    assert_eq!(health.file_bytes, size("belfry.db") + size("belfry.db-wal"));
    assert!(health.free_bytes < health.database_bytes);

    let copy = Connection::open(&file).unwrap();
    let count = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM alerts"), 1);
    assert_eq!(count("PRAGMA user_version"), made.schema);
    let refused = back_up(room.dir.path(), &room.dir.path().join("b.db"), at(8)).unwrap_err();
    assert!(matches!(refused, BackupError::Inside { .. }), "{refused}");
}

/// One of an older version is saved as it is: a backup is made before an upgrade, too.
#[tokio::test]
async fn a_backup_changes_no_schema() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let old = Connection::open(data.join("belfry.db")).unwrap();
    old.execute_batch(include_str!("../../src/store/schema/0001_first.sql")).unwrap();
    old.pragma_update(None, "application_id", 0x424C_4652).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    let file = place.path().join("backup.db");
    let made = back_up(&data, &file, at(1)).unwrap();
    assert_eq!(made.schema, 1);
    for database in [data.join("belfry.db"), file] {
        let connection = Connection::open(database).unwrap();
        let version: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
    }
}
