//! `belfry init`: makes a data directory.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CliError;
use crate::config::{self, Config};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::engine::Board;
use crate::store::{NewToken, Settings, Sqlite};
use crate::vault::{KEY_FILE, MasterKey};
use crate::web::first::FirstCode;
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

/// What `init` made beside the files: both are shown this once.
pub struct Made {
    /// The admin's token.
    pub token: Secret,
    /// The code by which the first person sets a password.
    pub code: FirstCode,
}

/// Makes it and prints the admin's token and the link for the first password, which are shown this once.
///
/// # Errors
/// The directory is taken, or the machine refused; what was begun is removed again.
pub async fn run(args: InitArgs) -> Result<(), CliError> {
    let claimed = Claimed::take(&args.data)?;
    let made = match fill(&args.data).await {
        Ok(made) => made,
        Err(error) => return Err(claimed.give_up(error)),
    };
    // A token that nobody saw opens nothing, and there is no other way in.
    tell(&args, &made).map_err(|error| {
        claimed.give_up(CliError::failed(format!(
            "the admin token can't be printed, so nothing was made: {error}"
        )))
    })
}

fn tell(args: &InitArgs, Made { token, code }: &Made) -> std::io::Result<()> {
    let link = code.link(&address(&args.data));
    let text = if args.json {
        format!(
            "{}\n",
            serde_json::json!({ "admin_token": token.expose(), "setup_url": link.expose() })
        )
    } else {
        let dir = args.data.display();
        format!(
            "Made {dir} with {}, {KEY_FILE} and the database.\n\n\
             Admin token, shown this once:\n  {}\n\n\
             Next: belfry serve --data {dir}\n\
             Then open this link, within a week, to set your password; it works once:\n  {}\n\n\
             Keep a copy of {dir}/{KEY_FILE} somewhere else: without it no stored credential can be \
             read.\n",
            config::FILE,
            token.expose(),
            link.expose()
        )
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Where people will reach the service, as far as it is known before it runs.
fn address(data: &Path) -> String {
    let config = Config::load(data).or_else(|_later| Config::parse(data, None, []));
    let Ok(config) = config else { return String::new() };
    config.public_url.unwrap_or_else(|| {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let (ip, port) = (config.listen.ip(), config.listen.port());
        // What listens everywhere is here, too.
        if ip.is_unspecified() {
            format!("{scheme}://localhost:{port}")
        } else {
            format!("{scheme}://{}", config.listen)
        }
    })
}

/// Makes a data directory.
///
/// # Errors
/// As [`run`].
pub async fn make(data: &Path) -> Result<Made, CliError> {
    let claimed = Claimed::take(data)?;
    fill(data).await.map_err(|error| claimed.give_up(error))
}

/// A directory that this `init` makes, and no other one.
struct Claimed {
    data: PathBuf,
    /// The directories that were made for it, the innermost first.
    new: Vec<PathBuf>,
}

impl Claimed {
    /// Makes the directory and the configuration. Whoever makes the configuration owns the directory:
    /// another `init` at the same moment fails here, and must not take away what the first one made.
    fn take(data: &Path) -> Result<Self, CliError> {
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
        let above = data.ancestors().take_while(|dir| !dir.as_os_str().is_empty());
        let new = above.take_while(|dir| !dir.exists()).map(Path::to_owned).collect();
        let claimed = Self { data: data.to_owned(), new };
        match claim(data) {
            Ok(()) => Ok(claimed),
            Err(error) => {
                claimed.remove_directories();
                Err(error)
            }
        }
    }

    /// Nothing half-made stays. Gives the error back that was the reason.
    fn give_up(&self, error: CliError) -> CliError {
        remove_files(&self.data);
        self.remove_directories();
        error
    }

    fn remove_directories(&self) {
        for dir in &self.new {
            let _not_empty = std::fs::remove_dir(dir);
        }
    }
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

async fn fill(data: &Path) -> Result<Made, CliError> {
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
    let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    let code = FirstCode::fresh().map_err(CliError::failed)?;
    let token = NewToken {
        id: minted.id,
        digest: minted.digest.0,
        name: "admin".to_owned(),
        role: Right::Admin.word(),
        created_at: now,
        expires_at: None,
    };
    store.insert_token(token).await.map_err(CliError::failed)?;
    store.offer_first_code(code.stored(now)).await.map_err(CliError::failed)?;
    store.close().await;
    sync_directories(data)?;
    Ok(Made { token: minted.text, code })
}

/// That the files are there must be durable, too: without the key's entry in its directory, what was
/// sealed with it before a power cut could not be read after it.
fn sync_directories(data: &Path) -> Result<(), CliError> {
    let whole = std::path::absolute(data).map_err(CliError::failed)?;
    for dir in [Some(whole.as_path()), whole.parent()].into_iter().flatten() {
        // One that may not be read can't be opened, and so not be synced.
        if let Err(error) = File::open(dir).and_then(|dir| dir.sync_all())
            && error.kind() != ErrorKind::PermissionDenied
        {
            return Err(CliError::failed(format!("{} can't be synced: {error}", dir.display())));
        }
    }
    Ok(())
}
