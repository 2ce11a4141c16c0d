//! The mail server that alerts by email are handed to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problem::Problem;
use super::read::{self, Value, Values};
use super::{span, text, value};
use crate::domain::mail_server::{MailSender, Security};
use crate::domain::secret::Secret;

/// How to reach the mail server, and who the mail comes from.
#[derive(Debug)]
pub struct Smtp {
    /// Its name or address.
    pub host: url::Host,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// The login, where there is one.
    pub login: Option<Login>,
    /// Who the mail comes from.
    pub from: MailSender,
    /// What we call ourselves; the machine's name where absent.
    pub hello_name: Option<String>,
    /// Time of an attempt, from the start of name resolution to the server's last reply.
    pub timeout: Duration,
}

/// A login: its password stands here or in a file.
#[derive(Debug)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Password,
}

/// Where a password is.
#[derive(Debug)]
pub enum Password {
    /// Here.
    Given(Secret),
    /// In this file.
    File(PathBuf),
}

/// What no key of the section can tell alone.
pub(super) fn check(values: &Values, problems: &mut Vec<Problem>) {
    let place = |name: &str| values.get(name).map(|found| found.place.clone());
    let mut needs = |given: &str, other: &str, why: &str| {
        if let (Some(place), None) = (place(given), place(other))
            && !values.refused(&[other])
        {
            problems.push(Problem { place, what: format!("{given} needs {other} beside it{why}") });
        }
    };
    needs("smtp.host", "smtp.from", "");
    needs("smtp.from", "smtp.host", "");
    needs("smtp.username", "smtp.host", "");
    let password = ["smtp.password", "smtp.password_file"];
    for name in password {
        needs(name, "smtp.username", "");
    }
    if password.into_iter().all(|name| place(name).is_none()) && !values.refused(&password) {
        needs("smtp.username", "smtp.password_file", ", or smtp.password");
    }
    if let (Some(place), Some(_)) = (place("smtp.password"), place("smtp.password_file")) {
        let what = "smtp.password can't stand beside smtp.password_file: remove one".to_owned();
        problems.push(Problem { place, what });
    }
    if let Some(place) = place("smtp.username")
        && text(values, "smtp.tls").as_deref() == Some("none")
        && !values.refused(&["smtp.tls"])
    {
        let what = "smtp.username can't be sent with smtp.tls = \"none\": everybody on the way could read the \
                    password; use \"starttls\" or \"tls\", or leave the login out"
            .to_owned();
        problems.push(Problem { place, what });
    }
}

/// The section, where a server is named.
pub(super) fn built(data: &Path, values: &Values) -> Option<Smtp> {
    let host = read::host(&text(values, "smtp.host")?)?;
    let security = match text(values, "smtp.tls").as_deref() {
        Some("tls") => Security::Tls,
        Some("none") => Security::None,
        Some(_) | None => Security::StartTls,
    };
    let port = match value(values, "smtp.port") {
        Some(Value::Whole(port)) => u16::try_from(*port).ok(),
        Some(
            Value::Text(_) | Value::Span(_) | Value::Number(_) | Value::Switch(_) | Value::List(_),
        )
        | None => None,
    };
    let password = text(values, "smtp.password").map(Secret::new).map(Password::Given);
    let in_file = || text(values, "smtp.password_file").map(|path| Password::File(data.join(path)));
    let password = password.or_else(in_file);
    Some(Smtp {
        host,
        port: port.unwrap_or(match security {
            Security::StartTls => 587,
            Security::Tls => 465,
            Security::None => 25,
        }),
        security,
        login: text(values, "smtp.username")
            .zip(password)
            .map(|(username, password)| Login { username, password }),
        from: MailSender::parse(&text(values, "smtp.from")?)?,
        hello_name: text(values, "smtp.hello_name"),
        timeout: span(values, "smtp.timeout").unwrap_or(Duration::from_secs(30)),
    })
}
