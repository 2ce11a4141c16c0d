//! What the service did in each minute, and the sums of it that are shown: a span is always the same
//! number of steps, whether the service ran in all of them or in none.

use std::time::Duration;

use super::latency::Histogram;
use super::limits;
use super::time::Timestamp;

/// A minute in milliseconds.
const MINUTE_MS: i64 = 60_000;

/// What is counted. An attempt that failed is counted whatever became of its delivery; what a machine
/// decided is counted when it did, so that a delivery that somebody else decided about at that very
/// moment, or whose actor died before it was written, may be counted once more than it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Deliveries that were accepted.
    pub accepted: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Deliveries that somebody discarded, or that lost their integration.
    pub discarded: u64,
    /// Of those that arrived: the time from being accepted to having arrived.
    pub latency: Histogram,
}

impl Counts {
    /// What was counted elsewhere, too.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.accepted, other.accepted),
            (&mut self.delivered, other.delivered),
            (&mut self.failed, other.failed),
            (&mut self.dead, other.dead),
            (&mut self.discarded, other.discarded),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.latency.add(&other.latency);
    }
}

/// How many deliveries stood where, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// On their way: waiting, or claimed for an attempt.
    pub waiting: u64,
    /// Given up, and kept.
    pub dead: u64,
}

/// One minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minute {
    /// Its beginning.
    pub at: Timestamp,
    /// What happened in it.
    pub counts: Counts,
    /// How things stood at its end; nothing where that could not be told.
    pub levels: Option<Levels>,
}

/// The minute that a moment belongs to.
pub fn minute_of(at: Timestamp) -> Timestamp {
    floor(at, MINUTE_MS)
}

/// What was counted from `began` until `now` belongs to the minute in which it began: it is written down
/// as that minute ends. Where the clock was set back meanwhile it belongs to the minute that is now, so
/// that nothing is written into the future.
pub fn minute_for(began: Timestamp, now: Timestamp) -> Timestamp {
    minute_of(began.min(now))
}

/// How long it is until this minute ends.
pub fn until_next(now: Timestamp) -> Duration {
    minute_of(now).plus(Duration::from_mins(1)).since(now)
}

fn floor(at: Timestamp, step_ms: i64) -> Timestamp {
    let at = at.as_millis();
    Timestamp::from_millis(at.saturating_sub(at.rem_euclid(step_ms)))
}

/// How much is shown at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The last hour: 60 steps of a minute.
    Hour,
    /// The last day: 96 steps of a quarter of an hour.
    Day,
    /// The last week: 84 steps of two hours.
    Week,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// The word in addresses of pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// What that word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.word() == word)
    }

    /// How many steps it has.
    pub const fn steps(self) -> usize {
        match self {
            Self::Hour => 60,
            Self::Day => 96,
            Self::Week => 84,
        }
    }

    /// How long each is.
    pub const fn step(self) -> Duration {
        Duration::from_mins(match self {
            Self::Hour => 1,
            Self::Day => 15,
            Self::Week => 120,
        })
    }

    /// The beginning of the first step, and the end of the last: the one that is under way, or the last
    /// minute that is sure to be written down.
    pub fn bounds(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let step_ms = i64::try_from(self.step().as_millis()).unwrap_or(MINUTE_MS);
        let written = minute_of(now.minus(limits::MINUTE_WRITTEN_IN));
        let last = floor(written.minus(Duration::from_millis(1)), step_ms);
        let until = last.plus(self.step());
        let all = u32::try_from(self.steps()).unwrap_or(u32::MAX);
        (until.minus(self.step().saturating_mul(all)), until)
    }
}

/// The history of a span, in steps of equal length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Which span.
    pub span: Span,
    /// Its steps, oldest first: always as many as the span has.
    pub steps: Vec<Step>,
}

/// One step of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its beginning.
    pub at: Timestamp,
    /// Minutes of it that were written down; there is none where the service did not run, or could not
    /// write. Without any, all that follows is empty.
    pub minutes: u32,
    /// The sum of what happened in them.
    pub counts: Counts,
    /// The longest queue at the end of any of them, so that one that came and went is seen.
    pub waiting: Option<u64>,
    /// Deliveries that were given up, at the end of the last of them.
    pub dead: Option<u64>,
}

impl Series {
    /// A span that ends now, without anything in it.
    pub fn empty(span: Span, now: Timestamp) -> Self {
        let (from, _) = span.bounds(now);
        let step = |number: usize| Step {
            at: from.plus(span.step().saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))),
            minutes: 0,
            counts: Counts::default(),
            waiting: None,
            dead: None,
        };
        Self { span, steps: (0..span.steps()).map(step).collect() }
    }

    /// Adds a minute to the step that it belongs to; one that lies outside of the span is left out.
    /// Minutes come in their order.
    pub fn add(&mut self, minute: &Minute) {
        let Some(first) = self.steps.first().map(|step| step.at) else { return };
        if minute.at < first {
            return;
        }
        let number = minute.at.since(first).as_millis() / self.span.step().as_millis();
        let found = usize::try_from(number).ok().and_then(|number| self.steps.get_mut(number));
        let Some(step) = found else { return };
        step.minutes += 1;
        step.counts.add(&minute.counts);
        if let Some(levels) = minute.levels {
            step.waiting = step.waiting.max(Some(levels.waiting));
            step.dead = Some(levels.dead);
        }
    }

    /// The sum of all steps.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for step in &self.steps {
            total.add(&step.counts);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-06-27T12:00:00Z
    const NOON: Timestamp = Timestamp::from_millis(1_782_561_600_000);

    fn noon(seconds: u64) -> Timestamp {
        NOON.plus(Duration::from_secs(seconds))
    }

    fn minute(at: Timestamp, delivered: u64, waiting: u64) -> Minute {
        let counts = Counts { delivered, ..Counts::default() };
        Minute { at, counts, levels: Some(Levels { waiting, dead: waiting / 2 }) }
    }

    #[test]
    fn a_span_has_all_its_steps_and_ends_now() {
        for (span, now, until) in [
            (Span::Hour, noon(30), noon(0)),
            // What ended just now may not be written down yet.
            (Span::Hour, noon(61), noon(0)),
            (Span::Hour, noon(75), noon(60)),
            (Span::Day, noon(75), noon(15 * 60)),
            (Span::Day, noon(15 * 60), noon(15 * 60)),
            (Span::Day, noon(16 * 60 + 30), noon(30 * 60)),
            (Span::Week, noon(75), noon(2 * 3600)),
        ] {
            let series = Series::empty(span, now);
            assert_eq!(series.steps.len(), span.steps());
            let last = series.steps.last().expect("a step").at;
            assert_eq!(last.plus(span.step()), until, "{span:?} at {now}");
            assert_eq!(series.steps[1].at.since(series.steps[0].at), span.step());
            assert_eq!(span.bounds(now), (series.steps[0].at, until));
            assert_eq!(Span::from_word(span.word()), Some(span));
        }
    }

    #[test]
    fn minutes_are_summed_and_gaps_stay_gaps() {
        let mut series = Series::empty(Span::Day, noon(30 * 60 + 20));
        let quarter = noon(15 * 60);
        let minutes = [
            minute(noon(0).minus(Duration::from_hours(30)), 1000, 1000),
            minute(quarter, 4, 1),
            minute(quarter.plus(Duration::from_mins(1)), 5, 90),
            minute(quarter.plus(Duration::from_mins(14)), 6, 8),
            minute(noon(7200), 1000, 1000),
        ];
        for minute in &minutes {
            series.add(minute);
        }
        let told: Vec<&Step> = series.steps.iter().filter(|step| step.minutes > 0).collect();
        let [step] = told.as_slice() else { panic!("one step: {told:?}") };
        assert_eq!((step.at, step.minutes, step.counts.delivered), (quarter, 3, 15));
        assert_eq!((step.waiting, step.dead), (Some(90), Some(4)));
        let gap = series.steps.first().expect("a step");
        assert_eq!((gap.waiting, gap.dead, gap.counts.delivered), (None, None, 0));
        assert_eq!(series.total().delivered, 15);
    }

    #[test]
    fn a_minute_without_levels_is_a_gap_of_levels_alone() {
        let mut series = Series::empty(Span::Hour, noon(90));
        series.add(&Minute { levels: None, ..minute(noon(0), 3, 0) });
        let step = series.steps.last().expect("a step");
        assert_eq!((step.at, step.minutes, step.waiting), (noon(0), 1, None));
    }

    #[test]
    fn no_clock_confuses_it() {
        assert_eq!(minute_for(noon(59), noon(61)), noon(0));
        assert_eq!(minute_for(noon(3600), noon(61)), noon(60), "the clock was set back");
        assert_eq!(until_next(noon(59)), Duration::from_secs(1));
        assert_eq!(until_next(noon(60)), Duration::from_mins(1));
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            let at = Timestamp::from_millis(millis);
            assert!(until_next(at) <= Duration::from_mins(1), "{millis}");
            for span in Span::ALL {
                let mut series = Series::empty(span, at);
                series.add(&minute(minute_of(at), 1, 1));
                assert_eq!(series.steps.len(), span.steps());
            }
        }
    }
}
