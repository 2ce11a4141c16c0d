//! Mail: an alert as a message of two readings, handed to one server for several addresses, with an outcome
//! for each.

mod connection;
mod message;
mod sender;
mod settings;
mod transaction;

pub use message::{Mail, MailFacts, mail};
pub use settings::{Login, SmtpSettings};

pub(super) use sender::{Way, send, shown};
