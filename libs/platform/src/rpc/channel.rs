//! The caller's end of a call: every part around it, in order.

use std::{
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use souk_kernel::{ErrorKind, Problem};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Code, Status, body::Body};
use tower::Service;
use tracing::Instrument;

use super::{
    breaker::{Breaker, CircuitState},
    bulkhead::Bulkhead,
    deadline,
    directory::{Circuit, Slot},
    metrics::{Meters, Method},
    policy::{Idempotent, Policy},
    retry::Retry,
    status::{self, fault},
    trace,
    transport::{Fault, Transport},
};
use crate::context;

/// The way from one service to another: the `T` of a generated client. Clones share limits and circuit breaker.
#[derive(Clone)]
pub struct Channel {
    link: Arc<Link>,
}

/// What belongs to one caller → callee pair.
pub(super) struct Link {
    caller: &'static str,
    callee: &'static str,
    policy: Policy,
    // Weak: the callee's routes hold channels themselves, often back to this caller.
    slot: Weak<Slot>,
    bulkhead: Bulkhead,
    breaker: Breaker,
    retry: Retry,
    meters: Meters,
}

impl Channel {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let link = Arc::clone(&self.link);
        Box::pin(async move { link.call(request).await })
    }
}

impl Link {
    pub(super) fn new(from: &'static str, to: &'static str, policy: Policy, slot: Weak<Slot>) -> Self {
        Self {
            caller: from,
            callee: to,
            slot,
            bulkhead: Bulkhead::new(policy.concurrency),
            breaker: Breaker::new(policy.breaker),
            retry: Retry::new(policy.retries),
            meters: Meters::new(from, to),
            policy,
        }
    }

    pub(super) fn circuit(&self) -> Circuit {
        Circuit { caller: self.caller, callee: self.callee, state: self.breaker.state(Instant::now()) }
    }

    async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let started = Instant::now();
        let deadline = deadline::of(request.headers(), self.policy.deadline, started);
        let method = self.meters.method(request.uri().path());
        let context = context::current();
        trace::inject(&context, request.headers_mut());
        let span = tracing::debug_span!(
            "rpc",
            caller = self.caller,
            callee = self.callee,
            method = method.name(),
            request_id = &*context.request_id
        );
        let answer = self.guarded(request, &method, deadline).instrument(span).await;
        method.record(code(&answer), started.elapsed());
        answer
    }

    /// The call behind the bulkhead and the circuit breaker.
    async fn guarded(
        &self,
        request: Request<Body>,
        method: &Method,
        deadline: Instant,
    ) -> Result<Response<Body>, Status> {
        // A callee that is not there yet has not failed: the circuit stays as it is.
        let transport = self.slot.upgrade().and_then(|slot| slot.transport()).ok_or_else(|| self.absent())?;
        let _place = self.bulkhead.enter(deadline).await.map_err(|_busy| self.busy())?;
        if deadline <= Instant::now() {
            // The budget was used up elsewhere: this callee has not failed either.
            return Err(self.too_late());
        }
        let ticket = self.breaker.admit(Instant::now()).map_err(|cool_down| self.left_alone(cool_down))?;
        let answer = self.attempts(&transport, request, method, deadline).await;
        if let Some(state) = ticket.record(!is_failure(&answer), Instant::now()) {
            self.announce(state);
        }
        answer
    }

    /// The call, and again if that is harmless and may help.
    async fn attempts(
        &self,
        transport: &Transport,
        request: Request<Body>,
        method: &Method,
        deadline: Instant,
    ) -> Result<Response<Body>, Status> {
        let idempotent =
            self.policy.idempotent.contains(&method.name()) || request.extensions().get::<Idempotent>().is_some();
        if !idempotent || !self.retry.enabled() {
            return self.attempt(transport, request, deadline).await;
        }
        let (parts, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        for retry in 0.. {
            let body = Body::new(Full::new(message.clone()));
            let answer = self.attempt(transport, Request::from_parts(parts.clone(), body), deadline).await;
            let remaining = deadline.saturating_duration_since(Instant::now());
            match self.retry.pause(retry, remaining) {
                Some(pause) if code(&answer) == Code::Unavailable => {
                    method.retried();
                    sleep(pause).await;
                }
                _ => return answer,
            }
        }
        unreachable!("the number of retries is limited")
    }

    async fn attempt(
        &self,
        transport: &Transport,
        mut request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<Body>, Status> {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return Err(self.too_late());
        }
        deadline::announce(request.headers_mut(), remaining);
        match timeout_at(deadline, transport.clone().call(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Fault::Status(status))) => Err(status),
            Ok(Err(Fault::Unreachable)) => Err(self.absent()),
            Err(_elapsed) => Err(self.too_late()),
        }
    }

    fn announce(&self, state: CircuitState) {
        let open = state == CircuitState::Open;
        self.meters.circuit().set(f64::from(u8::from(open)));
        if open {
            tracing::warn!(caller = self.caller, callee = self.callee, "circuit opened");
        } else {
            tracing::info!(caller = self.caller, callee = self.callee, "circuit closed");
        }
    }

    fn unavailable(&self) -> Problem {
        let Self { callee, .. } = self;
        let message = format!("the service {callee} does not answer; try again");
        Problem::new(ErrorKind::Unavailable, format!("{callee}_unavailable"), message)
    }

    fn absent(&self) -> Status {
        status::status(self.unavailable())
    }

    fn left_alone(&self, cool_down: Duration) -> Status {
        // Whole seconds, and never zero: it becomes a Retry-After.
        status::status(self.unavailable().retry_after(Duration::from_secs(cool_down.as_secs() + 1)))
    }

    fn too_late(&self) -> Status {
        fault(Code::DeadlineExceeded, self.unavailable())
    }

    fn busy(&self) -> Status {
        let message = format!("the service {} is busy; try again", self.callee);
        status::status(Problem::new(ErrorKind::Unavailable, "busy", message))
    }
}

/// How a call went. A message that is on its way counts as success.
fn code(answer: &Result<Response<Body>, Status>) -> Code {
    match answer {
        Ok(response) => {
            response.headers().get(Status::GRPC_STATUS).map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
        }
        Err(status) => status.code(),
    }
}

/// Whether the callee is to blame. One that says in its own words what it can't do for the moment (its payment provider
/// is down, it has too much to do) is alive: leaving it alone would take away what it can still do.
fn is_failure(answer: &Result<Response<Body>, Status>) -> bool {
    let explained = || answer.as_ref().is_ok_and(|response| response.headers().contains_key("grpc-status-details-bin"));
    match code(answer) {
        Code::Unavailable => !explained(),
        code => matches!(code, Code::DeadlineExceeded | Code::Internal | Code::Unknown),
    }
}
