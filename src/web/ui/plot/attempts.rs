//! A point for each attempt, in the order in which they were made: bursts and pauses would hide each other
//! on an even axis of time.

use std::fmt::Write as _;
use std::time::Duration;

use super::Plot;
use super::axis::Times;
use super::frame::{Canvas, LEFT, N, RIGHT, y};
use super::words::{self, Part};
use crate::domain::recent::{RecentAttempt, Successes};
use crate::domain::time::Timestamp;

/// Points that fit side by side; fewer don't stand further apart than this many would.
const FEWEST: usize = 20;
const DAY: Duration = Duration::from_hours(24);

pub(super) fn durations(newest_first: &[RecentAttempt]) -> Plot {
    let mut canvas = Canvas::new("How long the last attempts took".to_owned());
    let attempts: Vec<&RecentAttempt> = newest_first.iter().rev().collect();
    let mut took: Vec<Duration> = attempts.iter().map(|attempt| attempt.took).collect();
    took.sort_unstable();
    let (Some(least), Some(half), Some(most)) =
        (took.first(), took.get(took.len() / 2), took.last())
    else {
        let words = "No attempts so far";
        canvas.nothing(words);
        canvas.ground();
        return canvas.finish("attempts", format!("{words}."));
    };
    let axis = Times::between(*least, *most);
    canvas.values(&axis.ticks());
    canvas.ground();
    let (mut delivered, mut failed) = (String::new(), String::new());
    for (number, attempt) in attempts.iter().enumerate() {
        let (x, y) = (place(number, attempts.len()), y(axis.place(attempt.took)));
        let _never_fails = if attempt.delivered() {
            write!(delivered, "M{} {}h0", N(x), N(y))
        } else {
            write!(failed, "M{} {}l6 6m0 -6l-6 6", N(x - 3.0), N(y - 3.0))
        };
    }
    canvas.path("plot-attempt-delivered", &delivered);
    canvas.path("plot-attempt-failed", &failed);
    name_times(&mut canvas, &attempts);
    canvas.legend("<path class=\"plot-attempt-delivered\" d=\"M7 7h0\"/>", "delivered");
    canvas.legend("<path class=\"plot-attempt-failed\" d=\"M4 4l6 6m0 -6l-6 6\"/>", "failed");
    canvas.caption("in their order");
    let all = Successes::of(newest_first);
    let [half, most] = [*half, *most].map(words::span_of_time);
    let summary = format!(
        "The last {} attempts: {} delivered and {} failed; half took up to {half}, the longest {most}.",
        all.attempts,
        all.delivered,
        all.attempts - all.delivered,
    );
    canvas.finish("attempts", summary)
}

/// Where a point stands from left to right.
#[expect(clippy::cast_precision_loss, reason = "there are a few hundred at most")]
fn place(number: usize, many: usize) -> f64 {
    let width = (RIGHT - LEFT) / many.max(FEWEST) as f64;
    LEFT + width * (number as f64 + 0.5)
}

/// The times of the first, the middle and the last.
fn name_times(canvas: &mut Canvas, attempts: &[&RecentAttempt]) {
    let many = attempts.len();
    let at = |number: usize| attempts.get(number).map(|attempt| attempt.started_at);
    let (Some(first), Some(last)) = (at(0), at(many.saturating_sub(1))) else { return };
    let part = if last.since(first) < DAY { Part::Time } else { Part::Date };
    let mut name = |number: usize, time: Option<Timestamp>, anchor| {
        if let Some(time) = time {
            canvas.time(place(number, many), time, part, anchor);
        }
    };
    name(0, Some(first), "start");
    if many >= FEWEST {
        name(many / 2, at(many / 2), "middle");
        name(many - 1, Some(last), "end");
    }
}
