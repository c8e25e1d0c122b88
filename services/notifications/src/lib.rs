//! What people are told: mails and the in-app inbox, from the events of the other services.
//!
//! See `README.md` of this folder for what the service owns, offers and promises.

mod app;
mod config;
mod consumers;
mod domain;
mod error;
mod http;
mod letters;
mod operations;
mod store;
mod teams;
mod transport;
pub mod verify;

use std::{sync::Arc, time::Duration};

use souk_contracts::identity::identity_client::IdentityClient;
use souk_kernel::Problem;
use souk_platform::{
    db::Database,
    rpc::Channel,
    service::{Interface, Job, Service},
};
use utoipa_axum::router::OpenApiRouter;

use app::{App, AppState};
pub use config::{Config, SmtpConfig, TransportKind};
use letters::Site;
pub use store::Migrator;
use teams::Teams;
use transport::Transport;

/// What notifications needs.
pub struct Deps {
    /// The section `notifications`.
    pub config: Config,
    /// Its own database.
    pub db: Database,
    /// To find the people behind a seller.
    pub identity: IdentityClient<Channel>,
    /// Where people reach the marketplace; the links in mails begin with this.
    pub public_url: String,
}

const NAME: &str = "notifications";
const TITLE: &str = "Notifications Service";

/// What it shows by HTTP, for a gateway in another process.
pub fn interface() -> Interface {
    Interface { name: NAME, title: TITLE, routes: http::table().into_openapi(), root_routes: Interface::nothing() }
}

/// Puts the service together.
#[expect(clippy::unused_async, reason = "all services are put together in the same way")]
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    let Deps { config, db, identity, public_url } = deps;
    let transport = Transport::new(&config).map_err(|error| {
        tracing::error!(%error, "mail can't be sent with this configuration");
        Problem::internal()
    })?;
    let site = Site { name: config.marketplace.clone(), url: public_url.trim_end_matches('/').to_owned() };
    let app: AppState = Arc::new(App { config, site, db: db.clone(), teams: Teams::new(identity), transport });
    Ok(Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(app.clone()),
        root_routes: OpenApiRouter::new(),
        rpc: None,
        consumers: consumers::consumers(&app),
        jobs: vec![purge_job(app)],
        db: Some(db),
    })
}

fn purge_job(app: AppState) -> Job {
    Job::new("notifications.purge", Duration::from_hours(24), move || {
        let app = app.clone();
        async move {
            match operations::purge(&app.db, app.config.retention).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "old mails and notifications were forgotten"),
                Err(error) => tracing::error!(%error, "old mails could not be forgotten"),
            }
        }
    })
}
