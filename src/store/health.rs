//! How the database is, for people who look after it.

use std::path::Path;

use rusqlite::Connection;

use super::backup::{self, LastBackup};
use super::disk::{self, DiskNow};
use super::error::SqlResult;

/// How the database is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHealth {
    /// The schema's version.
    pub schema: i64,
    /// Bytes of the database's pages, with those that are free.
    pub database_bytes: u64,
    /// Bytes of free pages among them: they are used before the file grows.
    pub free_bytes: u64,
    /// Bytes on disk, of the database and of its log.
    pub file_bytes: u64,
    /// Bytes of its log among them.
    pub log_bytes: u64,
    /// The last backup that was made on this data directory.
    pub last_backup: Option<LastBackup>,
    /// The disk that it lies on, where that can be looked at.
    pub disk: Option<DiskNow>,
}

pub(super) fn health(connection: &Connection) -> SqlResult<StoreHealth> {
    let number = |name: &str| -> rusqlite::Result<u64> {
        let found: i64 = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?;
        Ok(u64::try_from(found).unwrap_or(0))
    };
    let page_bytes = number("page_size")?;
    let file = connection.path().unwrap_or_default();
    let log_bytes = bytes(&format!("{file}-wal"));
    Ok(StoreHealth {
        schema: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        database_bytes: number("page_count")? * page_bytes,
        free_bytes: number("freelist_count")? * page_bytes,
        file_bytes: bytes(file) + log_bytes,
        log_bytes,
        last_backup: backup::last(connection)?,
        disk: Path::new(file).parent().and_then(disk::now),
    })
}

/// The bytes of a file; none where it is not there.
fn bytes(file: &str) -> u64 {
    std::fs::metadata(Path::new(file)).map_or(0, |about| about.len())
}
