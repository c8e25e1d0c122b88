//! What a service hands to the composition root.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tonic::service::Routes;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{db::Database, events::Consumers};

/// A service, ready to be mounted.
pub struct Service {
    /// Its short name, for example `catalog`; also its name for calls and in events.
    pub name: &'static str,
    /// Its name for people, for example `Catalog Service`.
    pub title: &'static str,
    /// Routes below `/api/v1`, state applied.
    pub routes: OpenApiRouter,
    /// Routes at the root (`/sandbox/…`, `/images/…`), state applied.
    pub root_routes: OpenApiRouter,
    /// The calls that it answers.
    pub rpc: Option<Routes>,
    /// The events that it consumes.
    pub consumers: Consumers,
    /// What it does now and then.
    pub jobs: Vec<Job>,
    /// Its database.
    pub db: Option<Database>,
}

/// What a service shows by HTTP, known without running it.
#[derive(Clone)]
pub struct Interface {
    /// Its short name.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The document of its routes below `/api/v1`.
    pub routes: OpenApi,
    /// The document of its routes at the root.
    pub root_routes: OpenApi,
}

impl Interface {
    /// For services without routes at the root.
    pub fn nothing() -> OpenApi {
        OpenApiRouter::<()>::new().into_openapi()
    }
}

/// Something that a service does now and then; runs once at start and then at its interval, never twice at once.
#[derive(Clone)]
pub struct Job {
    /// For logs and metrics.
    pub name: &'static str,
    /// The pause between two runs.
    pub every: Duration,
    /// One run. Errors are logged by the job itself.
    pub run: Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Job {
    /// A job from an async function.
    pub fn new<F, Fut>(name: &'static str, every: Duration, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self { name, every, run: Arc::new(move || Box::pin(run())) }
    }
}
