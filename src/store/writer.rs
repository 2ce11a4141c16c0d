//! The one thread that writes. It takes whatever waits, does it in one transaction, syncs once, and
//! answers all: the cost of a sync is shared, and the order of commits is the order of everything.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{Reach, SqlError, SqlResult, reach, told};
use super::open::{self, Opened};
use crate::domain::limits;
use crate::engine::ports::{AfterAccept, FreshDelivery, Promise, StoreError};
use crate::failpoint;

/// Called with an exit status and a reason when the process must end.
pub type Fatal = Arc<dyn Fn(i32, &str) + Send + Sync>;

/// What is on disk is in doubt (EX_SOFTWARE of sysexits).
const IN_DOUBT: i32 = 70;
/// The database is damaged (EX_DATAERR).
const DAMAGED: i32 = 65;

/// A command on its way through a transaction.
trait Job: Send {
    fn run(&mut self, connection: &Connection, fresh: &mut Vec<FreshDelivery>)
    -> Result<(), Reach>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Work<T, F> {
    run: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnOnce(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send,
{
    fn run(
        &mut self,
        connection: &Connection,
        fresh: &mut Vec<FreshDelivery>,
    ) -> Result<(), Reach> {
        let Some(run) = self.run.take() else { return Ok(()) };
        let before = fresh.len();
        match run(connection, fresh) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Ok(())
            }
            Err(error) => {
                fresh.truncate(before);
                let reach = match &error {
                    SqlError::Sqlite(error) => reach(error),
                    SqlError::Rule(_) => Reach::Command,
                };
                self.result = Some(Err(told(error)));
                Err(reach)
            }
        }
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Stopped),
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone; what was written stays written.
        let _asker_gone = self.reply.send(result);
    }
}

/// Counts of what was committed.
#[derive(Debug, Default)]
pub struct Statistics {
    commits: AtomicU64,
    commands: AtomicU64,
    commit_us: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticsNow {
    /// Transactions that were synced.
    pub commits: u64,
    /// Commands in them.
    pub commands: u64,
    /// Time spent in them, in microseconds.
    pub commit_us: u64,
}

struct State {
    writable: AtomicBool,
    /// Below the reserve of disk space: nothing new is taken, results are still written.
    low: AtomicBool,
    waiting_intake: AtomicUsize,
    statistics: Statistics,
}

/// The door to the writing thread.
pub(super) struct Writer {
    jobs: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    state: Arc<State>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(opened: Opened, after: Arc<dyn AfterAccept>, fatal: Fatal) -> Self {
        let (sender, receiver) = sync_channel(limits::STORE_COMMANDS);
        let state = Arc::new(State {
            writable: AtomicBool::new(true),
            low: AtomicBool::new(false),
            waiting_intake: AtomicUsize::new(0),
            statistics: Statistics::default(),
        });
        let theirs = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || {
            let mut running = Running {
                connection: opened.connection,
                data: opened.data,
                _lock: opened.lock,
                state: theirs,
                after,
                fatal: Arc::clone(&fatal),
            };
            // Whatever panics in here, what is on disk is right and what is in memory may not be.
            let end = std::panic::catch_unwind(AssertUnwindSafe(|| running.work(&receiver)));
            if end.is_err() {
                running.state.writable.store(false, Ordering::Release);
                fatal(IN_DOUBT, "the store's thread failed");
            }
        });
        Self { jobs: Mutex::new(Some(sender)), state, thread: Mutex::new(thread.ok()) }
    }

    pub(super) fn is_writable(&self) -> bool {
        self.state.writable.load(Ordering::Acquire)
    }

    pub(super) fn statistics(&self) -> StatisticsNow {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.state.statistics;
        StatisticsNow {
            commits: read(&counts.commits),
            commands: read(&counts.commands),
            commit_us: read(&counts.commit_us),
        }
    }

    /// Waits until everything that was submitted is done, and ends the thread.
    pub(super) fn stop(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's thread failed while it stopped");
        }
    }

    /// Takes something new from outside, unless too much is waiting or room is short.
    pub(super) fn submit_intake<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        if !self.is_writable() || self.state.low.load(Ordering::Acquire) {
            return Box::pin(async { Err(StoreError::Full) });
        }
        let waiting = &self.state.waiting_intake;
        if waiting.fetch_add(1, Ordering::AcqRel) >= limits::STORE_INTAKE {
            waiting.fetch_sub(1, Ordering::AcqRel);
            return Box::pin(async { Err(StoreError::Busy) });
        }
        let state = Arc::clone(&self.state);
        self.submit(move |connection, fresh| {
            state.waiting_intake.fetch_sub(1, Ordering::AcqRel);
            failpoint::reach("accept.before_commit");
            run(connection, fresh)
        })
    }

    /// Queues a command at once; the promise is fulfilled when it is on disk.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work { run: Some(run), result: None, reply });
        let refused = match &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Some(StoreError::Stopped),
            Some(jobs) => match jobs.try_send(job) {
                Ok(()) => None,
                Err(std::sync::mpsc::TrySendError::Full(_)) => Some(StoreError::Busy),
                Err(std::sync::mpsc::TrySendError::Disconnected(_)) => Some(StoreError::Stopped),
            },
        };
        Box::pin(async move {
            match refused {
                Some(error) => Err(error),
                None => answer.await.unwrap_or(Err(StoreError::Stopped)),
            }
        })
    }
}

/// What lives on the thread.
struct Running {
    connection: Connection,
    data: PathBuf,
    /// Held for as long as the thread lives.
    _lock: std::fs::File,
    state: Arc<State>,
    after: Arc<dyn AfterAccept>,
    fatal: Fatal,
}

impl Running {
    fn work(&mut self, jobs: &Receiver<Box<dyn Job>>) {
        let mut looked_at = Instant::now();
        loop {
            let mut batch = VecDeque::new();
            match jobs.recv_timeout(Duration::from_secs(1)) {
                Ok(job) => batch.push_back(job),
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while !batch.is_empty() && batch.len() < limits::STORE_BATCH {
                match jobs.try_recv() {
                    Ok(job) => batch.push_back(job),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            if !batch.is_empty() {
                self.transact(batch);
            }
            if looked_at.elapsed() >= Duration::from_secs(1) {
                looked_at = Instant::now();
                self.look_at_the_disk();
            }
        }
        self.checkpoint("TRUNCATE");
    }

    /// One transaction for all of the batch.
    fn transact(&mut self, mut batch: VecDeque<Box<dyn Job>>) {
        let began = Instant::now();
        let mut fresh = Vec::new();
        let outcome = self.run(&mut batch, &mut fresh);
        if outcome.is_ok() {
            let counts = &self.state.statistics;
            let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            counts.commits.fetch_add(1, Ordering::Relaxed);
            counts.commands.fetch_add(batch.len() as u64, Ordering::Relaxed);
            counts.commit_us.fetch_add(took_us, Ordering::Relaxed);
            self.state.writable.store(true, Ordering::Release);
            if !fresh.is_empty() {
                failpoint::reach("accept.after_commit");
                self.after.accepted(fresh);
            }
            failpoint::reach("commit.after");
        }
        for job in batch {
            job.answer(outcome.clone());
        }
    }

    fn run(
        &mut self,
        batch: &mut VecDeque<Box<dyn Job>>,
        fresh: &mut Vec<FreshDelivery>,
    ) -> Result<(), StoreError> {
        let connection = &self.connection;
        let execute = |sql: &str| connection.prepare_cached(sql).and_then(|mut it| it.execute([]));
        if let Err(error) = execute("BEGIN IMMEDIATE") {
            return Err(self.failed(&error));
        }
        for job in &mut *batch {
            let saved = execute("SAVEPOINT command");
            let far = match (saved, job.run(connection, fresh)) {
                (Err(error), _) => Some(reach(&error)),
                (Ok(_), Ok(())) => execute("RELEASE command").err().map(|error| reach(&error)),
                (Ok(_), Err(Reach::Command)) => {
                    let undone =
                        execute("ROLLBACK TO command").and_then(|_| execute("RELEASE command"));
                    undone.err().map(|error| reach(&error))
                }
                (Ok(_), Err(far)) => Some(far),
            };
            if let Some(far) = far {
                self.undo();
                return Err(self.unwell(&far, "a command of a batch failed"));
            }
        }
        failpoint::reach("commit.before");
        match execute("COMMIT") {
            Ok(_) => Ok(()),
            Err(error) => {
                self.undo();
                Err(self.failed(&error))
            }
        }
    }

    /// After some errors SQLite has rolled back by itself.
    fn undo(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        self.unwell(&reach(error), &error.to_string())
    }

    fn unwell(&self, far: &Reach, what: &str) -> StoreError {
        match far {
            Reach::Command => StoreError::Failed(what.to_owned()),
            Reach::Busy => StoreError::Busy,
            Reach::NoRoom => {
                if self.state.writable.swap(false, Ordering::AcqRel) {
                    tracing::error!(
                        what,
                        "no room on disk: nothing is taken or sent until there is"
                    );
                }
                // So that results of attempts already made find room.
                open::release_reserve(&self.data);
                StoreError::Full
            }
            Reach::Process => {
                self.state.writable.store(false, Ordering::Release);
                let damaged = what.contains("malformed") || what.contains("not a database");
                (self.fatal)(if damaged { DAMAGED } else { IN_DOUBT }, what);
                StoreError::Failed(what.to_owned())
            }
        }
    }

    /// Nothing waits: time to see whether writing works again, and to make the log short.
    fn idle(&mut self) {
        if !self.state.writable.load(Ordering::Acquire) {
            self.checkpoint("TRUNCATE");
            match super::row::probe(&self.connection) {
                Ok(()) => {
                    self.state.writable.store(true, Ordering::Release);
                    tracing::info!("the store can write again");
                }
                Err(error) => tracing::warn!(error = %told(error), "the store still can't write"),
            }
        }
    }

    fn look_at_the_disk(&mut self) {
        let low = open::room_is_low(&self.data);
        if low != self.state.low.swap(low, Ordering::AcqRel) {
            if low {
                tracing::error!(
                    "the disk of the data directory is nearly full: nothing new is taken"
                );
            } else {
                tracing::info!("the disk of the data directory has room again");
            }
        }
        if !low && self.state.writable.load(Ordering::Acquire) {
            open::keep_reserve(&self.data);
        }
        if open::log_bytes(&self.data) > limits::STORE_LOG_BYTES {
            self.checkpoint("TRUNCATE");
        }
    }

    fn checkpoint(&self, mode: &str) {
        let done =
            self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        if let Err(error) = done {
            tracing::debug!(%error, "the log could not be checkpointed");
        }
    }
}
