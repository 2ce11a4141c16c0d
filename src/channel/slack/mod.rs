//! Slack: incoming webhooks. What is posted and what the answers mean is said by pure code.

mod answer;
mod message;
mod sender;

pub use answer::judge;
pub use message::message;
pub(super) use sender::{send, shown};
