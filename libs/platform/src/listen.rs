//! Listening: connections in, answers out, and an orderly end. The edge and the entrance of calls both listen so.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{body::Body, extract::ConnectInfo, response::Response};
use futures::FutureExt;
use http::{HeaderValue, Request, Version, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use crate::tls::Accepting;

/// How long connections are taken, and kept at least, after the end was announced: what is on its way here by then is answered,
/// and the answer says that it is the last.
const LAST_CALL: Duration = Duration::from_millis(50);
/// After a failed accept (no file descriptors left, say): long enough for some to be freed.
const AFTER_A_FAULT: Duration = Duration::from_millis(100);
/// A peer that went away without a word is noticed in this time, and half of it again.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Bytes of headers that are taken in one HTTP/2 request.
const HEADERS: u32 = 64 << 10;
/// Bytes of one HTTP/2 request that may wait to be read.
const STREAM_WINDOW: u32 = 256 << 10;

/// How to listen.
#[derive(Clone)]
pub struct Listening {
    /// The longest time for a request's head to arrive; also how long an idle connection stays open, and how long a TLS
    /// handshake may take.
    pub header_timeout: Duration,
    /// How long requests may go on after the end was announced.
    pub drain_limit: Duration,
    /// How long connections on which nothing is under way are kept after the end was announced, of the time for requests: a
    /// client that writes on one in the moment in which it is closed can't know whether it was heard.
    pub linger: Duration,
    /// Connections at the same time; further ones wait to be accepted.
    pub max_connections: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub max_streams: u32,
    /// Bytes of all requests of one HTTP/2 connection together that may wait to be read.
    pub window: u32,
    /// Whether HTTP/2 is understood without TLS; with TLS it always is.
    pub http2: bool,
    /// TLS.
    pub tls: Option<Arc<dyn Accepting>>,
}

/// Serves until `stop` is cancelled; then lets every request that has begun end within the drain limit, and closes what is left.
/// Nothing is taken any more a moment after, so that nobody finds a door closed who was already on the way.
pub async fn serve<S>(listener: TcpListener, service: S, listening: Listening, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let Listening { header_timeout, drain_limit, linger, max_connections, max_streams, window, http2, tls } = listening;
    let linger = linger.min(drain_limit).max(LAST_CALL);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout).pipeline_flush(true);
    let speaks = if http2 || tls.is_some() {
        Speaks::Both(both(header_timeout, max_streams, window))
    } else {
        Speaks::Http1(http)
    };
    let give_up = CancellationToken::new();
    let server = Server { speaks, service, tls, header_timeout, linger, stop: stop.clone(), give_up: give_up.clone() };
    let places = Arc::new(Semaphore::new(max_connections));
    let connections = TaskTracker::new();
    let mut last_call = pin!(async {
        stop.cancelled().await;
        sleep(LAST_CALL).await;
    });
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut last_call => break,
        };
        match accepted {
            Ok((stream, peer, place)) => drop(connections.spawn(server.clone().connection(stream, peer, place))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(AFTER_A_FAULT).await;
            }
        }
    }
    // Whom the system has let in already would be cut off with the door; whoever comes after that is refused, and knows it.
    while let Some(Ok((stream, peer, place))) = accept(&listener, &places).now_or_never() {
        connections.spawn(server.clone().connection(stream, peer, place));
    }
    drop(listener);
    connections.close();
    if timeout(drain_limit, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections are closed with requests still going on");
        give_up.cancel();
        connections.wait().await;
    }
}

fn both(header_timeout: Duration, max_streams: u32, window: u32) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout).pipeline_flush(true);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY / 2)
        .max_concurrent_streams(max_streams)
        .max_header_list_size(HEADERS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window);
    http
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

/// Lets a connection go on to its end. The two kinds of connection have no trait in common.
macro_rules! to_the_end {
    ($connection:ident, $stop:ident, $give_up:ident, $leaving:ident, $linger:ident) => {{
        let mut connection = $connection;
        tokio::select! {
            // First, so that what is answered from here on says so.
            biased;
            () = $stop.cancelled() => {
                $leaving.store(true, Relaxed);
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = sleep($linger) => {
                        connection.as_mut().graceful_shutdown();
                        tokio::select! {
                            ended = connection.as_mut() => ended,
                            () = $give_up.cancelled() => return,
                        }
                    }
                }
            }
            ended = connection.as_mut() => ended,
        }
    }};
}

#[derive(Clone)]
enum Speaks {
    Http1(http1::Builder),
    /// By the first bytes.
    Both(auto::Builder<TokioExecutor>),
}

#[derive(Clone)]
struct Server<S> {
    speaks: Speaks,
    service: S,
    tls: Option<Arc<dyn Accepting>>,
    header_timeout: Duration,
    linger: Duration,
    /// Requests that have begun may end.
    stop: CancellationToken,
    /// They no longer may.
    give_up: CancellationToken,
}

impl<S> Server<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    async fn connection(self, stream: TcpStream, peer: SocketAddr, _place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection broke before its first request");
            return;
        }
        let Some(tls) = &self.tls else { return self.talk(stream, peer).await };
        let shaken = timeout(self.header_timeout, TlsAcceptor::from(tls.server()).accept(stream));
        let shaken = tokio::select! {
            shaken = shaken => shaken,
            () = self.give_up.cancelled() => return,
        };
        match shaken {
            // On the heap: most listeners have no TLS, and its state is large.
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Box::pin(self.agreed(http2).talk(stream, peer)).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    /// For a connection that said what it speaks: it has to begin in time, then.
    fn agreed(mut self, http2: bool) -> Self {
        if let Speaks::Both(http) = self.speaks {
            self.speaks = Speaks::Both(if http2 { http.http2_only() } else { http.http1_only() });
        }
        self
    }

    async fn talk<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: I, peer: SocketAddr) {
        let (service, leaving) = (self.service, Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&leaving);
        let answer = service_fn(move |request: Request<Incoming>| {
            let http1 = request.version() < Version::HTTP_2;
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let (answer, told) = (service.clone().call(request), Arc::clone(&told));
            async move {
                let mut response = answer.await?;
                if http1 && told.load(Relaxed) {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let stream = TokioIo::new(stream);
        let (stop, give_up, linger) = (self.stop, self.give_up, self.linger);
        let ended: Result<(), Box<dyn std::error::Error + Send + Sync>> = match self.speaks {
            Speaks::Http1(http) => {
                let connection = pin!(http.serve_connection(stream, answer));
                to_the_end!(connection, stop, give_up, leaving, linger).map_err(Into::into)
            }
            Speaks::Both(http) => {
                // On the heap: its state is large, and most connections of the edge are of the other kind.
                let connection = Box::pin(http.serve_connection(stream, answer));
                to_the_end!(connection, stop, give_up, leaving, linger)
            }
        };
        if let Err(error) = ended {
            // Clients hang up, time out and send nonsense all day long.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const GREETING: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[tokio::test]
    async fn whoever_is_on_the_way_when_the_end_is_announced_is_answered_and_told_that_it_is_the_last_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = Listening {
            header_timeout: Duration::from_secs(5),
            drain_limit: Duration::from_secs(20),
            linger: Duration::from_secs(10),
            max_connections: 10,
            max_streams: 10,
            window: 1 << 20,
            http2: false,
            tls: None,
        };
        let stop = CancellationToken::new();
        let greeter = Router::new().route("/", get(async || "hello"));
        let serving = tokio::spawn(serve(listener, greeter, listening, stop.clone()));
        let mut known = TcpStream::connect(address).await.unwrap();
        known.write_all(GREETING).await.unwrap();
        let mut head = [0; 15];
        known.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");

        stop.cancel();
        let mut new = TcpStream::connect(address).await.unwrap();
        new.write_all(GREETING).await.unwrap();
        // Nobody is let in any more, but whoever is in may take his time.
        while TcpStream::connect(address).await.is_ok() {
            sleep(LAST_CALL / 10).await;
        }
        known.write_all(GREETING).await.unwrap();
        for mut stream in [known, new] {
            let mut rest = String::new();
            stream.read_to_string(&mut rest).await.unwrap();
            let (_, last) = rest.rsplit_once("HTTP/1.1 200 OK").expect("the second request is answered");
            assert!(last.contains("connection: close") && last.ends_with("hello"), "{last}");
        }
        timeout(Duration::from_secs(5), serving).await.expect("nobody is waited for who is not there").unwrap();
    }

    #[tokio::test]
    async fn a_connection_on_which_nothing_comes_is_closed_in_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = Listening {
            header_timeout: Duration::from_mins(1),
            drain_limit: Duration::from_mins(1),
            linger: Duration::from_millis(200),
            max_connections: 10,
            max_streams: 10,
            window: 1 << 20,
            http2: false,
            tls: None,
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, Router::new(), listening, stop.clone()));
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(GREETING).await.unwrap();
        let mut head = [0; 22];
        idle.read_exact(&mut head).await.unwrap();
        stop.cancel();
        let mut rest = Vec::new();
        timeout(Duration::from_secs(20), idle.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
        serving.await.unwrap();
    }
}
