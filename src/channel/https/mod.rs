//! What all destinations over HTTPS have in common: the clients, one request an attempt under one
//! deadline, faults in words, and answers made harmless.

mod client;
mod excerpt;
mod exchange;
mod fault;

pub(super) use client::Wire;
pub(super) use excerpt::{Mask, cause};
pub(super) use exchange::{Order, Seen, exchange};
pub(super) use fault::{lookup_kind, words_for};
