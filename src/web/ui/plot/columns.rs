//! Columns that stand on each other.

use std::fmt::Write as _;

use super::Plot;
use super::axis::Counts;
use super::frame::{BOTTOM, Canvas, N, Steps, TOP, explain_gaps, gaps, tell, times};
use super::words;
use crate::domain::minutes::{self, Series};

/// The least height of what is there: one in a thousand must be seen.
const LEAST: f64 = 2.5;
/// Stripes of failed ones, so that they differ by more than their colour.
const STRIPES: &str = "<defs><pattern id=\"plot-failed-stripes\" width=\"5\" height=\"5\" \
                       patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
                       <rect class=\"plot-failed-ground\" width=\"5\" height=\"5\"/>\
                       <rect class=\"plot-failed\" width=\"2.5\" height=\"5\"/></pattern></defs>\n";

/// What became of attempts, each of them told once: the one that made its delivery dead is not told as
/// failed, too.
struct Outcomes {
    delivered: u64,
    failed: u64,
    dead: u64,
}

impl Outcomes {
    fn of(counts: &minutes::Counts) -> Self {
        let (delivered, dead) = (counts.delivered, counts.dead);
        Self { delivered, failed: counts.failed.saturating_sub(dead), dead }
    }

    fn sum(&self) -> u64 {
        self.delivered.saturating_add(self.failed).saturating_add(self.dead)
    }

    fn words(&self) -> String {
        let [delivered, failed, dead] = [self.delivered, self.failed, self.dead].map(words::count);
        format!("{delivered} delivered, {failed} failed and {dead} dead")
    }
}

/// Failed attempts that are made again, and what was given up: see [`Outcomes`].
pub(super) fn failed(counts: &minutes::Counts) -> u64 {
    Outcomes::of(counts).failed
}

pub(super) fn deliveries(series: &Series) -> Plot {
    let span = series.span;
    let last = words::last(span);
    let mut canvas =
        Canvas::new(format!("Deliveries {} in {last}, by outcome", words::per_step(span)));
    let outcomes: Vec<Outcomes> =
        series.steps.iter().map(|step| Outcomes::of(&step.counts)).collect();
    // Of several that are the same the first is told.
    let most = outcomes.iter().zip(&series.steps).rev().max_by_key(|(outcomes, _)| outcomes.sum());
    let most = most.filter(|(outcomes, _)| outcomes.sum() > 0);
    let gap = gaps(&mut canvas, series);
    let Some((highest, at)) = most.map(|(outcomes, step)| (outcomes.sum(), step.at)) else {
        let words = format!("No deliveries in {last}");
        canvas.nothing(&words);
        canvas.ground();
        times(&mut canvas, series);
        if gap {
            explain_gaps(&mut canvas);
        }
        return canvas.finish("deliveries", format!("{words}, up to its last full minute."));
    };
    let axis = Counts::up_to(highest);
    canvas.draw(format_args!("{STRIPES}"));
    canvas.values(&axis.ticks());
    draw(&mut canvas, series, &outcomes, &axis);
    canvas.ground();
    times(&mut canvas, series);
    legend(&mut canvas, gap);
    canvas.caption(words::per_step(span));
    tell(&mut canvas, series, |number| {
        outcomes.get(number).map(Outcomes::words).unwrap_or_default()
    });
    let total = Outcomes::of(&series.total());
    let summary = format!(
        "{} in {last}; the most in {} {} {} {}.",
        total.words(),
        words::step(span),
        words::were(highest),
        words::count(highest),
        words::when(at, span),
    );
    canvas.finish("deliveries", summary)
}

fn draw(canvas: &mut Canvas, series: &Series, outcomes: &[Outcomes], axis: &Counts) {
    let steps = Steps::of(series);
    let (mut delivered, mut failed, mut dead) = (String::new(), String::new(), String::new());
    let mut marks = String::new();
    let width = steps.width() * 0.8;
    for (number, each) in outcomes.iter().enumerate() {
        let left = steps.left(number) + steps.width() * 0.1;
        let mut bottom = BOTTOM;
        for (d, value) in
            [(&mut delivered, each.delivered), (&mut failed, each.failed), (&mut dead, each.dead)]
        {
            if value > 0 {
                let height = (axis.place(value) * (BOTTOM - TOP)).max(LEAST);
                let _never_fails = write!(
                    d,
                    "M{} {}h{}v-{}h-{}z",
                    N(left),
                    N(bottom),
                    N(width),
                    N(height),
                    N(width)
                );
                bottom -= height;
            }
        }
        if each.dead > 0 {
            // The point of a triangle above it.
            let (x, y) = (N(steps.middle(number)), N(bottom - 2.0));
            let _never_fails = write!(marks, "M{x} {y}l-4 -6h8z");
        }
    }
    canvas.path("plot-delivered", &delivered);
    if !failed.is_empty() {
        canvas.draw(format_args!(
            "<path class=\"plot-failed-edge\" fill=\"url(#plot-failed-stripes)\" d=\"{failed}\"/>\n"
        ));
    }
    canvas.path("plot-dead", &dead);
    canvas.path("plot-dead", &marks);
}

fn legend(canvas: &mut Canvas, gap: bool) {
    canvas.legend("<rect class=\"plot-delivered\" width=\"14\" height=\"14\"/>", "delivered");
    canvas.legend(
        "<rect class=\"plot-failed-edge\" fill=\"url(#plot-failed-stripes)\" width=\"14\" height=\"14\"/>",
        "failed",
    );
    canvas.legend("<path class=\"plot-dead\" d=\"M0 14h14v-6h-14zM7 6l-4 -6h8z\"/>", "dead");
    if gap {
        explain_gaps(canvas);
    }
}
