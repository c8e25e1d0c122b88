//! A client that goes away takes its request along.

use tokio::sync::mpsc;

use super::*;

/// Says when it begins and when it is dropped.
struct Work(mpsc::UnboundedSender<&'static str>);

impl Drop for Work {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn a_request_whose_client_hangs_up_is_cancelled() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let endless = get(move || {
        let work = Work(tell.clone());
        let _ = tell.send("begun");
        async move {
            std::future::pending::<()>().await;
            drop(work);
        }
    });
    let stop = CancellationToken::new();
    let (listener, address) = bind().await;
    let shop = router(Edge {
        services: vec![Service { routes: OpenApiRouter::new().route("/endless", endless), ..played() }],
        ..edge(Config::default())
    });
    let server = tokio::spawn(serve(listener, shop, Config::default(), None, stop.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /api/v1/endless HTTP/1.1\r\nhost: souk\r\n\r\n").await.unwrap();
    assert_eq!(told.recv().await, Some("begun"));
    drop(client);
    let end = tokio::time::timeout(Duration::from_secs(10), told.recv()).await;
    assert_eq!(end.expect("long before the time limit of a request"), Some("dropped"));
    stop.cancel();
    server.await.unwrap();
}
