//! The schema, forward only: each step is one transaction, so that a kill leaves the one before or the
//! one after. What is not ours, or newer than we are, is left as it was found.

use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode};

use super::open::{OpenError, damaged, foreign, shown, sqlite};
use crate::domain::limits;

/// "BLFR": marks the file as ours.
pub(super) const APPLICATION_ID: i32 = 0x424C_4652;
/// Each takes the schema from its place in the list to the next.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_people.sql"),
    include_str!("schema/0003_minutes.sql"),
    include_str!("schema/0004_first_password.sql"),
    include_str!("schema/0005_conversations.sql"),
    include_str!("schema/0006_ways.sql"),
    include_str!("schema/0007_doors.sql"),
    include_str!("schema/0008_email.sql"),
    include_str!("schema/0009_hygiene.sql"),
    include_str!("schema/0010_waiting_records.sql"),
    include_str!("schema/0011_phrases.sql"),
];

/// Looks at a database before anything is written into it.
pub(super) fn refuse_unknown(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    examine(connection, path, MIGRATIONS).map(|_| ())
}

/// Brings the schema up to date.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    migrate_by(connection, path, MIGRATIONS)
}

/// Refuses a schema that is not the present one: whoever holds the data directory keeps it at its own.
pub(super) fn expect_present(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let found = examine(connection, path, MIGRATIONS)?;
    if found == MIGRATIONS.len() {
        return Ok(());
    }
    let what = "is kept by a running service of an older version: use that version's `belfry` here, or \
                stop the service first";
    Err(foreign(path, what))
}

/// The version that this program makes.
pub(super) fn present() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The version of a database that is ours or empty, and not newer than we are.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    examine(connection, path, MIGRATIONS).map(|found| i64::try_from(found).unwrap_or(i64::MAX))
}

/// The schema's version, where the database is ours or empty.
fn examine(connection: &Connection, path: &Path, known: &[&str]) -> Result<usize, OpenError> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| sqlite(path, error))
    };
    let found = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let things = number("SELECT count(*) FROM sqlite_schema")?;
    let empty = (found, application, things) == (0, 0, 0);
    if !empty && application != i64::from(APPLICATION_ID) {
        return Err(foreign(path, "is a database of another program: name another data directory"));
    }
    match usize::try_from(found) {
        Ok(version) if version <= known.len() => Ok(version),
        Ok(_) => {
            let known = i64::try_from(known.len()).unwrap_or(i64::MAX);
            Err(OpenError::Newer { file: shown(path), found, known })
        }
        Err(_) => Err(damaged(path, format!("its schema has the number {found}"))),
    }
}

fn migrate_by(connection: &Connection, path: &Path, steps: &[&str]) -> Result<(), OpenError> {
    let found = examine(connection, path, steps)?;
    if found == steps.len() {
        return Ok(());
    }
    // A table that others refer to is made anew under another name, and what was sealed in the old one
    // must not stay in its freed pages. The first can't be said inside a transaction.
    let before = |name: &str| -> rusqlite::Result<i64> {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    };
    let read = || Ok((before("foreign_keys")?, before("secure_delete")?));
    let (foreign_keys, secure_delete) = read().map_err(|error| sqlite(path, error))?;
    let set = |foreign_keys: i64, secure_delete: i64| -> rusqlite::Result<()> {
        connection.pragma_update(None, "foreign_keys", foreign_keys)?;
        // The third way is read as a number and said as a word.
        let word = ["OFF", "ON", "FAST"];
        let word = usize::try_from(secure_delete).ok().and_then(|way| word.get(way));
        connection.pragma_update(None, "secure_delete", word.unwrap_or(&"ON"))
    };
    set(0, 1).map_err(|error| sqlite(path, error))?;
    let migrated = migrate_from(connection, path, steps, found);
    set(foreign_keys, secure_delete).map_err(|error| sqlite(path, error))?;
    migrated
}

fn migrate_from(
    connection: &Connection,
    path: &Path,
    steps: &[&str],
    found: usize,
) -> Result<(), OpenError> {
    for (version, sql) in (1_i64..).zip(steps).skip(found) {
        let step = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            connection.execute_batch(sql)?;
            crate::failpoint::reach("migrate.step");
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", version)?;
            connection.execute_batch("COMMIT")
        };
        if let Err(error) = step() {
            if !connection.is_autocommit()
                && let Err(error) = connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a step of the schema could not be rolled back");
            }
            return Err(sqlite(path, error));
        }
    }
    Ok(())
}

/// Looks for damage, for as long as a start may take: a small database is looked at whole.
pub(super) fn refuse_damaged(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let began = Instant::now();
    let too_long = move || began.elapsed() > limits::STORE_CHECK;
    let looked = connection
        .progress_handler(1000, Some(too_long))
        .and_then(|()| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)));
    let undone = connection.progress_handler(0, None::<fn() -> bool>);
    match looked.and_then(|found: String| undone.map(|()| found)) {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(damaged(path, found)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(sqlite(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [&str; 3] = [
        "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
        "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;",
        "CREATE TABLE b (z INTEGER) STRICT; INSERT INTO b SELECT y FROM a;",
    ];

    fn version(connection: &Connection) -> i64 {
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a number")
    }

    /// Matrix A19: an older schema is brought up to date with its data.
    #[test]
    fn a19_an_older_schema_is_brought_up_to_date() {
        let connection = Connection::open_in_memory().expect("a database");
        let path = Path::new("belfry.db");
        for known in 1..=STEPS.len() {
            migrate_by(&connection, path, &STEPS[..known]).expect("migrated");
            assert_eq!(version(&connection), known as i64);
        }
        let z: i64 = connection.query_row("SELECT z FROM b", [], |row| row.get(0)).expect("z");
        assert_eq!(z, 2);
    }

    /// Matrix A19: a step that fails half-way leaves the schema before it, whole, and can be repeated.
    #[test]
    fn a19_a_step_is_done_whole_or_not() {
        let connection = Connection::open_in_memory().expect("a database");
        let path = Path::new("belfry.db");
        let broken = [STEPS[0], "UPDATE a SET x = 7; UPDATE nowhere SET x = 1;", STEPS[2]];
        migrate_by(&connection, path, &broken).expect_err("the second step fails");
        assert_eq!(version(&connection), 1);
        let x: i64 = connection.query_row("SELECT x FROM a", [], |row| row.get(0)).expect("x");
        assert_eq!(x, 1, "the half that worked is undone");
        migrate_by(&connection, path, &STEPS).expect("migrated");
        assert_eq!(version(&connection), 3);
    }

    /// Matrix A19: a newer schema is refused and left as it was.
    #[test]
    fn a19_a_newer_schema_is_refused() {
        let connection = Connection::open_in_memory().expect("a database");
        let path = Path::new("belfry.db");
        migrate_by(&connection, path, &STEPS).expect("migrated");
        let refused = migrate_by(&connection, path, &STEPS[..2]).expect_err("it is newer");
        assert!(matches!(refused, OpenError::Newer { found: 3, known: 2, .. }), "{refused}");
        assert_eq!(version(&connection), 3);
    }

    /// Matrix A19: attempts from before they named their integration are found by it.
    #[test]
    fn a19_attempts_that_are_there_get_their_integration() {
        let connection = Connection::open_in_memory().expect("a database");
        let path = Path::new("belfry.db");
        migrate_by(&connection, path, &MIGRATIONS[..2]).expect("as it was");
        connection
            .execute_batch(
                "INSERT INTO automations (id, name, active, version, created_at)
                   VALUES (zeroblob(16), 'a', 1, 1, 0);
                 INSERT INTO integrations (id, automation_id, place, kind, name, url, auth_method,
                   signing, http1_only, ordering, status, created_at)
                   VALUES (x'000102030405060708090a0b0c0d0e0f', zeroblob(16), 1, 'webhook', 'i',
                   'https://a.example/', 'none', 0, 0, 'due', 'active', 0);
                 INSERT INTO alerts VALUES (1, zeroblob(16), 'r', 'acme', 0, zeroblob(32), x'7b7d');
                 INSERT INTO deliveries (id, alert_id, integration_id, state, queue_at, due_at,
                   expires_at, created_at) SELECT 7, 1, id, 'delivered', 0, 0, 0, 0 FROM integrations;
                 INSERT INTO attempts (delivery_id, n, started_at, took_us, status)
                   VALUES (7, 1, 0, 9, 503), (7, 2, 5, 9, 200);",
            )
            .expect("rows");
        migrate_by(&connection, path, MIGRATIONS).expect("migrated");
        let found: i64 = connection
            .query_row(
                "SELECT count(*) FROM attempts JOIN integrations ON integration_id = id",
                [],
                |row| row.get(0),
            )
            .expect("a count");
        assert_eq!(found, 2);
        // The table that they refer to was made anew since then, with its rows.
        connection.pragma_update(None, "foreign_keys", true).expect("set");
        let dangling: i64 = connection
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
            .expect("a count");
        assert_eq!(dangling, 0);
        let refused = connection.execute("DELETE FROM integrations", []);
        assert!(refused.is_err(), "deliveries refer to it still");
    }

    /// What was sealed before a step is in no page that the step left free.
    #[test]
    fn a_step_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("belfry.db");
        let connection = Connection::open(&path).expect("a database");
        connection.pragma_update(None, "secure_delete", "FAST").expect("set");
        migrate_by(&connection, &path, &MIGRATIONS[..4]).expect("as it was");
        connection
            .execute_batch(
                "INSERT INTO automations (id, name, active, version, created_at)
                   VALUES (zeroblob(16), 'a', 1, 1, 0);
                 INSERT INTO integrations (id, automation_id, place, kind, name, url, auth_method,
                   signing, http1_only, ordering, status, created_at, credential)
                   VALUES (x'000102030405060708090a0b0c0d0e0f', zeroblob(16), 1, 'webhook', 'i',
                   'https://a.example/', 'none', 0, 0, 'due', 'active', 0, CAST('sentinel' AS BLOB));",
            )
            .expect("rows");
        migrate_by(&connection, &path, MIGRATIONS).expect("migrated");
        let mode: i64 =
            connection.query_row("PRAGMA secure_delete", [], |row| row.get(0)).expect("a mode");
        assert_eq!(mode, 2, "as it was before");
        connection.execute_batch("UPDATE integrations SET credential = NULL").expect("removed");
        drop(connection);
        let file = std::fs::read(&path).expect("the file");
        assert!(!file.windows(8).any(|window| window == b"sentinel"));
    }
}
