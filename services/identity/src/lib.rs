//! Who people and sellers are: accounts, credentials, sessions, roles, sellers and their teams.
//!
//! See `README.md` of this folder for what the service owns, offers and promises.

mod app;
mod config;
mod consumers;
mod domain;
mod error;
mod http;
mod operations;
mod passwords;
mod rpc;
mod store;
mod throttle;
mod tokens;
pub mod verify;

use std::{path::PathBuf, sync::Arc, time::Duration};

use garde::Validate;
use souk_contracts::{cart::cart_client::CartClient, identity::identity_server::IdentityServer};
use souk_kernel::{Problem, SellerId, UserId};
use souk_platform::{
    db::Database,
    invalidations::Invalidations,
    rpc::Channel,
    security::{EndedSessions, Role},
    service::{Interface, Job, Service},
};

use app::{App, AppState};
pub use config::{Argon2Config, Config, SellersConfig};
use domain::{MAX_PASSWORD, Roles};
use error::Error;
use passwords::Passwords;
pub use store::Migrator;
use throttle::Throttle;
use tokens::Signer;

/// What identity needs.
pub struct Deps {
    /// The section `identity`.
    pub config: Config,
    /// The section `sellers`.
    pub sellers: SellersConfig,
    /// Its own database.
    pub db: Database,
    /// To merge a guest's cart at login.
    pub cart: CartClient<Channel>,
    /// The file with the Ed25519 key that signs access tokens; made if missing.
    pub signing_key: PathBuf,
    /// Whether wrong passwords slow down who sends them.
    pub throttle: bool,
    /// What its instances tell each other.
    pub invalidations: Invalidations,
    /// The list by which this process refuses tokens.
    pub ended: EndedSessions,
}

/// Its name among the services.
pub const NAME: &str = "identity";
const TITLE: &str = "Identity Service";

/// What it shows by HTTP, for a gateway in another process.
pub fn interface() -> Interface {
    Interface {
        name: NAME,
        title: TITLE,
        routes: http::table().into_openapi(),
        root_routes: http::root_table().into_openapi(),
    }
}

/// Puts the service together.
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    let Deps { config, sellers, db, cart, signing_key, throttle, invalidations, ended } = deps;
    let signer = tokio::task::spawn_blocking(move || Signer::open(&signing_key)).await;
    let signer = signer.map_err(|error| unusable(&error))?.map_err(|error| unusable(&error))?;
    let passwords = Passwords::new(&config.argon2)?;
    let throttle = Throttle::new(throttle, db.clock().clone(), invalidations);
    let app: AppState = Arc::new(App { config, sellers, db: db.clone(), cart, passwords, signer, throttle, ended });
    Ok(Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(app.clone()),
        root_routes: http::root_routes(app.clone()),
        consumers: consumers::consumers(&app),
        rpc: Some(tonic::service::Routes::new(IdentityServer::new(rpc::Calls(app)))),
        jobs: vec![purge_job(db.clone())],
        db: Some(db),
    })
}

fn unusable(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "identity can't sign tokens");
    Problem::internal()
}

fn purge_job(db: Database) -> Job {
    Job::new("identity.purge", Duration::from_hours(1), move || {
        let db = db.clone();
        async move {
            match operations::purge(&db).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "old sessions and reset tokens were forgotten"),
                Err(error) => tracing::error!(%error, "old sessions could not be forgotten"),
            }
        }
    })
}

/// An account that the operator makes by hand.
#[derive(Validate)]
pub struct NewUser {
    #[garde(custom(domain::email))]
    pub email: String,
    #[garde(length(chars, min = 10, max = MAX_PASSWORD))]
    pub password: String,
    #[garde(custom(domain::name))]
    pub name: String,
    /// `buyer` goes without saying; `seller` follows from [`create_seller`].
    #[garde(skip)]
    pub roles: Vec<Role>,
}

/// Makes an account, whether or not a server runs. 422 when a field is not acceptable, 409 `email_taken`.
pub async fn create_user(db: &Database, config: &Config, new: NewUser) -> Result<UserId, Problem> {
    new.validate().map_err(|report| unacceptable(&report))?;
    let passwords = Passwords::new(&config.argon2)?;
    let NewUser { email, password, name, roles } = new;
    let account = operations::NewAccount { email, password, name, locale: None, roles: Roles::granted(&roles) };
    Ok(operations::create_account(db, &passwords, account).await?.id)
}

/// A seller that the operator makes by hand.
#[derive(Validate)]
pub struct NewSeller {
    #[garde(custom(domain::slug))]
    pub slug: String,
    #[garde(custom(domain::name))]
    pub name: String,
    /// Who owns it; nobody for imports.
    #[garde(skip)]
    pub owner: Option<UserId>,
}

/// The seller with this slug, made and approved if missing, whether or not a server runs.
pub async fn create_seller(db: &Database, new: NewSeller) -> Result<SellerId, Problem> {
    new.validate().map_err(|report| unacceptable(&report))?;
    let seller: Result<_, Error> = operations::ensure_seller(db, new.slug, new.name, new.owner).await;
    Ok(seller?.id)
}

fn unacceptable(report: &garde::Report) -> Problem {
    let problem = Problem::new(souk_kernel::ErrorKind::Invalid, "invalid", "some fields are not acceptable");
    report.iter().fold(problem, |problem, (path, error)| problem.detail(path.to_string(), error.message()))
}
