//! `belfry key rotate`: a new master key, and all that is sealed anew under it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::CliError;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::engine::Board;
use crate::engine::ports::{Actor, Purpose, Sealer as _, VaultError};
use crate::failpoint;
use crate::serve::{StartError, keys};
use crate::store::{OpenError, Resealed, Seal, SealPlace, Settings, Sqlite};
use crate::telemetry;
use crate::vault::{KeyPlace, MasterKey, Vault};

/// Look after the master key, here and while the service is stopped.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// What to do with the key.
    #[command(subcommand)]
    pub act: KeyAct,
}

/// What can be done with the key.
#[derive(Debug, clap::Subcommand)]
pub enum KeyAct {
    /// Make a new key, seal every credential and signing secret anew under it, and put it in the place of
    /// the old one. Stop the service first.
    Rotate(RotateArgs),
}

/// Make a new key and seal everything anew under it.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Why the key was not rotated.
#[derive(Debug, thiserror::Error)]
enum RotateError {
    #[error(
        "the master key is the text of BELFRY_MASTER_KEY, which can't be replaced from here: put it into \
         a file that only you can read, name that in BELFRY_MASTER_KEY_FILE instead, and rotate again"
    )]
    InVariable,
    #[error(
        "nothing was changed: with the master key in use {} can't be opened. Give such an integration or relay a \
         new credential, or switch its signing off and on, or delete it, and rotate again",
        .0.join(" and ")
    )]
    Unreadable(Vec<String>),
    #[error(
        "{0}: whether the new key is in use is decided at the next start; keep {1} and {2} until then"
    )]
    Undecided(String, String, String),
}

/// Does it and says what was done.
///
/// # Errors
/// What is in the way, and what to do; nothing is changed then, or the next start finishes it.
pub async fn run(args: KeyArgs) -> Result<(), CliError> {
    let KeyAct::Rotate(args) = args.act;
    let config = Config::load(&args.data).map_err(CliError::misuse)?;
    telemetry::start(config.log_json, &config.log_level);
    let file = match KeyPlace::of(&args.data) {
        KeyPlace::Variable => return Err(CliError::failed(RotateError::InVariable)),
        KeyPlace::File(file) => file,
    };
    // Before anything is touched: what another user than the service's makes, the service can't read.
    MasterKey::read(&file).map_err(CliError::failed)?;
    let store = open(&config.storage).map_err(|error| {
        let status = error.exit_status();
        CliError::with_status(error, status)
    })?;
    let rotated = rotate(&store, &args.data, &file).await?;
    // It is not closed as after a run: how the service's last one ended is for its next one to know.
    drop(store);
    tell(&args, &file, &rotated)
}

fn open(storage: &Path) -> Result<Sqlite, OpenError> {
    let settings = Settings {
        after_accept: Board::new(1),
        fatal: Arc::new(|status, what| tracing::error!(status, what, "the store failed")),
        readers: 1,
        max_pages: None,
    };
    Sqlite::open_existing(storage, settings)
}

/// What was done.
struct Rotated {
    old_key: String,
    new_key: String,
    credentials: usize,
    signing_secrets: usize,
    inbound_credentials: usize,
}

/// Three steps, and after each the data directory is one that the service starts on.
async fn rotate(store: &Sqlite, data: &Path, file: &Path) -> Result<Rotated, CliError> {
    let started = |error: StartError| {
        let status = error.exit_status();
        CliError::with_status(error, status)
    };
    let old = keys::in_use(store, data).await.map_err(started)?;
    let stored = store.reader().seals().await.map_err(CliError::failed)?;
    let (key, new) = keys::fresh(&old).map_err(started)?;
    let count = |purpose| stored.iter().filter(|each| each.place.purpose() == purpose).count();
    let rotated = Rotated {
        old_key: old.key_id(),
        new_key: new.key_id(),
        credentials: count(Purpose::Credential),
        signing_secrets: count(Purpose::SigningSecret),
        inbound_credentials: count(Purpose::InboundCredential),
    };
    let seals = reseal(&old, &new, stored).map_err(CliError::failed)?;

    keys::prepare(file, &key).map_err(CliError::failed)?;
    failpoint::reach("rotate.step");
    let undecided = |why: String| {
        let next = keys::next_to(file).display().to_string();
        CliError::failed(RotateError::Undecided(why, file.display().to_string(), next))
    };
    let by = Actor::cli();
    let at = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    let written = store.reseal(seals, new.key_id(), by, at).await;
    written.map_err(|error| undecided(error.to_string()))?;
    failpoint::reach("rotate.step");
    keys::finish(file).map_err(|error| undecided(CliError::failed(error).message()))?;
    failpoint::reach("rotate.step");
    Ok(rotated)
}

/// Seals everything anew, or names all that can't be opened.
fn reseal(
    old: &Vault,
    new: &Vault,
    stored: Vec<Seal>,
) -> Result<Vec<Resealed>, Box<dyn std::error::Error + Send + Sync>> {
    let mut unreadable = Vec::new();
    let mut seals = Vec::with_capacity(stored.len());
    for seal in stored {
        let purpose = seal.place.purpose();
        match old.open(purpose, seal.owner, &seal.sealed) {
            Ok(secret) => {
                let sealed = new.seal(purpose, seal.owner, &secret)?;
                seals.push(Resealed { old: seal, new: sealed });
            }
            Err(VaultError::Unreadable) => unreadable.push(shown(&seal)),
            Err(error @ (VaultError::Exhausted | VaultError::NoRandomness)) => {
                return Err(error.into());
            }
        }
    }
    if unreadable.is_empty() { Ok(seals) } else { Err(RotateError::Unreadable(unreadable).into()) }
}

fn shown(seal: &Seal) -> String {
    let what = match seal.place {
        SealPlace::Credential => "the credential of the integration",
        SealPlace::SigningSecret(_) => "a signing secret of the integration",
        SealPlace::InboundCredential => "the inbound credential of the relay",
    };
    format!("{what} {} ({})", seal.name, seal.owner)
}

fn tell(args: &RotateArgs, file: &Path, rotated: &Rotated) -> Result<(), CliError> {
    let Rotated { old_key, new_key, credentials, signing_secrets, inbound_credentials } = rotated;
    let text = if args.json {
        let answer = json!({ "key_id": new_key, "old_key_id": old_key, "file": file.to_string_lossy(),
            "credentials": credentials, "signing_secrets": signing_secrets,
            "inbound_credentials": inbound_credentials });
        format!("{answer}\n")
    } else {
        format!(
            "Made a new master key and sealed anew under it: credentials: {credentials}, signing secrets: \
             {signing_secrets}, inbound credentials: {inbound_credentials}.\n\n\
             Keep a copy of {} somewhere else. The old key opens nothing here any more: keep its copy only \
             for as long as backups from before.\n",
            file.display()
        )
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::failed)
}
