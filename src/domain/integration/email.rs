//! A list of mail addresses as a destination.

use std::fmt;

use super::PartError;
use crate::domain::limits::EMAIL_ADDRESSES;
use crate::domain::recipient::EmailAddress;
use crate::domain::wording::Templates;

/// A list of mail addresses. Where their mail goes is the service's own setting (`smtp`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Who gets the mail.
    pub to: Addresses,
    /// What the mail says, where that differs from the default.
    pub templates: Templates,
}

/// From one address to [`EMAIL_ADDRESSES`], each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses(Vec<EmailAddress>);

impl Addresses {
    /// Takes the addresses over; one that is there already, in whatever letters, counts once.
    ///
    /// # Errors
    /// There is none, or there are too many.
    pub fn new(all: Vec<EmailAddress>) -> Result<Self, PartError> {
        let mut kept: Vec<EmailAddress> = Vec::with_capacity(all.len().min(EMAIL_ADDRESSES));
        for address in all {
            if !kept.iter().any(|each| each.as_str().eq_ignore_ascii_case(address.as_str())) {
                kept.push(address);
            }
        }
        match kept.len() {
            0 => Err(PartError("has no address: give at least one".to_owned())),
            1..=EMAIL_ADDRESSES => Ok(Self(kept)),
            _ => Err(PartError(format!(
                "has more than {EMAIL_ADDRESSES} addresses: use a mailing list, or a second integration"
            ))),
        }
    }

    /// Reads what [`Addresses`] writes.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let parsed = text.split(',').map(EmailAddress::parse).collect::<Result<_, _>>();
        Self::new(parsed.map_err(|error| PartError(error.to_string()))?)
    }

    /// All of them, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &EmailAddress> {
        self.0.iter()
    }
}

/// `a@example.com, b@example.com`
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, address) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            address.fmt(f)?;
        }
        Ok(())
    }
}
