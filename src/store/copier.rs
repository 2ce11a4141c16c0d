//! Brings the log's pages into the database beside the thread that writes: commits go on meanwhile, and
//! what is left for them is short.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rusqlite::Connection;

use super::committer::{DAMAGED, IN_DOUBT};
use super::error::{Reach, reach};
use super::writer::Fatal;

/// The thread that copies. It ends when this is dropped.
pub(super) struct Copier {
    asked: Option<SyncSender<()>>,
    done: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Copier {
    /// # Errors
    /// The machine gives no thread.
    pub(super) fn start(connection: Connection, fatal: Fatal) -> std::io::Result<Self> {
        // One copy may be asked for while another is under way.
        let (sender, receiver) = sync_channel(1);
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            let work = AssertUnwindSafe(|| work(&connection, &receiver, &theirs, &fatal));
            if std::panic::catch_unwind(work).is_err() {
                fatal(IN_DOUBT, "the thread that makes the log short failed");
            }
        })?;
        Ok(Self { asked: Some(sender), done, thread: Some(thread) })
    }

    /// Has it copy what is in the log by now.
    pub(super) fn ask(&self) {
        if let Some(asked) = &self.asked {
            // Where one is asked for already, it sees these pages, too.
            let _asked_already = asked.try_send(());
        }
    }

    /// Whether a copy has ended since this was last asked.
    pub(super) fn has_copied(&self) -> bool {
        self.done.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        drop(self.asked.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that makes the log short has failed");
        }
    }
}

fn work(connection: &Connection, asked: &Receiver<()>, done: &AtomicBool, fatal: &Fatal) {
    while asked.recv().is_ok() {
        // It neither waits for readers nor keeps the writer waiting.
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        match copied {
            Ok(()) => done.store(true, Ordering::Release),
            Err(error) => match reach(&error) {
                Reach::InDoubt => return fatal(IN_DOUBT, &error.to_string()),
                Reach::Damage => return fatal(DAMAGED, &error.to_string()),
                Reach::Command | Reach::NoRoom | Reach::Busy => {
                    tracing::debug!(%error, "the log could not be copied");
                }
            },
        }
    }
}
