//! The same store on the caller's own thread: for simulations on a clock of their own, where no other
//! thread may take part, and where a crash can be had before and after any commit.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::Run;
use super::error::{SqlResult, told};
use super::open::{self, Manner, OpenError};
use super::turn::Door;
use crate::engine::ports::{AfterAccept, FreshDelivery, Promise, StoreError};

/// Where in a transaction a hook is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// All is done but the commit.
    BeforeCommit,
    /// It is on disk, and nobody was told.
    AfterCommit,
}

/// What a hook decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Go on.
    Go,
    /// There is no room on disk.
    Full,
    /// The process is gone: nothing after this moment happens.
    Crash,
}

type Hook = Box<dyn FnMut(Moment) -> Fate + Send>;

/// See the module.
pub struct Inline {
    connection: Mutex<Connection>,
    after: Arc<dyn AfterAccept>,
    hook: Mutex<Hook>,
    writable: std::sync::atomic::AtomicBool,
}

impl Inline {
    /// Opens or makes the database in that directory; `hook` decides about each transaction that writes.
    ///
    /// # Errors
    /// As [`super::Sqlite::open`], but there is no lock, and no commit waits for the disk: the process
    /// that is simulated crashes, the one that simulates does not.
    pub fn open(
        data: &Path,
        after: Arc<dyn AfterAccept>,
        hook: impl FnMut(Moment) -> Fate + Send + 'static,
    ) -> Result<Self, OpenError> {
        let connection =
            open::open_database(&open::database(data), Manner { max_pages: None, synced: false })?;
        Ok(Self {
            connection: Mutex::new(connection),
            after,
            hook: Mutex::new(Box::new(hook)),
            writable: true.into(),
        })
    }

    /// Says whether there is room on disk, as the product's own store finds out by writing.
    pub fn set_writable(&self, writable: bool) {
        self.writable.store(writable, std::sync::atomic::Ordering::Release);
    }

    fn ask(&self, moment: Moment) -> Fate {
        (self.hook.lock().unwrap_or_else(PoisonError::into_inner))(moment)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transact<T>(
        &self,
        mut run: impl FnMut(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T>,
    ) -> Result<T, StoreError> {
        let mut fresh = Vec::new();
        let value = {
            let connection = self.lock();
            let transaction =
                connection.unchecked_transaction().map_err(|error| told(error.into()))?;
            let value = run(&transaction, &mut fresh).map_err(told)?;
            match self.ask(Moment::BeforeCommit) {
                Fate::Go => {}
                Fate::Full => return Err(StoreError::Full),
                Fate::Crash => return Err(StoreError::Stopped),
            }
            transaction.commit().map_err(|error| told(error.into()))?;
            value
        };
        if self.ask(Moment::AfterCommit) == Fate::Crash {
            return Err(StoreError::Stopped);
        }
        if !fresh.is_empty() {
            self.after.accepted(fresh);
        }
        Ok(value)
    }
}

impl Run for Inline {
    fn write<T: Send + 'static>(
        &self,
        _door: Door,
        _rows: usize,
        run: impl FnMut(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        let result = self.transact(run);
        Box::pin(async { result })
    }

    fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        let result = run(&self.lock()).map_err(told);
        Box::pin(async { result })
    }

    fn is_writable(&self) -> bool {
        self.writable.load(std::sync::atomic::Ordering::Acquire)
    }
}
