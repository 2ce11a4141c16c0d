//! Plots as SVG text: series in, picture and words out. A picture has no script and no style of its own:
//! its colours are classes of `assets/plot.css`, which reads in light and dark. Nothing is told by colour
//! alone, and all that is drawn is told in words, too.
//!
//! A page puts a picture as it is into a `<figure class="plot-frame">`, which the stylesheet measures to
//! choose the size of its letters.

mod attempts;
mod axis;
mod columns;
mod frame;
mod lines;
mod table;
mod words;

use crate::domain::minutes::Series;
use crate::domain::recent::RecentAttempt;

pub use table::{Row, Table, of_attempts, of_series};

/// A picture, and what it says in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// An `<svg>` element: its texts are escaped, and it may be put into a page as it is.
    pub svg: String,
    /// The text alternative, for who does not see the picture and for a line below it; not escaped.
    pub summary: String,
}

/// Deliveries by outcome: a column for each step, with what arrived, what failed and is tried again, and
/// what was given up.
pub fn deliveries(series: &Series) -> Plot {
    columns::deliveries(series)
}

/// How many deliveries are on their way: a line with gaps where that is not known.
pub fn queue_depth(series: &Series) -> Plot {
    lines::queue_depth(series)
}

/// The time from accepting to delivering: the median and the 99th percentile.
pub fn latency(series: &Series) -> Plot {
    lines::latency(series)
}

/// How long the last attempts of an integration took; they are given newest first.
pub fn attempts(attempts: &[RecentAttempt]) -> Plot {
    attempts::durations(attempts)
}
