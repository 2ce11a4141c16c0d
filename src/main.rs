//! The `belfry` program.
fn main() {}
