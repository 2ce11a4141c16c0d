//! `belfry backup`: a copy of the database, made beside a running service or without one. A file of that
//! name is there only once it is whole, checked, and on disk. What is sealed stays sealed in it, and no
//! key is in it.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};
use serde_json::json;

use super::audit::audit;
use super::error::{Reach, SqlResult, reach, told};
use super::open::{self, OpenError};
use super::row::time;
use super::schema;
use crate::domain::limits;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, StoreError};

/// Why there is no backup, or nothing was restored. What was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data directory, or the machine.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It would lie beside what it is to save.
    #[error(
        "{file} is in the data directory: name a place outside of it, best on another disk, so that what \
         takes the one leaves the other"
    )]
    Inside {
        /// The file that was named.
        file: String,
    },
    /// No room for the copy.
    #[error("there is no room on the disk of {file}: make some, or name another place")]
    NoRoom {
        /// The file that was to be written.
        file: String,
    },
    /// SQLite can't make the copy.
    #[error("the database can't be copied to {file}")]
    Copy {
        /// The file that was to be written.
        file: String,
        /// Its answer.
        source: rusqlite::Error,
    },
    /// The file is no backup that can be used.
    #[error("{file} {what}: nothing was changed; take another backup")]
    Useless {
        /// The file that was named.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// There is a database already.
    #[error(
        "there is a {file} already, and nothing was changed: with --replace it is put aside, and the \
         backup takes its place"
    )]
    Taken {
        /// The database.
        file: String,
    },
}

impl BackupError {
    /// The exit status that it deserves.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Open(error) => error.exit_status(),
            Self::Useless { .. } => 65,
            Self::Inside { .. } | Self::NoRoom { .. } | Self::Copy { .. } | Self::Taken { .. } => 1,
        }
    }
}

/// A backup that was made.
#[derive(Debug)]
pub struct BackedUp {
    /// Its bytes.
    pub bytes: u64,
    /// The schema's version.
    pub schema: i64,
    /// What kept it from being written down in the database; the backup is good all the same.
    pub unnoted: Option<StoreError>,
}

/// The last backup, as the database knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastBackup {
    /// When it was made.
    pub made_at: Timestamp,
    /// Its bytes.
    pub bytes: u64,
}

/// Copies the database of a data directory into that file. What was there under its name goes only when
/// the new one is whole, and only where it was a backup as well.
///
/// # Errors
/// What is in the way; nothing is left of the copy then.
pub fn back_up(data: &Path, file: &Path, at: Timestamp) -> Result<BackedUp, BackupError> {
    open::expect_database(data)?;
    let database = open::database(data);
    refuse_place(data, file)?;
    // Held where no service runs, so that none migrates the database meanwhile.
    let _lock = match open::lock(data) {
        Ok(lock) => Some(lock),
        Err(OpenError::InUse { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let (mut connection, schema) = open_source(&database)?;
    let partial = Partial::beside(file)?;
    copy(&connection, &partial.0).map_err(|source| copying(file, source))?;
    check(&partial.0).map_err(|source| copying(file, source))?;
    let bytes = sync(&partial.0)?;
    std::fs::rename(&partial.0, file)
        .map_err(|source| open::machine("putting the backup in the place of", file, source))?;
    sync_directory(file)?;
    let noted = note(&mut connection, schema, file, bytes, at);
    Ok(BackedUp { bytes, schema, unnoted: noted.map_err(told).err() })
}

/// Not over the database, nor over what is no backup.
fn refuse_place(data: &Path, file: &Path) -> Result<(), BackupError> {
    open::refuse_foreign_file(file)?;
    let parent = directory_of(file)?;
    let real =
        |path: &Path| path.canonicalize().map_err(|source| open::machine("finding", path, source));
    if real(&parent)?.starts_with(real(data)?) {
        return Err(BackupError::Inside { file: open::shown(file) });
    }
    Ok(())
}

/// As it is: a backup is no time to migrate.
fn open_source(path: &Path) -> Result<(Connection, i64), OpenError> {
    open::refuse_foreign_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(limits::STORE_PATIENCE)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(connection)
    };
    let connection = open().map_err(|error| open::sqlite(path, error))?;
    let schema = schema::version(&connection, path)?;
    Ok((connection, schema))
}

/// One reading from beginning to end: all of it is of one moment. What was deleted is not in the copy.
fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    let Some(to) = to.to_str() else {
        return Err(rusqlite::Error::InvalidPath(to.to_owned()));
    };
    connection.execute("VACUUM INTO ?1", [to]).map(|_| ())
}

/// A backup that was never read is none.
fn check(file: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
}

fn copying(file: &Path, source: rusqlite::Error) -> BackupError {
    let file = open::shown(file);
    match reach(&source) {
        Reach::NoRoom => BackupError::NoRoom { file },
        Reach::Command | Reach::Busy | Reach::InDoubt | Reach::Damage => {
            BackupError::Copy { file, source }
        }
    }
}

/// Writes down that there is a backup now, for people who look after the service.
fn note(
    connection: &mut Connection,
    schema: i64,
    file: &Path,
    bytes: u64,
    at: Timestamp,
) -> SqlResult<()> {
    if schema < schema::present() {
        // An older version's database, which has no place for it.
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT OR REPLACE INTO backups (one, made_at, bytes) VALUES (1, ?1, ?2)",
        params![at.as_millis(), i64::try_from(bytes).unwrap_or(i64::MAX)],
    )?;
    let change = json!({ "file": open::shown(file), "bytes": bytes });
    audit(&transaction, &Actor::cli(), at, "backup.create", &"database", &change)?;
    transaction.commit()?;
    Ok(())
}

/// The last backup, where there is one.
pub(super) fn last(connection: &Connection) -> SqlResult<Option<LastBackup>> {
    let found = connection
        .query_row("SELECT made_at, bytes FROM backups", [], |row| {
            let bytes: i64 = row.get("bytes")?;
            let made_at = time(row, "made_at")?;
            Ok(LastBackup { made_at, bytes: u64::try_from(bytes).unwrap_or(0) })
        })
        .optional()?;
    Ok(found)
}

/// A file that is being written; it goes where it did not come to be more.
pub(super) struct Partial(pub(super) PathBuf);

impl Partial {
    /// An empty file beside that one, for its owner alone.
    pub(super) fn beside(file: &Path) -> Result<Self, OpenError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(file.file_name().unwrap_or_default());
        name.push(format!(".{}.partial", std::process::id()));
        let partial = file.with_file_name(name);
        // One of a process that was killed, whose number is ours now.
        let _none = std::fs::remove_file(&partial);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
        made.map_err(|source| open::machine("making", &partial, source))?;
        Ok(Self(partial))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let mut journal = self.0.clone().into_os_string();
        journal.push("-journal");
        for left in [self.0.clone(), PathBuf::from(journal)] {
            // Under its own name it has become what it should.
            let _renamed = std::fs::remove_file(left);
        }
    }
}

/// Has a file on disk; returns its bytes.
pub(super) fn sync(file: &Path) -> Result<u64, OpenError> {
    let synced = File::open(file).and_then(|open| {
        open.sync_all()?;
        Ok(open.metadata()?.len())
    });
    synced.map_err(|source| open::machine("syncing", file, source))
}

/// A file's entry in its directory is on disk once the directory is synced.
pub(super) fn sync_directory(file: &Path) -> Result<(), OpenError> {
    let directory = directory_of(file)?;
    match File::open(&directory).and_then(|directory| directory.sync_all()) {
        // One that may be written and not read can't be opened, and so not be synced.
        Err(error) if error.kind() != ErrorKind::PermissionDenied => {
            Err(open::machine("syncing", &directory, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn directory_of(file: &Path) -> Result<PathBuf, OpenError> {
    let whole = std::path::absolute(file);
    let whole = whole.map_err(|source| open::machine("finding", file, source))?;
    Ok(whole.parent().map_or_else(|| whole.clone(), Path::to_owned))
}
