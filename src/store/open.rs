//! Opening the data directory: for one process alone, on a disk that keeps its word, with a database
//! that is ours and up to date.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::reader::Watch;
use crate::domain::limits;

/// The database's file in the data directory.
const DATABASE: &str = "belfry.db";
/// "BLFR": marks the file as ours.
const APPLICATION_ID: i32 = 0x424C_4652;
/// Forward only: each takes the schema from its place in the list to the next.
const MIGRATIONS: &[&str] = &[include_str!("schema/0001_first.sql")];

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
            | Self::NetworkDisk { .. }
            | Self::Machine { .. }
            | Self::Sqlite { .. } => 1,
        }
    }
}

/// An open data directory.
#[derive(Debug)]
pub struct Opened {
    pub(super) connection: Connection,
    pub(super) data: PathBuf,
    pub(super) lock: File,
}

pub(super) fn open(data: &Path, max_pages: Option<u32>) -> Result<Opened, OpenError> {
    refuse_network_disk(data)?;
    let lock = lock(data)?;
    make_private(&database(data))?;
    let connection = open_database(&database(data), max_pages)?;
    keep_reserve(data);
    Ok(Opened { connection, data: data.to_owned(), lock })
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
pub(super) fn open_database(path: &Path, max_pages: Option<u32>) -> Result<Connection, OpenError> {
    refuse_foreign(path)?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE,
    )
    .map_err(|error| sqlite(path, error))?;
    set_up(&connection, path, max_pages).map_err(|error| sqlite(path, error))?;
    migrate(&connection, path)?;
    super::row::probe(&connection)
        .map_err(|error| damaged(path, super::error::told(error).to_string()))?;
    Ok(connection)
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

fn set_up(connection: &Connection, path: &Path, max_pages: Option<u32>) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "page_size", 4096)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        // Some file systems can't; without it a commit would not be what we promise.
        tracing::error!(file = %path.display(), mode, "the database has no write-ahead log");
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.pragma_update(None, "journal_size_limit", limits::STORE_LOG_BYTES as i64)?;
    if cfg!(target_os = "macos") {
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    if let Some(pages) = max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    let foreign_keys: i64 = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0))?;
    if (synchronous, foreign_keys) == (2, 1) { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |name: &str| {
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
            .map_err(|error| sqlite(path, error))
    };
    let found = number("user_version")?;
    let application = number("application_id")?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { file: shown(path), found, known });
    }
    if found > 0 && application != i64::from(APPLICATION_ID) {
        return Err(foreign(path, "is a database of another program: name another data directory"));
    }
    for (place, sql) in (0_i64..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        let step = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            connection.execute_batch(sql)?;
            crate::failpoint::reach("migrate.step");
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", place + 1)?;
            connection.execute_batch("COMMIT")
        };
        step().map_err(|error| sqlite(path, error))?;
    }
    Ok(())
}

/// Looks at the file's own header before SQLite does: it would write into a database of another program.
fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
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
    if application != APPLICATION_ID && (application, changed) != (0, 0) {
        return Err(foreign(path, "is a database of another program: name another data directory"));
    }
    Ok(())
}

fn lock(data: &Path) -> Result<File, OpenError> {
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

fn refuse_network_disk(data: &Path) -> Result<(), OpenError> {
    #[cfg(target_os = "linux")]
    {
        let about = rustix::fs::statfs(data)
            .map_err(|error| machine("looking at", data, std::io::Error::from(error)))?;
        // The magic numbers of statfs(2).
        let kind = match u32::try_from(about.f_type & 0xFFFF_FFFF) {
            Ok(0x6969) => Some("NFS"),
            Ok(0x517B | 0xFE53_4D42 | 0xFF53_4D42) => Some("SMB"),
            Ok(0x0102_1997) => Some("9p"),
            Ok(0x0BD0_0BD0) => Some("Lustre"),
            Ok(_) | Err(_) => None,
        };
        if let Some(kind) = kind {
            return Err(OpenError::NetworkDisk { dir: shown(data), kind });
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _only_known_on_linux = data;
    Ok(())
}

/// Whether the disk has so little room that nothing new should be taken.
pub(super) fn room_is_low(data: &Path) -> bool {
    match rustix::fs::statvfs(data) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let whole = disk.f_blocks.saturating_mul(disk.f_frsize);
            free < limits::DISK_LOW_BYTES.min(whole / 50)
        }
        // What can't be known is found out by writing.
        Err(_) => false,
    }
}

/// Makes the reserve, where there is none.
pub(super) fn keep_reserve(data: &Path) {
    let path = data.join("reserve");
    if path.exists() {
        return;
    }
    let mut options = OpenOptions::new();
    let made = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
    let made = made.and_then(|file| {
        let whole = rustix::fs::fallocate(
            &file,
            rustix::fs::FallocateFlags::empty(),
            0,
            limits::DISK_RESERVE_BYTES,
        );
        whole.map_err(std::io::Error::from)
    });
    if let Err(error) = made {
        tracing::warn!(%error, "no room for the reserve on the disk of the data directory");
        release_reserve(data);
    }
}

/// Gives the reserve's room back.
pub(super) fn release_reserve(data: &Path) {
    // It may be gone already.
    let _gone = std::fs::remove_file(data.join("reserve"));
}

/// Bytes of the database's log.
pub(super) fn log_bytes(data: &Path) -> u64 {
    std::fs::metadata(data.join(format!("{DATABASE}-wal"))).map_or(0, |about| about.len())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn foreign(path: &Path, what: &str) -> OpenError {
    OpenError::Foreign { file: shown(path), what: what.to_owned() }
}

fn damaged(path: &Path, what: String) -> OpenError {
    OpenError::Damaged { file: shown(path), what }
}

fn machine(what: &'static str, path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Machine { what, file: shown(path), source }
}

fn sqlite(path: &Path, error: rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => damaged(path, error.to_string()),
        Some(_) | None => OpenError::Sqlite { file: shown(path), source: error },
    }
}
