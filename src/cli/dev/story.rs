//! What a person is told while the product is at work before their eyes, and what of it is counted.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::cli::listen::mail::{MailWatcher, mail_lines};
use crate::cli::listen::{Manner, Seen, Watcher, lines, write_line};
use crate::cli::paint::{Colour, Paint, plain};

/// An attempt that failed, whose next time is worth telling.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// Which receiver.
    pub(super) receiver: &'static str,
    /// Which integration it stands for: the middle part of the Idempotency-Key.
    pub(super) integration_id: String,
    /// Which record.
    pub(super) record_id: String,
    /// Which try failed, from 1.
    pub(super) attempt: u32,
    /// When.
    pub(super) at: jiff::Timestamp,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Deliveries that arrived and were taken.
    pub(super) taken: u64,
    /// Of these, deliveries that were taken only after a failed try.
    pub(super) after_retry: u64,
    /// Requests of deliveries that had been taken before.
    pub(super) duplicates: u64,
    /// Requests that failed, on purpose.
    pub(super) failed: u64,
}

/// The teller: receivers show it what they see; whoever waits for the end watches its progress.
#[derive(Clone)]
pub(super) struct Story {
    paint: Paint,
    json: bool,
    progress: Arc<watch::Sender<Progress>>,
    failures: mpsc::Sender<Failure>,
}

/// Failures that wait to be told. One that finds no room is told by the receiver only.
const FAILURES_WAITING: usize = 256;

impl Story {
    /// A teller, and the failures whose next time is to be looked up.
    pub(super) fn new(paint: Paint, json: bool) -> (Self, mpsc::Receiver<Failure>) {
        let (failures, waiting) = mpsc::channel(FAILURES_WAITING);
        let progress = Arc::new(watch::Sender::new(Progress::default()));
        (Self { paint, json, progress, failures }, waiting)
    }

    /// How far it is, now and from now on.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The eye of one receiver; with the customers' `words` or without.
    pub(super) fn watcher(&self, receiver: &'static str, words: bool) -> Watcher {
        let json = self.json;
        let manner = Manner { paint: self.paint, receiver: Some(receiver), words };
        let (progress, failures) = (self.progress.clone(), self.failures.clone());
        Box::new(move |seen| {
            if json {
                print_json(receiver, seen);
            } else {
                tell(&lines(seen, manner));
            }
            let taken = seen.answer.takes();
            progress.send_modify(|progress| match (taken, seen.duplicate) {
                (true, false) => {
                    progress.taken += 1;
                    progress.after_retry += u64::from(seen.attempt > 1);
                }
                (_, true) => progress.duplicates += 1,
                (false, false) => progress.failed += 1,
            });
            if !taken
                && let Some(failure) = failure(receiver, seen)
                && failures.try_send(failure).is_err()
            {
                tracing::debug!("too many failures at once to look up when each is tried again");
            }
        })
    }

    /// The eye of a mail server.
    pub(super) fn mail_watcher(&self, receiver: &'static str) -> MailWatcher {
        let json = self.json;
        let manner = Manner { paint: self.paint, receiver: Some(receiver), words: false };
        let progress = self.progress.clone();
        Box::new(move |seen| {
            tell(&match json {
                true => {
                    format!("{{\"receiver\":\"{receiver}\",\"mail\":{}}}\n", seen.line().trim_end())
                }
                false => mail_lines(seen, manner),
            });
            progress.send_modify(|progress| match (seen.answer, seen.duplicate) {
                (250, false) => {
                    progress.taken += 1;
                    progress.after_retry += u64::from(seen.attempt > 1);
                }
                (_, true) => progress.duplicates += 1,
                (_, false) => progress.failed += 1,
            });
        })
    }

    /// Tells when a failed delivery is tried again.
    pub(super) fn backs_off(&self, failure: &Failure, pause: Duration, why: &str) {
        let Failure { receiver, record_id, attempt, .. } = failure;
        let next = attempt + 1;
        if self.json {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            let line = serde_json::json!({"backoff": {
                "receiver": receiver, "record_id": record_id, "attempt": attempt,
                "error": why, "next_attempt_in_ms": pause_ms,
            }});
            return tell(&format!("{line}\n"));
        }
        let line = format!(
            "              {receiver:<7} ↻ {:<20}       {}: backs off, try {next} in {:.1} s",
            plain(record_id),
            plain(why),
            pause.as_secs_f64()
        );
        tell(&format!("{}\n", self.paint.colour(Colour::Yellow, &line)));
    }
}

fn print_json(receiver: &str, seen: &Seen) {
    let mut line = format!("{{\"receiver\":\"{receiver}\",\"alert\":").into_bytes();
    match write_line(seen, false, &mut line) {
        Ok(()) => {
            // The line ends before its line break, and the object around it is closed.
            line.pop();
            line.extend_from_slice(b"}\n");
            tell(&String::from_utf8_lossy(&line));
        }
        Err(error) => tracing::error!(%error, "a request can't be printed"),
    }
}

fn failure(receiver: &'static str, seen: &Seen) -> Option<Failure> {
    let integration_id = seen.key.as_ref()?.split(':').nth(1)?.to_owned();
    let record_id = seen.alert.as_ref()?.record_id.clone();
    Some(Failure { receiver, integration_id, record_id, attempt: seen.attempt, at: seen.at })
}

/// Prints; whoever closed our output does not want to hear more.
pub(super) fn tell(text: &str) {
    if let Err(error) = io::stdout().lock().write_all(text.as_bytes()) {
        tracing::debug!(%error, "nobody reads the output");
    }
}
