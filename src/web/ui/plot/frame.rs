//! What all plots have in common: their size, their axes, their legend, and their words. Sizes are in units
//! of the picture, which is as wide as its frame on the page: it never changes its shape, so that nothing
//! jumps.

use std::fmt::{Display, Write as _};

use super::Plot;
use super::axis::Tick;
use super::words::{self, Part, escaped};
use crate::domain::minutes::{Series, Span};
use crate::domain::time::Timestamp;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
/// Where values are drawn. Around it there is room for letters of up to 20 units.
pub(super) const LEFT: f64 = 80.0;
pub(super) const RIGHT: f64 = 628.0;
pub(super) const TOP: f64 = 40.0;
pub(super) const BOTTOM: f64 = 206.0;
/// Room for one letter of the legend when letters are at their largest.
const LETTER: f64 = 11.5;

/// A number as it is written into a picture: no more of it than can be seen.
pub(super) struct N(pub(super) f64);

impl Display for N {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        // What is a whole number is written as one.
        if tenths.fract() == 0.0 { write!(f, "{tenths:.0}") } else { write!(f, "{tenths:.1}") }
    }
}

/// The height of a share of the axis.
pub(super) fn y(at: f64) -> f64 {
    BOTTOM - at * (BOTTOM - TOP)
}

/// A picture while it is drawn.
pub(super) struct Canvas {
    body: String,
    title: String,
    /// Where the next entry of the legend begins.
    legend: f64,
}

impl Canvas {
    pub(super) fn new(title: String) -> Self {
        Self { body: String::new(), title, legend: LEFT }
    }

    /// Adds to the picture; writing into a text never fails.
    pub(super) fn draw(&mut self, piece: std::fmt::Arguments<'_>) {
        let _never_fails = self.body.write_fmt(piece);
    }

    /// A path of a class; nothing where there is nothing in it.
    pub(super) fn path(&mut self, class: &str, d: &str) {
        if !d.is_empty() {
            self.draw(format_args!("<path class=\"{class}\" d=\"{d}\"/>\n"));
        }
    }

    /// Lines at the values that are named, and their names.
    pub(super) fn values(&mut self, ticks: &[Tick]) {
        let mut lines = String::new();
        for tick in ticks {
            let _never_fails = write!(lines, "M{} {}H{}", N(LEFT), N(y(tick.at)), N(RIGHT));
        }
        self.path("plot-grid", &lines);
        for tick in ticks {
            let (x, y) = (N(LEFT - 8.0), N(y(tick.at) + 4.0));
            let text = escaped(&tick.text);
            self.draw(format_args!(
                "<text class=\"plot-value\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{text}</text>\n"
            ));
        }
    }

    /// The bottom line.
    pub(super) fn ground(&mut self) {
        let d = format!("M{} {}H{}", N(LEFT), N(BOTTOM), N(RIGHT));
        self.path("plot-axis", &d);
    }

    /// A time below the bottom line. A script may put local time into its place.
    pub(super) fn time(&mut self, x: f64, at: Timestamp, part: Part, anchor: &str) {
        let tick = format!("M{} {}v5", N(x), N(BOTTOM));
        self.path("plot-axis", &tick);
        let (x, y) = (N(x), N(BOTTOM + 22.0));
        let (text, part) = (escaped(&words::utc(at, part)), part.word());
        self.draw(format_args!(
            "<text class=\"plot-time\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" data-time=\"{at}\" \
             data-part=\"{part}\">{text}</text>\n"
        ));
    }

    /// One entry of the legend; `sign` draws what it looks like, between 0 and 14 in both directions.
    pub(super) fn legend(&mut self, sign: &str, text: &str) {
        let x = self.legend;
        #[expect(clippy::cast_precision_loss, reason = "these are a few words")]
        let letters = text.len() as f64;
        self.legend += 34.0 + letters * LETTER;
        let (x, text) = (N(x), escaped(text));
        self.draw(format_args!(
            "<g transform=\"translate({x} 6)\">{sign}<text class=\"plot-legend\" x=\"20\" y=\"11\">{text}\
             </text></g>\n"
        ));
    }

    /// What the values are counted by, at the top right.
    pub(super) fn caption(&mut self, text: &str) {
        let (x, text) = (N(RIGHT), escaped(text));
        self.draw(format_args!(
            "<text class=\"plot-caption\" x=\"{x}\" y=\"17\" text-anchor=\"end\">{text}</text>\n"
        ));
    }

    /// What is said where there is nothing to draw.
    pub(super) fn nothing(&mut self, text: &str) {
        let (x, y) = (N((LEFT + RIGHT) / 2.0), N((TOP + BOTTOM) / 2.0));
        let text = escaped(text);
        self.draw(format_args!(
            "<text class=\"plot-empty\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>\n"
        ));
    }

    /// The picture as a whole; `name` is that of the plot, once on a page.
    pub(super) fn finish(self, name: &str, summary: String) -> Plot {
        let (title, desc, body) = (escaped(&self.title), escaped(&summary), self.body);
        let (width, height) = (N(WIDTH), N(HEIGHT));
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {height}\" \
             width=\"100%\" role=\"img\" aria-labelledby=\"plot-{name}-title plot-{name}-desc\">\n\
             <title id=\"plot-{name}-title\">{title}</title>\n\
             <desc id=\"plot-{name}-desc\">{desc}</desc>\n{body}</svg>\n"
        );
        Plot { svg, summary }
    }
}

/// Where the steps of a series stand, side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    width: f64,
}

impl Steps {
    pub(super) fn of(series: &Series) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "there are a hundred at most")]
        let many = series.steps.len().max(1) as f64;
        Self { width: (RIGHT - LEFT) / many }
    }

    pub(super) fn width(self) -> f64 {
        self.width
    }

    /// The left edge of a step.
    #[expect(clippy::cast_precision_loss, reason = "there are a hundred at most")]
    pub(super) fn left(self, number: usize) -> f64 {
        LEFT + self.width * number as f64
    }

    /// The middle of a step.
    pub(super) fn middle(self, number: usize) -> f64 {
        self.left(number) + self.width / 2.0
    }
}

/// Names the times of a series at its steps that begin a round stretch of time.
pub(super) fn times(canvas: &mut Canvas, series: &Series) {
    const MINUTE: i64 = 60_000;
    let (every, part) = match series.span {
        Span::Hour => (10 * MINUTE, Part::Time),
        Span::Day => (4 * 60 * MINUTE, Part::Time),
        Span::Week => (24 * 60 * MINUTE, Part::Date),
    };
    let steps = Steps::of(series);
    for (number, step) in series.steps.iter().enumerate() {
        let x = steps.left(number);
        // The name of one at an edge would be cut off.
        let inside = x - LEFT > 16.0 && RIGHT - x > 16.0;
        if step.at.as_millis().rem_euclid(every) == 0 && inside {
            canvas.time(x, step.at, part, "middle");
        }
    }
}

/// A band over the steps of which nothing was written down, since the service did not run or could not
/// write; and whether there was any.
pub(super) fn gaps(canvas: &mut Canvas, series: &Series) -> bool {
    let steps = Steps::of(series);
    let mut d = String::new();
    let mut from = None;
    let ends = series.steps.iter().map(|step| step.minutes == 0).chain([false]);
    for (number, gap) in ends.enumerate() {
        match (from, gap) {
            (None, true) => from = Some(number),
            (Some(first), false) => {
                let (left, right) = (N(steps.left(first)), N(steps.left(number)));
                let _never_fails = write!(d, "M{left} {}H{right}V{}H{left}z", N(TOP), N(BOTTOM));
                from = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    canvas.path("plot-gap", &d);
    !d.is_empty()
}

/// The entry of the legend that explains such a band.
pub(super) fn explain_gaps(canvas: &mut Canvas) {
    canvas.legend("<rect class=\"plot-gap\" width=\"14\" height=\"14\"/>", "no data");
}

/// What is told of each step when a pointer rests on it.
pub(super) fn tell(canvas: &mut Canvas, series: &Series, text: impl Fn(usize) -> String) {
    let steps = Steps::of(series);
    canvas.draw(format_args!("<g class=\"plot-hits\" fill=\"none\" pointer-events=\"all\">\n"));
    for (number, step) in series.steps.iter().enumerate() {
        let (left, right) = (N(steps.left(number)), N(steps.left(number + 1)));
        let (top, bottom) = (N(TOP), N(BOTTOM));
        let part = match series.span {
            Span::Hour | Span::Day => Part::Time,
            Span::Week => Part::Both,
        };
        let told = if step.minutes == 0 { "no data".to_owned() } else { text(number) };
        let told = escaped(&format!("{} UTC: {told}", words::utc(step.at, part)));
        canvas.draw(format_args!(
            "<path d=\"M{left} {top}H{right}V{bottom}H{left}z\"><title>{told}</title></path>\n"
        ));
    }
    canvas.draw(format_args!("</g>\n"));
}
