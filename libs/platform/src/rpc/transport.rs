//! The way to a callee.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use http::{Request, Response};
use souk_kernel::Problem;
use tokio::time::Instant;
use tonic::{Status, body::Body, service::Routes};
use tower::Service;

use super::{deadline, peer::Peer, status, trace};
use crate::context;

/// Where a call goes once everything around it has agreed.
#[derive(Clone)]
pub(super) enum Transport {
    /// The callee lives in this process: its tower service is called directly.
    Local(Routes),
    /// It lives in others.
    Remote(Arc<Peer>),
}

/// How a call can fail before the callee says anything.
pub(super) enum Fault {
    /// The callee's own, or on the way to its routes.
    Status(Status),
    /// No process answered.
    Unreachable,
}

impl Transport {
    pub(super) async fn call(self, request: Request<Body>) -> Result<Response<Body>, Fault> {
        match self {
            Self::Local(routes) => serve(routes, request).await.map_err(Fault::Status),
            Self::Remote(peer) => match peer.send(request).await {
                Ok(answer) => Ok(answer.map(Body::new)),
                Err(error) => {
                    tracing::debug!(%error, "a call did not arrive");
                    Err(Fault::Unreachable)
                }
            },
        }
    }
}

/// The callee's side: what came as metadata becomes the context of its work, and a panic stays its own.
pub(super) async fn serve(mut routes: Routes, request: Request<Body>) -> Result<Response<Body>, Status> {
    let context = trace::extract(request.headers());
    let timeout = deadline::requested(request.headers());
    let work = context::scope(context, async move { routes.call(request).await });
    let guarded = AssertUnwindSafe(work).catch_unwind();
    let answer = match timeout {
        Some(timeout) => deadline::scope(Instant::now() + timeout, guarded).await,
        None => guarded.await,
    };
    match answer {
        Ok(Ok(response)) => Ok(response),
        Err(panic) => {
            tracing::error!(cause = panic_message(&*panic), "a call panicked");
            Err(status(Problem::internal()))
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
