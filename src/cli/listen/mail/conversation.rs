//! What a mail server says to each line (RFC 5321): lines in, replies out, no socket.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq as _;

use crate::domain::limits::{MAILBOX_MAIL_BYTES, MAILBOX_RECIPIENTS};
use crate::domain::mail_server::Security;

/// What goes wrong with mails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailTrouble {
    /// Addresses that are refused.
    pub refuse: Vec<Refusal>,
    /// Each address is put off once.
    pub greylist: bool,
    /// The code that answers a mail, where it is not taken.
    pub status: Option<u16>,
    /// Only the first tries of each mail get that answer; 451 where none is given.
    pub fail_first: Option<u32>,
    /// The answer to a mail comes only after this time.
    pub stall: Option<Duration>,
    /// No answer comes to a mail: the connection ends.
    pub cut: bool,
}

/// An address that is refused, with the code of the refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The address.
    pub address: String,
    /// The code: 400 to 599.
    pub code: u16,
}

/// A mail that came whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) refused: Vec<(String, u16)>,
    pub(super) text: Vec<u8>,
    pub(super) tls: bool,
    pub(super) signed_in: bool,
}

/// What is said, and what is done then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) then: Then,
    /// Whether an address was refused or put off.
    pub(super) refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Go,
    Stall(Duration),
    Close,
    StartTls,
}

#[derive(Debug, Default)]
enum Stage {
    /// Commands come.
    #[default]
    Commands,
    /// The answer to AUTH PLAIN, or to the name of AUTH LOGIN, or to its password.
    Plain,
    Name,
    Password(String),
    /// The lines of a mail come.
    Text,
}

/// One connection's conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    security: Security,
    needs_login: bool,
    tls: bool,
    greeted: bool,
    signed_in: bool,
    stage: Stage,
    mail: Option<Mail>,
    whole: bool,
    too_long: bool,
}

fn say(text: &str) -> Reply {
    Reply { text: format!("{text}\r\n"), then: Then::Go, refused: false }
}

impl Conversation {
    pub(super) fn new(security: Security, needs_login: bool) -> Self {
        Self {
            security,
            needs_login,
            tls: false,
            greeted: false,
            signed_in: false,
            stage: Stage::Commands,
            mail: None,
            whole: false,
            too_long: false,
        }
    }

    /// The connection is secure now; what was said before does not count.
    pub(super) fn secured(&mut self) {
        *self = Self { tls: true, ..Self::new(self.security, self.needs_login) };
    }

    /// The mail that has just come whole.
    pub(super) fn take(&mut self) -> Option<Mail> {
        if !std::mem::take(&mut self.whole) {
            return None;
        }
        self.mail.take()
    }

    /// What is said to a line.
    pub(super) fn hear(
        &mut self,
        line: &[u8],
        trouble: &MailTrouble,
        login: Option<(&str, &str)>,
        greylisted: &mut VecDeque<String>,
    ) -> Reply {
        match std::mem::take(&mut self.stage) {
            Stage::Text => return self.text(line),
            Stage::Plain => return self.sign_in_plain(line, login),
            Stage::Name => {
                let name = decoded(line).unwrap_or_default();
                self.stage = Stage::Password(name);
                return say("334 UGFzc3dvcmQ6");
            }
            Stage::Password(name) => {
                let password = decoded(line).unwrap_or_default();
                return self.signed(&name, &password, login);
            }
            Stage::Commands => {}
        }
        let line = String::from_utf8_lossy(line).into_owned();
        let (verb, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.greeted = true;
                self.extensions()
            }
            "HELO" => {
                self.greeted = true;
                say("250 localhost")
            }
            "NOOP" => say("250 2.0.0 yes"),
            "QUIT" => Reply { then: Then::Close, ..say("221 2.0.0 bye") },
            "RSET" => {
                self.mail = None;
                say("250 2.0.0 forgotten")
            }
            "STARTTLS" if self.security == Security::StartTls && !self.tls => {
                Reply { then: Then::StartTls, ..say("220 2.0.0 go ahead") }
            }
            "AUTH" if self.needs_login => self.auth(rest, login),
            "MAIL" => self.from(rest),
            "RCPT" => self.to(rest, trouble, greylisted),
            "DATA" => match &self.mail {
                Some(mail) if !mail.to.is_empty() => {
                    self.stage = Stage::Text;
                    say("354 go ahead; a line with a dot alone ends it")
                }
                Some(_) => say("554 5.5.1 for nobody"),
                None => say("503 5.5.1 MAIL and RCPT come first"),
            },
            _ => say("500 5.5.2 not understood"),
        }
    }

    fn extensions(&self) -> Reply {
        let mut lines = vec![
            "localhost".to_owned(),
            "PIPELINING".to_owned(),
            "8BITMIME".to_owned(),
            format!("SIZE {MAILBOX_MAIL_BYTES}"),
        ];
        if self.security == Security::StartTls && !self.tls {
            lines.push("STARTTLS".to_owned());
        }
        if self.needs_login && (self.tls || self.security == Security::None) {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        lines.push("ENHANCEDSTATUSCODES".to_owned());
        let last = lines.len().saturating_sub(1);
        let text = lines.iter().enumerate().map(|(place, line)| {
            let mark = if place == last { ' ' } else { '-' };
            format!("250{mark}{line}\r\n")
        });
        Reply { text: text.collect(), then: Then::Go, refused: false }
    }

    fn auth(&mut self, rest: &str, login: Option<(&str, &str)>) -> Reply {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        match (mechanism.to_ascii_uppercase().as_str(), initial) {
            ("PLAIN", "") => {
                self.stage = Stage::Plain;
                say("334 ")
            }
            ("PLAIN", initial) => self.sign_in_plain(initial.as_bytes(), login),
            ("LOGIN", _) => {
                self.stage = Stage::Name;
                say("334 VXNlcm5hbWU6")
            }
            _ => say("504 5.5.4 PLAIN and LOGIN are known"),
        }
    }

    /// `authorization NUL name NUL password` (RFC 4616).
    fn sign_in_plain(&mut self, line: &[u8], login: Option<(&str, &str)>) -> Reply {
        let text = decoded(line).unwrap_or_default();
        let mut parts = text.split('\0').skip(1);
        let (name, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.signed(name, password, login)
    }

    fn signed(&mut self, name: &str, password: &str, login: Option<(&str, &str)>) -> Reply {
        let right = login.is_some_and(|(known, secret)| {
            known == name && bool::from(secret.as_bytes().ct_eq(password.as_bytes()))
        });
        self.signed_in = right;
        say(if right { "235 2.7.0 welcome" } else { "535 5.7.8 not with this login" })
    }

    fn from(&mut self, rest: &str) -> Reply {
        if !self.greeted {
            return say("503 5.5.1 EHLO comes first");
        }
        if self.security == Security::StartTls && !self.tls {
            return say("530 5.7.0 STARTTLS comes first");
        }
        if self.needs_login && !self.signed_in {
            return say("530 5.7.0 AUTH comes first");
        }
        if self.mail.is_some() {
            return say("503 5.5.1 one mail after the other");
        }
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return say("501 5.5.4 MAIL FROM:<address>");
        };
        let mut parameters = parameters.split_ascii_whitespace();
        let size = parameters.find_map(|each| each.strip_prefix("SIZE=")?.parse::<usize>().ok());
        if size.is_some_and(|size| size > MAILBOX_MAIL_BYTES) {
            return say("552 5.3.4 too long");
        }
        self.mail = Some(Mail {
            from: from.to_owned(),
            tls: self.tls,
            signed_in: self.signed_in,
            ..Mail::default()
        });
        say("250 2.1.0 yes")
    }

    fn to(
        &mut self,
        rest: &str,
        trouble: &MailTrouble,
        greylisted: &mut VecDeque<String>,
    ) -> Reply {
        let Some(mail) = &mut self.mail else { return say("503 5.5.1 MAIL comes first") };
        let Some((to, _)) = path(rest, "TO:").filter(|(to, _)| !to.is_empty()) else {
            return say("501 5.5.4 RCPT TO:<address>");
        };
        if mail.to.len() >= MAILBOX_RECIPIENTS {
            return say("452 4.5.3 too many");
        }
        let refusal = trouble.refuse.iter().find(|each| each.address.eq_ignore_ascii_case(to));
        let code = match refusal {
            Some(refusal) => refusal.code,
            None if trouble.greylist && !greylisted.iter().any(|known| known == to) => {
                greylisted.push_front(to.to_owned());
                451
            }
            None => {
                mail.to.push(to.to_owned());
                return say("250 2.1.5 yes");
            }
        };
        mail.refused.push((to.to_owned(), code));
        let words = match code {
            451 => "4.7.1 greylisted, try again later",
            400..=499 => "4.2.0 not now",
            _ => "5.1.1 no such mailbox here",
        };
        Reply { refused: true, ..say(&format!("{code} {words}")) }
    }

    /// A line of a mail. Replies come at its end alone.
    fn text(&mut self, line: &[u8]) -> Reply {
        let nothing = Reply { text: String::new(), then: Then::Go, refused: false };
        if line == b"." {
            if std::mem::take(&mut self.too_long) {
                self.mail = None;
                return say("552 5.3.4 too long");
            }
            self.whole = true;
            return nothing;
        }
        self.stage = Stage::Text;
        let line = line.strip_prefix(b".").unwrap_or(line);
        if let Some(mail) = &mut self.mail {
            if mail.text.len() + line.len() > MAILBOX_MAIL_BYTES {
                self.too_long = true;
            } else {
                mail.text.extend_from_slice(line);
                mail.text.extend_from_slice(b"\r\n");
            }
        }
        nothing
    }
}

fn decoded(line: &[u8]) -> Option<String> {
    String::from_utf8(BASE64.decode(line).ok()?).ok()
}

/// `FROM:<address> parameters`
fn path<'a>(rest: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let start = rest.get(..word.len())?;
    let rest = rest.get(word.len()..)?.trim_start();
    let (address, parameters) = rest.strip_prefix('<')?.split_once('>')?;
    start.eq_ignore_ascii_case(word).then_some((address, parameters))
}
