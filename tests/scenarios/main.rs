//! The stories in `fixtures/scenarios`, told by every driver; and what is made out of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod actors;
mod disk;
mod exhaustive;
mod faults;
mod faulty;
mod fixtures;
mod invariants;
mod lang;
mod memory;
mod metamorphic;
mod model;
mod receivers;
mod scene;
mod shell;
mod sim;
mod timeline;
mod words;
