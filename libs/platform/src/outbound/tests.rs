//! Against servers that misbehave.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1_000, redirects: 2 };

/// Answers every connection with what `answer` makes of the request, then closes it.
async fn server(answer: impl Fn(&str) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or_default();
            let text = answer(&String::from_utf8_lossy(&request[..read]));
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

fn local() -> Outbound {
    Outbound::new(vec!["127.0.0.0/8".parse().unwrap()])
}

async fn get(outbound: &Outbound, url: &str) -> Result<Answer, OutboundError> {
    outbound.get(&url.parse().unwrap(), &HeaderMap::new(), LIMITS).await
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\netag: \"1\"\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn it_asks_and_gives_the_answer() {
    let address = server(|request| ok(&request.lines().next().unwrap_or_default().to_lowercase())).await;
    let answer = get(&local(), &format!("http://{address}/feed.csv?x=1")).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"get /feed.csv?x=1 http/1.1"[..]));
    assert_eq!(answer.header(&http::header::ETAG), Some("\"1\""));
    let target = format!("http://{address}/hook").parse().unwrap();
    let answer = local().post(&target, &HeaderMap::new(), "{}".into(), LIMITS).await.unwrap();
    assert_eq!(&answer.body[..], b"post /hook http/1.1");
}

#[tokio::test]
async fn names_and_numbers_of_this_machine_are_refused_unless_allowed() {
    let address = server(|_| ok("secret")).await;
    let port = address.port();
    for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"] {
        let result = get(&Outbound::new(Vec::new()), &format!("http://{host}:{port}/")).await;
        assert!(matches!(result, Err(OutboundError::Forbidden)), "{host}: {result:?}");
    }
    assert!(get(&local(), &format!("http://localhost:{port}/")).await.is_ok());
}

#[tokio::test]
async fn a_redirect_is_followed_only_where_requests_may_go() {
    let end = server(|request| ok(if request.contains("authorization") { "told" } else { "not told" })).await;
    let start = server(move |request| {
        let location = match request.split(' ').nth(1).unwrap_or_default() {
            "/away" => format!("http://{end}/"),
            "/inside" => "http://10.0.0.1/".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            _ => "/round".to_owned(),
        };
        format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
    })
    .await;
    let from = async |path: &str| get(&local(), &format!("http://cleo:secret@{start}{path}")).await;
    assert_eq!(&from("/away").await.unwrap().body[..], b"not told");
    assert!(matches!(from("/inside").await, Err(OutboundError::Forbidden)));
    assert!(matches!(from("/file").await, Err(OutboundError::BadRedirect)));
    assert!(matches!(from("/round").await, Err(OutboundError::TooManyRedirects)));
    let target = format!("http://{start}/away").parse().unwrap();
    let posted = local().post(&target, &HeaderMap::new(), Bytes::new(), LIMITS).await.unwrap();
    assert_eq!(posted.status, StatusCode::FOUND, "what is sent stays where it was sent");
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let large = server(|_| ok(&"x".repeat(1_001))).await;
    assert!(matches!(get(&local(), &format!("http://{large}/")).await, Err(OutboundError::TooLarge(1_000))));
    // Without a length, the end is where the connection ends.
    let endless = server(|_| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_001))).await;
    assert!(matches!(get(&local(), &format!("http://{endless}/")).await, Err(OutboundError::TooLarge(1_000))));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
    let limits = Limits { time: Duration::from_millis(50), ..LIMITS };
    let result = local().get(&target, &HeaderMap::new(), limits).await;
    assert!(matches!(result, Err(OutboundError::TooSlow(_))), "{result:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let broken = server(|_| "220 mail.example ESMTP\r\n".to_owned()).await;
    assert!(matches!(get(&local(), &format!("http://{broken}/")).await, Err(OutboundError::Protocol(_))));
    assert!(matches!(get(&local(), &format!("https://{broken}/")).await, Err(OutboundError::Tls(_))));
    let cut = server(|_| "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_owned()).await;
    assert!(matches!(get(&local(), &format!("http://{cut}/")).await, Err(OutboundError::Protocol(_))));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    assert!(matches!(get(&local(), &format!("http://{address}/")).await, Err(OutboundError::Unreachable(_))));
    assert!(matches!(get(&local(), "http://no-such-host.invalid/").await, Err(OutboundError::Unknown)));
}
