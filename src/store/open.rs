//! Opening the data directory: for one process alone, on a disk that keeps its word, with a database
//! that is ours and up to date.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::error::{Reach, SqlError, reach};
use super::reader::Watch;
use super::{disk, row, schema};
use crate::domain::limits;

/// The database's file in the data directory.
const DATABASE: &str = "belfry.db";
/// The words of `PRAGMA synchronous`: each commit is synced, or none.
const FULL: i64 = 2;
const OFF: i64 = 0;

/// Why the data directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the data directory {dir} is in use by the process {pid}: stop that one first")]
    InUse {
        /// The directory.
        dir: String,
        /// Who says so in the lock file.
        pid: String,
    },
    /// There is no database in it.
    #[error(
        "there is no {file}: `belfry init` makes one. Where there was one, a disk may be missing that should \
         be mounted there"
    )]
    Missing {
        /// The file that should be there.
        file: String,
    },
    /// It is on a network file system.
    #[error(
        "the data directory {dir} is on {kind}, which can't keep a database safe: move it to a \
         local disk"
    )]
    NetworkDisk {
        /// The directory.
        dir: String,
        /// Which file system.
        kind: &'static str,
    },
    /// The file is no database of ours.
    #[error("{file} {what}")]
    Foreign {
        /// The file.
        file: String,
        /// What it is instead, and what to do.
        what: String,
    },
    /// It was written by a newer version.
    #[error(
        "{file} was written by a newer version of Belfry (schema {found}, this one knows {known}): use that version"
    )]
    Newer {
        /// The file.
        file: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The database is damaged.
    #[error("{file} is damaged ({what}): put a backup in its place with `belfry restore`")]
    Damaged {
        /// The file.
        file: String,
        /// What SQLite says.
        what: String,
    },
    /// There is no room on its disk.
    #[error("there is no room on the disk of {file}: make some")]
    Full {
        /// The database's file.
        file: String,
    },
    /// The machine refused.
    #[error("{what} {file} failed")]
    Machine {
        /// What was tried.
        what: &'static str,
        /// With which file.
        file: String,
        /// The machine's answer.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("the database {file} can't be opened")]
    Sqlite {
        /// The file.
        file: String,
        /// Its answer.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// The exit status that it deserves: 65 (EX_DATAERR) where the data is at fault, else 1.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Foreign { .. } | Self::Newer { .. } | Self::Damaged { .. } => 65,
            Self::InUse { .. }
            | Self::Missing { .. }
            | Self::NetworkDisk { .. }
            | Self::Full { .. }
            | Self::Machine { .. }
            | Self::Sqlite { .. } => 1,
        }
    }
}

/// An open data directory.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// Another one, that only brings the log's pages into the database.
    pub(super) copying: Connection,
    pub(super) data: PathBuf,
    pub(super) lock: File,
}

/// How a database is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// The most pages that it may have; for tests of a full disk.
    pub(super) max_pages: Option<u32>,
    /// Whether a commit waits until it is on disk. Only a simulation, whose process does not die, can
    /// do without.
    pub(super) synced: bool,
}

/// A service that made itself an empty database would look like one that has nothing to do.
pub(super) fn expect_database(data: &Path) -> Result<(), OpenError> {
    let file = database(data);
    match file.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::Missing { file: file.display().to_string() }),
        Err(source) => Err(machine("looking for", &file, source)),
    }
}

pub(super) fn open(data: &Path, max_pages: Option<u32>) -> Result<Opened, OpenError> {
    refuse_network_disk(data)?;
    let lock = lock(data)?;
    make_private(&database(data))?;
    let connection = open_database(&database(data), Manner { max_pages, synced: true })?;
    let copying = open_copying(data)?;
    disk::keep_reserve(data);
    Ok(Opened { connection, copying, data: data.to_owned(), lock })
}

/// Makes an empty file where there is none, for its owner alone: SQLite would leave the mode to the
/// umask, and gives the write-ahead log the mode of the database.
fn make_private(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_empty) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(machine("making", path, source)),
    }
}

/// The database's file in a data directory.
pub(super) fn database(data: &Path) -> PathBuf {
    data.join(DATABASE)
}

/// The writer's connection, checked, set up and migrated.
pub(super) fn open_database(path: &Path, manner: Manner) -> Result<Connection, OpenError> {
    refuse_foreign_file(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE,
    )
    .map_err(|error| sqlite(path, error))?;
    schema::refuse_unknown(&connection, path)?;
    set_up(&connection, path, manner).map_err(|error| sqlite(path, error))?;
    schema::migrate(&connection, path)?;
    schema::refuse_damaged(&mut connection, path)?;
    row::probe(&connection).map_err(|error| match error {
        SqlError::Sqlite(error) => sqlite(path, error),
        SqlError::Rule(rule) => damaged(path, rule.to_string()),
    })?;
    Ok(connection)
}

/// A connection that is to bring the log's pages into the database, and does nothing else.
fn open_copying(data: &Path) -> Result<Connection, OpenError> {
    let path = database(data);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let open = || {
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.pragma_update(None, "synchronous", FULL)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "cache_size", -64)?;
        Ok(connection)
    };
    open().map_err(|error| sqlite(&path, error))
}

/// A connection that can only read.
pub(super) fn open_reader(data: &Path, watch: Watch) -> Result<Connection, OpenError> {
    let path = database(data);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let open = || {
        let mut connection = Connection::open_with_flags(&path, flags)?;
        connection.progress_handler(10_000, Some(move || watch.is_over()))?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cache_size", -1024)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    open().map_err(|error| sqlite(&path, error))
}

fn set_up(connection: &Connection, path: &Path, manner: Manner) -> rusqlite::Result<()> {
    connection.busy_timeout(limits::STORE_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "page_size", limits::STORE_PAGE_BYTES as i64)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        // Some file systems can't; without it a commit would not be what we promise.
        tracing::error!(file = %path.display(), mode, "the database has no write-ahead log");
        return Err(rusqlite::Error::InvalidQuery);
    }
    let synchronous = if manner.synced { FULL } else { OFF };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // What is freed within a page that is written anyway is wiped: a sealed secret that was replaced
    // stays no longer than its page.
    connection.pragma_update(None, "secure_delete", "FAST")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "journal_size_limit", limits::STORE_LOG_BYTES as i64)?;
    if cfg!(target_os = "macos") {
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    if let Some(pages) = manner.max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let is = |name: &str, value: i64| -> rusqlite::Result<bool> {
        let sql = format!("PRAGMA {name}");
        Ok(connection.query_row(&sql, [], |row| row.get::<_, i64>(0))? == value)
    };
    let set = is("synchronous", synchronous)? && is("foreign_keys", 1)?;
    if set { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
}

/// Looks at the file's own header before SQLite does: it would write into a database of another program.
pub(super) fn refuse_foreign_file(path: &Path) -> Result<(), OpenError> {
    let about = match std::fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(machine("reading", path, source)),
    };
    if about.is_symlink() {
        return Err(foreign(path, "is a symbolic link: put the file itself there"));
    }
    if !about.is_file() {
        return Err(foreign(path, "is not a file: move it away"));
    }
    if about.len() == 0 {
        return Ok(());
    }
    let mut header = [0_u8; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    if read.is_err() || !header.starts_with(b"SQLite format 3\0") {
        let what = "is not a SQLite database, or its header is damaged: put a backup in its place \
                    with `belfry restore`";
        return Err(foreign(path, what));
    }
    let number = |offset: usize| match header.get(offset..offset + 4) {
        Some(&[a, b, c, d]) => i32::from_be_bytes([a, b, c, d]),
        Some(_) | None => 0,
    };
    // Offsets of the header (SQLite file format, 1.3.9 and 1.3.15): how often the schema changed,
    // and whose it is. One of ours that is still empty has neither; most programs set no id.
    let (changed, application) = (number(40), number(68));
    if application != schema::APPLICATION_ID && (application, changed) != (0, 0) {
        return Err(foreign(path, "is a database of another program: name another data directory"));
    }
    Ok(())
}

pub(super) fn lock(data: &Path) -> Result<File, OpenError> {
    let path = data.join("belfry.lock");
    let mut options = OpenOptions::new();
    let open = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(|source| machine("opening", &path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The lock tells enough if its text can't be read.
            let _unreadable = file.read_to_string(&mut pid);
            let pid = pid.trim().to_owned();
            return Err(OpenError::InUse { dir: shown(data), pid });
        }
        Err(TryLockError::Error(source)) => return Err(machine("locking", &path, source)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|source| machine("writing", &path, source))?;
    Ok(file)
}

pub(super) fn refuse_network_disk(data: &Path) -> Result<(), OpenError> {
    let kind = disk::kind(data).map_err(|source| machine("looking at", data, source))?;
    match kind {
        disk::Kind::Local => {}
        disk::Kind::Fuse => {
            tracing::warn!(
                dir = shown(data),
                "the data directory is on FUSE: keep it only if that is a local disk underneath"
            );
        }
        disk::Kind::Network(kind) => {
            return Err(OpenError::NetworkDisk { dir: shown(data), kind });
        }
    }
    Ok(())
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn foreign(path: &Path, what: &str) -> OpenError {
    OpenError::Foreign { file: shown(path), what: what.to_owned() }
}

pub(super) fn damaged(path: &Path, what: String) -> OpenError {
    OpenError::Damaged { file: shown(path), what }
}

pub(super) fn machine(what: &'static str, path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Machine { what, file: shown(path), source }
}

/// What SQLite's refusal means for whoever wants to start.
pub(super) fn sqlite(path: &Path, error: rusqlite::Error) -> OpenError {
    match reach(&error) {
        Reach::Damage => damaged(path, error.to_string()),
        Reach::NoRoom => OpenError::Full { file: shown(path) },
        Reach::Command | Reach::Busy | Reach::InDoubt => {
            OpenError::Sqlite { file: shown(path), source: error }
        }
    }
}
