//! `belfry listen`: a receiver of one's own. It shows each alert, checks it as a good receiver does,
//! and fails, stalls or misbehaves on request, so that a person, a test or a bench can watch retries.

mod args;
pub mod blockkit;
mod body;
mod check;
mod log;
pub mod mail;
mod mail_server;
mod receiver;
mod script;
mod seen;
mod show;
mod tally;
mod wire;

use std::io::{self, Write as _};
use std::path::PathBuf;

pub use args::{AuthMethod, ListenArgs};
pub use body::Alert;
pub use check::{Auth, BadSigningSecret, Expected, SigningSecret};
pub use log::write_line;
pub use receiver::{Options, Receiver, Speaks, StartError, Watcher};
pub use script::{Answer, Body, Kind, RetryAfter, Script, ScriptError, Step, When, span};
pub use seen::{Seen, Verdict};
pub use show::{Manner, lines};
pub use tally::{Behaviour, Counts, Trouble};

use super::error::CliError;
use super::paint::Paint;
use super::signals::Signals;
use crate::domain::secret::Secret;

/// Why `belfry listen` did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The receiver could not start.
    #[error("the receiver could not start")]
    Start(#[from] StartError),
    /// A file could not be read or written.
    #[error("{what} {path} can't be {done}")]
    File {
        /// What the file is.
        what: &'static str,
        /// Which file.
        path: String,
        /// What was tried.
        done: &'static str,
        /// The machine's answer.
        source: io::Error,
    },
    /// The script can't be followed.
    #[error("the script {path} can't be followed")]
    Script {
        /// Which file.
        path: String,
        /// Where, and why.
        source: ScriptError,
    },
    /// The expected signing secret is none.
    #[error("the environment variable {name} holds no signing secret")]
    SigningSecret {
        /// Which variable.
        name: String,
        /// What one looks like.
        source: BadSigningSecret,
    },
    /// Options don't fit together, or a variable is missing.
    #[error("{0}")]
    Misuse(String),
    /// Standard output is closed, or no signals can be waited for.
    #[error("the terminal or the machine failed")]
    Machine(#[from] io::Error),
}

impl From<ListenError> for CliError {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::Misuse(_) => Self::misuse(error),
            ListenError::Start(_)
            | ListenError::File { .. }
            | ListenError::Script { .. }
            | ListenError::SigningSecret { .. }
            | ListenError::Machine(_) => Self::failed(error),
        }
    }
}

/// Listens until it is told to end by SIGTERM or SIGINT, then prints what was counted.
pub async fn run(args: ListenArgs) -> Result<(), CliError> {
    Ok(listen(args).await?)
}

async fn listen(args: ListenArgs) -> Result<(), ListenError> {
    if let Some(security) = args.smtp {
        return mail_server::listen(args, security).await;
    }
    let (json, quiet) = (args.json, args.quiet);
    let paint = if json { Paint::off() } else { Paint::stdout() };
    let (ca_out, args_slack) = (args.ca_out.clone(), args.slack);
    let mut options = options(args)?;
    if !quiet {
        options.watcher = Some(printer(json, paint));
    }
    let receiver = Receiver::start(options).await?;
    // Held until the end, and then removed with its directory.
    let mut throwaway = None;
    let ca_path = match (receiver.ca_pem(), ca_out) {
        (None, _) => None,
        (Some(pem), Some(path)) => Some(write_ca(pem, path)?),
        (Some(pem), None) => {
            let dir = tempfile::Builder::new().prefix("belfry-listen-").tempdir()?;
            let path = write_ca(pem, dir.path().join("ca.pem"))?;
            throwaway = Some(dir);
            Some(path)
        }
    };
    let mut signals = Signals::new()?;
    let url = if args_slack {
        format!("{}services/T0/B0/stand-in", receiver.url())
    } else {
        receiver.url()
    };
    print(&greeting(&url, ca_path.as_deref(), json, paint))?;
    signals.end().await;
    let counts = receiver.stop().await;
    drop(throwaway);
    print(&farewell(counts, json))
}

fn write_ca(pem: &str, path: PathBuf) -> Result<PathBuf, ListenError> {
    match std::fs::write(&path, pem) {
        Ok(()) => Ok(path),
        Err(source) => Err(file("the certificate", &path, "written", source)),
    }
}

fn file(
    what: &'static str,
    path: &std::path::Path,
    done: &'static str,
    source: io::Error,
) -> ListenError {
    ListenError::File { what, path: path.display().to_string(), done, source }
}

/// The receiver that the arguments ask for.
fn options(args: ListenArgs) -> Result<Options, ListenError> {
    let read = |what, path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|source| file(what, path, "read", source))
    };
    let certificate = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some((read("the certificate", cert)?, read("the key", key)?)),
        _ => None,
    };
    let credential = match &args.credential_env {
        Some(name) => Some(Secret::new(variable(name)?)),
        None => None,
    };
    let auth = match (&args.auth, credential) {
        (AuthMethod::None, None) => None,
        (AuthMethod::None, Some(_)) => {
            return Err(ListenError::Misuse("--credential-env needs --auth".to_owned()));
        }
        (AuthMethod::Bearer, Some(secret)) => Some(Auth::Bearer(secret)),
        (AuthMethod::ApiKey, Some(secret)) => Some(Auth::ApiKey(secret)),
        (AuthMethod::Header(name), Some(secret)) => Some(Auth::Header(name.clone(), secret)),
        (_, None) => {
            return Err(ListenError::Misuse("--auth needs --credential-env".to_owned()));
        }
    };
    let signing_secret = match &args.signing_secret_env {
        None => None,
        Some(name) => Some(
            SigningSecret::parse(&variable(name)?)
                .map_err(|source| ListenError::SigningSecret { name: name.clone(), source })?,
        ),
    };
    let behaviour = match &args.script {
        None => behaviour(&args),
        Some(path) => {
            Behaviour::Script(Script::parse(&read("the script", path)?).map_err(|source| {
                ListenError::Script { path: path.display().to_string(), source }
            })?)
        }
    };
    Ok(Options {
        listen: args.listen,
        certificate,
        expected: Expected { auth, signing_secret },
        behaviour,
        speaks: if args.slack { Speaks::Slack } else { Speaks::Webhook },
        log: args.log,
        watcher: None,
    })
}

fn variable(name: &str) -> Result<String, ListenError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(_) => Err(ListenError::Misuse(format!(
            "the environment variable {name} is not set, or not to text"
        ))),
    }
}

/// What the options for trouble come to. A stall alone delays good answers, so that both a slow
/// receiver and one that is too slow can be had.
fn behaviour(args: &ListenArgs) -> Behaviour {
    let chosen = args.fail_first.is_some() || args.fail_every.is_some();
    let failing = chosen || args.retry_after.is_some();
    let words = args.slack_error.is_some();
    if !failing && args.status.is_none() && args.stall.is_none() && !words {
        return Behaviour::default();
    }
    let status =
        args.slack_error.as_deref().map_or(args.status, |word| Some(blockkit::status(word)));
    let answer = Answer {
        after: args.stall.unwrap_or_default(),
        retry_after: args.retry_after.iter().map(|p| RetryAfter::Seconds(p.as_secs())).collect(),
        ..Answer::status(status.unwrap_or(if failing { 503 } else { 200 }))
    };
    let answer = match &args.slack_error {
        Some(word) => Answer { body: Body::Text(word.clone()), ..answer },
        None => answer,
    };
    let trouble = Trouble { answer, first: args.fail_first, every: args.fail_every };
    Behaviour::Troubles(vec![trouble])
}

fn printer(json: bool, paint: Paint) -> Watcher {
    let mut line = Vec::with_capacity(2048);
    let manner = Manner { paint, receiver: None, words: true };
    Box::new(move |seen| {
        line.clear();
        if json {
            if let Err(error) = log::write_line(seen, true, &mut line) {
                tracing::error!(%error, "a request can't be printed");
            }
        } else {
            line.extend_from_slice(show::lines(seen, manner).as_bytes());
        }
        // Whoever closed our output does not want to see more; requests are served all the same.
        if let Err(error) = io::stdout().lock().write_all(&line) {
            tracing::debug!(%error, "nobody reads the output");
        }
    })
}

fn print(text: &str) -> Result<(), ListenError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn greeting(url: &str, ca: Option<&std::path::Path>, json: bool, paint: Paint) -> String {
    if json {
        let line = serde_json::json!({ "listening": url, "ca": ca });
        return format!("{line}\n");
    }
    let mut text = format!("Listening on {}\n", paint.bold(url));
    if let Some(ca) = ca {
        text.push_str(&format!("Senders must trust {}\n", paint.bold(&ca.display().to_string())));
    }
    text.push_str(&paint.dim("Every path is a webhook. Ctrl-C ends it.\n\n"));
    text
}

fn farewell(counts: Counts, json: bool) -> String {
    if json {
        let line = serde_json::json!({ "counts": counts });
        return format!("{line}\n");
    }
    let Counts { requests, alerts, taken, failed, retries, duplicates, problems } = counts;
    format!(
        "\n{requests} requests of {alerts} alerts: {taken} alerts taken, {failed} requests failed, \
         {retries} retries, {duplicates} duplicates, {problems} with problems\n"
    )
}
