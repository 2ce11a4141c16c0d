//! The ways out: one part per kind of destination, and the address policy that all of them go by.
//! No part retries, sleeps or chooses; each makes one attempt and says what came of it.

pub mod classifier;
pub mod egress;
pub mod email;
mod https;
mod sender;
pub mod settings;
pub mod slack;
mod tls;
mod trace;
pub mod webhook;

pub use classifier::{ClassifierClient, ClassifierSettings};
pub use egress::{Egress, EgressPolicy};
pub use email::{Login, SmtpSettings};
pub use sender::ChannelSender;
pub use settings::{
    ChannelError, ChannelSettings, ClientIdentity, NameSource, PemFile, Proxy, ProxyShown,
};
