//! The threads that read: each with a connection that can't write, none longer than its time.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::committer::DAMAGED;
use super::error::{Reach, SqlResult, told};
use super::open::{self, OpenError};
use super::writer::Fatal;
use crate::domain::limits;
use crate::engine::ports::{Promise, StoreError};

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// Asks the reading threads; cheap to clone. They end when the last one is dropped.
#[derive(Clone)]
pub struct Reader {
    queries: SyncSender<Query>,
    fatal: Fatal,
}

impl Reader {
    pub(super) fn start(
        data: &Path,
        threads: usize,
        longest: Duration,
        fatal: Fatal,
    ) -> Result<Self, OpenError> {
        let (sender, receiver) = sync_channel(limits::STORE_READINGS);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let watch = Watch::start(longest);
            let connection = open::open_reader(data, watch.clone())?;
            let queries = Arc::clone(&receiver);
            let started = std::thread::Builder::new()
                .name(format!("reader {number}"))
                .spawn(move || serve(&connection, &watch, &queries));
            started
                .map_err(|source| open::machine("starting a thread that reads", data, source))?;
        }
        Ok(Self { queries: sender, fatal })
    }

    /// Queues a query at once.
    pub(super) fn query<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> Promise<Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let fatal = Arc::clone(&self.fatal);
        let query: Query = Box::new(move |connection| {
            let result = run(connection).map_err(|error| {
                let damaged = error.reach() == Reach::Damage;
                let told = told(error);
                if damaged {
                    fatal(DAMAGED, &told.to_string());
                }
                told
            });
            // Whoever asked may have gone.
            let _asker_gone = reply.send(result);
        });
        let refused = match self.queries.try_send(query) {
            Ok(()) => None,
            Err(TrySendError::Full(_)) => Some(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Some(StoreError::Stopped),
        };
        Box::pin(async move {
            match refused {
                Some(error) => Err(error),
                None => answer.await.unwrap_or(Err(StoreError::Stopped)),
            }
        })
    }
}

/// Ends a query that takes too long: it would keep the database's log from being made short.
#[derive(Clone)]
pub(super) struct Watch {
    began: Instant,
    longest: Duration,
    deadline_ms: Arc<AtomicU64>,
}

impl Watch {
    fn start(longest: Duration) -> Self {
        Self { began: Instant::now(), longest, deadline_ms: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    /// A query begins.
    fn begin(&self) {
        let deadline = self.began.elapsed() + self.longest;
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        self.deadline_ms.store(deadline_ms, Ordering::Relaxed);
    }

    /// Asked by SQLite every few thousand steps of its machine.
    pub(super) fn is_over(&self) -> bool {
        self.began.elapsed().as_millis() > u128::from(self.deadline_ms.load(Ordering::Relaxed))
    }
}

/// Runs several statements over one snapshot: what is read together was true together. A version that is
/// newer than the settings beside it would let a change overwrite another one unseen.
pub(super) fn at_one_moment<T>(
    connection: &Connection,
    run: impl FnOnce(&Connection) -> SqlResult<T>,
) -> SqlResult<T> {
    let snapshot = connection.unchecked_transaction()?;
    run(&snapshot)
}

fn serve(connection: &Connection, watch: &Watch, queries: &Mutex<Receiver<Query>>) {
    loop {
        // One thread waits at the door, the others behind it.
        let next = queries.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(query) = next else { return };
        watch.begin();
        let run = std::panic::AssertUnwindSafe(|| query(connection));
        if std::panic::catch_unwind(run).is_err() {
            tracing::error!("a query failed in a way that it must not");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Matrix A22.
    #[test]
    fn a22_a_query_past_its_time_is_broken_off_and_the_next_one_works() {
        let dir = tempfile::tempdir().unwrap();
        let manner = open::Manner { max_pages: None, synced: true };
        drop(open::open_database(&open::database(dir.path()), manner).unwrap());
        let watch = Watch::start(limits::READING);
        let connection = open::open_reader(dir.path(), watch.clone()).unwrap();
        // Its time is over as soon as a millisecond has passed.
        watch.deadline_ms.store(0, Ordering::Relaxed);
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                       SELECT count(*) FROM n";
        let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let error = ask(endless).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::OperationInterrupted),
            "{error}"
        );
        watch.begin();
        assert_eq!(ask("SELECT count(*) FROM alerts").unwrap(), 0);
        assert!(connection.execute("DELETE FROM alerts", []).is_err(), "readers can't write");
    }
}
