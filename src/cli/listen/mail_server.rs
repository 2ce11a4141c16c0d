//! `belfry listen --smtp`: a mailbox until a signal ends it.

use std::io::{self, Write as _};

use super::args::ListenArgs;
use super::mail::{MailCounts, MailOptions, MailTrouble, MailWatcher, Mailbox, mail_lines};
use super::{ListenError, Manner, file, print, variable, write_ca};
use crate::cli::paint::Paint;
use crate::cli::signals::Signals;
use crate::domain::mail_server::Security;
use crate::domain::secret::Secret;

pub(super) async fn listen(args: ListenArgs, security: Security) -> Result<(), ListenError> {
    let json = args.json;
    let paint = if json { Paint::off() } else { Paint::stdout() };
    let ca_out = args.ca_out.clone();
    let options = options(args, security)?;
    let mailbox = Mailbox::start(options).await?;
    let mut throwaway = None;
    // Without TLS nobody needs to trust anything.
    let ca_path = match (mailbox.ca_pem().filter(|_| security != Security::None), ca_out) {
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
    let place = mailbox.place();
    print(&match json {
        true => format!("{}\n", serde_json::json!({ "listening": place, "ca": ca_path })),
        false => {
            let mut text = format!("A mail server listens on {}\n", paint.bold(&place));
            if let Some(ca) = &ca_path {
                let ca = paint.bold(&ca.display().to_string());
                text.push_str(&format!("Senders must trust {ca}\n"));
            }
            text.push_str(
                &paint.dim("It takes mail for everybody, and sends none on. Ctrl-C ends it.\n\n"),
            );
            text
        }
    })?;
    signals.end().await;
    let counts = mailbox.stop().await;
    drop(throwaway);
    let MailCounts { mails, taken, duplicates, refused } = counts;
    print(&match json {
        true => format!("{}\n", serde_json::json!({ "counts": counts })),
        false => format!(
            "\n{mails} mails: {taken} taken, {duplicates} duplicates; {refused} addresses refused\n"
        ),
    })
}

fn options(args: ListenArgs, security: Security) -> Result<MailOptions, ListenError> {
    let read = |what, path: &std::path::PathBuf| {
        std::fs::read_to_string(path).map_err(|source| file(what, path, "read", source))
    };
    let certificate = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some((read("the certificate", cert)?, read("the key", key)?)),
        _ => None,
    };
    let login = match (args.smtp_user, &args.credential_env) {
        (Some(user), Some(name)) => Some((user, Secret::new(variable(name)?))),
        (None, Some(_)) => {
            return Err(ListenError::Misuse("--credential-env needs --smtp-user".to_owned()));
        }
        (_, None) => None,
    };
    if let Some(status) = args.status.filter(|status| !(400..=599).contains(status)) {
        let what = format!("--status {status} is no failure of a mail: give 400 to 599");
        return Err(ListenError::Misuse(what));
    }
    Ok(MailOptions {
        listen: args.listen,
        certificate,
        security,
        login,
        trouble: MailTrouble {
            refuse: args.refuse,
            greylist: args.greylist,
            status: args.status,
            fail_first: args.fail_first,
            stall: args.stall,
            cut: args.cut,
        },
        log: args.log,
        watcher: (!args.quiet).then(|| printer(args.json)),
    })
}

fn printer(json: bool) -> MailWatcher {
    let paint = if json { Paint::off() } else { Paint::stdout() };
    let manner = Manner { paint, receiver: None, words: true };
    Box::new(move |seen| {
        let text = if json { seen.line() } else { mail_lines(seen, manner) };
        // Whoever closed our output does not want to see more; mail is taken all the same.
        if let Err(error) = io::stdout().lock().write_all(text.as_bytes()) {
            tracing::debug!(%error, "nobody reads the output");
        }
    })
}
