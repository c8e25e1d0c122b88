//! One request over one connection.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};
use tokio_util::task::AbortOnDropHandle;
use url::Host;

use super::{Answer, OutboundError, Sending, Target, address::Reach};

/// How long one address of several may keep us waiting.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Trusts whom browsers trust.
pub(super) fn encryption() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has what TLS 1.2 and 1.3 need")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Connects, sends and reads.
pub(super) async fn ask(
    reach: &Reach,
    tls: &Arc<ClientConfig>,
    target: &Target,
    sending: &Sending<'_>,
) -> Result<Answer, OutboundError> {
    let stream = connect(reach, target).await?;
    if !target.is_encrypted() {
        return converse(stream, target, sending).await;
    }
    let refused = |error| OutboundError::Tls(io::Error::other(error));
    let name = match target.host() {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(refused)?,
        Host::Ipv4(address) => ServerName::from(std::net::IpAddr::V4(address)),
        Host::Ipv6(address) => ServerName::from(std::net::IpAddr::V6(address)),
    };
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(OutboundError::Tls)?;
    converse(stream, target, sending).await
}

/// Connects to one of the host's addresses. What a name means is looked up once and judged by what is connected to: a
/// name that means something else a moment later changes nothing.
async fn connect(reach: &Reach, target: &Target) -> Result<TcpStream, OutboundError> {
    let port = target.port();
    let addresses: Vec<SocketAddr> = match target.host() {
        Host::Domain(name) => lookup_host((name, port)).await.map_err(|_| OutboundError::Unknown)?.collect(),
        Host::Ipv4(address) => vec![(address, port).into()],
        Host::Ipv6(address) => vec![(address, port).into()],
    };
    if addresses.is_empty() {
        return Err(OutboundError::Unknown);
    }
    let mut failure = OutboundError::Forbidden;
    for address in addresses.into_iter().filter(|address| reach.includes(address.ip())) {
        let late = || Err(io::ErrorKind::TimedOut.into());
        match timeout(CONNECT_LIMIT, TcpStream::connect(address)).await.unwrap_or_else(|_| late()) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = OutboundError::Unreachable(error),
        }
    }
    Err(failure)
}

async fn converse<S>(stream: S, target: &Target, sending: &Sending<'_>) -> Result<Answer, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(OutboundError::Protocol)?;
    // It moves the bytes for as long as we wait for them.
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender.send_request(request(target, sending)).await.map_err(OutboundError::Protocol)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, sending.limits.bytes).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return OutboundError::TooLarge(sending.limits.bytes);
        }
        match error.downcast::<hyper::Error>() {
            Ok(error) => OutboundError::Protocol(*error),
            Err(error) => OutboundError::Unreachable(io::Error::other(error)),
        }
    })?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

fn request(target: &Target, sending: &Sending<'_>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(sending.body.clone()));
    *request.method_mut() = sending.method.clone();
    *request.uri_mut() = target.path_and_query().parse().unwrap_or_default();
    *request.headers_mut() = sending.headers.clone();
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(&target.authority()).unwrap_or(HeaderValue::from_static("")));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("souk"));
    // Compressed, a small answer could become a large one.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Some(who) = target.authorization() {
        headers.insert(header::AUTHORIZATION, who);
    }
    request
}

/// Where the answer sends us, if it does. Only a `GET` is asked again somewhere else.
pub(super) fn redirect(answer: &Answer, sending: &Sending<'_>) -> Option<String> {
    let elsewhere = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if sending.method != Method::GET || !elsewhere.contains(&answer.status) {
        return None;
    }
    answer.header(&header::LOCATION).map(str::to_owned)
}
