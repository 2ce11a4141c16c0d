//! What the way by mail is told.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::mail_server::{MailSender, Security};
use crate::domain::secret::Secret;

/// How to reach the mail server, and who the mail comes from.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name or address.
    pub host: url::Host,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// The login, where there is one. It is never sent over a connection that is not secure.
    pub login: Option<Login>,
    /// Who the mail comes from.
    pub from: MailSender,
    /// What we call ourselves: a host's name.
    pub hello_name: String,
    /// Time of an attempt, from the start of name resolution to the server's last reply.
    pub timeout: Duration,
}

/// A login.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Arc<Secret>,
}

impl SmtpSettings {
    /// `mail.example.com:587`
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}
