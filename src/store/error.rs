//! What SQLite says, and what it means.

use rusqlite::ErrorCode;

use crate::engine::ports::StoreError;

/// Why a function over a connection failed.
#[derive(Debug)]
pub(super) enum SqlError {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// A rule of ours said so: the command fails alone.
    Rule(StoreError),
}

pub(super) type SqlResult<T> = Result<T, SqlError>;

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for SqlError {
    fn from(error: StoreError) -> Self {
        Self::Rule(error)
    }
}

/// How far an error reaches.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only the command that met it.
    Command,
    /// No room: everything waits until there is.
    NoRoom,
    /// The lock is held by somebody else, who must not be there.
    Busy,
    /// The disk or the database is damaged, or what is on disk is in doubt.
    Process,
}

/// How far SQLite's error reaches. Anything that may have touched the file and is not known to be
/// harmless is in doubt.
pub(super) fn reach(error: &rusqlite::Error) -> Reach {
    use rusqlite::ffi;
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return Reach::Command };
    // On a full disk a write may fail as an I/O error, and is undone.
    if failure.extended_code == ffi::SQLITE_IOERR_WRITE {
        return Reach::NoRoom;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "SQLite adds codes; those fail alone")]
    match failure.code {
        ErrorCode::DiskFull => Reach::NoRoom,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Reach::Busy,
        ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            Reach::Process
        }
        _ => Reach::Command,
    }
}

/// For the one who asked.
pub(super) fn told(error: SqlError) -> StoreError {
    match error {
        SqlError::Rule(error) => error,
        SqlError::Sqlite(rusqlite::Error::QueryReturnedNoRows) => StoreError::NotFound,
        SqlError::Sqlite(error) => match reach(&error) {
            Reach::NoRoom => StoreError::Full,
            Reach::Busy => StoreError::Busy,
            Reach::Command | Reach::Process => StoreError::Failed(error.to_string()),
        },
    }
}
