//! One mail transaction (RFC 5321, section 3.3): who it comes from, who it goes to, the mail. Each address
//! gets an outcome of its own; what the server says of the mail as a whole holds for those it had taken.

use std::cell::RefCell;

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};

use super::connection::{Connection, Dial};
use crate::domain::outcome::{Fault, FaultKind, Judged, Meaning};
use crate::domain::recipient::{EmailAddress, Fate, Recipient};

/// Why a transaction ended before it was known for each address what became of it.
pub(super) enum Broken {
    /// The server answered that it takes nothing now.
    Answered(Judged),
    /// It did not answer, or refused us.
    Failed(Fault),
}

/// What a transaction found so far: kept outside of it, so that a timeout does not lose it.
pub(super) type Findings = RefCell<Vec<Recipient>>;

/// Carries the transaction out. Addresses that were refused stand in `found` even where it breaks.
pub(super) async fn carry_out(
    way: &Dial<'_>,
    connection: &mut Connection,
    to: &[&EmailAddress],
    mail: &[u8],
    found: &Findings,
) -> Result<(), Broken> {
    let smtp = &mut connection.smtp;
    way.reached.set("MAIL");
    let from = lettre_address(&way.settings.from.address);
    if let Err(error) = smtp.command(Mail::new(Some(from), Vec::new())).await {
        return Err(refused(way, &error, "who it comes from"));
    }
    let mut taken: Vec<&EmailAddress> = Vec::with_capacity(to.len());
    for address in to {
        way.reached.set("RCPT");
        match smtp.command(Rcpt::new(lettre_address(address), Vec::new())).await {
            Ok(_) => taken.push(address),
            Err(error) => match error.status().map(u16::from) {
                // It closes the connection (RFC 5321, section 3.8): it says nothing of this address.
                None | Some(421) => return Err(refused(way, &error, "an address")),
                Some(code) => {
                    let words = way.words(&error);
                    let found = &mut *found.borrow_mut();
                    found.push(recipient(address, code, words));
                }
            },
        }
    }
    if taken.is_empty() {
        return Ok(());
    }
    way.reached.set("DATA");
    let said = match smtp.command(Data).await {
        Ok(_) => {
            way.reached.set("the mail");
            smtp.message(mail).await
        }
        Err(error) => Err(error),
    };
    let (code, words) = match said {
        Ok(response) => {
            let first = response.first_line().unwrap_or_default();
            (u16::from(response.code()), way.clean(first))
        }
        Err(error) => match error.status().map(u16::from) {
            None | Some(421) => return Err(refused(way, &error, "the mail")),
            Some(code) => (code, way.words(&error)),
        },
    };
    let mut found = found.borrow_mut();
    found.extend(taken.into_iter().map(|address| recipient(address, code, words.clone())));
    Ok(())
}

fn recipient(address: &EmailAddress, code: u16, words: String) -> Recipient {
    Recipient { address: address.to_string(), fate: Fate::of(code), code, words }
}

/// An answer that speaks of us or of the server, and of no address.
fn refused(way: &Dial<'_>, error: &lettre::transport::smtp::Error, what: &str) -> Broken {
    match error.status().map(u16::from) {
        Some(code @ 400..=499) => Broken::Answered(Judged {
            code,
            meaning: Meaning::Unwell,
            retry_after: None,
            words: format!("the server takes no mail now ({code} {})", way.words(error)),
        }),
        Some(code) => {
            let words = way.words(error);
            let detail = format!("it refused {what} ({code} {words}): check smtp.from");
            Broken::Failed(way.told(FaultKind::Rejected, &detail))
        }
        None => Broken::Failed(way.fault(error)),
    }
}

/// What was parsed before is what goes into the command: all visible ASCII, without brackets and spaces.
pub(super) fn lettre_address(address: &EmailAddress) -> Address {
    let (local, domain) = address.as_str().rsplit_once('@').unwrap_or_default();
    Address::new_dangerous(local, domain)
}
