//! The command line: one file per command.

pub mod certificate;
pub mod listen;
pub mod paint;

use std::process::ExitCode;

/// Delivers escalation alerts to the systems that a company owns, losing none.
#[derive(Debug, clap::Parser)]
#[command(name = "belfry", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Receive alerts here: show them, check them, and fail on request.
    Listen(Box<listen::ListenArgs>),
}

/// Parses the arguments and runs the command. Exit status: 0 done, 1 failed, 2 misuse.
pub fn main() -> ExitCode {
    let cli = <Cli as clap::Parser>::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, 1),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Listen(args) => listen::run(*args).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ listen::ListenError::Misuse(_)) => failed(&error, 2),
        Err(error) => failed(&error, 1),
    }
}

/// Prints the error and what caused it, each once.
fn failed(error: &dyn std::error::Error, status: u8) -> ExitCode {
    let mut text = format!("belfry: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    eprintln!("{text}");
    ExitCode::from(status)
}
