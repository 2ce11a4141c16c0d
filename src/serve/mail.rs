//! The way by mail, from what is configured.

use std::io::Read as _;
use std::sync::Arc;

use super::StartError;
use crate::channel::{Login, SmtpSettings};
use crate::config::smtp::{Password, Smtp};
use crate::domain::limits::CREDENTIAL_BYTES;
use crate::domain::secret::Secret;

/// What the senders are told.
///
/// # Errors
/// The file of the password can't be read.
pub(super) fn settings(smtp: &Smtp) -> Result<SmtpSettings, StartError> {
    let login = smtp.login.as_ref().map(|login| -> Result<Login, StartError> {
        let password = match &login.password {
            Password::Given(secret) => Secret::new(secret.expose().to_owned()),
            Password::File(path) => read(path).map_err(|source| StartError::File {
                setting: "smtp.password_file",
                file: path.display().to_string(),
                source,
            })?,
        };
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

fn read(path: &std::path::Path) -> std::io::Result<Secret> {
    // A pipe would be waited for, for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a plain file"));
    }
    let mut text = String::new();
    let most = CREDENTIAL_BYTES as u64 + 2;
    std::fs::File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    let secret = Secret::new(text);
    let kept = secret.expose().trim_end_matches(['\r', '\n']);
    if kept.is_empty() || kept.len() > CREDENTIAL_BYTES || kept.contains(char::is_control) {
        let what = "it must hold the password in one line and nothing else";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
    }
    Ok(Secret::new(kept.to_owned()))
}
