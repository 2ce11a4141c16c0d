//! `belfry serve`: the service.

use std::io::Write as _;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::CliError;
use super::signals::Signals;
use crate::config::Config;
use crate::serve::{Running, start};
use crate::telemetry;

/// Run the service.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The data directory that `belfry init` made.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

/// Runs until SIGTERM or SIGINT; SIGHUP reads anew what the configuration says of the ways out and of
/// phrases.
///
/// # Errors
/// Status 2 for a configuration that can't be used, 65 for data that can't, 1 for all else.
pub async fn run(args: ServeArgs) -> Result<(), CliError> {
    let config = Config::load(&args.data).map_err(CliError::misuse)?;
    telemetry::start(config.log_json, &config.log_level);
    let mut signals = Signals::new().map_err(CliError::failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(CliError::failed)?;
    let public_url = config.public_url.clone();
    let running = start(config, &args.data).await.map_err(|error| {
        let status = error.exit_status();
        CliError::with_status(error, status)
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {}", running.url())
        .and_then(|()| out.flush())
        .map_err(CliError::failed)?;
    drop(out);
    tracing::info!(url = running.url(), public_url, "serving");
    loop {
        tokio::select! {
            () = signals.end() => break,
            _ = hangup.recv() => reload(&running, &args.data).await,
        }
    }
    tracing::info!("stopping: what is under way ends first");
    tokio::select! {
        () = running.stop() => tracing::info!("stopped"),
        // Asked twice: at once. What is on disk is right at any moment.
        () = signals.end() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

async fn reload(running: &Running, data: &std::path::Path) {
    match Config::load(data) {
        Err(problems) => tracing::error!(%problems, "not reloaded: everything stays as it was"),
        Ok(config) => match running.reload(&config).await {
            Ok(()) => tracing::info!(
                "reloaded: egress, mail, detection and time-outs; other keys need a new start"
            ),
            Err(error) => tracing::error!(%error, "not reloaded: everything stays as it was"),
        },
    }
}
