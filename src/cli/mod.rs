//! The command line: one file per command.

pub mod automations;
pub mod backup;
pub mod certificate;
pub mod check;
pub mod client;
pub mod completions;
pub mod deliveries;
pub mod desk;
pub mod detect;
pub mod dev;
pub mod error;
pub mod init;
pub mod key;
pub mod listen;
pub mod openapi;
pub mod paint;
pub mod records;
pub mod samples;
pub mod serve;
pub mod signals;
pub mod table;
pub mod token;
pub mod user;

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
    /// Make a data directory: configuration, master key, database, and an admin token.
    Init(init::InitArgs),
    /// Try the whole product here and now: throwaway data, sample records, receivers that fail at first.
    Dev(dev::DevArgs),
    /// Run the service.
    Serve(serve::ServeArgs),
    /// Check the configuration without starting; with a URL, explain whether it may be sent to.
    Check(check::CheckArgs),
    /// Receive alerts here: show them, check them, and fail on request.
    Listen(Box<listen::ListenArgs>),
    /// Feed records to the service.
    Records(records::RecordsArgs),
    /// See deliveries, and try them again.
    Deliveries(deliveries::DeliveriesArgs),
    /// Keep automations in a file: write them out, and make them what the file says.
    Automations(automations::AutomationsArgs),
    /// Look into what the detector finds, without a service.
    Detect(Box<detect::DetectArgs>),
    /// Make, list and revoke tokens, on the machine itself.
    Token(token::TokenArgs),
    /// Add people and set their passwords, on the machine itself.
    User(user::UserArgs),
    /// Look after the master key, here and while the service is stopped.
    Key(key::KeyArgs),
    /// Copy the database into a file, while the service runs or not.
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database. Stop the service first.
    Restore(backup::RestoreArgs),
    /// Print the description of the API (OpenAPI 3.1).
    Openapi(openapi::OpenapiArgs),
    /// Print what a shell needs to complete these commands.
    Completions(completions::CompletionsArgs),
}

/// Parses the arguments and runs the command. Exit status: 0 done, 1 failed, 2 misuse.
pub fn main() -> ExitCode {
    let cli = <Cli as clap::Parser>::parse();
    if let Err(entry) = crate::failpoint::arm() {
        return CliError::misuse(format!("BELFRY_FAILPOINTS: {entry} is not understood")).report();
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn run(command: Command) -> Result<(), CliError> {
    // The service's actors need an actix system; to the other commands it is a runtime like any other.
    actix::System::new().block_on(async {
        match command {
            Command::Init(args) => init::run(args).await,
            Command::Dev(args) => dev::run(args).await,
            Command::Serve(args) => serve::run(args).await,
            Command::Check(args) => check::run(args).await,
            Command::Listen(args) => listen::run(*args).await,
            Command::Records(args) => records::run(args).await,
            Command::Deliveries(args) => deliveries::run(args).await,
            Command::Automations(args) => automations::run(args).await,
            Command::Detect(args) => detect::run(*args),
            Command::Token(args) => token::run(args),
            Command::User(args) => user::run(args),
            Command::Key(args) => key::run(args).await,
            Command::Backup(args) => backup::run(&args),
            Command::Restore(args) => backup::run_restore(&args),
            Command::Openapi(args) => openapi::run(&args),
            Command::Completions(args) => completions::run(&args),
        }
    })
}
