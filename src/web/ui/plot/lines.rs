//! Lines, with gaps where nothing is known.

use std::fmt::Write as _;
use std::time::Duration;

use super::Plot;
use super::axis::{Counts, Times};
use super::frame::{BOTTOM, Canvas, N, Steps, explain_gaps, gaps, tell, times, y};
use super::words;
use crate::domain::minutes::Series;

/// A point: its place in the picture.
type Point = (f64, f64);

/// The stretches of a line between its gaps.
fn stretches(points: impl Iterator<Item = Option<Point>>) -> Vec<Vec<Point>> {
    let mut all = vec![Vec::new()];
    for point in points {
        match (point, all.last_mut()) {
            (Some(point), Some(last)) => last.push(point),
            (None, Some(last)) if !last.is_empty() => all.push(Vec::new()),
            (Some(_) | None, _) => {}
        }
    }
    all.retain(|stretch| !stretch.is_empty());
    all
}

/// The line of a stretch; nothing where it is one point alone.
fn line(stretch: &[Point]) -> String {
    let mut d = String::new();
    if stretch.len() > 1 {
        for (number, (x, y)) in stretch.iter().enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            let _never_fails = write!(d, "{command}{} {}", N(*x), N(*y));
        }
    }
    d
}

/// The marks of points that stand alone, drawn by `mark`.
fn alone(stretches: &[Vec<Point>], mark: &str) -> String {
    let mut d = String::new();
    for stretch in stretches {
        if let [(x, y)] = stretch.as_slice() {
            let _never_fails = write!(d, "M{} {}{mark}", N(*x), N(*y));
        }
    }
    d
}

pub(super) fn queue_depth(series: &Series) -> Plot {
    let span = series.span;
    let last = words::last(span);
    let mut canvas = Canvas::new(format!("Deliveries on their way in {last}"));
    let gap = gaps(&mut canvas, series);
    let known = || series.steps.iter().filter_map(|step| Some((step.waiting?, step.at)));
    let most = known().rev().max_by_key(|(waiting, _)| *waiting);
    let (Some((highest, at)), Some((newest, _))) = (most, known().next_back()) else {
        let words = format!("No queue depth is known of {last}");
        canvas.nothing(&words);
        canvas.ground();
        times(&mut canvas, series);
        if gap {
            explain_gaps(&mut canvas);
        }
        return canvas.finish("queue", format!("{words}, up to its last full minute."));
    };
    let axis = Counts::up_to(highest);
    canvas.values(&axis.ticks());
    let steps = Steps::of(series);
    let points = series.steps.iter().enumerate().map(|(number, step)| {
        step.waiting.map(|waiting| (steps.middle(number), y(axis.place(waiting))))
    });
    let stretches = stretches(points);
    let mut area = String::new();
    for stretch in &stretches {
        if let [first, .., end] = stretch.as_slice() {
            let (left, right, ground) = (N(first.0), N(end.0), N(BOTTOM));
            let _never_fails = write!(area, "{}L{right} {ground}H{left}z", line(stretch));
        }
    }
    canvas.path("plot-depth-area", &area);
    canvas.ground();
    canvas.path("plot-depth", &stretches.iter().map(|stretch| line(stretch)).collect::<String>());
    canvas.path("plot-depth plot-alone", &alone(&stretches, "h0"));
    times(&mut canvas, series);
    canvas.legend("<path class=\"plot-depth\" d=\"M0 7h14\"/>", "on their way");
    if gap {
        explain_gaps(&mut canvas);
    }
    tell(&mut canvas, series, |number| {
        let waiting = series.steps.get(number).and_then(|step| step.waiting);
        waiting.map_or_else(
            || "not known".to_owned(),
            |waiting| format!("{} on their way", words::count(waiting)),
        )
    });
    let summary = format!(
        "{} on their way at the end of {last}; the most {} {} {}.",
        words::count(newest),
        words::were(highest),
        words::count(highest),
        words::when(at, span),
    );
    canvas.finish("queue", summary)
}

pub(super) fn latency(series: &Series) -> Plot {
    let span = series.span;
    let last = words::last(span);
    let mut canvas = Canvas::new(format!("Time from accepted to delivered in {last}"));
    let gap = gaps(&mut canvas, series);
    let of_steps = |share: u32| -> Vec<Option<Duration>> {
        series.steps.iter().map(|step| step.counts.latency.quantile(share)).collect()
    };
    let (p50, p99) = (of_steps(500), of_steps(990));
    let total = series.total().latency;
    let slowest = p99.iter().zip(&series.steps).filter_map(|(p99, step)| Some(((*p99)?, step.at)));
    let slowest = slowest.rev().max_by_key(|(p99, _)| *p99);
    let (Some(least), Some((most, at)), Some(half), Some(nearly_all)) =
        (p50.iter().flatten().min(), slowest, total.quantile(500), total.quantile(990))
    else {
        let words = format!("Nothing was delivered in {last}");
        canvas.nothing(&words);
        canvas.ground();
        times(&mut canvas, series);
        if gap {
            explain_gaps(&mut canvas);
        }
        return canvas.finish("latency", format!("{words}, up to its last full minute."));
    };
    let axis = Times::between(*least, most);
    canvas.values(&axis.ticks());
    canvas.ground();
    let steps = Steps::of(series);
    // A disc in a diamond, where a line would have no length: one does not hide the other.
    for (class, values, mark) in
        [("plot-p99", &p99, "m0 -7l7 7l-7 7l-7 -7z"), ("plot-p50", &p50, "h0")]
    {
        let points = values
            .iter()
            .enumerate()
            .map(|(number, value)| value.map(|value| (steps.middle(number), y(axis.place(value)))));
        let stretches = stretches(points);
        canvas.path(class, &stretches.iter().map(|stretch| line(stretch)).collect::<String>());
        canvas.path(&format!("{class} plot-alone"), &alone(&stretches, mark));
    }
    times(&mut canvas, series);
    canvas.legend("<path class=\"plot-p50\" d=\"M0 7h14\"/>", "p50");
    canvas.legend("<path class=\"plot-p99\" d=\"M0 7h14\"/>", "p99");
    if gap {
        explain_gaps(&mut canvas);
    }
    tell(&mut canvas, series, |number| {
        let value = |values: &[Option<Duration>]| values.get(number).copied().flatten();
        match (value(&p50), value(&p99)) {
            (Some(p50), Some(p99)) => {
                let [p50, p99] = [p50, p99].map(words::span_of_time);
                format!("p50 {p50}, p99 {p99}")
            }
            (None, _) | (_, None) => "nothing delivered".to_owned(),
        }
    });
    let [half, nearly_all, most] = [half, nearly_all, most].map(words::span_of_time);
    let summary = format!(
        "In {last} half of the deliveries arrived within {half}, and 99 of 100 within {nearly_all}; the \
         slowest {} had its 99th percentile at {most} {}.",
        words::step(span).trim_start_matches("one "),
        words::when(at, span),
    );
    canvas.finish("latency", summary)
}
