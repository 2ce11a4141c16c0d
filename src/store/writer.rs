//! The door to the one thread that writes: bounded, and in order. What is in doubt inside never comes
//! out as done.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::committer::Committer;
use super::error::SqlResult;
use super::job::job;
use super::open::Opened;
use super::turn::{Door, Order};
use crate::domain::limits;
use crate::engine::ports::{AfterAccept, FreshDelivery, Promise, StoreError};
use crate::failpoint;

/// Called with an exit status and a reason when the process must end.
pub type Fatal = Arc<dyn Fn(i32, &str) + Send + Sync>;

/// Counts of what was committed.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) commits: AtomicU64,
    pub(super) commands: AtomicU64,
    pub(super) commit_us: AtomicU64,
    pub(super) largest_batch: AtomicU64,
    pub(super) log_pages: AtomicU64,
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
    /// The most commands that one of them served.
    pub largest_batch: u64,
    /// Pages in the database's log after the last of them.
    pub log_pages: u64,
    /// Whether writing works, as far as is known.
    pub writable: bool,
    /// Whether the disk is so nearly full that nothing new is taken.
    pub low: bool,
}

/// What the thread and the door both know.
pub(super) struct State {
    /// Whether writing works, as far as is known.
    pub(super) writable: AtomicBool,
    /// Below the reserve of disk space: nothing new is taken, results are still written.
    pub(super) low: AtomicBool,
    /// Rises with each turn of the thread.
    pub(super) beats: AtomicU64,
    waiting_intake: AtomicUsize,
    waiting_chores: AtomicUsize,
    pub(super) statistics: Statistics,
}

/// A place among those that wait; given back when it is dropped, whatever became of the command.
struct Place {
    state: Arc<State>,
    waiting: fn(&State) -> &AtomicUsize,
}

impl Place {
    fn take(
        state: &Arc<State>,
        waiting: fn(&State) -> &AtomicUsize,
        most: usize,
    ) -> Result<Self, StoreError> {
        let place = Self { state: Arc::clone(state), waiting };
        if waiting(state).fetch_add(1, Ordering::AcqRel) < most {
            Ok(place)
        } else {
            Err(StoreError::Busy)
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.waiting)(&self.state).fetch_sub(1, Ordering::AcqRel);
    }
}

/// The door to the writing thread.
pub(super) struct Writer {
    orders: Mutex<Option<SyncSender<Order>>>,
    state: Arc<State>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Writer {
    /// # Errors
    /// The machine gives no thread.
    pub(super) fn start(
        opened: Opened,
        after: Arc<dyn AfterAccept>,
        fatal: Fatal,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(limits::STORE_COMMANDS);
        let state = Arc::new(State {
            writable: AtomicBool::new(true),
            low: AtomicBool::new(false),
            beats: AtomicU64::new(0),
            waiting_intake: AtomicUsize::new(0),
            waiting_chores: AtomicUsize::new(0),
            statistics: Statistics::default(),
        });
        let committer = Committer::new(opened, Arc::clone(&state), after, fatal)?;
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || committer.run(&receiver))?;
        Ok(Self { orders: Mutex::new(Some(sender)), state, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn is_writable(&self) -> bool {
        self.state.writable.load(Ordering::Acquire)
    }

    pub(super) fn beats(&self) -> impl Fn() -> u64 + Send + use<> {
        let state = Arc::clone(&self.state);
        move || state.beats.load(Ordering::Relaxed)
    }

    pub(super) fn statistics(&self) -> StatisticsNow {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.state.statistics;
        StatisticsNow {
            commits: read(&counts.commits),
            commands: read(&counts.commands),
            commit_us: read(&counts.commit_us),
            largest_batch: read(&counts.largest_batch),
            log_pages: read(&counts.log_pages),
            writable: self.is_writable(),
            low: self.state.low.load(Ordering::Acquire),
        }
    }

    /// Waits until everything that was submitted is done, and ends the thread.
    pub(super) fn stop(&self) {
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread itself may be the last to know the store; it can't wait for its own end.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread failed while it stopped");
        }
    }

    /// Queues a command at once; the promise is fulfilled when it is on disk.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        door: Door,
        rows: usize,
        mut run: impl FnMut(&Connection, &mut Vec<FreshDelivery>) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        let mut place = match self.enter(door) {
            Ok(place) => place,
            Err(refused) => return Box::pin(async { Err(refused) }),
        };
        let (job, answer) = job(rows, move |connection: &Connection, fresh: &mut _| {
            // It waits no longer.
            drop(place.take());
            if door == Door::Intake {
                failpoint::reach("accept.before_commit");
            }
            run(connection, fresh)
        });
        let order = Order { door, job };
        let sent = match &*self.orders.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Err(StoreError::Stopped),
            Some(orders) => orders.try_send(order).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Stopped,
            }),
        };
        Box::pin(async move {
            sent?;
            answer.await.unwrap_or(Err(StoreError::Stopped))
        })
    }

    fn enter(&self, door: Door) -> Result<Option<Place>, StoreError> {
        let state = &self.state;
        match door {
            Door::Intake if !self.is_writable() || state.low.load(Ordering::Acquire) => {
                Err(StoreError::Full)
            }
            Door::Intake => {
                Place::take(state, |state| &state.waiting_intake, limits::STORE_INTAKE).map(Some)
            }
            Door::Chore => {
                Place::take(state, |state| &state.waiting_chores, limits::STORE_CHORES).map(Some)
            }
            Door::Command => Ok(None),
        }
    }
}

impl Drop for Writer {
    /// The data directory is free once the store is gone.
    fn drop(&mut self) {
        self.stop();
    }
}
