//! The database on the machine itself, for an operator who is locked out: people and tokens, whether the
//! service runs or not. Beside a running service each act is one short transaction of SQLite's own.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{SqlResult, told};
use super::open::{self, Manner, OpenError};
use super::people::{self, NewUser, UserChange, UserRow};
use super::tokens::{self, NewToken, TokenRow};
use super::{limits, schema};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, StoreError};

/// An open database. The methods answer when what they wrote is on disk.
pub struct Desk {
    connection: Connection,
    /// Held where no service runs, so that none starts meanwhile.
    _lock: Option<File>,
}

impl Desk {
    /// Opens the database of a data directory.
    ///
    /// # Errors
    /// There is none, it is no good, or the service that runs on it is of another version.
    pub fn open(data: &Path) -> Result<Self, OpenError> {
        open::expect_database(data)?;
        let path = open::database(data);
        match open::lock(data) {
            Ok(lock) => {
                let manner = Manner { max_pages: None, synced: true };
                Ok(Self { connection: open::open_database(&path, manner)?, _lock: Some(lock) })
            }
            Err(OpenError::InUse { .. }) => Self::beside(&path),
            Err(error) => Err(error),
        }
    }

    /// Whether a service runs on the same data: what it knows by heart it knows for a while.
    pub fn is_beside_a_service(&self) -> bool {
        self._lock.is_none()
    }

    fn beside(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let open = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(limits::STORE_PATIENCE)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            Ok(connection)
        };
        let connection = open().map_err(|error| open::sqlite(path, error))?;
        schema::expect_present(&connection, path)?;
        Ok(Self { connection, _lock: None })
    }

    fn write<T>(&mut self, run: impl FnOnce(&Connection) -> SqlResult<T>) -> Result<T, StoreError> {
        let work = || {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = run(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        work().map_err(told)
    }

    /// Stores a token.
    ///
    /// # Errors
    /// What the store says; nothing was done then.
    pub fn add_token(&mut self, token: &NewToken, by: &Actor) -> Result<(), StoreError> {
        self.write(|connection| tokens::add(connection, token, None, by))
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// `NotFound`, or what the store says.
    pub fn revoke_token(&mut self, id: &str, by: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| tokens::revoke(connection, id, by, at))
    }

    /// Tokens in the order in which they were made, behind the one named.
    ///
    /// # Errors
    /// What the store says.
    pub fn tokens(
        &self,
        behind: Option<(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<TokenRow>, StoreError> {
        tokens::list(&self.connection, behind, limit).map_err(told)
    }

    /// Adds a person.
    ///
    /// # Errors
    /// `Refused` where the name is taken, or what the store says.
    pub fn add_user(
        &mut self,
        user: &NewUser,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| people::add(connection, user, None, by, at))
    }

    /// The person of that name as names are compared.
    ///
    /// # Errors
    /// What the store says.
    pub fn user_named(&self, folded: &str) -> Result<Option<UserRow>, StoreError> {
        people::named(&self.connection, folded).map_err(told)
    }

    /// People in the order in which they were added, behind the one named.
    ///
    /// # Errors
    /// What the store says.
    pub fn users(
        &self,
        behind: Option<(Timestamp, UserId)>,
        limit: usize,
    ) -> Result<Vec<UserRow>, StoreError> {
        people::list(&self.connection, behind, limit).map_err(told)
    }

    /// Changes a person.
    ///
    /// # Errors
    /// `Refused` where it would leave nobody who is an admin, or what the store says.
    pub fn change_user(
        &mut self,
        id: UserId,
        change: &UserChange,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| people::change(connection, id, change, by, at))
    }

    /// Removes a person.
    ///
    /// # Errors
    /// `Refused` for the last admin, or what the store says.
    pub fn remove_user(&mut self, id: UserId, by: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| people::remove(connection, id, by, at))
    }
}
