//! `belfry backup` and `belfry restore`: the database, saved and put back. Neither touches the master
//! key, without which no stored credential can be read.

use std::path::PathBuf;

use serde_json::json;

use super::CliError;
use super::desk;
use super::paint::plain;
use crate::config::Config;
use crate::store::{BackupError, back_up, restore};
use crate::vault::KEY_FILE;

/// Copy the database into a file, while the service runs or not. The master key is not in it: keep a copy of
/// that somewhere else.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Where to; an older backup of that name is replaced once the new one is whole.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Put a backup in the place of the database. Stop the service first.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The data directory; its configuration and master key stay as they are.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Put the database aside that is there.
    #[arg(long)]
    pub replace: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

fn refused(error: BackupError) -> CliError {
    let status = error.exit_status();
    CliError::with_status(error, status)
}

/// Makes a backup.
///
/// # Errors
/// What is in the way; no half of it is left.
pub fn run(args: &BackupArgs) -> Result<(), CliError> {
    let config = Config::load(&args.data).map_err(CliError::misuse)?;
    let at = desk::now();
    let made = back_up(&config.storage, &args.file, at).map_err(refused)?;
    if let Some(error) = made.unnoted {
        eprintln!("belfry: the backup is made, and could not be noted in the database: {error}");
    }
    let shown = args.file.to_string_lossy();
    let value = json!({"file": shown, "bytes": made.bytes, "schema": made.schema,
                       "made_at": at.to_string()});
    let text = format!(
        "Backed up to {}: {} bytes.\n\
         {KEY_FILE} is not in it: keep a copy of it apart, without which no stored credential can be read.\n",
        plain(&shown),
        made.bytes
    );
    desk::print(args.json, &value, &text)
}

/// Restores a backup.
///
/// # Errors
/// What is in the way; the database that was there is still there.
pub fn run_restore(args: &RestoreArgs) -> Result<(), CliError> {
    let config = Config::load(&args.data).map_err(CliError::misuse)?;
    let at = desk::now();
    let done = restore(&config.storage, &args.file, args.replace, at).map_err(refused)?;
    let shown = args.file.to_string_lossy();
    let aside = done.aside.map(|path| path.to_string_lossy().into_owned());
    let value = json!({"file": shown, "bytes": done.bytes, "schema": done.schema,
                       "replaced": aside});
    let aside = aside.map_or_else(String::new, |aside| {
        format!("The database that was there is {} now.\n", plain(&aside))
    });
    let text = format!(
        "Restored {}: {} bytes.\n{aside}\
         Everybody is signed out. Tokens and people that ended since that backup are back: look through them.\n\
         What was delivered since is sent again, under the same Idempotency-Key.\n",
        plain(&shown),
        done.bytes
    );
    desk::print(args.json, &value, &text)
}
