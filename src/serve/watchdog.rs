//! Sees that no thread that sends is stuck, nor the one that writes: one that loops for ever can't be mended
//! from inside, so the process ends and is started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix::ArbiterHandle;

use crate::store::Fatal;

/// How often a thread shows that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// Beats that a thread may miss: with the look that notices it, a quarter of a minute at the most.
const MISSED: u32 = 13;

/// A count that rises for as long as a thread lives.
pub(super) type Beats = Box<dyn Fn() -> u64 + Send>;

/// Watches until it is told to end.
#[derive(Debug)]
pub(super) struct Watchdog {
    ended: Arc<AtomicBool>,
}

/// One thread that is watched.
struct Watched {
    beats: Beats,
    /// What is said when it is stuck.
    words: &'static str,
    seen: u64,
    missed: u32,
}

impl Watchdog {
    /// Watches these lanes and the store from a thread of its own until it is told to end; `stuck` is
    /// called once.
    pub(super) fn start(lanes: &[ArbiterHandle], store: Beats, stuck: Fatal) -> Self {
        let watched = |beats, words| Watched { beats, words, seen: 0, missed: 0 };
        let mut all = vec![watched(store, "the thread that writes is stuck")];
        for lane in lanes {
            all.push(watched(beats_of(lane), "a thread that sends is stuck"));
        }
        let watchdog = Self { ended: Arc::new(AtomicBool::new(false)) };
        let ended = Arc::clone(&watchdog.ended);
        let started = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(all, &ended, stuck.as_ref()));
        if let Err(error) = started {
            tracing::warn!(%error, "no thread for the watchdog: a stuck thread will not be noticed");
        }
        watchdog
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

fn beats_of(lane: &ArbiterHandle) -> Beats {
    let count = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&count);
    lane.spawn(async move {
        loop {
            theirs.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(BEAT).await;
        }
    });
    Box::new(move || count.load(Ordering::Relaxed))
}

fn watch(mut all: Vec<Watched>, ended: &AtomicBool, stuck: &(dyn Fn(i32, &str) + Send + Sync)) {
    while !ended.load(Ordering::Acquire) {
        std::thread::sleep(BEAT);
        for each in &mut all {
            let now = (each.beats)();
            each.missed = if now == each.seen { each.missed + 1 } else { 0 };
            each.seen = now;
            if each.missed >= MISSED {
                stuck(70, each.words);
                return;
            }
        }
    }
}
