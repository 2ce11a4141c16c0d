//! Webhooks: one HTTPS request an attempt, made by pure code and sent under one deadline.

mod client;
mod excerpt;
mod fault;
pub mod request;
mod sender;
pub mod signing;

pub use request::AttemptView;
pub use sender::WebhookSender;
