//! Who an email goes to, and what became of each: one bad address neither stops the others nor is tried
//! again with them.

use std::fmt;

use super::outcome::{Judged, Meaning};

/// A mail address that can be written into an SMTP command and a header as it is: `local@domain`, all
/// visible ASCII (RFC 5321, section 4.1.2, without quoted local parts and address literals). A domain in
/// other letters is stored in its ASCII form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EmailAddress(String);

/// Why a text is no address that mail can go to: one sentence that says what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(&'static str);

impl EmailAddress {
    /// Parses; the domain becomes lower case.
    ///
    /// # Errors
    /// What to change.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches(' ');
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(AddressError("has no @: write it as name@example.com"));
        };
        if local.is_empty() || local.len() > 64 {
            return Err(AddressError("must have 1 to 64 bytes before its @"));
        }
        let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
        if dots || !local.bytes().all(|byte| is_atext(byte) || byte == b'.') {
            return Err(AddressError(
                "may have letters, digits, dots and ! # $ % & ' * + - / = ? ^ _ ` { | } ~ before its @ only: \
                 no space, no quotes, no angle brackets, and no name beside the address",
            ));
        }
        const DOMAIN: &str =
            "must have the name of a mail domain behind its @, as in name@example.com";
        let domain = match url::Host::parse(domain) {
            Ok(url::Host::Domain(domain)) => domain.to_ascii_lowercase(),
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => {
                return Err(AddressError(DOMAIN));
            }
        };
        let label = |label: &str| {
            let inside = !label.is_empty() && label.len() <= 63;
            let hyphens = label.starts_with('-') || label.ends_with('-');
            inside
                && !hyphens
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !domain.split('.').all(label) {
            return Err(AddressError(DOMAIN));
        }
        // RFC 5321, section 4.5.3.1.3: a path has 256 bytes, two of them its angle brackets.
        if local.len() + 1 + domain.len() > 254 {
            return Err(AddressError("is longer than 254 bytes"));
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    /// What stands in the place of the sender's address where none is configured: a name that never exists
    /// (RFC 2606, section 2).
    pub fn unset() -> Self {
        Self("not-configured@smtp-from.invalid".to_owned())
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5322, section 3.2.3.
const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'/')
        || matches!(byte, b'=' | b'?' | b'^' | b'_' | b'`' | b'{' | b'|' | b'}' | b'~')
}

/// What became of one address of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The server took the mail for it. It is not sent to again.
    Accepted,
    /// The server refused it for good. It is not tried again but by an operator's retry.
    Refused,
    /// Not yet: it is tried again with the delivery's next attempt.
    Waiting,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Refused, Self::Waiting];

    /// The word in rows, API and pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
        }
    }

    /// What that word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.word() == word)
    }

    /// What a reply of that code means for the address that it speaks of (RFC 5321, section 4.2.1).
    pub const fn of(code: u16) -> Self {
        match code {
            200..=299 => Self::Accepted,
            500..=599 => Self::Refused,
            _ => Self::Waiting,
        }
    }
}

/// What an attempt found of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// What became of it.
    pub fate: Fate,
    /// The server's code: 200 to 599.
    pub code: u16,
    /// The server's words, made harmless; may be empty.
    pub words: String,
}

/// What one transaction comes to, of all that is known of the delivery's addresses: those of attempts
/// before (`settled`) and those of this one.
pub fn judge(settled: &[Recipient], now: &[Recipient]) -> Judged {
    let of = |fate: Fate| {
        let all = settled.iter().chain(now);
        all.filter(|each| each.fate == fate).collect::<Vec<_>>()
    };
    let (accepted, refused, waiting) = (of(Fate::Accepted), of(Fate::Refused), of(Fate::Waiting));
    let told = |some: &[&Recipient]| {
        let first = some.iter().take(NAMED).map(|each| each.told());
        let mut told = first.collect::<Vec<_>>().join("; ");
        let more = some.len().saturating_sub(NAMED);
        if more > 0 {
            told.push_str(&format!("; and {more} more"));
        }
        told
    };
    let mut parts = Vec::new();
    let (meaning, telling) = match (waiting.as_slice(), accepted.as_slice(), refused.as_slice()) {
        ([first, ..], _, _) => (Meaning::Unwanted, Some(*first)),
        ([], [first, ..], _) => (Meaning::Arrived, Some(*first)),
        ([], [], [first, ..]) => (Meaning::Refused, Some(*first)),
        ([], [], []) => (Meaning::Refused, None),
    };
    if !accepted.is_empty() {
        parts.push(match accepted.len() {
            1 => "accepted for 1 address".to_owned(),
            many => format!("accepted for {many} addresses"),
        });
    }
    if !waiting.is_empty() {
        parts.push(format!("not yet for {}", told(&waiting)));
    }
    if !refused.is_empty() {
        parts.push(format!("refused for {}", told(&refused)));
    }
    if parts.is_empty() {
        parts.push("there is no address to send to: add one".to_owned());
    }
    Judged {
        // Of what speaks of the outcome; of this attempt where both do.
        code: now
            .iter()
            .find(|each| telling.is_some_and(|telling| telling.fate == each.fate))
            .or(telling)
            .map_or(550, |each| each.code),
        meaning,
        retry_after: None,
        words: parts.join("; "),
    }
}

/// Addresses that a sentence names before it counts.
const NAMED: usize = 3;

impl Recipient {
    /// `a@example.com (550 no such user)`
    fn told(&self) -> String {
        match self.words.as_str() {
            "" => format!("{} ({})", self.address, self.code),
            words => format!("{} ({} {words})", self.address, self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(address: &str, code: u16) -> Recipient {
        Recipient { address: address.to_owned(), fate: Fate::of(code), code, words: String::new() }
    }

    #[test]
    fn addresses_that_could_say_more_than_an_address_are_refused() {
        for (text, expected) in [
            ("a@b.example", Some("a@b.example")),
            (" a.b+c@B.Example ", Some("a.b+c@b.example")),
            ("x@bücher.example", Some("x@xn--bcher-kva.example")),
            ("ops@mailhost", Some("ops@mailhost")),
            ("", None),
            ("a", None),
            ("@b.example", None),
            ("a@", None),
            ("a b@c.example", None),
            ("a@b.example\r\nBcc: x@y.example", None),
            ("a\r\n@b.example", None),
            ("\"a b\"@c.example", None),
            ("Anna <a@b.example>", None),
            ("a@b.example>", None),
            (".a@b.example", None),
            ("a..b@b.example", None),
            ("a@10.0.0.1", None),
            ("a@[10.0.0.1]", None),
            ("a@b..example", None),
            ("a@-b.example", None),
            ("a@b_c.example", None),
            ("é@b.example", None),
            ("a@b@c.example", None),
        ] {
            let parsed = EmailAddress::parse(text).ok();
            assert_eq!(parsed.as_ref().map(EmailAddress::as_str), expected, "{text:?}");
        }
        assert!(EmailAddress::parse(&format!("{}@b.example", "a".repeat(65))).is_err());
        let long = format!("a@{}.example", ["b"; 130].join("."));
        assert!(EmailAddress::parse(&long).is_err());
    }

    /// Contract, section 6: a refusal is that address's alone, and what waits is tried again.
    #[test]
    fn one_bad_address_neither_stops_nor_repeats_the_others() {
        let (ok, bad, later) = (one("a@x.test", 250), one("b@x.test", 550), one("c@x.test", 451));
        let judged = |settled: &[&Recipient], now: &[&Recipient]| {
            let all =
                |some: &[&Recipient]| some.iter().map(|&each| each.clone()).collect::<Vec<_>>();
            let Judged { code, meaning, words, .. } = judge(&all(settled), &all(now));
            (meaning, code, words)
        };
        let (meaning, code, words) = judged(&[], &[&ok, &bad, &later]);
        assert_eq!((meaning, code), (Meaning::Unwanted, 451));
        assert_eq!(
            words,
            "accepted for 1 address; not yet for c@x.test (451); refused for b@x.test (550)"
        );
        let later_ok = one("c@x.test", 250);
        let (meaning, code, _) = judged(&[&ok, &bad], &[&later_ok]);
        assert_eq!((meaning, code), (Meaning::Arrived, 250));
        let (meaning, code, words) = judged(&[&bad], &[&one("c@x.test", 552)]);
        assert_eq!((meaning, code), (Meaning::Refused, 552));
        assert_eq!(words, "refused for b@x.test (550); c@x.test (552)");
        assert_eq!(judged(&[&ok, &bad], &[]).0, Meaning::Arrived);
        assert_eq!(judged(&[], &[]).0, Meaning::Refused);
    }
}
