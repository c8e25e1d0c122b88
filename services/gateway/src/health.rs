//! `/health`, `/health/live`, `/health/ready`: answered bare, as whoever watches over processes expects it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State, response::IntoResponse};
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use serde::Serialize;
use souk_platform::service::Service;
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// However often somebody asks, the dependencies are asked once in this time.
const FRESH: Duration = Duration::from_secs(1);
/// A dependency that does not answer in this time is down.
const PATIENCE: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Something that the process depends on.
#[derive(Clone)]
pub struct Probe {
    name: String,
    critical: bool,
    check: Check,
}

impl Probe {
    /// Something without which nothing works: when it is down, the process is not ready.
    pub fn critical<F, Fut, E>(name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        Self { critical: true, ..Self::helpful(name, check) }
    }

    /// Something without which less works.
    pub fn helpful<F, Fut, E>(name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let check: Check = Arc::new(move || {
            let check = check();
            Box::pin(async move { check.await.map_err(|error| error.to_string()) })
        });
        Self { name: name.into(), critical: false, check }
    }
}

pub(crate) struct Health {
    name: &'static str,
    probes: Vec<Probe>,
    began: Instant,
    stop: CancellationToken,
    known: Mutex<Option<(Instant, BTreeMap<String, Dependency>)>>,
}

/// What `/health` answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthReport {
    /// `OK`, `DEGRADED` (something helpful is down), `DOWN` (something critical is), `STOPPING`.
    status: &'static str,
    /// The service's name; `Souk` for several in one process.
    service: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    /// What it depends on. Causes stand in the log.
    dependencies: BTreeMap<String, Dependency>,
}

/// What `/health/live` answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alive {
    status: &'static str,
    service: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct Dependency {
    /// `OK` or `DOWN`.
    status: &'static str,
    /// Whether nothing works without it.
    critical: bool,
}

impl Health {
    pub(crate) fn new(services: &[Service], mut probes: Vec<Probe>, stop: CancellationToken) -> Arc<Self> {
        for service in services {
            if let Some(db) = service.db.clone() {
                if db.has_replicas() {
                    let db = db.clone();
                    let ping = move || std::future::ready(db.ping_replicas());
                    probes.push(Probe::helpful(format!("{} replicas", service.name), ping));
                }
                let ping = move || {
                    let db = db.clone();
                    async move { db.reader().ping().await }
                };
                probes.push(Probe::critical(format!("{} database", service.name), ping));
            }
        }
        let name = if let [only] = services { only.title } else { "Souk" };
        Arc::new(Self { name, probes, began: Instant::now(), stop, known: Mutex::default() })
    }

    async fn report(&self) -> HealthReport {
        let dependencies = self.dependencies().await;
        let down = |critical| {
            dependencies.values().any(|dependency| dependency.critical == critical && dependency.status == "DOWN")
        };
        let status = match (down(true), down(false)) {
            (true, _) => "DOWN",
            (false, true) => "DEGRADED",
            (false, false) => "OK",
        };
        HealthReport {
            status: if self.stop.is_cancelled() { "STOPPING" } else { status },
            service: self.name,
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: self.began.elapsed().as_secs(),
            dependencies,
        }
    }

    async fn dependencies(&self) -> BTreeMap<String, Dependency> {
        let mut known = self.known.lock().await;
        if let Some((asked, dependencies)) = &*known
            && asked.elapsed() < FRESH
        {
            return dependencies.clone();
        }
        let answers = join_all(self.probes.iter().map(Probe::ask)).await;
        let dependencies = BTreeMap::from_iter(answers);
        *known = Some((Instant::now(), dependencies.clone()));
        dependencies
    }
}

impl Probe {
    async fn ask(&self) -> (String, Dependency) {
        let result = timeout(PATIENCE, (self.check)()).await.unwrap_or_else(|_| Err("no answer".to_owned()));
        if let Err(error) = &result {
            tracing::warn!(dependency = self.name, %error, "a dependency is down");
        }
        let status = if result.is_ok() { "OK" } else { "DOWN" };
        (self.name.clone(), Dependency { status, critical: self.critical })
    }
}

pub(crate) fn routes(health: Arc<Health>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(full)).routes(routes!(live)).routes(routes!(ready)).with_state(health)
}

/// How the process and what it depends on are
#[utoipa::path(
    get, path = "/health", tag = "gateway",
    responses((status = 200, body = HealthReport), (status = 503, body = HealthReport))
)]
async fn full(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let report = health.report().await;
    let status = if report.status == "DOWN" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(report))
}

/// Whether the process runs; if not, it should be started again
#[utoipa::path(get, path = "/health/live", tag = "gateway", responses((status = 200, body = Alive)))]
async fn live(State(health): State<Arc<Health>>) -> impl IntoResponse {
    Json(Alive { status: "OK", service: health.name })
}

/// Whether requests may be sent to the process
#[utoipa::path(
    get, path = "/health/ready", tag = "gateway",
    responses((status = 200, body = HealthReport), (status = 503, body = HealthReport))
)]
async fn ready(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let report = health.report().await;
    let ready = matches!(report.status, "OK" | "DEGRADED");
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(report))
}
