//! The numbers behind a plot, as a table on a page.

use super::plot::Table;
use super::words::When;
use crate::domain::time::Timestamp;

/// A table whose first column is a time.
pub(super) struct Numbers {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<(When, Vec<String>)>,
}

impl Numbers {
    /// The table, seen from `now`.
    pub(super) fn of(table: Table, now: Timestamp) -> Self {
        let rows = table.rows.into_iter().map(|row| (When::of(row.at, now), row.cells));
        Self { head: table.head, rows: rows.collect() }
    }
}
