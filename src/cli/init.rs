//! `belfry init`: makes a data directory.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CliError;
use crate::config;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::Board;
use crate::store::{NewToken, Settings, Sqlite};
use crate::vault::{KEY_FILE, MasterKey};
use crate::web::token::{Right, mint};

/// Make a data directory: configuration, master key, database, and an admin token.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// Where; it is made, and must not hold another one.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Makes it and prints the admin's token, which is shown this once.
///
/// # Errors
/// The directory is taken, or the machine refused; what was begun is removed again.
pub async fn run(args: InitArgs) -> Result<(), CliError> {
    let token = make(&args.data).await?;
    let text = if args.json {
        format!("{}\n", serde_json::json!({ "admin_token": token.expose() }))
    } else {
        let dir = args.data.display();
        format!(
            "Made {dir} with {}, {KEY_FILE} and the database.\n\n\
             Admin token, shown this once:\n  {}\n\n\
             Next: belfry serve --data {dir}\n\
             Keep a copy of {dir}/{KEY_FILE} somewhere else: without it no stored credential can be \
             read.\n",
            config::FILE,
            token.expose()
        )
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::failed)
}

/// Makes a data directory; returns the admin's token.
///
/// # Errors
/// As [`run`].
pub async fn make(data: &Path) -> Result<Secret, CliError> {
    for name in [config::FILE, KEY_FILE, "belfry.db"] {
        if data.join(name).symlink_metadata().is_ok() {
            let text = format!(
                "{} holds a {name} already: name another directory, or use this one with \
                 `belfry serve`",
                data.display()
            );
            return Err(CliError::failed(text));
        }
    }
    let new: Vec<&Path> =
        data.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    // Whoever makes the configuration owns the directory: another `init` at the same moment fails here,
    // and must not take away what the first one made.
    let made = match claim(data) {
        Ok(()) => {
            let filled = fill(data).await;
            if filled.is_err() {
                remove_files(data);
            }
            filled
        }
        Err(error) => Err(error),
    };
    if made.is_err() {
        for dir in new {
            let _not_empty = std::fs::remove_dir(dir);
        }
    }
    made
}

/// Nothing half-made stays; what can't be removed is found by the next try.
fn remove_files(data: &Path) {
    let database = ["belfry.db", "belfry.db-wal", "belfry.db-shm", "belfry.lock", "reserve"];
    for name in [config::FILE, KEY_FILE].into_iter().chain(database) {
        let _absent = std::fs::remove_file(data.join(name));
    }
}

/// Makes the directory and the configuration.
fn claim(data: &Path) -> Result<(), CliError> {
    let machine = |what: &str, error: std::io::Error| {
        CliError::failed(format!("{what} in {} failed: {error}", data.display()))
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(|error| machine("making the directory", error))?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(data.join(config::FILE))
        .map_err(|error| machine("making the configuration", error))?;
    let written = file.write_all(config::template().as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        remove_files(data);
        machine("writing the configuration", error)
    })
}

async fn fill(data: &Path) -> Result<Secret, CliError> {
    let key = MasterKey::generate().map_err(CliError::failed)?;
    key.write(&data.join(KEY_FILE)).map_err(CliError::failed)?;
    let settings = Settings {
        after_accept: Board::new(1),
        fatal: Arc::new(|status, what| tracing::error!(status, what, "the store failed")),
        readers: 1,
        max_pages: None,
    };
    let store = Sqlite::open(data, settings).map_err(|error| {
        let status = error.exit_status();
        CliError::with_status(error, status)
    })?;
    let minted = mint(Right::Admin).map_err(CliError::failed)?;
    let now = jiff::Timestamp::now().as_millisecond();
    let token = NewToken {
        id: minted.id,
        digest: minted.digest.0,
        name: "admin".to_owned(),
        role: Right::Admin.word(),
        created_at: Timestamp::from_millis(now),
        expires_at: None,
    };
    store.insert_token(token).await.map_err(CliError::failed)?;
    store.close().await;
    Ok(minted.text)
}
