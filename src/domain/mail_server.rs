//! How a mail server is spoken to, and who mail comes from.

use super::recipient::EmailAddress;

/// How the connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Upgraded by STARTTLS (RFC 3207), or not used.
    StartTls,
    /// TLS from its start (RFC 8314).
    Tls,
    /// Not at all. No login goes over it.
    None,
}

/// Who mail comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSender {
    /// The name beside the address, where there is one.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

impl MailSender {
    /// `name@example.com`, or `Name <name@example.com>`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(char::is_control) {
            return None;
        }
        let text = text.trim();
        let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'))
        else {
            return Some(Self { name: None, address: EmailAddress::parse(text).ok()? });
        };
        let name = name.trim().trim_matches('"').trim();
        let name = (!name.is_empty()).then(|| name.to_owned());
        Some(Self { name, address: EmailAddress::parse(address).ok()? })
    }
}

impl std::fmt::Display for MailSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => self.address.fmt(f),
        }
    }
}
