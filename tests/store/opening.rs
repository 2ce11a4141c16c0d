//! Which data directories are taken, and what is said about the others. Whatever is refused is left
//! as it was.

use std::fs;
use std::path::Path;

use belfry::engine::ports::Store as _;
use belfry::store::{OpenError, Sqlite};
use rusqlite::Connection;

use crate::fixture::{Ends, FIRST, Heard, Room, alert, check, number, settings};

const PAGE: usize = 4096;

/// Puts something into a data directory.
type Maker<'a> = &'a dyn Fn(&Path);

fn refusal(dir: &Path) -> OpenError {
    let told = settings(std::sync::Arc::new(Heard::default()), &Ends::default());
    let Err(error) = Sqlite::open(dir, told) else { panic!("it was taken") };
    error
}

/// A directory after an orderly stop: all is in the database's file.
async fn stopped() -> tempfile::TempDir {
    let room = Room::new().await;
    for number in 0..20 {
        room.one(&format!("record-{number}")).await;
    }
    room.store.close().await;
    let Room { dir, store, .. } = room;
    drop(store);
    dir
}

/// The schema's version that a start makes: each of these files is a step.
fn present() -> i64 {
    let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema");
    fs::read_dir(steps).unwrap().count().try_into().unwrap()
}

// A13★
#[tokio::test]
async fn a13_an_overwritten_header_is_refused() {
    let dir = stopped().await;
    let file = dir.path().join("belfry.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[..100].fill(0xA5);
    fs::write(&file, &bytes).unwrap();

    let error = refusal(dir.path());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert_eq!(error.exit_status(), 65);
    let text = error.to_string();
    assert!(text.contains("belfry.db") && text.contains("restore"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "what is refused is left as it was");
}

// A13★
#[tokio::test]
async fn a13_overwritten_pages_are_refused() {
    let whole = stopped().await;
    let bytes = fs::read(whole.path().join("belfry.db")).unwrap();
    // The rest of the first page, which holds the schema; and all but the first.
    for damage in [100..PAGE, PAGE..bytes.len()] {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = bytes.clone();
        bytes[damage].fill(0xA5);
        fs::write(dir.path().join("belfry.db"), &bytes).unwrap();

        let error = refusal(dir.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert_eq!(error.exit_status(), 65);
        let text = error.to_string();
        assert!(text.contains("belfry.db") && text.contains("restore"), "{text}");
    }
}

// A19★
#[tokio::test]
async fn a19_a_newer_schema_is_refused() {
    let dir = stopped().await;
    let file = dir.path().join("belfry.db");
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();

    let error = refusal(dir.path());
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error:?}");
    assert_eq!(error.exit_status(), 65);
    let sql = Connection::open(&file).unwrap();
    assert_eq!(number(&sql, "SELECT count(*) FROM alerts"), 20);
}

// A19★
#[tokio::test]
async fn a19_a_migration_that_was_cut_off_never_was() {
    let dying = tempfile::tempdir().unwrap();
    let sql = Connection::open(dying.path().join("belfry.db")).unwrap();
    sql.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
         PRAGMA cache_size = 1; BEGIN IMMEDIATE;",
    )
    .unwrap();
    sql.execute_batch(include_str!("../../src/store/schema/0001_first.sql")).unwrap();
    // What does not fit into the cache is in the log before the commit.
    let image = tempfile::tempdir().unwrap();
    for file in ["belfry.db", "belfry.db-wal"] {
        fs::copy(dying.path().join(file), image.path().join(file)).unwrap();
    }
    assert!(fs::metadata(image.path().join("belfry.db-wal")).unwrap().len() > 4096);

    let room = Room::over(image, None);
    assert_eq!(number(&room.sql(), "PRAGMA user_version"), present());
    assert_eq!(number(&room.sql(), "SELECT count(*) FROM runs"), 1);
    room.check();
}

// A20
#[tokio::test]
async fn a20_what_is_no_database_of_ours_is_refused_and_left_alone() {
    let other_program = |sql: &str, dir: &Path| {
        let connection = Connection::open(dir.join("belfry.db")).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    let makers: [(&str, Maker); 6] = [
        ("text", &|dir| fs::write(dir.join("belfry.db"), "hello ".repeat(100)).unwrap()),
        ("a short text", &|dir| fs::write(dir.join("belfry.db"), "hello").unwrap()),
        ("a directory", &|dir| fs::create_dir(dir.join("belfry.db")).unwrap()),
        ("another application_id", &|dir| {
            other_program("CREATE TABLE a (b); PRAGMA application_id = 7;", dir);
        }),
        ("no application_id", &|dir| other_program("CREATE TABLE a (b);", dir)),
        ("no application_id, but a version", &|dir| {
            other_program("CREATE TABLE a (b); PRAGMA user_version = 1;", dir);
        }),
    ];
    for (name, make) in makers {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let before = fs::read(dir.path().join("belfry.db")).ok();
        let error = refusal(dir.path());
        assert!(matches!(error, OpenError::Foreign { .. }), "{name}: {error:?}");
        assert_eq!(error.exit_status(), 65, "{name}");
        assert!(error.to_string().contains("belfry.db"), "{name}: {error}");
        assert_eq!(fs::read(dir.path().join("belfry.db")).ok(), before, "{name}");
    }
}

// A20
#[cfg(unix)]
#[tokio::test]
async fn a20_a_symbolic_link_is_refused() {
    let real = stopped().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("belfry.db");
    std::os::unix::fs::symlink(real.path().join("belfry.db"), &file).unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert_eq!(error.exit_status(), 65);
}

// A20
#[tokio::test]
async fn a20_an_empty_file_is_a_new_database() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("belfry.db"), "").unwrap();
    let room = Room::over(dir, None);
    assert!(room.store.automations().await.unwrap().is_empty());
    check(room.dir.path());
}

// A21★
#[tokio::test]
async fn a21_a_directory_in_use_is_refused_with_its_pid() {
    let room = Room::new().await;
    let error = refusal(room.dir.path());
    let OpenError::InUse { pid, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*pid, std::process::id().to_string());
    assert_eq!(error.exit_status(), 1);
    assert!(error.to_string().contains(pid.as_str()), "{error}");
    // The first one is unharmed.
    assert!(room.accept(alert("record", &[FIRST])).await.fresh);
    room.store.close().await;
    let Room { dir, store, .. } = room;
    drop(store);
    assert_eq!(Room::over(dir, None).store.automations().await.unwrap().len(), 1);
}

// A19★
/// A real kill in the middle of a step: nothing of it is there, and the next start does it again.
#[tokio::test]
async fn a19_a_kill_in_a_migration_step_leaves_the_schema_before_it() {
    for step in 1..=present() {
        let dir = tempfile::tempdir().unwrap();
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "opening::opened_by_the_one_who_is_killed"])
            .env("BELFRY_FAILPOINTS", format!("migrate.step@{step}=abort"))
            .env("OPEN_THERE_AND_DIE", dir.path())
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), None, "a signal ended it: {ended:?}");
        let sql = Connection::open(dir.path().join("belfry.db")).unwrap();
        assert_eq!(number(&sql, "PRAGMA user_version"), step - 1);
        let users = "SELECT count(*) FROM sqlite_schema WHERE name = 'users'";
        assert_eq!(number(&sql, users), i64::from(step > 2), "nothing of a later step is there");
        drop(sql);
        let room = Room::over(dir, None);
        assert_eq!(number(&room.sql(), "PRAGMA user_version"), present());
        room.check();
    }
}

/// The process that the test above starts, and that dies; nothing where that one did not start it.
#[test]
fn opened_by_the_one_who_is_killed() {
    let Ok(data) = std::env::var("OPEN_THERE_AND_DIE") else { return };
    belfry::failpoint::arm().unwrap();
    drop(Sqlite::open(
        Path::new(&data),
        settings(std::sync::Arc::new(Heard::default()), &Ends::default()),
    ));
}

/// What a connection must be set up as, as far as the file tells it.
#[tokio::test]
async fn a_new_database_is_set_up_as_it_must_be() {
    let room = Room::new().await;
    let sql = room.sql();
    assert_eq!(number(&sql, "PRAGMA application_id"), 0x424C_4652);
    assert_eq!(number(&sql, "PRAGMA auto_vacuum"), 2, "incremental");
    let loose = "SELECT count(*) FROM pragma_table_list
                 WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'";
    assert_eq!(number(&sql, loose), 0, "every table is strict");
    let mode: String = sql.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let reserve = fs::metadata(room.dir.path().join("reserve")).unwrap();
    assert_eq!(reserve.len(), belfry::domain::limits::DISK_RESERVE_BYTES);
}
