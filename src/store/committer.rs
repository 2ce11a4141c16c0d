//! The one thread that writes. It takes whatever waits, does it in one transaction, syncs once, and
//! answers all: the cost of a sync is shared, and the order of commits is the order of everything.
//!
//! A commit that is in doubt is never answered: the process ends, and what is on disk decides.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::copier::Copier;
use super::disk::{self, Room};
use super::error::{Reach, reach, told};
use super::job::Job;
use super::open::Opened;
use super::row;
use super::turn::{Order, Turn, Waiting};
use super::writer::{Fatal, State};
use crate::domain::limits;
use crate::engine::ports::{AfterAccept, FreshDelivery, StoreError};
use crate::failpoint;

/// What is on disk is in doubt (EX_SOFTWARE of sysexits).
pub(super) const IN_DOUBT: i32 = 70;
/// The database is damaged (EX_DATAERR).
pub(super) const DAMAGED: i32 = 65;
/// How often the thread looks up when nothing is asked of it.
const LOOK_UP: Duration = Duration::from_secs(1);

/// Why a whole transaction failed.
struct Failure {
    reach: Reach,
    what: String,
}

impl Failure {
    fn of_command(reach: Reach) -> Self {
        Self { reach, what: "a command of a transaction failed".to_owned() }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self { reach: reach(&error), what: error.to_string() }
    }
}

/// What lives on the thread.
pub(super) struct Committer {
    connection: Connection,
    copier: Copier,
    data: PathBuf,
    /// Held for as long as the thread lives.
    _lock: std::fs::File,
    state: Arc<State>,
    after: Arc<dyn AfterAccept>,
    fatal: Fatal,
    waiting: Waiting,
    room: Room,
    looked_at: Instant,
    asked_at: Instant,
    /// How long the log was after the last commit, and how long it may become.
    log_pages: u64,
    log_pages_most: u64,
}

impl Committer {
    pub(super) fn new(
        opened: Opened,
        state: Arc<State>,
        after: Arc<dyn AfterAccept>,
        fatal: Fatal,
    ) -> std::io::Result<Self> {
        Ok(Self {
            copier: Copier::start(opened.copying, Arc::clone(&fatal))?,
            connection: opened.connection,
            data: opened.data,
            _lock: opened.lock,
            state,
            after,
            fatal,
            waiting: Waiting::default(),
            room: Room::Plenty,
            looked_at: Instant::now(),
            asked_at: Instant::now(),
            log_pages: 0,
            log_pages_most: limits::STORE_LOG_PAGES,
        })
    }

    /// Works until everybody who could ask is gone.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        // Whatever panics in here, what is on disk is right and what is in memory may not be.
        let end = std::panic::catch_unwind(AssertUnwindSafe(|| self.work(orders)));
        if end.is_err() {
            self.state.writable.store(false, Ordering::Release);
            (self.fatal)(IN_DOUBT, "the store's thread failed");
        }
    }

    fn work(&mut self, orders: &Receiver<Order>) {
        self.watch_log();
        self.look_at_the_disk();
        loop {
            self.state.beats.fetch_add(1, Ordering::Relaxed);
            let done = match self.waiting.next(orders, LOOK_UP) {
                Turn::Batch(batch) => {
                    self.asked_at = Instant::now();
                    self.transact(batch)
                }
                Turn::Nothing => self.idle(),
                Turn::Closed => break,
            };
            if done.is_break() {
                return;
            }
            if self.looked_at.elapsed() >= LOOK_UP && self.look_up().is_break() {
                return;
            }
        }
        // The end is the same whether or not the log could be made short.
        let _ended_or_done = self.checkpoint("TRUNCATE", limits::STORE_PATIENCE);
    }

    /// One transaction for all of the batch.
    fn transact(&mut self, mut batch: Vec<Box<dyn Job>>) -> ControlFlow<()> {
        let began = Instant::now();
        let mut fresh = Vec::new();
        let outcome = match self.commit(&mut batch, &mut fresh) {
            Ok(()) => {
                self.count(batch.len(), began.elapsed());
                if !fresh.is_empty() {
                    failpoint::reach("accept.after_commit");
                    self.after.accepted(fresh);
                }
                failpoint::reach("commit.after");
                Ok(())
            }
            Err(failure) => {
                self.undo();
                Err(self.failed(&failure)?)
            }
        };
        for job in batch {
            job.answer(outcome.clone());
        }
        self.keep_log_short()
    }

    fn commit(
        &self,
        batch: &mut [Box<dyn Job>],
        fresh: &mut Vec<FreshDelivery>,
    ) -> Result<(), Failure> {
        self.execute("BEGIN IMMEDIATE")?;
        if !self.run_all(batch, fresh)? {
            self.execute("ROLLBACK")?;
            fresh.clear();
            self.execute("BEGIN IMMEDIATE")?;
            self.run_each_apart(batch, fresh)?;
        }
        failpoint::reach("commit.before");
        self.execute("COMMIT")
    }

    fn execute(&self, sql: &str) -> Result<(), Failure> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// False where a command failed that the others have nothing to do with.
    fn run_all(
        &self,
        batch: &mut [Box<dyn Job>],
        fresh: &mut Vec<FreshDelivery>,
    ) -> Result<bool, Failure> {
        for job in batch {
            match job.run(&self.connection, fresh) {
                Ok(()) => {}
                Err(Reach::Command) => return Ok(false),
                Err(reach) => return Err(Failure::of_command(reach)),
            }
        }
        Ok(true)
    }

    /// With a savepoint for each, so that one that fails takes nothing of the others with it. For a
    /// savepoint SQLite copies every page that it changes: only a transaction that needs it pays.
    fn run_each_apart(
        &self,
        batch: &mut [Box<dyn Job>],
        fresh: &mut Vec<FreshDelivery>,
    ) -> Result<(), Failure> {
        for job in batch {
            self.execute("SAVEPOINT command")?;
            match job.run(&self.connection, fresh) {
                Ok(()) => {}
                Err(Reach::Command) => self.execute("ROLLBACK TO command")?,
                Err(reach) => return Err(Failure::of_command(reach)),
            }
            self.execute("RELEASE command")?;
        }
        Ok(())
    }

    fn count(&self, commands: usize, took: Duration) {
        let counts = &self.state.statistics;
        let commands = commands as u64;
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counts.commits.fetch_add(1, Ordering::Relaxed);
        counts.commands.fetch_add(commands, Ordering::Relaxed);
        counts.commit_us.fetch_add(took_us, Ordering::Relaxed);
        counts.largest_batch.fetch_max(commands, Ordering::Relaxed);
    }

    /// After some errors SQLite has rolled back by itself.
    fn undo(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    /// What those are told whose transaction failed; breaks where nobody may be told anything.
    fn failed(&self, failure: &Failure) -> ControlFlow<(), StoreError> {
        let what = failure.what.as_str();
        ControlFlow::Continue(match failure.reach {
            Reach::Command => StoreError::Failed(what.to_owned()),
            // SQLite has waited for seconds already.
            Reach::Busy => {
                self.stand_still(what);
                StoreError::Busy
            }
            Reach::NoRoom => {
                self.stand_still(what);
                // So that results of attempts already made find room.
                disk::release_reserve(&self.data);
                StoreError::Full
            }
            Reach::InDoubt => return self.end(IN_DOUBT, what),
            Reach::Damage => return self.end(DAMAGED, what),
        })
    }

    fn stand_still(&self, what: &str) {
        if self.state.writable.swap(false, Ordering::AcqRel) {
            tracing::error!(what, "the store can't write: nothing is taken or sent until it can");
        }
    }

    fn end<T>(&self, status: i32, what: &str) -> ControlFlow<(), T> {
        self.state.writable.store(false, Ordering::Release);
        (self.fatal)(status, what);
        ControlFlow::Break(())
    }

    /// Nothing waits: time to make the log short.
    fn idle(&mut self) -> ControlFlow<()> {
        if self.log_pages > 0 && self.asked_at.elapsed() >= limits::STORE_QUIET {
            self.checkpoint("TRUNCATE", Duration::ZERO)?;
        }
        ControlFlow::Continue(())
    }

    /// Each second: how much room there is, and whether writing works again where it did not.
    fn look_up(&mut self) -> ControlFlow<()> {
        self.look_at_the_disk();
        if self.state.writable.load(Ordering::Acquire) {
            return ControlFlow::Continue(());
        }
        self.checkpoint("TRUNCATE", Duration::ZERO)?;
        match row::probe(&self.connection) {
            Ok(()) => {
                self.state.writable.store(true, Ordering::Release);
                tracing::info!("the store can write again");
            }
            Err(error) => {
                self.undo();
                let failure = Failure { reach: error.reach(), what: told(error).to_string() };
                tracing::warn!(what = failure.what, "the store still can't write");
                self.failed(&failure)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn look_at_the_disk(&mut self) {
        self.looked_at = Instant::now();
        let room = disk::room(&self.data);
        self.state.low.store(room == Room::Low, Ordering::Release);
        if room != self.room {
            match room {
                Room::Low => tracing::error!(
                    "the disk of the data directory is nearly full: nothing new is taken"
                ),
                Room::Short => tracing::warn!("the disk of the data directory is filling up"),
                Room::Plenty => tracing::info!("the disk of the data directory has room again"),
            }
            self.room = room;
        }
        if room != Room::Low && self.state.writable.load(Ordering::Acquire) {
            disk::keep_reserve(&self.data);
        }
    }

    /// SQLite says after each commit how long the log is. With this hook it makes none short by
    /// itself: that would keep those waiting whose command is done, and hide what fails.
    fn watch_log(&mut self) {
        let state = Arc::clone(&self.state);
        let hooked = self.connection.wal_hook(Some(move |_: &mut _, pages: i32| {
            let pages = u64::try_from(pages).unwrap_or(0);
            state.statistics.log_pages.store(pages, Ordering::Relaxed);
            Ok(())
        }));
        if let Err(error) = hooked {
            tracing::error!(%error, "the length of the log can't be watched");
        }
    }

    fn keep_log_short(&mut self) -> ControlFlow<()> {
        let pages = self.state.statistics.log_pages.load(Ordering::Relaxed);
        if pages < self.log_pages {
            // It began anew.
            self.log_pages_most = limits::STORE_LOG_PAGES;
        }
        self.log_pages = pages;
        if pages >= limits::STORE_LOG_PAGES_MOST && self.looked_at.elapsed() >= LOOK_UP {
            // Readings that overlap have kept it from beginning anew.
            self.checkpoint("TRUNCATE", limits::STORE_LOG_WAIT)?;
        } else if pages >= self.log_pages_most {
            // What a reading holds back goes the next time.
            self.log_pages_most = pages + limits::STORE_LOG_PAGES;
            self.copier.ask();
        } else if self.copier.has_copied() {
            // What was written meanwhile: with that, the log can begin anew.
            self.checkpoint("PASSIVE", Duration::ZERO)?;
        }
        ControlFlow::Continue(())
    }

    /// Brings the log's pages into the database, waiting so long for those who read.
    fn checkpoint(&mut self, mode: &str, wait: Duration) -> ControlFlow<()> {
        let moved = self.connection.busy_timeout(wait).and_then(|()| {
            self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |found| {
                Ok(found.get::<_, i64>("busy")? == 0)
            })
        });
        let patient = self.connection.busy_timeout(limits::STORE_PATIENCE);
        match moved.and_then(|moved| patient.map(|()| moved)) {
            Ok(moved) => {
                if moved && mode == "TRUNCATE" {
                    self.log_pages = 0;
                    self.state.statistics.log_pages.store(0, Ordering::Relaxed);
                }
                ControlFlow::Continue(())
            }
            Err(error) => match reach(&error) {
                Reach::InDoubt | Reach::Damage => self.failed(&error.into()).map_continue(|_| ()),
                Reach::Command | Reach::NoRoom | Reach::Busy => {
                    tracing::debug!(%error, "the log could not be made short");
                    ControlFlow::Continue(())
                }
            },
        }
    }
}
