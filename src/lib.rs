//! Belfry delivers escalation alerts to the systems that a company owns, and loses none.

#![forbid(unsafe_code)]

// Matrix E9: the supervisor brings back what panicked, and there would be nothing left to bring it back.
#[cfg(panic = "abort")]
compile_error!(
    "Belfry must be built with unwinding panics: leave `panic = \"unwind\"` in the profile"
);

pub mod channel;
pub mod cli;
pub mod config;
pub mod detect;
pub mod domain;
pub mod engine;
pub mod failpoint;
pub mod metrics;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod web;
