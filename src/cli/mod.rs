//! The command line: one file per command.

pub mod certificate;
pub mod client;
pub mod deliveries;
pub mod error;
pub mod listen;
pub mod paint;
pub mod records;
pub mod signals;
pub mod table;

use std::process::ExitCode;

pub use error::CliError;

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
    /// Feed records to the service.
    Records(records::RecordsArgs),
    /// See deliveries, and try them again.
    Deliveries(deliveries::DeliveriesArgs),
}

/// Parses the arguments and runs the command. Exit status: 0 done, 1 failed, 2 misuse.
pub fn main() -> ExitCode {
    let cli = <Cli as clap::Parser>::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn run(command: Command) -> Result<(), CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::failed)?
        .block_on(async {
            match command {
                Command::Listen(args) => listen::run(*args).await,
                Command::Records(args) => records::run(args).await,
                Command::Deliveries(args) => deliveries::run(args).await,
            }
        })
}
