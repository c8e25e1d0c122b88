//! `souk`: see `souk --help`.

mod allocator;

use std::process::ExitCode;

use clap::Parser;
use souk::cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // What ends after its work has no use for memory that goes back early.
    if matches!(cli.command, Command::Serve(_) | Command::Demo(_)) {
        allocator::give_back_at_once();
    }
    souk::commands::run(cli).await
}
