//! An etcd: connections to its members, and what is asked of them. The calls are the few that are needed, made by the gRPC and
//! over the HTTP/2 that are here anyway.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use http::{Request, Response, Uri, uri::PathAndQuery};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tonic::{
    Code, Status, Streaming,
    body::Body,
    client::Grpc,
    metadata::{Ascii, MetadataValue},
};
use tonic_prost::ProstCodec;

use super::{
    DiscoveryConfig, DiscoveryError,
    messages::{
        AuthenticateRequest, AuthenticateResponse, LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest,
        LeaseKeepAliveResponse, LeaseRevokeRequest, LeaseRevokeResponse, PutRequest, PutResponse, RangeRequest,
        RangeResponse, WatchCreateRequest, WatchRequest, WatchResponse,
    },
};
use crate::{
    config::{Secret, SettingError},
    tls,
};

/// The setting that names its members.
pub(super) const SETTING: &str = "discovery.etcd";
/// How long making a connection to a member may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a member may take for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(3);
/// A member that went away without a word is noticed in this time, and half of it again. etcd hangs up on those who ask more often
/// than every five seconds.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Where an etcd listens if nobody says otherwise.
const PORT: u16 = 2379;

/// An etcd. Cheap to clone.
#[derive(Clone)]
pub(super) struct Etcd {
    shared: Arc<Shared>,
}

struct Shared {
    members: Vec<Member>,
    tls: Arc<ClientConfig>,
    user: String,
    password: Secret,
    /// The member to try next.
    next: AtomicUsize,
}

struct Member {
    /// Scheme, host and port.
    origin: Uri,
    host: String,
    port: u16,
    /// The name that its certificate must have, where it has TLS.
    tls: Option<ServerName<'static>>,
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// It may be, later.
    Away(String),
    /// It is refused, and waiting doesn't cure that.
    Refused(SettingError),
}

impl Fault {
    pub(super) fn away(cause: impl Into<String>) -> Self {
        Self::Away(cause.into())
    }

    fn refused(setting: &'static str, message: impl Into<String>) -> Self {
        Self::Refused(SettingError::new(setting, message))
    }

    /// The setting that it concerns, and what is wrong.
    pub(super) fn told(&self) -> (&'static str, &str) {
        match self {
            Self::Away(cause) => (SETTING, cause),
            Self::Refused(error) => (error.setting, &error.message),
        }
    }
}

impl Etcd {
    pub(super) fn new(config: &DiscoveryConfig) -> Result<Self, DiscoveryError> {
        let members = config.etcd.iter().map(|text| member(text)).collect::<Result<Vec<_>, _>>()?;
        let missing = |setting, other| SettingError::new(setting, format!("is not set, but {other} is"));
        match (config.user.is_empty(), config.password.is_empty()) {
            (true, false) => return Err(missing("discovery.user", "discovery.password").into()),
            (false, true) => return Err(missing("discovery.password", "discovery.user").into()),
            _ => {}
        }
        let own = match (&config.cert, &config.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert.as_path(), key.as_path())),
            (Some(_), None) => return Err(missing("discovery.key", "discovery.cert").into()),
            (None, Some(_)) => return Err(missing("discovery.cert", "discovery.key").into()),
        };
        let tls = tls::of_engine("discovery", config.root_certificate.as_deref(), own)?;
        // Each process begins with another member.
        let next = usize::try_from(RandomState::new().hash_one(SETTING) % members.len() as u64).unwrap_or(0);
        let shared = Shared {
            members,
            tls,
            user: config.user.clone(),
            password: config.password.clone(),
            next: AtomicUsize::new(next),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A connection to a member that takes one, another one than the last time if there are several.
    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        let Shared { members, next, .. } = &*self.shared;
        let (first, mut last) = (next.load(Ordering::Relaxed), Fault::away("it has no member"));
        for at in (0..members.len()).map(|step| (first + step) % members.len()) {
            match self.connect_to(&members[at]).await {
                Ok(connection) => {
                    next.store(at + 1, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, member: &Member) -> Result<Connection, Fault> {
        let shared = &self.shared;
        let away = |cause: &dyn std::fmt::Display| Fault::away(format!("{}: {cause}", member.origin));
        let sender = match timeout(CONNECT, dial(member, &shared.tls)).await {
            Ok(Ok(sender)) => sender,
            Ok(Err(error)) => return Err(away(&error)),
            Err(_) => return Err(away(&"no connection in time")),
        };
        let grpc = Grpc::with_origin(Wire(sender), member.origin.clone());
        let mut connection = Connection { grpc, token: None };
        if !shared.user.is_empty() {
            connection.token = connection.authenticate(&shared.user, &shared.password).await?;
        }
        Ok(connection)
    }
}

fn member(text: &str) -> Result<Member, SettingError> {
    let wrong = |message: String| SettingError::new(SETTING, message);
    if text.contains('@') {
        // It is not shown: it may hold a password.
        return Err(wrong(
            "has an address with a user in it: write http://HOST:2379, and discovery.user and discovery.password"
                .to_owned(),
        ));
    }
    let form = || wrong(format!("`{text}` is not the address of an etcd; write http://HOST:2379 or https://HOST:2379"));
    let uri: Uri = text.parse().map_err(|_| form())?;
    let (Some(scheme @ ("http" | "https")), Some(host), "" | "/", None) =
        (uri.scheme_str(), uri.host(), uri.path(), uri.query())
    else {
        return Err(form());
    };
    if host.is_empty() {
        return Err(form());
    }
    let port = uri.port_u16().unwrap_or(PORT);
    let origin = format!("{scheme}://{host}:{port}").parse().map_err(|_| form())?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let tls = (scheme == "https").then(|| ServerName::try_from(host.clone())).transpose().map_err(|_| form())?;
    Ok(Member { origin, host, port, tls })
}

async fn dial(member: &Member, tls: &Arc<ClientConfig>) -> io::Result<SendRequest<Body>> {
    let stream = TcpStream::connect((&*member.host, member.port)).await?;
    stream.set_nodelay(true)?;
    match &member.tls {
        None => handshake(stream).await,
        Some(name) => handshake(TlsConnector::from(Arc::clone(tls)).connect(name.clone(), stream).await?).await,
    }
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<SendRequest<Body>> {
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY / 2)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to etcd ended");
        }
    });
    Ok(sender)
}

/// A connection as tonic wants it.
#[derive(Clone)]
struct Wire(SendRequest<Body>);

impl tower::Service<Request<Body>> for Wire {
    type Response = Response<Incoming>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.0.poll_ready(context).map_err(|error| broken(&error))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.send_request(request);
        Box::pin(async move { answer.await.map_err(|error| broken(&error)) })
    }
}

fn broken(error: &hyper::Error) -> Status {
    let mut cause = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        cause = format!("{cause}: {source}");
    }
    Status::unavailable(cause)
}

/// A connection to a member. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    grpc: Grpc<Wire>,
    token: Option<MetadataValue<Ascii>>,
}

/// A lease, as it was granted.
#[derive(Clone, Copy)]
pub(super) struct Lease {
    pub(super) id: i64,
    pub(super) ttl: Duration,
}

impl Connection {
    /// Who we are from now on; nobody in particular where etcd does not care.
    async fn authenticate(&self, user: &str, password: &Secret) -> Result<Option<MetadataValue<Ascii>>, Fault> {
        let question = AuthenticateRequest { name: user.to_owned(), password: password.expose().to_owned() };
        let asked: Result<AuthenticateResponse, Status> = self.ask("/etcdserverpb.Auth/Authenticate", question).await;
        match asked {
            Ok(AuthenticateResponse { token }) => {
                Ok(Some(token.parse().map_err(|_| Fault::away("its token is no text"))?))
            }
            Err(status) if status.message().contains("not enabled") => Ok(None),
            Err(status) if status.code() == Code::InvalidArgument => {
                Err(Fault::refused("discovery.password", "etcd refuses this user and password"))
            }
            Err(status) => Err(fault(&status)),
        }
    }

    /// All keys that begin with `prefix`, and the revision that this was true of.
    pub(super) async fn list(&self, prefix: &str) -> Result<(RangeResponse, i64), Fault> {
        let (key, range_end) = range(prefix);
        let answer: RangeResponse = self
            .ask("/etcdserverpb.KV/Range", RangeRequest { key, range_end })
            .await
            .map_err(|status| fault(&status))?;
        let revision = answer.header.as_ref().map_or(0, |header| header.revision);
        Ok((answer, revision))
    }

    /// What changes among the keys that begin with `prefix`, from a revision on.
    pub(super) async fn watch(&self, prefix: &str, from: i64) -> Result<Said<WatchResponse>, Fault> {
        let (key, range_end) = range(prefix);
        let create = WatchCreateRequest { key, range_end, start_revision: from };
        let question = WatchRequest { create_request: Some(create) };
        // The end of what we say would be the end of what is told.
        self.stream("/etcdserverpb.Watch/Watch", stream::iter([question]).chain(stream::pending())).await
    }

    /// A lease for so long.
    pub(super) async fn grant(&self, ttl: Duration) -> Result<Lease, Fault> {
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let asked = self.ask("/etcdserverpb.Lease/LeaseGrant", LeaseGrantRequest { ttl: seconds });
        let LeaseGrantResponse { id, ttl } = asked.await.map_err(|status| fault(&status))?;
        Ok(Lease { id, ttl: Duration::from_secs(u64::try_from(ttl).unwrap_or(1).max(1)) })
    }

    /// Writes a key that ends with a lease.
    pub(super) async fn put(&self, key: &str, value: &str, lease: Lease) -> Result<(), Fault> {
        let question = PutRequest { key: key.into(), value: value.into(), lease: lease.id };
        let _: PutResponse = self.ask("/etcdserverpb.KV/Put", question).await.map_err(|status| fault(&status))?;
        Ok(())
    }

    /// Forgets what was before a revision.
    #[cfg(test)]
    pub(super) async fn compact(&self, revision: i64) -> Result<(), Fault> {
        use super::messages::{CompactionRequest, CompactionResponse};
        let question = CompactionRequest { revision };
        let _: CompactionResponse =
            self.ask("/etcdserverpb.KV/Compact", question).await.map_err(|status| fault(&status))?;
        Ok(())
    }

    /// Ends a lease, and its keys with it.
    pub(super) async fn revoke(&self, lease: Lease) -> Result<(), Fault> {
        let asked: Result<LeaseRevokeResponse, Status> =
            self.ask("/etcdserverpb.Lease/LeaseRevoke", LeaseRevokeRequest { id: lease.id }).await;
        match asked {
            Ok(_) => Ok(()),
            // It has ended already.
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Err(status) => Err(fault(&status)),
        }
    }

    /// Prolongs leases each time that one is said.
    pub(super) async fn prolong(
        &self,
        said: impl Stream<Item = LeaseKeepAliveRequest> + Send + 'static,
    ) -> Result<Said<LeaseKeepAliveResponse>, Fault> {
        self.stream("/etcdserverpb.Lease/LeaseKeepAlive", said).await
    }

    async fn ask<Q, A>(&self, path: &'static str, question: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let (mut grpc, path) = (self.grpc.clone(), PathAndQuery::from_static(path));
        let asked = grpc.unary(self.request(question), path, ProstCodec::default());
        let answer = timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(Status::unavailable("no answer in time")));
        answer.map(tonic::Response::into_inner)
    }

    async fn stream<Q, A>(
        &self,
        path: &'static str,
        questions: impl Stream<Item = Q> + Send + 'static,
    ) -> Result<Said<A>, Fault>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let (mut grpc, path) = (self.grpc.clone(), PathAndQuery::from_static(path));
        let asked = grpc.streaming(self.request(questions), path, ProstCodec::default());
        match timeout(ANSWER, asked).await {
            Ok(Ok(answers)) => Ok(Said(answers.into_inner())),
            Ok(Err(status)) => Err(fault(&status)),
            Err(_) => Err(Fault::away("no answer in time")),
        }
    }

    fn request<Q>(&self, question: Q) -> tonic::Request<Q> {
        let mut request = tonic::Request::new(question);
        // A member that has lost the others says so instead of telling nothing for ever.
        request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        if let Some(token) = &self.token {
            request.metadata_mut().insert("token", token.clone());
        }
        request
    }
}

/// What is said over time.
pub(super) struct Said<A>(Streaming<A>);

impl<A> Said<A> {
    /// The next; may be given up and asked for again.
    pub(super) async fn next(&mut self) -> Result<A, Fault> {
        match self.0.message().await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Fault::away("it says nothing more")),
            Err(status) => Err(fault(&status)),
        }
    }
}

/// The keys that begin with `prefix`: from it to the first that is greater than all of them.
fn range(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // Never too great: the prefix is text, and ends with a slash.
        *last += 1;
    }
    (prefix.into(), end)
}

/// What a refusal means. The words are those of etcd's `rpctypes`.
fn fault(status: &Status) -> Fault {
    let message = status.message();
    match status.code() {
        Code::PermissionDenied => {
            Fault::refused("discovery.user", format!("has not the rights that it takes: {message}"))
        }
        Code::InvalidArgument if message.contains("user name is empty") => {
            Fault::refused("discovery.user", "is not set, but etcd asks for a user and a password")
        }
        Code::Unimplemented => Fault::refused(SETTING, format!("who answers there is no etcd 3: {message}")),
        _ => Fault::away(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_urls_and_what_is_none_is_told_without_a_password() {
        let read = |text: &str| member(text).map(|member| (member.origin.to_string(), member.tls.is_some()));
        let read = |text: &str| read(text).map_err(|error| error.to_string());
        assert_eq!(read("http://10.0.0.9:2379"), Ok(("http://10.0.0.9:2379/".to_owned(), false)));
        assert_eq!(read("https://etcd.example/"), Ok(("https://etcd.example:2379/".to_owned(), true)));
        assert_eq!(read("http://[::1]:23790"), Ok(("http://[::1]:23790/".to_owned(), false)));
        for text in ["", "etcd:2379", "10.0.0.9:2379", "redis://host:2379", "http://host:2379/v3", "http://:2379"] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with("discovery.etcd: ") && error.contains("http://HOST:2379"), "{error}");
        }
        let error = read("http://souk:hunter2@host:2379").unwrap_err();
        assert!(error.contains("discovery.user") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_range_ends_after_the_last_key_that_begins_so() {
        assert_eq!(range("souk/peers/"), (b"souk/peers/".to_vec(), b"souk/peers0".to_vec()));
    }
}
