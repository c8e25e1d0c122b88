//! Two marketplaces' worth of sockets: a directory on each side, and real connections in between.

use std::time::Duration;

use axum::{
    Router,
    routing::{get, post},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use souk_kernel::{ErrorKind, Problem};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::*;
use crate::{
    context::{self, Context},
    listen::{self, Listening},
    rpc::{BreakerPolicy, Channel, CircuitState, Directory, Entrance, Policy, problem, status},
};

/// A process that answers calls to `shop` on one address.
struct Process {
    address: String,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

fn listening() -> Listening {
    Listening {
        header_timeout: Duration::from_secs(5),
        drain_limit: Duration::from_secs(2),
        linger: Duration::ZERO,
        max_connections: 100,
        max_streams: 100,
        window: 1 << 20,
        http2: true,
        tls: None,
    }
}

/// What the played service answers: its own name and the context of the call, or a problem with a thousand details.
fn routes(name: &'static str) -> Routes {
    let hello = post(async move || {
        let context = context::current();
        let ip = context.client_ip.map(|ip| ip.to_string()).unwrap_or_default();
        // Headers only: enough for a generated client to see the outcome.
        let said = status(Problem::new(ErrorKind::Conflict, "said", format!("{name} {} {ip}", context.request_id)));
        said.into_http::<axum::body::Body>()
    });
    let long = post(async || {
        let mut problem = Problem::new(ErrorKind::Conflict, "out_of_stock", "größer als der Vorrat");
        for line in 0..1000 {
            problem = problem.detail(format!("items[{line}].quantity"), "only a few of these are left");
        }
        status(problem).into_http::<axum::body::Body>()
    });
    let slow = post(async || tokio::time::sleep(Duration::from_mins(1)).await);
    Routes::from(
        Router::new()
            .route("/souk.shop.Shop/Hello", hello)
            .route("/souk.shop.Shop/Long", long)
            .route("/souk.shop.Shop/Slow", slow),
    )
}

async fn process(name: &'static str, address: &str) -> Process {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let directory = Directory::new();
    directory.register("shop", routes(name));
    let pages = Router::new().route("/page", get(async || "a page"));
    let entrance = Entrance::new(&directory, ["shop"], pages);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listen::serve(listener, entrance, listening(), stop.clone()));
    Process { address, stop, serving }
}

impl Process {
    async fn ends(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

fn peer(addresses: &[&str]) -> Arc<Peer> {
    let addresses: Vec<Address> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Peer::new("shop", &addresses, None).unwrap()
}

fn channel(peer: Arc<Peer>, policy: Policy) -> (Directory, Channel) {
    let directory = Directory::new();
    directory.connect(peer);
    let channel = directory.channel("buyer", "shop", policy);
    (directory, channel)
}

async fn call(channel: &Channel, method: &str) -> Problem {
    let request = Request::post(format!("/souk.shop.Shop/{method}")).header("content-type", "application/grpc");
    let answer = tower::Service::call(&mut channel.clone(), request.body(Body::empty()).unwrap()).await;
    let status = match answer {
        Ok(response) => tonic::Status::from_header_map(response.headers()).expect("the answer is a status"),
        Err(status) => status,
    };
    problem(status)
}

#[tokio::test]
async fn a_call_arrives_with_its_context_and_a_problem_comes_back_whole() {
    let process = process("one", "127.0.0.1:0").await;
    let (_directory, channel) = channel(peer(&[&process.address]), Policy::default());
    let context = Context { request_id: "req_7".into(), client_ip: Some([10, 0, 0, 1].into()) };
    let said = context::scope(context, call(&channel, "Hello")).await;
    assert_eq!((&*said.code, &*said.message), ("said", "one req_7 10.0.0.1"));
    let long = call(&channel, "Long").await;
    assert_eq!((&*long.code, long.details.len(), &*long.message), ("out_of_stock", 1000, "größer als der Vorrat"));
}

#[tokio::test]
async fn the_deadline_travels_and_ends_the_call() {
    let process = process("one", "127.0.0.1:0").await;
    let (_directory, channel) =
        channel(peer(&[&process.address]), Policy::default().deadline(Duration::from_millis(50)));
    let began = std::time::Instant::now();
    assert_eq!(call(&channel, "Slow").await.code, "shop_unavailable");
    assert!(began.elapsed() < Duration::from_secs(30), "the work takes a minute");
}

#[tokio::test]
async fn a_process_that_went_away_is_unavailable_and_comes_back_without_hands() {
    let process = process("one", "127.0.0.1:0").await;
    let address = process.address.clone();
    let pause = Duration::from_millis(200);
    let breaker = BreakerPolicy { failures: 5, cool_down: pause, longest_cool_down: pause };
    let (directory, channel) = channel(peer(&[&address]), Policy { breaker, ..Policy::default() });
    assert_eq!(call(&channel, "Hello").await.code, "said");
    process.ends().await;
    for _ in 0..5 {
        let refused = call(&channel, "Hello").await;
        assert_eq!((refused.kind, &*refused.code), (ErrorKind::Unavailable, "shop_unavailable"));
    }
    assert_ne!(directory.circuits()[0].state, CircuitState::Closed);
    let _again = self::process("two", &address).await;
    let back = async {
        while !call(&channel, "Hello").await.message.starts_with("two ") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.expect("it is called again");
    assert_eq!(directory.circuits()[0].state, CircuitState::Closed);
}

#[tokio::test]
async fn work_is_shared_and_an_instance_that_is_gone_is_not_noticed() {
    let (one, two) = (process("one", "127.0.0.1:0").await, process("two", "127.0.0.1:0").await);
    let (_directory, channel) = channel(peer(&[&one.address, &two.address]), Policy::default());
    let said = async || call(&channel, "Hello").await.message.split(' ').next().unwrap().to_owned();
    let mut heard = [0, 0];
    for _ in 0..40 {
        heard[usize::from(said().await == "two")] += 1;
    }
    assert!(heard.iter().all(|&count| count > 5), "{heard:?}");
    one.ends().await;
    for _ in 0..40 {
        assert_eq!(said().await, "two");
    }
}

#[tokio::test]
async fn a_process_without_the_service_is_as_good_as_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let entrance = Entrance::new(&Directory::new(), [], Router::new());
    tokio::spawn(listen::serve(listener, entrance, listening(), CancellationToken::new()));
    let (_directory, channel) = channel(peer(&[&address]), Policy::default());
    assert_eq!(call(&channel, "Hello").await.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn what_is_no_call_is_answered_by_http() {
    let process = process("one", "127.0.0.1:0").await;
    let peer = peer(&[&process.address]);
    let answer = peer.send(Request::get("/page").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), Bytes::from("a page"));
    process.ends().await;
    let gone = peer.send(Request::get("/page").body(Body::empty()).unwrap()).await.unwrap_err();
    assert!(gone.unsent, "{gone}");
}

#[tokio::test]
async fn a_name_stands_for_all_its_addresses() {
    let process = process("one", "127.0.0.1:0").await;
    let port = process.address.rsplit_once(':').unwrap().1.to_owned();
    // `localhost` may have an address of the other family too, where nobody listens.
    let (_directory, channel) = channel(peer(&[&format!("dns:localhost:{port}")]), Policy::default());
    for _ in 0..10 {
        assert_eq!(call(&channel, "Hello").await.code, "said");
    }
}

#[tokio::test]
async fn those_that_register_join_those_listed_and_the_last_known_stay() {
    let (listed, one, two) = (
        process("listed", "127.0.0.1:0").await,
        process("one", "127.0.0.1:0").await,
        process("two", "127.0.0.1:0").await,
    );
    let address = |process: &Process| format!("http://{}", process.address).parse::<Address>().unwrap();
    let peer = Peer::new("shop", &[address(&listed), Address::etcd()], None).unwrap();
    let (_directory, channel) = channel(Arc::clone(&peer), Policy::default());
    let heard = async || {
        let mut heard = std::collections::BTreeSet::new();
        for _ in 0..40 {
            heard.insert(call(&channel, "Hello").await.message.split(' ').next().unwrap().to_owned());
        }
        heard.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(heard().await, ["listed"]);
    // One that is listed too is the same, and one that has TLS can't be called from here.
    let foreign = "https://127.0.0.1:9".parse().unwrap();
    peer.set_registered(&[address(&one), address(&two), address(&listed), foreign]);
    assert_eq!((heard().await.join(" "), peer.instances().len()), ("listed one two".to_owned(), 3));
    peer.set_registered(&[address(&two)]);
    assert_eq!(heard().await, ["listed", "two"]);
    peer.set_registered(&[]);
    assert_eq!(heard().await, ["listed", "two"]);
}
