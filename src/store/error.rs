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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only the command that met it.
    Command,
    /// No room: everything waits until there is.
    NoRoom,
    /// The lock is held by somebody else, who must not be there.
    Busy,
    /// Whether it is on disk can't be known: a second try would prove nothing.
    InDoubt,
    /// The database is damaged.
    Damage,
}

/// How far SQLite's error reaches. Anything that may have touched the file and is not known to be
/// harmless is in doubt.
pub(super) fn reach(error: &rusqlite::Error) -> Reach {
    use rusqlite::ffi::{SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_DATA, SQLITE_IOERR_WRITE};
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return Reach::Command };
    match failure.extended_code {
        // A quota or a limit on the file's size shows as this; SQLite undoes what it began.
        SQLITE_IOERR_WRITE => return Reach::NoRoom,
        SQLITE_IOERR_DATA | SQLITE_IOERR_CORRUPTFS => return Reach::Damage,
        _ => {}
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "SQLite adds codes; those fail alone")]
    match failure.code {
        ErrorCode::DiskFull => Reach::NoRoom,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Reach::Busy,
        ErrorCode::SystemIoFailure => Reach::InDoubt,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Reach::Damage,
        _ => Reach::Command,
    }
}

impl SqlError {
    /// Whether what was asked for is not there.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Sqlite(rusqlite::Error::QueryReturnedNoRows))
    }

    /// How far it reaches.
    pub(super) fn reach(&self) -> Reach {
        match self {
            Self::Sqlite(error) => reach(error),
            Self::Rule(_) => Reach::Command,
        }
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
            Reach::Command if was_broken_off(&error) => {
                StoreError::Failed("the reading took longer than one may".to_owned())
            }
            Reach::Command | Reach::InDoubt | Reach::Damage => {
                StoreError::Failed(error.to_string())
            }
        },
    }
}

fn was_broken_off(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn every_kind_of_failure_reaches_as_far_as_it_must() {
        for (code, expected) in [
            (ffi::SQLITE_FULL, Reach::NoRoom),
            (ffi::SQLITE_IOERR_WRITE, Reach::NoRoom),
            (ffi::SQLITE_BUSY, Reach::Busy),
            (ffi::SQLITE_BUSY_SNAPSHOT, Reach::Busy),
            (ffi::SQLITE_IOERR_FSYNC, Reach::InDoubt),
            (ffi::SQLITE_IOERR_DIR_FSYNC, Reach::InDoubt),
            (ffi::SQLITE_IOERR_SHORT_READ, Reach::InDoubt),
            (ffi::SQLITE_CORRUPT, Reach::Damage),
            (ffi::SQLITE_CORRUPT_INDEX, Reach::Damage),
            (ffi::SQLITE_NOTADB, Reach::Damage),
            (ffi::SQLITE_IOERR_CORRUPTFS, Reach::Damage),
            (ffi::SQLITE_IOERR_DATA, Reach::Damage),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Reach::Command),
            (ffi::SQLITE_NOMEM, Reach::Command),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(reach(&error), expected, "code {code}");
        }
    }
}
