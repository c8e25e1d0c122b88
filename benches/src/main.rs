//! `souk-load`: puts load on a running marketplace through its public interface, and checks what comes of it.

mod browse;
mod call;
mod cart;
mod chaos;
mod checkout;
mod client;
mod drive;
mod error;
mod flash_sale;
mod market;
mod options;
mod order;
mod record;
mod replay;
mod report;
mod search;
mod session;
mod stream;
mod tally;

use std::{io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{client::Target, error::Error, options::Options, report::Report};

/// Load for a souk marketplace, through its public interface
///
/// Switch the rate limits of the marketplace off for a run: `SOUK_GATEWAY__RATE_LIMIT__ENABLED=false`.
/// Exit code: 0 when every check holds, 1 when one is broken, 2 when the run could not be done.
#[derive(Parser, Debug)]
#[command(version)]
struct Program {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand, Debug)]
enum Command {
    Browse(browse::Browse),
    Cart(cart::Cart),
    Checkout(checkout::Checkout),
    FlashSale(flash_sale::FlashSale),
    Replay(replay::Replay),
    Chaos(chaos::Chaos),
    Search(search::SearchLoad),
    SearchEval(search::SearchEval),
    SearchFreshness(search::SearchFreshness),
    SearchGenerate(search::SearchGenerate),
}

fn main() -> ExitCode {
    let Program { command, options } = Program::parse();
    let mut runtime = if options.threads == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(options.threads.into());
        runtime
    };
    let result = runtime
        .enable_all()
        .build()
        .map_err(Error::io("starting the runtime"))
        .and_then(|runtime| runtime.block_on(run(&command, &options)))
        .and_then(|report| show(&report, &options));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to do if stderr is gone.
            let _ = writeln!(std::io::stderr(), "souk-load: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(command: &Command, options: &Options) -> Result<Report, Error> {
    let target = Target::parse(&options.url)?;
    match command {
        Command::Browse(browse) => browse::run(browse, options, &target).await,
        Command::Cart(cart) => cart::run(cart, options, &target).await,
        Command::Checkout(checkout) => checkout::run(checkout, options, &target).await,
        Command::FlashSale(sale) => flash_sale::run(sale, options, &target).await,
        Command::Replay(replay) => replay::run(replay, options, &target).await,
        Command::Chaos(chaos) => chaos::run(chaos, options, &target).await,
        Command::Search(load) => search::load(load, options, &target).await,
        Command::SearchEval(eval) => search::eval(eval, &target).await,
        Command::SearchGenerate(generate) => search::generate(generate, options),
        Command::SearchFreshness(freshness) => search::freshness(freshness, options, &target).await,
    }
}

/// Prints the report; whether its checks hold.
fn show(report: &Report, options: &Options) -> Result<bool, Error> {
    std::io::stdout().write_all(report.tables().as_bytes()).map_err(Error::io("printing the results"))?;
    if let Some(path) = &options.json {
        report.write_json(path)?;
    }
    Ok(report.holds())
}
