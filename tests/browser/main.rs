//! The pages in a real browser: the real program serves them, headless Chromium shows them, and a test says
//! what a person does and sees.
//!
//! Chromium is spoken to by its DevTools protocol through two pipes (`wire.rs`). That needs no crate, no
//! port and no second program, and one Chromium holds all tests: somebody with a profile and a page of their own
//! costs 0.2 s. `fantoccini` and `thirtyfour` are well kept, but speak WebDriver: there each profile is a Chromium of
//! its own behind a chromedriver, and what the network, the console and the content security policy had to say
//! is polled out of a log. `chromiumoxide` brings generated types of the whole protocol, an executor and a
//! WebSocket, where two dozen calls are needed. Elements are found in Chromium's own accessibility tree, so a
//! test names what a screen reader would say.
//!
//! ```ignore
//! let Some(stage) = Stage::set() else { return };
//! let page = stage.signed_in("admin").open("/automations");
//! page.click("Add webhook");
//! page.fill("URL", "https://ops.example.com/hook");
//! page.choose("Authentication method", "Bearer Token");
//! page.sees("Nothing is saved yet");
//! page.accessible();
//! ```
//!
//! A page that goes out of scope fails its test where it asked another host, broke its policy, or wrote an
//! error to the console (`journal.rs`). Where there is no Chromium, the tests say so and are left out;
//! `BELFRY_BROWSER=required` makes that a failure. `BELFRY_SCREENSHOTS=1 cargo test --test browser
//! screenshots` paints each page of `screenshots.rs` into `target/screenshots`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod access;
mod axe;
#[allow(dead_code, reason = "the tests of the API use the rest")]
#[path = "../api/client.rs"]
mod client;
mod conditions;
mod deliveries;
mod dev;
mod docs;
mod dry_runs;
mod editor;
mod element;
mod harness;
mod hostile;
mod hostile_pages;
mod hygiene;
mod inbound;
mod integration;
mod journal;
mod keyboard;
mod keys;
mod mails;
mod mended;
mod page;
mod part;
mod people;
mod phrases;
#[path = "../process/mod.rs"]
mod process;
#[path = "../receiver/mod.rs"]
mod receiver;
mod relays;
mod screenshots;
mod signing_in;
mod stage;
mod viewers;
mod webhooks;
mod wire;
