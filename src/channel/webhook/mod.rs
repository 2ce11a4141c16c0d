//! Webhooks: the request is made by pure code, and posted once an attempt.

pub mod request;
mod sender;
pub mod signing;

pub use request::AttemptView;
pub(super) use sender::{send, shown};
