//! The numbers behind the plots, for a table beside them. Texts are not escaped here.

use super::columns;
use super::words;
use crate::domain::minutes::Series;
use crate::domain::recent::RecentAttempt;
use crate::domain::time::Timestamp;

/// A table whose first column is a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What stands above its columns, that of the times too.
    pub head: Vec<&'static str>,
    /// Its rows, newest first.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Of when it tells.
    pub at: Timestamp,
    /// The cells behind the time: one for each other column.
    pub cells: Vec<String>,
}

/// All that is known of the steps of a series; those of which nothing was written down are left out.
pub fn of_series(series: &Series) -> Table {
    let head = [
        "Time",
        "Accepted",
        "Delivered",
        "Failed",
        "Dead",
        "Discarded",
        "On their way",
        "p50",
        "p99",
    ];
    let ran = series.steps.iter().rev().filter(|step| step.minutes > 0);
    let rows = ran.map(|step| {
        let counts = &step.counts;
        let quantile =
            |share| counts.latency.quantile(share).map_or_else(none, words::span_of_time);
        let failed = columns::failed(counts);
        let mut cells: Vec<String> =
            [counts.accepted, counts.delivered, failed, counts.dead, counts.discarded]
                .map(words::count)
                .into();
        cells.push(step.waiting.map_or_else(none, words::count));
        cells.extend([quantile(500), quantile(990)]);
        Row { at: step.at, cells }
    });
    Table { head: head.into(), rows: rows.collect() }
}

/// The last attempts of an integration.
pub fn of_attempts(newest_first: &[RecentAttempt]) -> Table {
    let rows = newest_first.iter().map(|attempt| Row {
        at: attempt.started_at,
        cells: vec![
            attempt.delivery_id.to_string(),
            attempt.number.to_string(),
            words::span_of_time(attempt.took),
            attempt.outcome.words(),
        ],
    });
    Table { head: vec!["Time", "Delivery", "Attempt", "Took", "Outcome"], rows: rows.collect() }
}

fn none() -> String {
    "–".to_owned()
}
