//! One process at the other end: its connection, made when it is needed.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError, RwLock, atomic::AtomicUsize},
    time::Duration,
};

use http::{Request, Response, Uri, uri::Scheme};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tonic::body::Body;

use super::{
    address::Address,
    health::{Health, UnderWay},
};
use crate::tls::Mutual;

/// A process that does not take a connection in this time is not there.
const CONNECT: Duration = Duration::from_secs(1);
/// A process that died without a word is noticed in this time, and half of it again, while calls are under way.
const PING_EVERY: Duration = Duration::from_secs(5);
/// What a problem with a thousand details takes, and more.
const HEADERS: u32 = 1 << 20;
/// Bytes of an answer that may be on their way, or wait to be read.
const STREAM_WINDOW: u32 = 128 << 10;
/// The same for all answers of a connection together: so much that visitors who read slowly don't hold up the others.
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Why a request got no answer.
#[derive(Debug)]
pub(super) struct SendError {
    pub(super) cause: String,
    /// The request, when it is certain that nothing of it was sent: it may go elsewhere, whatever it asks for.
    pub(super) unsent: Option<Request<Body>>,
}

pub(super) struct Instance {
    target: Target,
    authority: String,
    connection: RwLock<Option<SendRequest<Body>>>,
    connecting: tokio::sync::Mutex<()>,
    under_way: AtomicUsize,
    health: Mutex<Health>,
}

pub(super) enum Target {
    /// Found under a name that has several.
    Found(SocketAddr),
    /// Looked up at every connection.
    Named(Address),
    /// The same; it has registered.
    Registered(Address),
}

impl Instance {
    pub(super) fn new(target: Target) -> Self {
        let authority = match &target {
            Target::Found(address) => address.to_string(),
            Target::Named(address) | Target::Registered(address) => address.authority(),
        };
        Self {
            target,
            authority,
            connection: RwLock::default(),
            connecting: tokio::sync::Mutex::default(),
            under_way: AtomicUsize::new(0),
            health: Mutex::default(),
        }
    }

    /// `host:port`.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// The address that it was found at.
    pub(super) fn found_at(&self) -> Option<SocketAddr> {
        if let Target::Found(address) = self.target { Some(address) } else { None }
    }

    /// Whether it has registered.
    pub(super) fn is_registered(&self) -> bool {
        matches!(self.target, Target::Registered(_))
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(super) fn is_out(&self, now: Instant) -> bool {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).is_out(now)
    }

    pub(super) fn out_until(&self) -> Option<Instant> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).out_until()
    }

    /// Sends `request` and gives the head of the answer.
    pub(super) async fn send(
        &self,
        callee: &'static str,
        mut request: Request<Body>,
        tls: Option<&Mutual>,
    ) -> Result<Response<Incoming>, SendError> {
        let _under_way = UnderWay::begin(&self.under_way);
        *request.uri_mut() = self.whole(request.uri(), tls.is_some());
        let verdict = Verdict { instance: self, callee, decided: false };
        let mut reused = true;
        loop {
            let mut connection = match self.connected() {
                Some(connection) => connection,
                None => match self.connect(callee, tls).await {
                    Ok(connection) => {
                        reused = false;
                        connection
                    }
                    Err(error) => {
                        drop(verdict);
                        return Err(SendError { cause: error.to_string(), unsent: Some(request) });
                    }
                },
            };
            match connection.try_send_request(request).await {
                Ok(response) => {
                    verdict.succeeded();
                    return Ok(response);
                }
                Err(mut error) => {
                    self.forget(&connection);
                    match error.take_message() {
                        // The connection ended while nobody used it: that says nothing about a new one.
                        Some(unsent) if reused => request = unsent,
                        unsent => {
                            drop(verdict);
                            return Err(SendError { cause: error.into_error().to_string(), unsent });
                        }
                    }
                }
            }
        }
    }

    /// HTTP/2 wants to know where.
    fn whole(&self, uri: &Uri, tls: bool) -> Uri {
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = self.authority.parse().ok();
        if parts.path_and_query.is_none() {
            parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        }
        Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
    }

    fn connected(&self) -> Option<SendRequest<Body>> {
        let connection = self.connection.read().unwrap_or_else(PoisonError::into_inner);
        connection.as_ref().filter(|connection| !connection.is_closed()).cloned()
    }

    fn forget(&self, broken: &SendRequest<Body>) {
        if broken.is_closed() {
            let mut connection = self.connection.write().unwrap_or_else(PoisonError::into_inner);
            connection.take_if(|connection| connection.is_closed());
        }
    }

    /// The connection, made by whoever comes first.
    async fn connect(&self, callee: &'static str, tls: Option<&Mutual>) -> io::Result<SendRequest<Body>> {
        let _turn = self.connecting.lock().await;
        if let Some(connection) = self.connected() {
            return Ok(connection);
        }
        let made = timeout(CONNECT, self.dial(callee, tls)).await;
        let made = made.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")))?;
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }

    async fn dial(&self, callee: &'static str, tls: Option<&Mutual>) -> io::Result<SendRequest<Body>> {
        let stream = match &self.target {
            Target::Found(address) => TcpStream::connect(address).await?,
            Target::Named(address) | Target::Registered(address) => {
                TcpStream::connect(&*address.resolve().await?).await?
            }
        };
        stream.set_nodelay(true)?;
        let Some(tls) = tls else { return handshake(stream).await };
        // Whatever its address: it must be the service that is meant.
        let name = ServerName::try_from(callee).map_err(io::Error::other)?;
        handshake(TlsConnector::from(tls.client()).connect(name, stream).await?).await
    }
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<SendRequest<Body>> {
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY / 2)
        .max_header_list_size(HEADERS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to another process ended");
        }
    });
    Ok(sender)
}

/// What a request said about the instance. Dropped undecided (nobody waited any longer), it counts as a failure: an instance
/// that answers others is cleared by their answers.
struct Verdict<'a> {
    instance: &'a Instance,
    callee: &'static str,
    decided: bool,
}

impl Verdict<'_> {
    fn succeeded(mut self) {
        self.decided = true;
        self.instance.health.lock().unwrap_or_else(PoisonError::into_inner).succeeded();
    }
}

impl Drop for Verdict<'_> {
    fn drop(&mut self) {
        if self.decided {
            return;
        }
        let mut health = self.instance.health.lock().unwrap_or_else(PoisonError::into_inner);
        if health.failed(Instant::now()) {
            tracing::warn!(
                callee = self.callee,
                instance = self.instance.authority,
                "an instance is left out for a while"
            );
        }
    }
}
