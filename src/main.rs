//! The `belfry` program.

use std::process::ExitCode;

/// A delivery is made of small, short-lived memory: with the C library's allocator more than a fifth of the
/// service's processor time went into that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    belfry::cli::main()
}
