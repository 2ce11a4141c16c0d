//! `belfry restore`: a backup takes the database's place, while no service runs. It is copied and checked
//! first; what it replaces is put aside, and is whole there.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use serde_json::json;

use super::audit::audit;
use super::backup::{BackupError, Partial, sync, sync_directory};
use super::error::{Reach, SqlResult, reach, told};
use super::open::{self, OpenError};
use super::schema;
use crate::domain::limits;
use crate::domain::time::Timestamp;
use crate::engine::ports::Actor;

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// Its bytes.
    pub bytes: u64,
    /// The schema's version; the next start brings an older one up to date.
    pub schema: i64,
    /// Where the database is that was there before.
    pub aside: Option<PathBuf>,
}

/// Since which version there are people.
const PEOPLE: i64 = 2;

/// Puts the backup in the place of the database of a data directory, where no service runs. Whoever was
/// signed in when the backup was made is not any more.
///
/// # Errors
/// What is in the way; the database that was there is still there then.
pub fn restore(
    data: &Path,
    file: &Path,
    replace: bool,
    at: Timestamp,
) -> Result<Restored, BackupError> {
    open::refuse_network_disk(data)?;
    let _lock = open::lock(data)?;
    let database = open::database(data);
    let taken = parts(&database).iter().any(|part| part.symlink_metadata().is_ok());
    if taken && !replace {
        return Err(BackupError::Taken { file: open::shown(&database) });
    }
    refuse_file(file)?;
    let copied = Partial::beside(&database)?;
    // A link, a device or a pipe can't come here: it was looked at.
    fill(&copied.0, file).map_err(|source| {
        if source.kind() == ErrorKind::StorageFull {
            BackupError::NoRoom { file: open::shown(&database) }
        } else {
            open::machine("copying", file, source).into()
        }
    })?;
    let schema = prepare(&copied.0, file, at)?;
    let bytes = sync(&copied.0)?;
    let aside = if taken { Some(put_aside(&database, at)?) } else { None };
    std::fs::rename(&copied.0, &database)
        .map_err(|source| open::machine("putting the backup in the place of", &database, source))?;
    sync_directory(&database)?;
    Ok(Restored { bytes, schema, aside })
}

fn refuse_file(file: &Path) -> Result<(), BackupError> {
    let about = std::fs::symlink_metadata(file);
    let about = about.map_err(|source| open::machine("reading", file, source))?;
    let useless =
        |what: &str| Err(BackupError::Useless { file: open::shown(file), what: what.to_owned() });
    if !about.is_file() {
        return useless("is not a file");
    }
    let mut start = [0_u8; 16];
    let read = File::open(file).and_then(|mut open| open.read_exact(&mut start));
    match read {
        Ok(()) if start == *b"SQLite format 3\0" => Ok(()),
        Ok(()) => useless("is no database"),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => useless("is cut short, or empty"),
        Err(source) => Err(open::machine("reading", file, source).into()),
    }
}

/// Copies into a file that is there, which keeps its mode.
fn fill(to: &Path, from: &Path) -> std::io::Result<()> {
    let mut to = OpenOptions::new().write(true).open(to)?;
    std::io::copy(&mut File::open(from)?, &mut to).map(|_| ())
}

/// Looks at all of the copy, and ends all sessions in it.
fn prepare(copy: &Path, file: &Path, at: Timestamp) -> Result<i64, BackupError> {
    let useless = |what: String| BackupError::Useless { file: open::shown(file), what };
    let sqlite = |error: rusqlite::Error| match reach(&error) {
        Reach::NoRoom => BackupError::NoRoom { file: open::shown(copy) },
        Reach::Command | Reach::Busy | Reach::InDoubt | Reach::Damage => {
            useless(format!("can't be read ({error})"))
        }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut connection = Connection::open_with_flags(copy, flags).map_err(sqlite)?;
    let quiet = connection.pragma_update(None, "trusted_schema", false);
    quiet.and_then(|()| one_file(&connection)).map_err(sqlite)?;
    // What is wrong is wrong with the file that was named.
    let schema = schema::version(&connection, file)?;
    if schema == 0 {
        return Err(useless("holds nothing".to_owned()));
    }
    let found: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if found != "ok" {
        return Err(useless(format!("is damaged ({found})")));
    }
    if schema >= PEOPLE {
        begin_anew(&mut connection, file, at).map_err(|error| useless(told(error).to_string()))?;
    }
    Ok(schema)
}

/// A copy of a database with a log of its own has none here.
fn one_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}

/// Whoever has been signed out since would be signed in again.
fn begin_anew(connection: &mut Connection, file: &Path, at: Timestamp) -> SqlResult<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("DELETE FROM sessions", [])?;
    let change = json!({ "file": open::shown(file) });
    audit(&transaction, &Actor::cli(), at, "backup.restore", &"database", &change)?;
    transaction.commit()?;
    Ok(())
}

/// The database and what may lie beside it.
fn parts(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| with(database, ending))
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Puts the database aside. The log must not stay: it would be taken for the new one's.
fn put_aside(database: &Path, at: Timestamp) -> Result<PathBuf, OpenError> {
    let aside = free_name(database, at);
    // Where its log can be brought into it, it is one file: then there is a database at any moment.
    if fold(database) && std::fs::hard_link(database, &aside).is_ok() {
        return Ok(aside);
    }
    // Else there is none for a moment, which a start refuses; and the parts stay together.
    for (part, ending) in parts(database).iter().zip(["", "-wal", "-shm"]) {
        match std::fs::rename(part, with(&aside, ending)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(open::machine("putting aside", part, source)),
        }
    }
    sync_directory(database)?;
    Ok(aside)
}

fn free_name(database: &Path, at: Timestamp) -> PathBuf {
    let stem = with(database, &format!(".replaced-{}", at.as_millis()));
    let names =
        (0_u32..).map(|n| if n == 0 { stem.clone() } else { with(&stem, &format!("-{n}")) });
    let free = |name: &PathBuf| parts(name).iter().all(|part| part.symlink_metadata().is_err());
    names.take(1000).find(free).unwrap_or(stem)
}

/// Brings the log into the database, where both are ours and whole; says whether there is no log left.
fn fold(database: &Path) -> bool {
    if open::refuse_foreign_file(database).is_err() {
        return false;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let folded = Connection::open_with_flags(database, flags).and_then(|connection| {
        connection.busy_timeout(limits::STORE_PATIENCE)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    });
    let [_, log, memory] = parts(database);
    folded.is_ok() && [log, memory].iter().all(|part| part.symlink_metadata().is_err())
}
