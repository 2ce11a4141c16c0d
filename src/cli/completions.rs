//! `belfry completions SHELL`: what a shell needs to complete these commands.

use std::io::Write as _;

use clap_complete::Shell;

use super::{Cli, CliError};

/// Print what a shell needs to complete these commands.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// For which shell.
    pub shell: Shell,
}

/// Prints it.
///
/// # Errors
/// Standard output is closed.
pub fn run(args: &CompletionsArgs) -> Result<(), CliError> {
    let mut text = Vec::new();
    let mut command = <Cli as clap::CommandFactory>::command();
    clap_complete::generate(args.shell, &mut command, "belfry", &mut text);
    let mut out = std::io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush()).map_err(CliError::failed)
}
