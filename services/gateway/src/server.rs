//! Listening: connections in, answers out, and an orderly end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream, ToSocketAddrs},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use crate::config::Config;

/// After a failed accept (no file descriptors left, say): long enough for some to be freed.
const AFTER_A_FAULT: Duration = Duration::from_millis(100);

/// Listens at an address; port 0 picks a free one, and the address says which.
pub async fn bind(address: impl ToSocketAddrs) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until `stop` is cancelled; then accepts no more, lets every request that has begun end within
/// `gateway.drain_limit`, and closes what is left.
pub async fn serve(listener: TcpListener, router: Router, config: Config, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.header_timeout).pipeline_flush(true);
    let server = Server { http, router, stop: stop.clone(), give_up: CancellationToken::new() };
    let places = Arc::new(Semaphore::new(config.max_connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer, place)) => drop(connections.spawn(server.clone().connection(stream, peer, place))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(AFTER_A_FAULT).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if timeout(config.drain_limit, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections are closed with requests still going on");
        server.give_up.cancel();
        connections.wait().await;
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

#[derive(Clone)]
struct Server {
    http: http1::Builder,
    router: Router,
    /// Requests that have begun may end.
    stop: CancellationToken,
    /// They no longer may.
    give_up: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, peer: SocketAddr, _place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection broke before its first request");
            return;
        }
        let router = self.router;
        let answer = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request)
        });
        let mut connection = std::pin::pin!(self.http.serve_connection(TokioIo::new(stream), answer));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = self.give_up.cancelled() => return,
                }
            }
        };
        if let Err(error) = ended {
            // Clients hang up, time out and send nonsense all day long.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
