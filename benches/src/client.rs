//! One HTTP/1.1 connection per worker, kept alive and opened again when it breaks.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    call::{Answer, Call},
    error::Error,
    tally::Tally,
};

/// Longer than the server's own limit on a request, so that its answer is seen and not ours.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the marketplace listens: one address, or several that are as good as each other. Clones move together when it comes back
/// on another port.
#[derive(Clone, Debug)]
pub struct Target(Arc<Places>);

#[derive(Debug)]
struct Places {
    authorities: RwLock<Vec<Arc<str>>>,
    /// Whose turn it is.
    next: AtomicUsize,
    tally: Option<Arc<Tally>>,
}

impl Target {
    /// The server at an `http://host:port` address.
    pub fn parse(url: &str) -> Result<Self, Error> {
        Ok(Self::new(vec![authority(url)?], None))
    }

    /// Several gateways of one marketplace; `tally` counts what is sent to any of them.
    pub fn several(urls: &[String], tally: Arc<Tally>) -> Result<Self, Error> {
        let authorities = urls.iter().map(|url| authority(url)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(authorities, Some(tally)))
    }

    fn new(authorities: Vec<Arc<str>>, tally: Option<Arc<Tally>>) -> Self {
        Self(Arc::new(Places { authorities: RwLock::new(authorities), next: AtomicUsize::new(0), tally }))
    }

    /// Sends every new connection there.
    pub fn point_at(&self, url: &str) -> Result<(), Error> {
        *self.0.authorities.write().expect("nothing panics while holding the addresses") = vec![authority(url)?];
        Ok(())
    }

    /// All addresses, beginning with the one whose turn it is.
    fn authorities(&self) -> Vec<Arc<str>> {
        let mut all = self.0.authorities.read().expect("nothing panics while holding the addresses").clone();
        let turn = self.0.next.fetch_add(1, Relaxed) % all.len().max(1);
        all.rotate_left(turn);
        all
    }
}

fn authority(url: &str) -> Result<Arc<str>, Error> {
    let wrong = || Error::Usage(format!("{url}: must be http://host:port"));
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    if uri.scheme_str() != Some("http") {
        return Err(wrong());
    }
    let authority = uri.authority().ok_or_else(wrong)?;
    Ok(if authority.port().is_some() { authority.as_str().into() } else { format!("{authority}:80").into() })
}

/// A connection; opened at the first call.
pub struct Connection {
    target: Target,
    authority: Arc<str>,
    host: HeaderValue,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub fn new(target: &Target) -> Self {
        Self { target: target.clone(), authority: "".into(), host: HeaderValue::from_static(""), sender: None }
    }

    /// Sends one call and reads its whole answer, whatever its status.
    pub async fn send(&mut self, call: &Call) -> Result<Answer, Error> {
        let under_way = self.target.0.tally.as_ref().map(Tally::begin_request);
        let exchange = async {
            let response = self.start(call).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|cause| self.fault(&cause))?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        let answer = timeout(PATIENCE, exchange).await;
        let answer = answer.unwrap_or_else(|late| Err(self.fault(&late)));
        if answer.is_err() {
            self.sender = None;
        }
        if let Some(under_way) = under_way {
            under_way.end(&answer);
        }
        answer
    }

    /// Sends one call and returns as soon as the answer's head is there, for streams.
    pub async fn start(&mut self, call: &Call) -> Result<http::Response<Incoming>, Error> {
        loop {
            let kept_alive = self.ready().await?;
            let uri = Uri::from_maybe_shared(call.path.clone())
                .map_err(|_| Error::Usage(format!("{:?} is not a path", call.path)))?;
            let mut request = Request::new(Full::new(call.body.clone()));
            *request.method_mut() = call.method.clone();
            *request.uri_mut() = uri;
            request.headers_mut().clone_from(&call.headers);
            request.headers_mut().insert(header::HOST, self.host.clone());
            let sender = self.sender.as_mut().expect("ready() leaves a sender behind");
            match sender.send_request(request).await {
                Ok(response) => return Ok(response),
                // The server closed the idle connection before a byte was sent: nothing happened, so any call may go again.
                Err(cause) if kept_alive && cause.is_canceled() => self.sender = None,
                Err(cause) => {
                    self.sender = None;
                    return Err(self.fault(&cause));
                }
            }
        }
    }

    /// Like [`Connection::send`], trying again until `until` when the server is away (only calls that may be repeated) or
    /// says 429 or 503.
    pub async fn insist(&mut self, call: &Call, until: Instant) -> Result<Answer, Error> {
        let mut pause = Duration::from_millis(20);
        loop {
            let result = self.send(call).await;
            let wait = match &result {
                Ok(answer) if matches!(answer.status.as_u16(), 429 | 503) => answer.retry_after().unwrap_or(pause),
                Err(Error::Connection { .. }) if call.repeatable => pause,
                _ => return result,
            };
            if Instant::now() + wait > until {
                return result;
            }
            sleep(wait).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// Whether the connection in place was there before.
    async fn ready(&mut self) -> Result<bool, Error> {
        if let Some(sender) = &mut self.sender
            && sender.ready().await.is_ok()
        {
            return Ok(true);
        }
        let stream = self.connect().await?;
        stream.set_nodelay(true).map_err(|cause| self.fault(&cause))?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|cause| self.fault(&cause))?;
        // Its end is noticed by the sender.
        tokio::spawn(connection);
        self.host = HeaderValue::try_from(&*self.authority).map_err(|cause| self.fault(&cause))?;
        self.sender = Some(sender);
        Ok(false)
    }

    /// Whoever refuses a connection has seen nothing of the call, so that it may go to the next.
    async fn connect(&mut self) -> Result<TcpStream, Error> {
        let mut last = None;
        for authority in self.target.authorities() {
            self.authority = authority;
            match TcpStream::connect(&*self.authority).await {
                Ok(stream) => return Ok(stream),
                Err(cause) => last = Some(self.fault(&cause)),
            }
        }
        Err(last.unwrap_or_else(|| Error::Usage("there is no address to connect to".to_owned())))
    }

    fn fault(&self, cause: &dyn std::error::Error) -> Error {
        let cause = std::iter::successors(Some(cause), |error| error.source())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        Error::Connection { authority: self.authority.to_string(), cause }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers one call per connection, the first `refusals` of them with 503, and hangs up.
    async fn serve(listener: TcpListener, refusals: usize) {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let status = if number < refusals { "503 Service Unavailable" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nhi");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_closed_connection_is_opened_again_and_a_busy_server_asked_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::parse("http://127.0.0.1:1").unwrap();
        let mut connection = Connection::new(&target);
        assert!(matches!(connection.send(&Call::get("/")).await, Err(Error::Connection { .. })));
        target.point_at(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(serve(listener, 1));
        let busy = connection.send(&Call::get("/")).await.unwrap();
        assert_eq!(busy.status, 503);
        for _ in 0..3 {
            let answer = connection.insist(&Call::get("/"), Instant::now() + Duration::from_secs(5)).await.unwrap();
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, &b"hi"[..]));
        }
    }

    #[tokio::test]
    async fn of_several_gateways_one_that_is_away_costs_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = format!("http://{}", listener.local_addr().unwrap());
        let tally = Arc::new(Tally::default());
        let target = Target::several(&["http://127.0.0.1:1".to_owned(), there], tally.clone()).unwrap();
        tokio::spawn(serve(listener, 1));
        let mut connection = Connection::new(&target);
        for status in [503, 200, 200] {
            assert_eq!(connection.send(&Call::get("/")).await.unwrap().status, status);
        }
        assert_eq!((tally.counts().requests, tally.counts().errors), (3, 1));
    }

    #[test]
    fn addresses_are_http_with_a_port_or_80() {
        assert_eq!(&*authority("http://127.0.0.1:8080/").unwrap(), "127.0.0.1:8080");
        assert_eq!(&*authority("http://shop.example").unwrap(), "shop.example:80");
        for wrong in ["https://shop.example", "shop.example:80", "", "/x"] {
            assert!(authority(wrong).is_err(), "{wrong}");
        }
    }
}
