//! The detector: what it finds in texts that people have judged (`fixtures/detect`), what must hold for any text, and
//! how it is measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod command;
mod evaluate;
mod fixtures;
mod properties;
mod vader;
