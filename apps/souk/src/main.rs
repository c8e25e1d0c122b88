//! `souk`: see `souk --help`.

use std::process::ExitCode;

use clap::Parser;
use souk::cli::Cli;

/// Returns freed memory to the system more readily than the system's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    souk::commands::run(Cli::parse()).await
}
