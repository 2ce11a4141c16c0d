//! Belfry delivers escalation alerts to the systems that a company owns, and loses none.

#![forbid(unsafe_code)]

pub mod channel;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod failpoint;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod web;
