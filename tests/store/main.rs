//! What the store promises: nothing lost, nothing twice, nothing half, on whatever disk it finds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod accepting;
mod audit;
mod backup;
mod configuring;
mod disk;
mod fixture;
mod history;
mod hygiene;
mod listing;
mod opening;
mod operating;
mod people;
mod phrases;
mod recovering;
mod retention;
mod settling;
mod sharing;
mod torn;
mod waiting;
