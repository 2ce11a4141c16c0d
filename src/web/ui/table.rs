//! The numbers behind a picture, as a page shows them.

use super::plot::Table;
use super::words::When;
use crate::domain::time::Timestamp;

/// A table whose first column is a time.
pub(super) struct Numbers {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) at: When,
    pub(super) cells: Vec<String>,
}

impl Numbers {
    /// The table, its times seen from `now`.
    pub(super) fn of(table: Table, now: Timestamp) -> Self {
        let rows = table.rows.into_iter();
        let rows = rows.map(|row| Row { at: When::of(row.at, now), cells: row.cells }).collect();
        Self { head: table.head, rows }
    }
}
