//! What commands on the machine itself have in common: the database behind a data directory, whether
//! the service runs or not.

use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::CliError;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::engine::ports::StoreError;
use crate::store::Desk;

/// Opens the database of a data directory.
///
/// # Errors
/// What is wrong with the configuration or the database.
pub(super) fn open(data: &Path) -> Result<Desk, CliError> {
    let config = Config::load(data).map_err(CliError::misuse)?;
    Desk::open(&config.storage).map_err(|error| {
        let status = error.exit_status();
        CliError::with_status(error, status)
    })
}

/// The time of day.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// A refusal of the store, in which the thing that is missing has a name.
pub(super) fn refused(error: StoreError, what: &str) -> CliError {
    match error {
        StoreError::NotFound => CliError::failed(format!("there is no such {what}")),
        StoreError::Full
        | StoreError::Busy
        | StoreError::Stopped
        | StoreError::Stale { .. }
        | StoreError::Refused(_)
        | StoreError::Repeated { .. }
        | StoreError::KeyReused
        | StoreError::Failed(_) => CliError::failed(error),
    }
}

/// Prints a text, or JSON in its place.
pub(super) fn print(json: bool, value: &Value, text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let text = if json { format!("{value}\n") } else { text.to_owned() };
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::failed)
}
