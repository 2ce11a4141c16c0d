//! How a command ends that did not do its work: a message for a person, and an exit status.

use std::error::Error;
use std::process::ExitCode;

/// Why a command ends otherwise than with 0.
#[derive(Debug)]
pub struct CliError {
    cause: Option<Box<dyn Error + Send + Sync>>,
    status: u8,
}

impl CliError {
    /// The command was used rightly and failed: status 1.
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), status: 1 }
    }

    /// Arguments, variables or settings are wrong: status 2.
    pub fn misuse(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), status: 2 }
    }

    /// It failed in a way that has a status of its own.
    pub fn with_status(cause: impl Into<Box<dyn Error + Send + Sync>>, status: u8) -> Self {
        Self { cause: Some(cause.into()), status }
    }

    /// The command did what it could, and said on its output what it could not: status 1.
    pub fn told() -> Self {
        Self { cause: None, status: 1 }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        self.status
    }

    /// The error and what caused it, each once; empty where it was told before.
    pub fn message(&self) -> String {
        let Some(cause) = &self.cause else { return String::new() };
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            text.push_str(&format!(": {error}"));
            source = error.source();
        }
        text
    }

    /// Prints the message to standard error, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        let message = self.message();
        if !message.is_empty() {
            eprintln!("belfry: {message}");
        }
        ExitCode::from(self.status)
    }
}
