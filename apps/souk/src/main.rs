//! `souk`: see `souk --help`.

mod allocator;

use std::process::ExitCode;

use clap::Parser;
use souk::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    allocator::give_back_at_once();
    souk::commands::run(Cli::parse()).await
}
