//! Readings end in time, and the log stays short.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::limits;
use crate::engine::ports::{AfterAccept, FreshDelivery, StoreError};
use crate::store::turn::Door;
use crate::store::writer::Fatal;
use crate::store::{Reader, Settings, Sqlite};

struct Nobody;

impl AfterAccept for Nobody {
    fn accepted(&self, _: Vec<FreshDelivery>) {}
}

fn open(dir: &std::path::Path) -> Sqlite {
    let settings = Settings {
        after_accept: Arc::new(Nobody),
        fatal: Arc::new(|_, _| {}),
        readers: 1,
        max_pages: None,
    };
    Sqlite::open(dir, settings).expect("a store")
}

fn wait<T>(promise: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(promise)
}

/// A22★: a reading that would go on for ever is broken off, and the reader serves the next.
#[test]
fn a22_a_reading_has_a_deadline() {
    let dir = tempfile::tempdir().expect("a directory");
    let _store = open(dir.path());
    let fatal: Fatal = Arc::new(|_, _| {});
    let reader = Reader::start(dir.path(), 1, Duration::from_millis(50), fatal).expect("a reader");
    let endless = reader.query(|connection| {
        let sql = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
                   SELECT count(*) FROM n";
        Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?)
    });
    let Err(StoreError::Failed(why)) = wait(endless) else { panic!("it ended by itself") };
    assert!(why.contains("longer"), "{why}");
    let next = reader.query(|connection| Ok(connection.query_row("SELECT 1", [], |r| r.get(0))?));
    assert_eq!(wait(next), Ok(1));
    let writes = reader.query(|connection| Ok(connection.execute("DELETE FROM runs", [])?));
    assert!(matches!(wait(writes), Err(StoreError::Failed(_))), "it can't write");
}

/// A22★: while somebody holds an old snapshot the log grows, and when it is let go the log begins anew.
#[test]
fn a22_the_log_begins_anew_when_readers_let_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let write = || {
        wait(store.writer.submit(Door::Command, 1, |connection, _| {
            connection.execute_batch(
                "INSERT OR REPLACE INTO probes VALUES (1, randomblob(4000000));
                 DELETE FROM probes;
                 INSERT OR REPLACE INTO probes VALUES (1, randomblob(4000000));",
            )?;
            Ok(())
        }))
    };
    let pages = || store.statistics().log_pages;
    let other = rusqlite::Connection::open(dir.path().join("belfry.db")).expect("a connection");
    other.execute_batch("BEGIN; SELECT count(*) FROM alerts;").expect("a snapshot");
    while pages() < 2 * limits::STORE_LOG_PAGES {
        write().expect("written");
    }
    other.execute_batch("COMMIT").expect("let go");
    let mut most = 0;
    for _ in 0..20 {
        write().expect("written");
        most = pages();
        if most < limits::STORE_LOG_PAGES {
            break;
        }
    }
    assert!(most < limits::STORE_LOG_PAGES, "it is {most} pages long still");
}

/// What is in doubt is told to nobody, and nothing is written behind it.
#[test]
fn a10_what_is_in_doubt_ends_the_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let ends: Arc<Mutex<Vec<i32>>> = Arc::default();
    let theirs = Arc::clone(&ends);
    let settings = Settings {
        after_accept: Arc::new(Nobody),
        fatal: Arc::new(move |status, _| theirs.lock().expect("mine").push(status)),
        readers: 1,
        max_pages: None,
    };
    let store = Sqlite::open(dir.path(), settings).expect("a store");
    let failing = store.writer.submit(Door::Command, 1, |_, _| -> Result<(), _> {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        Err(rusqlite::Error::SqliteFailure(code, None).into())
    });
    let beside = store.writer.submit(Door::Command, 1, |_, _| Ok(()));
    assert_eq!(wait(failing), Err(StoreError::Stopped));
    assert_eq!(*ends.lock().expect("mine"), [70]);
    let beside = wait(beside);
    assert!(matches!(beside, Err(StoreError::Stopped)) || beside == Ok(()), "{beside:?}");
    let behind = wait(store.writer.submit(Door::Command, 1, |_, _| Ok(())));
    assert_eq!(behind, Err(StoreError::Stopped));
}

/// Chores are done when nothing else waits, and no more wait than may.
#[test]
fn chores_wait_for_the_rest() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let order: Arc<Mutex<Vec<&str>>> = Arc::default();
    let note = |what: &'static str, door| {
        let order = Arc::clone(&order);
        store.writer.submit(door, 1, move |_, _| {
            order.lock().expect("mine").push(what);
            Ok(())
        })
    };
    let first = store.writer.submit(Door::Command, 1, move |_, _| {
        // Until the test has asked for all the rest.
        let _hung_up = held.recv();
        Ok(())
    });
    let chores: Vec<_> =
        (0..limits::STORE_CHORES + 1).map(|_| note("chore", Door::Chore)).collect();
    let commands: Vec<_> = (0..3).map(|_| note("command", Door::Command)).collect();
    drop(hold);
    wait(first).expect("done");
    let refused = chores.into_iter().filter_map(|each| wait(each).err()).collect::<Vec<_>>();
    assert_eq!(refused, [StoreError::Busy]);
    for each in commands {
        wait(each).expect("done");
    }
    let order = order.lock().expect("mine").clone();
    let mut expected = vec!["command"; 3];
    expected.extend(vec!["chore"; limits::STORE_CHORES]);
    assert_eq!(order, expected);
}

/// What came of attempts goes before new alerts, and of those a bounded part into one transaction.
#[test]
fn results_go_before_new_alerts() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let order: Arc<Mutex<Vec<&str>>> = Arc::default();
    let note = |what: &'static str, door, rows| {
        let order = Arc::clone(&order);
        store.writer.submit(door, rows, move |_, _| {
            order.lock().expect("mine").push(what);
            Ok(())
        })
    };
    let before = store.statistics().commits;
    let first = store.writer.submit(Door::Command, 1, move |_, _| {
        // The test waits for it; or it has failed by now.
        let _test_gone = begin.send(());
        // Until the test has asked for all the rest.
        let _hung_up = held.recv();
        Ok(())
    });
    begun.recv().expect("it is under way");
    let rows = limits::STORE_INTAKE_ROWS - 1;
    let mut rest: Vec<_> = (0..3).map(|_| note("alerts", Door::Intake, rows)).collect();
    rest.extend((0..2).map(|_| note("result", Door::Command, 1)));
    drop(hold);
    wait(first).expect("done");
    for each in rest {
        wait(each).expect("done");
    }
    let order = order.lock().expect("mine").clone();
    assert_eq!(order, ["result", "result", "alerts", "alerts", "alerts"]);
    // The one that was held, the results with two calls, the third call.
    assert_eq!(store.statistics().commits - before, 3);
}
