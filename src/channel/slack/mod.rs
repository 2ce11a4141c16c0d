//! Slack: incoming webhooks. What is posted is made by pure code.

mod message;

pub use message::message;
