//! Sees that no thread that sends is stuck: one that loops for ever can't be mended from inside, so the
//! process ends and is started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix::ArbiterHandle;

use crate::store::Fatal;

/// How often a lane shows that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// Beats that a lane may miss.
const MISSED: u32 = 15;

/// The lanes' signs of life.
#[derive(Debug, Clone)]
pub(super) struct Watchdog {
    beats: Arc<Vec<AtomicU64>>,
    ended: Arc<AtomicBool>,
}

impl Watchdog {
    /// Watches these lanes from a thread of its own until it is told to end; `stuck` is called once.
    pub(super) fn start(lanes: &[ArbiterHandle], stuck: Fatal) -> Self {
        let beats: Arc<Vec<AtomicU64>> =
            Arc::new(lanes.iter().map(|_| AtomicU64::new(0)).collect());
        for (number, lane) in lanes.iter().enumerate() {
            let beats = Arc::clone(&beats);
            lane.spawn(async move {
                while let Some(beat) = beats.get(number) {
                    beat.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(BEAT).await;
                }
            });
        }
        let watchdog = Self { beats, ended: Arc::new(AtomicBool::new(false)) };
        let watching = watchdog.clone();
        let started = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watching.watch(stuck.as_ref()));
        if let Err(error) = started {
            tracing::warn!(%error, "no thread for the watchdog: a stuck thread will not be noticed");
        }
        watchdog
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn watch(&self, stuck: &(dyn Fn(i32, &str) + Send + Sync)) {
        let mut last: Vec<(u64, u32)> = self.beats.iter().map(|_| (0, 0)).collect();
        while !self.ended.load(Ordering::Acquire) {
            std::thread::sleep(BEAT);
            for (beat, (seen, missed)) in self.beats.iter().zip(&mut last) {
                let now = beat.load(Ordering::Relaxed);
                *missed = if now == *seen { *missed + 1 } else { 0 };
                *seen = now;
                if *missed >= MISSED {
                    stuck(70, "a thread that sends is stuck");
                    return;
                }
            }
        }
    }
}
