//! SQLite, the only room that knows SQL. What a method of [`Sqlite`] has answered is on disk.
//!
//! One thread writes, and one commit serves all who wait for it; a few others read. The same functions
//! over a connection do the work inline for the simulations, where no other thread may take part.

mod accept;
mod act;
mod audit;
mod backup;
mod committer;
mod configured;
mod conversations;
mod copier;
pub mod depths;
mod desk;
mod disk;
mod edit;
mod error;
mod first;
mod health;
pub mod history;
mod hygiene;
mod inbounds;
mod inline;
mod job;
mod list;
mod minutes;
mod names;
mod once;
mod open;
mod overview;
mod people;
mod phrases;
#[cfg(test)]
mod plans;
mod port;
pub mod queries;
mod queue;
mod reader;
mod recent;
mod recipients;
mod reseal;
mod restore;
mod retention;
mod row;
mod schema;
mod settle;
mod shown;
mod target;
mod tokens;
mod trigger;
mod turn;
mod waiting;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use audit::{AuditFilter, AuditPlace, AuditRow};
pub use backup::{BackedUp, BackupError, LastBackup, back_up};
pub use desk::Desk;
pub use disk::{DiskNow, Room};
pub use first::NewFirstCode;
pub use health::StoreHealth;
pub use hygiene::HeldBackRow;
pub use inbounds::InboundRow;
pub use inline::{Fate, Inline, Moment};
pub use names::Subject;
pub use open::OpenError;
pub use overview::{Begun, Troubled};
pub use people::{NewUser, PasswordHash, SessionRow, UserChange, UserRow};
pub use reader::Reader;
pub use recent::AutomationCounts;
pub use reseal::{Resealed, Seal, SealPlace};
pub use restore::{Restored, restore};
pub use retention::Swept;
pub use tokens::{NewToken, TokenRow};
pub use writer::{Fatal, StatisticsNow};

use crate::domain::id::{AlertId, UserId};
use crate::domain::limits;
use crate::domain::minutes::Minute;
use crate::domain::time::Timestamp;
use crate::engine::ports::{Actor, AfterAccept, Once, Promise, StoreError};
use port::Run;
use turn::Door;
use writer::Writer;

/// What a store is told.
#[derive(Clone)]
pub struct Settings {
    /// Told of what was accepted, in the order of commits.
    pub after_accept: Arc<dyn AfterAccept>,
    /// Called when the store can't go on: the process must end with that status.
    pub fatal: Fatal,
    /// Threads that read.
    pub readers: usize,
    /// The most pages that the database may have; for tests of a full disk.
    pub max_pages: Option<u32>,
}

/// The store on disk; cheap to clone.
#[derive(Clone)]
pub struct Sqlite {
    writer: Arc<Writer>,
    reader: Reader,
}

impl Sqlite {
    /// Opens the store that is there, as [`Self::open`] does.
    ///
    /// # Errors
    /// Also that there is none.
    pub fn open_existing(data: &Path, settings: Settings) -> Result<Self, OpenError> {
        open::expect_database(data)?;
        Self::open(data, settings)
    }

    /// Opens the data directory for this process alone, and makes it up to date.
    ///
    /// # Errors
    /// What is wrong with the directory, its file system or its database, and what to do about it.
    pub fn open(data: &Path, settings: Settings) -> Result<Self, OpenError> {
        let opened = open::open(data, settings.max_pages)?;
        let reader =
            Reader::start(data, settings.readers, limits::READING, Arc::clone(&settings.fatal))?;
        let writer = Writer::start(opened, settings.after_accept, settings.fatal)
            .map_err(|source| open::machine("starting the thread that writes", data, source))?;
        Ok(Self { writer: Arc::new(writer), reader })
    }

    /// The queries that need no writing.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// A count that rises each second for as long as the thread that writes lives; one transaction that
    /// takes longer holds it up.
    pub fn beats(&self) -> impl Fn() -> u64 + Send + use<> {
        self.writer.beats()
    }

    /// How the writer is doing.
    pub fn statistics(&self) -> StatisticsNow {
        self.writer.statistics()
    }

    /// The same for who has no store, whenever it is asked for.
    pub fn statistics_now(&self) -> impl Fn() -> StatisticsNow + Send + Sync + use<> {
        let writer = Arc::clone(&self.writer);
        move || writer.statistics()
    }

    /// Writes down that the stop is orderly and ends the writer. Nobody may write behind it.
    pub async fn close(&self) {
        let done = self.write(Door::Command, 1, |connection, _| row::mark_run_clean(connection));
        if let Err(error) = done.await {
            tracing::warn!(%error, "the stop could not be marked as orderly");
        }
        self.writer.stop();
    }

    /// Stores the token that comes with the data directory.
    pub fn insert_token(&self, token: NewToken) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| tokens::insert(connection, &token))
    }

    /// Stores a token that somebody asked for.
    pub fn add_token(
        &self,
        token: NewToken,
        once: Option<Once>,
        by: Actor,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            tokens::add(connection, &token, once.as_ref(), &by)
        })
    }

    /// Revokes a token; `NotFound` where there is none of that id.
    pub fn revoke_token(
        &self,
        id: String,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| tokens::revoke(connection, &id, &by, at))
    }

    /// Notes that tokens and sessions were used, the latter by their digests.
    pub fn used(
        &self,
        tokens: Vec<(String, Timestamp)>,
        sessions: Vec<([u8; 32], Timestamp)>,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Chore, tokens.len() + sessions.len(), move |connection, _| {
            tokens::used(connection, &tokens)?;
            people::seen(connection, &sessions)
        })
    }

    /// Adds a person; `Refused` where the name is taken.
    pub fn add_user(
        &self,
        user: NewUser,
        once: Option<Once>,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            people::add(connection, &user, once.as_ref(), &by, at)
        })
    }

    /// Changes a person; `Refused` where it would leave nobody who is an admin.
    pub fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 2, move |connection, _| {
            people::change(connection, id, &change, &by, at)
        })
    }

    /// Removes a person, whose sessions end; `Refused` for the last admin.
    pub fn remove_user(
        &self,
        id: UserId,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 2, move |connection, _| people::remove(connection, id, &by, at))
    }

    /// Puts a costlier hash of the same password in the place of one that was just proved.
    pub fn rehash(
        &self,
        id: UserId,
        from: PasswordHash,
        to: PasswordHash,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            people::rehash(connection, id, &from, &to)
        })
    }

    /// Stores the code by which the first admin sets a password.
    pub fn offer_first_code(&self, code: NewFirstCode) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| first::offer(connection, &code))
    }

    /// Adds the first admin by that code, and begins the person's session; `NotFound` for another code,
    /// `Refused` where it does not count any more.
    pub fn redeem_first_code(
        &self,
        code: [u8; 32],
        user: NewUser,
        session: [u8; 32],
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 5, move |connection, _| {
            first::redeem(connection, &code, &user, &session, &by, at)
        })
    }

    /// Begins a session; `NotFound` where the person or the password is another one by now.
    pub fn sign_in(
        &self,
        user: UserRow,
        digest: [u8; 32],
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 3, move |connection, _| {
            people::sign_in(connection, &user, &digest, &by, at)
        })
    }

    /// Ends a session.
    pub fn sign_out(
        &self,
        digest: [u8; 32],
        user: UserId,
        by: Actor,
        at: Timestamp,
    ) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| {
            people::sign_out(connection, &digest, user, &by, at)
        })
    }

    /// Removes lines of the audit log from before `audit`, sessions that began before `sessions`, and keys
    /// of creations from before `keys`. Returns how many lines went; they go a few at a time.
    pub fn sweep_people(
        &self,
        audit: Timestamp,
        sessions: Timestamp,
        keys: Timestamp,
    ) -> Promise<Result<u64, StoreError>> {
        self.write(Door::Chore, limits::STORE_SWEEP_ROWS, move |connection, _| {
            people::sweep(connection, sessions, keys)?;
            audit::sweep(connection, audit, limits::STORE_SWEEP_ROWS)
        })
    }

    /// Adds what was counted to the row of its minute, which is made where it is not there; levels replace
    /// those that are there.
    pub fn add_minute(&self, minute: Minute) -> Promise<Result<(), StoreError>> {
        self.write(Door::Command, 1, move |connection, _| minutes::add(connection, &minute))
    }

    /// Removes minutes from before `cutoff`, a few at a time. Returns how many went.
    pub fn sweep_minutes(&self, cutoff: Timestamp) -> Promise<Result<u64, StoreError>> {
        self.write(Door::Chore, limits::STORE_SWEEP_ROWS, move |connection, _| {
            minutes::sweep(connection, cutoff, limits::STORE_SWEEP_ROWS)
        })
    }

    /// Removes cool-downs that are over and what is listed of them, from before `cutoff`, a few at a time.
    /// Returns how many went.
    pub fn sweep_hygiene(&self, cutoff: Timestamp) -> Promise<Result<u64, StoreError>> {
        self.write(Door::Chore, limits::STORE_SWEEP_ROWS, move |connection, _| {
            hygiene::sweep(connection, cutoff, limits::STORE_SWEEP_ROWS)
        })
    }

    /// Removes scores of messages that were kept before `cutoff`, a few at a time. Returns how many went.
    pub fn sweep_conversations(&self, cutoff: Timestamp) -> Promise<Result<u64, StoreError>> {
        self.write(Door::Chore, limits::CONVERSATIONS_SWEPT, move |connection, _| {
            conversations::sweep(connection, cutoff, limits::CONVERSATIONS_SWEPT)
        })
    }

    /// Removes some of what was finished before `cutoff`, behind the alert named: a short step, taken
    /// when nothing else waits. `cutoff` must not come from a clock that has just been set.
    pub fn sweep(
        &self,
        cutoff: Timestamp,
        after: Option<AlertId>,
    ) -> Promise<Result<Swept, StoreError>> {
        self.write(Door::Chore, limits::STORE_SWEEP_ROWS, move |connection, _| {
            retention::sweep(connection, cutoff, after)
        })
    }
}
