//! Counts what happens, and writes it down once a minute: one row, whatever the load. What a kill takes
//! with it is the counts of that minute, and never a delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::latency::{self, BUCKETS, Histogram};
use crate::domain::limits;
use crate::domain::minutes::{Counts, Minute, minute_for, minute_of, until_next};
use crate::domain::queue::{Next, Note};
use crate::domain::time::Timestamp;
use crate::engine::Board;
use crate::engine::ports::{AfterAccept, Clock, FreshDelivery, StoreError};
use crate::store::Sqlite;

/// What has happened since it was last written down. A step of a destination costs a few additions here,
/// and nobody waits for anybody.
#[derive(Debug)]
pub(crate) struct Tally {
    accepted: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    latency: [AtomicU64; BUCKETS],
    /// When it was last written down, in milliseconds.
    began: AtomicI64,
}

impl Tally {
    /// Nothing has happened yet.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            accepted: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dead: AtomicU64::new(0),
            latency: std::array::from_fn(|_| AtomicU64::new(0)),
            began: AtomicI64::new(now.as_millis()),
        }
    }

    /// So many deliveries were accepted.
    fn accepted(&self, many: usize) {
        self.accepted.fetch_add(many as u64, Ordering::Relaxed);
    }

    /// A destination's machine has decided something.
    pub(super) fn noted(&self, at: Timestamp, note: &Note) {
        let one_more = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        match note {
            Note::Ended { accepted_at, next, .. } => match next {
                Next::Delivered => {
                    one_more(&self.delivered);
                    let took = latency::bucket(at.since(*accepted_at));
                    self.latency.get(took).map(one_more);
                }
                Next::Wait { .. } => {
                    one_more(&self.failed);
                }
                Next::Dead(_) => {
                    one_more(&self.failed);
                    one_more(&self.dead);
                }
            },
            Note::Sent { .. }
            | Note::CircuitOpened { .. }
            | Note::ProbeFailed { .. }
            | Note::CircuitClosed
            | Note::SwitchedOff
            | Note::Lost { .. } => {}
        }
    }

    /// A delivery was given up because it killed its actor too often.
    pub(super) fn crashed_dead(&self) {
        self.dead.fetch_add(1, Ordering::Relaxed);
    }

    /// What is not written down yet.
    pub(super) fn so_far(&self) -> Counts {
        self.counts(|count| count.load(Ordering::Relaxed))
    }

    fn take(&self) -> Counts {
        self.counts(|count| count.swap(0, Ordering::Relaxed))
    }

    fn counts(&self, read: impl Fn(&AtomicU64) -> u64) -> Counts {
        let mut latency = [0; BUCKETS];
        for (mine, count) in latency.iter_mut().zip(&self.latency) {
            *mine = read(count);
        }
        Counts {
            accepted: read(&self.accepted),
            delivered: read(&self.delivered),
            failed: read(&self.failed),
            dead: read(&self.dead),
            // The store counts those itself, with what discards them.
            discarded: 0,
            latency: Histogram::from_counts(latency),
        }
    }

    fn put_back(&self, counts: &Counts) {
        for (count, many) in [
            (&self.accepted, counts.accepted),
            (&self.delivered, counts.delivered),
            (&self.failed, counts.failed),
            (&self.dead, counts.dead),
        ] {
            count.fetch_add(many, Ordering::Relaxed);
        }
        for (count, many) in self.latency.iter().zip(counts.latency.counts()) {
            count.fetch_add(*many, Ordering::Relaxed);
        }
    }

    /// Writes down what has happened. What can't be written is told with the next minute.
    pub(super) async fn write_down(&self, store: &Sqlite, now: Timestamp) {
        let began = Timestamp::from_millis(self.began.swap(now.as_millis(), Ordering::Relaxed));
        let counts = self.take();
        let levels = store.reader().levels().await;
        if let Err(error) = &levels {
            tracing::warn!(%error, "the depth of the queues can't be read for this minute");
        }
        let at = minute_for(began, now);
        let minute = Minute { at, counts: counts.clone(), levels: levels.ok() };
        if let Err(error) = store.add_minute(minute).await {
            self.put_back(&counts);
            // A stop has written down what there was.
            if error != StoreError::Stopped {
                tracing::warn!(%error, "this minute's counts are written with the next one's");
            }
        }
    }
}

/// Writes down each minute as it ends. A clock that is set is noticed within the longest sleep.
pub(super) async fn follow(tally: Arc<Tally>, store: Sqlite, clock: Arc<dyn Clock>) {
    loop {
        let began = Timestamp::from_millis(tally.began.load(Ordering::Relaxed));
        let now = clock.now();
        if minute_of(now) == minute_of(began) {
            // A timer may be a little early: the next look is never at the very same moment.
            let wait = until_next(now).clamp(Duration::from_millis(10), limits::LONGEST_SLEEP);
            tokio::time::sleep(wait).await;
        } else {
            tally.write_down(&store, now).await;
        }
    }
}

/// Counts what was accepted before the board hears of it.
pub(super) struct Counting {
    pub(super) board: Arc<Board>,
    pub(super) tally: Arc<Tally>,
}

impl AfterAccept for Counting {
    fn accepted(&self, fresh: Vec<FreshDelivery>) {
        self.tally.accepted(fresh.len());
        self.board.accepted(fresh);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::domain::delivery::DeadReason;
    use crate::domain::id::DeliveryId;
    use crate::domain::minutes::{Series, Span, Step};
    use crate::domain::outcome::Outcome;
    use crate::store::Settings;

    /// So many seconds after 2026-06-27T12:00:00Z.
    fn noon(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_782_561_600_000).plus(Duration::from_secs(seconds))
    }

    fn ended(next: Next) -> Note {
        Note::Ended {
            delivery: DeliveryId(1),
            attempt: 1,
            outcome: Outcome::Answered { status: 200, retry_after: None },
            took: Duration::from_millis(30),
            accepted_at: noon(0),
            next,
        }
    }

    fn store(dir: &tempfile::TempDir) -> Sqlite {
        let settings = Settings {
            after_accept: Board::new(1),
            fatal: Arc::new(|_, _| {}),
            readers: 1,
            max_pages: None,
        };
        Sqlite::open(dir.path(), settings).unwrap()
    }

    /// The steps of the hour before that moment in which something was written down.
    async fn told(store: &Sqlite, now: Timestamp) -> Vec<Step> {
        let series: Series = store.reader().series(Span::Hour, now).await.unwrap();
        series.steps.into_iter().filter(|step| step.minutes > 0).collect()
    }

    #[actix::test]
    async fn what_is_noted_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let tally = Tally::new(noon(0));
        tally.accepted(7);
        let wait = Next::Wait { queue_at: noon(9), due_at: noon(9) };
        tally.noted(noon(2), &ended(Next::Delivered));
        tally.noted(noon(30), &ended(Next::Delivered));
        tally.noted(noon(3), &ended(wait));
        tally.noted(noon(4), &ended(Next::Dead(DeadReason::Expired)));
        tally.noted(noon(4), &Note::CircuitClosed);
        tally.crashed_dead();
        let so_far = tally.so_far();
        assert_eq!((so_far.accepted, so_far.delivered, so_far.dead), (7, 2, 2));
        tally.write_down(&store, noon(60)).await;
        assert_eq!(tally.so_far(), Counts::default());
        tally.write_down(&store, noon(120)).await;
        let steps = told(&store, noon(130)).await;
        let [first, second] = steps.as_slice() else { unreachable!("two minutes: {steps:?}") };
        assert_eq!(first.at, noon(0));
        let counts = &first.counts;
        let told = (counts.accepted, counts.delivered, counts.failed, counts.dead);
        assert_eq!(told, (7, 2, 2, 2));
        assert_eq!(counts.latency.total(), 2);
        assert_eq!(
            latency::bucket(counts.latency.quantile(500).unwrap()),
            latency::bucket(Duration::from_secs(2))
        );
        assert_eq!(first.waiting, Some(0));
        assert_eq!(second.counts, Counts::default(), "each is told once");
    }

    #[actix::test]
    async fn a_restart_in_a_minute_adds_to_it() {
        let dir = tempfile::tempdir().unwrap();
        for start in [10, 40] {
            let store = store(&dir);
            let tally = Tally::new(noon(start));
            tally.noted(noon(start), &ended(Next::Delivered));
            tally.write_down(&store, noon(start + 5)).await;
            store.close().await;
        }
        let steps = told(&store(&dir), noon(100)).await;
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].counts.delivered, 2);
        assert_eq!(steps[0].counts.latency.total(), 2);
    }

    #[actix::test]
    async fn what_cant_be_written_is_told_with_the_next_minute() {
        let dir = tempfile::tempdir().unwrap();
        let closed = store(&dir);
        closed.close().await;
        let tally = Tally::new(noon(0));
        tally.accepted(3);
        tally.noted(noon(1), &ended(Next::Delivered));
        tally.write_down(&closed, noon(60)).await;
        drop(closed);
        let open = store(&dir);
        tally.noted(noon(61), &ended(Next::Delivered));
        tally.write_down(&open, noon(120)).await;
        let steps = told(&open, noon(130)).await;
        assert_eq!(steps.len(), 1);
        let counts = &steps[0].counts;
        assert_eq!((steps[0].at, counts.accepted, counts.delivered), (noon(60), 3, 2));
        assert_eq!(counts.latency.total(), 2);
    }

    #[actix::test]
    async fn a_clock_set_back_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let tally = Tally::new(noon(600));
        tally.noted(noon(610), &ended(Next::Delivered));
        tally.write_down(&store, noon(660)).await;
        // Ten minutes back: what happened meanwhile belongs to what is now, and is before no beginning.
        tally.noted(noon(61), &ended(Next::Delivered));
        tally.noted(noon(0).minus(Duration::from_secs(5)), &ended(Next::Delivered));
        tally.write_down(&store, noon(65)).await;
        // And over the same minutes once more.
        tally.noted(noon(605), &ended(Next::Delivered));
        tally.write_down(&store, noon(608)).await;
        let steps = told(&store, noon(700)).await;
        let counts: Vec<_> = steps.iter().map(|step| (step.at, step.counts.delivered)).collect();
        assert_eq!(counts, [(noon(60), 3), (noon(600), 1)]);
    }

    struct Standing(Timestamp);

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    #[actix::test]
    async fn a_minute_that_is_over_is_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir);
        let tally = Arc::new(Tally::new(noon(59)));
        tally.noted(noon(59), &ended(Next::Delivered));
        let clock = Arc::new(Standing(noon(60)));
        let following = actix::spawn(follow(Arc::clone(&tally), store.clone(), clock));
        while told(&store, noon(70)).await.is_empty() {
            assert!(!following.is_finished(), "it goes on for ever");
            tokio::task::yield_now().await;
        }
        following.abort();
        let steps = told(&store, noon(70)).await;
        assert_eq!((steps[0].at, steps[0].counts.delivered), (noon(0), 1));
    }
}
