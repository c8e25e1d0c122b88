//! `souk serve` and `souk demo`.

use std::{io::Write, process::ExitCode};

use souk_platform::telemetry::Metrics;
use tokio::{net::TcpListener, signal};
use tokio_util::sync::CancellationToken;

use super::{Error, open};
use crate::{cli::Serving, demo};

pub async fn serve(serving: Serving) -> Result<ExitCode, Error> {
    run(serving, false).await
}

pub async fn demo(serving: Serving) -> Result<ExitCode, Error> {
    run(serving, true).await
}

async fn run(serving: Serving, sample: bool) -> Result<ExitCode, Error> {
    let mut opened = open(&serving.installation)?;
    let metrics = Metrics::install().map_err(|error| Error::Usage(error.to_string()))?;
    let lock = opened.data.lock()?.ok_or_else(|| {
        Error::Usage(format!("another process serves the data directory {}", opened.data.path().display()))
    })?;
    let listening = |source| Error::Io { what: format!("can't listen on {}", serving.listen), source };
    let listener = TcpListener::bind(serving.listen).await.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    if opened.config.platform.public_url.is_empty() {
        opened.config.platform.public_url = format!("http://{address}");
    }
    let market = opened.marketplace().await?;
    market.take_over().await?;
    market.start();
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    if sample {
        let filled = demo::fill(&market, &opened.data).await?;
        if filled && cfg!(unix) && !stop.is_cancelled() {
            market.stop().await;
            drop((listener, lock));
            return start_afresh();
        }
        demo::print_logins();
    }
    announce(&address.to_string());
    if let Some(address) = market.config().gateway.internal_listen {
        let internal = TcpListener::bind(address).await.map_err(|source| Error::Io {
            what: format!("gateway.internal_listen: can't listen on {address}"),
            source,
        })?;
        let config = market.config().gateway.clone();
        tokio::spawn(souk_gateway::serve(internal, souk_gateway::internal_router(metrics), config, stop.clone()));
    }
    market.serve(listener, stop).await;
    tracing::info!("stopping");
    market.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Runs the same command again in place of this process: what it took to make the sample does not stay resident.
fn start_afresh() -> Result<ExitCode, Error> {
    let failed = |source| Error::Io { what: "can't start again with the sample".to_owned(), source };
    let mut command = std::process::Command::new(std::env::current_exe().map_err(failed)?);
    command.args(std::env::args_os().skip(1));
    #[cfg(unix)]
    let ended = Err(std::os::unix::process::CommandExt::exec(&mut command));
    #[cfg(not(unix))]
    let ended = command.status().map(|_| ExitCode::SUCCESS);
    ended.map_err(failed)
}

/// The one line on standard output that scripts wait for.
fn announce(address: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading any more; serving goes on.
    let _ = writeln!(out, "listening on http://{address}").and_then(|()| out.flush());
}

async fn stop_on_signal(stop: CancellationToken) {
    #[cfg(unix)]
    {
        let mut terminate = match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(error) => {
                tracing::warn!(%error, "SIGTERM can't be awaited");
                return;
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = signal::ctrl_c() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = signal::ctrl_c().await;
    }
    stop.cancel();
}
