//! The way by mail, from what is configured.

use std::sync::Arc;

use super::{StartError, secret};
use crate::channel::{Login, SmtpSettings};
use crate::config::smtp::Smtp;

/// What the senders are told.
///
/// # Errors
/// The file of the password can't be read.
pub(super) fn settings(smtp: &Smtp) -> Result<SmtpSettings, StartError> {
    let login = smtp.login.as_ref().map(|login| -> Result<Login, StartError> {
        let password = secret::opened("smtp.password_file", &login.password)?;
        Ok(Login { username: login.username.clone(), password: Arc::new(password) })
    });
    Ok(SmtpSettings {
        host: smtp.host.clone(),
        port: smtp.port,
        security: smtp.security,
        login: login.transpose()?,
        from: smtp.from.clone(),
        hello_name: smtp.hello_name.clone().unwrap_or_else(machine_name),
        timeout: smtp.timeout,
    })
}

/// The machine's name where it can stand in a command (RFC 5321, section 4.1.4); servers accept any.
fn machine_name() -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy().into_owned();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    match !name.is_empty() && name.len() <= 253 && name.bytes().all(fits) {
        true => name,
        false => "localhost".to_owned(),
    }
}
