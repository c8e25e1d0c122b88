//! `souk serve` and `souk demo`.

use std::{io::Write, net::SocketAddr, process::ExitCode, sync::Arc};

use souk_platform::telemetry::Metrics;
use tokio::{signal, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Error, door::Door, open};
use crate::{
    cli::{Serve, Serving},
    config::Config,
    data_dir::{DataDir, ServingLock},
    demo,
    marketplace::StartError,
    roster::Roster,
};

pub async fn serve(serve: Serve) -> Result<ExitCode, Error> {
    run(serve.serving, Roster::of(&serve.services)?, false).await
}

pub async fn demo(serving: Serving) -> Result<ExitCode, Error> {
    run(serving, Roster::everything(), true).await
}

async fn run(serving: Serving, roster: Roster, sample: bool) -> Result<ExitCode, Error> {
    let mut opened = open(&serving.installation)?;
    let metrics = Metrics::install().map_err(|error| Error::Usage(error.to_string()))?;
    let locks = locks(&opened.data, &roster)?;
    let gateway = roster.has_gateway();
    let (public, calls) = match (gateway, opened.config.rpc.listen) {
        (false, Some(address)) => (Door::close("rpc.listen", address)?, None),
        (true, Some(address)) => (Door::close("--listen", serving.listen)?, Some(Door::close("rpc.listen", address)?)),
        (_, None) => (Door::close("--listen", serving.listen)?, None),
    };
    let (public, address) = public;
    tell_where(
        &opened.config,
        &roster,
        if gateway { calls.as_ref().map(|(_, address)| *address) } else { Some(address) },
    )?;
    // Visitors may wait until everything is ready. Other processes had better go to another instance at once than
    // find out by a deadline that this one is still starting.
    let public = if gateway { public.open()? } else { public };
    if opened.config.platform.public_url.is_empty() && gateway {
        let scheme = if opened.config.gateway.tls.cert.is_some() { "https" } else { "http" };
        opened.config.platform.public_url = format!("{scheme}://{address}");
    }
    if opened.config.platform.public_url.is_empty() {
        tracing::warn!(
            "platform.public_url is not set: links in mails and payments will lack the marketplace's address"
        );
    }
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone());
    let market = tokio::select! {
        part = opened.part(roster) => Arc::new(part?),
        () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
    };
    market.take_over().await?;
    market.start();
    if sample {
        let filled = demo::fill(&market, &opened.data).await?;
        if filled && cfg!(unix) && !stop.is_cancelled() {
            if let Some(market) = Arc::into_inner(market) {
                market.stop().await;
            }
            drop((public, locks));
            return start_afresh();
        }
        demo::print_logins();
    }
    let listener = public.listen()?;
    let mut others = JoinSet::new();
    if let Some((door, address)) = calls {
        let listener = door.listen()?;
        tracing::info!(%address, "answering other processes");
        let (market, stop) = (Arc::clone(&market), stop.clone());
        others.spawn(async move { market.serve_calls(listener, stop).await });
    }
    if let Some(address) = market.config().gateway.internal_listen {
        let (internal, _) = Door::close("gateway.internal_listen", address)?;
        let internal = internal.listen()?;
        let config = market.config().gateway.clone();
        let router = souk_gateway::internal_router(metrics, market.router());
        others.spawn(souk_gateway::serve(internal, router, config, None, stop.clone()));
    }
    announce(market.scheme(), address);
    market.serve(listener, stop).await;
    tracing::info!("stopping");
    others.join_all().await;
    if let Some(market) = Arc::into_inner(market) {
        market.stop().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the others can be told where this process is, if it has to tell them: `calls` is where it answers them.
fn tell_where(config: &Config, roster: &Roster, calls: Option<SocketAddr>) -> Result<(), Error> {
    if !config.discovery.is_on() || roster.services().next().is_none() {
        return Ok(());
    }
    match calls {
        Some(address) => {
            config.discovery.advertised(address, config.tls.ca.is_some()).map_err(StartError::from)?;
        }
        None if roster.elsewhere().next().is_some() => tracing::warn!(
            "rpc.listen is not set: services beside the gateway are not registered, other processes can't call them"
        ),
        None => {}
    }
    Ok(())
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

/// Processes may share a data directory, but each service is served by one of them.
fn locks(data: &DataDir, roster: &Roster) -> Result<Vec<ServingLock>, Error> {
    let lock = |service| {
        data.lock(service)?.ok_or_else(|| {
            let folder = data.path().display();
            Error::Usage(format!("another process serves {service} from the data directory {folder}"))
        })
    };
    roster.services().map(lock).collect()
}

/// The one line on standard output that scripts wait for.
fn announce(scheme: &str, address: SocketAddr) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading any more; serving goes on.
    let _ = writeln!(out, "listening on {scheme}://{address}").and_then(|()| out.flush());
}

/// From here on a signal does not end the process but cancels `stop`.
fn stop_on_signal(stop: CancellationToken) {
    #[cfg(unix)]
    let (mut terminate, mut interrupt) = {
        use signal::unix::{SignalKind, signal};
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "signals can't be awaited");
                return;
            }
        }
    };
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = signal::ctrl_c().await;
        stop.cancel();
    });
}
