//! The pages' HTML, whole: what each shows in each of its states stands in `fixtures/pages`, to the byte.
//!
//! The real surface, engine and store run in this process on a clock that stands still (the harness of
//! `tests/api`). Ids are random: the first UUID that a page of a test shows is `{{uuid_1}}` from then on. To add
//! a page, ask for it in a test, run `UPDATE_EXPECT=1 cargo test --test pages`, and read what came out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the harness is shared with the tests of the API, which use the rest")]

mod administration;
#[path = "../api/client.rs"]
mod client;
mod deliveries;
#[path = "../api/described.rs"]
mod described;
mod editing;
#[path = "../api/golden.rs"]
mod golden;
mod integration;
#[path = "../api/parts.rs"]
mod parts;
mod phrases;
#[path = "../api/service.rs"]
mod service;
mod told;
