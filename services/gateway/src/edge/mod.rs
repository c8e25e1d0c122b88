//! What every request passes: one hand-written middleware instead of a stack of them, because each layer costs every
//! request an allocation and a few virtual calls.
//!
//! In: request id, limits on sizes, rates and concurrency, who is who. Around: a time limit and a net for panics. Out:
//! the envelope for bare errors, headers, a log line, metrics.

mod class;
mod headers;
mod limits;
mod meters;
mod rate;
mod shed;

use std::{
    any::Any,
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::Either};
use http::{Method, StatusCode, Uri};
use souk_kernel::{Clock, ErrorKind, Problem};
use souk_platform::{
    config::Network,
    context::{self, Context},
    http::{ErrorCode, Failure, dress, panicked},
    redis::Redis,
    security::Authority,
};
use tower::{Layer, Service};
use tower_http::{
    CompressionLevel,
    compression::{Compression, CompressionLayer, DefaultPredicate, Predicate, predicate::And, predicate::SizeAbove},
};
use tracing::Instrument;

use self::{class::Class, limits::Limits, meters::Meters, rate::Rates, shed::Shedder};
use crate::{
    Entry,
    client_ip::client_ip,
    config::{AccessLog, Config},
};

/// Answers below this are not worth compressing, in bytes.
const WORTH_COMPRESSING: u64 = 1024;

type Worthwhile = And<SizeAbove, DefaultPredicate>;

/// Puts the edge around every route.
#[derive(Clone)]
pub(crate) struct EdgeLayer {
    shared: Arc<Shared>,
}

struct Shared {
    authority: Authority,
    limits: Limits,
    rates: Option<Rates>,
    shedder: Shedder,
    meters: Meters,
    proxies: Vec<Network>,
    access_log: AccessLog,
    secure: bool,
}

/// One route with the edge around it.
#[derive(Clone)]
pub(crate) struct EdgeService<S> {
    shared: Arc<Shared>,
    plain: S,
    /// The same, for clients that ask for gzip; the others don't pay for the question.
    compressed: Compression<S, Worthwhile>,
}

impl EdgeLayer {
    pub(crate) fn new(config: &Config, entry: Entry, authority: Authority, redis: Option<Redis>, clock: Clock) -> Self {
        let public = entry == Entry::Public;
        let shared = Shared {
            authority,
            limits: Limits::new(config),
            rates: (public && config.rate_limit.enabled).then(|| Rates::new(&config.rate_limit, redis, clock)),
            shedder: Shedder::new(config.max_concurrency),
            meters: Meters::new(),
            proxies: if public { config.trusted_proxies.clone() } else { Network::ALL.to_vec() },
            access_log: config.access_log,
            secure: config.strict_transport_security,
        };
        Self { shared: Arc::new(shared) }
    }
}

impl<S: Clone> Layer<S> for EdgeLayer {
    type Service = EdgeService<S>;

    fn layer(&self, plain: S) -> EdgeService<S> {
        let worthwhile = SizeAbove::new(WORTH_COMPRESSING).and(DefaultPredicate::new());
        let compression = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile);
        EdgeService { shared: self.shared.clone(), compressed: compression.layer(plain.clone()), plain }
    }
}

impl<S> Service<Request> for EdgeService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.plain.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let shared = self.shared.clone();
        let client = client_ip(request.extensions(), request.headers(), &shared.proxies);
        let context = Context::of_request(request.headers(), client);
        let visit = Visit {
            began: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
        };
        let admitted = shared.admit(&request, &visit, client).map(|pass| {
            request.extensions_mut().insert(shared.authority.clone());
            let work = if headers::accepts_gzip(request.headers()) {
                let compressed = self.compressed.call(request);
                Either::Left(async move { compressed.await.map(|response| response.map(Body::new)) })
            } else {
                Either::Right(self.plain.call(request))
            };
            (pass, work)
        });
        let span = tracing::error_span!("request", request_id = &*context.request_id);
        let work = async move {
            let response = match admitted {
                Ok((pass, work)) => match shared.admit_together(&visit, client).await {
                    Ok(()) => pass.through(work).await,
                    Err(problem) => Failure(problem).into_response(),
                },
                Err(Refusal::Bare(status)) => status.into_response(),
                Err(Refusal::Problem(problem)) => Failure(problem).into_response(),
            };
            Ok(shared.send_off(response, &visit).await)
        };
        Box::pin(context::scope(context, work.instrument(span)))
    }
}

/// What is remembered of a request for its log line.
struct Visit {
    began: Instant,
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
}

/// Why a request does not reach its handler.
enum Refusal {
    /// A status for which the platform has the words.
    Bare(StatusCode),
    Problem(Problem),
}

/// A place among the requests that are being worked on.
struct Pass {
    _place: shed::Place,
    time_limit: Duration,
}

impl Pass {
    /// Runs the handler until its answer begins. Streams go on without the pass.
    async fn through(self, work: impl Future<Output = Result<Response, Infallible>>) -> Response {
        match tokio::time::timeout(self.time_limit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(panic)) => panicked(panic as Box<dyn Any + Send>),
            Err(_) => {
                tracing::error!(seconds = self.time_limit.as_secs(), "a request took too long and was given up");
                let problem = Problem::new(ErrorKind::Unavailable, "timed_out", "this took too long; try again");
                Failure(problem).into_response()
            }
        }
    }
}

impl Shared {
    fn admit(&self, request: &Request, visit: &Visit, client: Option<std::net::IpAddr>) -> Result<Pass, Refusal> {
        let class = Class::of(&visit.method, visit.uri.path());
        let time_limit = self.limits.check(request)?;
        if let (Some(rates), Some(client)) = (&self.rates, client) {
            rates.admit(class, client).map_err(Refusal::Problem)?;
        }
        let place = self.shedder.enter(class).map_err(Refusal::Problem)?;
        Ok(Pass { _place: place, time_limit })
    }

    /// What gateways have to ask each other before a request is let in.
    async fn admit_together(&self, visit: &Visit, client: Option<std::net::IpAddr>) -> Result<(), Problem> {
        match (&self.rates, client) {
            (Some(rates), Some(client)) => {
                rates.admit_together(Class::of(&visit.method, visit.uri.path()), client).await
            }
            _ => Ok(()),
        }
    }

    async fn send_off(&self, response: Response, visit: &Visit) -> Response {
        let status = response.status();
        let failed = status.is_client_error() || status.is_server_error();
        let mut response = if failed { dress(response).await } else { response };
        headers::finish(&mut response, self.secure);
        let took = visit.began.elapsed();
        let route = visit.route.as_ref().map_or("none", MatchedPath::as_str);
        self.meters.count(route, &visit.method, status, took);
        if self.access_log == AccessLog::All || (self.access_log == AccessLog::Errors && failed) {
            let code = response.extensions().get::<ErrorCode>().map(|ErrorCode(code)| &**code);
            // The query stays out: it may hold an order's token.
            tracing::info!(
                target: "souk_gateway::access",
                method = visit.method.as_str(),
                path = visit.uri.path(),
                route,
                status = status.as_u16(),
                code,
                micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                "request"
            );
        }
        response
    }
}
