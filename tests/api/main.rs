//! The HTTP API as its callers see it: the real server on a port of its own, the real engine and store,
//! and a sender that answers as its URL says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod administration;
mod bad_input;
mod changes;
mod client;
mod described;
mod doors;
mod editors;
mod feeder;
mod first;
mod golden;
mod limits;
mod metrics;
mod openapi;
mod pages;
mod parts;
mod people;
mod races;
mod service;
mod stories;
mod tls;
