//! A channel as a generated client sees it: tonic's client on one side, tonic's server on the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{Router, routing::post};
use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use souk_kernel::{ErrorKind, Problem};
use tokio::time::{Instant, sleep};
use tonic::{
    Request, Response, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    service::Routes,
};

use super::*;
use crate::context::{self, Context};

type Callee = fn(Arc<AtomicU32>, String) -> futures::future::BoxFuture<'static, Result<String, Status>>;

/// A message that is only a text, so that these tests need no `.proto` file.
#[derive(Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;
    fn encode(&mut self, item: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(String::from_utf8(bytes.to_vec()).unwrap()))
    }
}

struct Pair {
    directory: Directory,
    channel: Channel,
    calls: Arc<AtomicU32>,
}

impl Pair {
    fn new(policy: Policy, callee: Callee) -> Self {
        let (directory, calls) = (Directory::new(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&calls);
        let answer = post(move |request: axum::extract::Request| async move {
            let service = tower::service_fn(move |request: Request<String>| {
                counted.fetch_add(1, SeqCst);
                let work = callee(Arc::clone(&counted), request.into_inner());
                async move { work.await.map(Response::new) }
            });
            tonic::server::Grpc::new(Text).unary(service, request).await
        });
        directory.register("shop", Routes::from(Router::new().route("/test.Shop/{method}", answer)));
        let channel = directory.channel("buyer", "shop", policy);
        Self { directory, channel, calls }
    }

    async fn call(&self, method: &'static str) -> Result<String, Status> {
        self.send(method, Request::new("hello".to_owned())).await
    }

    async fn send(&self, method: &'static str, request: Request<String>) -> Result<String, Status> {
        let path = PathAndQuery::from_static(method);
        tonic::client::Grpc::new(self.channel.clone()).unary(request, path, Text).await.map(Response::into_inner)
    }

    fn calls(&self) -> u32 {
        self.calls.load(SeqCst)
    }

    fn circuit(&self) -> CircuitState {
        self.directory.circuits()[0].state
    }
}

const READ: &str = "/test.Shop/Read";
const WRITE: &str = "/test.Shop/Write";

fn policy() -> Policy {
    Policy::default().idempotent(&["Read"])
}

fn failing() -> Pair {
    Pair::new(policy(), |_, _| {
        Box::pin(async { Err(status(Problem::new(ErrorKind::Unavailable, "closed", "we are closed"))) })
    })
}

fn unreachable() -> Pair {
    Pair::new(policy(), |_, _| Box::pin(async { Err(Status::unavailable("connection refused")) }))
}

fn slow(policy: Policy) -> Pair {
    Pair::new(policy, |_, _| {
        Box::pin(async {
            sleep(Duration::from_mins(1)).await;
            Ok(String::new())
        })
    })
}

#[tokio::test]
async fn a_call_arrives_with_the_request_context() {
    let pair = Pair::new(policy(), |_, text| {
        Box::pin(async move {
            let context = context::current();
            Ok(format!("{text} {} {:?}", context.request_id, context.client_ip))
        })
    });
    let context = Context { request_id: "req_7".into(), client_ip: Some([10, 0, 0, 1].into()) };
    let answer = context::scope(context, pair.call(READ)).await;
    assert_eq!(answer.unwrap(), "hello req_7 Some(10.0.0.1)");
    assert_eq!(pair.circuit(), CircuitState::Closed);
}

#[tokio::test]
async fn a_problem_crosses_unchanged_and_does_not_open_the_circuit() {
    let pair =
        Pair::new(policy(), |_, _| Box::pin(async { Err(status(Problem::invalid("items[0].quantity", "not 0"))) }));
    for _ in 0..10 {
        let answer = pair.call(READ).await.unwrap_err();
        assert_eq!(problem(answer), Problem::invalid("items[0].quantity", "not 0"));
    }
    assert_eq!((pair.calls(), pair.circuit()), (10, CircuitState::Closed));
}

#[tokio::test]
async fn a_callee_that_is_not_there_is_unavailable_until_it_is() {
    let pair = Pair::new(policy(), |_, _| Box::pin(async { Ok("here".to_owned()) }));
    let empty = Pair { channel: Directory::new().channel("buyer", "shop", policy()), ..pair };
    for _ in 0..10 {
        assert_eq!(problem(empty.call(READ).await.unwrap_err()).code, "shop_unavailable");
    }
    let late = Pair { channel: empty.directory.channel("buyer", "shop", policy()), ..empty };
    assert_eq!(late.call(READ).await.unwrap(), "here");
}

#[tokio::test]
async fn only_idempotent_calls_are_repeated() {
    let pair = failing();
    assert_eq!(problem(pair.call(WRITE).await.unwrap_err()).code, "closed");
    assert_eq!(pair.calls(), 1);
    assert_eq!(problem(pair.call(READ).await.unwrap_err()).code, "closed");
    assert_eq!(pair.calls(), 1 + 3, "one call and two retries");
    let mut marked = Request::new(String::new());
    marked.extensions_mut().insert(Idempotent);
    assert!(pair.send(WRITE, marked).await.is_err());
    assert_eq!(pair.calls(), 1 + 3 + 3);
}

#[tokio::test]
async fn a_retry_sends_the_same_message() {
    let pair = Pair::new(policy(), |calls, text| {
        Box::pin(async move { if calls.load(SeqCst) < 3 { Err(Status::unavailable("not yet")) } else { Ok(text) } })
    });
    assert_eq!(pair.call(READ).await.unwrap(), "hello");
    assert_eq!((pair.calls(), pair.circuit()), (3, CircuitState::Closed));
}

#[tokio::test]
async fn the_circuit_opens_after_five_failed_calls_and_spares_the_callee() {
    let pair = unreachable();
    for _ in 0..5 {
        assert_eq!(pair.circuit(), CircuitState::Closed);
        assert_eq!(problem(pair.call(WRITE).await.unwrap_err()).code, "service_unavailable");
    }
    assert_eq!(pair.circuit(), CircuitState::Open);
    let refused = problem(pair.call(WRITE).await.unwrap_err());
    assert_eq!((&*refused.code, pair.calls()), ("shop_unavailable", 5));
    assert!(refused.retry_after.is_some_and(|after| after >= Duration::from_secs(1)));
}

#[tokio::test]
async fn a_callee_that_says_what_it_cannot_do_now_is_alive() {
    let pair = failing();
    for _ in 0..10 {
        assert_eq!(problem(pair.call(WRITE).await.unwrap_err()).code, "closed");
    }
    assert_eq!((pair.calls(), pair.circuit()), (10, CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline() {
    let pair = slow(policy().deadline(Duration::from_millis(20)));
    let begin = Instant::now();
    let late = pair.call(READ).await.unwrap_err();
    assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
    assert_eq!(problem(late).code, "shop_unavailable");
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert_eq!(pair.calls(), 1, "no retry");
}

#[tokio::test(start_paused = true)]
async fn a_request_may_have_a_deadline_of_its_own_and_a_budget_covers_all_calls() {
    let pair = slow(policy());
    let begin = Instant::now();
    let mut request = Request::new(String::new());
    request.set_timeout(Duration::from_millis(20));
    assert!(pair.send(READ, request).await.is_err());
    within(Duration::from_millis(20), async {
        assert!(pair.call(READ).await.is_err());
        assert!(pair.call(READ).await.is_err());
    })
    .await;
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert_eq!(pair.calls(), 2, "nothing was left for the third");
}

#[tokio::test(start_paused = true)]
async fn a_full_bulkhead_is_busy() {
    let pair = slow(policy().concurrency(1).deadline(Duration::from_mins(1)));
    let mut hurried = Request::new(String::new());
    hurried.set_timeout(Duration::from_millis(20));
    tokio::select! {
        biased;
        // It has the only place, and keeps it for longer than the second one waits.
        _ = pair.call(READ) => panic!("it takes a minute"),
        second = pair.send(READ, hurried) => assert_eq!(problem(second.unwrap_err()).code, "busy"),
    }
    assert_eq!(pair.calls(), 1);
}

#[tokio::test]
async fn a_panic_stays_with_the_callee() {
    let pair = Pair::new(policy(), |_, _| Box::pin(async { panic!("a bug") }));
    assert_eq!(problem(pair.call(READ).await.unwrap_err()), Problem::internal());
}

#[tokio::test]
async fn services_that_call_each_other_can_be_dropped() {
    let directory = Directory::new();
    let channel = directory.channel("shop", "shop", policy());
    let held = Arc::new(());
    let watch = Arc::downgrade(&held);
    let handler = post(async move || drop((channel.clone(), Arc::clone(&held))));
    directory.register("shop", Routes::from(Router::new().route("/test.Shop/{method}", handler)));
    drop(directory);
    assert!(watch.upgrade().is_none());
}
